// Inside, switches: heads, layers, a scale or the class switched off, and the same picture drawn again beside the unchanged one.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const I = T.inside;
  const none = () => ({ heads: [], layers: [], hidden: [], swap: null });
  state.inside = { ...state.inside, off: none(), drawn: null };
  const off = () => I.mine().off;
  const put = (patch) => I.put({ off: { ...off(), ...patch } });
  const same = ([a, b]) => ([c, d]) => a === c && b === d;
  const toggled = (list, one, equal = (other) => other === one) => (list.some(equal) ? list.filter((other) => !equal(other)) : [...list, one]);
  const any = () => off().heads.length + off().layers.length + off().hidden.length > 0 || off().swap !== null;
  const asks = () => JSON.stringify([off(), I.mine().label, seed(), I.maps()]);
  const seed = () => state.settings?.seed ?? 0;

  T.define("inside-switches", (root) => {
    const table = el("div", { class: "ts-switches", role: "group", "aria-label": "Heads and layers" });
    const hidden = el("span", { class: "ts-row", role: "group", "aria-label": "Scales that finer ones do not see" });
    const from = el("select", { class: "ts-field ts-select", "aria-label": "From which scale on", onchange: swap }), to = el("select", { class: "ts-field ts-select", "aria-label": "Which class instead", onchange: swap });
    const swapping = el("span", { class: "ts-row" }, to, from);
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (I.busy("switch") ? I.stop("switch") : I.ask("switch", { switches: off(), seed: seed() }, asks())) });
    const clear = el("button", { type: "button", class: "ts-button ts-plain", text: "Switch all on", onclick: () => I.put({ off: none() }) });
    const bar = el("progress", { class: "ts-bar", max: 1, "aria-label": "Steps drawn" });
    const said = el("p", { class: "ts-inside-said", role: "status" }), failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const pictures = el("div", { class: "ts-switched" });
    const open = el("button", { type: "button", class: "ts-button", text: "Open it in Inspect", onclick: () => { const { drawn } = I.mine(); T.link.act("adopt", { maps: drawn.maps, label: `${T.comparing.nameOf(I.mine().label)}, ${drawn.said}`, seed: drawn.seed }); T.openTab("Inspect"); } });
    const section = el("section", { class: "ts-inside-section" }, el("div", { class: "ts-head" }, el("h2", { text: "Draw without these parts" }), el("span", { class: "ts-row" }, bar, clear, go)), failed,
      table, el("label", { class: "ts-setting ts-hiding" }, el("span", { text: "Hide a scale" }), hidden), el("label", { class: "ts-setting ts-hiding" }, el("span", { text: "Another class" }), swapping), said, pictures, el("p", {}, open),
      el("p", { class: "ts-caption", text: "A head that is off adds nothing to the stream; a layer that is off is passed by. Both pictures have the class chosen on the left, the seed of Generate and the model's own settings." }));
    root.append(section);
    let shape = "";

    function swap() { put({ swap: to.value === "-" ? null : [Number(from.value), to.value] }); }
    function build({ layers, heads, order, classes, grids }) {
      table.style.setProperty("--columns", heads + 1);
      table.replaceChildren(...Array.from({ length: layers }, (_, n) => el("div", { class: "ts-switch-row", role: "group", "aria-label": `Layer ${n + 1}` },
        button("Layer", [n + 1], () => put({ layers: toggled(off().layers, n + 1) })),
        ...Array.from({ length: heads }, (_, h) => button("Head", [n + 1, h + 1], () => put({ heads: toggled(off().heads, [n + 1, h + 1], same([n + 1, h + 1])) }))))));
      for (const row of section.querySelectorAll(".ts-hiding")) row.hidden = order === "raster";
      hidden.replaceChildren(...grids.slice(0, -1).map((_, k) => { const one = el("button", { type: "button", class: "ts-button", text: String(k + 1), "aria-label": `Hide scale ${k + 1}`, onclick: () => put({ hidden: toggled(off().hidden, k + 1) }) }); one.scale = k + 1; return one; }));
      T.comparing.fillClasses(to, classes, [["-", "the same class"], [T.comparing.NO_CLASS, "no class"]], "-");
      from.replaceChildren(...grids.map((_, k) => el("option", { value: k + 1, text: `from scale ${k + 1} on` })));
      from.value = Math.min(3, grids.length);
    }
    function button(kind, place, act) {
      const node = el("button", { type: "button", class: "ts-switch", text: kind === "Layer" ? `Layer ${place[0]}` : String(place[1]), onclick: act });
      node.switches = { kind, place };
      return node;
    }
    T.subscribe(root, ["inside", "docs", "settings", "inside-switch"], () => {
      const { about, section: shown, drawn } = I.mine(), running = I.busy("switch");
      section.hidden = shown !== "switches" || !about || Boolean(about.problem);
      if (section.hidden) return;
      if (shape !== about.name) { shape = about.name; build(about); }
      for (const node of table.querySelectorAll(".ts-switch")) {
        const { kind, place } = node.switches, layer = off().layers.includes(place[0]), gone = kind === "Layer" ? layer : layer || off().heads.some(same(place));
        node.setAttribute("aria-pressed", String(gone));
        node.setAttribute("aria-label", `${kind === "Layer" ? `Layer ${place[0]}` : `Layer ${place[0]}, head ${place[1]}`}: ${gone ? "off" : "on"}`);
      }
      for (const node of hidden.children) node.setAttribute("aria-pressed", String(off().hidden.includes(node.scale)));
      go.textContent = running ? "Stop" : "Draw both";
      go.disabled = !running && (!any() || !I.whole());
      clear.disabled = !any();
      bar.hidden = !running;
      bar.value = running && drawn?.total ? drawn.done / drawn.total : 0;
      failed.hidden = !I.trouble("switch");
      failed.textContent = I.trouble("switch") || "";
      const done = drawn?.status === "done" ? drawn : null, fresh = done?.key === asks();
      pictures.hidden = open.hidden = !done;
      pictures.classList.toggle("ts-outdated", !fresh);
      said.textContent = !any() && !done ? "Everything is on. Switch off a head, a layer or a scale, or change the class on the way." : !done ? "" : !fresh ? "Out of date: other parts are off now, or another class, seed or picture is chosen. Draw again." : finding(done);
      if (done) pictures.replaceChildren(picture(done.before, "Unchanged"), picture(done.after, done.said));
    });
    const picture = (image, text) => el("figure", {}, el("span", { class: "ts-frame-picture", style: { "--ratio": I.doc()?.ratio || 1 } }, el("img", { src: image, alt: text })), el("figcaption", { text }));
    function finding({ said: what, changed, tokens, bits, bits_off: without }) {
      const cost = without === null ? "" : ` The tokens of the picture on the left cost ${T.number(bits, 2)} bits each with everything on, ${T.number(without, 2)} so.`;
      return `With ${what}: ${changed} of ${tokens} tokens came out differently.${cost}`;
    }
  });
})();
