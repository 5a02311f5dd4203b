"""A contact sheet: one row of pictures per class, its name beside it."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

GAP = 4
PAPER, INK = "white", "#1a1a1a"


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
