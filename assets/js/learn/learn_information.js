// Learn: for every scale what it costs (bits, to the left) and what it explains (energy, to the right), with the bits
// that the generator would need once it was asked. The numbers are those of Inspect: T.measures and state.surprise.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const { number, count } = T;
  const LIKELIEST = "likeliest";
  const RANKED = 64; // more classes than this take too long to be ranked here
  const scales = () => state.docs.session?.scales || [];
  const percent = (share) => T.learn.percent(share);
  const asking = () => ["waiting", "running"].includes(state.surprise.status);
  const fresh = () => state.surprise.key !== null && state.surprise.key === T.measures.keyNow();

  T.define("learn-information", (root) => {
    const finding = el("h3");
    const choice = el("select", { class: "ts-field ts-select", id: "ts-information-class" });
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (asking() ? T.surprise.stop() : T.surprise.ask(choice.value, choice.value === LIKELIEST)) });
    const ask = el("div", { class: "ts-row" }, el("label", { for: "ts-information-class", text: "Tell the generator the class" }), choice, go);
    const status = el("p", { class: "ts-caption", role: "status" });
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const rows = el("div", { class: "ts-ledger", role: "table", "aria-label": "Cost and use of every scale" });
    const key = el("ul", { class: "ts-reading-key" }, [["ts-stored", "bits to store the tokens"], ["ts-needed", "bits the generator needs (its surprise)"], ["ts-explained", "share of the picture's features explained"]].map(([name, text]) => el("li", {}, el("i", { class: name }), text)));
    const edited = el("div", { class: "ts-outcome" }, el("p", { text: "Tokens of this picture are changed; what the scales explain is about its own tokens." }), el("button", { type: "button", class: "ts-button", text: "Put them back", onclick: () => T.link.act("reset", {}) }));
    root.append(el("div", { class: "ts-head" }, finding), key, rows, ask, status, failed, edited);
    let options = "";

    T.subscribe(root, ["docs", "measures", "surprise", "model", "learn"], () => {
      const names = state.model?.classes?.map(({ name }) => name) || [];
      if (names.join() !== options) {
        options = names.join();
        choice.replaceChildren(...(names.length <= RANKED ? [el("option", { value: LIKELIEST, text: "likeliest of all" })] : []), ...names.map((name) => el("option", { value: name, text: name.replaceAll("_", " ") })), el("option", { value: "", text: "no class" }));
      }
      const { status: state_, shown, uniform, done, total, problem, unavailable } = state.surprise;
      go.textContent = asking() ? "Stop" : "Ask the generator";
      go.classList.toggle("ts-main", !asking());
      choice.disabled = asking();
      ask.hidden = Boolean(unavailable);
      failed.hidden = !problem && !unavailable;
      failed.textContent = problem || unavailable || "";
      edited.hidden = !state.docs.session?.edit?.changed;
      const K = scales().length;
      const asked = shown && fresh() && shown.bits.length === K ? shown : null;
      const told = asked ? (asked.label ? `told “${asked.label.replaceAll("_", " ")}”` : "told no class") : "";
      status.textContent = state_ === "waiting" ? "Waiting for the generator …" : state_ === "running" ? `Scored ${done} of ${total} classes …`
        : asked ? `${T.count(Math.round(asked.total), "bit")} instead of ${count(Math.round(asked.bits.flat().length * uniform), "bit")} when ${told}. Where it needs more than is stored, it had expected something else.` : shown ? "Out of date: the tokens have changed since. Ask again." : "";
      draw(asked, uniform);
    });

    function draw(asked, uniform) {
      const K = scales().length;
      const tokens = scales().map((scale) => scale.h * scale.w);
      const bits = tokens.map((many) => many * uniform);
      const all = bits.reduce((a, b) => a + b, 0);
      const left = scales().map((_, k) => T.learn.left(k));
      const gained = left.map((rest, k) => (rest === null ? null : (k ? left[k - 1] : 1) - rest));
      const needed = asked ? asked.bits.map((list) => list.reduce((a, b) => a + b, 0)) : null;
      const most = Math.max(...bits, 1e-9, ...(needed || []));
      const top = Math.max(...gained.map((one) => one ?? 0), 1e-9);
      const share = (one) => (one < 0 ? `−${percent(-one)}` : percent(one));
      const each = (k) => gained[k] / tokens[k];
      const cell = (role, name, ...children) => el("div", { role, class: name }, ...children);
      rows.replaceChildren(
        cell("row", "ts-ledger-row ts-ledger-head", cell("columnheader", "", "Scale"), cell("columnheader", "ts-right-text", "Cost in bits"), cell("columnheader", "", "Features explained"), cell("columnheader", "", "per token"), cell("columnheader", "", T.term("PSNR", "Peak signal-to-noise ratio: −10 log10 of the mean squared error of the pixels, in dB. Higher is closer."))),
        ...scales().map((scale, k) => cell("row", "ts-ledger-row",
          cell("rowheader", "", el("b", { text: k + 1 }), el("span", { class: "ts-num ts-muted", text: ` ${scale.w}×${scale.h}` })),
          cell("cell", "ts-cost", el("span", { class: "ts-num" }, needed ? `${Math.round(needed[k]).toLocaleString("en")} of ` : "", Math.round(bits[k]).toLocaleString("en")), el("span", { class: "ts-bar-track" }, el("i", { class: "ts-stored", style: { "--v": `${(100 * bits[k]) / most}%` } }), needed ? el("i", { class: "ts-needed", style: { "--v": `${(100 * needed[k]) / most}%` } }) : null)),
          cell("cell", "ts-gain", el("span", { class: "ts-bar-track" }, el("i", { class: "ts-explained", style: { "--v": `${gained[k] === null ? 0 : (100 * Math.max(0, gained[k])) / top}%` } })), el("span", { class: "ts-num", text: gained[k] === null ? "not known" : share(gained[k]) })),
          cell("cell", "ts-num", gained[k] === null ? "" : share(each(k))),
          cell("cell", "ts-num", scale.psnr === null || scale.psnr === undefined ? "" : `${number(scale.psnr)} dB`))));
      finding.textContent = !K ? "Open a picture to see where its information goes." : gained[0] === null ? `Scale ${K} takes ${percent(bits[K - 1] / all)} of the bits.`
        : `One token of scale 1 explains ${share(each(0))} of the features, one of scale ${K} explains ${share(each(K - 1))} on average. Scale ${K} takes ${percent(bits[K - 1] / all)} of the bits.`;
    }
  });
})();
