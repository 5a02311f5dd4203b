// The token pyramid: all K maps of a document on one surface. Hover links a cell to its footprint and to the cells
// over the same place; click selects; drag or shift-click selects many where that is wanted; arrows move, brackets
// change scale, Z or a double click enlarges a map. Options: doc, editable, label.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;

  T.define("pyramid", (root, { doc, editable = false, label }) => {
    const mode = T.segment("What a square shows", T.colourModes.choices, (value) => {
      why.textContent = T.colourModes.refusal(doc, value);
      if (why.textContent) return;
      T.squares.again();
      T.set({ colourMode: value });
    });
    const zoom = el("button", { type: "button", class: "ts-button ts-plain ts-zoom", "data-tip": "One map large, the others as a strip. Z or a double click on a map does it too, Escape ends it.", onclick: () => enlarge(!enlarged) });
    const shows = el("span", { "aria-live": "polite" }), going = el("span");
    const says = el("p", { class: "ts-says" }, shows, going);
    const tools = el("div", { class: "ts-modes" }, el("span", { class: "ts-muted", text: "Squares show", "aria-hidden": "true" }), mode, el("div", { class: "ts-saying" }, says, zoom));
    const surface = el("div", { class: "ts-pyramid ts-columns", role: "group", "aria-label": label });
    const read = el("p", { class: "ts-read", role: "status" });
    const pointed = el("p", { class: "ts-pointed", "aria-hidden": "true", hidden: true }); // the same for what the pointer is over
    const why = el("p", { class: "ts-caption ts-why", role: "status" });
    const ramp = el("i");
    const [low, high] = [el("span", { class: "ts-num" }), el("span", { class: "ts-num" })];
    const about = el("span");
    const legend = el("div", { class: "ts-legend ts-colour-legend", hidden: true }, el("span", { class: "ts-ramp" }, low, ramp, high), about);
    root.append(tools, why, surface, legend, read, pointed);
    let shape = "";
    let maps = []; // per scale: {figure, grid, paint, mark, tab, focus, at}
    let look = null; // colours and words of all cells in the mode on show
    let enlarged = false;

    const scales = () => state.docs[doc]?.scales || [];
    const valid = (place) => place && place.k < scales().length && place.i < scales()[place.k].h && place.j < scales()[place.k].w;
    const numberOf = ({ k, i, j }) => i * scales()[k].w + j;
    const placeOf = (k, n) => ({ k, i: Math.floor(n / scales()[k].w), j: n % scales()[k].w });

    function build() {
      surface.style.setProperty("--ts-columns", geometry.columns(scales()));
      maps = T.tokenMaps(scales(), editable);
      maps.forEach((map, k) => {
        const scale = scales()[k];
        map.figure = el("figure", { class: "ts-scale", style: { "--weight": geometry.weight(scale) } },
          map.grid, el("figcaption", {}, el("span", { text: `Scale ${k + 1}` }),
            el("span", { class: "ts-num" }, `${scale.h}×${scale.w}`, el("span", { class: "ts-wide", text: `, ${T.count(scale.h * scale.w, "token")}` })), map.note = el("span", { class: "ts-num ts-note", hidden: true })));
      });
      surface.replaceChildren(...maps.map((map) => map.figure));
      fit();
    }

    function paint() {
      look = T.colourModes.look(doc);
      const at = state.docs[doc]?.at || Infinity; // a raster run of which an earlier step is on show
      scales().forEach((scale, k) => maps[k].paint(Array.from({ length: scale.h * scale.w }, (_, n) => {
        const code = scale.ids ? scale.ids[n] : -1;
        return { code, known: code >= 0 && n < at, colour: look.colours[k]?.[n] || "", value: look.words[k]?.[n] || "", bare: n >= (look.sprites?.[k]?.covers ?? Infinity), changed: Boolean(scale.changed?.[n]) };
      }), look.sprites?.[k]));
      maps.forEach(({ note }, k) => { note.hidden = !look.notes.length; note.textContent = look.notes[k] || "\u00a0"; });
      const progress = look.sprites && T.squares.progress(doc, look.mode);
      const words = progress?.problem || look.says;
      if (shows.textContent !== words) shows.textContent = words;
      going.textContent = progress?.now ? ` Computing map ${progress.now} of ${progress.of} …` : "";
      mode.show(look.mode);
      for (const name of T.colourModes.names) mode.refuse(name, T.colourModes.refusal(doc, name));
      legend.hidden = !look.legend;
      if (!look.legend) return;
      for (const part of [low, high, ramp]) part.hidden = !look.legend.ramp;
      ramp.style.background = look.legend.ramp || "none";
      low.textContent = look.legend.low || "";
      high.textContent = look.legend.high || "";
      about.textContent = look.legend.about;
    }

    function select() {
      if (!maps.length) return;
      const chosen = state.selection;
      const here = valid(chosen) ? chosen : { k: 0, i: 0, j: 0 };
      const others = (here === chosen && chosen.others) || {};
      maps.forEach((map, k) => {
        map.figure.classList.toggle("ts-focused", k === here.k);
        map.mark("ts-many", (k === here.k ? here === chosen && chosen.cells : others[k]) || []);
        map.mark("ts-selected", k === here.k ? [numberOf(here)] : []);
        map.tab(k === here.k ? numberOf(here) : null);
      });
      read.textContent = sentence(here, true);
    }

    function sentence(place, selected) {
      const scale = scales()[place.k], n = numberOf(place), code = T.codeAt(doc, place);
      const { cells, others } = state.selection;
      const count = (cells?.length || 1) + Object.values(others || {}).reduce((sum, list) => sum + list.length, 0);
      const many = selected && count > 1 ? `, ${count} tokens selected` : "";
      const value = code !== null && look?.words[place.k]?.[n];
      const fallback = scale.distance && !scale.changed?.[n] ? (T.colourModes.margins() ? `logit margin ${T.number(scale.distance[n], 2)}` : `distance ${T.number(scale.distance[n], 2)} to what it stands for`) : "";
      const said = value || (code !== null && fallback);
      return `Scale ${place.k + 1} of ${scales().length}, row ${place.i + 1}, column ${place.j + 1}: ${code === null ? "no token yet" : `code ${code}`}${said ? `, ${said}` : ""}${many}.`;
    }

    function hover() {
      const place = valid(state.hover) ? state.hover : null;
      maps.forEach((map, k) => {
        map.mark("ts-linked", place && k !== place.k ? geometry.linked(scales()[place.k], place.i, place.j, scales()[k]) : []);
        map.mark("ts-hovered", place && k === place.k ? [numberOf(place)] : []);
      });
      pointed.hidden = !place;
      read.classList.toggle("ts-hidden", Boolean(place));
      if (place) pointed.textContent = sentence(place, false);
    }

    function fit() {
      const compact = geometry.compact(scales(), surface.clientWidth);
      surface.classList.toggle("ts-compact", compact || enlarged);
      surface.classList.toggle("ts-enlarged", enlarged);
      zoom.textContent = enlarged ? "Show side by side" : "Enlarge";
      if (compact && enlarged) zoom.textContent = "Smaller";
      zoom.setAttribute("aria-pressed", enlarged);
      zoom.hidden = scales().length < 2 && !compact;
    }
    function enlarge(on) {
      enlarged = on;
      fit();
      if (on) surface.scrollIntoView({ block: "nearest" }); // all of it is in the window
    }
    new ResizeObserver(() => { if (surface.clientWidth) fit(); }).observe(surface);

    // pointer: press selects, drag selects or paints many of one scale. A finger selects when it lifts, because until
    // then it may be scrolling the page (the browser then takes the pointer away: pointercancel).
    let drag = null;
    function under(event) {
      const target = event.type === "pointermove" ? document.elementFromPoint(event.clientX, event.clientY) : event.target;
      const k = maps.findIndex((map) => map.grid.contains(target));
      const n = k < 0 ? null : maps[k].at(event);
      return n === null ? null : placeOf(k, n);
    }
    const brushes = () => state.tool === "paint" || state.tool === "erase";
    const use = () => (state.tool === "erase" ? T.edit.erase() : T.edit.replace(state.brush));
    surface.addEventListener("pointerleave", () => T.set({ hover: null }));
    surface.addEventListener("pointerdown", (event) => {
      const place = under(event);
      if (!place || event.button) return;
      const touch = event.pointerType === "touch";
      if (!touch) event.preventDefault();
      if (editable && state.tool === "pick") return T.edit.pick(T.codeAt(doc, place));
      const n = numberOf(place), old = state.selection;
      const add = editable && event.shiftKey && old.k === place.k;
      drag = { place, waits: touch, k: place.k, cells: new Set(add ? [...(old.cells || [numberOf(old)]), n] : [n]) };
      if (event.target.hasPointerCapture?.(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
      if (!touch) choose(place);
    });
    function choose(place) {
      T.select({ ...place, cells: [...drag.cells] });
      maps[place.k].focus(numberOf(place));
      T.did("token-selected", { doc });
    }
    surface.addEventListener("pointermove", (event) => {
      const place = under(event);
      const { hover: old } = state;
      if (event.pointerType === "mouse" && place && (!old || old.k !== place.k || old.i !== place.i || old.j !== place.j)) T.set({ hover: place });
      if (!drag || !editable || place?.k !== drag.k || drag.cells.has(numberOf(place))) return;
      drag.cells.add(numberOf(place));
      drag.waits = false;
      T.select({ ...place, cells: [...drag.cells] });
    });
    const release = () => {
      if (drag?.waits) choose(drag.place);
      if (drag && editable && brushes()) use();
      drag = null;
    };
    addEventListener("pointerup", release);
    addEventListener("pointercancel", () => { drag = null; });
    surface.addEventListener("dblclick", (event) => { if (under(event) && !(editable && state.tool !== "select")) enlarge(!enlarged); });

    surface.addEventListener("keydown", (event) => {
      const cell = event.target.closest(".ts-cell");
      if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
      let { k, i, j } = cell.place;
      const scale = scales()[k];
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (move) {
        i = Math.min(scale.h - 1, Math.max(0, i + move[0]));
        j = Math.min(scale.w - 1, Math.max(0, j + move[1]));
      } else if (event.key === "[" || event.key === "]") {
        const next = k + (event.key === "]" ? 1 : -1);
        if (!scales()[next]) return;
        [i, j] = geometry.over(scale, i, j, scales()[next]);
        k = next;
      } else if (event.key === "Home") [i, j] = [i, 0];
      else if (event.key === "End") [i, j] = [i, scale.w - 1];
      else if (event.key.toLowerCase() === "z" && !event.shiftKey) { if (!zoom.hidden) enlarge(!enlarged); return maps[k].focus(numberOf({ k, i, j })); }
      else if (event.key === "Escape" && enlarged) return enlarge(false);
      else if (editable && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        if (state.tool === "pick") return T.edit.pick(T.codeAt(doc, cell.place));
        if (brushes()) return use();
        return document.querySelector(".ts-edit-card input")?.focus();
      } else return;
      event.preventDefault();
      const n = numberOf({ k, i, j });
      const cells = editable && event.shiftKey && k === cell.place.k ? [...new Set([...(state.selection.cells || []), numberOf(cell.place), n])] : [n];
      T.select({ k, i, j, cells });
      T.set({ hover: { k, i, j } });
      maps[k].focus(n);
      T.did("token-selected", { doc });
    });

    T.subscribe(root, ["docs", "selection", "hover", "tool", "colourMode", "squares", "running", "surprise", "theme"], (keys) => {
      surface.classList.toggle("ts-paint", editable && brushes());
      const now = scales().map((scale) => `${scale.h}x${scale.w}`).join();
      tools.hidden = !now;
      if (now !== shape) { shape = now; build(); }
      const painted = ["docs", "colourMode", "squares", "running", "surprise", "theme"].some((key) => keys.has(key));
      if (painted) paint();
      if (keys.has("colourMode")) why.textContent = "";
      if (painted || keys.has("selection")) select();
      if (painted || keys.has("hover")) hover();
    });
  });
})();
