// What each scale explains and costs, as four small charts of one shape; and the codes each scale uses, as tables.
(() => {
  const T = window.Tokenscope;
  const { el } = T;
  const M = T.measures;
  const short = (n) => (n < 10000 ? Math.round(n).toLocaleString("en") : `${T.number(n / 1000, 0)}k`);
  const percent = (share) => T.number(100 * share, share < 0.0995 ? 1 : 0);

  // one bar per scale from zero; its number stands on it
  function chart({ name, about, unit, values, top, label, say, note }) {
    const bars = values.map((value, k) => el("button", {
      type: "button", class: "ts-scale-bar", "aria-label": `${name}, scale ${k + 1}: ${say(value)}`, "data-tip": `Scale ${k + 1}: ${say(value)}`,
      style: { "--v": value === null ? 1 : Math.max(0, Math.min(1, value / top)) }, onclick: () => M.choose(k),
    }, el("span", { class: "ts-num", text: label(value) }), el("i"), el("small", { class: "ts-num", text: k + 1 })));
    const row = el("div", { class: `ts-scale-bars${values.length > 10 ? " ts-crowded" : ""}`, style: { "--count": values.length } }, bars);
    M.scaleButtons(row, () => bars);
    const node = el("figure", { class: "ts-measure", role: "group", "aria-label": `${name} by scale` },
      el("figcaption", {}, T.term(name, about), el("span", { class: "ts-caption", text: unit })), row, el("p", { class: "ts-caption" }, note));
    return { node, bars };
  }

  T.define("measures-scales", (root) => {
    const sub = el("p", { class: "ts-sub" });
    const body = el("div", { class: "ts-measure-charts" });
    const line = M.problemLine();
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", { text: "What does each scale explain, and what does it cost?" })), line, sub, body);
    root.append(section);
    let charts = [];

    function build() {
      const found = M.view();
      const { scales, bits } = found;
      const values = (key) => scales.map((scale) => scale[key]);
      const left = values("left");
      const against = M.target();
      charts = [
        left[0] === null ? null : chart({
          name: "Left unexplained", about: found.against === "input" ? "Share of the energy (mean square) of the picture's features that is still missing after this scale. Features are what the encoder makes of the picture and the tokens have to describe." : "Share of the energy (mean square) of the finished features that is still missing after this scale.",
          unit: "% of the feature's energy", values: left, top: Math.max(1, ...left), label: percent, say: (v) => `${T.number(100 * v)} % left unexplained`,
          note: found.edited && found.against === "input" ? "Of the tokens as edited. Lower is closer." : "Lower is closer.",
        }),
        found.against === "nothing" ? null : chart({
          name: "PSNR", about: "Peak signal-to-noise ratio: −10 log10 of the mean squared error of the pixels. 10 dB more is a tenth of the squared error.",
          unit: "dB", values: values("psnr"), top: Math.max(20, ...values("psnr").filter((v) => v !== null)), label: (v) => (v === null ? "equal" : T.number(v)), say: (v) => (v === null ? `equal to ${against}` : `${T.number(v, 2)} dB PSNR`),
          note: `Higher is closer to ${against}.`,
        }),
        scales[0].ssim === null ? null : chart({
          name: "SSIM", about: "Structural similarity: compares brightness, contrast and pattern in windows of 11 × 11 pixels. 1 is equal, 0 is unrelated.",
          unit: "0 to 1", values: values("ssim"), top: 1, label: (v) => T.number(v, 2), say: (v) => `${T.number(v, 3)} SSIM`,
          note: `1 is equal to ${against}.`,
        }),
        chart({
          name: "Bits", about: `Tokens of the scale times ${T.number(bits.token, bits.token % 1 ? 2 : 0)} bits: the binary logarithm of the number of codes. A plain count, without any entropy coding.`,
          unit: `tokens × ${T.number(bits.token, bits.token % 1 ? 2 : 0)} bits`, values: values("bits"), top: Math.max(...values("bits")), label: short, say: (v) => T.count(Math.round(v), "bit"),
          note: `Together ${T.count(Math.round(bits.total), "bit")}, ${T.number(bits.pixel, 2)} per pixel. The same pixels as ${bits.rgb}-bit RGB take ${T.number(bits.smaller, bits.smaller < 10 ? 1 : 0)} times as many.`,
        }),
      ].filter(Boolean);
      body.replaceChildren(...charts.map((one) => one.node));
      sub.textContent = finding(found);
    }

    function finding({ start, scales, against }) {
      if (start === null) return "";
      const steps = scales.map((scale, k) => (k ? scales[k - 1].left : start) - scale.left);
      const best = steps.indexOf(Math.max(...steps));
      const before = best ? scales[best - 1].left : start;
      const end = against === "input" && best < scales.length - 1 ? ` After the last scale ${percent(scales.at(-1).left)} % are left.` : "";
      return `Scale ${best + 1} explains the most: the unexplained energy falls from ${percent(before)} to ${percent(scales[best].left)} %.${end}`;
    }

    let drawn = null;
    T.subscribe(root, ["measures", "docs", "upto"], () => {
      if (!M.standing(section, line)) return;
      if (drawn !== M.view()) { drawn = M.view(); build(); }
      for (const { bars } of charts) M.markShown(bars);
    });
  });

  T.define("measures-codes", (root) => {
    const sub = el("p", { class: "ts-sub" });
    const body = el("div", { class: "ts-usage-tables" });
    const line = M.problemLine();
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", { text: "Which codes are used?" })), line, sub, body);
    root.append(section);
    let rows = [];
    const all = (many) => (many === 2 ? "both" : `all ${many}`);

    function table(title, counts, picks) {
      const row = (name, found, k) => {
        const share = found.tokens ? found.distinct / found.tokens : 0;
        const head = k === null ? el("th", { scope: "row", text: name })
          : el("th", { scope: "row" }, el("button", { type: "button", class: "ts-scale-link", text: name, onclick: () => M.choose(k) }));
        const node = el("tr", {}, head, el("td", { text: found.tokens.toLocaleString("en") }),
          el("td", { class: "ts-filled", style: { "--v": `${100 * share}%` }, "data-tip": `${T.count(found.distinct, "code")} in ${T.count(found.tokens, "token")}`, text: found.distinct.toLocaleString("en") }),
          el("td", { text: T.number(found.perplexity, 1) }));
        if (k !== null) picks.push(node);
        return node;
      };
      const heads = [el("th", { scope: "col", text: "Scale" }), el("th", { scope: "col", text: "Tokens" }),
        el("th", { scope: "col" }, T.term("Distinct", "Codes that occur at least once among these tokens. There cannot be more than tokens; the bar shows the share.")),
        el("th", { scope: "col" }, T.term("Perplexity", "The number of codes that, used equally often, would be as varied as these: 2 to the power of the entropy of their frequencies. At most the number of distinct codes."))];
      return el("figure", {}, el("figcaption", {}, el("b", { text: title })),
        el("table", { class: "ts-table" }, el("thead", {}, el("tr", {}, heads)),
          el("tbody", {}, counts.scales.map((found, k) => row(String(k + 1), found, k)), counts.scales.length > 1 ? row("all", counts.total, null) : null)));
    }

    function build() {
      const { usage, edited } = M.view();
      const { total } = usage.picture;
      const many = usage.pictures;
      sub.textContent = `${T.count(total.distinct, "different code")} of ${usage.codes.toLocaleString("en")} occur in the ${T.count(total.tokens, "token")} of this picture${many > 1 ? `, ${usage.session.total.distinct.toLocaleString("en")} in the ${usage.session.total.tokens.toLocaleString("en")} tokens of ${all(many)} pictures of this session` : ""}.`;
      rows = [[], []];
      body.replaceChildren(
        table(edited ? "This picture, as edited" : "This picture", usage.picture, rows[0]),
        many > 1 ? table(`${many === 2 ? "Both" : `All ${many}`} pictures of this session, unedited`, usage.session, rows[1])
          : el("p", { class: "ts-caption", text: "So far this session has one picture. Open another one, and a second table counts over all of them: pictures in the history, each once, before any edit." }));
    }

    let drawn = null;
    T.subscribe(root, ["measures", "docs", "upto"], () => {
      if (!M.standing(section, line)) return;
      if (drawn !== M.view()) { drawn = M.view(); build(); }
      for (const list of rows) list.forEach((row, k) => row.classList.toggle("ts-here", k === M.shown()));
    });
  });
})();
