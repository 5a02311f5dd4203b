// A raster run token by token: a slider over all steps with play and pause, and the picture at the end of every row as a
// strip. Pictures between are decoded when they are looked at. (Runs of several scales have timeline.js.)
// While a step is on show, docs.run.at is its number: maps hatch later tokens, the specimen names it.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const PACE = 160; // ms a step when played

  T.define("run-steps", (root) => {
    const play = el("button", { type: "button", class: "ts-button ts-plain", text: "Play", onclick: () => (timer ? pause() : start()) });
    const slider = el("input", { type: "range", min: 1, step: 1, class: "ts-step-slider", "aria-label": "Step of the run" });
    const says = el("output", { class: "ts-num" });
    const strip = el("div", { class: "ts-strip ts-rows" });
    const all = [el("div", { class: "ts-head" }, el("h2", { text: "The picture after each step" }), play), el("div", { class: "ts-stepper" }, slider, says), strip];
    root.append(...all);
    let frames = [];
    let timer = null;
    let asked = 0;

    const run = () => state.docs.run;
    const here = () => run().at || run().done;
    const width = () => run().scales[0].w;
    const ends = () => Array.from({ length: run().scales[0].h }, (_, i) => (i + 1) * width());

    function pause() { clearInterval(timer); timer = null; play.textContent = "Play"; }
    function start() {
      show(here() >= run().done ? 1 : here() + 1);
      play.textContent = "Pause";
      timer = setInterval(() => (here() >= run().done || !strip.isConnected || state.running ? pause() : show(here() + 1)), PACE);
    }
    const put = (patch) => T.set({ docs: { ...state.docs, run: { ...run(), ...patch } } });

    async function show(n) {
      const view = run(), step = Math.max(1, Math.min(view.done, n));
      if (state.running) return;
      const ticket = ++asked, [scale] = view.scales;
      const image = view.frames?.[step];
      put({ at: step === view.done ? null : step, scales: [{ ...scale, image: image || scale.image, stale: !image }] });
      T.set({ hover: { k: 0, i: Math.floor((step - 1) / width()), j: (step - 1) % width() } });
      if (image) return;
      const found = await T.generate.look("picture", { step });
      if (run()?.run !== view.run || run().seed !== view.seed) return;
      if (found.problem) return ticket === asked ? T.set({ problem: found.problem }) : undefined;
      const kept = { frames: { ...run().frames, [step]: found.image } };
      put(ticket === asked ? { ...kept, scales: [{ ...run().scales[0], image: found.image, stale: false }] } : kept);
    }
    slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });

    function draw() {
      const view = run();
      const wanted = view?.order === "raster";
      for (const part of all) part.hidden = !wanted;
      if (!wanted) return;
      if (frames.length !== ends().length) {
        frames = ends().map((step) => {
          const image = el("img", { alt: "", draggable: "false" });
          const button = el("button", { type: "button", tabindex: -1, "aria-label": `Picture after step ${step}`, onclick: () => { pause(); show(step); } },
            el("span", { class: "ts-frame-picture" }, image), el("span", { class: "ts-num", text: step }));
          return { button, image };
        });
        strip.style.setProperty("--count", frames.length);
        strip.replaceChildren(...frames.map(({ button }) => button));
      }
      ends().forEach((step, n) => {
        const { button, image } = frames[n], source = view.frames?.[step];
        image.hidden = !source;
        if (source && image.getAttribute("src") !== source) image.src = source;
        image.parentNode.classList.toggle("ts-empty", !source);
        image.parentNode.style.setProperty("--ratio", view.ratio);
        button.disabled = step > view.done || Boolean(state.running);
        button.classList.toggle("ts-here", step === here());
      });
      slider.max = view.total;
      slider.value = here();
      slider.disabled = Boolean(state.running);
      play.disabled = Boolean(state.running) || view.done < 2;
      says.textContent = `step ${here()} of ${view.total}`;
      slider.setAttribute("aria-valuetext", says.textContent);
    }
    // a scale that still shows a preview (of a run that was stopped, or another row of a gallery) is decoded when it is looked at
    let looking = null;
    async function decode() {
      const view = run(), k = state.upto.run;
      const key = `${view?.run} ${view?.seed} ${k}`;
      if (state.running || k === null || !view?.scales[k]?.preview || looking === key) return;
      looking = key;
      const found = await T.generate.look("picture", { step: k + 1 });
      if (looking === key) looking = null;
      if (found.problem || run().run !== view.run || run().seed !== view.seed) return;
      put({ scales: run().scales.map((scale, n) => (n === k ? { ...scale, image: found.image, preview: false } : scale)) });
    }
    T.subscribe(root, ["docs", "running"], draw);
    T.subscribe(root, ["upto"], decode);
  });
})();
