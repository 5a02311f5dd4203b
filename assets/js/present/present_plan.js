// What the stage shows, moment by moment: plain values, without a document of the browser.
// A moment of a next-scale picture is a scale, one of a raster picture a token.
(() => {
  const T = window.Tokenscope;
  const cells = (scale) => scale.h * scale.w;
  const isRaster = (view) => view.order === "raster" && view.scales.length === 1;

  function moments(view) {
    const written = ({ ids }) => ids.map((id) => id !== null && id !== undefined && id >= 0);
    if (isRaster(view)) {
      const [scale] = view.scales, steps = Object.keys(view.frames || {}).map(Number).sort((a, b) => a - b);
      const count = written(scale).filter(Boolean).length;
      return Array.from({ length: count }, (_, n) => {
        const step = steps.filter((one) => one <= n + 1).at(-1);
        const image = n + 1 === cells(scale) && scale.image ? scale.image : step ? view.frames[step] : null;
        return { known: [n + 1], image, k: 0, unit: "token" };
      });
    }
    const there = view.scales.filter((scale) => written(scale).every(Boolean)).length;
    return view.scales.slice(0, there).map((scale, k) => ({
      known: view.scales.map((one, n) => (n <= k ? cells(one) : 0)), image: scale.image || null, k, unit: "scale",
    }));
  }

  // "Scale 3 of 6: 9 more tokens, 14 of 130."
  function words(view, all, at) {
    const total = view.scales.reduce((sum, scale) => sum + cells(scale), 0);
    const moment = all[at];
    if (!moment) return "Nothing is written yet.";
    const known = moment.known.reduce((sum, count) => sum + count, 0);
    if (moment.unit === "token") return `Token ${known} of ${total}, row ${Math.ceil(known / view.scales[0].w)} of ${view.scales[0].h}.`;
    const { h, w } = view.scales[moment.k], more = T.count(h * w, moment.k ? "more token" : "token");
    return `Scale ${moment.k + 1} of ${view.scales.length}: ${more}, ${known} of ${total}.`;
  }

  // how much slower than the model a run is shown; "" for a picture that was tokenized, whose maps came at once
  function pace(view, all, seconds) {
    const model = view.scales.reduce((sum, scale) => sum + (scale.seconds || 0), 0);
    if (!model || !all.length) return "";
    const times = (seconds * all.length) / model;
    const shown = times >= 10 ? Math.round(times).toLocaleString("en") : T.number(times, 1);
    return times >= 1.05 ? `shown ${shown} times slower than the model wrote it` : times > 0.95 ? "shown as fast as the model wrote it" : `shown ${T.number(1 / times, 1)} times faster than the model wrote it`;
  }

  T.presentPlan = { moments, words, pace, isRaster };
})();
