// Header, and the sentence on top of each stage that says what is to be seen.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

  T.define("header", (root) => {
    const chip = T.modelChip(root);
    const keys = el("button", { type: "button", class: "ts-button ts-keys", text: "?", "aria-label": "Keys", "aria-haspopup": "dialog", "data-tip": "What can be done by keys. Key ?.", onclick: () => T.shortcuts.open() });
    const theme = el("button", { type: "button", class: "ts-button", onclick: T.theme });
    root.append(el("header", { class: "ts-header" }, el("h1", { text: "Tokenscope" }),
      el("p", { text: "Pictures as tokens: look at them, change them, write new ones." }), chip, el("span", { class: "ts-row" }, T.presentButton(), T.copyButton(root), theme, keys)));
    try { const kept = localStorage.getItem("tokenscope-theme"); if (kept) document.body.classList.toggle("dark", kept === "dark"); } catch { /* private window */ }
    T.watchTheme();
    T.subscribe(root, ["model", "theme"], () => {
      theme.textContent = document.body.classList.contains("dark") ? "Light" : "Dark";
      theme.setAttribute("aria-label", `Switch to ${theme.textContent.toLowerCase()} colours`);
      if (!state.model) return;
      const { name, generator, codes, grids, device } = state.model;
      chip.show(generator ? `${generator} + ${name}` : name, [T.count(codes, "code"), T.count(grids.length, "scale"), device]);
    });
  });

  // busy and problem lines live above the columns of every tab
  T.define("notice", (root) => {
    const text = el("span");
    const line = el("div", { class: "ts-notice", role: "alert", hidden: true }, text, el("button", { type: "button", class: "ts-button ts-plain", text: "Dismiss", onclick: () => T.set({ problem: null }) }));
    const quiet = el("div", { class: "ts-notice ts-remark", role: "status", hidden: true });
    root.append(line, quiet);
    T.subscribe(root, ["problem", "remark"], () => {
      line.hidden = !state.problem;
      text.textContent = state.problem || "";
      quiet.hidden = !state.remark;
      const { text: said, action } = state.remark || {};
      quiet.replaceChildren(el("span", { text: said || "" }), el("span", { class: "ts-row" },
        action ? el("button", { type: "button", class: "ts-button", text: action.text, onclick: action.run }) : null,
        el("button", { type: "button", class: "ts-button ts-plain", text: "Dismiss", onclick: () => T.set({ remark: null }) })));
    });
  });
  T.problem = (sentence) => T.set({ problem: sentence });

  T.define("finding", (root, { about }) => {
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    root.append(title, sub);
    T.subscribe(root, ["docs", "busy", "model"], () => {
      const [head, ...rest] = about === "inspect" ? inspect() : edit();
      title.textContent = head;
      sub.replaceChildren(...rest);
    });
  });

  function inspect() {
    const view = state.docs.session;
    if (!view) return ["Open a picture to see its tokens.", ""];
    const tokens = view.scales.reduce((sum, scale) => sum + scale.h * scale.w, 0);
    const end = view.scales.at(-1);
    const result = end.psnr === null || end.psnr === undefined ? "" : `: ${T.number(end.psnr)} dB PSNR`;
    return [
      state.busy ? `${state.busy} …` : `${T.count(tokens, "token")} in ${T.count(view.scales.length, "map")} describe this picture${result}.`,
      "Each square is one ", T.term("token", "The number of a code: one row of the model's codebook."), ". Every ", T.term("scale", "One map of tokens. Each scale adds what the coarser ones have left unexplained, so the picture is their sum."),
      " covers the whole picture. Point at a square to see the part it covers.",
    ];
  }

  function edit() {
    const view = state.docs.session;
    if (!view) return ["Open a picture in Inspect, then change its tokens here.", ""];
    const changed = view.scales.reduce((sum, scale) => sum + (scale.changed || []).filter(Boolean).length, 0);
    const moved = changed && view.difference ? `; pixels moved by ${T.number(view.difference.mean, 3)} on average` : "";
    return [
      state.busy ? `${state.busy} …` : changed ? `${T.count(changed, "token")} changed${moved}.` : "Change a token and see what it does to the picture.",
      "Choose squares by click or drag, then a code from the card. Coarse scales carry layout and colour, fine scales texture. Pixel values run from 0 to 1.",
    ];
  }
})();
