// Scan orders: the store, the wire, the settings, and all orders side by side on one clock. Python computes every figure
// (explorer/ui/compare/orders.py); here they are drawn. Dispatches "ts:did" {what: "orders-chosen"} when a visitor has chosen an
// order or another grid.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const SIZES = [4, 8, 16, 32];
  const FRAMES = 120; // of a whole play
  let server = null;
  let busy = false;
  let next = null; // what was asked for while another question was out

  // view: the last answer; chosen: an order's name; fill: what the cells show; clock: what one notch of the slider is
  state.orders = { view: null, chosen: "raster", fill: "position", clock: "tokens", problem: null, asking: false };
  state.ordersCell = { i: 1, j: 1, hover: null }; // hover: {i, j}
  state.ordersAt = Infinity; // notches that have passed
  const put = (patch) => T.set({ orders: { ...state.orders, ...patch } });
  const view = () => state.orders.view;
  const all = () => [...view().orders, view().scales];
  const chosen = () => all().find((order) => order.name === state.orders.chosen) || view().orders[0];
  const sequential = (order) => Boolean(order.cells);
  const did = () => document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "orders-chosen" } }));

  function receive(found) {
    for (const order of found.orders) {
      order.at = new Array(order.cells.length);
      order.cells.forEach((cell, t) => { order.at[cell] = t; });
    }
    const old = state.orders.chosen;
    const name = found.orders.some((order) => order.name === old) || old === "next-scale" ? old : old.startsWith("spiral") ? found.orders.find((order) => order.name.startsWith("spiral")).name : "raster";
    const keep = (index, size) => Math.min(index, size - 1);
    T.set({
      orders: { ...state.orders, view: found, chosen: name, problem: null, asking: false },
      ordersCell: { i: keep(state.ordersCell.i, found.rows), j: keep(state.ordersCell.j, found.columns), hover: null }, ordersAt: Infinity,
    });
  }
  // one question at a time; of those that wait only the newest is asked
  async function ask(patch) {
    const question = { rows: view()?.rows, columns: view()?.columns, spiral: view()?.spiral, seed: view()?.seed, ...(next || {}), ...patch };
    if (busy) { next = question; return; }
    busy = true;
    next = null;
    put({ asking: true });
    const found = await server.scan_orders(question).catch(() => null);
    busy = false;
    if (found && !found.problem) { receive(found); did(); }
    else put({ asking: false, problem: found?.problem || "The server did not answer. The orders on show are unchanged; try again, or reload the page." });
    if (next) ask(next);
  }
  T.connectOrders = ({ props, server: functions }) => {
    server = functions;
    if (props.value && !props.value.problem) receive(props.value);
  };

  function choose(name) {
    put({ chosen: name });
    did();
  }
  const selectCell = (i, j) => T.set({ ordersCell: { ...state.ordersCell, i, j } });
  const hoverCell = (place) => {
    const now = state.ordersCell.hover;
    if (now?.i !== place?.i || now?.j !== place?.j) T.set({ ordersCell: { ...state.ordersCell, hover: place } });
  };
  const place = () => state.ordersCell.hover || state.ordersCell;

  // --- the clock -------------------------------------------------------------------------------------------------

  const cells = () => view().rows * view().columns;
  const longest = () => (state.orders.clock === "tokens" ? view().scales.tokens : cells());
  const now = () => Math.min(state.ordersAt, longest());
  // how many tokens an order has written when `now` notches have passed
  function written(order) {
    if (sequential(order)) return Math.min(now(), order.tokens);
    return order.maps.slice(0, finished(order)).reduce((sum, map) => sum + map.tokens, 0);
  }
  // how many maps next-scale has finished by then: a map counts when all its tokens are there
  function finished(order) {
    if (state.orders.clock === "steps") return Math.min(now(), order.steps);
    let sum = 0;
    return order.maps.filter((map) => { sum += map.tokens; return sum <= now(); }).length;
  }
  function moment() {
    const { scales } = view();
    const maps = `Next-scale has finished ${finished(scales)} of ${T.count(scales.steps, "map")}`;
    const single = now() < cells() ? `orders of single tokens have written ${text(now())} of ${text(cells())}` : `orders of single tokens are complete with ${text(cells())}`;
    return `After ${T.count(now(), state.orders.clock === "steps" ? "step" : "token")} ${single}. ${maps}, ${text(written(scales))} of ${T.count(scales.tokens, "token")}.`;
  }

  // --- settings --------------------------------------------------------------------------------------------------

  T.define("orders-settings", (root) => {
    const size = T.segment("Size of the grid", SIZES.map((n) => ({ value: String(n), text: `${n}×${n}` })), (value) => ask({ rows: Number(value), columns: Number(value) }));
    const field = (label, key) => el("input", { class: "ts-field ts-order-number", type: "number", min: 2, max: 32, step: 1, "aria-label": label, onchange: (event) => ask({ [key]: event.target.value === "" ? null : Number(event.target.value) }) });
    const [rows, columns] = [field("Rows", "rows"), field("Columns", "columns")];
    const spiral = T.segment("Direction of the spiral", [{ value: "inwards", text: "Inwards" }, { value: "outwards", text: "Outwards", tip: "The same path backwards: from the middle to the border." }], (value) => ask({ spiral: value }));
    const seed = el("input", { class: "ts-field", type: "number", min: 0, max: 2147483647, step: 1, "aria-label": "Seed of the random order", onchange: (event) => ask({ seed: event.target.value === "" ? null : Number(event.target.value) }) });
    const problem = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const remark = el("p", { class: "ts-caption" });
    const row = (...parts) => el("div", { class: "ts-order-setting" }, parts);
    root.append(el("section", { class: "ts-order-settings" }, el("div", { class: "ts-head" }, el("h2", { text: "The grid" })),
      size, row(el("label", { class: "ts-inline" }, el("span", { text: "Rows" }), rows), el("label", { class: "ts-inline" }, el("span", { text: "Columns" }), columns)),
      problem, remark,
      row(el("span", { class: "ts-muted" }, T.term("Spiral", "Along the border, ring by ring. Inwards it starts at the top left corner, outwards in the middle.")), spiral),
      row(el("span", { class: "ts-muted" }, T.term("Random seed", "The random order is a baseline that knows nothing of the plane. The same seed gives the same order.")), seed)));
    T.subscribe(root, ["orders"], () => {
      if (!view()) return;
      const { rows: h, columns: w } = view();
      problem.hidden = !state.orders.problem;
      problem.textContent = state.orders.problem || "";
      size.show(h === w ? String(h) : "");
      if (h !== w || !SIZES.includes(h)) size.querySelector("button").tabIndex = 0;
      spiral.show(view().spiral);
      if (!state.orders.problem) [rows.value, columns.value, seed.value] = [h, w, view().seed];
      remark.textContent = `${T.count(h * w, "token")}, ${T.count(view().pairs, "pair")} of neighbours. ${view().exact ? "" : "Z-curve and Hilbert curve are made for squares of 2, 4, 8, 16 or 32 cells a side: here they are cut out of the next larger one, and cells outside are skipped. "}${view().scales.own ? "Next-scale uses the maps of the tokenizer on this page." : "The tokenizer on this page has another grid, so for next-scale maps are made up: each has four fifths of the rows and columns of the next finer one."}`;
    });
  });

  // --- all orders --------------------------------------------------------------------------------------------------

  const NAMES = { raster: "In raster order", serpentine: "In serpentine order", spiral: "On the inward spiral", "spiral-outwards": "On the outward spiral", "z-curve": "Along the Z-curve", hilbert: "Along the Hilbert curve", random: "In random order" };
  const ABOUT = {
    raster: "Row by row, like reading: the order of most models that write pictures token by token.",
    serpentine: "Row by row, every second row backwards, so that the path never jumps. Also called boustrophedon.",
    spiral: "Clockwise along the border, ring by ring inwards.",
    "spiral-outwards": "From the middle outwards, ring by ring.",
    "z-curve": "Quarter by quarter, and each quarter in the same way. Also called Morton order.",
    hilbert: "Quarter by quarter, turned so that each begins where the last one ended.",
    random: "A random permutation: what an order without any plan does.",
    "next-scale": "Not one token after the other: all cells of a map at once, and coarser maps before finer ones.",
  };
  const text = (value) => value.toLocaleString("en");
  const plain = (value) => (value % 1 ? T.number(value, 1) : String(value));
  const grid = () => `${[8, 11, 18].includes(view().rows) ? "an" : "a"} ${view().rows}×${view().columns} grid`;
  function finding() {
    const order = chosen();
    if (!sequential(order)) return `Next-scale predicts all ${text(cells())} tokens of ${grid()} in one step: neighbours are 0 steps apart and do not know each other, but coarser tokens cover their place.`;
    if (order.name === "raster") return `In raster order on ${grid()} a token’s right neighbour comes 1 token later, its lower one ${T.count(order.longest, "token")} later.`;
    const near = plain(order.median);
    return `${NAMES[order.name]} on ${grid()} half of all neighbours are at most ${near} ${near === "1" ? "token" : "tokens"} apart, the farthest ${order.longest}.`;
  }
  const FILLS = [
    { value: "position", text: "Position", tip: "Colour says when a token is written: dark first, yellow last." },
    { value: "known", text: "Neighbours", tip: "Which share of a token’s neighbours (above, left, right, below) is known when it is predicted." },
    { value: "look_back", text: "Look-back", tip: "How many tokens back the farthest of its known neighbours lies." },
    { value: "picture", text: "Picture", tip: "The picture of Inspect: what is known shows it, the rest is veiled." },
  ];

  T.define("orders-overview", (root) => {
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    const fill = T.segment("What the cells show", FILLS, (value) => put({ fill: value }));
    const clock = T.segment("What the slider counts", [
      { value: "tokens", text: "Tokens", tip: "All orders have written equally many tokens. Next-scale writes more of them in all: it has a map for every scale." },
      { value: "steps", text: "Steps", tip: "All orders have taken equally many steps. A step is one pass through the model: one token, or for next-scale a whole map." },
    ], (value) => { stop(); T.set({ orders: { ...state.orders, clock: value }, ordersAt: Infinity }); });
    const play = el("button", { type: "button", class: "ts-button", text: "Play", onclick: () => (timer ? stop() : start()) });
    const slider = el("input", { type: "range", min: 0, step: 1, class: "ts-order-slider", "aria-label": "How far all orders have come", oninput: () => { stop(); T.set({ ordersAt: Number(slider.value) }); } });
    const read = el("p", { class: "ts-caption ts-order-moment" });
    const tiles = el("div", { class: "ts-orders", role: "radiogroup", "aria-label": "Orders" });
    const bar = el("i");
    const ends = [el("span", { class: "ts-num" }), el("span", { class: "ts-num" })];
    const words = el("span");
    const ramp = el("span", { class: "ts-ramp" }, ends[0], bar, ends[1]);
    const legend = el("div", { class: "ts-legend" }, ramp, words);
    root.append(title, sub,
      el("div", { class: "ts-order-tools" }, el("div", { class: "ts-order-pick" }, el("span", { class: "ts-muted", text: "Cells show" }), fill), el("div", { class: "ts-order-pick" }, el("span", { class: "ts-muted", text: "Slider counts" }), clock)),
      el("div", { class: "ts-order-clock" }, play, slider), read, tiles, legend);
    let buttons = [];
    let timer = null;

    function stop() { clearInterval(timer); timer = null; play.textContent = "Play"; }
    function start() {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches; // then a few large steps instead of motion
      const stride = Math.max(1, Math.ceil(longest() / (still ? 8 : FRAMES)));
      T.set({ ordersAt: now() >= longest() ? 0 : now() });
      play.textContent = "Pause";
      timer = setInterval(() => {
        if (now() >= longest() || !root.isConnected || !root.offsetParent) return stop();
        T.set({ ordersAt: Math.min(longest(), now() + stride) });
      }, still ? 700 : Math.max(40, 5000 / Math.min(FRAMES, longest())));
    }

    function tile(order) {
      const canvas = el("canvas", { class: "ts-order-canvas", "aria-hidden": "true" });
      const many = sequential(order) ? null : T.ordersDraw.mapRow(order);
      const button = el("button", { type: "button", role: "radio", class: `ts-order${many ? " ts-order-maps" : ""}`, "data-name": order.name,
        "aria-label": `${order.title}. ${ABOUT[order.name]}`, onclick: () => { if (state.orders.chosen !== order.name) choose(order.name); } },
      el("span", { class: "ts-order-name" }, el("b", { text: order.title }), many ? el("span", { class: "ts-muted", text: `${T.count(order.tokens, "token")} in ${order.steps} steps` }) : null),
      many ? many.node : canvas, many ? null : el("span", { class: "ts-order-name ts-muted" }, el("span", { text: `median ${plain(order.median)}` }), el("span", { text: `farthest ${order.longest}` })));
      if (!many) {
        const at = (event) => T.ordersDraw.cellAt(canvas, event, view());
        canvas.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") hoverCell(at(event)); });
        canvas.addEventListener("pointerleave", () => hoverCell(null));
        canvas.addEventListener("click", (event) => { const cell = at(event); if (cell) selectCell(cell.i, cell.j); });
      }
      return { button, canvas, many, order };
    }
    function build() {
      buttons = all().map(tile);
      tiles.replaceChildren(...buttons.map(({ button }) => button));
      draw();
    }
    function draw() {
      for (const { canvas, many, order } of buttons) many ? many.draw(finished(order)) : T.ordersDraw.order(canvas, order, written(order));
    }
    tiles.addEventListener("keydown", (event) => {
      const at = buttons.findIndex(({ button }) => button === document.activeElement);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (at < 0 || !step) return;
      event.preventDefault();
      const { button, order } = buttons[(at + step + buttons.length) % buttons.length];
      button.focus();
      choose(order.name);
    });
    new ResizeObserver(() => { if (view() && tiles.clientWidth) draw(); }).observe(tiles);

    function explain() {
      const { fill: shown } = state.orders;
      bar.style.background = T.measures.gradient();
      ramp.hidden = shown === "picture";
      const far = Math.max(...view().orders.map((order) => order.longest));
      const [low, high, text] = {
        position: ["first", "last", "position in the order; for next-scale the step"],
        known: ["0 %", "100 %", "of the neighbours (above, left, right, below) are known when the token is predicted"],
        look_back: ["0", String(far), "tokens back to the farthest known neighbour (above, left, right, below), on a square-root scale"],
        picture: ["", "", state.docs.session ? "Known cells show the picture of Inspect. For next-scale it is drawn as a mosaic of each map’s cells; that is no decoded picture." : "Open a picture in Inspect to see it here."],
      }[shown];
      ends[0].textContent = low;
      ends[1].textContent = high;
      words.textContent = text;
    }

    let drawn = null;
    T.subscribe(root, ["orders", "ordersCell", "ordersAt", "theme", "docs"], (keys) => {
      if (!view()) { title.textContent = "Orders in which a grid of tokens can be written."; return; }
      const redraw = drawn !== view();
      if (redraw) { drawn = view(); stop(); build(); } else if (!keys.has("docs") || state.orders.fill === "picture") draw();
      if (redraw || keys.has("orders") || keys.has("docs") || keys.has("theme")) {
        title.textContent = finding();
        sub.replaceChildren(`${ABOUT[chosen().name]} `, ...(sequential(chosen()) ? ["A model can only use ", T.term("neighbours", "The tokens above, left, right and below in the plane. They carry most of what can be known about a token."), ` that were written before. In any order of single tokens each pair of neighbours is known from one side only, ${T.number(view().known_mean, 2)} neighbours a token on average here: orders differ in how far back these lie and in how they are spread.`] : ["Counted in steps, so that it compares with the others: a step is one pass through the model. The figures are those of the finest map."]));
        fill.show(state.orders.fill);
        clock.show(state.orders.clock);
        for (const { button, order } of buttons) {
          button.setAttribute("aria-checked", String(order === chosen()));
          button.tabIndex = order === chosen() ? 0 : -1;
        }
        explain();
      }
      slider.max = longest();
      slider.value = now();
      slider.setAttribute("aria-valuetext", moment());
      read.textContent = moment();
    });
  });

  T.orders = { view, all, chosen, sequential, choose, place, selectCell, hoverCell, written, finished, now, plain, put, NAMES, cells, ask };
})();
