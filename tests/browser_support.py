"""What several browser tests do by hand: open a tab, upload a photo, look at the picture."""

import io

import numpy as np
from PIL import Image


def open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    page.locator(".ts-pyramid:visible .ts-cell").first.wait_for()


def final_picture(page) -> str:
    return page.locator(".ts-strip:visible .ts-step img").last.get_attribute("src")


def photo(seed: int = 0, size=(200, 150), kind: str = "PNG") -> dict:
    """A file for an upload field: soft colours that only this seed has."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return {"name": f"photo {seed}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def upload(page, file: dict) -> None:
    page.locator("input[type=file]").first.set_input_files(file)


def serious_violations(page, within: str | None = None) -> list[tuple]:
    """What axe finds serious or critical, in the page or in the parts that a selector names."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=within).response["violations"]
    return [
        (one["id"], one["help"], [node["html"][:160] for node in one["nodes"]][:4])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
