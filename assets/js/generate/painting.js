// Paint: a part of a picture is marked with a brush, the generator draws it again (or everything else), what stays is kept
// exactly: its tokens, and its pixels as they are shown (parts/blends.js). The mask is painted on the finest grid; which tokens stay at coarser scales is asked of the server, which uses
// the generator's own rule. Counterpart: explorer/ui/generate/painting.py. The run itself is T.generate.start with `given` and `keep`;
// it tells "painted" when it is done.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;
  const SIZES = [1, 2, 3];
  const MOST_UNDONE = 100;
  const HOW = [
    { value: "inside", text: "Draw inside again", tip: "In-painting: what you painted is drawn again; everything else keeps its tokens and, as shown, its pixels." },
    { value: "outside", text: "Draw the rest again", tip: "Out-painting: what you painted keeps its tokens and, as shown, its pixels; everything around it is drawn again." },
  ];
  let server = null;
  T.connectPainting = (wire) => { server = wire.server; ask(); };

  // painted: 0/1 of every cell of the finest grid; scales: 0/1 of every scale, 1 = stays, as the server says
  state.painting = { open: false, of: "run", how: "inside", size: 1, painted: null, undone: [], scales: null, kept: 0, total: 0, seed: 1, problem: null };
  const mine = () => state.painting;
  const put = (patch) => T.set({ painting: { ...mine(), ...patch } });
  const doc = () => state.docs[mine().of];
  const run = () => state.docs.run;
  const grid = () => { const [h, w] = state.model.grids.at(-1); return { h, w }; };
  const blank = () => new Array(grid().h * grid().w).fill(0);
  const painted = () => mine().painted || blank();
  const mask = () => painted().map((one) => (mine().how === "inside" ? 1 - one : one));
  const some = () => painted().some(Boolean);

  // the mask at every scale: one question at a time, the newest last
  let asking = false, again = false;
  async function ask() {
    if (!server || !state.model?.classes) return;
    if (asking) { again = true; return; }
    asking = true;
    const answer = await server.masks({ mask: mask() }).catch(() => null);
    asking = false;
    if (again) { again = false; return ask(); }
    if (!answer || answer.problem) return put({ problem: answer?.problem || "The server did not answer. What you painted is unchanged; paint on to ask again." });
    put({ ...answer, problem: null });
  }
  function change(cells, undo = true) {
    const undone = undo ? [...mine().undone, painted()].slice(-MOST_UNDONE) : mine().undone;
    put({ painted: cells, undone });
    ask();
  }
  const how = (value) => { put({ how: value }); ask(); };
  function undo() {
    const before = mine().undone.at(-1);
    if (!before) return;
    put({ painted: before, undone: mine().undone.slice(0, -1) });
    ask();
  }
  // the cells under the brush when its middle is at n
  function brush(n, value, cells) {
    const { h, w } = grid(), { size } = mine(), i = Math.floor(n / w), j = n % w;
    const first = -Math.floor((size - 1) / 2);
    const next = [...cells];
    for (let y = i + first; y < i + first + size; y++) for (let x = j + first; x < j + first + size; x++) if (y >= 0 && x >= 0 && y < h && x < w) next[y * w + x] = value;
    return next;
  }

  const complete = (view) => view?.scales?.every((scale) => scale.ids?.every((id) => id >= 0));
  const fits = (view) => view?.scales?.length === state.model.grids.length && view.scales.every((scale, k) => scale.h === state.model.grids[k][0] && scale.w === state.model.grids[k][1]);
  const picture = (view) => T.blends.final(view);
  function obstacle() {
    if (state.running) return "A run is under way; wait for it, or stop it.";
    if (!doc()) return "There is no picture to paint on yet.";
    if (!fits(doc())) return "This picture's token maps have other sizes than the generator's.";
    if (!complete(doc())) return "This picture is not complete. Let a run finish first.";
    return some() ? "" : "Nothing is painted yet.";
  }
  function draw(label) {
    const view = doc(), { kept, total, how: way, seed } = mine();
    const note = way === "inside" ? "painted" : "painted around";
    const from = mine().of === "session" ? ` of ${view.title}` : "";
    put({ seed: Math.min(seed + 1, 2 ** 31 - 8) }); // pressed again: other noise
    T.generate.start(label, {
      seed, given: view.scales.map((scale) => scale.ids), keep: { mask: mask() }, before: picture(view), note, did: "painted", root: mine().of === "session",
      what: `Painted: ${T.count(total - kept, "token")}${from} drawn again`,
    });
  }
  T.painting = { ask, change, how, undo };

  T.define("painting", (root) => {
    const toggle = el("button", { type: "button", class: "ts-button ts-plain ts-more-toggle", "aria-controls": "ts-painting", onclick: () => { put({ open: !mine().open }); if (mine().open) ask(); } });
    const of = T.segment("Picture to paint on", [{ value: "run", text: "This picture", tip: "The picture that stands in Generate." }, { value: "session", text: "The picture of Edit", tip: "The tokens that stand in Inspect and Edit, as they are now. A photo can be painted on too." }], (value) => put({ of: value }));
    const image = el("img", { draggable: "false" });
    const cells = el("div", { class: "ts-keep-cells", role: "grid", "aria-multiselectable": "true" });
    const canvas = el("div", { class: "ts-keep" }, image, cells);
    const way = T.segment("What is drawn again", HOW, how);
    const size = T.segment("Brush, in cells", SIZES.map((n) => ({ value: String(n), text: String(n), tip: n === 1 ? "One cell of the finest token map." : `${n} by ${n} cells of the finest token map.` })), (value) => put({ size: Number(value) }));
    const button = (text, tip, act) => el("button", { type: "button", class: "ts-button", text, "data-tip": tip, onclick: act });
    const back = button("Undo", "Takes the last stroke back.", undo);
    const invert = button("Invert", "Painted and unpainted cells change places.", () => change(painted().map((one) => 1 - one)));
    const clear = button("Clear", "No cell is painted.", () => change(blank()));
    const strip = el("div", { class: "ts-paint-scales ts-columns" });
    const says = el("p", { class: "ts-paint-says", role: "status" });
    const about = el("p", { class: "ts-caption" });
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const label = el("select", { id: "ts-paint-class", class: "ts-field ts-select" });
    const seed = el("input", { id: "ts-paint-seed", class: "ts-field", type: "number", min: 0, max: 2 ** 31 - 8, onchange: () => put({ seed: T.seedOf(seed, { kept: mine().seed, largest: 2 ** 31 - 8 }) }) });
    const go = el("button", { type: "button", class: "ts-button ts-main", text: "Draw again", onclick: () => { const why = obstacle(); if (why) return; draw(label.value); } });
    const why = el("span", { class: "ts-caption" });
    const setting = (name, ...parts) => el("div", { class: "ts-setting" }, el("span", { text: name }), ...parts);
    const body = el("div", { id: "ts-painting", class: "ts-painting" },
      el("div", { class: "ts-paint-left" }, of, canvas, el("p", { class: "ts-caption", text: "Drag to paint; begin on a painted cell to erase. With the keyboard, arrows move and space paints or erases." })),
      el("div", { class: "ts-paint-right" },
        setting("Painted", way), setting("Brush", el("div", { class: "ts-row" }, size, back, invert, clear)),
        el("h3", { text: "What stays, at every scale (kept / all tokens)" }), strip, says, about, failed,
        el("div", { class: "ts-row ts-paint-go" }, el("label", { for: "ts-paint-class", text: "Class" }), label, el("label", { for: "ts-paint-seed", text: "Seed" }), seed, go, why)));
    root.append(toggle, body);
    let at = 0;
    let shape = "";
    let maps = [];

    function build() {
      const { h, w } = grid();
      at = 0;
      cells.style.setProperty("--h", h);
      cells.style.setProperty("--w", w);
      cells.setAttribute("aria-label", `Cells of the finest token map, ${h} by ${w}`);
      cells.replaceChildren(...Array.from({ length: h }, (_, i) => el("div", { role: "row" }, Array.from({ length: w }, (_, j) => {
        const cell = el("div", { class: "ts-keep-cell", role: "gridcell", tabindex: i || j ? -1 : 0 });
        cell.n = i * w + j;
        return cell;
      }))));
      const sizes = state.model.grids.map(([rows, columns]) => ({ h: rows, w: columns }));
      strip.style.setProperty("--ts-columns", sizes.length > 1 ? geometry.columns(sizes) : "minmax(0, 160px)");
      maps = sizes.map((scale) => {
        const inner = Array.from({ length: scale.h * scale.w }, () => el("i", { class: "ts-cell" }));
        const map = el("div", { class: "ts-map", role: "img", style: { "--h": scale.h, "--w": scale.w } }, inner);
        const text = el("figcaption", { class: "ts-num" });
        return { inner, map, text, figure: el("figure", {}, map, text) };
      });
      strip.replaceChildren(...maps.map(({ figure }) => figure));
    }
    const all = () => [...cells.querySelectorAll(".ts-keep-cell")];

    // pointer: a stroke paints, or erases where it begins on paint; fast moves leave no gaps
    let stroke = null; // {value, n, pointer}
    function cellAt(event) {
      const box = cells.getBoundingClientRect(), { h, w } = grid();
      const place = (v, n) => Math.max(0, Math.min(n - 1, Math.floor(v * n)));
      return place((event.clientY - box.top) / box.height, h) * w + place((event.clientX - box.left) / box.width, w);
    }
    function line(from, to) {
      const { w } = grid(), [y0, x0, y1, x1] = [Math.floor(from / w), from % w, Math.floor(to / w), to % w];
      const steps = Math.max(Math.abs(y1 - y0), Math.abs(x1 - x0), 1);
      return Array.from({ length: steps }, (_, s) => Math.round(y0 + ((y1 - y0) * (s + 1)) / steps) * w + Math.round(x0 + ((x1 - x0) * (s + 1)) / steps));
    }
    cells.addEventListener("pointerdown", (event) => {
      if (event.button || state.running) return;
      event.preventDefault();
      const n = cellAt(event);
      stroke = { value: 1 - painted()[n], n, pointer: event.pointerId };
      cells.setPointerCapture(event.pointerId);
      change(brush(n, stroke.value, painted()));
      reach(n);
    });
    cells.addEventListener("pointermove", (event) => {
      if (!stroke || event.pointerId !== stroke.pointer) return;
      const n = cellAt(event);
      if (n === stroke.n) return;
      change(line(stroke.n, n).reduce((now, one) => brush(one, stroke.value, now), painted()), false);
      stroke.n = n;
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) cells.addEventListener(kind, () => { stroke = null; });
    function reach(n) {
      const list = all();
      list[at].tabIndex = -1;
      at = n;
      list[at].tabIndex = 0;
      list[at].focus({ preventScroll: true });
    }
    cells.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); event.stopPropagation(); return undo(); }
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const { h, w } = grid(), [i, j] = [Math.floor(at / w), at % w];
      const to = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], Home: [i, 0], End: [i, w - 1] }[event.key];
      if (event.key === " " || event.key === "Enter") { if (!state.running) change(brush(at, 1 - painted()[at], painted())); }
      else if (to) reach(Math.max(0, Math.min(h - 1, to[0])) * w + Math.max(0, Math.min(w - 1, to[1])));
      else return;
      event.preventDefault();
    });

    function classes() {
      const key = state.model.classes.length;
      if (label.childElementCount === key + 1) return;
      label.replaceChildren(...state.model.classes.map(({ name }) => el("option", { value: name, text: T.generate.words(name) })), el("option", { value: "", text: "any picture" }));
      label.value = run()?.label ?? state.model.classes[0].name;
    }
    function cellsNow() {
      const now = painted(), { w } = grid();
      for (const cell of all()) {
        const on = now[cell.n], stays = mine().how === "inside" ? !on : Boolean(on);
        const look = `${on}${stays}`;
        if (cell.look === look) continue;
        cell.look = look;
        cell.classList.toggle("ts-unkept", !stays);
        cell.classList.toggle("ts-on", Boolean(on));
        cell.setAttribute("aria-selected", String(Boolean(on)));
        cell.setAttribute("aria-label", `row ${Math.floor(cell.n / w) + 1} column ${(cell.n % w) + 1}, ${on ? "painted" : "not painted"}, ${stays ? "stays" : "drawn again"}`);
      }
    }
    function scalesNow() {
      const { scales } = mine();
      maps.forEach(({ inner, map, text }, k) => {
        const kept = scales?.[k], own = fits(doc()) ? doc().scales[k] : null;
        inner.forEach((cell, n) => {
          const stays = kept ? kept[n] : 1;
          cell.classList.toggle("ts-unkept", !stays);
          cell.style.setProperty("--c", (stays && own?.colours?.[n]) || "transparent");
        });
        const count = kept ? kept.reduce((a, b) => a + b, 0) : inner.length;
        text.textContent = `${count}/${inner.length}`;
        map.setAttribute("aria-label", `Scale ${k + 1}: ${count} of ${T.count(inner.length, "token")} ${count === 1 ? "stays" : "stay"}`);
      });
    }
    function rule() {
      if (state.model.order === "raster") {
        return "This model goes row by row from the top left. It puts a kept token where its turn comes, and cannot look ahead: a drawn cell does not know what is kept to its right in later rows or below it, so the lower and right seams may not fit.";
      }
      return "Every drawn token sees all coarser maps, so also what stays around it. A token of a coarser map stays when more than half of it does; a map of up to three tokens always stays, since it holds the mean look of the whole picture.";
    }

    T.subscribe(root, ["painting", "docs", "model", "running"], (keys) => {
      toggle.hidden = !state.model?.classes; // not the root: parts out of sight are not told of changes
      if (toggle.hidden) { body.hidden = true; return; }
      const { open, of: which, how: now, size: wide, kept, total, undone, problem } = mine();
      toggle.setAttribute("aria-expanded", open);
      toggle.textContent = open ? "Put the brush away" : "Paint a part and draw it again";
      body.hidden = !open;
      if (!open) return;
      const sizes = JSON.stringify(state.model.grids);
      if (sizes !== shape) { shape = sizes; build(); }
      classes();
      of.show(which);
      of.refuse("session", state.docs.session ? "" : "No picture is open in Edit.");
      way.show(now);
      size.show(String(wide));
      canvas.style.setProperty("--ratio", doc()?.ratio || 1);
      const uri = picture(doc());
      image.hidden = !uri;
      if (uri && image.getAttribute("src") !== uri) image.src = uri;
      image.alt = `Picture to paint on: ${doc()?.title || "none"}`;
      cellsNow();
      if (keys.has("painting") || keys.has("docs")) scalesNow();
      back.disabled = !undone.length;
      clear.disabled = !some();
      invert.disabled = false;
      if (document.activeElement !== seed) seed.value = mine().seed;
      says.textContent = !some() ? "Nothing is painted yet: every token stays." : !total ? "" : `${kept} of ${T.count(total, "token")} kept exactly, ${total - kept} drawn again.`;
      if (!some() && now === "outside") says.textContent = "Nothing is painted yet. Paint what is to stay.";
      about.textContent = rule();
      failed.hidden = !problem;
      failed.textContent = problem || "";
      const stops = obstacle();
      go.disabled = Boolean(stops);
      why.textContent = some() || !stops.startsWith("Nothing") ? stops : "";
    });
  });
})();
