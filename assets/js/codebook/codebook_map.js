// The codebook map: every code as a point. Move (drag, wheel when the map has the focus, two fingers), zoom, pick, lasso
// or box; arrow keys go to the nearest code in that direction. The selected code is the page's one selection; lines lead
// to its nearest codes by true distance, which shows what the plane has torn apart.
(() => {
  const T = window.Tokenscope;
  const HINT = 1800; // ms
  const { el, state } = T;
  const PLANES = [
    { value: "pca", text: "PCA", tip: "The two directions in which the codes differ most; a straight view, there at once." },
    { value: "umap", text: "UMAP", tip: "A bent plane that keeps near codes near." },
  ];
  const COLOURS = [
    { value: "code", text: "Code", tip: "The colour that the code has everywhere on this page." },
    { value: "use", text: "Use", tip: "How many tokens are this code." },
    { value: "norm", text: "Norm", tip: "The length of the code's vector." },
    { value: "scale", text: "Scale", tip: "At which scales the code occurs." },
    { value: "mean", text: "Swatch", tip: "What the code decodes to when nothing else is there." },
  ];
  const TOOLS = [
    { value: "move", text: "Move", tip: "Drag to move the map. Shift and drag chooses codes in a box." },
    { value: "lasso", text: "Lasso", tip: "Draw around codes to choose them." },
    { value: "box", text: "Box", tip: "Draw a rectangle to choose the codes in it." },
  ];
  const MAX_ZOOM = 60;
  const PADDING = 20;
  const HELP = "Arrow keys go to the nearest code in that direction, plus and minus zoom, 0 shows all codes.";

  T.define("codebook-map", (root) => {
    const help = `ts-codemap-help-${document.querySelectorAll(".ts-codemap").length}`; // the map also stands in Learn
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    const plane = T.segment("Plane", PLANES, (value) => { T.codebook.put({ plane: value }); });
    const colour = T.segment("Colour", COLOURS, (value) => T.codebook.put({ colour: value }));
    const tool = T.segment("Tool", TOOLS, (value) => { tool.value = value; tool.show(value); box.dataset.tool = value; });
    const base = el("canvas", { class: "ts-dots", "aria-hidden": "true" });
    const over = el("canvas", { class: "ts-over-dots", "aria-hidden": "true" });
    const label = el("div", { class: "ts-code-tip", hidden: true });
    const empty = el("div", { class: "ts-map-state" });
    const box = el("div", { class: "ts-codemap", tabindex: "0", role: "application", "aria-roledescription": "map of codes", "aria-describedby": help }, base, over, empty);
    const tools = el("div", { class: "ts-map-corner ts-l" }, tool);
    const zooms = el("div", { class: "ts-map-corner ts-zooms" }, [["+", "Zoom in", () => zoomBy(1.6)], ["−", "Zoom out", () => zoomBy(1 / 1.6)], ["All", "Show all codes", () => fit(true)]]
      .map(([text, about, act]) => el("button", { type: "button", text, "aria-label": about, onclick: act })));
    const goto = el("input", { class: "ts-field", type: "number", min: 0, "aria-label": "Go to code", placeholder: "code" });
    goto.addEventListener("change", () => { if (goto.value !== "" && +goto.value >= 0 && +goto.value < codes()) { T.codebook.select(+goto.value); reveal(+goto.value); } });
    const legend = el("div", { class: "ts-legend" });
    const read = el("p", { class: "ts-read", role: "status" });
    const caption = el("p", { class: "ts-caption ts-plane-caption" });
    root.append(title, sub,
      el("div", { class: "ts-map-tools" }, plane, el("span", { class: "ts-inline" }, el("span", { text: "Colour" }), colour), el("label", { class: "ts-inline ts-goto" }, el("span", { text: "Go to" }), goto)),
      el("div", { class: "ts-codemap-frame" }, box, tools, zooms, label), legend, read, caption, el("p", { class: "ts-hidden", id: help, text: HELP }));
    tool.value = "move";
    tool.show("move");
    box.dataset.tool = "move";

    const context = base.getContext("2d", { alpha: false });
    const upper = over.getContext("2d");
    let at = null; // places of the codes on the plane now shown: x, y, x, y …
    let bounds = null;
    let view = { zoom: 1, x: 0, y: 0 }; // x, y: the middle, in places
    let xs = new Float32Array(0);
    let ys = new Float32Array(0);
    let order = new Uint32Array(0);
    let paint = null;
    let style = new Uint8Array(0);
    let hovered = null;
    let near = []; // nearest codes of the selected one
    let outline = null; // lasso or box being drawn, css pixels
    let size = { width: 0, height: 0, ratio: 1 };
    let dirty = false;

    const codes = () => state.codebook.ready?.codes || 0;
    const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

    // view: places to css pixels, one scale for both axes
    const scale = () => view.zoom * Math.min((size.width - 2 * PADDING) / bounds.width, (size.height - 2 * PADDING) / bounds.height);
    const place = (v) => [size.width / 2 + (at[2 * v] - view.x) * scale(), size.height / 2 - (at[2 * v + 1] - view.y) * scale()];
    const diameter = () => Math.min(44, Math.max(3, Math.min(11, Math.sqrt((0.35 * size.width * size.height) / codes()))) * view.zoom ** 0.7);

    function measure(places) {
      let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
      for (let n = 0; n < places.length; n += 2) { x0 = Math.min(x0, places[n]); x1 = Math.max(x1, places[n]); y0 = Math.min(y0, places[n + 1]); y1 = Math.max(y1, places[n + 1]); }
      return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, width: Math.max(1e-6, x1 - x0), height: Math.max(1e-6, y1 - y0) };
    }
    function fit(draw) {
      if (!bounds) return;
      view = { zoom: 1, x: bounds.x, y: bounds.y };
      if (draw) redraw();
    }
    function zoomBy(factor, x = size.width / 2, y = size.height / 2) {
      if (!at) return;
      const before = [(x - size.width / 2) / scale(), (size.height / 2 - y) / scale()];
      view.zoom = Math.min(MAX_ZOOM, Math.max(0.6, view.zoom * factor));
      view.x += before[0] - (x - size.width / 2) / scale();
      view.y += before[1] - (size.height / 2 - y) / scale();
      redraw(true);
    }
    function move(dx, dy) { view.x -= dx / scale(); view.y += dy / scale(); redraw(true); }
    function reveal(v) { // moves the map when the code lies outside
      const [x, y] = place(v);
      if (x < 12 || y < 12 || x > size.width - 12 || y > size.height - 12) { view.x = at[2 * v]; view.y = at[2 * v + 1]; redraw(); }
    }

    // while the map moves it is drawn at one pixel per css pixel, sharp again when it rests: 60 frames a second then
    // hold for 16,384 codes on one slow core (2 ms a frame instead of 9 to 18 on a display of double density)
    let rest = 0;
    function redraw(moving = false) {
      if (moving && size.ratio > 1) {
        clearTimeout(rest);
        rest = setTimeout(() => { rest = 0; redraw(); }, 120);
      }
      if (!dirty) { dirty = true; requestAnimationFrame(() => { dirty = false; draw(rest ? 1 : size.ratio); }); }
    }
    function draw(k) {
      if (!at || !size.width) return;
      const [wide, high] = [Math.round(size.width * k), Math.round(size.height * k)];
      if (base.width !== wide || base.height !== high) { base.width = wide; base.height = high; }
      const s = scale() * k;
      const [cx, cy] = [(size.width * k) / 2, (size.height * k) / 2];
      for (let v = 0; v < xs.length; v++) { xs[v] = cx + (at[2 * v] - view.x) * s; ys[v] = cy - (at[2 * v + 1] - view.y) * s; }
      const paper = getComputedStyle(box).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number);
      T.drawPoints(context, { width: base.width, height: base.height, paper, xs, ys, order, colours: paint.bytes, style, diameter: diameter() * k, sheet: paint.sheet });
      mark();
    }

    // what lies above the points: rings, lines to neighbours, the lasso
    function mark() {
      const k = size.ratio;
      upper.setTransform(k, 0, 0, k, 0, 0);
      upper.clearRect(0, 0, size.width, size.height);
      if (!at) return;
      const look = getComputedStyle(box);
      const [light, dark, accent, text] = ["--ts-ring-inner", "--ts-ring-outer", "--ts-accent", "--ts-text"].map((name) => look.getPropertyValue(name).trim());
      const radius = diameter() / 2;
      const chosen = T.codebook.selected();
      const ring = (v, extra, lines) => lines.forEach(([width, ink]) => { const [x, y] = place(v); upper.beginPath(); upper.arc(x, y, radius + extra, 0, 7); upper.lineWidth = width; upper.strokeStyle = ink; upper.stroke(); });
      if (chosen !== null && chosen < codes()) {
        const [x, y] = place(chosen);
        for (const other of near) {
          const [x2, y2] = place(other);
          upper.beginPath(); upper.moveTo(x, y); upper.lineTo(x2, y2);
          upper.lineWidth = 3; upper.strokeStyle = look.backgroundColor; upper.stroke();
          upper.lineWidth = 1; upper.strokeStyle = text; upper.stroke();
        }
        near.forEach((v) => ring(v, 2, [[3, light], [1, dark]]));
        ring(chosen, 4, [[5, dark], [3, light]]);
        ring(chosen, 7, [[1, dark]]);
      }
      const point = hovered ?? state.codebook.near;
      if (point !== null && point < codes()) ring(point, 3, [[4, dark], [2, light]]);
      if (outline?.length > 1) {
        upper.beginPath();
        outline.forEach(([x, y], n) => (n ? upper.lineTo(x, y) : upper.moveTo(x, y)));
        upper.closePath();
        upper.lineWidth = 1.5; upper.strokeStyle = accent; upper.stroke();
        upper.globalAlpha = 0.1; upper.fillStyle = accent; upper.fill(); upper.globalAlpha = 1;
      }
    }

    // the code nearest to a point, within reach
    function codeUnder(x, y, reach) {
      if (!at) return null;
      const s = scale();
      const [px, py] = [view.x + (x - size.width / 2) / s, view.y - (y - size.height / 2) / s];
      let best = null;
      let least = (Math.max(reach, diameter() / 2 + 2) / s) ** 2;
      for (let v = 0; v < codes(); v++) {
        const d = (at[2 * v] - px) ** 2 + (at[2 * v + 1] - py) ** 2;
        if (d < least) { least = d; best = v; }
      }
      return best;
    }
    // the nearest code in a direction: within 45 degrees of it, sideways distance counting twice
    function neighbour(from, dx, dy) {
      let best = null;
      let least = Infinity;
      for (let v = 0; v < codes(); v++) {
        const [x, y] = [at[2 * v] - at[2 * from], at[2 * v + 1] - at[2 * from + 1]];
        const along = x * dx - y * dy;
        const across = Math.abs(dx ? y : x);
        if (v === from || along <= 0 || across > along) continue;
        if (along + 2 * across < least) { least = along + 2 * across; best = v; }
      }
      return best;
    }
    function inside(polygon) {
      const found = [];
      for (let v = 0; v < codes(); v++) {
        const [x, y] = place(v);
        let within = false;
        for (let n = 0, m = polygon.length - 1; n < polygon.length; m = n++) {
          const [[x1, y1], [x2, y2]] = [polygon[n], polygon[m]];
          if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) within = !within;
        }
        if (within) found.push(v);
      }
      return found;
    }

    function hover(v, x, y) {
      hovered = v;
      label.hidden = v === null;
      if (v !== null) {
        const [name, ...rest] = T.codebook.facts(v);
        const tile = el("span", { class: "ts-tip-tile", style: T.codebook.tile(v, 48) });
        if (!state.codebook.ready.sheet) T.swatchOf(v).then((uri) => { if (uri && hovered === v) tile.style.background = `url(${uri}) 0 0 / 48px`; });
        label.replaceChildren(tile, el("span", {}, el("b", { text: name }), ...rest.map((text) => el("span", { text }))));
        label.style.left = `${Math.min(x + 16, size.width - label.offsetWidth - 4)}px`;
        label.style.top = `${y + 16 + label.offsetHeight > size.height ? y - label.offsetHeight - 12 : y + 16}px`;
      }
      mark();
    }

    // pointers: one drags, draws or picks; two zoom
    const fingers = new Map();
    let start = null;
    const spot = (event) => { const area = box.getBoundingClientRect(); return [event.clientX - area.left, event.clientY - area.top]; };
    box.addEventListener("pointerdown", (event) => {
      if (event.button || !at) return;
      box.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, spot(event));
      start = { at: spot(event), moved: fingers.size > 1, tool: event.shiftKey ? "box" : tool.value, add: event.shiftKey && tool.value !== "move" };
      outline = null;
      hover(null);
    });
    box.addEventListener("pointermove", (event) => {
      const [x, y] = spot(event);
      const last = fingers.get(event.pointerId);
      if (!last) {
        if (event.pointerType === "mouse" && at) { const v = codeUnder(x, y, 10); if (v !== hovered) hover(v, x, y); }
        return;
      }
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const [before, after] = [last, [x, y]].map((one) => Math.hypot(one[0] - other[0], one[1] - other[1]));
        if (before > 4) zoomBy(after / before, (x + other[0]) / 2, (y + other[1]) / 2);
        move((x - last[0]) / 2, (y - last[1]) / 2);
      } else if (start.moved || Math.hypot(x - start.at[0], y - start.at[1]) > 4) {
        start.moved = true;
        if (start.tool === "move") move(x - last[0], y - last[1]);
        else if (start.tool === "box") outline = [start.at, [x, start.at[1]], [x, y], [start.at[0], y]];
        else (outline ||= [start.at]).push([x, y]);
        if (outline) mark();
      }
      fingers.set(event.pointerId, [x, y]);
    });
    box.addEventListener("pointerup", (event) => {
      if (!fingers.delete(event.pointerId) || !start) return;
      const [x, y] = spot(event);
      if (!start.moved) {
        const v = codeUnder(x, y, event.pointerType === "mouse" ? 10 : 22);
        if (v !== null) T.codebook.select(v);
      } else if (outline?.length > 2) T.codebook.choose(inside(outline), start.tool === "box" ? "in the box" : "inside the lasso");
      outline = null;
      if (!fingers.size) start = null;
      mark();
    });
    box.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); outline = null; start = null; });
    box.addEventListener("pointerleave", () => { if (!fingers.size) hover(null); });
    box.addEventListener("dblclick", (event) => { if (tool.value === "move") zoomBy(2, ...spot(event)); });
    const wheel = el("p", { class: "ts-wheel-hint", "aria-hidden": "true", text: "Ctrl + wheel zooms the map. After a click on it the wheel alone does." });
    box.append(wheel);
    let fading = 0;
    function hint() {
      wheel.classList.add("ts-on");
      clearTimeout(fading);
      fading = setTimeout(() => wheel.classList.remove("ts-on"), HINT);
    }
    box.addEventListener("wheel", (event) => {
      if (!at) return;
      if (!(event.ctrlKey || event.metaKey || document.activeElement === box)) return hint(); // the page scrolls
      event.preventDefault();
      zoomBy(2 ** (-event.deltaY / 240), ...spot(event));
    }, { passive: false });
    box.addEventListener("keydown", (event) => {
      if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (way) {
        const from = T.codebook.selected();
        const next = from === null ? codeUnder(size.width / 2, size.height / 2, Infinity) : neighbour(from, ...way);
        if (next !== null) { T.codebook.select(next); reveal(next); }
      } else if (event.key === "+" || event.key === "=") zoomBy(1.6, ...middle());
      else if (event.key === "-") zoomBy(1 / 1.6, ...middle());
      else if (event.key === "0") fit(true);
      else if (event.key === "Escape") T.codebook.choose(null);
      else return;
      event.preventDefault();
    });
    const middle = () => { const v = T.codebook.selected(); return v === null ? [size.width / 2, size.height / 2] : place(v); };

    new ResizeObserver(() => {
      const ratio = Math.min(2, devicePixelRatio || 1);
      const [width, height] = [box.clientWidth, box.clientHeight];
      if (!width || (width === size.width && height === size.height && ratio === size.ratio)) return;
      size = { width, height, ratio };
      over.width = Math.round(width * ratio);
      over.height = Math.round(height * ratio);
      draw(ratio);
    }).observe(box);

    // to another plane in one short move, so that the eye can follow a code
    function show(places) {
      const target = measure(places);
      if (!at || still() || at.length !== places.length) { at = places; bounds = target; return fit(true); }
      const [from, begin] = [at, performance.now()];
      const step = (now) => {
        const share = Math.min(1, Math.max(0, (now - begin) / 150));
        if (shown?.at !== places) return; // another plane was asked for meanwhile
        at = share < 1 ? places.map((value, n) => from[n] + share * (value - from[n])) : places;
        bounds = share < 1 ? measure(at) : target;
        fit(false);
        draw(share < 1 ? 1 : size.ratio);
        if (share < 1) requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    }

    function dress() {
      const { ready, colour: mode, chosen } = state.codebook;
      paint = T.codebook.colouring(mode);
      style = Uint8Array.from(paint.unused);
      order = Uint32Array.from({ length: ready.codes }, (_, v) => v);
      if (chosen) {
        const kept = new Uint8Array(ready.codes);
        for (const v of chosen.codes) kept[v] = 1;
        for (let v = 0; v < ready.codes; v++) if (!kept[v]) style[v] |= 2;
        order = order.sort((a, b) => kept[a] - kept[b]);
      } else if (mode === "use" || mode === "scale") order = order.sort((a, b) => paint.unused[b] - paint.unused[a]); // used codes on top
      const { legend: about } = paint;
      const done = state.codebook.waiting.sheet?.done;
      const words = paint.waiting ? `Decoding every code alone: ${T.count(done || 0, "code")} of ${ready.codes.toLocaleString("en")}. Until then the page's own colours are shown.` : about.text;
      legend.replaceChildren(...[
        about.gradient ? el("span", { class: "ts-ramp" }, el("span", { class: "ts-num", text: about.low }), el("i", { style: { background: about.gradient } }), el("span", { class: "ts-num", text: about.high })) : null,
        about.unused ? el("span", { class: "ts-unused", text: about.unused }) : null,
        el("span", { text: words }),
      ].filter(Boolean));
    }

    let shown = null;
    let asked = null; // the code whose nearest codes are shown, or on their way
    async function neighbours(code) {
      asked = code;
      near = [];
      const card = code === null ? null : await T.link.card(code);
      if (!card || code !== asked) return;
      near = card.near.map((one) => one.id);
      mark();
    }

    T.subscribe(root, ["codebook", "selection", "docs", "theme"], (keys) => {
      const { ready, problem, plane: wanted, waiting } = state.codebook;
      plane.show(wanted);
      colour.show(state.codebook.colour);
      empty.hidden = Boolean(ready && ready.planes[wanted]);
      if (!ready) {
        title.textContent = problem || "Loading the codebook …";
        empty.replaceChildren(problem ? el("button", { type: "button", class: "ts-button", text: "Try again", onclick: T.codebook.load }) : el("p", { text: "Every code will be a point here." }));
        return;
      }
      headline(ready);
      goto.max = ready.codes - 1;
      if (xs.length !== ready.codes) { xs = new Float32Array(ready.codes); ys = new Float32Array(ready.codes); }
      const now = ready.planes[wanted];
      caption.textContent = now ? now.caption : "";
      if (!now) empty.replaceChildren(el("p", { text: pending(waiting.umap) }), el("button", { type: "button", class: "ts-button", text: "Show PCA", onclick: () => T.codebook.put({ plane: "pca" }) }));
      if (keys.has("codebook") || keys.has("theme")) dress();
      const code = T.codebook.selected();
      if (now && now !== shown) { shown = now; show(now.at); }
      if (shown && code !== asked) neighbours(code);
      read.textContent = code === null ? "Point at a code to see it; click to select it." : `${T.codebook.facts(code).join(", ")}. Lines lead to its ${near.length || 8} nearest codes.`;
      box.setAttribute("aria-label", `${ready.codes.toLocaleString("en")} codes by ${wanted.toUpperCase()}${code === null ? "" : `, code ${code} selected`}`);
      redraw();
    });

    function pending(news) {
      if (news?.problem) return `There is no UMAP of this codebook: ${news.problem}. PCA shows it all the same.`;
      const left = news?.seconds;
      return `Computing UMAP in the background${left ? `, about ${left} s` : ", longer than expected: this machine is busy"}. It appears here by itself and is kept for next time; the page stays usable.`;
    }
    function headline(ready) {
      const usage = T.codebook.current();
      title.textContent = usage
        ? `${usage.total.distinct.toLocaleString("en")} of ${ready.codes.toLocaleString("en")} codes occur in ${T.count(usage.total.tokens, "token")} of ${usage.of}.`
        : `${T.count(ready.codes, "code")} of ${ready.dimensions} numbers each.`;
      sub.replaceChildren("Each point is one ", T.term("code", "One row of the codebook, the table of vectors that tokens point to."), ": a vector of ", `${ready.dimensions} numbers, laid on a plane so that codes alike lie close. Click one to select it everywhere on the page.`);
    }
    T.codebook.open();
  });
})();
