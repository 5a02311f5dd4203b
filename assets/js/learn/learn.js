// Learn: the pages, which of them is open, which are ticked, and the way back from other tabs. What a page says comes
// from explorer/ui/learn/lessons.py; when it is ticked, from learn_ticks.js; its live panels are the page's own parts.
//
// state.learn: lessons | null, at (number of the open page, from 0), done {key: what the reader saw}, away (led to
// another tab from here). Ticks and the open page stay in this browser.
// Dispatches "ts:did" with what: "lesson-done" and the page's key.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const KEPT = "tokenscope-learn";

  const load = () => { try { return JSON.parse(localStorage.getItem(KEPT)) || {}; } catch { return {}; } };
  const sentences = (done) => Object.fromEntries(Object.entries(done || {}).filter(([, text]) => typeof text === "string"));
  const kept = load();
  state.learn = { lessons: null, at: Number.isInteger(kept.at) && kept.at >= 0 ? kept.at : 0, done: sentences(kept.done), away: false, facts: [] };

  function put(patch) {
    T.set({ learn: { ...state.learn, ...patch } });
    try { localStorage.setItem(KEPT, JSON.stringify({ at: state.learn.at, done: state.learn.done })); } catch { /* private window */ }
  }
  const lessons = () => state.learn.lessons || [];
  const last = () => lessons().length - 1;
  const here = () => lessons()[Math.min(state.learn.at, last())] || null;
  const openTab = () => T.tabs().find((tab) => tab.getAttribute("aria-selected") === "true")?.textContent.trim();
  const active = () => openTab() === "Learn" || state.learn.away;

  // focus: what takes the keyboard's focus once the page is drawn: "title", "list", or nothing
  function go(at, focus = "title") {
    if (!lessons()[at]) return;
    const { scrollY } = window;
    put({ at, away: false });
    const target = [...document.querySelectorAll(focus === "list" ? '.ts-lessons button[aria-current="page"]' : ".ts-lesson-title")].find((node) => node.offsetParent);
    if (focus) target?.focus({ preventScroll: true });
    const top = document.querySelector(".ts-learn")?.getBoundingClientRect().top + scrollY;
    if (focus === "title" && top < scrollY) window.scrollTo({ top: Math.max(0, top - 8), behavior: "instant" });
    T.address.soon?.();
  }
  // the task of the open page was done; saw: one line about what the reader just saw
  function tick(key, saw) {
    if (here()?.key !== key) return;
    const first = !state.learn.done[key];
    put({ done: { ...state.learn.done, [key]: saw } });
    if (first) document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "lesson-done", key } }));
  }
  function restart() {
    const { done, at } = state.learn;
    put({ done: {}, at: 0 });
    T.set({ remark: { text: "All ticks are cleared.", action: { text: "Bring them back", run: () => { put({ done, at }); T.set({ remark: null }); } } } });
  }
  // to another tab, with a way back
  function lead({ tab, section }) {
    if (section) T.set({ compare: section });
    put({ away: true });
    T.openTab(tab);
    window.scrollTo({ top: 0, behavior: "instant" });
  }
  function back() {
    put({ away: false });
    T.openTab("Learn");
    setTimeout(() => document.querySelector(".ts-lesson-title")?.focus());
  }

  // text with [[word|definition]] as nodes
  function words(text) {
    return text.split(/(\[\[[^\]]*\]\])/).map((part) => {
      const found = part.match(/^\[\[([^|]*)\|(.*)\]\]$/);
      return found ? T.term(found[1], found[2]) : part;
    });
  }
  // arrows turn pages where they do nothing else
  const turning = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.target.closest("input, select, textarea, [role=slider], [role=grid], [role=radiogroup], [role=application], [role=group], .ts-lessons")) return;
    event.preventDefault();
    go(state.learn.at + step);
  };

  T.define("learn-contents", (root) => {
    const list = el("ol", { class: "ts-lessons" });
    const bar = el("i");
    const told = el("p", { class: "ts-caption" });
    const again = el("button", { type: "button", class: "ts-button ts-plain", text: "Start again", "data-tip": "Clears the ticks and opens the first page.", onclick: restart });
    root.append(el("nav", { "aria-label": "Pages of Learn" },
      el("div", { class: "ts-head" }, el("h2", { text: "How pictures become tokens" })), el("p", { class: "ts-caption ts-learn-about", text: "Short pages with one thing to do on each. Do it in the live view and the page is ticked. About twenty minutes." }),
      el("div", { class: "ts-progress" }, bar), el("div", { class: "ts-head" }, told, again), list));
    let buttons = [];
    list.addEventListener("keydown", (event) => {
      const to = { ArrowDown: state.learn.at + 1, ArrowRight: state.learn.at + 1, ArrowUp: state.learn.at - 1, ArrowLeft: state.learn.at - 1, Home: 0, End: last() }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(to, "list");
    });
    T.subscribe(root, ["learn"], () => {
      if (buttons.length !== lessons().length) {
        buttons = lessons().map((lesson, n) => el("button", { type: "button", onclick: () => go(n) }, el("span", { class: "ts-lesson-mark ts-num" }), el("span", { class: "ts-lesson-name", text: lesson.title })));
        list.replaceChildren(...buttons.map((button) => el("li", {}, button)));
      }
      const { done } = state.learn;
      const many = lessons().filter(({ key }) => done[key]).length;
      lessons().forEach((lesson, n) => {
        const on = lesson === here();
        const button = buttons[n];
        if (on) button.setAttribute("aria-current", "page"); else button.removeAttribute("aria-current");
        button.tabIndex = on ? 0 : -1;
        button.dataset.state = done[lesson.key] ? "done" : lesson.needs ? "needs" : "open";
        button.firstChild.textContent = done[lesson.key] ? "✓" : n + 1;
        button.setAttribute("aria-label", `${n + 1}, ${lesson.title}${done[lesson.key] ? ", done" : lesson.needs ? ", not with the loaded models" : ""}`);
      });
      bar.style.setProperty("--v", `${lessons().length ? (100 * many) / lessons().length : 0}%`);
      told.textContent = `${many} of ${lessons().length} pages ticked`;
      again.style.visibility = many ? "visible" : "hidden";
    });
  });

  T.define("learn-page", (root) => {
    const place = el("p", { class: "ts-caption" });
    const title = el("h2", { class: "ts-lesson-title", tabindex: "-1" });
    const text = el("div", { class: "ts-lesson-text" });
    const label = el("p", { class: "ts-task-label" });
    const task = el("p", { class: "ts-task" });
    const saw = el("p", { class: "ts-saw", role: "status" });
    const next = el("button", { type: "button", class: "ts-button ts-main", onclick: () => go(state.learn.at + 1) });
    const end = el("div", { class: "ts-row" }, next);
    const box = el("section", { class: "ts-task-box", "aria-label": "Your task" }, label, task, saw, end);
    root.append(el("article", { class: "ts-lesson-page" }, el("div", { class: "ts-lesson-words" }, place, title, text), box));
    const showToast = toast(root, box);
    let shown = null;
    T.subscribe(root, ["learn"], () => {
      const lesson = here();
      if (!lesson) return;
      showToast();
      const stage = root.closest(".ts-learn") || root;
      if (shown !== lesson) {
        shown = lesson;
        place.textContent = `Page ${lessons().indexOf(lesson) + 1} of ${lessons().length}`;
        title.textContent = lesson.title;
        text.replaceChildren(...lesson.paragraphs.map((one) => el("p", {}, words(one))));
        task.textContent = lesson.needs || lesson.task;
        stage.dataset.panels = lesson.needs ? "" : lesson.panels.join(" "); // learn.css shows those that are named
      }
      const sight = state.learn.done[lesson.key];
      box.dataset.state = sight ? "done" : lesson.needs ? "needs" : "open";
      label.textContent = sight ? "Done" : lesson.needs ? "Not with the loaded models" : "Your turn";
      saw.textContent = sight || "";
      const following = lessons()[lessons().indexOf(lesson) + 1];
      next.hidden = !following || !(sight || lesson.needs);
      next.textContent = following ? `Next: ${following.title}` : "";
      if (!following && sight) saw.textContent = `${sight} ${ending()}`;
    });
    document.addEventListener("keydown", (event) => { if (root.offsetParent && (event.target === document.body || event.target.closest(".ts-learn"))) turning(event); });
  });
  function ending() {
    const open = lessons().filter(({ key, needs }) => !state.learn.done[key] && !needs).length;
    return open ? `This was the last page; ${open === 1 ? "one page is" : `${open} pages are`} not ticked yet.` : "All pages are ticked: you know what the other tabs show. Go and try your own pictures there.";
  }

  T.define("learn-steps", (root) => {
    const ways = el("div", { class: "ts-row ts-ways" });
    const before = el("button", { type: "button", class: "ts-button", onclick: () => go(state.learn.at - 1) });
    const after = el("button", { type: "button", class: "ts-button", onclick: () => go(state.learn.at + 1) });
    root.append(ways, el("div", { class: "ts-learn-steps" }, before, el("span", { class: "ts-caption ts-learn-keys", text: "Arrow keys turn pages" }), after));
    T.subscribe(root, ["learn"], () => {
      const at = lessons().indexOf(here());
      before.disabled = at <= 0;
      after.disabled = at >= last();
      before.textContent = "Previous";
      after.textContent = state.learn.done[here()?.key] ? "Next" : "Skip to next";
      ways.replaceChildren(...(here()?.ways.length ? [el("span", { class: "ts-muted", text: "If you want more:" })] : []),
        ...(here()?.ways || []).map((way) => el("button", { type: "button", class: "ts-button ts-plain", text: way.text, onclick: () => lead(way) })));
    });
  });

  // What was just ticked, at the bottom of the window while the task itself is out of sight (on a phone it mostly is).
  // Screen readers hear it from the task, so this is no second live region.
  function toast(root, box) {
    const text = el("span");
    const next = el("button", { type: "button", class: "ts-button ts-main", text: "Next page", onclick: () => go(state.learn.at + 1) });
    const node = el("div", { class: "ts-learn-toast", hidden: true }, el("span", { class: "ts-lesson-mark", "aria-hidden": "true", text: "✓" }), text, next);
    root.append(node);
    let said = null, inSight = true;
    const draw = () => {
      const sight = here() && state.learn.done[here().key];
      node.hidden = inSight || !said || said !== sight;
      next.hidden = state.learn.at >= last();
      if (!node.hidden) text.textContent = said;
    };
    new IntersectionObserver((entries) => { inSight = entries.at(-1).intersectionRatio >= 0.5; if (inSight) said = null; draw(); }, { threshold: 0.5 }).observe(box);
    const visible = () => { const { top, bottom, height } = box.getBoundingClientRect(); return Math.min(bottom, innerHeight) - Math.max(top, 0) >= height / 2; };
    let before = null, page = null;
    return () => {
      const sight = here() && (state.learn.done[here().key] || null);
      if (page !== here()) said = null;
      else if (sight !== before && sight && !(inSight = visible())) said = sight;
      [page, before] = [here(), sight];
      draw();
    };
  }

  // a chip that floats over other tabs after Learn led there
  function chip() {
    const button = el("button", { type: "button", class: "ts-button", onclick: back });
    const close = el("button", { type: "button", class: "ts-button ts-plain", text: "×", "aria-label": "Close the way back to Learn", onclick: () => put({ away: false }) });
    const node = el("div", { class: "ts-part ts-learn-chip", role: "region", "aria-label": "Way back to Learn", hidden: true }, button, close);
    document.body.append(node);
    T.subscribe(document.body, ["learn"], () => {
      node.hidden = !state.learn.away || !here();
      button.textContent = here() ? `Back to page ${lessons().indexOf(here()) + 1}: ${here().title}` : "";
    });
    document.addEventListener("click", () => setTimeout(() => { if (state.learn.away && openTab() === "Learn") put({ away: false }); }));
  }

  T.address.keys("lesson", (text) => {
    if (!/^\d{1,2}$/.test(text) || !lessons()[text - 1]) return false;
    put({ at: text - 1 });
    return true;
  }, (tab) => (tab === "Learn" && here() ? lessons().indexOf(here()) + 1 : undefined));

  T.connectLearn = ({ props, watch, server, measure, guide }) => {
    const { lessons: pages, facts, guidance, order, raster_grid: grid } = props.value;
    Object.assign(T.learn, { measure, guide, distance: (codes) => server.distance_of(codes).catch(() => null), cancel: (job) => server.cancel_guided(job).catch(() => null) });
    put({ lessons: pages, facts, order, grid, guidance, at: Math.min(state.learn.at, pages.length - 1) });
    watch("value", () => { for (const kind of ["moved", "guided"]) if (props.value?.[kind]) T.learn.receive[kind]?.(props.value[kind]); });
    chip();
    T.learn.watchTicks();
  };
  T.learn = { go, tick, here, active, put, lead, back, words, receive: {}, measure() {}, guide() {}, distance: async () => null, cancel() {}, watchTicks() {} };
})();
