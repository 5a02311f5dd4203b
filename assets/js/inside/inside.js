// Inside: the generator while it predicts one token. The token is the page's one selection; its maps come from Inspect's
// picture or from Generate's run. state.inside: {about, source, label, section, look, head, lens, effects, asking, problem}.
//   T.inside.ask(kind, more), stop(kind)   kinds: look, lens, layer, effects; what is about other tokens is out of date
//   T.inside.row()                         the attention on show: {values (L), facts, name}
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const SOURCES = [
    { value: "session", text: "Inspect's picture", tip: "The tokens of the picture in Inspect, as if the generator had written them: each predicted from the true ones before it." },
    { value: "run", text: "Generate's picture", tip: "The tokens that the generator wrote itself." },
  ];
  const SECTIONS = [
    { value: "heads", text: "Attention", tip: "What each head of each layer looked at." },
    { value: "layers", text: "Layers", tip: "What would have been drawn had the model stopped after a layer." },
    { value: "causes", text: "Causes", tip: "How far the prediction moves when an earlier token is replaced." },
    { value: "switches", text: "Switches", tip: "Heads, layers or a scale switched off, and the picture drawn again." },
  ];
  const SOON = 120; // ms after the last change until the model is asked
  const NO_CLASS = T.comparing?.NO_CLASS ?? "";
  state.inside = { about: null, source: "session", label: NO_CLASS, section: "heads", look: null, head: { layer: null, head: null }, lens: null, effects: null };
  const mine = () => state.inside;
  const put = (patch) => T.set({ inside: { ...mine(), ...patch } });

  const doc = () => state.docs[mine().source];
  const maps = () => doc()?.scales.map((scale) => scale.ids) || null;
  const whole = () => Boolean(maps()?.every((ids) => ids && ids.every((id) => id >= 0)));
  const place = () => {
    const grids = mine().about?.grids || [], { k, i, j } = state.selection;
    const at = grids[k] ? k : grids.length - 1, [h, w] = grids[at] || [1, 1];
    return { scale: at + 1, row: Math.min(i, h - 1), column: Math.min(j, w - 1) };
  };
  const tokensKey = () => JSON.stringify([mine().label, maps()]);
  const lookKey = () => JSON.stringify([tokensKey(), place()]);

  // One channel for each question, so that a long one does not stop a short one.
  const take = {
    look: (view, set) => {
      set({ running: false });
      const { head, look } = mine(), first = !look && head.layer === null;
      put({ look: { ...view.look, key: asked.look, rows: bytes(view.look.levels) }, ...(first ? { head: { layer: view.look.layers - 1, head: null } } : {}) });
    },
    lens: (view, set) => {
      const old = mine().lens?.key === asked.lens ? mine().lens : null;
      const lens = view.lens ? { ...view.lens, key: asked.lens, images: [], preview: false } : { ...old, images: [...old.images, view.images], preview: view.preview };
      put({ lens: { ...lens, done: view.done, total: view.total } });
      if (view.status === "done") set({ running: false });
    },
    layer: (view, set) => {
      set({ running: false });
      const { lens } = mine();
      if (!lens?.images[view.layer - 1]) return;
      const images = lens.images.map((row, n) => (n === view.layer - 1 ? row.map((image, k) => (k === view.scale - 1 ? view.image : image)) : row));
      put({ lens: { ...lens, images, drawn: { ...lens.drawn, [`${view.layer}.${view.scale}`]: true } } });
    },
    effects: (view, set) => {
      put({ effects: { ...view, key: asked.effects } });
      if (view.status === "done") { set({ running: false }); T.did("cause-measured"); }
    },
  };
  take.switch = (view, set) => {
    put({ drawn: { ...view, key: asked.switch } });
    if (view.status === "done") { set({ running: false }); T.did("part-switched-off"); }
  };
  const asked = {}; // kind -> key of what was asked last
  const channels = Object.fromEntries(Object.keys(take).map((kind) => [kind, T.comparing.channel(`inside-${kind}`, take[kind])]));
  for (const kind of Object.keys(take)) state[`inside-${kind}`] = {};
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  function ask(kind, more = {}, key = null) {
    if (!mine().about || mine().about.problem || !whole()) return;
    asked[kind] = key ?? (kind === "look" || kind === "effects" ? lookKey() : tokensKey());
    channels[kind].start({ kind, maps: maps(), label: mine().label, ...place(), ...more });
  }
  const stop = (kind) => channels[kind].stop();
  const busy = (kind) => Boolean(state[`inside-${kind}`].running);
  const trouble = (kind) => state[`inside-${kind}`].problem || null;
  const fresh = (kind) => mine()[kind]?.key === (kind === "lens" ? tokensKey() : lookKey());

  T.connectInside = (wire) => {
    const about = wire.props.value;
    const classless = about.can_guide === false && mine().label === NO_CLASS && about.classes?.length;
    put({ about, ...(classless ? { label: about.classes[0] } : {}) });
    for (const channel of Object.values(channels)) channel.connect(wire);
  };

  // the attention on show: one head, a layer's mean, or all layers rolled out
  function row() {
    const { look, head } = mine();
    if (!look) return null;
    const L = look.places.length, { layer, head: h } = head;
    if (layer === null) return { values: look.rollout, facts: look.rollout_facts, name: "All layers, rolled out" };
    if (h === null || h >= look.heads || layer >= look.layers) {
      const at = Math.min(layer, look.layers - 1);
      return { values: look.means[at], facts: look.mean_facts[at], name: `Layer ${at + 1}, mean of its heads` };
    }
    const from = (layer * look.heads + h) * L, peak = look.peaks[layer][h];
    return { values: Array.from(look.rows.subarray(from, from + L), (level) => (level / 255) * peak), facts: look.facts[layer][h], name: `Layer ${layer + 1}, head ${h + 1}` };
  }
  // shares of the finest grid: a position's attention spread over the part of the picture that its place covers
  function spread(values) {
    const { look, about } = mine(), side = Math.max(...about.grids.at(-1));
    const light = new Float32Array(side * side);
    look.places.forEach(([k, i, j], position) => {
      if (!k || position < look.class_positions) return;
      const [h, w] = about.grids[k - 1], [top, bottom] = [(i * side) / h, ((i + 1) * side) / h], [left, right] = [(j * side) / w, ((j + 1) * side) / w];
      const each = values[position] / ((bottom - top) * (right - left));
      for (let y = Math.floor(top); y < bottom; y += 1) for (let x = Math.floor(left); x < right; x += 1) {
        light[y * side + x] += each * (Math.min(bottom, y + 1) - Math.max(top, y)) * (Math.min(right, x + 1) - Math.max(left, x));
      }
    });
    return { side, light };
  }
  function paint(canvas, { side, light }, colour) {
    const peak = Math.max(...light, 1e-12);
    Object.assign(canvas, { width: side, height: side });
    const context = canvas.getContext("2d"), pixels = context.createImageData(side, side);
    light.forEach((value, n) => pixels.data.set(colour(value / peak), 4 * n));
    context.putImageData(pixels, 0, 0);
  }
  const ramp = (share) => [...T.codebook.ramp(share, [0, 1]), 255];

  T.inside = { SECTIONS, SOURCES, mine, put, doc, maps, whole, place, ask, stop, busy, trouble, fresh, row, spread, paint, ramp, tokensKey, lookKey };

  // asks by itself once the tab is open and the token, the picture or the class has changed
  let timer = 0;
  T.define("inside-finding", (root) => {
    const title = el("h2", { class: "ts-finding" }), sub = el("p", { class: "ts-sub" }), failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const section = T.segment("What is looked into", SECTIONS, (value) => { put({ section: value }); });
    root.append(title, sub, failed, el("div", { class: "ts-sections" }, section));
    T.address.keys("inside", (text) => SECTIONS.some(({ value }) => value === text) && (put({ section: text }), true), (tab) => (tab === "Inside" ? mine().section : undefined));
    T.subscribe(root, ["inside", "docs", "selection", "inside-look"], () => {
      section.show(mine().section);
      root.closest(".tabitem").dataset.inside = mine().section;
      const { about } = mine(), at = place();
      const why = about?.problem || (doc() ? (whole() ? "" : "This picture is not complete yet: a prediction needs all tokens before it.") : mine().source === "run" ? "Nothing was generated yet. Choose a class in Generate, or look at Inspect's picture." : "Open a picture in Inspect first.");
      failed.hidden = !(why || trouble("look"));
      failed.textContent = why || trouble("look") || "";
      title.textContent = why ? "What happens inside the generator." : sentence(at);
      sub.replaceChildren("Choose a token in the maps. ", T.term("Attention", "For every prediction each head gives the earlier positions weights that sum to 1 and reads their weighted mean."), " is where a head looked. It is not a cause: whether a token mattered is measured under Causes.");
      if (why || !root.offsetParent || fresh("look")) return;
      clearTimeout(timer);
      timer = setTimeout(() => { if (root.offsetParent && !fresh("look")) ask("look"); }, SOON);
    });
    function sentence({ scale, row: i, column: j }) {
      const found = fresh("look") ? row() : null, where = `scale ${scale}, row ${i + 1}, column ${j + 1}`;
      if (!found) return busy("look") ? `Looking into the prediction of ${where} …` : `The prediction of ${where}.`;
      const shares = found.facts.scales, top = shares.indexOf(Math.max(...shares));
      const { look } = mine(), even = look.places.filter(([k], position) => k === top + 1 && position >= look.class_positions && position < look.seen).length / look.seen;
      const rest = found.facts.class >= shares[top] ? `the class (${T.comparing.percent(found.facts.class)})` : `scale ${top + 1} (${T.comparing.percent(shares[top])}; an even spread would be ${T.comparing.percent(even)})`;
      return `For ${where} the model looked most at ${rest}.`;
    }
  });

  T.define("inside-settings", (root) => {
    const source = T.segment("Whose tokens", SOURCES, (value) => put({ source: value, label: value === "run" ? state.docs.run?.label ?? NO_CLASS : mine().label }));
    const choice = el("select", { class: "ts-field ts-select", "aria-label": "Class that the generator is told", onchange: () => put({ label: choice.value }) });
    const note = el("p", { class: "ts-caption" });
    root.append(el("div", { class: "ts-compare-part" }, el("h2", { text: "Whose tokens" }), source, el("label", { class: "ts-setting" }, el("span", { text: "Class" }), choice), note));
    T.subscribe(root, ["inside", "docs"], () => {
      source.show(mine().source);
      const { about } = mine();
      if (!about?.classes) return;
      T.comparing.fillClasses(choice, about.classes, [[NO_CLASS, "no class"]], mine().label);
      note.textContent = `${about.name}, ${about.order === "raster" ? "one token after the other" : "one map after the other"}. Attention is that of the prediction with this class, without guidance.`;
    });
  });

  T.define("inside-picture", (root) => {
    const image = el("img", { alt: "", draggable: "false" }), light = el("canvas", { class: "ts-inside-light", "aria-hidden": "true" }), ring = el("div", { class: "ts-ring ts-selected" });
    const box = el("div", { class: "ts-picture ts-inside-picture" }, image, light, ring), caption = el("p", { class: "ts-caption" });
    root.append(el("div", { class: "ts-specimen" }, box, el("div", { class: "ts-beside" }, caption)));
    T.subscribe(root, ["inside", "docs", "selection"], () => {
      const view = doc(), last = view?.scales.at(-1)?.image;
      root.querySelector(".ts-specimen").style.setProperty("--ratio", view?.ratio || 1);
      image.hidden = !last;
      if (last && image.getAttribute("src") !== last) image.src = last;
      const found = row(), { scale, row: i, column: j } = place(), grid = mine().about?.grids?.[scale - 1];
      light.hidden = !found || !last;
      ring.hidden = !grid || !last;
      if (grid) T.geometry.ringStyle(ring, T.geometry.footprint({ h: grid[0], w: grid[1] }, i, j));
      if (!found || !last) { caption.textContent = ""; return; }
      T.inside.paint(light, spread(found.values), (share) => [12, 13, 16, Math.round(215 * (1 - share))]);
      image.alt = `${view.title || "The picture"}, bright where it was looked at`;
      caption.replaceChildren(el("b", { text: found.name }), `: ${found.facts.name}. Bright parts were looked at; each place is lit over the part of the picture that it covers.`);
    });
  });
})();
