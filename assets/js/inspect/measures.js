// Below the timeline of Inspect: where the picture is still wrong, what each scale explains and costs, which codes it
// uses. Python computes; an answer says which tokens it is about, and what is about others is drawn as out of date.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;
  const PATIENCE = 60000;
  const TRIES = 3; // answers about other tokens than the page shows, before it gives up
  let send = null; // hands one request to Gradio
  let out = null; // {ticket, timer}
  let tickets = 0;
  let tries = { key: null, left: TRIES };

  state.measures = { view: null, key: null, problem: null };
  state.errorLayer = false; // whether the specimen shows the error instead of the decoded picture

  const scales = () => state.docs.session?.scales || [];
  const tokensKey = (picture, maps) => `${picture}:${maps.map((ids) => ids.join()).join(";")}`;
  const keyNow = () => (state.docs.session ? tokensKey(state.docs.session.picture, scales().map((scale) => scale.ids)) : null);
  const view = () => state.measures.view;
  const fresh = () => Boolean(view()) && state.measures.key === keyNow();
  const shown = () => Math.min(state.upto.session ?? scales().length - 1, scales().length - 1);
  const ramp = (share) => T.codebook.ramp(share, [0, 1]); // filled maps show all of viridis in both themes
  const gradient = () => `linear-gradient(90deg, ${Array.from({ length: 9 }, (_, n) => T.codebook.css(ramp(n / 8))).join(", ")})`;
  const put = (patch) => T.set({ measures: { ...state.measures, ...patch } });

  // asks when the tokens on show are not the measured ones; one request at a time, the newest tokens win
  function refresh(again = false) {
    const key = keyNow();
    if (scales().some((scale) => scale.preview || scale.stale)) return; // they come, and then are measured
    if (!send || out || !key || state.measures.key === key || (state.measures.problem && !again && tries.key === key)) return;
    if (tries.key !== key || again) tries = { key, left: TRIES };
    const ticket = ++tickets;
    const timer = setTimeout(() => { out = null; put({ problem: "The server has not sent the measures." }); }, PATIENCE);
    out = { ticket, timer };
    send({ ticket });
  }
  function receive(answer) {
    if (!answer || (answer.ticket && answer.ticket !== out?.ticket)) return;
    clearTimeout(out?.timer);
    out = null;
    if (answer.problem) return put({ problem: answer.problem });
    if (!answer.measures) return;
    const key = tokensKey(answer.measures.picture, answer.measures.maps);
    if (key !== keyNow() && --tries.left < 1) return put({ problem: "The server measured another picture than the one shown. Reload the page." });
    put({ view: answer.measures, key, problem: null });
  }
  T.connectMeasures = ({ props, watch, measure }) => {
    send = measure;
    receive(props.value);
    watch("value", () => receive(props.value));
    refresh();
  };

  // one click: this scale is the one shown and the one selected
  function choose(k) {
    const from = scales()[state.selection.k];
    const [i, j] = from ? geometry.over(from, state.selection.i, state.selection.j, scales()[k]) : [0, 0];
    T.set({ upto: { ...state.upto, session: k } });
    T.select({ k, i, j });
  }
  // a row of buttons, one per scale: one tab stop, arrows move and choose
  function scaleButtons(node, buttons) {
    node.addEventListener("keydown", (event) => {
      const at = buttons().indexOf(document.activeElement);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons().length - 1 }[event.key];
      if (at < 0 || to === undefined || !buttons()[to]) return;
      event.preventDefault();
      choose(to);
      buttons()[to].focus();
    });
  }
  function markShown(buttons) {
    buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", String(k === shown()));
      button.tabIndex = k === shown() ? 0 : -1;
    });
  }

  // what every part does before it draws: empty, failed, out of date
  function standing(section, line) {
    const { problem } = state.measures;
    section.hidden = !view() && !problem;
    section.classList.toggle("ts-outdated", Boolean(view()) && !fresh());
    line.hidden = !problem;
    line.replaceChildren(...(problem ? [el("span", { text: `${problem} ` }), el("button", { type: "button", class: "ts-button ts-plain", text: "Try again", onclick: () => refresh(true) })] : []));
    return Boolean(view()) && view().scales.length === scales().length;
  }
  const problemLine = () => el("p", { class: "ts-failed", role: "alert", hidden: true });

  // --- where it is still wrong ---------------------------------------------------------------------------------

  const greys = new Map(); // data URI -> promise of {width, height, data: one byte per pixel}
  function grey(uri) {
    if (!greys.has(uri)) {
      if (greys.size > 60) greys.delete(greys.keys().next().value);
      greys.set(uri, (async () => {
        const image = new Image();
        image.src = uri;
        await image.decode();
        const { width, height } = image;
        const context = el("canvas", { width, height }).getContext("2d");
        context.drawImage(image, 0, 0);
        return { width, height, data: context.getImageData(0, 0, width, height).data.filter((_, n) => n % 4 === 0) };
      })());
    }
    return greys.get(uri);
  }
  async function paint(canvas, uri) {
    canvas.wanted = uri;
    const found = await grey(uri);
    if (canvas.wanted !== uri) return; // a newer one is on its way
    Object.assign(canvas, { width: found.width, height: found.height, grey: found });
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(found.width, found.height);
    const colours = Array.from({ length: 256 }, (_, value) => ramp(value / 255));
    found.data.forEach((value, n) => pixels.data.set([...colours[value], 255], 4 * n));
    context.putImageData(pixels, 0, 0);
  }
  const target = () => (view().against === "input" ? "the input" : "the finished picture");
  const upto = (k) => (k ? `scales 1 to ${k + 1}` : "scale 1 alone");

  T.define("measures-errors", (root) => {
    const toggle = el("button", { type: "button", class: "ts-button ts-plain", onclick: () => T.set({ errorLayer: !state.errorLayer }) });
    const strip = el("div", { class: "ts-errors ts-columns", role: "group", "aria-label": "Error after each scale" });
    const bar = el("i");
    const end = el("span", { class: "ts-num" });
    const read = el("p", { class: "ts-caption ts-error-read", role: "status" });
    const legend = el("div", { class: "ts-legend" }, el("span", { class: "ts-ramp" }, el("span", { class: "ts-num", text: "0" }), bar, end), T.term("absolute error", "Distance between two pixel values, averaged over red, green and blue. Pixel values run from 0 (black) to 1 (white)."), read);
    const line = problemLine();
    const lost = el("p", { class: "ts-caption ts-tokens-only", text: "Only the tokens of this picture were kept, not the picture itself: there is nothing to hold the pixels against. Open it again to measure them." });
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", { text: "Where is the picture still wrong?" }), toggle), line, lost, strip, legend);
    root.append(section);
    let columns = [];
    const buttons = () => columns.map((column) => column.button);
    scaleButtons(strip, buttons);

    function build() {
      columns = scales().map((_, k) => {
        const canvas = el("canvas", { "aria-hidden": "true" });
        const value = el("span", { class: "ts-num" });
        const button = el("button", { type: "button", class: "ts-error", onclick: () => choose(k) }, canvas, value);
        canvas.addEventListener("pointermove", (event) => pixel(event, canvas, k));
        canvas.addEventListener("pointerleave", say);
        return { canvas, value, button };
      });
      strip.replaceChildren(...buttons());
      strip.style.setProperty("--ts-columns", geometry.columns(scales()));
      strip.style.setProperty("--count", scales().length);
      fit();
    }
    function pixel(event, canvas, k) {
      const box = canvas.getBoundingClientRect();
      if (!canvas.grey || !box.width) return;
      const at = (v, n) => Math.max(0, Math.min(n - 1, Math.floor(v * n)));
      const [x, y] = [at((event.clientX - box.left) / box.width, canvas.width), at((event.clientY - box.top) / box.height, canvas.height)];
      const value = canvas.grey.data[y * canvas.width + x];
      read.textContent = `After ${upto(k)}, pixel ${x + 1}, ${y + 1}: ${T.number((value / 255) * view().limit, 2)}${value === 255 ? " or more" : ""}.`;
    }
    function say() {
      if (view()?.scales[shown()]) read.textContent = `After ${upto(shown())}: ${T.number(view().scales[shown()].mean, 3)} on average, against ${target()}.`;
    }
    const fit = () => strip.classList.toggle("ts-compact", geometry.compact(scales(), strip.clientWidth));
    new ResizeObserver(() => { if (strip.clientWidth) fit(); }).observe(strip);

    T.subscribe(root, ["measures", "docs", "upto", "errorLayer", "theme"], (keys) => {
      refresh();
      const ready = standing(section, line);
      toggle.textContent = state.errorLayer ? "Show the picture again" : "Show on the picture";
      toggle.setAttribute("aria-pressed", state.errorLayer);
      const nothing = view()?.against === "nothing";
      lost.hidden = !nothing;
      strip.hidden = legend.hidden = toggle.hidden = nothing;
      if (!ready || nothing) return;
      if (columns.length !== scales().length) build();
      if (keys.has("measures") || keys.has("docs") || keys.has("theme")) {
        bar.style.background = gradient();
        end.textContent = `${view().limit}${view().limit < 1 ? " or more" : ""}`;
        view().scales.forEach((scale, k) => {
          columns[k].canvas.style.aspectRatio = state.docs.session.ratio || 1;
          columns[k].value.textContent = T.number(scale.mean, 3);
          columns[k].button.setAttribute("aria-label", `Error after ${upto(k)}: ${T.number(scale.mean, 3)} on average`);
          paint(columns[k].canvas, scale.error);
        });
      }
      markShown(buttons());
      say();
    });
  });

  // the same error over the specimen, right of its slider, after the scale on show
  T.errorLayer = (picture) => {
    const canvas = el("canvas", { class: "ts-over ts-error-layer", role: "img" });
    const tag = el("span", { class: "ts-tag ts-r ts-error-tag", text: "error" });
    picture.querySelector(".ts-line").before(canvas);
    picture.append(tag);
    T.subscribe(picture, ["measures", "docs", "upto", "errorLayer", "theme"], () => {
      const found = state.errorLayer && fresh() ? view().scales[shown()] : null;
      const scale = found?.error ? found : null;
      for (const part of [canvas, tag]) part.hidden = !scale;
      picture.classList.toggle("ts-with-error", Boolean(scale));
      if (!scale) return;
      canvas.setAttribute("aria-label", `Absolute error after ${upto(shown())}, ${T.number(scale.mean, 3)} on average`);
      tag.textContent = `error, ${upto(shown())}`;
      paint(canvas, scale.error);
    });
  };

  T.measures = { view, fresh, shown, keyNow, tokensKey, choose, standing, problemLine, scaleButtons, markShown, target, ramp, gradient };
})();
