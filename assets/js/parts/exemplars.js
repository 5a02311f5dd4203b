// Where the pictures that are open use a code: patches cut from what the page already has, and all its places as one
// selection. The card shows it.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;
  const SHOWN = 8; // patches of one picture
  const CHIPS = 12;
  const SIDE = 96; // pixels of a drawn patch
  const KEPT = 12;
  const images = new Map(); // data URI -> promise of a decoded image

  function decoded(uri) {
    if (!images.has(uri)) {
      if (images.size >= KEPT) images.delete(images.keys().next().value);
      const image = new Image();
      image.src = uri;
      images.set(uri, image.decode().then(() => image));
    }
    return images.get(uri);
  }

  // the picture that a token stands for, where it is complete; what an edited token stands for is what it decodes to
  function pictureOf(doc, scale, n) {
    const view = state.docs[doc];
    return (!scale.changed?.[n] && view?.input) || view?.scales.at(-1)?.image || null;
  }
  const placeOf = (scale, k, n) => ({ k, i: Math.floor(n / scale.w), j: n % scale.w });
  const cellsOf = (scale, code) => (scale.ids || []).flatMap((id, n) => (id === code ? [n] : []));
  // {k: cells} of every scale of a document that has the code
  const everywhere = (doc, code) => Object.fromEntries((state.docs[doc]?.scales || []).map((scale, k) => [k, cellsOf(scale, code)]).filter(([, cells]) => cells.length));

  // the part of the picture under a cell, with half a cell around it for context and a line where the cell ends
  function region([top, left, height, width]) {
    const side = (at, size) => { const length = Math.min(1, 2 * size); return [Math.max(0, Math.min(1 - length, at - size / 2)), length]; };
    return [...side(top, height), ...side(left, width)];
  }
  function patch(uri, footprint) {
    const canvas = el("canvas", { class: "ts-swatch", width: SIDE, height: SIDE, "aria-hidden": "true" });
    decoded(uri).then((image) => {
      const context = canvas.getContext("2d");
      const [y, h, x, w] = region(footprint);
      const [W, H] = [image.naturalWidth, image.naturalHeight];
      context.imageSmoothingEnabled = w * W > SIDE;
      context.drawImage(image, x * W, y * H, w * W, h * H, 0, 0, SIDE, SIDE);
      if (w >= 1 && h >= 1 && footprint[2] >= 1) return;
      const box = [((footprint[1] - x) / w) * SIDE, ((footprint[0] - y) / h) * SIDE, (footprint[3] / w) * SIDE, (footprint[2] / h) * SIDE];
      for (const [colour, inset] of [["#10131a", 0], ["#ffffff", 1.5]]) {
        context.strokeStyle = colour;
        context.lineWidth = 1.5;
        context.strokeRect(box[0] + inset, box[1] + inset, box[2] - 2 * inset, box[3] - 2 * inset);
      }
    }).catch(() => { canvas.hidden = true; });
    return canvas;
  }

  const TAB = { session: "Inspect", run: "Generate" };
  const IN = { session: "the open picture", run: "the generated picture" };
  function patches(doc, own, code, k) {
    const scale = state.docs[doc]?.scales[k];
    const cells = scale ? cellsOf(scale, code).filter((n) => pictureOf(doc, scale, n)) : [];
    const buttons = cells.slice(0, SHOWN).map((n) => {
      const place = placeOf(scale, k, n);
      const where = `row ${place.i + 1}, column ${place.j + 1}`;
      return el("button", {
        type: "button", class: "ts-exemplar", "data-key": `patch-${doc}-${n}`, "aria-label": `${where} of ${IN[doc]}${own ? "" : `, opens ${TAB[doc]}`}`,
        "aria-pressed": String(own && state.selection.code === null && place.i === state.selection.i && place.j === state.selection.j),
        onclick: () => { T.select({ ...place, cells: [n] }); if (!own) T.openTab(TAB[doc]); },
        onpointerenter: () => T.set({ hover: place }), onpointerleave: () => T.set({ hover: null }),
      }, patch(pictureOf(doc, scale, n), geometry.footprint(scale, place.i, place.j)), el("span", { class: "ts-num", text: `${place.i + 1}, ${place.j + 1}` }));
    });
    return { buttons, count: cells.length };
  }

  // the card's section about a code; doc: the document whose selection the card follows
  function section(doc, code, replace) {
    const { k } = state.selection;
    const other = doc === "run" ? "session" : "run";
    const mine = patches(doc, true, code, k), theirs = patches(other, false, code, k);
    const group = (name, { buttons, count }) => (count ? [
      el("p", { class: "ts-caption", text: `In ${name}: ${T.count(count, "token")} of scale ${k + 1}${count > buttons.length ? `, ${buttons.length} shown` : ""}, as row, column` }),
      el("div", { class: "ts-patches" }, buttons)] : []);
    const nowhere = !mine.count && !theirs.count ? [el("p", { class: "ts-caption", text: `No token of scale ${k + 1} here.` })] : [];
    return el("section", { class: "ts-exemplars" },
      el("div", { class: "ts-head" }, el("h3", {}, T.term("Patches", "The parts of the open pictures that tokens with this code stand for at this scale: the outlined square, and half a cell around it."))),
      ...group(IN[doc], mine), ...group(IN[other], theirs), ...nowhere, places(doc, code), choosing(doc, code, replace));
  }

  // the other scales that use the code, each place a way to go there
  function places(doc, code) {
    const found = Object.entries(everywhere(doc, code)).filter(([k]) => Number(k) !== state.selection.k)
      .flatMap(([k, cells]) => cells.map((n) => placeOf(state.docs[doc].scales[k], Number(k), n)));
    if (!found.length) return null;
    const chips = found.slice(0, CHIPS).map((place) => el("button", {
      type: "button", text: `${place.k + 1}: ${place.i + 1}, ${place.j + 1}`, "aria-label": `Select scale ${place.k + 1}, row ${place.i + 1}, column ${place.j + 1}`,
      onclick: () => T.select({ ...place, cells: [place.i * state.docs[doc].scales[place.k].w + place.j] }),
      onpointerenter: () => T.set({ hover: place }), onpointerleave: () => T.set({ hover: null }),
    }));
    return el("div", {}, el("p", { class: "ts-caption", text: "At other scales, as scale: row, column" }),
      el("div", { class: "ts-places" }, chips, found.length > CHIPS ? el("span", { class: "ts-caption", text: `and ${found.length - CHIPS} more` }) : null));
  }

  function choosing(doc, code, replace) {
    const all = everywhere(doc, code), { k } = state.selection;
    const here = all[k]?.length || 0, total = Object.values(all).reduce((sum, cells) => sum + cells.length, 0);
    if (total < 2) return null;
    const then = replace ? " Replacing then changes all of them as one step." : "";
    const button = (text, key, tip, act) => el("button", { type: "button", class: "ts-button", "data-key": key, text, "data-tip": tip + then, onclick: act });
    const choose = (scales) => {
      const at = scales[k] ? k : Number(Object.keys(scales)[0]), { [at]: cells, ...others } = scales;
      const now = state.selection, scale = state.docs[doc].scales[at];
      const stays = at === now.k && cells.includes(now.i * scale.w + now.j);
      T.select({ ...(stays ? {} : placeOf(scale, at, cells[0])), cells, others });
    };
    return el("div", { class: "ts-row" },
      here > 1 ? button(`Select all ${here} of scale ${k + 1}`, "all-here", "Every token of this scale that has this code.", () => choose({ [k]: all[k] })) : null,
      total > here ? button(`Select all ${total}`, "all", "Every token of every scale that has this code.", () => choose(all)) : null);
  }

  T.exemplars = { section, everywhere };
})();
