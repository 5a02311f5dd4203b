// Inside, layers and causes: the logit lens as pictures, and what moves a prediction.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const I = T.inside;

  T.define("inside-layers", (root) => {
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (I.busy("lens") ? I.stop("lens") : I.ask("lens")) });
    const bar = el("progress", { class: "ts-bar", max: 1, "aria-label": "Layers drawn" });
    const said = el("p", { class: "ts-inside-said", role: "status" }), failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const table = el("div", { class: "ts-lens" }), curves = el("div", { class: "ts-lens-curves" });
    const section = el("section", { class: "ts-inside-section" }, el("div", { class: "ts-head" }, el("h2", { text: "Had the model stopped here" }), el("span", { class: "ts-row" }, bar, go)), failed, said, table, curves,
      el("p", { class: "ts-caption", text: "After each layer the model's own last norm and head give likeliest codes (the logit lens); a picture shows that map on top of the true coarser ones. Layers were never trained to be read like this." }));
    root.append(section);
    T.subscribe(root, ["inside", "docs", "inside-lens", "inside-layer"], () => {
      const { lens, section: open, about } = I.mine(), running = I.busy("lens"), fresh = I.fresh("lens");
      section.hidden = open !== "layers";
      if (section.hidden) return;
      go.textContent = running ? "Stop" : lens && fresh ? "Read again" : "Read the layers";
      go.disabled = !I.whole() || Boolean(about?.problem);
      bar.hidden = !running;
      bar.value = lens?.total ? lens.done / lens.total : 0;
      failed.hidden = !I.trouble("lens");
      failed.textContent = I.trouble("lens") || "";
      if (!running && !lens && !I.trouble("lens") && I.whole() && !about?.problem && !about?.slow) I.ask("lens");
      for (const part of [table, curves]) { part.hidden = !lens; part.classList.toggle("ts-outdated", !fresh); }
      if (!lens) { said.textContent = ""; return; }
      said.textContent = fresh ? finding(lens) : "Out of date: the tokens or the class have changed since. Read the layers again.";
      table.style.setProperty("--columns", lens.layers);
      table.replaceChildren(el("span"), ...Array.from({ length: lens.layers }, (_, n) => el("span", { class: "ts-caption", text: n === lens.layers - 1 ? `layer ${n + 1}, the last` : `layer ${n + 1}` })),
        ...Array.from({ length: lens.scales }, (_, k) => [el("span", { class: "ts-caption", text: `scale ${k + 1}` }), ...Array.from({ length: lens.layers }, (_, n) => cell(lens, n, k))]).flat());
      const { entropy, divergence, agreement, layers } = lens, mean = (rows, n) => rows.reduce((sum, row) => sum + row[n], 0) / rows.length;
      curves.replaceChildren(
        curve("Same code as the last layer", "%", Array.from({ length: layers }, (_, n) => 100 * agreement[n].reduce((sum, share) => sum + share, 0) / agreement[n].length), 100),
        curve("Uncertainty (entropy)", "bits", Array.from({ length: layers }, (_, n) => mean(entropy, n))),
        curve("Away from the last layer (KL)", "bits", Array.from({ length: layers }, (_, n) => mean(divergence, n))));
    });
    function cell(lens, n, k) {
      const image = lens.images[n]?.[k], blurred = lens.preview && !lens.drawn?.[`${n + 1}.${k + 1}`];
      const words = `Layer ${n + 1}, scale ${k + 1}: ${T.comparing.percent(lens.agreement[n][k])} as the last layer`;
      const picture = el("span", { class: "ts-frame-picture", style: { "--ratio": I.doc()?.ratio || 1 } }, image ? el("img", { src: image, alt: words }) : null);
      const figures = el("span", { class: "ts-num", text: T.comparing.percent(lens.agreement[n][k]) });
      if (!blurred || !image) return el("div", { class: "ts-lens-cell", "data-tip": words }, picture, figures);
      return el("button", { type: "button", class: "ts-lens-cell", "data-tip": `${words}. A preview: press to decode it.`, onclick: () => I.ask("layer", { layer: n + 1, scale: k + 1 }) }, picture, figures);
    }
    function finding({ agreement, layers }) {
      const share = (n) => agreement[n].reduce((sum, one) => sum + one, 0) / agreement[n].length;
      const half = Array.from({ length: layers }, (_, n) => n).find((n) => share(n) >= 0.5) ?? layers - 1;
      return `After layer ${half + 1} of ${layers} half of the codes or more are those of the last layer (mean over scales: ${T.comparing.percent(share(half))}); after layer 1 ${T.comparing.percent(share(0))}.`;
    }
    function curve(name, unit, values, top = Math.max(...values, 1e-9)) {
      const points = values.map((value, n) => `${values.length > 1 ? (100 * n) / (values.length - 1) : 50},${40 - (40 * value) / top}`).join(" ");
      const chart = el("svg:svg", { viewBox: "-2 -3 104 46", role: "img", "aria-label": `${name}: ${values.map((value, n) => `layer ${n + 1} ${T.number(value, 1)} ${unit}`).join(", ")}` }, el("svg:polyline", { points, class: "ts-lens-line" }));
      return el("figure", {}, el("figcaption", {}, el("b", { text: name }), ` ${T.number(values[0], 1)} → ${T.number(values.at(-1), 1)} ${unit}`), chart);
    }
  });

  T.define("inside-causes", (root) => {
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (I.busy("effects") ? I.stop("effects") : I.ask("effects", { replacement: how.value })) });
    const how = el("select", { class: "ts-field ts-select", "aria-label": "What replaces a token" }, el("option", { value: "likeliest", text: "the likeliest other code" }), el("option", { value: "drawn", text: "another code, drawn" }));
    const bar = el("progress", { class: "ts-bar", max: 1, "aria-label": "Tokens replaced" });
    const said = el("p", { class: "ts-inside-said", role: "status" }), failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const surface = el("div", { class: "ts-pyramid ts-columns", role: "group", "aria-label": "Bits by which the prediction moves when a token is replaced" }), list = el("ol", { class: "ts-inside-list" }), versus = el("p", { class: "ts-caption" });
    const section = el("section", { class: "ts-inside-section" }, el("div", { class: "ts-head" }, el("h2", { text: "What the prediction depends on" }), el("span", { class: "ts-row" }, bar, go)),
      el("label", { class: "ts-setting" }, el("span", { text: "Replace by" }), how), failed, said, surface, list, versus,
      el("p", { class: "ts-caption", text: "Each earlier token is replaced, one at a time, and the model predicts again: the Kullback–Leibler divergence in bits says how far the prediction moved. Attention and effect need not agree." }));
    root.append(section);
    let maps = [], shape = "";
    const grids = () => I.mine().about?.grids || [];
    T.subscribe(root, ["inside", "docs", "selection", "inside-effects", "theme"], () => {
      const { effects, section: open, about } = I.mine(), running = I.busy("effects"), fresh = I.fresh("effects");
      section.hidden = open !== "causes";
      if (section.hidden) return;
      const before = I.place().scale === 1 && about?.order !== "raster";
      go.textContent = running ? "Stop" : effects && fresh ? "Measure again" : "Measure the causes";
      go.disabled = !running && (!I.whole() || Boolean(about?.problem) || before);
      bar.hidden = !running;
      bar.value = effects?.total && running ? effects.done / effects.total : 0;
      failed.hidden = !I.trouble("effects");
      failed.textContent = I.trouble("effects") || "";
      for (const part of [surface, list, versus]) { part.hidden = !effects; part.classList.toggle("ts-outdated", !fresh); }
      said.textContent = before ? "No token comes before scale 1: its prediction depends on the class alone. Choose a token of a finer scale." : !effects ? "Nothing measured yet for this token." : !fresh ? "Out of date: another token, picture or class is chosen now. Measure again." : finding(effects, running);
      if (!effects) return;
      const now = JSON.stringify(grids());
      if (now !== shape) {
        shape = now;
        const scales = grids().map(([h, w]) => ({ h, w }));
        maps = T.tokenMaps(scales, false);
        surface.style.setProperty("--ts-columns", T.geometry.columns(scales));
        surface.replaceChildren(...maps.map((map, k) => el("figure", { class: "ts-scale", style: { "--weight": T.geometry.weight(scales[k]) } }, map.grid, el("figcaption", {}, el("span", { text: `Scale ${k + 1}` })))));
        surface.classList.toggle("ts-compact", T.geometry.compact(scales, surface.clientWidth));
      }
      const peak = Math.max(1e-6, ...effects.bits.flat().filter((bit) => bit !== null)), ids = I.maps();
      maps.forEach((map, k) => map.paint(effects.bits[k].map((bit, n) => ({ code: ids?.[k]?.[n] ?? -1, known: bit !== null, changed: false, colour: bit === null ? "" : `rgb(${T.codebook.ramp(bit / peak, [0, 1]).join(" ")})`, value: bit === null ? "" : `${T.number(bit, 3)} bits` }))));
      list.replaceChildren(...effects.strongest.map(({ scale, row, column, bits, code, by }) => el("li", {}, el("button", { type: "button", class: "ts-button ts-plain", text: `Scale ${scale}, row ${row + 1}, column ${column + 1}`, onclick: () => T.select({ k: scale - 1, i: row, j: column }) }), ` ${T.number(bits, 3)} bits: code ${code} replaced by ${by}`)));
      versus.textContent = fresh ? beside(effects) : "";
    });
    function finding({ strongest, done, total }, running) {
      if (!strongest.length) return running ? `Replacing ${done} of ${total} tokens.` : "No earlier token could be replaced.";
      const [first] = strongest;
      return `${running ? `${done} of ${T.count(total, "token")} replaced so far. ` : ""}What moves this prediction most is the token of scale ${first.scale}, row ${first.row + 1}, column ${first.column + 1}: ${T.number(first.bits, 2)} bits.`;
    }
    // the two, as shares per scale, so that one sees whether they agree
    function beside({ bits, attention }) {
      const shares = (rows) => { const sums = rows.map((row) => row.reduce((sum, value) => sum + (value || 0), 0)), all = sums.reduce((sum, value) => sum + value, 0) || 1; return sums.map((sum) => sum / all); };
      const [effect, looked] = [shares(bits), shares(attention)];
      return `By scale, effect against attention rolled out: ${effect.map((share, k) => `scale ${k + 1} ${T.comparing.percent(share)} against ${T.comparing.percent(looked[k])}`).join("; ")}.`;
    }
  });
})();
