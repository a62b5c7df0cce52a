"""Published data as the tables that `sunbid collusion` and `sunbid bias` read: `python -m tests.supervision.published_tables
FOLDER OUT` writes a CSV for every market of `FOLDER/garcia2022` and one of `FOLDER/ski-jumping` (docs/detection.md)."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from benchmarks.detection import marks

COLUMNS = {
    "Tender": "tender_id", "Competitors": "bidder_id", "Bid_value": "bid_value", "Winner": "winner", "Date": "date",
    "Pre-Tender Estimate (PTE)": "control_price", "Location": "location",
}  # fmt: skip
"""Column of García Rodríguez et al. (2022) → column of contracts §5, where they mean the same."""


def write(folder: Path, out: Path) -> list[Path]:
    """Write the tables; where each stands. Raises OSError where the data is not there."""
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for source in sorted((folder / "garcia2022").glob("DB_Collusion_*_processed.csv")):
        table = pd.read_csv(source)
        if "Competitors" not in table:
            table["Competitors"] = ""
        path = out / f"{source.stem.removeprefix('DB_Collusion_').removesuffix('_processed')}.csv"
        table[[name for name in COLUMNS if name in table]].rename(columns=COLUMNS).to_csv(path, index=False)
        made.append(path)
    marks(folder).to_csv(out / "ski-jumping.csv", index=False)
    return [*made, out / "ski-jumping.csv"]


if __name__ == "__main__":
    for written in write(Path(sys.argv[1]), Path(sys.argv[2])):
        print(written)
