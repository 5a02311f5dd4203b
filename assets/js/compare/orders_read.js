// What the orders do, in numbers: the selected cell and its neighbours, histograms of distances, the table.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const SIDES = [["above", -1, 0], ["left", 0, -1], ["right", 0, 1], ["below", 1, 0]];
  const percent = (share) => `${T.number(100 * share, 0)} %`;

  // [{side, apart: tokens later (minus: earlier), or null outside}] of a cell
  function neighbours(order, { i, j }) {
    const { rows, columns } = T.orders.view();
    return SIDES.map(([side, y, x]) => {
      const [m, n] = [i + y, j + x];
      if (m < 0 || n < 0 || m >= rows || n >= columns) return { side, apart: null };
      return { side, apart: order.cells ? order.at[m * columns + n] - order.at[i * columns + j] : 0 };
    });
  }
  const words = ({ side, apart }) => (apart < 0 ? `${side} comes ${-apart} earlier (known)` : `${side} ${apart} later`);

  function sentence(order, place) {
    const where = `Row ${place.i + 1}, column ${place.j + 1}`;
    if (!order.cells) {
      const over = order.maps.slice(0, -1).reduce((sum, map) => sum + T.geometry.linked({ h: T.orders.view().rows, w: T.orders.view().columns }, place.i, place.j, map).length, 0);
      return `${where}: predicted in step ${order.steps} together with all its neighbours; ${T.count(over, "token")} of coarser maps over this place ${over === 1 ? "is" : "are"} known.`;
    }
    const near = neighbours(order, place).filter((one) => one.apart !== null).map(words).join(", ");
    return `${where} is token ${order.at[place.i * T.orders.view().columns + place.j] + 1} of ${order.tokens}: ${near}.`;
  }

  T.define("orders-cell", (root) => {
    const O = T.orders;
    const where = el("strong");
    const cross = el("div", { class: "ts-cross", role: "img" });
    const about = el("p", { class: "ts-caption" });
    const table = el("table", { class: "ts-table ts-order-cell" });
    root.append(el("div", { class: "ts-head" }, el("h2", {}, T.term("Selected cell", "Point at a cell of any order, or choose one by click or arrow keys in the large drawing; [ and ] follow the path."))), where, cross, about, table);
    const signed = (apart) => (apart > 0 ? `+${apart}` : `−${-apart}`);

    T.subscribe(root, ["orders", "ordersCell"], () => {
      if (!O.view()) return;
      const place = O.place();
      const order = O.chosen();
      const n = place.i * O.view().columns + place.j;
      where.textContent = `Row ${place.i + 1}, column ${place.j + 1}`;
      const near = neighbours(order, place);
      const step = order.cells ? null : order.steps;
      const box = ({ side, apart }) => el("span", { class: `ts-cross-${side}${apart === null ? " ts-outside" : apart < 0 ? " ts-known" : ""}` },
        ...(apart === null ? [el("small", { text: "border" })] : apart === 0 ? [el("b", { class: "ts-num", text: "0" }), el("small", { text: "same step" })] : [el("b", { class: "ts-num", text: Math.abs(apart) }), el("small", { text: apart < 0 ? "earlier" : "later" })]));
      cross.setAttribute("aria-label", `${order.title}. ${sentence(order, place)}`);
      cross.replaceChildren(...near.map(box), el("span", { class: "ts-cross-here" }, el("b", { class: "ts-num", text: order.cells ? order.at[n] + 1 : step }), el("small", { text: order.cells ? "token" : "step" })));
      about.textContent = order.cells ? "Filled: known when this token is predicted. Numbers: how many tokens earlier or later a neighbour is written." : "The whole map is predicted in one step, so no neighbour is known; all coarser maps are.";
      table.replaceChildren(
        el("thead", {}, el("tr", {}, ["Order", "Token", "above", "left", "right", "below"].map((text) => el("th", { scope: "col", text })))),
        el("tbody", {}, O.all().map((one) => el("tr", { class: one === order ? "ts-here" : null },
          el("th", { scope: "row", text: one.title }), el("td", { text: one.cells ? one.at[n] + 1 : `step ${one.steps}` }),
          neighbours(one, place).map(({ apart }) => el("td", { class: apart < 0 ? "ts-known" : "", text: apart === null ? "" : apart === 0 ? "0" : signed(apart) }))))));
    });
  });

  // --- how far apart neighbours come --------------------------------------------------------------------------------

  T.define("orders-distances", (root) => {
    const O = T.orders;
    const title = el("h2");
    const sub = el("p", { class: "ts-sub" });
    const charts = el("div", { class: "ts-order-charts" });
    root.append(el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, title), sub, charts));
    const label = ([low, high]) => (low === high ? `${low}` : `${low}–${high}`);

    function chart(order, top) {
      const { bins, pairs } = O.view();
      const bars = order.counts.map((count, b) => el("span", { class: "ts-order-bar", "data-tip": `${label(bins[b])} ${bins[b][1] === 1 ? "step" : "steps"} apart: ${T.count(count, "pair")} of neighbours, ${T.number((100 * count) / pairs, 1)} %`, style: { "--v": count / pairs / top } }, el("i"), el("small", { class: "ts-num", text: bins.length > 8 && b > 1 && b % 2 === 0 ? "" : bins[b][0] })));
      const text = order.counts.map((count, b) => (count ? `${label(bins[b])} steps apart ${T.number((100 * count) / pairs, 1)} %` : null)).filter(Boolean).join(", ");
      return el("figure", { class: `ts-order-chart${order === O.chosen() ? " ts-here" : ""}` },
        el("figcaption", {}, el("b", { text: order.title }), el("span", { class: "ts-caption", text: order.cells ? `mean ${T.number(order.mean, 1)} tokens` : "0 steps" })),
        el("div", { class: "ts-order-bars", role: "img", "aria-label": `${order.title}: pairs of neighbours ${text}`, style: { "--count": bins.length } },
          el("span", { class: "ts-top ts-num", text: percent(top) }), bars));
    }
    // over the orders of single tokens with a plan; the random one is a baseline
    function finding(orders) {
      const planned = orders.filter((order) => order.name !== "random");
      const near = (order) => order.counts.slice(0, 3).reduce((sum, n) => sum + n, 0) / O.view().pairs;
      const most = Math.max(...planned.map(near));
      const least = Math.min(...planned.map((order) => order.longest));
      const named = (test) => planned.filter(test).map((order) => order.title).join(" and ");
      return `Within 3 tokens: ${percent(most)} of neighbours, in ${named((order) => near(order) === most)}. Nearest at worst: ${T.count(least, "token")}, in ${named((order) => order.longest === least)}.`;
    }
    let drawn = "";
    T.subscribe(root, ["orders"], () => {
      if (!O.view()) return;
      const now = `${O.view().rows} ${O.view().columns} ${O.view().seed} ${O.view().spiral} ${O.chosen().name}`;
      if (now === drawn) return;
      drawn = now;
      const { orders, pairs } = O.view();
      title.textContent = "How far apart do neighbours come?";
      const highest = Math.max(...orders.flatMap((order) => order.counts)) / pairs;
      const top = Math.ceil(highest * 10) / 10;
      sub.textContent = `${finding(orders)} Bars: share of all ${T.count(pairs, "pair")} of neighbours (side by side or one above the other) by how many steps lie between them, in bins that double; the number under a bar is where its bin begins. One step is one token, for next-scale one map.`;
      charts.replaceChildren(...orders.map((order) => chart(order, top)), el("figure", { class: "ts-order-chart ts-order-last" }, chart(O.view().scales, 1),
        el("p", { class: "ts-caption", text: `Next-scale, finest map: all its tokens come in one step, so every pair is 0 steps apart (its axis ends at 100 %). That says nothing about what a token knows of its neighbours: of the same map it knows none, of coarser maps it knows all tokens over the place, and over its neighbours’ places too. The table keeps the two apart.` })));
    });
  });

  // --- the table -------------------------------------------------------------------------------------------------------

  T.define("orders-table", (root) => {
    const O = T.orders;
    const body = el("div", { class: "ts-order-scroll", role: "region", tabindex: "0", "aria-label": "Figures of all orders" });
    const maps = el("div", { class: "ts-order-scroll", role: "region", tabindex: "0", "aria-label": "Next-scale, map by map" });
    const mapsNote = el("p", { class: "ts-caption" });
    root.append(el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", { text: "The orders in figures" })), body,
      el("div", { class: "ts-head ts-order-second" }, el("h2", { text: "Next-scale, map by map" })), maps, mapsNote));
    const head = (text, definition) => el("th", { scope: "col" }, definition ? T.term(text, definition) : text);
    const cell = (value) => el("td", { text: value });
    const none = () => el("td", {}, el("span", { class: "ts-muted", text: "none" }));

    T.subscribe(root, ["orders"], () => {
      const view = O.view();
      if (!view) return;
      const row = (order) => el("tr", { class: order === O.chosen() ? "ts-here" : null },
        el("th", { scope: "row", text: order.cells ? order.title : "Next-scale, finest map" }), cell(order.steps.toLocaleString("en")), cell(order.tokens.toLocaleString("en")),
        cell(T.number(order.mean, 1)), cell(O.plain(order.median)), cell(order.longest.toLocaleString("en")), order.cells ? cell(order.jumps.toLocaleString("en")) : none(),
        cell(percent(order.known_4)), cell(percent(order.known_8)), cell(order.alone.toLocaleString("en")), order.cells ? none() : cell(percent(order.covered_4)));
      body.replaceChildren(el("table", { class: "ts-table ts-order-table" }, el("thead", {},
        el("tr", {}, el("td", {}), el("th", { scope: "colgroup", colspan: 2, text: "To the end" }), el("th", { scope: "colgroup", colspan: 4, text: "Steps between neighbours" }), el("th", { scope: "colgroup", colspan: 4, text: "Known when predicted" })),
        el("tr", {}, head("Order"), head("Steps", "Passes through the model, one after the other, until the picture is complete."), head("Tokens", "Written in all. Next-scale writes those of its coarser maps too."),
          head("Mean"), head("Median"), head("Farthest", "The largest distance of any pair: also the farthest that a token has to look back for one of its four neighbours."), head("Jumps", "How often the next token is no neighbour of the one before."),
          head("Of 4", "Share of the neighbours above, left, right and below that were written in an earlier step; mean over all cells. Cells at the border have fewer neighbours."), head("Of 8", "The same for the eight neighbours around, corners included."),
          head("Alone", "Cells of which no neighbour (above, left, right, below) is known when they are predicted."), head("Covered", "Share of the four neighbours over whose place a coarser token is already known. Orders of single tokens have no coarser tokens."))),
      el("tbody", {}, O.all().map(row))));
      const { scales } = view;
      maps.replaceChildren(el("table", { class: "ts-table ts-order-table" }, el("thead", {}, el("tr", {}, head("Step"), head("Map"), head("Tokens"), head("Steps apart", "Between two neighbours of this map: they are predicted together."), head("Known, same map", "Share of a token’s four neighbours in its own map that were written in an earlier step."), head("Covered", "Share of the four neighbours over whose place a token of a coarser map is known."), head("Coarser tokens", "Known tokens of all coarser maps that lie over a cell; mean over the cells of this map."))),
        el("tbody", {}, scales.maps.map((map, k) => el("tr", {}, el("th", { scope: "row", text: k + 1 }), cell(`${map.h}×${map.w}`), cell(map.tokens.toLocaleString("en")), map.apart === null ? none() : cell(map.apart), map.known_4 === null ? none() : cell(percent(map.known_4)), map.covered_4 === null ? none() : cell(percent(map.covered_4)), cell(T.number(map.coarser, 1)))))));
      mapsNote.textContent = "A coarser token is not a neighbour: it covers a larger part of the picture and says less about the place. So “known” and “covered” are different quantities and stand in different columns; neither can be turned into the other.";
    });
  });

  T.ordersRead = { sentence };
})();
