// The stage, for lectures: one picture as large as the screen allows, its token maps and its timeline beside it, played
// slowly. Key F or the button "Present" opens it for the open tab's picture; space plays, arrows step, Escape leaves.
// The address says ?present. What is shown comes from the store, so a run that is under way is followed.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const moments = (doc) => T.presentPlan.moments(doc); // that file loads after this one
  const TABS = { Inspect: "session", Edit: "session", Generate: "run" };
  const SECONDS = { scale: 0.7, token: 0.1 }; // of one moment, until the visitor moves the slider
  const TILE = 32; // px of a square that shows a picture, before the map is fitted to its column
  const seconds = { ...SECONDS };
  let stage = null; // {doc, at, timer, node, parts, before}

  const openTab = () => T.tabs().find((tab) => tab.getAttribute("aria-selected") === "true")?.textContent.trim();
  const wanted = () => TABS[openTab()];
  const view = () => state.docs[stage.doc];
  const unit = () => (T.presentPlan.isRaster(view()) ? "token" : "scale");

  function build() {
    const image = el("img", { class: "ts-present-image", alt: "", draggable: "false" });
    const change = el("canvas", { class: "ts-present-change", role: "img" });
    const changed = el("figure", { class: "ts-present-added" }, change, el("figcaption"));
    const maps = el("div", { class: "ts-present-maps" });
    const title = el("h2", { class: "ts-present-title" });
    const line = el("p", { class: "ts-present-words", role: "status" });
    const time = el("input", { type: "range", class: "ts-present-time", min: 1, value: 1, "aria-label": "Moment", oninput: () => { pause(); show(Number(time.value) - 1); } });
    const play = el("button", { type: "button", class: "ts-button ts-main", text: "Play", onclick: () => (stage.timer ? pause() : start()) });
    const speed = el("input", { type: "range", min: 0.05, max: 3, step: 0.05, oninput: () => { seconds[unit()] = Number(speed.value); again(); } });
    const rate = el("span", { class: "ts-num" }), slower = el("span", { class: "ts-present-pace" }), per = el("span");
    const leave = el("button", { type: "button", class: "ts-button", text: "Leave", "data-tip": "Escape", onclick: close });
    const node = el("div", { class: "ts-present", role: "dialog", "aria-modal": "true", "aria-label": "The stage" },
      el("div", { class: "ts-present-picture" }, image),
      el("div", { class: "ts-present-side" },
        el("div", { class: "ts-present-head" }, title, leave), maps, line, changed,
        el("div", { class: "ts-present-controls" }, time, el("div", { class: "ts-row" }, play, el("label", { class: "ts-row" }, per, speed, rate)), slower,
          el("p", { class: "ts-present-keys", text: "Space plays, the arrows step, Escape leaves." }))));
    return { node, parts: { image, change, changed, maps, title, line, time, play, speed, rate, slower, per } };
  }

  function open(doc = wanted()) {
    if (stage || !doc || !state.docs[doc]) return false;
    stage = { doc, at: 0, timer: null, shape: "", before: document.activeElement, ...build() };
    document.body.append(stage.node);
    const rest = document.querySelector("gradio-app");
    if (rest) rest.inert = true;
    document.body.classList.add("ts-presenting");
    T.subscribe(stage.node, ["docs", "theme", "colourMode", "squares"], () => stage && draw());
    show(moments(view()).length - 1);
    stage.parts.play.focus();
    T.did("presented", { doc });
    T.address.soon();
    return true;
  }
  function close() {
    if (!stage) return;
    pause();
    const { node, before } = stage;
    stage = null;
    node.remove();
    const rest = document.querySelector("gradio-app");
    if (rest) rest.inert = false;
    document.body.classList.remove("ts-presenting");
    before?.focus?.();
    T.address.soon();
  }

  function pause() {
    if (!stage) return;
    clearTimeout(stage.timer);
    stage.timer = null;
    stage.parts.play.textContent = "Play";
  }
  function start() {
    const all = moments(view());
    if (all.length < 2) return;
    if (stage.at >= all.length - 1) show(0);
    stage.parts.play.textContent = "Pause";
    again();
  }
  // the next moment after the time that the slider says now
  function again() {
    draw();
    if (stage.parts.play.textContent !== "Pause") return;
    clearTimeout(stage.timer);
    stage.timer = setTimeout(() => {
      if (!stage) return;
      const { length } = moments(view());
      if (stage.at < length - 1) show(stage.at + 1);
      if (stage.at >= length - 1 && view().status !== "running") pause(); else again();
    }, 1000 * seconds[unit()]);
  }
  function show(at) {
    stage.at = Math.max(0, Math.min(moments(view()).length - 1, at));
    draw();
  }

  function mapsOf(scales) { // built once for a document's grids, coloured at every moment
    const shape = scales.map(({ h, w }) => `${h}x${w}`).join();
    if (shape === stage.shape) return;
    stage.shape = shape;
    stage.parts.maps.style.setProperty("--ts-columns", T.geometry.columns(scales));
    stage.parts.maps.classList.toggle("ts-present-alone", scales.length === 1);
    stage.parts.maps.replaceChildren(...scales.map((scale, k) => {
      const map = el("canvas", { class: "ts-present-map", width: scale.w, height: scale.h, role: "img" });
      return el("figure", {}, map, el("figcaption", { text: scales.length > 1 ? `${k + 1}` : "" }));
    }));
  }

  function draw() {
    const doc = view();
    if (!doc) return close();
    const all = moments(doc), { parts } = stage;
    stage.at = Math.max(0, Math.min(all.length - 1, stage.at));
    const moment = all[stage.at];
    parts.title.textContent = doc.title || "";
    parts.line.textContent = T.presentPlan.words(doc, all, stage.at);
    parts.time.max = Math.max(1, all.length);
    parts.time.value = stage.at + 1;
    parts.time.setAttribute("aria-valuetext", parts.line.textContent);
    parts.play.disabled = all.length < 2;
    parts.per.textContent = `Seconds per ${unit()}`;
    parts.speed.value = seconds[unit()];
    parts.rate.textContent = T.number(seconds[unit()], 2);
    parts.slower.textContent = T.presentPlan.pace(doc, all, seconds[unit()]);
    stage.node.style.setProperty("--ratio", doc.ratio || 1);
    parts.image.hidden = !moment?.image;
    if (moment?.image && parts.image.getAttribute("src") !== moment.image) parts.image.src = moment.image;
    parts.image.alt = `${doc.title || "Picture"}. ${parts.line.textContent}`;
    mapsOf(doc.scales);
    const look = T.colourModes.look(stage.doc);
    [...parts.maps.children].forEach((figure, k) => {
      const scale = doc.scales[k], known = moment ? moment.known[k] : 0;
      const canvas = figure.firstChild;
      let sprite = look.sprites?.[k];
      if (look.mode === "sofar" && moment?.unit === "token") sprite = moment.image ? T.squares.ready(moment.image) : null;
      squares(canvas, scale, known, look.mode === "sofar" && !sprite ? scale.colours : look.colours[k], sprite);
      figure.classList.toggle("ts-here", moment?.k === k);
      canvas.setAttribute("aria-label", `Token map ${k + 1} of ${doc.scales.length}, ${scale.h} by ${scale.w}, ${known} of ${scale.h * scale.w} tokens`);
    });
    added(doc, all);
  }

  // a map's first tokens as its squares are filled in the other tabs: with a colour or with a picture
  function squares(canvas, scale, known, colours, sprite) {
    const side = sprite ? TILE : 1, gap = sprite ? 1 : 0;
    Object.assign(canvas, { width: scale.w * side, height: scale.h * side });
    canvas.classList.toggle("ts-smooth", Boolean(sprite));
    const pen = canvas.getContext("2d"), [w, h] = sprite ? [sprite.image.naturalWidth / scale.w, sprite.image.naturalHeight / scale.h] : [];
    for (let n = 0; n < known; n++) {
      const [x, y] = [n % scale.w, Math.floor(n / scale.w)];
      pen.fillStyle = colours[n];
      if (sprite) pen.drawImage(sprite.image, x * w, y * h, w, h, x * side, y * side, side - gap, side - gap);
      else pen.fillRect(x, y, 1, 1);
    }
  }

  // what this scale changed in the picture: the difference of two pictures, on grey
  function added(doc, all) {
    const { change, changed } = stage.parts, moment = all[stage.at], last = all[stage.at - 1];
    const wantedNow = moment?.unit === "scale" && moment.image && last?.image ? `${last.image.length}${last.image.slice(-40)}${moment.image.length}${moment.image.slice(-40)}` : "";
    changed.hidden = !wantedNow;
    if (!wantedNow || change.dataset.of === wantedNow) return;
    change.dataset.of = wantedNow;
    changed.lastChild.textContent = `What scale ${moment.k + 1} changed in the picture: lighter and darker than grey, twice as strong`;
    change.setAttribute("aria-label", changed.lastChild.textContent);
    Promise.all([last.image, moment.image].map(load)).then(([before, after]) => {
      if (!stage || change.dataset.of !== wantedNow) return;
      const [w, h] = [after.naturalWidth, after.naturalHeight];
      const pixels = [before, after].map((one) => {
        Object.assign(change, { width: w, height: h });
        const pen = change.getContext("2d", { willReadFrequently: true });
        pen.drawImage(one, 0, 0, w, h);
        return pen.getImageData(0, 0, w, h);
      });
      const [old, now] = pixels;
      for (let n = 0; n < now.data.length; n++) if (n % 4 !== 3) now.data[n] = 128 + 2 * (now.data[n] - old.data[n]); // the array clamps
      change.getContext("2d").putImageData(now, 0, 0);
    }).catch(() => { changed.hidden = true; });
  }
  const load = (src) => new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = failed;
    image.src = src;
  });

  const typing = (target) => target.closest?.("input:not([type=range]), textarea, select, [contenteditable]");
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!stage) {
      if (event.key.toLowerCase() === "f" && !typing(event.target) && open()) event.preventDefault();
      return;
    }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    else if (event.target === stage.parts.speed && step) return; // the slider's own
    else if (event.key === " " && event.target.closest("button") && event.target !== stage.parts.play) return; // the button's own
    else if (event.key === " ") stage.timer ? pause() : start();
    else if (step) { pause(); show(stage.at + step); }
    else if (event.key === "Home") { pause(); show(0); }
    else if (event.key === "End") { pause(); show(Infinity); }
    else return;
    event.preventDefault();
  });

  T.present = { open, close, shown: () => stage && { doc: stage.doc, at: stage.at, playing: stage.timer !== null, count: moments(view()).length } };
  T.presentButton = () => {
    const button = el("button", { type: "button", class: "ts-button", text: "Present", "data-tip": "The picture of this tab on the whole screen, played scale by scale. Key F.", onclick: () => {
      if (!open()) T.problem("The stage shows the picture of Inspect, Edit or Generate. Open one of these tabs first.");
    } });
    return button;
  };
  // the tab that a link names opens after its keys are read
  T.address.keys("present", (text) => { if (text !== "" && text !== "1") return false; setTimeout(() => open(), 0); return true; }, () => (stage ? "" : undefined));
})();
