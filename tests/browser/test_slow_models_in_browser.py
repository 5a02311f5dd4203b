"""Where decoding is slow the page is there first, then tokens, then pictures; everything works meanwhile."""

import threading
import time

import pytest
from browser_support import open_tab, serious_violations

from explorer.tokenizers import Tokenizer
from explorer.ui import AppOptions, workbench
from explorer.ui.measure import serving

pytestmark = pytest.mark.browser

SESSION = "() => Tokenscope.state.docs.session"


@pytest.fixture
def gate(monkeypatch):
    """Pictures are decoded only while this is set."""
    opened, real = threading.Event(), Tokenizer._decode_wanted

    def waiting(self, maps, wanted):
        assert opened.wait(60)
        return real(self, maps, wanted)

    monkeypatch.setattr(workbench, "QUICK_PIXELS", 100)
    monkeypatch.setattr(Tokenizer, "_decode_wanted", waiting)
    yield opened
    opened.set()


@pytest.fixture
def page(browser, gate):
    with serving(AppOptions()) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(60_000)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.goto(url)
        yield page
        assert page.complaints == []
        page.close()


def test_tokens_come_before_pictures_and_previews_before_decoded_ones(page, gate):
    page.locator(".ts-cell:visible").first.wait_for()  # nothing was decoded yet
    view = page.evaluate(SESSION)
    assert all(scale["preview"] and scale["image"] for scale in view["scales"])
    assert page.evaluate("() => Tokenscope.state.docs.run ?? null") is None, "nothing is generated unasked"
    page.locator(".ts-pyramid:visible .ts-map").nth(3).locator(".ts-cell").nth(5).click()
    assert page.evaluate("() => Tokenscope.state.selection.k") == 3
    gate.set()
    page.wait_for_function("() => Tokenscope.state.docs.session.scales.every((scale) => !scale.preview)")
    done = page.evaluate(SESSION)
    assert [scale["ids"] for scale in done["scales"]] == [scale["ids"] for scale in view["scales"]]
    assert all(a["image"] != b["image"] for a, b in zip(done["scales"], view["scales"], strict=True))
    assert all(scale["psnr"] > 0 for scale in done["scales"])
    page.wait_for_function("() => Tokenscope.measures.fresh()")
    assert page.locator(".ts-developing:visible").count() == 0
    assert serious_violations(page) == []


def test_an_edit_goes_first_and_its_pictures_replace_the_old_ones(page, gate):
    page.locator(".ts-cell:visible").first.wait_for()
    page.evaluate("() => Tokenscope.link.act('replace', { scale: 2, cells: [0], code: 9 })")
    gate.set()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 1")
    page.wait_for_function("() => Tokenscope.state.docs.session.scales.every((scale) => !scale.preview)")
    edited = page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.image)")
    page.evaluate("() => Tokenscope.link.act('undo', {})")
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed === 0")
    page.wait_for_function("() => Tokenscope.state.docs.session.scales.every((scale) => !scale.preview)")
    back = page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.image)")
    assert edited[0] == back[0] and edited[-1] != back[-1]


def test_every_tab_stands_before_a_picture_was_made(page, gate):
    page.locator(".ts-cell:visible").first.wait_for()
    for name in ("Edit", "Codebook", "Generate", "Compare", "Learn", "Inspect"):
        page.get_by_role("tab", name=name, exact=True).click()
        page.wait_for_timeout(200)
    gate.set()
    open_tab(page, "Inspect")
    page.get_by_role("tab", name="Generate", exact=True).click()
    page.locator(".ts-classes button:visible").nth(1).click()
    page.wait_for_function("() => Tokenscope.state.docs.run?.status === 'done'")
    began = time.monotonic()
    page.wait_for_function("() => !Tokenscope.state.developing")
    assert time.monotonic() - began < 60
