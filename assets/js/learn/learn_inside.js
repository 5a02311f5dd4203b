// Learn: guess first, then look inside the generator. The answers are those of Inside (T.inside), about Inspect's picture.
//   state.learnLooked: {told}   what a prediction looked at, as a sentence, once it was guessed and looked up; else null
//   state.learnLayers: {told}   the same for the layers
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const I = () => T.inside;
  const percent = (share) => T.comparing.percent(share);
  state.learnLooked = null;
  state.learnLayers = null;
  // the tokens of Inspect are meant here, whatever Inside has on show
  const here = () => { if (I().mine().source !== "session") I().put({ source: "session" }); };
  const ready = () => Boolean(I().mine().about && !I().mine().about.problem && I().whole());
  const raster = () => I().mine().about?.order === "raster";

  // where a position of the sequence belongs, seen from the predicted token
  function kinds() {
    return raster()
      ? [{ value: "class", text: "The class", word: "the class" }, { value: "own", text: "Its own row", word: "its own row" }, { value: "other", text: "The rows above", word: "the rows above" }]
      : [{ value: "class", text: "The class", word: "the class" }, { value: "other", text: "Coarser maps", word: "the coarser maps" }, { value: "own", text: "Its own map", word: "its own map" }];
  }
  // per kind: share of attention (mean of all heads and layers), and of the positions that could be seen
  function shares(look) {
    const [scale, row] = look.asked, found = Object.fromEntries(kinds().map(({ value }) => [value, { share: 0, places: 0 }]));
    for (let position = 0; position < look.seen; position += 1) {
      const [k, i] = look.places[position];
      const kind = position < look.class_positions ? "class" : (raster() ? i === row : k === scale) ? "own" : "other";
      found[kind].share += look.means.reduce((sum, means) => sum + means[position], 0) / look.layers;
      found[kind].places += 1;
    }
    return found;
  }

  function classChoice() {
    const choice = el("select", { class: "ts-field ts-select", onchange: () => I().put({ label: choice.value }) });
    const label = el("label", { class: "ts-row" }, el("span", { text: "Tell the generator the class" }), choice);
    label.fill = () => { const { about, label: now } = I().mine(); if (about?.classes) T.comparing.fillClasses(choice, about.classes, about.can_guide === false ? [] : [[T.comparing.NO_CLASS, "no class"]], now); };
    return label;
  }
  const failing = () => el("p", { class: "ts-failed", role: "alert", hidden: true });
  const bar = (share, even) => el("span", { class: "ts-bar-track" }, el("i", { style: { "--v": `${100 * share}%` } }), even === undefined ? null : el("i", { class: "ts-even", style: { "--v": `${100 * even}%` } }));

  T.define("learn-looked", (root) => {
    let guess = null, asked = null, shape = ""; // asked: {key, guess} of the question under way or answered
    const holder = el("div"), label = classChoice(), failed = failing();
    const go = el("button", { type: "button", class: "ts-button ts-main", text: "Look", onclick: ask });
    const said = el("p", { class: "ts-caption", role: "status" }), rows = el("div", { class: "ts-guess-rows" });
    root.append(el("div", { class: "ts-guess" }, el("h3", { text: "What does it look at most?" }), label, holder, go, failed, said, rows));
    let choice = null;
    function ask() {
      asked = { key: I().lookKey(), guess };
      T.set({ learnLooked: null });
      if (I().fresh("look")) draw(); else { I().ask("look"); draw(); }
    }
    T.subscribe(root, ["inside", "docs", "selection", "inside-look", "learn"], draw);

    function draw() {
      if (root.offsetParent) here();
      const now = JSON.stringify([I().mine().about?.order]);
      if (!choice || now !== shape) {
        shape = now;
        choice = T.segment("What does it look at most?", kinds().map(({ value, text }) => ({ value, text })), (value) => { guess = value; choice.show(guess); draw(); });
        choice.show(guess);
        if (guess === null) choice.firstChild.tabIndex = 0; // nothing is chosen yet, and keys must find the way in
        holder.replaceChildren(choice);
      }
      label.fill();
      const { scale, row, column } = I().place(), first = scale === 1 && (!raster() || (row === 0 && column === 0));
      const valid = asked?.key === I().lookKey(), answered = valid && I().fresh("look"), trouble = valid && I().trouble("look");
      const running = valid && I().busy("look");
      go.disabled = !ready() || !guess || first || running;
      failed.hidden = !trouble;
      failed.textContent = trouble || "";
      rows.hidden = !answered || first;
      if (first) said.textContent = "Nothing comes before this square: its prediction sees the class alone. Choose another one.";
      else if (answered) answer(I().mine().look);
      else said.textContent = !ready() ? "Open a picture first." : running ? "Looking into the prediction …" : asked && !trouble ? "Another square, class or picture is chosen now. Guess again, then look." : guess ? "Press Look to see." : "Make a guess first.";
    }
    function answer(look) {
      const found = shares(look), order = kinds(), word = (value) => order.find((kind) => kind.value === value).word;
      const most = order.map(({ value }) => value).reduce((best, value) => (found[value].share > found[best].share ? value : best));
      const right = asked.guess === most ? `You guessed ${word(most)}, and that is right` : `You guessed ${word(asked.guess)}, which got ${percent(found[asked.guess].share)}; it was ${word(most)}`;
      const told = `${right}: ${percent(found[most].share)} of the attention went there, to ${found[most].places} of ${T.count(look.seen, "position")}.`;
      said.textContent = "Bar: share of attention, mean of all heads and layers. Line: what an even spread over all positions would give.";
      rows.replaceChildren(...order.map(({ value, text }) => {
        const { share, places } = found[value], even = places / look.seen;
        return el("div", { class: "ts-guess-row", ...(value === asked.guess ? { "data-guessed": "" } : {}) }, el("span", { text: value === asked.guess ? `${text} (guess)` : text }), bar(share, even), el("span", { class: "ts-num", text: `${percent(share)}, even: ${percent(even)}` }));
      }));
      if (state.learnLooked?.told !== told) T.set({ learnLooked: { told } });
    }
  });

  T.define("learn-layers", (root) => {
    let asked = null; // {key, guess}
    const label = classChoice(), failed = failing();
    const choice = el("select", { class: "ts-field ts-select", onchange: draw });
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (I().busy("lens") ? I().stop("lens") : ask()) });
    const said = el("p", { class: "ts-caption", role: "status" }), rows = el("div", { class: "ts-guess-rows ts-guess-layers" });
    root.append(el("div", { class: "ts-guess" }, el("h3", { text: "When are half of the codes settled?" }), label, el("label", { class: "ts-row" }, el("span", { text: "Your guess" }), choice), go, failed, said, rows));
    function ask() {
      asked = { key: I().tokensKey(), guess: Number(choice.value) };
      T.set({ learnLayers: null });
      if (!complete()) I().ask("lens");
      draw();
    }
    const complete = () => { const { lens } = I().mine(); return I().fresh("lens") && !I().busy("lens") && lens.done === lens.total; };
    T.subscribe(root, ["inside", "docs", "inside-lens", "learn"], draw);

    function draw() {
      if (root.offsetParent) here();
      label.fill();
      const { about, lens } = I().mine(), n = about?.layers || 0;
      if (n && choice.options.length !== n + 1) choice.replaceChildren(el("option", { value: "", text: "choose a layer" }), ...Array.from({ length: n }, (_, at) => el("option", { value: at + 1, text: `after layer ${at + 1} of ${n}` })));
      const running = I().busy("lens"), valid = asked?.key === I().tokensKey(), trouble = valid && I().trouble("lens");
      go.textContent = running ? "Stop" : "Read the layers";
      go.classList.toggle("ts-main", !running);
      go.disabled = !running && (!ready() || !choice.value);
      failed.hidden = !trouble;
      failed.textContent = trouble || "";
      const shown = valid && I().fresh("lens") && lens;
      rows.hidden = !shown;
      if (!shown) {
        said.textContent = !ready() ? "Open a picture first." : running && valid ? "Reading the layers …" : asked && !valid ? "The picture or the class has changed. Guess again, then read the layers." : choice.value ? "Press Read the layers to see." : "Make a guess first.";
        return;
      }
      const K = lens.scales, share = (at) => lens.agreement[at][K - 1];
      said.textContent = running ? `Layer ${lens.done} of ${lens.total} drawn …` : !complete() ? `Stopped after ${lens.done} of ${lens.total} layers. Read them again for the answer.`
        : `Bar: share of codes${K > 1 ? ` of scale ${K}` : ""} that are those of the last layer. ${lens.preview ? "Pictures are previews. " : ""}KL: how far the layer's prediction is from the last one's.`;
      rows.replaceChildren(...Array.from({ length: lens.layers }, (_, at) => {
        const image = lens.images[at]?.[K - 1], guessed = at + 1 === asked.guess;
        return el("div", { class: "ts-guess-row", ...(guessed ? { "data-guessed": "" } : {}) }, el("span", { text: `Layer ${at + 1}${guessed ? " (guess)" : ""}` }),
          el("span", { class: "ts-frame-picture", style: { "--ratio": I().doc()?.ratio || 1 } }, image ? el("img", { src: image, alt: `What layer ${at + 1} would have drawn` }) : null),
          bar(share(at)), el("span", { class: "ts-num", text: `${percent(share(at))}, KL ${T.number(lens.divergence[K - 1][at], 1)} bits` }));
      }));
      if (!complete()) return;
      const half = Array.from({ length: lens.layers }, (_, at) => at).find((at) => share(at) >= 0.5) + 1;
      const right = asked.guess === half ? `You guessed layer ${half}, and that is right` : `You guessed layer ${asked.guess}; it was layer ${half}`;
      const { layers } = lens, late = half === layers && layers > 1; // the last layer agrees with itself, which says nothing
      const told = late ? `${right}: even after layer ${layers - 1} of ${layers} only ${percent(share(layers - 2))} of the codes are those that the last layer names.`
        : `${right}: after it, ${percent(share(half - 1))} of the codes are those of layer ${layers}; after layer 1 it is ${percent(share(0))}.`;
      if (state.learnLayers?.told !== told) T.set({ learnLayers: { told } });
    }
  });
})();
