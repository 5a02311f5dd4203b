// Tokenizers side by side, in numbers: the crop enlarged, PSNR against bits, the table that can be sorted and saved.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const S = () => T.sideBySide;

  // --- the same place in every picture ---------------------------------------------------------------------------

  const images = new Map(); // data URI -> Image
  function image(uri, redraw) {
    if (!images.has(uri)) {
      if (images.size > 24) images.delete(images.keys().next().value);
      const one = new Image();
      one.onload = redraw;
      one.src = uri;
      images.set(uri, one);
    }
    const one = images.get(uri);
    return one.complete && one.naturalWidth ? one : null;
  }
  const SIDE = 144; // pixels of an enlarged crop
  function enlarge(canvas, uri, [top, left, height, width], redraw) {
    const picture = image(uri, redraw);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, SIDE, SIDE);
    if (!picture) return;
    const [w, h] = [picture.naturalWidth, picture.naturalHeight];
    pen.imageSmoothingEnabled = false;
    pen.drawImage(picture, left * w, top * h, width * w, height * h, 0, 0, SIDE, SIDE);
  }
  // the token of the finest map under the middle of the place
  function tokenAt(row, [top, left, height, width]) {
    const map = row.maps.at(-1);
    const [i, j] = [Math.min(map.h - 1, Math.floor((top + height / 2) * map.h)), Math.min(map.w - 1, Math.floor((left + width / 2) * map.w))];
    return { i, j, code: map.ids[i * map.w + j], colour: map.colours[i * map.w + j] };
  }

  T.define("tokenizers-magnifier", (root) => {
    const where = el("p", { class: "ts-caption", role: "status" });
    const list = el("div", { class: "ts-lenses" });
    const problem = el("p", { class: "ts-failed", role: "alert", hidden: true });
    root.append(el("div", { class: "ts-head" }, el("h2", {}, T.term("The same place, enlarged", "Point at a picture to move it, click to keep it. Arrow keys move the frame when it has the focus."))), where, problem, list);
    let lenses = [];
    let drawn = null;
    function build(rows) {
      lenses = rows.map((row) => {
        const [left, right] = [el("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": `Input at this place, as ${row.name} reads it` }), el("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": `${row.name} at this place` })];
        const facts = el("p", { class: "ts-caption" });
        return { row, left, right, facts, node: el("figure", { class: "ts-lens" }, el("figcaption", {}, el("b", { text: row.name })), el("div", { class: "ts-lens-pair" }, el("span", {}, left, el("small", { text: "input" })), el("span", {}, right, el("small", { text: "decoded" }))), facts) };
      });
      list.replaceChildren(...lenses.map(({ node }) => node));
    }
    function draw() {
      const place = S().placeNow();
      for (const { row, left, right, facts } of lenses) {
        enlarge(left, row.input, place, draw);
        enlarge(right, row.image, place, draw);
        const { i, j, code, colour } = tokenAt(row, place);
        const crop = state.sidePlace.hover ? null : S().cropOf(row.name);
        facts.replaceChildren(el("i", { class: "ts-lens-code", style: { "--c": colour } }), `middle: code ${code}, row ${i + 1}, column ${j + 1} of the finest map. `, crop ? `Here ${crop.psnr === null ? "equal" : `${T.number(crop.psnr)} dB PSNR`}, error ${T.number(crop.mean, 3)}.` : "");
      }
    }
    T.subscribe(root, ["sideBySide", "sidePlace", "docs"], () => {
      const rows = S().compared();
      where.textContent = rows.length ? `${state.sidePlace.hover ? "Under the pointer" : "Chosen crop"}: ${S().placeWords(S().placeNow())}.` : "Once tokenizers are compared, the same part of the input and of every decoded picture stands here.";
      problem.hidden = !state.sideBySide.cropProblem || !S().fresh(); // out of date is said once
      problem.textContent = state.sideBySide.cropProblem || "";
      list.classList.toggle("ts-outdated-result", Boolean(rows.length) && !S().fresh());
      const key = state.sideBySide.rows;
      if (drawn !== key) { drawn = key; build(rows); }
      draw();
    });
  });

  // --- PSNR against bits ------------------------------------------------------------------------------------------

  const [H, LEFT, TOP, BOTTOM] = [240, 36, 16, 36];
  const STROKES = ["", "5 4", "2 3", "8 3 2 3"]; // with the colour, so that colour is not the only carrier
  const HUES = ["var(--ts-accent)", "var(--ts-warn)", "var(--ts-text)", "var(--ts-muted)"];
  function ticks(low, high, about) {
    const raw = (high - low) / about;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= raw);
    const found = [];
    for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) found.push(v);
    return found;
  }

  T.define("tokenizers-rates", (root) => {
    const sub = el("p", { class: "ts-sub" });
    const chart = el("div", { class: "ts-side-chart" });
    const section = el("section", { class: "ts-measures", hidden: true }, el("div", { class: "ts-head" }, el("h2", { text: "How close for how many bits?" })), sub, chart);
    root.append(section);
    const dot = (x, y, hue, one, text) => el("svg:circle", { cx: x, cy: y, r: one ? 6 : 4, fill: one ? hue : "var(--ts-bg)", stroke: hue, "stroke-width": 2, "data-tip": text });

    function draw(rows) {
      const W = Math.max(320, chart.clientWidth || 676); // one unit is one pixel, so that letters keep their size
      const RIGHT = W < 480 ? 12 : 150; // names stand beside their last point, or over it where there is no room
      const points = rows.flatMap((row) => row.curve).filter((point) => point.psnr !== null);
      if (!points.length) { chart.replaceChildren(el("p", { class: "ts-caption", text: "All pictures are equal to the input: there is no PSNR to draw." })); return; }
      const most = Math.max(...points.map((point) => point.bits));
      const [low, high] = [Math.floor(Math.min(...points.map((point) => point.psnr)) - 0.5), Math.ceil(Math.max(...points.map((point) => point.psnr)) + 0.5)];
      const x = (bits) => LEFT + (bits / most) * (W - LEFT - RIGHT);
      const y = (value) => H - BOTTOM - ((value - low) / (high - low)) * (H - BOTTOM - TOP);
      const text = (at, up, value, options = {}) => el("svg:text", { x: at, y: up, ...options, text: value });
      const svg = el("svg:svg", { viewBox: `0 0 ${W} ${H}`, class: "ts-chart", role: "img", "aria-label": `PSNR against bits: ${rows.map((row) => `${row.name} ${row.curve.map((point) => `${Math.round(point.bits)} bits ${point.psnr === null ? "equal" : `${T.number(point.psnr)} dB`}`).join(", ")}`).join("; ")}` });
      const grid = el("svg:g", { class: "ts-grid" });
      for (const value of ticks(low, high, 5)) grid.append(el("svg:line", { x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value) }), text(LEFT - 8, y(value) + 4, value, { "text-anchor": "end" }));
      for (const value of ticks(0, most, 5)) grid.append(text(x(value), H - BOTTOM + 18, value.toLocaleString("en"), { "text-anchor": "middle" }));
      grid.append(text(LEFT, TOP - 2, "dB PSNR"), text(W - RIGHT, H - 2, "bits of the tokens", { "text-anchor": "end" }));
      svg.append(grid);
      const names = [];
      rows.forEach((row, n) => {
        const hue = HUES[n % HUES.length];
        const known = row.curve.filter((point) => point.psnr !== null);
        if (!known.length) return;
        svg.append(el("svg:polyline", { points: known.map((point) => `${x(point.bits)},${y(point.psnr)}`).join(" "), fill: "none", stroke: hue, "stroke-width": 2, "stroke-dasharray": STROKES[n % STROKES.length] }));
        known.forEach((point) => svg.append(dot(x(point.bits), y(point.psnr), hue, point === known.at(-1), `${row.name}, ${row.curve.length > 1 ? `after scale ${point.scale}` : "all tokens"}: ${T.count(point.tokens, "token")}, ${T.count(Math.round(point.bits), "bit")}, ${T.number(point.psnr)} dB PSNR`)));
        names.push({ row, hue, x: x(known.at(-1).bits) + (W < 480 ? 4 : 12), y: y(known.at(-1).psnr) + (W < 480 ? -10 : 4) });
      });
      // labels that would touch are moved apart
      names.sort((a, b) => a.y - b.y).forEach((name, n) => { const above = names[n - 1]; if (above && Math.abs(above.x - name.x) < 180 && name.y - above.y < 16) name.y = above.y + 16; });
      for (const { row, hue, x: at, y: up } of names) svg.append(text(at, up, row.name, { class: "ts-name", "text-anchor": W < 480 ? "end" : null, style: { fill: hue } }));
      chart.replaceChildren(svg);
    }
    let drawn = null;
    let shown = [];
    let width = 0;
    new ResizeObserver(() => { if (shown.length && chart.clientWidth && chart.clientWidth !== width) { width = chart.clientWidth; draw(shown); } }).observe(chart);
    T.subscribe(root, ["sideBySide", "docs"], () => {
      const rows = S().compared();
      section.hidden = !rows.length;
      section.classList.toggle("ts-outdated", Boolean(rows.length) && !S().fresh());
      if (!rows.length || drawn === state.sideBySide.rows) return;
      drawn = state.sideBySide.rows;
      shown = rows;
      const single = rows.filter((row) => row.curve.length === 1 && row.maps.length > 1);
      sub.textContent = `Filled: all tokens. Open: a tokenizer with several maps, stopped after one of its coarser ones, decoded as it is. Bits are tokens × log2 of the number of codes, without entropy coding.${single.length ? ` On this machine only the whole picture of ${single.map((row) => row.name).join(" and ")} was decoded: the coarser steps would take too long.` : ""}`;
      draw(rows);
    });
  });

  // --- the table -----------------------------------------------------------------------------------------------------

  const value = (v, digits) => (v === null || v === undefined ? "" : digits === undefined ? v.toLocaleString("en") : T.number(v, digits));
  const COLUMNS = [
    { key: "name", text: "Tokenizer", group: "", of: (row) => row.name, show: (v) => v },
    { key: "tokens", text: "Tokens", group: "Size", tip: "Numbers that describe the picture, over all maps.", of: (row) => row.tokens, show: (v) => value(v) },
    { key: "codes", text: "Codes", group: "Size", tip: "Rows of the codebook: a token is one of so many numbers.", of: (row) => row.codes, show: (v) => value(v) },
    { key: "bits", text: "Bits", group: "Size", tip: "Tokens × log2 of the number of codes, without entropy coding.", of: (row) => row.bits, show: (v) => value(Math.round(v)) },
    { key: "bits_per_pixel", text: "Bits", unit: "per pixel", group: "Size", tip: "Bits divided by the pixels of the tokenizer’s own picture size.", of: (row) => row.pixel_bits, show: (v) => value(v, 3) },
    { key: "psnr_db", text: "PSNR", unit: "dB", group: "This picture", tip: "Peak signal-to-noise ratio of the whole picture: higher is closer. Empty where equal to the input.", of: (row) => row.psnr, show: (v) => value(v, 2) },
    { key: "ssim", text: "SSIM", group: "This picture", tip: "Structural similarity, 1 is equal.", of: (row) => row.ssim, show: (v) => value(v, 3) },
    { key: "mean_error", text: "Error", unit: "0 to 1", group: "This picture", tip: "Mean absolute difference of pixel values, which run from 0 to 1: lower is closer.", of: (row) => row.mean, show: (v) => value(v, 3) },
    { key: "crop_psnr_db", text: "PSNR", unit: "dB", group: "The crop", tip: "The same within the chosen crop.", of: (row) => T.sideBySide.cropOf(row.name)?.psnr, show: (v) => value(v, 2) },
    { key: "crop_ssim", text: "SSIM", group: "The crop", tip: "Within the crop; empty where it has fewer than 11 × 11 pixels, the window of this measure.", of: (row) => T.sideBySide.cropOf(row.name)?.ssim, show: (v) => value(v, 3) },
    { key: "held_out_psnr_db", text: "PSNR", unit: "dB", group: "Held-out photos", tip: "From the model’s card, not measured here: the mean over photos that its training never saw.", of: (row) => row.held_out?.psnr_db, show: (v) => value(v, 2) },
    { key: "held_out_photos", text: "Photos", group: "Held-out photos", tip: "How many photos the card’s figure is a mean of.", of: (row) => row.held_out?.images, show: (v) => value(v) },
  ];

  T.define("tokenizers-table", (root) => {
    const note = el("p", { class: "ts-caption" });
    const body = el("div", { class: "ts-order-scroll", role: "region", tabindex: "0", "aria-label": "Figures of all tokenizers" });
    const save = el("button", { type: "button", class: "ts-button ts-plain", text: "Save as CSV", "data-tip": "The table as it is sorted, with the place of the crop.", onclick: () => export_() });
    const section = el("section", { class: "ts-measures", hidden: true }, el("div", { class: "ts-head" }, el("h2", { text: "The tokenizers in figures" }), save), body, note);
    root.append(section);
    let order = { key: "tokens", down: false };
    const starts = (n) => n > 0 && COLUMNS[n].group !== COLUMNS[n - 1].group;
    const sorted = () => {
      const { of } = COLUMNS.find((column) => column.key === order.key);
      const none = (v) => v === null || v === undefined;
      return [...S().compared()].sort((a, b) => {
        const [x, y] = [of(a), of(b)];
        if (none(x) || none(y)) return none(x) - none(y); // what is empty stays at the end
        return (typeof x === "string" ? x.localeCompare(y) : x - y) * (order.down ? -1 : 1);
      });
    };
    function sortBy(key) {
      order = { key, down: order.key === key ? !order.down : key.includes("psnr") || key.includes("ssim") };
      draw();
      body.querySelector(`[data-key="${key}"]`)?.focus();
    }
    function draw() {
      const focus = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const groups = COLUMNS.reduce((found, { group }) => { const last = found.at(-1); if (last?.group === group) last.span += 1; else found.push({ group, span: 1 }); return found; }, []);
      const heads = COLUMNS.map(({ key, text, unit, tip }, n) => el("th", { scope: "col", class: starts(n) ? "ts-side-start" : null, "aria-sort": order.key === key ? (order.down ? "descending" : "ascending") : null },
        el("button", { type: "button", class: "ts-sort", "data-key": key, "data-tip": tip, onclick: () => sortBy(key) }, text, el("span", { "aria-hidden": "true", text: order.key === key ? (order.down ? " ↓" : " ↑") : "" }), unit ? el("small", { text: unit }) : null)));
      body.replaceChildren(el("table", { class: "ts-table ts-order-table ts-side-table" },
        el("thead", {}, el("tr", {}, groups.map(({ group, span }) => (group ? el("th", { scope: "colgroup", class: "ts-side-start", colspan: span, text: group }) : el("td", { colspan: span })))), el("tr", {}, heads)),
        el("tbody", {}, sorted().map((row) => el("tr", {}, COLUMNS.map(({ of, show }, n) => (n ? el("td", { class: starts(n) ? "ts-side-start" : null, text: show(of(row)) }) : el("th", { scope: "row", text: show(of(row)) }))))))));
      if (focus) body.querySelector(`[data-key="${focus}"]`)?.focus();
    }
    const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const safe = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text); // a spreadsheet must not take a title for a formula
    function export_() {
      const place = state.sideBySide.crop?.place;
      const head = [...COLUMNS.map(({ key }) => key), "crop_top", "crop_left", "crop_height", "crop_width", "image_height", "image_width", "picture", "fit"];
      const lines = sorted().map((row) => [...COLUMNS.map(({ of }) => of(row)), ...(place || [null, null, null, null]), ...row.size, safe(state.sideBySide.title), state.sideBySide.fit].map((v) => quoted(String(v ?? ""))).join(","));
      const bytes = new TextEncoder().encode(`${[head.join(","), ...lines].join("\r\n")}\r\n`);
      T.saveFile({ name: "tokenscope-tokenizers.csv", mime: "text/csv", data: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) });
    }
    T.subscribe(root, ["sideBySide", "docs"], () => {
      const rows = S().compared();
      section.hidden = !rows.length;
      section.classList.toggle("ts-outdated", Boolean(rows.length) && !S().fresh());
      if (!rows.length) return;
      const place = state.sideBySide.crop?.place;
      note.textContent = `${place ? `The crop covers ${S().placeWords(place)}. ` : ""}Figures of held-out photos come from the models’ cards; everything else was measured on this picture.`;
      draw();
    });
  });
})();
