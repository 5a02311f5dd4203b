// The token pyramid: all K maps of a document on one surface. Hover links a cell to its footprint and to the cells
// over the same place; click selects; drag or shift-click selects many where that is wanted; arrows move, brackets
// change scale. Options: doc, editable, label.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;

  T.define("pyramid", (root, { doc, editable = false, label }) => {
    const surface = el("div", { class: "ts-pyramid ts-columns", role: "group", "aria-label": label });
    const read = el("p", { class: "ts-read", role: "status" });
    root.append(surface, read);
    let shape = "";
    let maps = []; // per scale: {figure, grid, cells}
    let marked = []; // cells that carry a hover mark now
    let chosenCells = []; // cells that carry a selection mark now

    const scales = () => state.docs[doc]?.scales || [];
    const valid = (place) => place && place.k < scales().length && place.i < scales()[place.k].h && place.j < scales()[place.k].w;
    const cellOf = (place) => maps[place.k].cells[place.i * scales()[place.k].w + place.j];

    function build() {
      surface.style.setProperty("--ts-columns", geometry.columns(scales()));
      maps = scales().map((scale, k) => {
        const cells = [];
        const rows = Array.from({ length: scale.h }, (_, i) => el("div", { role: "row" }, Array.from({ length: scale.w }, (_, j) => {
          const cell = el("div", { class: "ts-cell", role: "gridcell", tabindex: "-1", "aria-selected": "false" });
          cell.place = { k, i, j };
          cells.push(cell);
          return cell;
        })));
        const grid = el("div", { class: "ts-map", role: "grid", "aria-label": `Scale ${k + 1}, ${scale.h} by ${scale.w} tokens`, "aria-multiselectable": editable, style: { "--h": scale.h, "--w": scale.w } }, rows);
        const figure = el("figure", { class: "ts-scale", style: { "--weight": geometry.weight(scale) } },
          grid, el("figcaption", {}, el("span", { text: `Scale ${k + 1}` }),
            el("span", { class: "ts-num" }, `${scale.h}×${scale.w}`, el("span", { class: "ts-wide", text: `, ${T.count(scale.h * scale.w, "token")}` }))));
        return { figure, grid, cells };
      });
      marked = [];
      chosenCells = [];
      surface.replaceChildren(...maps.map((map) => map.figure));
      fit();
    }

    function paint() {
      scales().forEach((scale, k) => maps[k].cells.forEach((cell, n) => {
        const code = scale.ids ? scale.ids[n] : -1;
        const look = `${code} ${colourOf(scale, n)} ${scale.changed?.[n] || 0}`;
        if (cell.look === look) return; // most tokens stay when one changes
        cell.look = look;
        const known = code >= 0;
        cell.classList.toggle("ts-unknown", !known);
        cell.classList.toggle("ts-changed", Boolean(scale.changed?.[n]));
        cell.style.setProperty("--c", known ? scale.colours[n] : "transparent");
        const { i, j } = cell.place;
        cell.setAttribute("aria-label", `row ${i + 1} column ${j + 1}, ${known ? `code ${code}` : "not generated yet"}${scale.changed?.[n] ? ", changed" : ""}`);
      }));
    }

    const colourOf = (scale, n) => scale.colours?.[n] || "";

    function select() {
      const chosen = state.selection;
      const here = valid(chosen) ? chosen : { k: 0, i: 0, j: 0 };
      const code = state.docs[doc] ? T.codeAt(doc, here) : null;
      maps.forEach((map, k) => map.figure.classList.toggle("ts-focused", k === here.k));
      for (const cell of chosenCells) {
        cell.classList.remove("ts-selected", "ts-many");
        cell.setAttribute("aria-selected", "false");
        cell.tabIndex = -1;
      }
      if (!maps.length) return;
      const main = cellOf(here);
      main.classList.add("ts-selected");
      main.tabIndex = 0;
      const many = (chosen === here && chosen.cells) || [];
      chosenCells = [main, ...many.map((n) => maps[here.k].cells[n])].filter(Boolean);
      for (const cell of chosenCells) cell.setAttribute("aria-selected", "true");
      for (const n of many) maps[here.k].cells[n]?.classList.add("ts-many");
      read.textContent = sentence(here, code);
    }

    function sentence(place, code) {
      const scale = scales()[place.k];
      const many = state.selection.cells?.length > 1 ? `, ${state.selection.cells.length} tokens selected` : "";
      const distance = scale.distance && !scale.changed?.[place.i * scale.w + place.j] ? `, distance ${T.number(scale.distance[place.i * scale.w + place.j], 2)} to what it stands for` : "";
      return `Scale ${place.k + 1} of ${scales().length}, row ${place.i + 1}, column ${place.j + 1}: ${code === null ? "no token yet" : `code ${code}`}${distance}${many}.`;
    }

    function hover() {
      marked.forEach((cell) => cell.classList.remove("ts-hovered", "ts-linked"));
      marked = [];
      const place = state.hover;
      if (!valid(place)) return;
      const scale = scales()[place.k];
      maps.forEach((map, k) => {
        if (k === place.k) return;
        for (const n of geometry.linked(scale, place.i, place.j, scales()[k])) {
          map.cells[n].classList.add("ts-linked");
          marked.push(map.cells[n]);
        }
      });
      cellOf(place).classList.add("ts-hovered");
      marked.push(cellOf(place));
    }

    function fit() { surface.classList.toggle("ts-compact", T.geometry.compact(scales(), surface.clientWidth)); }
    new ResizeObserver(() => { if (surface.clientWidth) fit(); }).observe(surface);

    // pointer: press selects, drag selects or paints many of one scale. A finger selects when it lifts, because until
    // then it may be scrolling the page (the browser then takes the pointer away: pointercancel).
    let drag = null;
    const under = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".ts-cell");
    surface.addEventListener("pointerover", (event) => {
      const cell = event.target.closest(".ts-cell");
      if (cell && event.pointerType === "mouse") T.set({ hover: cell.place });
    });
    surface.addEventListener("pointerleave", () => T.set({ hover: null }));
    surface.addEventListener("pointerdown", (event) => {
      const cell = event.target.closest(".ts-cell");
      if (!cell || event.button) return;
      const touch = event.pointerType === "touch";
      if (!touch) event.preventDefault();
      const { k, i, j } = cell.place;
      const n = i * scales()[k].w + j;
      if (editable && state.tool === "pick") return T.edit.pick(T.codeAt(doc, cell.place));
      const old = state.selection;
      const add = editable && event.shiftKey && old.k === k;
      drag = { place: cell.place, waits: touch, k, cells: new Set(add ? [...(old.cells || [old.i * scales()[k].w + old.j]), n] : [n]) };
      if (event.target.hasPointerCapture?.(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
      if (!touch) choose(cell.place);
    });
    function choose(place) {
      T.select({ ...place, cells: [...drag.cells] });
      cellOf(place).focus({ preventScroll: true });
    }
    surface.addEventListener("pointermove", (event) => {
      if (!drag || !editable) return;
      const cell = under(event);
      if (!cell || !surface.contains(cell) || cell.place.k !== drag.k) return;
      const n = cell.place.i * scales()[drag.k].w + cell.place.j;
      if (drag.cells.has(n)) return;
      drag.cells.add(n);
      drag.waits = false;
      T.select({ ...cell.place, cells: [...drag.cells] });
    });
    const release = () => {
      if (drag?.waits) choose(drag.place);
      if (drag && editable && state.tool === "paint") T.edit.replace(state.brush);
      drag = null;
    };
    addEventListener("pointerup", release);
    addEventListener("pointercancel", () => { drag = null; });

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
      else if (editable && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        if (state.tool === "pick") return T.edit.pick(T.codeAt(doc, cell.place));
        if (state.tool === "paint") return T.edit.replace(state.brush);
        return document.querySelector(".ts-edit-card input")?.focus();
      } else return;
      event.preventDefault();
      const n = i * scales()[k].w + j;
      const cells = editable && event.shiftKey && k === cell.place.k ? [...new Set([...(state.selection.cells || []), cell.place.i * scale.w + cell.place.j, n])] : [n];
      T.select({ k, i, j, cells });
      T.set({ hover: { k, i, j } });
      cellOf({ k, i, j }).focus();
    });

    T.subscribe(root, ["docs", "selection", "hover", "tool"], (keys) => {
      surface.classList.toggle("ts-paint", editable && state.tool === "paint");
      const now = scales().map((scale) => `${scale.h}x${scale.w}`).join();
      if (now !== shape) { shape = now; build(); }
      if (keys.has("docs")) paint();
      if (keys.has("docs") || keys.has("selection")) select();
      if (keys.has("hover") || keys.has("docs")) hover();
    });
  });
})();
