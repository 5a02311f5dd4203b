"""Links and reloads: a link brings another visitor to the same place, a reload goes on where one was."""

import json

import pytest
from browser_support import final_picture, open_tab, photo, upload

pytestmark = pytest.mark.browser

IDS = "() => Tokenscope.state.docs.session.scales.map((scale) => scale.ids)"
STORED = "() => Object.keys(localStorage).filter((key) => key.startsWith('tokenscope-session'))"


def where(page) -> dict:
    return page.evaluate(
        """() => {
          const { docs: { session, run }, selection, settings } = Tokenscope.state;
          return { sample: session.sample, fit: session.fit, place: [selection.k, selection.i, selection.j],
            label: run?.label, seed: settings?.seed, guidance: settings?.guidance,
            tab: document.querySelector('.ts-tabs [role=tab][aria-selected=true]').textContent.trim() }; }"""
    )


def says(page, text: str) -> None:
    """Waits until the address contains it."""
    page.wait_for_function("(text) => location.search.includes(text)", arg=text)


def remark(page):
    return page.locator(".ts-remark:visible")


def edit(page, code: int) -> None:
    page.evaluate("(code) => Tokenscope.edit.replace(code)", code)
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    page.wait_for_timeout(400)  # the page writes once nothing has changed for a moment


def reloaded(page) -> None:
    page.reload()
    page.locator(".ts-cell:visible").first.wait_for()


def test_a_bare_address_stays_bare_and_then_follows_what_is_seen(open_page):
    page = open_page()
    page.wait_for_timeout(600)
    assert page.evaluate("() => location.search") == ""
    length = page.evaluate("() => history.length")
    page.locator(".ts-samples button[data-name=cat]").click()
    says(page, "sample=cat&fit=crop")
    page.evaluate("() => Tokenscope.select({ k: 2, i: 0, j: 1 })")
    says(page, "token=3.1.2")
    open_tab(page, "Edit")
    says(page, "tab=edit")
    assert "seed" not in page.evaluate("() => location.search")
    assert page.evaluate("() => history.length") == length


def test_a_link_brings_another_visitor_to_the_same_picture(open_page):
    first = open_page()
    first.locator(".ts-samples button[data-name=coffee]").click()
    first.get_by_role("radio", name="Letterbox").click()
    first.wait_for_function("() => Tokenscope.state.docs.session.fit === 'letterbox'")
    first.evaluate("() => Tokenscope.select({ k: 3, i: 2, j: 1 })")
    open_tab(first, "Generate")
    first.locator("#ts-seed").fill("41")
    first.locator("#ts-seed").blur()
    first.locator("#ts-guidance").fill("3.5")
    first.locator(".ts-classes button").nth(2).click()
    first.wait_for_function("() => Tokenscope.state.docs.run.status === 'done'")
    label = first.evaluate("() => Tokenscope.state.docs.run.label")
    says(first, f"class={label}")  # the address follows a moment later
    says(first, "seed=41&guidance=3.5")

    second = open_page(query=first.evaluate("() => location.search"))
    second.wait_for_function("() => Tokenscope.state.docs.run.status === 'done'")
    second.wait_for_function("() => Tokenscope.state.docs.session.fit === 'letterbox'")
    assert where(second) == where(first)
    assert final_picture(second) == final_picture(first)
    assert second.locator("#ts-seed").input_value() == "41"
    assert remark(second).count() == 0


def test_what_a_link_asks_for_in_vain_is_one_sentence(open_page):
    page = open_page(query="?tab=nowhere&sample=cat&fit=x&token=2.9.9&seed=-4&class=<b>&top_k=many&other=1")
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    text = remark(page).inner_text()
    for part in ("tab “nowhere”", "fit “x”", "token “2.9.9”", "seed “-4”", "class “<b>”", "top-k “many”"):
        assert part in text
    assert "other" not in text and where(page)["tab"] == "Inspect"
    page.evaluate("() => Tokenscope.select({ k: 1, i: 0, j: 0 })")
    page.wait_for_function("() => !location.search.includes('nowhere')")
    assert "other=1" in page.evaluate("() => location.search")  # what is not ours stays
    remark(page).get_by_role("button", name="Dismiss").click()
    assert remark(page).count() == 0


def test_copy_link_copies_or_shows_the_link_selected(open_page):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("http://127.0.0.1") and "sample=flower&fit=crop&token=" in copied
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copied").or_(page.get_by_role("button", name="Copy link")).click()
    field = page.get_by_label("Link to this view")
    field.wait_for()
    assert field.input_value() == copied
    assert page.evaluate("() => getSelection().toString() || document.activeElement.value") == copied


def test_a_reload_goes_on_and_there_is_a_way_to_start_afresh(open_page):
    page = open_page()
    page.locator(".ts-samples button[data-name=cat]").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    open_tab(page, "Edit")
    page.get_by_role("radio", name="Re-quantise").click()
    edit(page, 5)
    says(page, "sample=cat")
    picture = final_picture(page)
    steps = "() => Tokenscope.state.docs.session.edit.history.map(({ text, now }) => ({ text, now }))"
    history = page.evaluate(steps)
    reloaded(page)
    remark(page).wait_for()
    assert "Restored from this browser" in remark(page).inner_text()
    assert where(page)["tab"] == "Edit" and final_picture(page) == picture
    view = page.evaluate("() => Tokenscope.state.docs.session")
    assert page.evaluate(steps) == history and len(history) > 2
    assert view["edit"]["policy"] == "requantise" and view["scales"][-1]["psnr"] > 0
    remark(page).get_by_role("button", name="Start afresh").click()
    page.wait_for_function(
        "() => location.search === '' && window.Tokenscope?.state.docs.session?.sample === 'flower'"
    )
    page.wait_for_timeout(600)
    assert page.evaluate("() => Tokenscope.state.docs.session.edit.changed") == 0
    assert page.evaluate(STORED) == []


def test_undo_and_named_states_survive_a_reload_and_the_next(open_page):
    page = open_page()
    edit(page, 5)
    page.evaluate("() => Tokenscope.link.act('snapshot', { name: 'five' })")
    five = page.evaluate(IDS)
    page.evaluate("() => Tokenscope.link.act('whole', { scale: 4, how: 'overturn' })")
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.history.length === 3")
    turned = page.evaluate(IDS)
    page.evaluate("() => Tokenscope.link.act('undo', {})")
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.redo")
    page.wait_for_timeout(400)
    for _ in range(2):
        page.wait_for_function("() => Tokenscope.measures.fresh()")  # nothing is under way any more
        reloaded(page)
        remark(page).wait_for()
        assert page.evaluate(IDS) == five
    page.evaluate("() => Tokenscope.link.act('redo', {})")
    page.wait_for_function("() => !Tokenscope.state.docs.session.edit.redo")
    assert page.evaluate(IDS) == turned
    for _ in range(2):
        page.evaluate("() => Tokenscope.link.act('undo', {})")
    page.wait_for_function("() => !Tokenscope.state.docs.session.edit.undo")
    assert page.evaluate("() => Tokenscope.state.docs.session.edit.changed") == 0
    open_tab(page, "Edit")
    page.get_by_role("button", name="Restore five").click()
    page.wait_for_function("() => Tokenscope.state.docs.session.edit.changed > 0")
    assert page.evaluate(IDS) == five


LONG_HISTORY = """() => {
  const { state, set } = Tokenscope, { session } = state.docs;
  for (let n = 0; n < 40; n++) {
    const ids = Array.from({ length: 4096 }, (_, cell) => 1000 + ((cell * 7 + n) % 1000));
    const step = (at) => ({ text: `step ${at}`, picture: session.picture, key: `long-${at}`, now: at === n });
    const edit = { ...session.edit, history: Array.from({ length: n + 1 }, (_, at) => step(at)) };
    const scale = { ...session.scales[0], h: 64, w: 64, ids, colours: ids.map(() => "#888888") };
    const scales = [scale, ...session.scales.slice(1)];
    set({ docs: { ...state.docs, session: { ...session, edit, scales } } });
  }
}"""


def test_what_is_kept_stays_small_however_long_the_history(open_page):
    page = open_page()
    page.evaluate(LONG_HISTORY)
    page.wait_for_timeout(500)
    [text] = page.evaluate(
        """() => Object.keys(localStorage).filter((key) => key.startsWith('tokenscope-session'))
          .map((key) => localStorage[key])"""
    )
    kept = json.loads(text)
    assert 100_000 < len(text) < 450_000
    assert kept["line"][-1]["text"] == "step 39" == kept["line"][kept["now"]]["text"]
    assert 10 < len(kept["line"]) < 40


def test_of_a_photo_a_tab_keeps_what_the_model_saw_and_others_its_tokens(open_page):
    page = open_page()
    upload(page, photo(5))
    page.wait_for_function("() => Tokenscope.state.docs.session.title === 'photo 5.png'")
    edit(page, 9)
    kept = page.evaluate("() => JSON.stringify({ ...localStorage })")
    assert len(kept) < 20_000 and "data:" not in kept
    picture = page.evaluate("() => Tokenscope.state.docs.session.scales.at(-1).image")
    seen = page.evaluate("() => Tokenscope.state.docs.session.input")
    reloaded(page)
    remark(page).wait_for()
    assert "the part that the model saw is kept" in remark(page).inner_text()
    view = page.evaluate("() => Tokenscope.state.docs.session")
    assert view["title"] == "photo 5.png" and view["edit"]["changed"] == 1
    assert view["scales"][-1]["image"] == picture and view["input"] == seen
    assert 0 < view["scales"][-1]["psnr"] < 60, "it is held against the photo, not against itself"
    another = page.context.new_page()
    another.goto(page.url.split("?")[0])
    another.wait_for_function("() => window.Tokenscope?.state.docs.session?.title.startsWith('photo 5.png')")
    assert "photo itself is not kept" in remark(another).inner_text()
    view = another.evaluate("() => Tokenscope.state.docs.session")
    assert view["title"] == "photo 5.png (tokens only)" and view["input"] == ""


def test_two_tabs_of_one_browser_keep_their_own(open_page):
    first = open_page()
    first.locator(".ts-samples button[data-name=cat]").click()
    first.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    edit(first, 5)
    second = first.context.new_page()
    second.goto(first.url.split("?")[0] + "?sample=coffee")
    second.wait_for_function("() => window.Tokenscope?.state.docs.session?.sample === 'coffee'")
    edit(second, 7)
    reloaded(first)
    remark(first).wait_for()
    assert where(first)["sample"] == "cat"
    reloaded(second)
    remark(second).wait_for()
    assert where(second)["sample"] == "coffee"


def test_without_storage_the_page_works_and_says_nothing(open_page):
    page = open_page()
    page.add_init_script(
        """for (const name of ['localStorage', 'sessionStorage'])
          Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError'); } })"""
    )
    reloaded(page)
    page.evaluate("() => Tokenscope.link.act('sample', { name: 'cat' })")
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    edit(page, 5)
    assert page.evaluate("() => Tokenscope.state.problem") is None and remark(page).count() == 0


def test_spoilt_storage_is_one_sentence_and_then_forgotten(open_page):
    page = open_page()
    edit(page, 5)
    page.evaluate(
        """() => { for (const store of [localStorage, sessionStorage]) for (const key of Object.keys(store))
          if (key.startsWith('tokenscope-session')) {
            const kept = JSON.parse(store[key]);
            kept.line[kept.now].maps[0] = [1e9];
            window.addEventListener('pagehide', () => { store[key] = JSON.stringify(kept); });
          } }"""
    )
    page.evaluate("() => history.replaceState(null, '', location.pathname)")  # a link's own tokens go first
    reloaded(page)
    notice = page.get_by_role("alert").filter(visible=True)
    notice.wait_for()
    assert "What this browser had kept cannot be used" in notice.inner_text()
    reloaded(page)
    page.wait_for_timeout(600)
    assert notice.count() == 0


def test_a_phone_has_room_for_the_link(open_page):
    page = open_page("narrow", "?tab=edit&token=3.2.2&sample=nothing")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_label("Link to this view").wait_for()
    remark(page).wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert where(page)["tab"] == "Edit"


@pytest.mark.parametrize("own", [False, True])
def test_a_link_carries_what_was_edited(open_page, own):
    first = open_page()
    if own:
        upload(first, photo(6))
        first.wait_for_function("() => Tokenscope.state.docs.session.title === 'photo 6.png'")
    edit(first, 5)
    says(first, "tokens=")
    link = first.evaluate("() => location.search")
    assert 260 < len(link) < 400
    second = open_page(query=link)
    second.wait_for_function("() => Tokenscope.state.docs.session.edit.restored")
    assert second.evaluate(IDS) == first.evaluate(IDS)
    assert final_picture(second) == final_picture(first)
    view = second.evaluate("() => Tokenscope.state.docs.session")
    assert "From the link" in remark(second).inner_text()
    if own:
        assert view["title"] == "Picture from a link (tokens only)" and view["input"] == ""
        assert [scale["psnr"] for scale in view["scales"]] == [None] * len(view["scales"])
        second.locator(".ts-tokens-only:visible").wait_for()
        assert second.get_by_text("PSNR", exact=True).filter(visible=True).count() == 0
    else:
        assert view["sample"] == "flower" and view["edit"]["changed"] == 1 and view["scales"][-1]["psnr"] > 0


def test_a_link_of_another_models_tokens_is_told(open_page):
    page = open_page(query="?sample=cat&tokens=00000000.AAAA")
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    assert "tokens “00000000.AAAA”" in remark(page).inner_text()
    page = open_page(query="?sample=cat&tokens=left-out")
    page.wait_for_function("() => Tokenscope.state.docs.session.sample === 'cat'")
    assert "too many tokens for an address" in remark(page).inner_text()


def test_the_button_says_before_it_copies_what_a_link_leaves_out(open_page):
    page = open_page()
    button = page.locator("button", has_text="Copy link")
    assert button.inner_text() == "Copy link"
    page.evaluate(
        "() => { Tokenscope.tokenText = { ...Tokenscope.tokenText, pack: () => 'x'.repeat(3000) }; }"
    )
    edit(page, 5)
    page.get_by_role("button", name="Copy link, incomplete").wait_for()
    assert "too many for an address" in button.get_attribute("data-tip")
    says(page, "tokens=left-out")
    page.evaluate("() => Tokenscope.link.act('undo', {})")
    page.wait_for_function("() => !location.search.includes('tokens')")
    assert button.inner_text() == "Copy link"


RUN_IDS = "() => Tokenscope.state.docs.run.scales.map((scale) => scale.ids)"
FORCE = """() => { const { run } = Tokenscope.state.docs, ids = run.scales.map((scale) => scale.ids);
  Tokenscope.generate.start(run.label, { given: ids, keep: { scales: 2 }, seed: run.seed,
    force: { scale: 2, row: 0, column: 1, code: 77 }, note: 'code 77 forced', what: 'Code 77' }); }"""


def forced(open_page):
    page = open_page(query="?tab=generate&class=tulip&seed=3")
    page.wait_for_function("() => Tokenscope.state.docs.run?.label === 'tulip' && !Tokenscope.state.running")
    page.evaluate(FORCE)
    page.wait_for_function("() => Tokenscope.state.docs.run.parent && !Tokenscope.state.running")
    says(page, "made=")
    page.wait_for_timeout(700)  # the page writes once nothing has changed for a moment
    return page


def test_a_reload_keeps_the_branches_and_the_picture_on_show(open_page):
    page = forced(open_page)
    ids, picture, settings = page.evaluate(RUN_IDS), final_picture(page), where(page)
    assert ids[1][1] == 77
    reloaded(page)
    page.wait_for_function("() => Tokenscope.state.tree.nodes.length === 2")
    assert page.evaluate(RUN_IDS) == ids and final_picture(page) == picture and where(page) == settings
    assert page.evaluate("() => Tokenscope.state.running") is None, "nothing is drawn again"
    tree = page.locator(".ts-tree [role=treeitem]")
    assert tree.count() == 2 and tree.nth(1).get_attribute("aria-selected") == "true"
    tree.nth(0).locator(".ts-leaf").first.click()
    page.wait_for_function("() => !Tokenscope.state.docs.run.parent")
    page.evaluate(
        "() => { for (const key of Object.keys(sessionStorage)) if (key.startsWith('tokenscope-runs')) "
        "addEventListener('pagehide', () => { sessionStorage[key] = '{\"version\": 1, \"run\": {}}'; }); }"
    )
    reloaded(page)
    page.wait_for_function("() => Tokenscope.state.docs.run?.label === 'tulip' && !Tokenscope.state.running")
    assert page.evaluate("() => Tokenscope.state.tree.nodes.length") == 0


def test_a_link_carries_forced_tokens(open_page):
    first = forced(open_page)
    second = open_page(query=first.evaluate("() => location.search"))
    second.wait_for_function(
        "() => Tokenscope.state.docs.run?.phrase === 'from a link' && !Tokenscope.state.running"
    )
    assert second.evaluate(RUN_IDS) == first.evaluate(RUN_IDS)
    assert final_picture(second) == final_picture(first)
