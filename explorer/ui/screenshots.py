"""Pictures of the page for the documentation: `python -m explorer.ui.screenshots` writes docs/screenshots/.

Every tab, light and dark, at 1440 and 390 px, and inspect.png for README: Inspect, light, at 1440 px.
The scenes are made by clicking: they show what a visitor would see.
"""

import argparse
import os
import shutil
from pathlib import Path

from explorer.ui.options import AppOptions

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
BROWSER_FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()
SIZES = {1440: 900, 390: 844}
TABS = ("Inspect", "Edit", "Codebook", "Generate")
PICTURE = ("Inspect", "light", 1440)  # README opens with it


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m explorer.ui.screenshots", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder (default: docs/screenshots)")
    parser.add_argument("--tokenizer", default=AppOptions.tokenizer)
    parser.add_argument("--generator", default=AppOptions.generator)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for path in take(AppOptions(tokenizer=options.tokenizer, generator=options.generator), options.out):
        print(path)
    return 0


def take(options: AppOptions, folder: Path):
    """Yields the path of each picture as it is written."""
    from playwright.sync_api import sync_playwright

    with serving(options) as url, sync_playwright() as playwright:
        browser = start_browser(playwright)
        for width, height in SIZES.items():
            for scheme in ("light", "dark"):
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                    device_scale_factor=1 if width > 600 else 2,
                )
                page.goto(url)
                page.locator(".ts-card .ts-id strong").first.wait_for()
                for tab in TABS:
                    set_scene(page, tab)
                    path = folder / f"{tab.lower()}-{scheme}-{width}.png"
                    page.screenshot(path=path)
                    yield path
                    if (tab, scheme, width) == PICTURE:
                        yield Path(shutil.copyfile(path, folder / f"{tab.lower()}.png"))
                page.close()
        browser.close()


def set_scene(page, tab: str) -> None:
    """Inspect: the pointer over a token. Edit: a replaced token. Codebook: the use of all codes, one of them
    selected. Generate: a class was clicked."""
    page.get_by_role("tab", name=tab).click()
    drawn = "canvas:visible" if tab == "Codebook" else ".ts-pyramid:visible .ts-cell"
    page.locator(drawn).first.wait_for()
    if tab == "Inspect":
        page.evaluate(
            """() => Tokenscope.set({
              hover: { k: Math.min(4, Tokenscope.state.model.grids.length - 1), i: 1, j: 2 } })"""
        )
    elif tab == "Edit":
        page.evaluate(
            """async () => {
              const scale = Tokenscope.state.docs.session.scales[2], n = 4;
              Tokenscope.select({ k: 2, i: 1, j: 1, cells: [n] });
              Tokenscope.edit.replace(scale.near.ids[n].at(-1));
            }"""
        )
        page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    elif tab == "Codebook":
        page.evaluate("() => Tokenscope.select({ k: 3, i: 1, j: 1 })")
        page.wait_for_function(
            "() => Tokenscope.state.codebook.ready && Tokenscope.state.codebook.ready.sheet"
        )
    else:
        page.locator(".ts-classes button").filter(has_text="parachute").or_(
            page.locator(".ts-classes button").first
        ).last.click()
        page.wait_for_function("() => Tokenscope.state.docs.run.status === 'done'")
    page.wait_for_timeout(600)  # pictures of codes arrive
    page.evaluate("() => scrollTo(0, 0)")


def start_browser(playwright):
    """Chromium of the system, or else Playwright's own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)


class serving:
    """The page on a free port for the length of a with block; gives its address."""

    def __init__(self, options: AppOptions):
        self.options = options

    def __enter__(self) -> str:
        os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
        from explorer import ui

        self.site = ui.open_site(self.options)
        _, url, _ = self.site.launch(prevent_thread_lock=True, quiet=True)
        return url

    def __exit__(self, *_) -> None:
        self.site.close()


if __name__ == "__main__":
    raise SystemExit(main())
