// Compare: the runs of a race or a completion are taken along like those of Generate, one model at a time. Option: of.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const NAMES = { "next-scale": "Next-scale", raster: "Raster" };

  // run documents as assets/js/generate/exports.js reads them; settings that a comparison does not set are the model's own
  const runs = {
    race() {
      const { view } = state.race || {};
      return (view?.lanes || []).map((lane) => ({
        order: lane.order, label: view.label, seed: view.seed, phrase: "raced", status: view.status, settings: { guidance: view.guidance[lane.order] },
        scales: lane.maps, times: lane.clock.map((at, n) => at - (lane.clock[n - 1] || 0)),
      }));
    },
    completion() {
      const { view, shown } = state.completion || {};
      const row = Math.min(shown || 0, (view?.seeds.length || 1) - 1);
      return (view?.models || []).filter((model) => model.ids[row]).map((model) => ({
        order: model.order, label: view.label, seed: view.seeds[row], phrase: "completed", title: `${view.title} completed ${model.order}`, blend: model.blends[row] || null, status: view.status, settings: {}, times: [],
        scales: model.scales.map((scale, k) => ({ ...scale, ids: model.ids[row][k] })),
        rows: view.seeds.map((seed, n) => ({ seed, ids: model.ids[n] })),
      }));
    },
  };

  T.define("compare-exports", (root, { of }) => {
    let order = "next-scale";
    const which = T.segment("Model whose run is saved", Object.entries(NAMES).map(([value, text]) => ({ value, text, tip: `The run of the ${text.toLowerCase()} model.` })), (value) => { order = value; draw(); });
    const doc = () => { const all = runs[of](); return all.find((one) => one.order === order) || all[0]; };
    const row = T.exportRow(doc);
    const content = el("div", {}, el("div", { class: "ts-head" }, el("h2", { text: "Take it along" }), which), row);
    root.append(content); // not the root itself is hidden: parts out of sight are not told of changes
    function draw() {
      const all = runs[of]();
      content.hidden = !all.length;
      which.hidden = all.length < 2;
      which.show(doc()?.order || order);
      row.show();
    }
    T.subscribe(root, [of, "saving", "ownPicture"], draw);
  });
})();
