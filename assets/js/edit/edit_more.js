// Edit, "More": what is done to a whole map, and tokens from another picture: whole scales, or the chosen places.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const MOVES = [
    { how: "left", sign: "←", name: "Shift left", tip: "Every token moves one cell to the left; the first column wraps round to the right." },
    { how: "right", sign: "→", name: "Shift right", tip: "Every token moves one cell to the right; the last column wraps round to the left." },
    { how: "up", sign: "↑", name: "Shift up", tip: "Every token moves one cell up; the first row wraps round to the bottom." },
    { how: "down", sign: "↓", name: "Shift down", tip: "Every token moves one cell down; the last row wraps round to the top." },
  ];
  const TURNS = [
    { how: "mirror", name: "Flip sideways", tip: "Left and right of the map change places." },
    { how: "overturn", name: "Flip upside down", tip: "Top and bottom of the map change places." },
    { how: "transpose", name: "Transpose", tip: "Rows become columns: the map is mirrored at its diagonal." },
  ];
  const scales = () => state.docs.session?.scales || [];

  function wholeMap() {
    const act = (how, data = {}) => T.link.act("whole", { scale: state.selection.k + 1, how, ...data });
    const button = ({ how, name, sign, tip }) => el("button", { type: "button", class: `ts-button${sign ? " ts-sign" : ""}`, text: sign || name, "data-how": how, "aria-label": name, "data-tip": tip, onclick: () => act(how) });
    const seed = el("input", { class: "ts-field ts-seed", id: "ts-random-seed", type: "number", min: 0, max: 2 ** 31 - 1, value: 0 });
    const random = el("button", { type: "button", class: "ts-button", text: "Randomise", "data-how": "randomise", onclick: () => {
      const now = T.seedOf(seed);
      act("randomise", { seed: now });
      seed.value = Math.min(now + 1, 2 ** 31 - 1); // pressed again: another map
    } });
    const title = el("h3");
    const moves = MOVES.map(button), turns = TURNS.map(button);
    const node = el("section", {}, title,
      el("div", { class: "ts-row" },
        el("span", { class: "ts-row", role: "group", "aria-label": "Shift by one cell, wrapping" }, el("span", { class: "ts-muted", text: "Shift, wrapping" }), moves),
        el("span", { class: "ts-row" }, turns),
        el("span", { class: "ts-row" }, random, el("label", { for: "ts-random-seed", text: "seed" }), seed)));
    node.show = () => {
      const scale = scales()[state.selection.k];
      title.textContent = `Whole map of scale ${state.selection.k + 1}`;
      random.dataset.tip = `Draws every token of this scale anew, ${state.model?.usage_of ? `codes as often as this scale uses them over ${state.model.usage_of}` : "any code alike"}. The same seed gives the same map.`;
      for (const one of [...moves, ...turns]) one.disabled = !scale || scale.w * scale.h === 1 || (one.dataset.how === "transpose" && scale.w !== scale.h);
    };
    return node;
  }

  function otherPicture() {
    const source = el("select", { class: "ts-field ts-select ts-mix-source", id: "ts-mix-source", "aria-label": "Picture to take tokens from" });
    const input = el("input", { type: "file", accept: "image/*", class: "ts-hidden", "aria-label": "File to take tokens from", tabindex: "-1", onchange: () => { const file = input.files[0]; input.value = ""; if (file) T.sendPicture(file, (sent) => then("upload", sent)); } });
    let then = null; // what is done with the picture: (source, data)
    function take(next) {
      const run = state.docs.run;
      then = next;
      if (source.value === "upload") return input.click();
      if (source.value === "run") return then("adopt", { maps: run.scales.map((scale) => scale.ids), label: run.label, seed: run.seed });
      then("sample", { name: source.value.slice(7) });
    }

    const last = el("select", { class: "ts-field ts-select", id: "ts-mix-scale", "aria-label": "Last scale that stays", onchange: () => node.show() });
    const words = el("span", { class: "ts-muted" });
    const mix = el("button", { type: "button", class: "ts-button", text: "Mix", "data-tip": "Coarse scales decide what is where, fine ones how it looks. The finer scales of this picture are replaced; undo brings them back.", onclick: () => take((kind, data) => T.link.act("mix", { ...data, source: kind, scale: Number(last.value) })) });
    const mixing = el("div", { class: "ts-row" }, el("label", { for: "ts-mix-scale", text: "Keep scales 1 to" }), last, words, mix);

    const region = el("span", { class: "ts-muted" });
    const paste = el("button", { type: "button", class: "ts-button", text: "Paste", "data-tip": "The chosen tokens become those of the other picture: the same scale, the same places. Finer scales follow as set above.", onclick: () => {
      const { scale, cells } = T.chosenTokens(); // now, not when a file has arrived
      take((kind, data) => T.link.act("paste", { ...data, source: kind, scale, cells }));
    } });
    const pasting = el("div", { class: "ts-row" }, region, paste);
    const node = el("section", {}, el("h3", { text: "Tokens from another picture" }),
      el("div", { class: "ts-row" }, el("label", { for: "ts-mix-source", text: "Picture" }), source, input), mixing, pasting);
    const fill = (select, choices) => {
      const key = JSON.stringify(choices);
      if (select.dataset.key === key) return;
      const before = select.value;
      select.replaceChildren(...choices.map(([value, text]) => el("option", { value, text })));
      select.dataset.key = key;
      select.value = choices.some(([value]) => value === before) ? before : choices[0]?.[0];
      if (select === last && !before) select.value = String(Math.ceil(choices.length / 2));
    };
    node.show = () => {
      const K = scales().length, run = state.docs.run;
      node.hidden = !K;
      if (!K) return;
      const done = run && run.done === run.total && run.scales.length === K && !state.running;
      fill(source, [...(state.model?.samples || []).map(({ name, title }) => [`sample-${name}`, title]),
        ...(done ? [["run", `Generated: ${run.title}`]] : []), ["upload", "A picture of yours …"]]);
      mixing.hidden = K < 2;
      if (K > 1) fill(last, Array.from({ length: K - 1 }, (_, k) => [String(k + 1), String(k + 1)]));
      const first = Number(last.value) + 1;
      words.textContent = first === K ? `and take scale ${K} from it` : `and take ${first} to ${K} from it`;
      const { k, cells } = state.selection, count = cells?.length || 1;
      region.textContent = `Take ${count === 1 ? "the selected token" : `the ${count} selected tokens`} of scale ${k + 1} from it`;
    };
    return node;
  }

  T.define("more", (root) => {
    const groups = [wholeMap(), otherPicture()];
    const body = el("div", { class: "ts-more", id: "ts-more", hidden: true }, groups);
    const toggle = el("button", { type: "button", class: "ts-button ts-plain ts-more-toggle", "aria-controls": "ts-more", onclick: () => open(body.hidden) });
    const open = (on) => {
      body.hidden = !on;
      toggle.setAttribute("aria-expanded", on);
      toggle.textContent = on ? "Fewer tools" : "More tools: whole maps, another picture";
    };
    open(false);
    root.append(el("div", { class: "ts-toolbar" }, toggle), body);
    T.subscribe(root, ["docs", "selection", "model", "running"], () => groups.forEach((group) => group.show()));
  });
})();
