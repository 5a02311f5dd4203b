// One token map of the pyramid: DOM cells, or for large maps a canvas with the one cell that has the focus over it. Both
// answer to the same calls: paint(looks, sprite), where a sprite fills the squares with pictures (squares.js), mark(name, cells), tab(n), focus(n), at(event).
(() => {
  const T = window.Tokenscope;
  const { el, geometry } = T;
  const MANY = 1000; // tokens of a document up to which every one is an element
  const SMALL = 100; // maps of so few cells are elements in any case
  const ROOM = 38; // px of a cell that has room for the number of its code
  const MARKS = ["ts-linked", "ts-hovered", "ts-many", "ts-selected"];

  const grid = (scale, k, editable, rows) => el("div", {
    class: "ts-map", role: "grid", "aria-label": `Scale ${k + 1}, ${scale.h} by ${scale.w} tokens`, "aria-multiselectable": String(editable), "aria-rowcount": scale.h, "aria-colcount": scale.w, style: { "--h": scale.h, "--w": scale.w },
  }, rows);
  const words = ({ known, code, changed, value }, i, j) => `row ${i + 1} column ${j + 1}, ${known ? `code ${code}` : "not generated yet"}${known && value ? `, ${value}` : ""}${changed ? ", changed" : ""}`;

  function elements(scale, k, editable) {
    const cells = [];
    const node = grid(scale, k, editable, Array.from({ length: scale.h }, (_, i) => el("div", { role: "row" }, Array.from({ length: scale.w }, (_, j) => {
      const cell = el("div", { class: "ts-cell", role: "gridcell", tabindex: "-1", "aria-selected": "false" });
      cell.place = { k, i, j };
      cell.style.setProperty("--x", `${scale.w > 1 ? (100 * j) / (scale.w - 1) : 0}%`); // where its tile lies in a sprite
      cell.style.setProperty("--y", `${scale.h > 1 ? (100 * i) / (scale.h - 1) : 0}%`);
      cells.push(cell);
      return cell;
    }))));
    const marked = Object.fromEntries(MARKS.map((name) => [name, []]));
    let stop = null; // the cell that the tab key reaches
    let worn = null;
    function wear(sprite) {
      node.classList.toggle("ts-squares", Boolean(sprite));
      node.classList.toggle("ts-stale", Boolean(sprite?.stale));
      if (sprite && sprite.url !== worn) node.style.setProperty("--sprite", `url("${sprite.url}")`);
      worn = sprite?.url;
    }
    new ResizeObserver(() => node.classList.toggle("ts-numbered", node.clientWidth / scale.w >= ROOM)).observe(node);
    const select = (on) => { for (const cell of [...marked["ts-many"], ...marked["ts-selected"]]) cell.setAttribute("aria-selected", on); };
    return {
      grid: node,
      paint: (looks, sprite = null) => { wear(sprite); looks.forEach((look, n) => {
        const cell = cells[n], { i, j } = cell.place;
        const text = words(look, i, j);
        const now = `${look.colour} ${look.bare} ${text}`;
        if (cell.look === now) return; // most tokens stay when one changes
        cell.look = now;
        cell.classList.toggle("ts-bare", look.bare);
        cell.classList.toggle("ts-unknown", !look.known);
        cell.classList.toggle("ts-changed", look.changed);
        cell.style.setProperty("--c", look.known ? look.colour : "transparent");
        cell.dataset.code = look.known ? look.code : "";
        cell.setAttribute("aria-label", text);
      }); },
      mark(name, numbers) {
        const chosen = name === "ts-many" || name === "ts-selected";
        if (chosen) select("false");
        for (const cell of marked[name]) cell.classList.remove(name);
        marked[name] = numbers.map((n) => cells[n]).filter(Boolean);
        for (const cell of marked[name]) cell.classList.add(name);
        if (chosen) select("true");
      },
      tab(n) {
        if (stop) stop.tabIndex = -1;
        stop = n === null ? null : cells[n];
        if (stop) stop.tabIndex = 0;
      },
      focus: (n) => cells[n].focus({ preventScroll: true }),
      at: (event) => {
        const cell = (event.type === "pointermove" ? document.elementFromPoint(event.clientX, event.clientY) : event.target)?.closest?.(".ts-cell");
        return cell && node.contains(cell) ? cell.place.i * scale.w + cell.place.j : null;
      },
    };
  }

  function picture(scale, k, editable) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const cell = el("div", { class: "ts-cell ts-lone", role: "gridcell", tabindex: "-1", "aria-selected": "false" });
    const row = el("div", { role: "row" }, cell);
    const node = grid(scale, k, editable, [canvas, row]);
    node.classList.add("ts-drawn");
    let looks = [];
    let sprite = null;
    let here = null; // the number of the cell that stands for the focus
    const marks = Object.fromEntries(MARKS.map((name) => [name, []]));
    const rowOf = (n) => Math.floor(n / scale.w);

    function draw() {
      const width = Math.round(node.clientWidth * devicePixelRatio), side = width / scale.w;
      if (!width || !looks.length) return;
      const height = Math.round(side * scale.h);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      const style = getComputedStyle(node), [line, sunken, inner, outer, accent] = ["--ts-line", "--ts-sunken", "--ts-ring-inner", "--ts-ring-outer", "--ts-accent"].map((name) => style.getPropertyValue(name));
      const gap = side >= 6 * devicePixelRatio ? 1 : 0;
      const edge = (n, m, size) => Math.round((n * size) / m);
      const box = (n) => { const [i, j] = [rowOf(n), n % scale.w], x = edge(j, scale.w, width), y = edge(i, scale.h, height); return [x, y, edge(j + 1, scale.w, width) - x, edge(i + 1, scale.h, height) - y]; };
      context.fillStyle = line;
      context.fillRect(0, 0, width, height);
      looks.forEach((look, n) => {
        const [x, y, w, h] = box(n);
        context.fillStyle = look.known ? look.colour : sunken;
        context.fillRect(x, y, w - gap, h - gap);
        if (sprite && look.known && !look.bare) tile(context, n, [x, y, w - gap, h - gap]);
        if (look.known && side >= ROOM * devicePixelRatio) number(context, look.code, x, y, h - gap);
        if (look.changed) corner(context, x + w - gap, y, Math.min(9 * devicePixelRatio, side * 0.6), outer, inner);
      });
      const ring = (n, colours) => { const [x, y, w, h] = box(n); colours.forEach((colour, depth) => { const d = (depth + 0.5) * devicePixelRatio; context.strokeStyle = colour; context.lineWidth = devicePixelRatio; context.strokeRect(x + d, y + d, w - 2 * d, h - 2 * d); }); };
      for (const n of marks["ts-linked"]) ring(n, [outer, inner]);
      for (const n of marks["ts-many"]) ring(n, [accent, inner]);
      for (const n of marks["ts-hovered"]) ring(n, [inner, outer]);
    }
    function tile(context, n, box) {
      const { image, stale } = sprite, [w, h] = [image.naturalWidth / scale.w, image.naturalHeight / scale.h];
      context.globalAlpha = stale ? 0.45 : 1;
      context.drawImage(image, (n % scale.w) * w, rowOf(n) * h, w, h, ...box);
      context.globalAlpha = 1;
    }
    function number(context, code, x, y, h) {
      const px = devicePixelRatio;
      context.font = `${11 * px}px ${getComputedStyle(node).getPropertyValue("--ts-mono")}`;
      context.fillStyle = "rgb(16 17 19 / 78%)";
      context.fillRect(x, y + h - 15 * px, context.measureText(code).width + 6 * px, 15 * px);
      context.fillStyle = "#fff";
      context.fillText(code, x + 3 * px, y + h - 4 * px);
    }
    function corner(context, x, y, size, outer, inner) {
      for (const [colour, grown] of [[inner, devicePixelRatio], [outer, 0]]) {
        context.fillStyle = colour;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x - size - grown, y);
        context.lineTo(x, y + size + grown);
        context.fill();
      }
    }
    function say() {
      if (here === null || !looks[here]) return;
      const [i, j] = [rowOf(here), here % scale.w];
      cell.setAttribute("aria-label", words(looks[here], i, j));
      row.setAttribute("aria-rowindex", i + 1);
      cell.setAttribute("aria-colindex", j + 1);
      cell.setAttribute("aria-selected", String(marks["ts-selected"].includes(here) || marks["ts-many"].includes(here)));
      cell.place = { k, i, j };
      geometry.ringStyle(cell, geometry.footprint(scale, i, j));
    }
    function stand(n) { here = n; cell.hidden = n === null; say(); }
    stand(0);
    new ResizeObserver(draw).observe(node);
    return {
      grid: node,
      paint(now, worn = null) { looks = now; sprite = worn; draw(); say(); },
      mark(name, numbers) {
        marks[name] = numbers;
        if (name === "ts-selected") {
          cell.classList.toggle("ts-selected", numbers.length > 0);
          if (numbers.length) stand(numbers[0]);
        } else draw();
        say();
      },
      tab(n) { stand(n ?? here ?? 0); cell.tabIndex = n === null ? -1 : 0; },
      focus(n) { stand(n); cell.focus({ preventScroll: true }); },
      at(event) {
        const box = node.getBoundingClientRect();
        const [y, x] = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
        if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
        return Math.floor(y * scale.h) * scale.w + Math.floor(x * scale.w);
      },
    };
  }

  // all maps of a document
  T.tokenMaps = (scales, editable) => {
    const total = scales.reduce((sum, { h, w }) => sum + h * w, 0);
    return scales.map((scale, k) => (total > MANY && scale.h * scale.w > SMALL ? picture : elements)(scale, k, editable));
  };
})();
