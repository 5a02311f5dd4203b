// One store for the whole page. Python sends two documents, "session" (the picture in Inspect and Edit) and "run"
// (the picture in Generate); selection, hover and the shown scale live here and never wait for the server.
// Every component subscribes and redraws what concerns it. All text goes in with textContent, never as markup.
(() => {
  const state = {
    docs: { session: null, run: null },
    model: null,
    selection: { k: 0, i: 0, j: 0, cells: null, others: null, code: null }, // k counts from 0; cells: all chosen cells of scale k; others: {k: cells} of other scales; code: a code looked at without a place
    hover: null, // {k, i, j}
    upto: { session: null, run: null }, // the scale (from 0) up to which the picture is shown
    tool: "select", // edit: "select" | "paint" | "erase" | "pick"
    brush: null,
    busy: null, // a sentence, while the server works
    problem: null, // a sentence: what went wrong and what to do
    remark: null, // {text, action: {text, run}}: a quiet line on top of the page
    settings: null, // Generate: {label, seed, guidance, top_k, top_p}
  };
  const listeners = new Set();

  function set(patch) {
    Object.assign(state, patch);
    const keys = Object.keys(patch);
    for (const listener of [...listeners]) {
      if (listener.mounted && !listener.element.isConnected) {
        listeners.delete(listener);
        listener.sight.disconnect();
        continue;
      }
      listener.mounted ||= listener.element.isConnected;
      for (const key of keys) if (listener.wanted.has(key)) listener.missed.add(key);
      if (listener.visible) catchUp(listener);
    }
  }

  function catchUp(listener) {
    if (!listener.missed.size) return;
    const keys = listener.missed;
    listener.missed = new Set();
    listener.draw(keys);
  }

  // draw(keys) is called now and whenever one of `wanted` changed; parts in a closed tab draw when it opens
  function subscribe(element, wanted, draw) {
    const listener = { element, wanted: new Set(wanted), draw, mounted: false, visible: true, missed: new Set() };
    listener.sight = new ResizeObserver(([entry]) => {
      listener.visible = entry.contentRect.width > 0 || entry.target.offsetParent !== null;
      if (listener.visible) catchUp(listener);
    });
    listener.sight.observe(element);
    listeners.add(listener);
    draw(new Set(wanted));
  }

  const components = {};
  const define = (name, build) => { components[name] = build; };
  function mount(name, host, options = {}) {
    const root = host.querySelector(".ts-part") || host;
    root.replaceChildren();
    components[name](root, options);
  }

  // el("div", {class: "x", text: "y", onclick: f, style: {"--c": "red"}}, child, child)
  function el(tag, attributes = {}, ...children) {
    const node = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "text") node.textContent = value;
      else if (name === "style") for (const [key, entry] of Object.entries(value)) node.style.setProperty(key, entry);
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  }

  // a word with a one-sentence definition, shown on hover and on focus
  function term(word, definition) {
    return el("span", { class: "ts-term", tabindex: "0", "data-tip": definition, text: word, role: "note", "aria-label": `${word}: ${definition}` });
  }
  let tip = null;
  function showTip(event) {
    const target = event.target.closest?.("[data-tip]");
    tip?.remove();
    tip = null;
    if (!target) return;
    tip = el("div", { class: "ts-tip", text: target.dataset.tip, role: "tooltip" });
    document.body.append(tip);
    const box = target.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${box.bottom + 8 + tip.offsetHeight > innerHeight ? box.top - tip.offsetHeight - 8 : box.bottom + 8}px`;
  }
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, showTip);
  for (const kind of ["pointerout", "focusout", "scroll"]) document.addEventListener(kind, () => { tip?.remove(); tip = null; }, true);

  // a row of choices of which one is on; choose(value) when another is asked for
  function segment(label, choices, choose) {
    const buttons = choices.map(({ value, text, tip: about }, index) => el("button", {
      type: "button", role: "radio", text, "data-value": value, "data-tip": about,
      onclick: () => choose(value),
      onkeydown: (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const usable = buttons.filter((button) => button === buttons[index] || button.getAttribute("aria-disabled") !== "true");
        const next = usable[(usable.indexOf(buttons[index]) + step + usable.length) % usable.length];
        next.focus();
        next.click();
      },
    }));
    const node = el("div", { class: "ts-segment", role: "radiogroup", "aria-label": label }, buttons);
    node.show = (value) => buttons.forEach((button) => {
      const on = button.dataset.value === value;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on ? 0 : -1;
    });
    // a choice that is not there says why when it is asked for; "" makes it available
    node.refuse = (value, why) => {
      const button = buttons.find((one) => one.dataset.value === value);
      button.setAttribute("aria-disabled", Boolean(why));
      button.dataset.tip = why || choices.find((choice) => choice.value === value).tip;
    };
    return node;
  }

  const number = (value, digits = 1) => Number(value).toFixed(digits).replace("-", "−");
  const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
  const narrow = () => matchMedia("(max-width: 760px)").matches;

  // the code under a place of a document, or null
  function codeAt(doc, place) {
    const scale = state.docs[doc]?.scales[place.k];
    const code = scale?.ids?.[place.i * scale.w + place.j];
    return code === undefined || code < 0 ? null : code;
  }
  // keeps the selection inside the maps of the document now shown
  function select(patch) { set({ selection: { ...state.selection, cells: null, others: null, code: null, ...patch } }); }

  const tabs = () => [...document.querySelectorAll('.ts-tabs button[role="tab"]')];
  const openTab = (name) => { for (const tab of tabs()) if (tab.textContent.trim() === name) tab.click(); };
  function theme() {
    document.body.classList.toggle("dark");
    try { localStorage.setItem("tokenscope-theme", document.body.classList.contains("dark") ? "dark" : "light"); } catch { /* private window */ }
  }
  // whoever changes the class (we, or Gradio following the system), the page follows
  const watchTheme = () => new MutationObserver(() => set({ theme: document.body.classList.contains("dark") }))
    .observe(document.body, { attributeFilter: ["class"] });

  // a visitor has finished something; Learn and others listen. From here: token-selected (pyramid.js), code-replaced and
  // picture-opened (link.js), timeline-moved (timeline.js); the other parts name theirs at their top
  const did = (what, detail = {}) => document.dispatchEvent(new CustomEvent("ts:did", { detail: { what, ...detail } }));

  // what else a link can say: any part may add its own key, at any time; assets/js/address.js tells how
  const address = {
    known: new Map(), // name -> {read, write}
    keys(name, read, write) {
      const first = !address.known.has(name);
      address.known.set(name, { read, write });
      if (first) address.came?.(name);
    },
  };

  window.Tokenscope = { state, set, subscribe, define, mount, el, term, segment, number, count, narrow, codeAt, select, tabs, openTab, theme, watchTheme, address, did };
})();
