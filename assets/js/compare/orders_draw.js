// How an order is drawn: as a path over its cells on a canvas (small), or as cells that can be selected (large). Next-scale
// is drawn as its maps.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;
  const css = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const rgb = (share) => T.codebook.css(T.measures.ramp(Math.max(0, Math.min(1, share))));

  // the picture of Inspect; drawn again once it has been read
  let picture = null; // {uri, image}
  function pictureNow() {
    const uri = state.docs.session?.input || state.docs.session?.scales.at(-1)?.image;
    if (!uri) return null;
    if (picture?.uri !== uri) {
      picture = { uri, image: new Image() };
      picture.image.onload = () => T.set({ ordersAt: state.ordersAt });
      picture.image.src = uri;
    }
    return picture.image.complete && picture.image.naturalWidth ? picture.image : null;
  }

  // the grid as large as it fits into a box, in the middle
  function frame(width, height, { rows, columns }) {
    const size = Math.min(width / columns, height / rows);
    return { size, left: (width - size * columns) / 2, top: (height - size * rows) / 2, width: size * columns, height: size * rows };
  }
  function surface(canvas, ratio = 1) {
    const width = canvas.clientWidth;
    const height = width / ratio;
    const dots = Math.min(3, devicePixelRatio || 1);
    if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) Object.assign(canvas, { width: Math.round(width * dots), height: Math.round(height * dots) });
    const pen = canvas.getContext("2d");
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, width, height);
    return { pen, width, height };
  }
  function cellAt(canvas, event, grid) {
    const box = canvas.getBoundingClientRect();
    const { size, left, top } = frame(box.width, box.height, grid);
    const [i, j] = [Math.floor((event.clientY - box.top - top) / size), Math.floor((event.clientX - box.left - left) / size)];
    return i >= 0 && j >= 0 && i < grid.rows && j < grid.columns ? { i, j } : null;
  }

  // the share of the ramp that a cell shows; null: the picture shows through
  function shareOf(order, cell) {
    const { fill, view } = state.orders;
    if (fill === "picture") return null;
    if (fill === "known") return order.share[cell];
    if (fill === "look_back") return Math.sqrt(order.look_back[cell] / Math.max(...view.orders.map((one) => one.longest)));
    return order.at[cell] / Math.max(1, order.tokens - 1);
  }

  function veil(pen, box) {
    const image = pictureNow();
    if (state.orders.fill !== "picture" || !image) return;
    pen.drawImage(image, box.left, box.top, box.width, box.height);
  }

  // the path through the first `done` cells, with what is still to come as a thin line
  function path(pen, order, done, { size, left, top }, columns) {
    const x = (cell) => left + ((cell % columns) + 0.5) * size;
    const y = (cell) => top + (Math.floor(cell / columns) + 0.5) * size;
    const line = (from, to) => {
      pen.beginPath();
      for (let t = from; t < to; t++) t === from ? pen.moveTo(x(order.cells[t]), y(order.cells[t])) : pen.lineTo(x(order.cells[t]), y(order.cells[t]));
      pen.stroke();
    };
    pen.lineJoin = "round";
    pen.globalAlpha = 0.55;
    pen.strokeStyle = css("--ts-line-strong");
    pen.lineWidth = 1;
    if (done < order.tokens) line(Math.max(0, done - 1), order.tokens);
    if (!done) { pen.globalAlpha = 1; return; }
    const thick = Math.max(1, Math.min(2.2, size / 7));
    const faint = ["known", "look_back"].includes(state.orders.fill) ? 0.4 : 1; // then the cells are what is looked at
    pen.globalAlpha = (order.name === "random" ? 0.35 : 0.7) * faint; // its lines cover each other
    pen.strokeStyle = "#10131a";
    pen.lineWidth = thick + 1.6;
    line(0, done);
    pen.globalAlpha = (order.name === "random" ? 0.5 : 1) * faint;
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = thick;
    line(0, done);
    pen.globalAlpha = 1;
    const dot = (cell, radius, colour) => {
      pen.beginPath();
      pen.arc(x(cell), y(cell), radius, 0, 2 * Math.PI);
      pen.fillStyle = colour;
      pen.fill();
      pen.lineWidth = 1.5;
      pen.strokeStyle = "#10131a";
      pen.stroke();
    };
    dot(order.cells[0], Math.max(2.5, Math.min(5, size / 4)), "#ffffff");
    if (done < order.tokens) dot(order.cells[done - 1], Math.max(3, Math.min(6, size / 3)), css("--ts-accent"));
  }

  function ring(pen, box, i, j, strong) {
    const [x, y, s] = [box.left + j * box.size, box.top + i * box.size, box.size];
    const wide = strong ? 2.5 : 1.5;
    pen.globalAlpha = 1;
    pen.lineWidth = wide + 2;
    pen.strokeStyle = "#10131a";
    pen.strokeRect(x, y, s, s);
    pen.lineWidth = wide;
    pen.strokeStyle = "#ffffff";
    pen.strokeRect(x, y, s, s);
  }

  function order(canvas, one, done) {
    if (!canvas.clientWidth) return;
    const view = T.orders.view();
    const { pen, width, height } = surface(canvas);
    const box = frame(width, height, view);
    pen.fillStyle = css("--ts-sunken");
    pen.fillRect(box.left, box.top, box.width, box.height);
    veil(pen, box);
    const gap = box.size > 7 && state.orders.fill !== "picture" ? 1 : 0;
    one.at.forEach((at, cell) => {
      const share = shareOf(one, cell);
      const known = at < done;
      if (share === null && known) return;
      pen.globalAlpha = share === null ? 0.85 : 1;
      pen.fillStyle = known ? rgb(share) : css("--ts-sunken");
      pen.fillRect(box.left + (cell % view.columns) * box.size, box.top + Math.floor(cell / view.columns) * box.size, box.size - gap, box.size - gap);
    });
    pen.globalAlpha = 1;
    path(pen, one, done, box, view.columns);
    const { i, j } = T.orders.place();
    ring(pen, box, i, j, true);
  }

  // next-scale: its maps side by side, in the columns of the pyramid of Inspect
  function mapRow(one) {
    const canvases = one.maps.map(() => el("canvas", { "aria-hidden": "true" }));
    const node = el("span", { class: "ts-order-row ts-columns", style: { "--ts-columns": geometry.columns(one.maps) } },
      canvases.map((canvas, k) => el("span", { class: "ts-order-map" }, canvas, el("small", { class: "ts-num", text: `${one.maps[k].h}×${one.maps[k].w}` }))));
    function draw(done) {
      const view = T.orders.view();
      const finest = one.maps.at(-1);
      const { i, j } = T.orders.place();
      canvases.forEach((canvas, k) => {
        if (!canvas.clientWidth) return;
        const map = one.maps[k];
        const { pen, width, height } = surface(canvas, finest.w / finest.h);
        const [dx, dy] = [width / map.w, height / map.h];
        pen.fillStyle = css("--ts-sunken");
        pen.fillRect(0, 0, width, height);
        const image = state.orders.fill === "picture" && k < done && pictureNow();
        if (image) mosaic(pen, image, map, width, height);
        const gap = dx > 4 ? 1 : 0;
        for (let n = 0; n < map.h * map.w && !image; n++) {
          if (k < done) pen.fillStyle = rgb(state.orders.fill === "position" ? k / Math.max(1, one.steps - 1) : 0);
          pen.fillRect((n % map.w) * dx, Math.floor(n / map.w) * dy, dx - gap, dy - gap);
        }
        if (dx > 4 && k >= done) hatch(pen, map, dx, dy);
        for (const n of geometry.linked({ h: view.rows, w: view.columns }, i, j, map)) {
          pen.lineWidth = 3;
          pen.strokeStyle = "#10131a";
          const at = [(n % map.w) * dx + 1.5, Math.floor(n / map.w) * dy + 1.5, Math.max(1, dx - 3 - gap), Math.max(1, dy - 3 - gap)];
          pen.strokeRect(...at);
          pen.lineWidth = 1.4;
          pen.strokeStyle = "#ffffff";
          pen.strokeRect(...at);
        }
      });
    }
    return { node, draw };
  }
  function hatch(pen, map, dx, dy) {
    pen.strokeStyle = css("--ts-line");
    pen.lineWidth = 1;
    for (let y = 0; y < map.h; y++) for (let x = 0; x < map.w; x++) pen.strokeRect(x * dx + 0.5, y * dy + 0.5, dx - 1, dy - 1);
  }
  function mosaic(pen, image, map, width, height) {
    const small = el("canvas", { width: map.w, height: map.h });
    const context = small.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, map.w, map.h);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, width, height);
    pen.imageSmoothingEnabled = true;
  }

  // --- the chosen order, large ---------------------------------------------------------------------------------------

  T.define("orders-close-up", (root) => {
    const O = T.orders;
    const title = el("h2");
    const grid = el("div", { class: "ts-map ts-order-grid", role: "grid" });
    const canvas = el("canvas", { class: "ts-order-over", "aria-hidden": "true" });
    const stack = el("div", { class: "ts-order-stack" }, grid, canvas);
    const read = el("p", { class: "ts-caption ts-order-read", role: "status" });
    root.append(el("div", { class: "ts-head" }, title), stack, read);
    let cells = [];
    let shape = "";
    let marked = [];

    function build({ rows, columns }) {
      cells = [];
      grid.style.setProperty("--w", columns);
      grid.style.setProperty("--h", rows);
      stack.style.setProperty("--w", columns);
      stack.style.setProperty("--h", rows);
      marked = [];
      grid.replaceChildren(...Array.from({ length: rows }, (_, i) => el("div", { role: "row" }, Array.from({ length: columns }, (_, j) => {
        const cell = el("div", { class: "ts-cell", role: "gridcell", tabindex: "-1", "aria-selected": "false" });
        cell.place = { i, j };
        cells.push(cell);
        return cell;
      }))));
    }
    const number = (order, n) => (O.sequential(order) ? `token ${order.at[n] + 1} of ${order.tokens}` : `written in step ${order.steps} of ${order.steps} with the whole map`);

    function paint() {
      const order = O.chosen();
      const { columns } = O.view();
      const done = O.sequential(order) ? O.written(order) : O.finished(order);
      const image = state.orders.fill === "picture" && pictureNow();
      const map = O.sequential(order) ? null : order.maps[done - 1];
      grid.style.setProperty("--picture", image ? `url("${picture.uri}")` : "none");
      grid.classList.toggle("ts-with-picture", Boolean(image));
      cells.forEach((cell, n) => {
        const known = map !== null ? Boolean(map) : order.at[n] < done;
        const share = O.sequential(order) ? shareOf(order, n) : state.orders.fill === "position" ? (done - 1) / Math.max(1, order.steps - 1) : state.orders.fill === "picture" ? null : 0;
        const look = !known ? (image ? "color-mix(in srgb, var(--ts-sunken) 85%, transparent)" : "var(--ts-sunken)") : share === null ? (image ? "transparent" : "var(--ts-sunken)") : rgb(share);
        if (cell.look !== look) { cell.look = look; cell.style.setProperty("--c", look); }
      });
      const { pen, width, height } = surface(canvas, columns / O.view().rows);
      const box = frame(width, height, O.view());
      if (O.sequential(order)) path(pen, order, done, box, columns);
      else if (map) {
        if (image) mosaic(pen, image, map, width, height);
        if (done < order.steps) rulings(pen, map, width, height);
      }
    }
    // the borders of the map that was finished last: each of its tokens covers several cells of the finest one
    function rulings(pen, map, width, height) {
      for (const [thick, colour] of [[2.4, "#10131a"], [1, "#ffffff"]]) {
        pen.lineWidth = thick;
        pen.strokeStyle = colour;
        pen.beginPath();
        for (let x = 0; x <= map.w; x++) { pen.moveTo((x * width) / map.w, 0); pen.lineTo((x * width) / map.w, height); }
        for (let y = 0; y <= map.h; y++) { pen.moveTo(0, (y * height) / map.h); pen.lineTo(width, (y * height) / map.h); }
        pen.stroke();
      }
    }
    function mark() {
      const { rows, columns } = O.view();
      for (const cell of marked) { cell.classList.remove("ts-selected", "ts-hovered", "ts-linked"); cell.setAttribute("aria-selected", "false"); cell.tabIndex = -1; }
      const chosen = cells[state.ordersCell.i * columns + state.ordersCell.j];
      const { i, j } = O.place();
      const near = [[i - 1, j], [i, j - 1], [i, j + 1], [i + 1, j]].filter(([y, x]) => y >= 0 && x >= 0 && y < rows && x < columns).map(([y, x]) => cells[y * columns + x]);
      const here = cells[i * columns + j];
      for (const cell of near) cell.classList.add("ts-linked");
      if (here !== chosen) here.classList.add("ts-hovered");
      chosen.classList.add("ts-selected");
      chosen.setAttribute("aria-selected", "true");
      chosen.tabIndex = 0;
      marked = [chosen, here, ...near];
    }
    function name() {
      const order = O.chosen();
      const { rows, columns } = O.view();
      title.textContent = order.title;
      grid.setAttribute("aria-label", `${order.title}, ${rows} by ${columns} tokens`);
      cells.forEach((cell, n) => cell.setAttribute("aria-label", `row ${cell.place.i + 1} column ${cell.place.j + 1}, ${number(order, n)}`));
    }

    grid.addEventListener("pointerover", (event) => { const cell = event.target.closest(".ts-cell"); if (cell && event.pointerType === "mouse") O.hoverCell(cell.place); });
    grid.addEventListener("pointerleave", () => O.hoverCell(null));
    grid.addEventListener("click", (event) => { const cell = event.target.closest(".ts-cell"); if (cell) { O.selectCell(cell.place.i, cell.place.j); cell.focus({ preventScroll: true }); } });
    grid.addEventListener("keydown", (event) => {
      const cell = event.target.closest(".ts-cell");
      if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
      const { rows, columns } = O.view();
      const { i, j } = cell.place;
      const to = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], Home: [i, 0], End: [i, columns - 1] }[event.key];
      const along = { "[": -1, "]": 1 }[event.key]; // to the token before or after in the order
      const order = O.chosen();
      if (!to && !along) return;
      event.preventDefault();
      let next = to && Math.min(rows - 1, Math.max(0, to[0])) * columns + Math.min(columns - 1, Math.max(0, to[1]));
      if (along) {
        if (!O.sequential(order)) return;
        next = order.cells[Math.max(0, Math.min(order.tokens - 1, order.at[i * columns + j] + along))];
      }
      O.hoverCell(null);
      O.selectCell(Math.floor(next / columns), next % columns);
      cells[next].focus();
    });
    new ResizeObserver(() => { if (O.view() && stack.clientWidth) paint(); }).observe(stack);

    let named = null;
    T.subscribe(root, ["orders", "ordersCell", "ordersAt", "theme", "docs"], (keys) => {
      if (!O.view()) return;
      const now = `${O.view().rows}x${O.view().columns}`;
      if (now !== shape) { shape = now; named = null; build(O.view()); }
      if (named !== O.chosen()) { named = O.chosen(); name(); }
      if (!(keys.size === 1 && keys.has("ordersCell")) && stack.clientWidth) paint();
      mark();
      read.textContent = T.ordersRead.sentence(O.chosen(), O.place());
    });
  });

  T.ordersDraw = { order, mapRow, cellAt };
})();
