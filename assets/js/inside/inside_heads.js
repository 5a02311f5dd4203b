// Inside, attention: the token maps coloured by it, the heads of all layers as small maps, and the chosen one in numbers.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const I = T.inside;
  const SORTS = [
    { value: "place", text: "By layer" },
    { value: "class", text: "Class" },
    { value: "distance", text: "Distance" },
    { value: "bits", text: "Spread" },
  ];

  T.define("inside-maps", (root) => {
    const surface = el("div", { class: "ts-pyramid ts-columns", role: "group", "aria-label": "Token maps, coloured by attention" });
    const legend = el("p", { class: "ts-caption" });
    root.append(surface, legend);
    let maps = [], shape = "";
    const grids = () => I.mine().about?.grids || [];
    const scales = () => grids().map(([h, w]) => ({ h, w }));
    function build() {
      maps = T.tokenMaps(scales(), false);
      surface.style.setProperty("--ts-columns", T.geometry.columns(scales()));
      surface.replaceChildren(...maps.map((map, k) => el("figure", { class: "ts-scale", style: { "--weight": T.geometry.weight(scales()[k]) } }, map.grid,
        el("figcaption", {}, el("span", { text: `Scale ${k + 1}` }), el("span", { class: "ts-num", text: `${scales()[k].h}×${scales()[k].w}` })))));
      fit();
    }
    const fit = () => surface.classList.toggle("ts-compact", T.geometry.compact(scales(), surface.clientWidth));
    new ResizeObserver(() => { if (surface.clientWidth && maps.length) fit(); }).observe(surface);

    surface.addEventListener("click", (event) => {
      const k = maps.findIndex((map) => map.grid.contains(event.target)), n = k < 0 ? null : maps[k].at(event);
      if (n !== null) choose({ k, i: Math.floor(n / grids()[k][1]), j: n % grids()[k][1] });
    });
    function choose(place) {
      T.select(place);
      maps[place.k].focus(place.i * grids()[place.k][1] + place.j);
      T.did("token-looked-into");
    }
    surface.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !event.target.closest(".ts-cell")) return;
      const { scale, row, column } = I.place(), k = scale - 1, [h, w] = grids()[k];
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      const to = event.key === "]" ? k + 1 : event.key === "[" ? k - 1 : null;
      if (move) choose({ k, i: Math.min(h - 1, Math.max(0, row + move[0])), j: Math.min(w - 1, Math.max(0, column + move[1])) });
      else if (to !== null && grids()[to]) { const [i, j] = T.geometry.over(scales()[k], row, column, scales()[to]); choose({ k: to, i, j }); } else return;
      event.preventDefault();
    });

    T.subscribe(root, ["inside", "docs", "selection", "theme"], () => {
      const now = JSON.stringify(grids());
      if (now !== shape) { shape = now; build(); }
      if (!maps.length) return;
      const found = I.fresh("look") ? I.row() : null, { look } = I.mine();
      const on = grids().map(([h, w]) => new Float32Array(h * w).fill(-1));
      let peak = 1e-12;
      if (found) look.places.forEach(([k, i, j], position) => {
        if (!k || position < look.class_positions || position >= look.seen) return;
        on[k - 1][i * grids()[k - 1][1] + j] = found.values[position];
        peak = Math.max(peak, found.values[position]);
      });
      const ids = I.maps();
      maps.forEach((map, k) => map.paint(Array.from(on[k], (value, n) => ({
        code: ids?.[k]?.[n] ?? -1, known: value >= 0, changed: false, colour: value < 0 ? "" : `rgb(${T.codebook.ramp(value / peak, [0, 1]).join(" ")})`, value: value < 0 ? "" : `attention ${T.comparing.percent(value)}`,
      }))));
      const { scale, row, column } = I.place(), number = row * grids()[scale - 1][1] + column;
      maps.forEach((map, k) => { map.mark("ts-selected", k === scale - 1 ? [number] : []); map.tab(k === scale - 1 ? number : null); });
      const held = I.mine().about?.order === "raster" ? "A square is a token that was written before." : "A square holds the picture so far at that place: all coarser maps together. Scale 1 holds the class.";
      legend.textContent = found ? `${found.name}. Colour: share of attention, from 0 to ${T.comparing.percent(peak)}; hatched: not seen by this prediction. ${held}` : held;
    });
  });

  T.define("inside-heads", (root) => {
    const sort = T.segment("Order of the heads", SORTS, (value) => { order = value; shape = ""; draw(); });
    const roll = el("button", { type: "button", class: "ts-button", onclick: () => I.put({ head: { layer: null, head: null } }) , text: "All layers, rolled out", "data-tip": "Heads averaged, half of each layer passing straight on (Abnar and Zuidema 2020): an estimate of what reached the prediction in the end." });
    const grid = el("div", { class: "ts-heads", role: "group", "aria-label": "Heads by layer" });
    const section = el("section", { class: "ts-inside-section ts-inside-heads" }, el("div", { class: "ts-head" }, el("h2", { text: "Where each head looked" }), el("span", { class: "ts-row" }, roll, sort)), grid,
      el("p", { class: "ts-caption", text: "Each small square is the whole picture, bright where the head looked; the class is left out. Every square has its own brightest point." }));
    root.append(section);
    let order = "place", shape = "", cells = [];

    const chosen = (layer, head) => { const now = I.mine().head; return now.layer === layer && now.head === head; };
    function one(layer, head, text) {
      const canvas = el("canvas", { "aria-hidden": "true" }), name = el("span", { text });
      const button = el("button", { type: "button", class: "ts-head-map", onclick: () => I.put({ head: { layer, head } }) }, canvas, name);
      cells.push({ layer, head, canvas, button });
      return button;
    }
    function build(look) {
      cells = [];
      const value = (layer, head) => { const found = look.facts[layer][head]; return order === "class" ? -found.class : order === "distance" ? found.distance ?? 9 : found.bits; };
      if (order === "place") {
        grid.style.setProperty("--columns", look.heads + 1);
        grid.replaceChildren(...Array.from({ length: look.layers }, (_, layer) => el("div", { class: "ts-head-row", role: "group", "aria-label": `Layer ${layer + 1}` }, el("span", { class: "ts-caption", text: `Layer ${layer + 1}` }),
          ...Array.from({ length: look.heads }, (_, head) => one(layer, head, `${head + 1}`)), one(layer, null, "mean"))));
        return;
      }
      const all = Array.from({ length: look.layers * look.heads }, (_, n) => [Math.floor(n / look.heads), n % look.heads]).sort((a, b) => value(...a) - value(...b));
      grid.replaceChildren(el("div", { class: "ts-head-sorted" }, all.map(([layer, head]) => one(layer, head, `${layer + 1}.${head + 1}`))));
    }
    function draw() {
      const { look, section: open } = I.mine();
      section.hidden = open !== "heads" || !look;
      sort.show(order);
      roll.setAttribute("aria-pressed", String(chosen(null, null)));
      if (section.hidden) return;
      const now = `${look.layers} ${look.heads} ${order} ${order === "place" ? "" : look.key}`;
      if (now !== shape) { shape = now; build(look); }
      section.classList.toggle("ts-outdated", !I.fresh("look"));
      const L = look.places.length;
      for (const { layer, head, canvas, button } of cells) {
        const from = (layer * look.heads + (head ?? 0)) * L;
        const values = head === null ? look.means[layer] : look.rows.subarray(from, from + L), facts = head === null ? look.mean_facts[layer] : look.facts[layer][head];
        I.paint(canvas, I.spread(values), I.ramp);
        button.setAttribute("aria-pressed", String(chosen(layer, head)));
        button.setAttribute("aria-label", `Layer ${layer + 1}, ${head === null ? "mean" : `head ${head + 1}`}: ${facts.name}, ${T.comparing.percent(facts.class)} on the class`);
        button.dataset.tip = `${facts.name}; class ${T.comparing.percent(facts.class)}, spread ${T.number(facts.bits, 1)} bits`;
      }
    }
    grid.addEventListener("keydown", (event) => {
      const buttons = cells.map(({ button }) => button), n = buttons.indexOf(document.activeElement), width = order === "place" ? I.mine().look.heads + 1 : 1;
      const to = { ArrowRight: n + 1, ArrowLeft: n - 1, ArrowDown: n + width, ArrowUp: n - width }[event.key];
      if (n < 0 || to === undefined || !buttons[to]) return;
      event.preventDefault();
      buttons[to].focus();
      buttons[to].click();
    });
    T.subscribe(root, ["inside", "docs", "selection", "theme"], draw);
  });

  T.define("inside-facts", (root) => {
    const title = el("h2"), name = el("p"), list = el("dl", { class: "ts-facts" }), bars = el("div", { class: "ts-inside-bars" });
    const all = el("div", { class: "ts-inside-facts", hidden: true }, title, name, list, el("h3", { text: "Share of attention" }), bars);
    root.append(all);
    T.subscribe(root, ["inside"], () => {
      const found = I.row();
      all.hidden = !found;
      if (!found) return;
      const { facts } = found, rows = [];
      const add = (label, about, value) => rows.push(el("dt", {}, T.term(label, about)), el("dd", { text: value }));
      title.textContent = found.name;
      name.textContent = `Looked at: ${facts.name}.`;
      add("Distance", "Mean distance on the picture from the predicted cell to what was looked at; 1 is the side of the picture.", facts.distance === null ? "–" : T.number(facts.distance, 2));
      add("Spread", "Entropy of the row in bits: 0 is one place, the binary logarithm of the number of places is all alike.", `${T.number(facts.bits, 1)} of ${T.number(Math.log2(I.mine().look.seen), 1)} bits`);
      list.replaceChildren(...rows);
      const shares = [["class", facts.class], ...facts.scales.map((share, k) => [`scale ${k + 1}`, share])];
      bars.replaceChildren(...shares.map(([text, share]) => el("div", { class: "ts-inside-bar" }, el("span", { text }), el("i", { style: { "--v": `${100 * share}%` } }), el("span", { class: "ts-num", text: T.comparing.percent(share) }))));
    });
  });
})();
