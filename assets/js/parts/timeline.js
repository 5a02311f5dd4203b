// The picture after each scale: a strip of pictures that is one slider, with play and pause. Options: doc, title.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;

  T.define("timeline", (root, { doc, title }) => {
    const play = el("button", { type: "button", class: "ts-button ts-plain", text: "Play", onclick: () => (timer ? pause() : start()) });
    const strip = el("div", { class: "ts-strip ts-columns", role: "slider", tabindex: "0", "aria-label": title, "aria-valuemin": 1 });
    const head = el("div", { class: "ts-head" }, el("h2", { text: title }), play);
    root.append(head, strip);
    let steps = [];
    let shape = "";
    let timer = null;
    const scales = () => state.docs[doc]?.scales || [];
    const last = () => scales().reduce((found, scale, k) => (scale.image ? k : found), -1);
    const show = (k) => { T.set({ upto: { ...state.upto, [doc]: Math.max(0, Math.min(last(), k)) } }); T.did("timeline-moved", { doc }); };
    const here = () => { const k = state.upto[doc]; return k === null || k > last() ? last() : k; };

    function pause() { clearInterval(timer); timer = null; play.textContent = "Play"; }
    function start() {
      show(here() >= last() ? 0 : here() + 1);
      play.textContent = "Pause";
      timer = setInterval(() => (here() >= last() || !strip.isConnected ? pause() : show(here() + 1)), 600);
    }

    function build() {
      strip.style.setProperty("--ts-columns", geometry.columns(scales()));
      strip.style.setProperty("--count", scales().length);
      strip.setAttribute("aria-valuemax", scales().length);
      steps = scales().map(() => {
        const image = el("img", { alt: "", draggable: "false" });
        const hovered = el("div", { class: "ts-ring ts-hovered", hidden: true });
        const picture = el("div", { class: "ts-frame-picture" }, image, hovered);
        const value = el("div", { class: "ts-value" });
        return { node: el("div", { class: "ts-step" }, el("div", { class: "ts-node" }, el("i")), picture, value), image, picture, value, hovered };
      });
      strip.replaceChildren(...steps.map((step) => step.node));
    }

    function draw() {
      const pace = scales();
      pace.forEach((scale, k) => {
        const { image, picture, value } = steps[k];
        picture.style.setProperty("--ratio", state.docs[doc].ratio || 1);
        picture.classList.toggle("ts-empty", !scale.image);
        picture.classList.toggle("ts-stale", Boolean(scale.stale));
        if (scale.image) { if (image.getAttribute("src") !== scale.image) image.src = scale.image; } else image.removeAttribute("src");
        image.hidden = !scale.image;
        value.replaceChildren();
        if (scale.preview) value.append(el("small", { text: "preview" }));
        else if (scale.psnr !== null && scale.psnr !== undefined) {
          value.append(el("span", { class: "ts-num", text: T.number(scale.psnr) }), el("small", { text: " dB" }));
        } else if (scale.seconds !== null && scale.seconds !== undefined) {
          value.append(el("span", { class: "ts-num", text: String(Math.round(scale.seconds * 1000)) }), el("small", { text: " ms" }));
        }
      });
      place();
    }

    function place() {
      const now = here();
      steps.forEach((step, k) => {
        step.node.classList.toggle("ts-on", k <= now);
        step.node.classList.toggle("ts-here", k === now);
      });
      strip.setAttribute("aria-valuenow", now + 1);
      const scale = scales()[now];
      if (scale) strip.setAttribute("aria-valuetext", `scale ${now + 1} of ${scales().length}${scale.psnr !== null && scale.psnr !== undefined ? `, ${T.number(scale.psnr)} decibel` : ""}`);
      play.disabled = last() < 1;
    }

    function hover() {
      const where = state.hover;
      const scale = where && scales()[where.k];
      steps.forEach((step) => {
        step.hovered.hidden = !scale;
        if (scale) geometry.ringStyle(step.hovered, geometry.footprint(scale, where.i, where.j));
      });
    }

    const fit = () => strip.classList.toggle("ts-compact", geometry.compact(scales(), strip.clientWidth));
    new ResizeObserver(() => { if (strip.clientWidth) fit(); }).observe(strip);

    const at = (event) => steps.findIndex(({ node }) => event.clientX < node.getBoundingClientRect().right + 6);
    strip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pause();
      strip.setPointerCapture(event.pointerId);
      show(at(event) < 0 ? last() : at(event));
    });
    strip.addEventListener("pointermove", (event) => {
      if (strip.hasPointerCapture(event.pointerId)) show(at(event) < 0 ? last() : at(event));
    });
    strip.addEventListener("keydown", (event) => {
      const to = { ArrowRight: here() + 1, ArrowUp: here() + 1, ArrowLeft: here() - 1, ArrowDown: here() - 1, Home: 0, End: last() }[event.key];
      if (event.key === " ") timer ? pause() : start();
      else if (to === undefined) return;
      else { pause(); show(to); }
      event.preventDefault();
    });

    T.subscribe(root, ["docs", "upto", "hover"], (keys) => {
      for (const part of [head, strip]) part.hidden = !state.docs[doc] || state.docs[doc].order === "raster"; // run_steps.js shows it
      const now = scales().map((scale) => `${scale.h}x${scale.w}`).join();
      if (now !== shape) { shape = now; build(); }
      if (keys.has("docs")) draw();
      else if (keys.has("upto")) place();
      if (keys.has("hover") || keys.has("docs")) hover();
    });
  });
})();
