// Compare / Error travel: flip one token of each model's picture and see how far the change goes. The counterpart is
// explorer/ui/compare/travel.py. Tells others: "ts:did" {what: "travel-done"} when a flip or a sweep has finished.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const RUN = "run";
  const SESSION = "session";
  const TYPED = "typed";

  // start: the pictures to flip tokens of; places: order -> {k, n}, counted from 0; result, sweep: what came back
  state.travel = {
    about: null, source: RUN, label: null, seed: 0, how: "random", typed: {}, mode: "regenerate", threshold: "8", count: "12",
    running: false, stopped: false, problem: null, progress: null, start: null, places: {}, result: null, asked: null, sweep: null, swept: null, startKey: null,
  };
  const mine = () => state.travel;
  let one = null;
  const channel = () => (one ||= T.comparing.channel("travel", take));
  const put = (patch) => channel().put(patch);
  T.connectTravel = (ends) => {
    channel().connect(ends);
    const { about, label } = mine();
    if (about && label === null) put({ label: about.classes.includes("sunflower") ? "sunflower" : about.classes[0] ?? T.comparing.NO_CLASS });
  };

  function take(view, put) {
    const ended = view.status !== "running";
    const done = { running: ended ? false : view.kind, progress: view };
    if (view.kind === "draw") {
      put({ ...done, start: view, result: null, sweep: null, places: { ...middles(view.models), ...mine().places } });
    } else if (view.kind === "flip") put({ ...done, ...(view.models.length ? { result: view } : {}) });
    else put({ ...done, sweep: view });
    if (ended && view.kind !== "draw") document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "travel-done" } }));
  }
  // the first choice: a token in the middle, of the scale in the middle
  const middles = (models) => Object.fromEntries(models.map(({ order, scales }) => {
    const k = Math.floor((scales.length - 1) / 2);
    const { h, w } = scales[k];
    return [order, { k, n: Math.floor(h / 2) * w + Math.floor(w / 2) }];
  }));

  const wanted = () => JSON.stringify([mine().source, ...(mine().source === RUN ? [mine().label, mine().seed] : [state.docs.session?.picture])]);
  const complete = () => Boolean(mine().start) && mine().start.status === "done" && mine().start.models.length > 0;
  const startFresh = () => mine().startKey === wanted();
  const mode = () => (mine().start?.source === SESSION ? "decode" : mine().mode);
  const flipKey = () => JSON.stringify([mine().startKey, mine().places, mine().how, mine().how === TYPED ? mine().typed : 0, mode()]);
  const sweepKey = () => JSON.stringify([mine().startKey, mine().how, mode()]);
  const fresh = () => mine().asked === flipKey();
  const sweepFresh = () => mine().swept === sweepKey();
  const known = (scale) => scale.ids.every((id) => id >= 0);

  function draw() {
    const { source, label, seed } = mine();
    channel().start({ kind: "draw", source, label, seed }, { start: null, result: null, sweep: null, startKey: wanted() });
  }
  const tokens = ({ order, scales }) => ({ order, ids: scales.map(({ ids }) => ids) });
  function flip() {
    const { start, places, how, typed } = mine();
    const models = start.models.map((model) => {
      const { k, n } = places[model.order];
      return { ...tokens(model), scale: k + 1, cell: n, code: how === TYPED ? typed[model.order] ?? 0 : how };
    });
    channel().start({ kind: "flip", source: start.source, label: start.label, seed: start.seed, mode: mode(), models }, { result: null, asked: flipKey() });
  }
  function sweep() {
    const { start, how, count } = mine();
    channel().start({ kind: "sweep", source: start.source, label: start.label, seed: start.seed, mode: mode(), how: how === TYPED ? "random" : how, count: Number(count), models: start.models.map(tokens) }, { sweep: null, swept: sweepKey() });
  }
  const stop = () => channel().stop();
  const choose = (order, k, n) => put({ places: { ...mine().places, [order]: { k, n } } });
  const placeText = (model, k, n) => {
    const { w } = model.scales[k];
    return `${model.scales.length > 1 ? `scale ${k + 1}, ` : ""}row ${Math.floor(n / w) + 1}, column ${(n % w) + 1}`;
  };
  T.travel = { draw, flip, sweep, stop, choose, put, mode, complete, fresh, sweepFresh, startFresh, placeText };

  T.define("travel-pictures", (root) => {
    const source = T.segment("Pictures", [
      { value: RUN, text: "Drawn by both", tip: "Each model draws a picture of the class. Only these can be drawn again with the same randomness." },
      { value: SESSION, text: "Picture in Inspect", tip: "Each model's tokenizer turns the picture in Inspect into tokens; a flip is then decoded only." },
    ], (value) => put({ source: value }));
    const classes = el("select", { class: "ts-field ts-select", "aria-label": "Class", onchange: () => put({ label: classes.value }) });
    const seed = T.comparing.seedField(() => mine().seed, (value) => put({ seed: value }));
    const go = el("button", { type: "button", class: "ts-button", onclick: () => (mine().running === "draw" ? stop() : draw()) });
    const field = (text, control) => el("div", { class: "ts-setting" }, el("span", { text }), control);
    const fields = [field("Class", classes), field("Seed", seed)];
    const said = el("p", { class: "ts-caption", role: "status" });
    const section = el("section", { class: "ts-compare-part" }, el("div", { class: "ts-head" }, el("h2", { text: "1. Pictures" })), source, fields, go, said);
    root.append(section);
    T.subscribe(root, ["travel", "docs"], () => {
      const { about, running, start, progress } = mine();
      section.hidden = !about?.models.length;
      if (!about) return;
      source.show(mine().source);
      T.comparing.fillClasses(classes, about.classes, [[T.comparing.NO_CLASS, "no class"]], mine().label ?? undefined);
      if (document.activeElement !== seed) seed.value = mine().seed;
      for (const node of fields) node.hidden = mine().source === SESSION;
      go.textContent = running === "draw" ? "Stop" : mine().source === SESSION ? "Tokenize it" : "Draw both pictures";
      go.disabled = Boolean(running && running !== "draw") || (mine().source === SESSION && !state.docs.session);
      go.classList.toggle("ts-main", !complete() && running !== "draw");
      said.textContent = running === "draw" ? `Step ${progress?.done || 0} of ${progress?.total || "…"}` : start && !startFresh() ? "These settings are not those of the pictures shown. Draw them again to use them." : "";
    });
  });

  T.define("travel-flip", (root) => {
    const how = T.segment("The other code", [
      { value: "random", text: "Random", tip: "Any other code, drawn with the seed." }, { value: "nearest", text: "Nearest", tip: "The other code whose vector is closest (Euclidean distance)." },
      { value: "farthest", text: "Farthest", tip: "The code whose vector is farthest away (Euclidean distance)." }, { value: TYPED, text: "Typed", tip: "A code by its number, for each model." },
    ], (value) => put({ how: value }));
    const typed = el("div", { class: "ts-compare-part" });
    const after = T.segment("What follows the flip", [
      { value: "regenerate", text: "Draw what follows again", tip: "All that comes before stays, the flip is put in, and everything after it is drawn again with the same random numbers." },
      { value: "decode", text: "Decode only", tip: "All other tokens stay; only the decoder sees the flip." },
    ], (value) => put({ mode: value }));
    const go = el("button", { type: "button", class: "ts-button", onclick: () => (mine().running === "flip" ? stop() : flip()) });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress" }, bar);
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const section = el("section", { class: "ts-compare-part" }, el("div", { class: "ts-head" }, el("h2", { text: "2. Flip a token of each" })), el("p", { class: "ts-caption", text: "Choose the tokens on the maps." }), how, typed, after, go, progress, failed);
    root.append(section);
    T.subscribe(root, ["travel"], () => {
      const { about, running, progress: found, problem } = mine();
      section.hidden = !about?.models.length;
      if (!about) return;
      how.show(mine().how);
      after.show(mode());
      after.refuse("regenerate", mine().start?.source === SESSION ? "The picture in Inspect was not drawn by these models, so there is no randomness to repeat." : "");
      typed.hidden = mine().how !== TYPED;
      if (typed.childElementCount !== about.models.length) {
        typed.replaceChildren(...about.models.map(({ order, codes }) => {
          const input = el("input", { class: "ts-field", type: "number", min: 0, max: codes - 1, value: 0, "aria-label": `New code, ${order}`, onchange: () => put({ typed: { ...mine().typed, [order]: Math.floor(Number(input.value) || 0) } }) });
          return el("label", { class: "ts-setting" }, el("span", { text: T.comparing.ORDER[order] }), input);
        }));
      }
      go.textContent = running === "flip" ? "Stop" : "Flip both tokens";
      go.disabled = !complete() || Boolean(running && running !== "flip");
      go.classList.toggle("ts-main", complete() && running !== "flip");
      progress.style.visibility = running && running !== "sweep" ? "visible" : "hidden";
      bar.style.setProperty("--v", found?.total ? `${(100 * found.done) / found.total}%` : "0%");
      failed.hidden = !problem;
      failed.textContent = problem || "";
    });
  });

  T.define("travel-maps", (root) => {
    const finding = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub", role: "status" });
    const missing = el("div");
    const body = el("div", { class: "ts-travel-maps" });
    root.append(finding, sub, missing, body);
    let shape = "";
    let blocks = [];

    function build(models) {
      blocks = models.map((model) => {
        const image = el("img", { alt: "" });
        const ring = el("div", { class: "ts-ring ts-selected" });
        const read = el("p", { class: "ts-caption", role: "status" });
        const maps = model.scales.map((scale, k) => {
          const cells = [];
          const rows = Array.from({ length: scale.h }, (_, i) => el("div", { role: "row" }, Array.from({ length: scale.w }, (_, j) => {
            const cell = el("div", { class: "ts-cell", role: "gridcell", tabindex: "-1" });
            cell.place = { k, n: i * scale.w + j };
            cells.push(cell);
            return cell;
          })));
          const map = el("div", { class: "ts-map", role: "grid", "aria-label": `${model.name}, scale ${k + 1}, ${scale.h} by ${scale.w} tokens`, style: { "--h": scale.h, "--w": scale.w } }, rows);
          return { cells, node: el("figure", {}, map, el("figcaption", { class: "ts-caption", text: `${scale.h}×${scale.w}` })) };
        });
        const surface = el("div", { class: "ts-travel-surface", style: { "--columns": model.scales.map(({ h, w }) => `minmax(0, ${T.geometry.weight({ h, w }).toFixed(3)}fr)`).join(" ") } }, maps.map(({ node }) => node));
        const block = { order: model.order, image, ring, read, maps };
        surface.addEventListener("click", (event) => {
          const cell = event.target.closest(".ts-cell");
          if (cell) { choose(model.order, cell.place.k, cell.place.n); cell.focus({ preventScroll: true }); }
        });
        surface.addEventListener("keydown", (event) => keys(event, block));
        block.node = el("section", { class: `ts-travel-model ts-travel-${model.order}` }, el("div", { class: "ts-head" }, el("h3", {}, el("b", { text: T.comparing.ORDER[model.order] }), ` ${model.name}`)),
          el("div", { class: "ts-travel-pair" }, el("div", { class: "ts-frame-picture", style: { "--ratio": `${model.size[1]} / ${model.size[0]}` } }, image, ring), surface), read);
        return block;
      });
      body.replaceChildren(...blocks.map(({ node }) => node));
    }
    const modelOf = (order) => mine().start?.models.find((model) => model.order === order);
    function keys(event, block) {
      const cell = event.target.closest(".ts-cell");
      const scales = modelOf(block.order)?.scales;
      if (!cell || !scales || event.ctrlKey || event.metaKey || event.altKey) return;
      let { k, n } = cell.place;
      let [i, j] = [Math.floor(n / scales[k].w), n % scales[k].w];
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (move) [i, j] = [Math.min(scales[k].h - 1, Math.max(0, i + move[0])), Math.min(scales[k].w - 1, Math.max(0, j + move[1]))];
      else if ((event.key === "[" || event.key === "]") && scales[k + (event.key === "]" ? 1 : -1)]) {
        const next = k + (event.key === "]" ? 1 : -1);
        [i, j] = T.geometry.over(scales[k], i, j, scales[next]);
        k = next;
      } else if (event.key === "Enter" && complete() && !mine().running) { event.preventDefault(); return flip(); }
      else return;
      event.preventDefault();
      n = i * scales[k].w + j;
      choose(block.order, k, n);
      block.maps[k].cells[n].focus();
    }

    function paint(block) {
      const model = modelOf(block.order);
      if (block.image.getAttribute("src") !== model.image) block.image.src = model.image;
      block.image.alt = `Picture of ${model.name}${mine().start.source === RUN ? `, ${T.comparing.nameOf(mine().start.label)}, seed ${mine().start.seed}` : ""}`;
      const { k, n } = mine().places[block.order];
      const scale = model.scales[k];
      model.scales.forEach((one, at) => one.ids.forEach((id, m) => {
        const cell = block.maps[at].cells[m];
        const selected = at === k && m === n;
        cell.classList.toggle("ts-selected", selected);
        cell.setAttribute("aria-selected", String(selected));
        cell.tabIndex = selected ? 0 : -1;
        if (cell.id_ === id) return;
        cell.id_ = id;
        cell.classList.toggle("ts-unknown", id < 0);
        cell.style.setProperty("--c", id < 0 ? "transparent" : one.colours[m]);
        cell.setAttribute("aria-label", `${placeText(model, at, m)}, ${id < 0 ? "not drawn yet" : `code ${id}`}`);
      }));
      T.geometry.ringStyle(block.ring, T.geometry.footprint(scale, Math.floor(n / scale.w), n % scale.w));
      block.read.textContent = `To flip: ${placeText(model, k, n)}, ${known(scale) ? `code ${scale.ids[n]}` : "not drawn yet"}.`;
    }

    function say() {
      const { about, start, result, running, stopped, threshold } = mine();
      if (!about?.models.length) return ["No model can draw a picture.", ""];
      if (!start) return [running ? "Drawing …" : "How far does one wrong token travel?", running ? "" : "Draw a picture with both models, choose a token of each, and flip it: the figures say how much of the picture changes when everything after it is drawn again, or when nothing is."];
      if (running === "draw") return [`Drawing: step ${start.done} of ${start.total}.`, ""];
      if (start.status !== "done") return [stopped ? "Stopped before the pictures were complete." : "The pictures are not complete.", "Draw them again."];
      if (!result?.models.length) return ["Choose a token of each model, then flip both.", stopped ? "Stopped. Nothing was changed." : "Click a token on the maps; arrows move, brackets change the scale, Enter flips."];
      const parts = result.models.map((model, n) => `${T.comparing.percent(model.affected[threshold].share)}${n ? "" : " of the pixels"} in ${model.order} order`).join(" and ");
      const what = result.mode === "decode" ? "Nothing else was changed; the pictures were decoded again. " : "What follows it was drawn again with the same random numbers. ";
      const places = result.models.map((model) => `${T.comparing.ORDER[model.order]}: ${placeText(model, model.scale - 1, model.cell)}, code ${model.old} became ${model.code}, ${T.comparing.percent(model.before_share)} of the tokens were known before this step`).join(". ");
      return [`One flipped token changed ${parts}.`, `${fresh() ? "" : "Out of date: another token or setting is chosen now. "}${what}${places}.`];
    }

    T.subscribe(root, ["travel"], () => {
      const models = mine().start?.models || [];
      const [title, text] = say();
      finding.textContent = title.replaceAll(" %", "\u00a0%"); // a number stays with its unit
      sub.textContent = text;
      missing.replaceChildren(...T.comparing.missing(mine().about));
      const now = models.map(({ order, name, scales }) => `${order}${name}${scales.map(({ h, w }) => `${h}x${w}`)}`).join();
      if (now !== shape) { shape = now; build(models); }
      blocks.forEach(paint);
    });
  });
})();
