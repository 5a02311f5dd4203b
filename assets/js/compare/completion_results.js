// Compare / Completion, the answer: pictures with their seam, what each model could see, numbers, fairness.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const mine = () => state.completion;
  const put = (patch) => T.completion.put(patch);
  const shown = () => Math.min(mine().shown, (mine().view?.seeds.length || 1) - 1);
  const finished = (model) => model.done === model.steps;
  const stale = () => Boolean(mine().view) && !T.completion.fresh();

  // the border between kept and drawn cells of a mask, as a path in cells
  function border({ h, w, kept }) {
    const lines = [];
    for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) {
      if (j + 1 < w && kept[i * w + j] !== kept[i * w + j + 1]) lines.push(`M${j + 1} ${i}v1`);
      if (i + 1 < h && kept[i * w + j] !== kept[(i + 1) * w + j]) lines.push(`M${j} ${i + 1}h1`);
    }
    return lines.join("");
  }
  function seam(scale) {
    const path = border(scale);
    return el("svg:svg", { class: "ts-seam", viewBox: `0 0 ${scale.w} ${scale.h}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      el("svg:path", { d: path, class: "ts-seam-under" }), el("svg:path", { d: path, class: "ts-seam-over" }));
  }
  // hidden cells hatched over a picture
  const veil = ({ h, w, kept }) => el("div", { class: "ts-veil", "aria-hidden": "true", style: { "--w": w, "--h": h } }, kept.map((value) => el("i", { class: value ? "" : "ts-unkept" })));

  T.define("completion-results", (root) => {
    const finding = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub", role: "status" });
    const row = el("div", { class: "ts-completions" });
    const strip = el("div", { class: "ts-row ts-sample-strip", role: "group", "aria-label": "Samples" });
    const seams = el("button", { type: "button", class: "ts-button ts-plain", onclick: () => put({ seam: !mine().seam }) });
    const original = el("button", { type: "button", class: "ts-button ts-plain", onclick: () => put({ original: !mine().original }), "data-tip": "What each model's tokenizer makes of all tokens of the picture: what a completion is measured against." });
    const pixels = T.segment("Pixels of the kept part", T.blends.CHOICES, (value) => T.set({ ownPicture: value === "own" }));
    const tools = el("div", { class: "ts-row ts-completion-tools" }, strip, pixels, el("div", { class: "ts-row" }, original, seams));
    const missing = el("div");
    root.append(finding, sub, missing, row, tools);

    function figure(model) {
      const view = mine().view;
      const { original } = mine();
      const blend = model.blends[shown()];
      const picture = original ? model.own : blend && !state.ownPicture ? blend.image : model.images[shown()];
      const where = model.scales.at(-1);
      const name = T.comparing.ORDER[model.order];
      const done = finished(model);
      const send = done && model.adoptable ? el("button", { type: "button", class: "ts-button ts-plain", text: "Open in Inspect", onclick: () => { T.link.act("adopt", { maps: model.ids[shown()], label: `${view.title}, completed`, seed: view.seeds[shown()] }); T.openTab("Inspect"); } }) : null;
      return el("figure", {}, el("div", { class: `ts-frame-picture${picture ? "" : " ts-empty"}`, style: { "--ratio": `${model.size[1]} / ${model.size[0]}` } },
        picture ? el("img", { src: picture, alt: original ? `${view.title}, from all its tokens of ${model.name}` : `${view.title}, ${view.region} kept, completed by ${model.name}${done ? "" : `, ${model.done} of ${model.steps} steps`}` }) : null, mine().seam ? seam(where) : null),
      el("figcaption", {}, el("b", { text: name }), el("span", { class: "ts-caption", text: original ? "from all tokens of the picture" : `${model.name}, ${done ? T.count(model.steps, "step") : `step ${model.done} of ${model.steps}`}` }), blend && !original ? pixelsOf(blend) : null, send));
    }
    // what is true of the kept part's pixels in the picture on show
    function pixelsOf(blend) {
      const share = T.comparing.percent(blend.share);
      if (!state.ownPicture) return el("span", { class: "ts-caption", text: `kept part as it was; drawn part fades in over ${T.count(blend.feather, "pixel")}` });
      return el("span", { class: "ts-caption" }, `${share} of the kept pixels moved by more than ${blend.visible} of 255 `, el("img", { class: "ts-kept-change", src: blend.change, alt: `Where: blue darker, red lighter, up to ${T.number(blend.limit, 2)}` }));
    }

    function draw() {
      const { view, about, seam: lines } = mine();
      const first = view?.models[0];
      const scale = first?.scales.at(-1) || (T.completion.grid() && mine().mask ? { h: T.completion.grid()[0], w: T.completion.grid()[1], kept: mine().mask } : null);
      const uri = view ? view.input : T.completion.preview();
      const ratio = first ? `${first.size[1]} / ${first.size[0]}` : state.docs.session?.ratio || 1;
      const input = el("figure", {}, el("div", { class: "ts-frame-picture", style: { "--ratio": ratio } }, uri ? el("img", { src: uri, alt: `${view?.title || T.completion.titleOf()}, hidden part hatched` }) : null, scale ? veil(scale) : null, scale && lines ? seam(scale) : null),
        el("figcaption", {}, el("b", { text: "Given" }), el("span", { class: "ts-caption", text: "the hatched part is hidden" })));
      const empty = (about?.models || []).map((model) => el("figure", {}, el("div", { class: "ts-frame-picture ts-empty", style: { "--ratio": ratio } }),
        el("figcaption", {}, el("b", { text: T.comparing.ORDER[model.order] }), el("span", { class: "ts-caption", text: mine().running ? "waiting" : "not drawn yet" }))));
      row.style.setProperty("--count", 1 + (about?.models.length || 0));
      row.replaceChildren(input, ...(first ? view.models.map(figure) : empty));
      row.classList.toggle("ts-outdated-result", stale());
      strip.replaceChildren(...(view && view.seeds.length > 1 && first ? view.seeds.map((seed, n) => el("button", { type: "button", class: "ts-sample", "aria-pressed": String(n === shown()), onclick: () => put({ shown: n }), "aria-label": `Sample ${n + 1}, seed ${seed}` },
        view.models.map((model) => (model.images[n] ? el("img", { src: model.images[n], alt: "" }) : null)), el("span", { class: "ts-num", text: `seed ${seed}` }))) : []));
      original.textContent = mine().original ? "Show the completions" : "Show the picture itself";
      original.hidden = !first;
      pixels.hidden = !first?.blends.length;
      pixels.show(state.ownPicture ? "own" : "kept");
      seams.textContent = lines ? "Hide the seam" : "Show the seam";
      missing.replaceChildren(...T.comparing.missing(about));
    }

    function say() {
      const { view, running, about, stopped } = mine();
      const models = view?.models || [];
      if (!about?.models.length) return ["No model can complete a picture.", ""];
      if (!models.length) return [running ? "Completing …" : "Keep a part of a picture; both models draw the rest.", running ? "" : "Choose what is kept, then press “Complete the picture”. What each model could see while it drew is computed and shown below."];
      const part = T.completion.words[view.region] || T.completion.words.painted;
      const told = models.map((model, n) => `${model.order} order ${n ? "" : "drew "}with ${T.comparing.percent(model.seen)}${n ? "" : " of the kept tokens in view"}`).join(", ");
      const over = models.map((model) => T.comparing.percent(model.area)).join(" and ");
      const guess = view.guess ? ` Class: ${T.comparing.nameOf(view.label)}, guessed by ${view.guess.by} from all tokens of the picture${view.guess.ranking[1] ? ` (next: ${T.comparing.nameOf(view.guess.ranking[1][0])}, ${T.number(view.guess.ranking[1][1] - view.guess.ranking[0][1])} bits less likely)` : ""}.` : ` Class: ${T.comparing.nameOf(view.label)}.`;
      const ended = models.every(finished) ? "" : stopped ? " Stopped before the end." : "";
      return [`With ${part} kept, ${told}.`, `${stale() ? "Out of date: the settings have changed since. " : ""}Mean over all drawn tokens. These tokens, coarse ones included, lie over ${over} of the kept part.${guess}${ended}`];
    }

    T.subscribe(root, ["completion", "docs", "model", "ownPicture"], () => {
      const [title, text] = say();
      finding.textContent = title.replaceAll(" %", "\u00a0%"); // a number stays with its unit
      sub.textContent = text;
      draw();
    });
  });

  // --- what a model could see ------------------------------------------------------------------------------------

  const KINDS = {
    seen: "kept, in view", drawn: "drawn before, in view", now: "drawn in this step", late: "kept, not in view", later: "drawn later",
  };
  // per scale the kind of every cell at one step that draws something
  function kinds(model, view) {
    const raster = model.order === "raster";
    return model.scales.map((scale, k) => scale.kept.map((kept, n) => {
      const when = raster ? Math.sign(n - (view.step - 1)) : Math.sign(k + 1 - view.scale);
      if (when < 0) return kept ? "seen" : "drawn";
      if (when === 0 && !kept) return "now";
      return kept ? "late" : "later";
    }));
  }
  // raster order so far, as a line over the map that ends in the cell that is drawn
  function path({ h, w }, step) {
    const last = step - 1;
    const row = Math.floor(last / w);
    const lines = Array.from({ length: row + 1 }, (_, i) => `M.3 ${i + 0.5}H${(i < row ? w : last % w) + (i < row ? -0.3 : 0.3)}`).join("");
    const [x, y] = [(last % w) + 0.3, row + 0.5];
    return el("svg:svg", { class: "ts-scanline", viewBox: `0 0 ${w} ${h}`, "aria-hidden": "true" }, el("svg:path", { d: lines }), el("svg:path", { class: "ts-scanhead", d: `M${x} ${y - 0.18}l.34 .18l-.34 .18z` }));
  }

  function why(model) {
    if (model.order === "raster") {
      const start = "Raster order writes row by row from the top left, and a token sees only what comes before it. ";
      if (model.seen === 0) return `${start}Here every kept token comes later, so it cannot complete this part: it draws as if nothing were kept, and the kept tokens are put in when their turn comes.`;
      if (model.seen === 1) return `${start}Here all kept tokens come first, so it sees every one of them.`;
      return `${start}Kept tokens that lie below or to the right come later: they are put in when their turn comes, and had no say in what was drawn before.`;
    }
    return "Next-scale order predicts a whole map at once from all coarser maps, so it sees kept tokens of coarser scales anywhere in the picture. Kept tokens of the scale that is being drawn are put in after it: it does not see them, nor those of finer scales.";
  }

  T.define("completion-views", (root) => {
    const body = el("div", { class: "ts-could-see" });
    const legend = el("div", { class: "ts-legend" }, Object.entries(KINDS).map(([kind, text]) => el("span", { class: "ts-key" }, el("i", { class: `ts-see ts-see-${kind}` }), text)));
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", { text: "What could each model see when it drew a token?" })), legend, body);
    root.append(section);
    const blocks = {};

    function block(order) {
      const head = el("h3");
      const range = el("input", { type: "range", min: 1, step: 1, "aria-label": `Step of the ${order} model`, oninput: () => put({ at: { ...mine().at, [order]: Number(range.value) - 1 } }) });
      const said = el("p", { class: "ts-caption", role: "status" });
      const maps = el("div", { class: "ts-see-maps" });
      const text = el("p", { class: "ts-sub" });
      blocks[order] = { node: el("section", { class: `ts-see-${order}` }, el("div", { class: "ts-head" }, head), text, el("div", { class: "ts-slider" }, range), said, maps), head, range, said, maps, text };
      return blocks[order];
    }

    function draw(model) {
      const { node, head, range, said, maps, text } = blocks[model.order] || block(model.order);
      const at = Math.min(mine().at[model.order] || 0, model.views.length - 1);
      const view = model.views[at];
      head.textContent = T.comparing.ORDER[model.order];
      text.textContent = why(model);
      range.max = model.views.length;
      if (document.activeElement !== range) range.value = at + 1;
      const what = model.order === "raster" ? `token ${view.step} of ${model.tokens}` : `scale ${view.scale} of ${model.scales.length}, ${T.count(view.drawn, "token")} at once`;
      said.textContent = `${at ? `Step ${at + 1} of ${model.views.length} that draw something` : "The first step that draws something"}: ${what}. In view: ${view.seen} of ${T.count(model.kept, "kept token")}, over ${T.comparing.percent(view.area)} of the kept part.`;
      range.setAttribute("aria-valuetext", said.textContent);
      const found = kinds(model, view);
      maps.style.setProperty("--columns", model.scales.map(({ w, h }) => `minmax(0, ${T.geometry.weight({ w, h }).toFixed(3)}fr)`).join(" "));
      maps.replaceChildren(...model.scales.map((scale, k) => {
        const count = (kind) => found[k].filter((value) => value === kind).length;
        const label = Object.keys(KINDS).filter(count).map((kind) => `${count(kind)} ${KINDS[kind]}`).join(", ");
        const inner = [el("div", { class: "ts-see-grid", style: { "--w": scale.w, "--h": scale.h } }, found[k].map((kind) => el("i", { class: `ts-see ts-see-${kind}` }))), model.order === "raster" ? path(scale, view.step) : null];
        return el("figure", {}, el("div", { class: "ts-see-map", role: "img", "aria-label": `Scale ${k + 1}: ${label}` }, inner), el("figcaption", { class: "ts-caption", text: model.scales.length > 1 ? `${scale.h}×${scale.w}` : `${scale.h}×${scale.w} tokens` }));
      }));
      return node;
    }
    T.subscribe(root, ["completion"], () => {
      const models = mine().view?.models || [];
      section.hidden = !models.length;
      section.classList.toggle("ts-outdated", stale());
      const nodes = models.map(draw);
      if (nodes.some((node, n) => body.children[n] !== node) || body.children.length !== nodes.length) body.replaceChildren(...nodes);
    });
  });

  // --- numbers ---------------------------------------------------------------------------------------------------

  T.define("completion-numbers", (root) => {
    const body = el("div");
    const note = el("p", { class: "ts-caption" });
    const section = el("section", {}, el("div", { class: "ts-head" }, el("h2", { text: "In numbers" })), body, note);
    root.append(section);
    T.subscribe(root, ["completion"], () => {
      const models = mine().view?.models || [];
      section.classList.toggle("ts-outdated-result", stale());
      note.textContent = !models.length ? "Kept tokens, how many of them were in view while drawing, and how well the parts meet: as soon as a picture is completed."
        : models.some((model) => !finished(model)) ? "The seam is measured when a model has finished." : `The last three of the sample with seed ${mine().view.seeds[shown()]}.`;
      if (!models.length) return body.replaceChildren();
      const { percent, table, ORDER } = T.comparing;
      const at = (list) => list[shown()];
      body.replaceChildren(table(models.map((model) => ORDER[model.order]), [
        ["Kept tokens", "Tokens that were given and not drawn. At coarse scales a token is kept where more than half of its weight lies in the kept part.", models.map((model) => `${model.kept} of ${model.tokens}`)],
        ["Kept tokens in view", "Share of the kept tokens that were known before a token was drawn; mean over all drawn tokens.", models.map((model) => percent(model.seen))],
        ["Kept part in view", "Share of the kept part of the picture over which at least one kept token, of any scale, was known before a token was drawn; mean over all drawn tokens.", models.map((model) => percent(model.area))],
        ["Jump across the seam", "Mean absolute difference of neighbouring pixels on either side of the seam, in per cent of the full range from black to white.", models.map((model) => (at(model.seams) ? `${T.number(100 * at(model.seams).jump)} %` : null))],
        ["… of the picture's own", "The jump divided by the jump at the same place in the picture that the same tokenizer makes of all tokens of the source. 1: as smooth as the picture itself; more: a visible edge.", models.map((model) => (at(model.seams) ? (at(model.seams).ratio === null ? "no jump there" : `× ${T.number(at(model.seams).ratio, 2)}`) : null))],
        ["Kept part changed by", "Mean absolute difference of the kept pixels to the same model's picture of all source tokens, in per cent of the full range. Kept tokens stay exactly; their pixels still change, because coarse tokens cover both parts and the decoder looks around.", models.map((model) => (at(model.changed) === undefined ? null : `${T.number(100 * at(model.changed))} %`))],
      ]));
    });
  });

  T.define("completion-fairness", (root) => {
    const body = el("div");
    root.append(el("section", {}, el("div", { class: "ts-head" }, el("h2", { text: "Is this fair?" })), body));
    T.subscribe(root, ["completion"], () => {
      const { about } = mine();
      if (!about || body.childElementCount) return;
      body.append(T.comparing.fairness(about), el("p", { class: "ts-caption", text: "Both models get the same pixels, class, seeds and kept part, each through its own tokenizer. Tokens are made from the whole picture: near the seam, and at coarse scales, a kept token knows a little of the hidden part. This helps the next-scale model more, because its coarse tokens cover more; “Draw it” takes the coarsest of them away." }));
    });
  });
})();
