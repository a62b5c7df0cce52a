"""Fonts to draw with: one of this machine's for Chinese, and always one for digits and Latin letters."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageFont

from messages import local

CHINESE = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/STHeiti Medium.ttc",
)
LATIN = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
    "/System/Library/Fonts/Menlo.ttc",
)


def chinese_font() -> Path | None:
    """A font with Chinese characters; None if this machine has none where they are usually kept."""
    return next((Path(path) for path in CHINESE if Path(path).exists()), None)


def clock_font(folder: Path) -> Path:
    """A font for digits: one of this machine's, else Pillow's own, written into `folder`."""
    found = next((Path(path) for path in LATIN if Path(path).exists()), None)
    if found:
        return found
    built_in = ImageFont.load_default(20)
    if not isinstance(built_in, ImageFont.FreeTypeFont):
        raise RuntimeError(local("demo.no_freetype"))
    target = folder / "clock.ttf"
    target.write_bytes(built_in.font_bytes)
    return target
