"""Pictures of the page for the documentation: `python -m explorer.ui.screenshots` writes docs/screenshots/.

Every tab, light and dark, at 1440 and 390 px; the other sections of Compare light at 1440 px; and copies
for README. The scenes are made by doing what a visitor would do: they show what a visitor would see.
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
TABS = ("Inspect", "Edit", "Codebook", "Generate", "Inside", "Compare", "Learn")
SECTIONS = ("orders", "completion", "travel", "tokenizers")  # of Compare, beside the race
README = {
    ("Inspect", "light", 1440): "inspect.png",
    ("Inside", "light", 1440): "inside.png",
    ("Compare", "light", 1440): "race.png",
}
# Resolves when there is something to look at.
UNTIL = """
const T = Tokenscope, pause = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (test) => { while (!test()) await pause(50); };
const button = (text) => [...document.querySelectorAll("button:not([role])")].find(
  (one) => one.offsetParent && !one.disabled && one.textContent.trim() === text);
const press = (text) => button(text).click();
const did = (what) => new Promise((done) => document.addEventListener(
  "ts:did", ({ detail }) => { if (detail.what === what) done(); }));
"""
TOO_LATE = "new Promise((_, no) => setTimeout(() => no(new Error('no such scene within a minute')), 60000))"
SCENES = {
    "Inspect": "T.set({ hover: { k: Math.min(4, T.state.model.grids.length - 1), i: 1, j: 2 } });",
    "Edit": """
        const scale = T.state.docs.session.scales[2], n = 4;
        T.select({ k: 2, i: 1, j: 1, cells: [n] });
        T.edit.replace(scale.near.ids[n].at(-1));
        await until(() => T.state.docs.session.edit.changed > 0);""",
    "Codebook": """
        T.select({ k: 3, i: 1, j: 1 });
        await until(() => T.state.codebook.ready && T.state.codebook.ready.sheet);""",
    "Generate": """
        const classes = [...document.querySelectorAll(".ts-classes button")];
        (classes.find((one) => one.textContent.includes("rose")) || classes[0]).click();
        await until(() => T.state.running === null && T.state.docs.run.status === "done");
        T.select({ k: 3, i: 1, j: 1 });""",
    "Inside": """
        T.inside.put({ label: "sunflower" });
        T.select({ k: 4, i: 2, j: 3 });
        await until(() => T.inside.fresh("look") && T.state.inside.look.asked[0] === 5);
        T.inside.put({ head: { layer: 4, head: null } });""",
    "Compare": """
        T.set({ compare: "race" });
        await until(() => ["example", "done"].includes(T.state.race.view?.status));
        const finished = did("race-done");
        press("Race");
        await finished;
        const lane = T.state.race.view.lanes.find(({ order }) => order === "next-scale");
        T.set({ race: { ...T.state.race, at: lane.clock.at(-1) } });""",
    "Learn": """
        T.learn.go(3);
        await until(() => document.querySelectorAll(".ts-reading-cell").length > 18);
        document.querySelectorAll(".ts-reading-cell")[18].click();""",
    "orders": "T.set({ compare: 'orders' });",
    "completion": """
        T.set({ compare: "completion" });
        await pause(300);
        const finished = did("completion-done");
        press("Complete the picture");
        await finished;""",
    "travel": """
        T.set({ compare: "travel" });
        await pause(300);
        press("Draw both pictures");
        await until(() => button("Flip both tokens"));
        const finished = did("travel-done");
        press("Flip both tokens");
        await finished;""",
    "tokenizers": """
        const finished = did("tokenizers-compared");
        T.set({ compare: "tokenizers" });
        await finished;""",
}


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
                    if copy := README.get((tab, scheme, width)):
                        yield Path(shutil.copyfile(path, folder / copy))
                if (scheme, width) == ("light", 1440):
                    for section in SECTIONS:
                        set_scene(page, section)
                        path = folder / f"compare-{section}-{scheme}-{width}.png"
                        page.screenshot(path=path)
                        yield path
                page.close()
        browser.close()


def set_scene(page, scene: str) -> None:
    """scene: a tab, or a section of Compare; what happens in it stands in SCENES."""
    page.get_by_role("tab", name=scene if scene in TABS else "Compare").click()
    drawn = "canvas:visible" if scene == "Codebook" else "h1:visible, h2:visible, .ts-cell:visible"
    page.locator(drawn).first.wait_for()
    page.evaluate(f"() => Promise.race([(async () => {{ {UNTIL} {SCENES[scene]} }})(), {TOO_LATE}])")
    page.wait_for_timeout(900)  # pictures of codes and look-ups arrive
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
