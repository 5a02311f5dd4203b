"""Inside: choose a token, look at heads, read the layers, measure causes, stop, keys, phone."""

import pytest
from browser_support import serious_violations

pytestmark = pytest.mark.browser

FRESH = "() => Tokenscope.inside.fresh('look')"
INSIDE = "() => { const { rows, ...look } = Tokenscope.state.inside.look; return look; }"


def open_inside(open_page, width="wide"):
    page = open_page(width)
    page.get_by_role("tab", name="Inside", exact=True).click()
    page.wait_for_function(FRESH)
    return page


def test_a_chosen_token_is_looked_into_and_a_head_lights_the_picture(open_page):
    page = open_inside(open_page)
    heads = page.locator(".ts-head-map:visible")
    look = page.evaluate(INSIDE)
    assert heads.count() == look["layers"] * (look["heads"] + 1)
    page.locator(".ts-part .ts-pyramid:visible .ts-map").nth(4).locator(".ts-cell").nth(14).click()
    page.wait_for_function(
        "() => Tokenscope.inside.fresh('look') && Tokenscope.state.inside.look.asked[0] === 5"
    )
    assert page.evaluate(INSIDE)["asked"] == [5, 2, 2]
    heads.nth(1).click()
    assert heads.nth(1).get_attribute("aria-pressed") == "true"
    assert page.get_by_role("heading", name="Layer 1, head 2").is_visible()
    lit = page.evaluate(
        "() => { const [canvas] = [...document.querySelectorAll('.ts-inside-light')]; "
        "return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
        ".filter((_, n) => n % 4 === 3); }"
    )
    assert min(lit) == 0 and max(lit) > 100, "the brightest place is clear, others are dark"
    page.get_by_role("radio", name="Class").filter(visible=True).click()
    classes = page.evaluate("() => Tokenscope.state.inside.look.facts.flat().map((facts) => facts.class)")
    first = heads.first.get_attribute("aria-label")
    assert first.endswith("on the class") and heads.count() == len(classes)
    assert serious_violations(page) == []


def test_keys_move_to_other_tokens_and_heads(open_page):
    page = open_inside(open_page)
    page.locator(".ts-pyramid:visible .ts-cell[tabindex='0']").first.focus()
    before = page.evaluate("() => Tokenscope.inside.place()")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    page.wait_for_function(FRESH)
    after = page.evaluate("() => Tokenscope.inside.place()")
    assert after["scale"] == before["scale"] + 1
    head = page.locator(".ts-head-map:visible").first
    head.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => Tokenscope.state.inside.head") == {"layer": 1, "head": 0}


def test_the_layers_are_read_and_drawn(open_page):
    page = open_inside(open_page)
    page.get_by_role("radio", name="Layers").filter(visible=True).click()
    page.wait_for_function(
        "() => { const { lens } = Tokenscope.state.inside; return lens && lens.images.length >= lens.layers }"
    )
    lens = page.evaluate("() => Tokenscope.state.inside.lens")
    assert page.locator(".ts-lens:visible img").count() == lens["layers"] * lens["scales"]
    assert "half of the codes" in page.locator(".ts-inside-said:visible").inner_text()
    page.wait_for_function("() => location.search.includes('inside=layers')")
    page.locator("select[aria-label='Class that the generator is told']").select_option("tulip")
    page.wait_for_function("() => Tokenscope.inside.fresh('look')")
    page.get_by_text("Out of date: the tokens or the class have changed since.").wait_for()
    assert serious_violations(page) == []


def test_causes_are_measured_and_can_be_stopped(open_page):
    page = open_inside(open_page)
    page.evaluate("() => Tokenscope.select({ k: 5, i: 3, j: 3 })")
    page.wait_for_function(FRESH)
    page.get_by_role("radio", name="Causes").filter(visible=True).click()
    page.get_by_role("button", name="Measure the causes").click()
    page.get_by_role("button", name="Stop").filter(visible=True).click()
    page.get_by_role("button", name="Measure").filter(visible=True).wait_for()
    page.evaluate("() => Tokenscope.select({ k: 2, i: 1, j: 1 })")
    page.wait_for_function(FRESH)
    page.get_by_role("button", name="Measure").filter(visible=True).click()
    page.wait_for_function("() => Tokenscope.inside.fresh('effects') && !Tokenscope.inside.busy('effects')")
    said = page.locator(".ts-inside-said:visible").inner_text()
    assert "What moves this prediction most is the token of scale" in said
    assert (
        page.evaluate(
            "() => Tokenscope.state.inside.effects.bits.flat().filter((bit) => bit !== null).length"
        )
        == 5
    )
    strongest = page.evaluate("() => Tokenscope.state.inside.effects.strongest[0]")
    page.locator(".ts-inside-list:visible button").first.click()
    assert page.evaluate("() => Tokenscope.inside.place()") == {
        name: strongest[name] for name in ("scale", "row", "column")
    }
    page.evaluate("() => Tokenscope.select({ k: 4, i: 1, j: 1 })")
    page.get_by_text("Out of date: another token").wait_for()
    page.evaluate("() => Tokenscope.select({ k: 0, i: 0, j: 0 })")
    page.get_by_text("No token comes before scale 1").wait_for()
    assert page.get_by_role("button", name="Measure").filter(visible=True).is_disabled()


def test_a_phone_shows_all_of_it(open_page):
    page = open_inside(open_page, "narrow")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for name in ("Layers", "Causes", "Attention"):
        page.get_by_role("radio", name=name).filter(visible=True).click()
        page.wait_for_timeout(300)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.locator(".ts-head-map:visible").count() > 20
    assert serious_violations(page) == []


def test_a_failing_model_is_a_sentence(open_page, monkeypatch):
    page = open_inside(open_page)

    def broken(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr("explorer.generators.inside._asked", broken)
    page.evaluate("() => Tokenscope.select({ k: 3, i: 3, j: 3 })")
    alert = page.get_by_role("alert").filter(visible=True)
    alert.wait_for()
    assert "secret" not in alert.inner_text() and "failed" in alert.inner_text()


def test_parts_are_switched_off_and_both_pictures_stand_beside_each_other(open_page):
    page = open_inside(open_page)
    page.get_by_role("radio", name="Switches").filter(visible=True).click()
    draw = page.get_by_role("button", name="Draw both")
    assert draw.is_disabled()
    page.get_by_role("button", name="Layer 1, head 2: on").click()
    page.get_by_role("button", name="Layer 3: on").click()
    assert page.get_by_role("button", name="Layer 3, head 1: off").count() == 1
    page.get_by_role("button", name="Hide scale 2").click()
    draw.click()
    page.wait_for_function("() => Tokenscope.state.inside.drawn?.status === 'done'")
    said = page.locator(".ts-inside-said:visible").inner_text()
    assert said.startswith("With head 2 of layer 1 off, layer 3 off, scale 2 hidden: ")
    assert "bits each with everything on" in said and page.locator(".ts-switched:visible img").count() == 2
    assert serious_violations(page) == []
    page.get_by_role("button", name="Switch all on").click()
    page.get_by_text("Out of date: other parts are off now").wait_for()
    page.get_by_role("button", name="Open it in Inspect").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.title.includes('layer 3 off')")
    ids = page.evaluate("() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids)")
    assert ids == page.evaluate("() => Tokenscope.state.inside.drawn.maps")
