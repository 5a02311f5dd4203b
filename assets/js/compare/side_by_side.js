// Tokenizers side by side on the picture of Inspect: the store, the wire, what is compared, the pictures with one slider
// and one crop for all. Python computes (explorer/ui/compare/side_by_side.py). Dispatches "ts:did" {what: "tokenizers-compared"}
// when a comparison is complete.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const PATIENCE = 120000;
  const PARTS = [{ value: "0.125", text: "Small", tip: "An eighth of the picture along each side." }, { value: "0.25", text: "Medium", tip: "A quarter along each side." }, { value: "0.5", text: "Large", tip: "Half of the picture along each side." }];
  let send = null; // (name, data)
  let cancel = () => {};
  let job = null;
  let timer = null;
  let tickets = 0;
  let asked = null; // the last crop asked for

  // status: "idle" | "waiting" | "running" | "done" | "stopped" | "failed"; rows: one per tokenizer; crop: {place, rows} or null
  state.sideBySide = { status: "idle", choices: [], most: 4, picked: [], rows: [], picture: null, note: "", title: "", problem: null, done: 0, total: 0, now: "", what: "", crop: null, cropProblem: null, show: "image" };
  // the part of the picture that is looked at: its middle and side as shares of the picture; hover goes before it
  state.sidePlace = { y: 0.4, x: 0.5, side: 0.25, hover: null };
  const now = () => state.sideBySide;
  const put = (patch) => T.set({ sideBySide: { ...now(), ...patch } });
  const running = () => ["waiting", "running"].includes(now().status);
  const session = () => state.docs.session;
  const fresh = () => now().picture !== null && session()?.picture === now().picture;
  const compared = () => now().rows.filter((row) => !row.problem);

  function compare() {
    if (running()) cancel(job);
    job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    wait();
    put({ status: "waiting", problem: null, done: 0, total: 0, now: "", what: "", crop: null, cropProblem: null });
    send("compare", { job, names: now().picked });
  }
  // every view starts the clock anew
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (running()) { stop(); put({ status: "failed", problem: "The server has not answered for two minutes. Compare again, or reload the page." }); } }, PATIENCE);
  }
  function stop() {
    cancel(job);
    job = null;
    clearTimeout(timer);
    put({ status: "stopped" });
  }
  function receive(view) {
    if (!view) return;
    if (view.choices) return put({ choices: view.choices, most: view.most, quick: view.quick, picked: view.choices.filter((one) => one.ready).slice(0, view.most).map((one) => one.name) });
    if (view.crop) return receiveCrop(view.crop);
    if (view.job !== job) return;
    wait();
    if (view.status !== "running") { job = null; clearTimeout(timer); }
    if (view.problem) return put({ status: "failed", problem: view.problem });
    put({ status: view.status, done: view.done, total: view.total, now: view.now || "", what: view.what || "", ...shownOf(view) });
    if (view.status !== "done") return;
    measure();
    document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "tokenizers-compared" } }));
  }
  // what stood here stays until the same tokenizer is through again, or the first one on another picture
  function shownOf(view) {
    const about = { picture: view.picture, note: view.note, title: view.title, fit: view.fit };
    if (view.status === "done") return { ...about, rows: view.rows };
    if (!view.rows.length) return {};
    const kept = now().picture === view.picture ? now().rows.filter((old) => !old.problem && now().picked.includes(old.name) && !view.rows.some((row) => row.name === old.name)) : [];
    return { ...about, rows: [...view.rows, ...kept] };
  }
  T.connectSideBySide = ({ props, watch, server, send: trigger }) => {
    send = trigger;
    cancel = (one) => server.cancel_compare(one).catch(() => null);
    receive(props.value);
    watch("value", () => receive(props.value));
  };

  // --- the part that is looked at ----------------------------------------------------------------------------------

  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  // [top, left, height, width] of the part around a middle, kept inside the picture
  function boxOf({ y, x }, side = state.sidePlace.side) {
    const at = (v) => clamp(v - side / 2, 0, 1 - side);
    return [at(y), at(x), side, side];
  }
  const placeNow = () => boxOf(state.sidePlace.hover || state.sidePlace);
  const pin = (patch) => {
    const { side } = { ...state.sidePlace, ...patch };
    const inside = (v) => clamp(v, side / 2, 1 - side / 2);
    const next = { ...state.sidePlace, ...patch };
    T.set({ sidePlace: { ...next, y: inside(next.y), x: inside(next.x), hover: null } });
    measureSoon();
  };
  let soon = null;
  function measureSoon() { clearTimeout(soon); soon = setTimeout(measure, 200); }
  function measure() {
    if (!send || !fresh() || running() || !compared().length) return;
    asked = { ticket: ++tickets, picture: now().picture, names: compared().map((row) => row.name), place: boxOf(state.sidePlace) };
    send("crop", asked);
  }
  function receiveCrop(found) {
    if (found.ticket !== asked?.ticket) return;
    put(found.problem ? { crop: null, cropProblem: found.problem } : { crop: found, cropProblem: null });
  }
  const cropOf = (name) => now().crop?.rows.find((row) => row.name === name) || null;
  const placeWords = ([top, left, height]) => `${T.number(100 * left, 0)} to ${T.number(100 * (left + height), 0)} % across, ${T.number(100 * top, 0)} to ${T.number(100 * (top + height), 0)} % down`;

  // --- what is compared -------------------------------------------------------------------------------------------

  T.define("tokenizers-subject", (root) => {
    const image = el("img", { alt: "" });
    const ring = el("div", { class: "ts-ring ts-selected", hidden: true });
    const frame = el("div", { class: "ts-frame-picture ts-side-input" }, image, ring);
    const caption = el("p", { class: "ts-caption" });
    const another = el("button", { type: "button", class: "ts-button ts-plain", text: "Choose another picture in Inspect", onclick: () => T.openTab("Inspect") });
    const list = el("div", { class: "ts-side-choices", role: "group", "aria-label": "Tokenizers" });
    const limit = el("p", { class: "ts-caption" });
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (running() ? stop() : compare()) });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress", hidden: true }, bar);
    const line = el("p", { class: "ts-caption ts-side-line", role: "status" });
    const problem = el("p", { class: "ts-failed", role: "alert", hidden: true });
    root.append(el("div", { class: "ts-side-subject" }, el("div", { class: "ts-head" }, el("h2", { text: "The picture" })), frame, caption, another,
      el("div", { class: "ts-head" }, el("h2", {}, T.term("Tokenizers", "Each turns a picture into numbers of its own codebook, and these back into a picture."))), list, limit, el("div", { class: "ts-row" }, go), progress, line, problem));
    let drawn = null;

    function build() {
      drawn = now().choices;
      list.replaceChildren(...drawn.map((choice) => {
        const box = el("input", { type: "checkbox", "data-name": choice.name, onchange: () => {
          const names = drawn.map((one) => one.name).filter((name) => (name === choice.name ? box.checked : now().picked.includes(name)));
          put({ picked: names });
        } });
        return el("label", { class: "ts-side-choice" }, box, el("span", {}, el("b", { text: choice.name }), el("small", { text: `${choice.about}; ${choice.what}` })));
      }));
    }
    const WHAT = { read: "Reading the file of", encode: "Finding the tokens of", decode: "Decoding with" };
    function said() {
      const { status, done, total, what } = now();
      if (status === "waiting") return "Waiting for the server …";
      if (status === "running") return `${WHAT[what]} ${now().now}, step ${done + 1} of ${total} …`;
      if (status === "stopped") return now().rows.length ? "Stopped. What had been computed stays." : "Stopped before the first tokenizer was through.";
      if (now().rows.length && !fresh()) return "Out of date: Inspect shows another picture now. Compare again.";
      return "";
    }
    T.subscribe(root, ["sideBySide", "docs", "sidePlace"], () => {
      if (drawn !== now().choices) build();
      const view = session();
      const uri = view?.input || view?.scales.at(-1)?.image;
      frame.hidden = !uri;
      frame.style.setProperty("--ratio", view?.ratio || 1);
      if (uri && image.getAttribute("src") !== uri) image.src = uri;
      image.alt = view ? `The picture in Inspect: ${view.title}` : "";
      caption.replaceChildren(...(view ? [el("b", { text: view.title }), view.credit ? `, ${view.credit}. ` : ". ", fresh() ? now().note : view.note || ""] : ["Open a picture in Inspect first."]));
      ring.hidden = !compared().length;
      T.geometry.ringStyle(ring, placeNow());
      const { picked, most, choices } = now();
      for (const box of list.querySelectorAll("input")) {
        box.checked = picked.includes(box.dataset.name);
        box.disabled = running() || (!box.checked && picked.length >= most);
      }
      limit.textContent = choices.length === 1 ? "Only one tokenizer is here. Put another one’s file into checkpoints/, or fetch one with `python -m explorer download`, then start the page again." : choices.length > most ? `At most ${most} at once.` : "";
      limit.hidden = !limit.textContent;
      go.textContent = running() ? "Stop" : now().rows.length ? "Compare again" : "Compare";
      go.classList.toggle("ts-main", !running() && !fresh());
      go.disabled = !running() && (!picked.length || !view);
      progress.hidden = !running();
      bar.style.setProperty("--v", `${now().total ? (100 * now().done) / now().total : 0}%`);
      line.textContent = said();
      line.hidden = !line.textContent;
      problem.hidden = !now().problem;
      problem.textContent = now().problem || "";
    });
    // the first comparison starts by itself where it takes no longer than a look
    T.subscribe(root, ["compare", "tab", "docs", "sideBySide"], () => {
      if (now().status === "idle" && now().quick && state.compare === "tokenizers" && root.offsetParent && session() && send) compare();
    });
    new IntersectionObserver(() => { if (now().status === "idle" && now().quick && root.offsetParent && session() && send) compare(); }).observe(root);
  });

  // --- the pictures ------------------------------------------------------------------------------------------------

  const SHOWN = [
    { value: "image", text: "Decoded", tip: "Left of the line the input, right of it what the tokenizer makes of it." },
    { value: "error", text: "Error", tip: "Absolute difference from the input, in the same colours for all." },
    { value: "tokens", text: "Tokens", tip: "The finest map, each token in the colour of its code. Every tokenizer has its own codebook: equal colours in two of them mean nothing." },
  ];
  const psnr = (value) => (value === null ? "equal to the input" : `${T.number(value)} dB`);

  function finding() {
    const rows = [...compared()].sort((a, b) => a.tokens - b.tokens);
    if (!rows.length) return running() ? "Comparing …" : "See what several tokenizers make of one picture.";
    const reach = (row, first) => (row.psnr === null ? `${first ? "is " : ""}equal to the input` : `${first ? "comes " : ""}to ${T.number(row.psnr)} dB PSNR`);
    return `${rows.map((row, n) => `${row.name} ${reach(row, !n)} with ${n ? row.tokens.toLocaleString("en") : T.count(row.tokens, "token")}`).join(", ")}.`;
  }
  // sentences made of the numbers at hand, nothing else
  function remarks() {
    const rows = [...compared()].sort((a, b) => a.tokens - b.tokens);
    const parts = [];
    const [few, many] = [rows[0], rows.at(-1)];
    if (rows.length > 1 && few.psnr !== null && many.psnr !== null && few.tokens !== many.tokens) {
      const gap = many.psnr - few.psnr;
      parts.push(`${many.name} uses ${T.number(many.tokens / few.tokens, 1)} times as many tokens as ${few.name} and comes ${Math.abs(gap) < 0.05 ? "equally close" : `${T.number(Math.abs(gap))} dB ${gap > 0 ? "closer" : "less close"}`} on this picture.`);
    }
    const known = rows.filter((row) => row.held_out?.psnr_db);
    if (known.length) parts.push(`One picture says little. From the models’ cards, not measured here: ${known.map((row) => `${row.name} ${T.number(row.held_out.psnr_db)} dB on ${row.held_out.images.toLocaleString("en")} held-out photos`).join(", ")}.`);
    const pyramids = rows.filter((row) => row.maps.length > 1);
    for (const row of pyramids.slice(0, 1)) parts.push(`Of the ${row.tokens} tokens of ${row.name}, ${row.tokens - row.finest} belong to coarser maps, which a next-scale generator writes first.`);
    return parts.join(" ");
  }

  T.define("tokenizers-pictures", (root) => {
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    const show = T.segment("What the pictures show", SHOWN, (value) => put({ show: value }));
    const split = el("input", { type: "range", min: 0, max: 100, value: 50, class: "ts-side-split", "aria-label": "Line between input and decoded picture, for all", oninput: () => grid.style.setProperty("--split", `${split.value}%`) });
    const parts = T.segment("Size of the crop", PARTS, (value) => pin({ side: Number(value) }));
    const splitting = el("label", { class: "ts-inline ts-side-splitting" }, el("span", { text: "Input" }), split, el("span", { text: "Decoded" }));
    const grid = el("div", { class: "ts-side-grid", style: { "--split": "50%" } });
    const bar = el("i");
    const end = el("span", { class: "ts-num" });
    const legend = el("div", { class: "ts-legend" }, el("span", { class: "ts-ramp" }, el("span", { class: "ts-num", text: "0" }), bar, end), T.term("absolute error", "Distance between two pixel values, averaged over red, green and blue. Pixel values run from 0 (black) to 1 (white)."));
    const empty = el("div", { class: "ts-empty-state" }, el("p", { text: "Here will stand the same picture, encoded and decoded by each tokenizer, with its tokens, their bits and the error." }), el("button", { type: "button", class: "ts-button ts-main", text: "Compare the tokenizers", onclick: compare }));
    const tools = el("div", { class: "ts-order-tools" }, show, splitting, el("div", { class: "ts-order-pick" }, el("span", { class: "ts-muted", text: "Crop" }), parts));
    const codes = el("p", { class: "ts-caption", text: "The finest map of each, every token in the colour of its code. Each tokenizer has a codebook of its own: equal colours in two of them mean nothing." });
    root.append(title, sub, tools, grid, legend, codes, empty);
    let columns = [];

    function column(row, n) {
      const head = el("div", { class: "ts-side-name" }, el("b", { text: row.name }), el("span", { class: "ts-caption", text: row.problem ? "" : `${row.about}, ${row.size[1]} × ${row.size[0]} px` }));
      if (row.problem) return { row, node: el("figure", { class: "ts-side-column" }, head, el("p", { class: "ts-failed", text: row.problem })) };
      const under = el("img", { alt: "", draggable: "false", src: row.input });
      const over = el("img", { class: "ts-over", alt: `${row.title || "The picture"} decoded by ${row.name}, ${psnr(row.psnr)} PSNR`, draggable: "false", src: row.image });
      const canvas = el("canvas", { class: "ts-side-layer", role: "img", hidden: true });
      const line = el("div", { class: "ts-side-cut" });
      const hovered = el("div", { class: "ts-ring ts-hovered", hidden: true });
      const ring = el("button", { type: "button", class: "ts-ring ts-selected ts-side-crop", tabindex: n ? "-1" : "0", "aria-hidden": n ? "true" : null, "aria-label": "Crop; arrow keys move it in all pictures" });
      const picture = el("div", { class: "ts-picture ts-side-picture", style: { "--ratio": `${row.size[1]} / ${row.size[0]}` } }, under, over, canvas, line, hovered, ring);
      const at = (event) => {
        const box = picture.getBoundingClientRect();
        return { y: clamp((event.clientY - box.top) / box.height, 0, 1), x: clamp((event.clientX - box.left) / box.width, 0, 1) };
      };
      picture.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") T.set({ sidePlace: { ...state.sidePlace, hover: at(event) } }); });
      picture.addEventListener("pointerleave", () => T.set({ sidePlace: { ...state.sidePlace, hover: null } }));
      picture.addEventListener("click", (event) => { if (event.detail) pin(at(event)); });
      ring.addEventListener("keydown", (event) => {
        const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (!move) return;
        event.preventDefault();
        pin({ y: state.sidePlace.y + move[0] / 16, x: state.sidePlace.x + move[1] / 16 });
      });
      const facts = el("p", { class: "ts-side-facts" }, el("b", { class: "ts-num", text: psnr(row.psnr) }), `${row.psnr === null ? "" : " PSNR"}${row.ssim === null ? "" : `, ${T.number(row.ssim, 2)} SSIM`}`);
      const maps = el("div", { class: "ts-side-maps", role: "img", "aria-label": `Token maps of ${row.name}: ${row.maps.map((map) => `${map.h} by ${map.w}`).join(", ")}`, style: { "--ts-columns": T.geometry.columns(row.maps) } }, row.maps.map((map) => el("canvas", { width: map.w, height: map.h, style: { "aspect-ratio": `${map.w} / ${map.h}` } })));
      row.maps.forEach((map, k) => paintMap(maps.children[k], map));
      const tokens = el("p", { class: "ts-caption", text: `${T.count(row.tokens, "token")}${row.maps.length > 1 ? ` in ${row.maps.length} maps` : " in one map"}, ${T.count(Math.round(row.bits), "bit")}, ${T.number(row.pixel_bits, 2)} per pixel` });
      return { row, node: el("figure", { class: "ts-side-column" }, head, picture, facts, tokens, maps), picture, canvas, over, line, hovered, ring };
    }
    function paintMap(canvas, map) {
      const pen = canvas.getContext("2d");
      map.colours.forEach((colour, n) => { pen.fillStyle = colour; pen.fillRect(n % map.w, Math.floor(n / map.w), 1, 1); });
    }
    async function paintError(canvas, row) {
      const image = new Image();
      image.src = row.error;
      await image.decode().catch(() => null);
      if (canvas.wanted !== "error") return;
      Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
      const pen = canvas.getContext("2d");
      pen.drawImage(image, 0, 0);
      const pixels = pen.getImageData(0, 0, canvas.width, canvas.height);
      const colours = Array.from({ length: 256 }, (_, value) => T.measures.ramp(value / 255));
      for (let n = 0; n < pixels.data.length; n += 4) pixels.data.set(colours[pixels.data[n]], n);
      pen.putImageData(pixels, 0, 0);
    }
    function layers() {
      const shown = now().show;
      splitting.classList.toggle("ts-side-off", shown !== "image");
      split.disabled = shown !== "image";
      legend.hidden = shown !== "error" || !compared().length;
      codes.hidden = shown !== "tokens" || !compared().length;
      for (const { row, canvas, over, line } of columns) {
        if (!canvas) continue;
        over.hidden = line.hidden = shown !== "image";
        canvas.hidden = shown === "image";
        canvas.wanted = shown;
        canvas.classList.toggle("ts-side-pixels", shown === "tokens");
        if (shown === "error") { canvas.setAttribute("aria-label", `Error of ${row.name}: ${T.number(row.mean, 3)} on average`); paintError(canvas, row); }
        if (shown === "tokens") {
          const map = row.maps.at(-1);
          Object.assign(canvas, { width: map.w, height: map.h });
          canvas.setAttribute("aria-label", `Finest map of ${row.name}, ${map.h} by ${map.w} tokens`);
          paintMap(canvas, map);
        }
      }
      bar.style.background = T.measures.gradient();
      const limit = compared()[0]?.limit;
      if (limit) end.textContent = `${limit}${limit < 1 ? " or more" : ""}`;
    }
    function rings() {
      const { hover } = state.sidePlace;
      for (const { ring, hovered } of columns) {
        if (!ring) continue;
        T.geometry.ringStyle(ring, boxOf(state.sidePlace));
        hovered.hidden = !hover;
        if (hover) T.geometry.ringStyle(hovered, boxOf(hover));
      }
    }
    let drawn = null;
    T.subscribe(root, ["sideBySide", "sidePlace", "docs", "theme"], (keys) => {
      const { rows } = now();
      if (keys.has("sideBySide") || keys.has("docs") || keys.has("theme")) {
        if (drawn !== rows) {
          drawn = rows;
          columns = rows.map(column);
          grid.replaceChildren(...columns.map(({ node }) => node));
          grid.style.setProperty("--count", Math.max(2, rows.length));
        }
        const stale = Boolean(rows.length) && !fresh();
        title.textContent = stale ? "Out of date: Inspect shows another picture now." : finding();
        sub.textContent = stale ? "Compare again to see what the tokenizers make of it." : rows.length ? remarks() : "All read the same picture, each fitted to its own size.";
        grid.classList.toggle("ts-outdated-result", stale);
        empty.hidden = Boolean(rows.length) || running();
        tools.hidden = !compared().length;
        show.show(now().show);
        layers();
      }
      parts.show(String(state.sidePlace.side));
      rings();
    });
  });

  T.sideBySide = { now, compared, fresh, running, placeNow, boxOf, cropOf, placeWords, psnr, compare };
})();
