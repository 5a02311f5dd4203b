"""The photo at three stages: itself, what the model sees, what its tokens say; own ones stay at home."""

import json
import re

import pytest
from browser_support import photo, serious_violations, upload

pytestmark = pytest.mark.browser

STAGES = ".ts-stages:visible"
OWN = "() => Tokenscope.photos.of(Tokenscope.state.docs.session)"
SIZE = """async (url) => { const image = new Image(); image.src = url; await image.decode();
  return [image.naturalWidth, image.naturalHeight]; }"""
STORED = "() => Object.keys(sessionStorage).filter((key) => key.startsWith('tokenscope-photo-'))"


def stage(page, name: str):
    return page.locator(f"{STAGES} [data-value={name}]")


def opened(page, title: str) -> None:
    page.wait_for_function(
        """(title) => Tokenscope.state.docs.session.title === title && !Tokenscope.state.busy
          && Tokenscope.photos.of(Tokenscope.state.docs.session)""",
        arg=title,
    )


def test_a_sample_is_shown_sharp_beside_what_the_model_sees_and_its_tokens(open_page):
    page = open_page()
    stage(page, "photo").wait_for()
    assert page.locator(f"{STAGES} button").all_inner_texts() == [
        "the photo",
        "what the model sees\n64 × 64 px",
        "from 130 tokens",
    ]
    assert page.evaluate(SIZE, page.evaluate(OWN)["url"]) == [640, 427]
    tags = page.locator(".ts-specimen:visible > .ts-picture > .ts-tag:visible")
    assert tags.all_inner_texts() == ["the photo", "from 130 tokens"]
    sharp = page.locator(".ts-specimen:visible .ts-photo img")
    box, around = sharp.bounding_box(), page.locator(".ts-picture:visible").bounding_box()
    assert box["width"] == pytest.approx(around["width"] * 640 / 427, abs=1)  # the crop of the centre
    assert box["height"] == pytest.approx(around["height"], abs=1)
    assert box["x"] + box["width"] / 2 == pytest.approx(around["x"] + around["width"] / 2, abs=1)
    page.locator(".ts-strip:visible .ts-step").nth(2).click()
    assert tags.all_inner_texts() == ["the photo", "from 14 tokens"]


def test_stages_are_chosen_by_click_and_arrows(open_page):
    page = open_page()
    stage(page, "photo").click()
    page.keyboard.press("ArrowRight")
    seen = stage(page, "seen")
    assert seen.get_attribute("aria-checked") == "true"
    assert seen.evaluate("(button) => document.activeElement === button")
    assert not page.locator(".ts-specimen:visible .ts-photo").is_visible()
    alternative = page.locator(".ts-specimen:visible .ts-over").first.get_attribute("alt")
    assert alternative.startswith("What the model sees and decoded picture")
    page.keyboard.press("ArrowRight")
    assert stage(page, "tokens").get_attribute("aria-checked") == "true"
    assert not page.locator(
        ".ts-picture:visible input[type=range]"
    ).is_visible()  # one picture, nothing to compare
    page.keyboard.press("ArrowRight")
    assert stage(page, "photo").get_attribute("aria-checked") == "true"
    assert serious_violations(page, ".ts-stages") == []


def test_an_own_photo_is_sharp_before_any_token_and_is_kept_in_the_browser_alone(open_page):
    page = open_page()
    waiting = []
    page.route(re.compile(r"/upload(\?|$)"), lambda route: waiting.append(route))
    upload(page, photo(7, (4000, 3000), "JPEG"))
    coming = page.locator(".ts-coming:visible img")
    coming.wait_for()
    assert page.evaluate(SIZE, coming.get_attribute("src")) == [1024, 768]
    assert page.evaluate("() => Tokenscope.state.docs.session.sample") == "flower"  # no token has come
    page.wait_for_timeout(300)
    [held] = waiting
    held.continue_()
    opened(page, "photo 7.png")
    assert not page.locator(".ts-coming").is_visible()
    own = page.evaluate(OWN)
    assert own["words"] == "your photo" and own["size"] == "4000 × 3000 px"
    assert own["frame"] == pytest.approx([0.125, 0, 0.75, 1])
    assert stage(page, "photo").inner_text().split("\n") == ["your photo", "4000 × 3000 px"]
    assert "data:image/jpeg" not in page.evaluate("() => JSON.stringify({ ...localStorage })")
    assert len(page.evaluate(STORED)) == 1


def test_the_photo_moves_with_the_fit_and_comes_back_after_a_reload(open_page):
    page = open_page()
    upload(page, photo(8, (400, 200)))
    opened(page, "photo 8.png")
    page.locator(".ts-segment:visible [data-value=letterbox]").click()
    page.wait_for_function(
        "() => Tokenscope.state.docs.session.fit === 'letterbox' && !Tokenscope.state.busy"
    )
    own = page.evaluate(OWN)
    assert own["frame"] == pytest.approx([0, -0.5, 1, 2])
    page.wait_for_timeout(400)  # it is written down a moment later
    page.reload()
    page.locator(".ts-remark:visible").wait_for()
    opened(page, "photo 8.png")
    assert page.evaluate(OWN) == own
    page.wait_for_function("() => Tokenscope.measures.fresh()")  # nothing is under way any more
    page.get_by_role("button", name="Start afresh").click()
    page.wait_for_function("() => window.Tokenscope?.state.docs.session?.sample === 'flower'")
    assert page.evaluate(STORED) == []


def test_few_photos_are_stored_and_a_bad_file_shows_none(open_page):
    page = open_page()
    for seed in range(1, 7):
        upload(page, photo(seed, (60, 50)))
        opened(page, f"photo {seed}.png")
    kept = page.evaluate(STORED)
    assert len(kept) == 4
    newest = page.evaluate("(key) => sessionStorage.getItem(key)", sorted(kept)[-1])
    assert json.loads(newest)["url"] == page.evaluate(OWN)["url"]
    upload(page, {"name": "broken.png", "mimeType": "image/png", "buffer": b"this is no picture"})
    page.get_by_text("What you had is unchanged").wait_for()
    assert not page.locator(".ts-coming").is_visible()
    assert page.evaluate("() => Tokenscope.state.docs.session.title") == "photo 6.png"


def test_a_generated_picture_has_no_photo_and_no_stages(open_page):
    page = open_page(query="?tab=generate")
    page.get_by_role("button", name="Open in Inspect").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.credit === 'generated'")
    page.locator(".ts-pyramid:visible .ts-cell").first.wait_for()
    assert page.locator(".ts-stages:visible").count() == 0
    assert page.locator(".ts-specimen:visible > .ts-picture > .ts-tag:visible").all_inner_texts() == [
        "from 130 tokens"
    ]


def test_a_phone_lists_the_stages_beside_the_picture(open_page):
    page = open_page("narrow")
    stage(page, "photo").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for name in ("photo", "seen", "tokens"):
        assert stage(page, name).bounding_box()["height"] >= 36
    stage(page, "tokens").tap()
    assert stage(page, "tokens").get_attribute("aria-checked") == "true"
