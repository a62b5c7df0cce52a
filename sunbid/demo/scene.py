"""The picture of an opening room, drawn flat: wall, big screen, three hosts behind a table, plant, flag."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sunbid.demo.fonts import chinese_font

WIDTH, HEIGHT = 960, 540
WALLS = ("#DDE6F3", "#E3EAE6", "#E9E4DA", "#E0E3EE")
JACKETS = ("#2C4A87", "#22304F", "#1F6F6D", "#6A4B7B", "#7A3B46")
SKIN = ("#D9B79A", "#C99F7E", "#E3C4A8")
NAVY, SCREEN, LINE, SUN, WOOD, WOOD_DARK = "#0F1E3C", "#10306B", "#7FA6E8", "#F2A900", "#7B5A3C", "#5F452E"

Box = tuple[float, float, float, float]


def draw(target: Path, variant: int, title: str, title_latin: str) -> None:
    """Write the room's background as PNG. `title` is drawn where a Chinese font is found, else the other."""
    image = Image.new("RGB", (WIDTH, HEIGHT), WALLS[variant % len(WALLS)])
    pen = ImageDraw.Draw(image)
    _room(pen, variant)
    _screen(pen, title, title_latin)
    for place in range(3):
        _host(pen, 330 + place * 150, variant + place)
    _table(pen)
    image.save(target)


def _room(pen: ImageDraw.ImageDraw, variant: int) -> None:
    pen.rectangle((0, 0, WIDTH, 34), fill="#F4F7FB")
    for left in (150, 430, 710):
        pen.rounded_rectangle((left, 8, left + 110, 18), 5, fill="#FFFFFF")
    pen.rectangle((0, 372, WIDTH, HEIGHT), fill="#AEBFD6")
    pen.rectangle((0, 366, WIDTH, 374), fill="#95A8C4")
    for x in (130, 830):
        pen.line((x, 34, x, 366), fill="#C4D0E2", width=2)
    _emblem(pen, (36, 84, 156, 152) if variant % 2 == 0 else (804, 84, 924, 152))
    _plant(pen, 70 if variant % 2 == 0 else 890)


def _emblem(pen: ImageDraw.ImageDraw, box: Box) -> None:
    left, _top, right, bottom = box
    pen.rounded_rectangle(box, 5, fill="#1F5FBF")
    middle, base = (left + right) / 2, bottom - 18
    pen.pieslice((middle - 30, base - 30, middle + 30, base + 30), 180, 360, fill=SUN)
    pen.rectangle((left + 16, base + 3, right - 16, base + 6), fill="#FFFFFF")


def _plant(pen: ImageDraw.ImageDraw, x: float) -> None:
    for dx, dy, w, h in ((-32, -78, 30, 62), (2, -78, 30, 62), (-18, -104, 36, 88)):
        pen.ellipse((x + dx, 400 + dy, x + dx + w, 400 + dy + h), fill="#3C7D57")
    pen.polygon(((x - 26, 384), (x + 26, 384), (x + 18, 430), (x - 18, 430)), fill="#76839A")


def _screen(pen: ImageDraw.ImageDraw, title: str, title_latin: str) -> None:
    pen.rounded_rectangle((212, 50, 748, 318), 8, fill=NAVY)
    pen.rectangle((222, 60, 738, 308), fill=SCREEN)
    pen.rectangle((222, 60, 738, 104), fill="#1F5FBF")
    pen.ellipse((702, 72, 722, 92), fill=SUN)
    font = chinese_font()
    if font:
        pen.text((240, 69), title, font=ImageFont.truetype(str(font), 22), fill="#FFFFFF")
    else:
        pen.text((240, 69), title_latin, font=ImageFont.load_default(22), fill="#FFFFFF")
    for row in range(4):
        y = 214 + row * 24
        for left, right in ((244, 270), (292, 470), (530, 610), (640, 712)):
            pen.rounded_rectangle((left, y, right, y + 8), 4, fill=LINE)


def _host(pen: ImageDraw.ImageDraw, x: float, look: int) -> None:
    jacket, skin = JACKETS[look % len(JACKETS)], SKIN[look % len(SKIN)]
    pen.rounded_rectangle((x - 36, 362, x + 36, 440), 22, fill=jacket)
    pen.polygon(((x - 12, 362), (x + 12, 362), (x, 392)), fill="#FFFFFF")
    pen.ellipse((x - 24, 312, x + 24, 364), fill=skin)
    pen.pieslice((x - 26, 304, x + 26, 356), 180, 360, fill="#2A2F3D")
    pen.rounded_rectangle((x - 92, 372, x - 34, 412), 4, fill="#1B2439")
    pen.rectangle((x - 87, 377, x - 39, 407), fill="#33507F")


def _table(pen: ImageDraw.ImageDraw) -> None:
    pen.polygon(((190, 412), (770, 412), (806, 436), (154, 436)), fill="#8A6745")
    pen.rectangle((154, 436, 806, HEIGHT), fill=WOOD)
    pen.rectangle((178, 452, 782, HEIGHT), outline=WOOD_DARK, width=3)
    for left in (300, 450, 600):
        pen.polygon(((left, 416), (left + 56, 416), (left + 60, 428), (left - 4, 428)), fill="#FFFFFF")
    _emblem(pen, (428, 462, 532, 520))
