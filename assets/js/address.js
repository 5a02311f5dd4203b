// A link says where one is: tab, sample, fit, token and, in Generate, class, seed and settings; what was edited or forced it
// carries as tokens (address_tokens.js). It is read once, when the page has arrived, and follows the store from then on.
//
// Other parts add what they want to be linked to, when their file loads or when they are mounted:
//
//   T.address.keys("page", (text) => …, (tab) => …)
//
// read(text) is called once, if the link has this key: it does what the text asks for and gives true, or false where
// this page has no such thing (the visitor is then told). Text from an address may be anything: compare it with a list.
// write(tab) gives what the link says now, or undefined for nothing; `tab` is the name of the open tab. Keys that only
// matter in one tab say nothing in the others, and nothing while all is as it comes. The address is written again after
// clicks, keys and changes of the store; T.address.soon() asks for it otherwise.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const FITS = ["crop", "letterbox", "reference"];
  const SETTINGS = ["seed", "guidance", "top_k", "top_p", "temperature", "seeds"];
  const WHOLE = ["seed", "top_k", "seeds"];
  const PAUSE = 250; // ms without a change before the address follows: browsers limit how often it may
  const PATIENCE = 10000; // ms until a page that does not finish loading is left as it is
  let followed = null; // what the address said last; null until the page has arrived
  let asked = {}; // what the link asked for
  let timer = 0;

  const openTab = () => T.tabs().find((tab) => tab.getAttribute("aria-selected") === "true")?.textContent.trim();
  const shownLabel = () => (state.running ? null : state.docs.run?.label) ?? state.settings?.label; // "" is no class

  // every reader gives the value, or undefined where this page has no such thing
  const readers = {
    tab: (text) => T.tabs().map((tab) => tab.textContent.trim()).find((name) => name.toLowerCase() === text),
    sample: (text) => state.model.samples.find(({ name }) => name === text)?.name,
    fit: (text) => FITS.find((fit) => fit === text),
    token: (text) => {
      if (!/^\d+\.\d+\.\d+$/.test(text)) return undefined;
      const [k, i, j] = text.split(".").map((part) => Number(part) - 1);
      const [h, w] = state.model.grids[k] || [0, 0];
      return i >= 0 && j >= 0 && i < h && j < w ? { k, i, j } : undefined;
    },
    class: (text) => (text === "" && state.model.classes ? "" : state.model.classes?.find(({ name }) => name === text)?.name),
    ...Object.fromEntries(SETTINGS.map((key) => [key, (text) => {
      const value = Number(text), [low, high] = T.generate.limits()[key];
      const fits = text.trim() !== "" && value >= low && value <= high && (Number.isInteger(value) || !WHOLE.includes(key));
      return state.model.classes && fits ? value : undefined;
    }])),
  };

  function read() {
    const query = new URLSearchParams(location.search), found = {}, bad = [];
    for (const [key, reader] of Object.entries(readers)) {
      if (!query.has(key)) continue;
      const text = query.get(key), value = reader(text);
      if (value === undefined) bad.push([key, text]);
      else found[key] = value;
    }
    for (const [key, { read: reader }] of T.address.known) if (query.has(key) && !reader(query.get(key))) bad.push([key, query.get(key)]);
    if (bad.length) complain(bad);
    T.address.came = late(query);
    return found;
  }
  function complain(bad) {
    const list = bad.map(([key, text]) => `${key.replace("_", "-")} “${text.slice(0, 40)}”`).join(", ");
    T.set({ remark: { text: `The link asks for what this page does not have (${list}); everything else in it was followed.` } });
  }
  // a part that is mounted when its tab opens first reads the link that the visitor came with
  const late = (query) => (name) => {
    if (query.has(name) && !T.address.known.get(name).read(query.get(name))) complain([[name, query.get(name)]]);
    soon();
  };

  function here(tab = openTab()) {
    const view = state.docs.session, { k, i, j } = state.selection;
    const says = { tab: tab?.toLowerCase() };
    if (view?.sample) Object.assign(says, { sample: view.sample, fit: view.fit });
    says.token = `${k + 1}.${i + 1}.${j + 1}`;
    if (tab === "Generate" && state.settings) Object.assign(says, { ...state.settings, ...row(), label: undefined, class: shownLabel() });
    for (const [key, { write }] of T.address.known) says[key] = write(tab);
    const url = new URL(location.href);
    for (const key of [...Object.keys(readers), ...T.address.known.keys()]) url.searchParams.delete(key); // Gradio's own stay
    for (const [key, value] of Object.entries(says)) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  }

  // one picture of several that is on show is linked by its own seed
  function row() {
    const { run } = state.docs, { seed, seeds } = state.settings;
    const other = !state.running && run && !run.parent && run.rows?.some((one) => one.seed === run.seed) && run.seed !== seed;
    return { seed: other ? run.seed : seed, seeds: other || seeds === 1 ? undefined : seeds };
  }

  function follow() {
    const view = state.docs.session;
    const opening = (asked.sample && view?.sample !== asked.sample) || (asked.fit && view?.fit !== asked.fit);
    if (followed === null || T.kept.awaits() || (opening && !state.problem)) return; // the picture is under way
    asked = {};
    const { href } = here();
    if (href === followed) return;
    followed = href;
    try { history.replaceState(history.state, "", href); } catch { /* too often: the next change tries again */ }
  }
  const soon = () => { clearTimeout(timer); timer = setTimeout(follow, PAUSE); };
  T.address.soon = soon;
  T.address.here = here;

  async function until(test) {
    const began = Date.now();
    while (!test() && Date.now() - began < PATIENCE) await new Promise((done) => setTimeout(done, 40));
  }

  // called once, with the first view in the store
  T.arrive = async () => {
    await until(() => T.link.running && openTab());
    const wanted = read();
    const { tab, sample, fit, token } = wanted;
    const before = here().href;
    if (!T.kept.arrive(wanted)) {
      asked = { sample, fit };
      if (sample && sample !== state.docs.session?.sample) T.link.act("sample", { name: sample });
      else if (!state.docs.session) T.link.act("sample", { name: state.first });
      if (fit && fit !== (state.docs.session?.fit || FITS[0])) T.link.act("fit", { fit });
    }
    if (token) T.select(token);
    if (tab && tab !== openTab()) T.openTab(tab);
    generate(wanted);
    followed = before; // a bare address stays bare until something changes
    T.subscribe(document.body, ["docs", "selection", "settings", "running", "codebook", "compare", "colourMode"], soon);
    for (const kind of ["click", "keyup"]) document.addEventListener(kind, soon); // perhaps another tab
  };

  // the picture that the link describes, unless it is on show: the example, or what this tab has kept
  function generate(wanted) {
    const arrived = T.keptRuns.arrive();
    const chosen = SETTINGS.filter((key) => wanted[key] !== undefined);
    if (chosen.length) T.generate.adjust(Object.fromEntries(chosen.map((key) => [key, wanted[key]])));
    const { run } = state.docs;
    const label = wanted.class ?? (chosen.length ? run?.label : null);
    const shown = run?.label === label && SETTINGS.every((key) => state.settings?.[key] === (state.model.sampling[key] ?? 1));
    if (arrived) return;
    const given = T.linked.made;
    if (given && label !== undefined) T.generate.start(label, { given, keep: { cells: given.map((ids) => ids.map((id) => Number(id >= 0))) }, root: true, note: "from a link" });
    else if ((label || label === "") && !shown) T.generate.start(label);
  }

  T.copyButton = (root) => {
    const field = el("input", { class: "ts-field ts-link", readonly: true, hidden: true, "aria-label": "Link to this view", onblur: () => { field.hidden = true; } });
    const text = el("span", { text: "Copy link", "aria-live": "polite" });
    const button = el("button", {
      type: "button", class: "ts-button",
      onclick: async () => {
        const { href } = here();
        try {
          await navigator.clipboard.writeText(href);
          text.textContent = "Copied";
        } catch { // no permission, or not served from this machine
          field.hidden = false;
          field.value = href;
          field.focus();
          field.select();
          text.textContent = "Copy it below";
        }
        setTimeout(() => { text.textContent = "Copy link"; say(); }, 2500);
      },
    }, text);
    const say = () => {
      const left = T.leftOut(openTab());
      if (text.textContent.startsWith("Copy link")) text.textContent = left ? "Copy link, incomplete" : "Copy link";
      button.dataset.tip = left ? `The link leaves out ${left}: they are too many for an address. Save the tokens as a file instead.`
        : "To this tab, picture, token and settings. Of a picture of your own it carries the tokens, not the photo.";
    };
    T.subscribe(button, ["docs", "running"], say);
    button.addEventListener("pointerenter", say);
    queueMicrotask(() => root.append(field)); // below the header that is being built
    return button;
  };
})();
