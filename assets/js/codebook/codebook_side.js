// Beside the map: what the codes are counted over, with the numbers that follow; the codes chosen together; and where
// the selected code occurs in the picture.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const SHOWN = 24;

  T.define("codebook-numbers", (root) => {
    const source = T.segment("Count over", [
      { value: "shipped", text: "Held-out photos", tip: "Photos that the model was not trained on, counted when it was shipped." },
      { value: "picture", text: "This picture", tip: "The picture that is open in Inspect and Edit, as edited." },
      { value: "zip", text: "Your zip", tip: "Pictures of your own, in one zip file." },
    ], (value) => T.codebook.put({ source: value, chosen: null }));
    const input = el("input", { type: "file", accept: ".zip,application/zip", class: "ts-hidden", tabindex: "-1", "aria-label": "Zip of pictures", onchange: () => { if (input.files[0]) T.codebook.countZip(input.files[0]); input.value = ""; } });
    const zip = el("div", { class: "ts-zip" });
    const body = el("div");
    root.append(el("section", { class: "ts-sources" }, el("div", { class: "ts-head" }, el("h3", { text: "Counted over" })), source, zip, input, body));
    zip.addEventListener("dragover", (event) => event.preventDefault());

    function zipState() {
      const { zip: job, ready } = state.codebook;
      const choose = (text, main) => el("button", { type: "button", class: `ts-button${main ? " ts-main" : ""}`, text, onclick: () => input.click() });
      const limit = `At most ${ready?.zipMb || 256} MB, 16 megapixels a picture. The server that runs this page counts it, then removes it.`;
      if (!job) return [el("p", { text: "Count which codes your own pictures use. Drop a zip anywhere on the page." }), choose("Choose a zip", true), el("p", { class: "ts-caption", text: limit })];
      const name = el("b", { text: job.name });
      if (job.status === "uploading" || job.status === "running") {
        const share = job.total ? job.done / job.total : 0;
        const what = job.status === "uploading" ? "Uploading " : job.total ? `Picture ${job.done.toLocaleString("en")} of ${job.total.toLocaleString("en")} of ` : "Reading ";
        return [el("p", { role: "status" }, what, name),
          el("div", { class: `ts-progress${job.total ? "" : " ts-unsure"}`, role: "progressbar", "aria-label": "Pictures counted", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * share) }, el("i", { style: { "--v": `${100 * share}%` } })),
          el("button", { type: "button", class: "ts-button", text: "Cancel", onclick: T.codebook.stopZip })];
      }
      if (job.status === "failed") return [el("p", { class: "ts-failed", role: "alert", text: job.problem }), choose("Choose another zip", false)];
      if (job.status === "stopped") return [el("p", {}, "Counting ", name, " was cancelled; nothing was kept."), choose("Choose a zip", false)];
      const skipped = job.skipped ? el("details", {}, el("summary", { text: `${T.count(job.skipped, "file")} could not be read` }), el("ul", {}, job.skipped_shown.map((line) => el("li", { text: line })), job.skipped > job.skipped_shown.length ? el("li", { text: `and ${job.skipped - job.skipped_shown.length} more` }) : null)) : null;
      return [skipped, choose("Choose another zip", false)];
    }

    function numbers() {
      const { ready, source: from } = state.codebook;
      const usage = T.codebook.current();
      if (!usage) {
        if (from === "zip") return [];
        return [el("p", { class: "ts-empty-state", text: from === "shipped" ? "No counts over held-out photos come with this model." : "Open a picture in Inspect to count its tokens." })];
      }
      const all = usage.total;
      const fact = (label, meaning, value) => [el("dt", {}, meaning ? T.term(label, meaning) : label), el("dd", { text: value })];
      const facts = el("dl", { class: "ts-facts" }, ...[
        fact("Tokens counted", "", all.tokens.toLocaleString("en")),
        fact("Codes used", `Distinct codes that occur at least once among these tokens. ${all.ceiling < ready.codes ? `${T.count(all.tokens, "token")} cannot touch more than ${all.ceiling.toLocaleString("en")} codes.` : ""}`, `${all.distinct.toLocaleString("en")} of ${ready.codes.toLocaleString("en")}`),
        fact("Dead codes", "Codes that do not occur among these tokens; other pictures may use them.", all.dead.toLocaleString("en")),
        fact("Perplexity", "The size of a codebook that is used evenly and is as varied as this one: e to the power of the entropy of the code frequencies.", Math.round(all.perplexity).toLocaleString("en")),
      ].flat());
      const head = ["Scale", "Tokens", "Codes", "Dead", "Perpl."].map((text) => el("th", { scope: "col", text }));
      const table = usage.scales.length > 1 ? el("table", { class: "ts-table" }, el("caption", { class: "ts-hidden", text: "The same numbers for each scale alone" }), el("thead", {}, el("tr", {}, head)),
        el("tbody", {}, usage.scales.map((one, k) => el("tr", {}, el("th", { scope: "row", text: k + 1 }), [one.tokens, one.distinct, one.dead, Math.round(one.perplexity)].map((value, n) => el("td", { text: value.toLocaleString("en"), style: n === 1 ? { "--v": `${(100 * one.distinct) / ready.codes}%` } : {}, class: n === 1 ? "ts-filled" : "" })))))) : null;
      const note = all.tokens < ready.codes ? `${T.count(all.tokens, "token")} cannot touch more than ${all.ceiling.toLocaleString("en")} codes: “dead” says little here.` : `Over ${usage.of}. “Dead” means: not among these tokens.`;
      return [facts, table, el("p", { class: "ts-caption", text: note })];
    }

    T.subscribe(root, ["codebook"], () => {
      const { ready, source: from, usage } = state.codebook;
      source.show(from);
      const shipped = source.querySelector('[data-value="shipped"]');
      shipped.disabled = Boolean(ready && !usage.shipped);
      zip.hidden = from !== "zip";
      const focused = zip.contains(document.activeElement);
      if (from === "zip") zip.replaceChildren(...zipState().filter(Boolean));
      if (focused && !zip.contains(document.activeElement)) zip.querySelector("button")?.focus();
      body.replaceChildren(...(ready ? numbers().filter(Boolean) : []));
    });
  });

  T.define("codebook-chosen", (root) => {
    const title = el("h3", { text: "Chosen codes" });
    const clear = el("button", { type: "button", class: "ts-button ts-plain", text: "Clear", onclick: () => T.codebook.choose(null) });
    const body = el("div");
    root.append(el("section", {}, el("div", { class: "ts-head" }, title, clear), body));
    let drawn;
    T.subscribe(root, ["codebook"], () => {
      const { chosen, ready } = state.codebook;
      const usage = ready && T.codebook.current();
      clear.hidden = !chosen;
      if (drawn && drawn[0] === chosen && drawn[1] === usage && drawn[2] === ready?.sheet) return;
      drawn = [chosen, usage, ready?.sheet];
      if (!chosen) {
        body.replaceChildren(el("p", { class: "ts-caption", text: "None yet. Draw around points with Lasso or Box, or click a bar or a cell of the charts." }));
        return;
      }
      const uses = usage ? T.codebook.totals(usage) : null;
      const codes = uses ? [...chosen.codes].sort((a, b) => uses[b] - uses[a] || a - b) : chosen.codes;
      const sum = uses ? codes.reduce((total, v) => total + uses[v], 0) : 0;
      const share = usage?.total.tokens ? `, ${T.number((100 * sum) / usage.total.tokens)} % of the tokens` : "";
      body.replaceChildren(
        el("p", { class: "ts-caption", role: "status" }, el("b", { text: T.count(codes.length, "code") }), ` ${chosen.why}${share}. The others are faded.`),
        el("div", { class: "ts-chosen" }, codes.slice(0, SHOWN).map((v) => el("button", {
          type: "button", "aria-label": `Select code ${v}${uses ? `, used ${T.count(uses[v], "time")}` : ""}`, onclick: () => T.codebook.select(v),
          onpointerenter: () => T.codebook.put({ near: v }), onpointerleave: () => T.codebook.put({ near: null }),
        }, el("i", { style: T.codebook.tile(v, 40) }), el("span", { class: "ts-num", text: v }), uses ? el("span", { class: "ts-num ts-muted", text: `×${uses[v].toLocaleString("en")}` }) : null))),
        codes.length > SHOWN ? el("p", { class: "ts-caption", text: `and ${T.count(codes.length - SHOWN, "code")} more, less used.` }) : "");
    });
  });

  // "select all of this code": all its tokens of one scale, in Inspect
  T.define("codebook-occurrences", (root) => {
    const body = el("section", { class: "ts-occurrences" });
    root.append(body);
    T.subscribe(root, ["selection", "docs", "codebook"], (keys) => {
      if (!keys.has("selection") && !keys.has("docs")) return;
      const code = T.codebook.selected();
      const view = state.docs.session;
      if (code === null || !view) return body.replaceChildren();
      const found = view.scales.map((scale, k) => ({ k, w: scale.w, cells: scale.ids.flatMap((id, n) => (id === code ? [n] : [])) })).filter((one) => one.cells.length);
      const total = found.reduce((sum, one) => sum + one.cells.length, 0);
      body.replaceChildren(el("div", { class: "ts-head" }, el("h3", { text: "Select all of this code" })),
        el("p", { class: "ts-caption", text: total ? `${T.count(total, "token")} of ${view.title}; opens Inspect.` : `Code ${code} does not occur in ${view.title}.` }),
        el("div", { class: "ts-row" }, found.map(({ k, w, cells }) => el("button", {
          type: "button", class: "ts-button", text: `Scale ${k + 1}: ${cells.length}`, "aria-label": `Select ${T.count(cells.length, "token")} at scale ${k + 1} in Inspect`,
          onclick: () => { T.select({ k, i: Math.floor(cells[0] / w), j: cells[0] % w, cells }); T.openTab("Inspect"); },
        }))));
    });
  });
})();
