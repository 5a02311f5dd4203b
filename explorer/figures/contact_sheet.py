"""Contact sheets: one row of pictures per class, or captioned pictures of one run or gallery."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

GAP = 4
PAPER, INK = "white", "#1a1a1a"
QUIET_INK, CROSS = "#585b61", "#c9cac5"
TILE = 192  # px, the least longer side of a captioned picture
MARGIN, LINE = 16, 20


def contact_sheet(rows: Sequence[Sequence[Image.Image]], names: Sequence[str], zoom: int = 2) -> Image.Image:
    """Rows of equally large pictures on white, `zoom` times as large, each row's name on its left.

    Enlarged smoothly: squares of repeated pixels would look like tokens. ValueError when a name is missing or
    the rows are uneven.
    """
    if len(rows) != len(names) or not rows or {len(row) for row in rows} != {len(rows[0])}:
        raise ValueError(
            f"{len(names)} names for {len(rows)} rows of {sorted({len(r) for r in rows})} pictures"
        )
    width, height = (side * zoom for side in rows[0][0].size)
    font = ImageFont.load_default(size=max(12, height // 8))
    labels = [name.replace("_", " ") for name in names]
    margin = 2 * GAP + max(round(font.getlength(label)) for label in labels)
    size = (margin + len(rows[0]) * (width + GAP), len(rows) * (height + GAP) - GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for r, (row, label) in enumerate(zip(rows, labels, strict=True)):
        top = r * (height + GAP)
        draw.text((margin - 2 * GAP, top + height // 2), label, fill=INK, font=font, anchor="rm")
        for c, picture in enumerate(row):
            larger = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
            sheet.paste(larger, (margin + c * (width + GAP), top))
    return sheet


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a captioned sheet. map_colours: its token map, rows of "#rrggbb" or None (not known)."""

    picture: Image.Image
    caption: Sequence[str]  # lines
    map_colours: Sequence[Sequence[str | None]] | None = None


def captioned_sheet(tiles: Sequence[Tile], title: str, columns: int | None = None) -> Image.Image:
    """Equally large pictures on white, each over its caption and, where there is one, under its token map.

    Pictures are enlarged smoothly to at least TILE pixels, token maps drawn as squares; unknown tokens are
    left white with a cross. columns: default, all in one row up to six. ValueError for no tiles or pictures
    of several sizes.
    """
    if not tiles or len({tile.picture.size for tile in tiles}) != 1:
        raise ValueError("a sheet needs at least one picture, all of one size")
    columns = min(len(tiles), columns or 6)
    zoom = max(1, -(-TILE // max(tiles[0].picture.size)))
    width, height = (side * zoom for side in tiles[0].picture.size)
    large, small = ImageFont.load_default(size=20), ImageFont.load_default(size=14)
    maps = any(tile.map_colours for tile in tiles)
    lines = max(len(tile.caption) for tile in tiles)
    row_height = height + (height + MARGIN // 2 if maps else 0) + lines * LINE + MARGIN
    step = width + MARGIN
    top = 2 * MARGIN + LINE
    shown = _shortened(title, large, max(columns * step - MARGIN, 240))
    sheet_width = max(MARGIN + columns * step, 2 * MARGIN + round(large.getlength(shown)))
    sheet = Image.new("RGB", (sheet_width, top + -(-len(tiles) // columns) * row_height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), shown, fill=INK, font=large)
    for n, tile in enumerate(tiles):
        x, y = MARGIN + n % columns * step, top + n // columns * row_height
        if maps:
            if tile.map_colours:
                _draw_map(draw, tile.map_colours, (x, y, width, height))
            y += height + MARGIN // 2
        larger = tile.picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        sheet.paste(larger, (x, y))
        for line, text in enumerate(tile.caption):
            text = _shortened(text, small, width + MARGIN // 2)
            draw.text((x, y + height + 4 + line * LINE), text, fill=QUIET_INK if line else INK, font=small)
    return sheet


def _draw_map(draw: ImageDraw.ImageDraw, colours: Sequence[Sequence[str | None]], place: tuple) -> None:
    x, y, width, height = place
    h, w = len(colours), len(colours[0])
    for i, row in enumerate(colours):
        for j, colour in enumerate(row):
            box = (
                x + j * width // w,
                y + i * height // h,
                x + (j + 1) * width // w - 1,
                y + (i + 1) * height // h - 1,
            )
            if colour is None:
                draw.rectangle(box, outline=CROSS)
                draw.line(box, fill=CROSS)
            else:
                draw.rectangle(box, fill=colour)


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while len(text) > 1 and font.getlength(f"{text}...") > width:  # the font has no ellipsis
        text = text[:-1]
    return f"{text.rstrip()}..."
