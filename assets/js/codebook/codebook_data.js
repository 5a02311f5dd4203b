// What the Codebook tab knows: the codebook itself, its planes, and its usage over three sources. It lives in the
// store under "codebook"; parts ask T.codebook for arrays, colours and legends. Numbers come from Python, as arrays.
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const POLL = 1500;
  const ARRAYS = { f4: Float32Array, u4: Uint32Array, u1: Uint8Array };
  const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]];
  const UNUSED = { light: [150, 153, 158], dark: [96, 99, 105] };
  let server = null;
  let asking = false;
  let job = null; // of the zip that is counted for this page; the server hears of no other
  let count = () => {};
  let upload = async () => null;
  let asked = ""; // the picture whose usage was asked for last

  state.codebook = {
    ready: null, // {codes, scales, colours, norm, planes: {pca, umap}, means, sheet} once it has come
    problem: null,
    waiting: { umap: null, sheet: null }, // {seconds} or {problem}; {done}
    plane: "pca",
    colour: "code",
    source: "shipped",
    usage: { shipped: null, picture: null, zip: null },
    chosen: null, // {codes, why}: codes that were chosen together
    near: null, // a code that a list points at
    zip: null, // {name, status: "uploading" | "running" | "done" | "failed" | "stopped", done, total, problem, …}
  };
  const put = (patch) => T.set({ codebook: { ...state.codebook, ...patch } });

  function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
    return new ARRAYS[packed.type](bytes.buffer);
  }
  const usageOf = (view) => view && { ...view, counts: unpack(view.counts), preference: unpack(view.preference) };
  // places centred on 0 and at most 1 away from it, so that planes can be exchanged
  function planeOf(view) {
    const at = unpack(view.at);
    const middle = [0, 1].map((axis) => { const values = at.filter((_, n) => n % 2 === axis).sort(); return (values[0] + values.at(-1)) / 2; });
    const reach = at.reduce((most, value, n) => Math.max(most, Math.abs(value - middle[n % 2])), 1e-9);
    return { at: at.map((value, n) => (value - middle[n % 2]) / reach), caption: view.caption };
  }

  // Everything that stays while the model stays. Asked for when the tab is first opened.
  async function load() {
    if (asking || state.codebook.ready) return;
    asking = true;
    put({ problem: null });
    const view = await server?.codebook(0).catch(() => null);
    asking = false;
    if (!view) return put({ problem: "The codebook could not be loaded; the server may be busy." });
    const shipped = usageOf(view.shipped);
    put({
      ready: {
        codes: view.codes, dimensions: view.dimensions, scales: view.scales, zipMb: view.zip_mb,
        colours: unpack(view.colours), norm: unpack(view.norm), planes: { pca: planeOf(view.pca), umap: null }, means: null, sheet: null,
      },
      usage: { ...state.codebook.usage, shipped },
      source: shipped || state.codebook.source !== "shipped" ? state.codebook.source : "picture", // a link may have chosen
    });
    askPicture();
    poll();
  }

  // UMAP and the sheet of swatches are computed beside the page; they are picked up when ready
  async function poll() {
    const { ready } = state.codebook;
    const have = { umap: Boolean(ready.planes.umap) || Boolean(state.codebook.waiting.umap?.problem), sheet: Boolean(ready.sheet) || Boolean(state.codebook.waiting.sheet?.problem) };
    if (have.umap && have.sheet) return;
    const news = await server.codebook_news(have).catch(() => null);
    if (news) {
      const waiting = { ...state.codebook.waiting };
      const next = { ...state.codebook.ready };
      if (news.umap?.at) { next.planes = { ...next.planes, umap: planeOf(news.umap) }; waiting.umap = null; } else if (news.umap) waiting.umap = news.umap;
      if (news.sheet?.image) {
        next.means = unpack(news.sheet.means);
        next.sheet = { ...news.sheet, pixels: await pixelsOf(news.sheet.image) };
        waiting.sheet = null;
      } else if (news.sheet) waiting.sheet = news.sheet;
      put({ ready: next, waiting });
    }
    setTimeout(poll, POLL);
  }
  async function pixelsOf(uri) {
    const image = new Image();
    image.src = uri;
    await image.decode();
    const canvas = T.el("canvas", { width: image.width, height: image.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return { width: image.width, data: new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer) };
  }

  // usage of the picture in Inspect, whenever its tokens change
  async function askPicture() {
    const scales = state.docs.session?.scales;
    if (!scales || !state.codebook.ready) return;
    const maps = scales.map((scale) => scale.ids);
    const key = JSON.stringify(maps);
    if (key === asked) return;
    asked = key;
    const view = await server.picture_usage(maps).catch(() => null);
    if (key === asked) put({ usage: { ...state.codebook.usage, picture: usageOf(view) } });
  }

  // a zip of pictures: upload, count with progress, stop
  async function countZip(file) {
    const limit = state.codebook.ready?.zipMb || 256;
    const name = file.name.slice(0, 120);
    const fail = (problem) => put({ source: "zip", zip: { name, status: "failed", problem } });
    if (file.size > limit * 1024 * 1024) return fail(`“${name}” has ${(file.size / 1024 / 1024).toFixed(0)} MB; at most ${limit} MB can be uploaded. Make a smaller selection of pictures.`);
    const mine = (job = `${Date.now()}-${Math.random()}`);
    put({ source: "zip", usage: { ...state.codebook.usage, zip: null }, zip: { name, status: "uploading", job: mine } });
    const sent = await upload(file).catch(() => null);
    if (mine !== job) return; // cancelled meanwhile
    if (!sent?.path) return fail(`“${name}” could not be uploaded. Check that it has at most ${limit} MB and try again.`);
    put({ zip: { name, status: "running", job: mine, done: 0, total: 0 } });
    count({ path: sent.path, name, job: mine });
  }
  function stopZip() {
    server.cancel_count(job).catch(() => null);
    job = null;
    put({ zip: { ...state.codebook.zip, status: "stopped" } });
  }
  function receive(view) {
    if (!view || view.job !== job) return; // of a count that was stopped or replaced
    const { usage, ...rest } = view;
    put({ zip: rest, ...(usage ? { usage: { ...state.codebook.usage, zip: usageOf(usage) } } : {}) });
  }

  T.connectCodebook = (wire) => {
    ({ server, upload, count } = wire);
    receive(wire.props.value);
    wire.watch("value", () => receive(wire.props.value));
    T.subscribe(document.body, ["docs"], askPicture);
    if (wanted) load();
  };
  let wanted = false;
  const open = () => { wanted = true; if (server) load(); };

  // Colours of all codes, as bytes, with what the legend says. mode: "code" | "use" | "norm" | "scale" | "mean".
  // dark purple is lost on black, light yellow on white: each theme leaves out its own end, except in filled maps
  function ramp(share, [low, high] = dark() ? [0.2, 1] : [0, 0.9]) {
    const at = (low + Math.min(1, Math.max(0, share)) * (high - low)) * (VIRIDIS.length - 1);
    const n = Math.min(VIRIDIS.length - 2, Math.floor(at));
    return VIRIDIS[n].map((value, c) => Math.round(value + (at - n) * (VIRIDIS[n + 1][c] - value)));
  }
  const dark = () => document.body.classList.contains("dark");
  const css = (colour) => `rgb(${colour.join(" ")})`;
  const gradient = () => `linear-gradient(90deg, ${Array.from({ length: 9 }, (_, n) => css(ramp(n / 8))).join(", ")})`;
  const current = () => state.codebook.usage[state.codebook.source];

  function totals(usage) {
    if (usage.totals) return usage.totals;
    const { codes, scales } = state.codebook.ready;
    const sum = new Uint32Array(codes);
    for (let k = 0; k < scales; k++) for (let v = 0; v < codes; v++) sum[v] += usage.counts[k * codes + v];
    return (usage.totals = sum);
  }

  function colouring(mode) {
    const { ready } = state.codebook;
    const usage = current();
    const bytes = new Uint8Array(ready.codes * 3);
    const unused = new Uint8Array(ready.codes); // 1: drawn as an empty ring
    const paint = (v, colour) => bytes.set(colour, v * 3);
    if (mode === "code" || (mode === "mean" && !ready.means)) {
      bytes.set(ready.colours);
      const waiting = mode === "mean";
      return { bytes, unused, waiting, legend: { text: waiting ? "" : "Similar codes have similar colours: the three main directions of the codebook, the colours of Kind in Inspect." } };
    }
    if (mode === "mean") {
      bytes.set(ready.means);
      return { bytes, unused, sheet: ready.sheet, legend: { text: "The mean colour of what each code decodes to when nothing else is there. Zoom in to see it whole." } };
    }
    if (mode === "norm") {
      const sorted = [...ready.norm].sort((a, b) => a - b);
      const [low, high] = [sorted[Math.floor(sorted.length * 0.01)], sorted[Math.ceil(sorted.length * 0.99) - 1]];
      for (let v = 0; v < ready.codes; v++) paint(v, ramp((ready.norm[v] - low) / Math.max(1e-9, high - low)));
      const flat = sorted.at(-1) - sorted[0] < 1e-3;
      return { bytes, unused, legend: flat ? { text: `All codes have the same length, ${T.number(sorted[0], 2)}.` } : { gradient: gradient(), low: `${T.number(low, 2)}`, high: `${T.number(high, 2)}`, text: "Length of the code's vector, without the outermost 1 % on either side" } };
    }
    if (!usage) return { bytes: bytes.fill(128), unused, legend: { text: "No counts yet: choose what to count over." } };
    const none = UNUSED[dark() ? "dark" : "light"];
    if (mode === "use") {
      const sum = totals(usage);
      const top = Math.log2(sum.reduce((a, b) => Math.max(a, b), 1));
      for (let v = 0; v < ready.codes; v++) sum[v] ? paint(v, ramp(top ? Math.log2(sum[v]) / top : 1)) : (paint(v, none), unused[v] = 1);
      return { bytes, unused, legend: { gradient: gradient(), low: "1", high: T.count(2 ** top, "token"), middle: top > 1.5 ? Math.round(2 ** (top / 2)).toLocaleString("en") : "", unused: "never used", text: `Tokens that are this code, logarithmic, over ${usage.of}` } };
    }
    for (let v = 0; v < ready.codes; v++) usage.preference[v] ? paint(v, ramp((usage.preference[v] - 1) / Math.max(1, ready.scales - 1))) : (paint(v, none), unused[v] = 1);
    return { bytes, unused, legend: { gradient: gradient(), low: "scale 1", high: `scale ${ready.scales}`, unused: "never used", text: `Mean scale at which the code occurs, every scale weighing the same, over ${usage.of}` } };
  }

  // a sentence's worth of facts about one code, for hover and for the status line
  function facts(code) {
    const { ready } = state.codebook;
    const usage = current();
    const parts = [`Code ${code}`, `norm ${T.number(ready.norm[code], 2)}`];
    if (usage) {
      parts.push(totals(usage)[code] ? `used ${T.count(totals(usage)[code], "time")}` : "never used");
      if (usage.preference[code] && ready.scales > 1) parts.push(`mean scale ${T.number(usage.preference[code], 1)}`);
    }
    return parts;
  }

  const selected = () => (state.selection.code ?? T.codeAt("session", state.selection));
  const select = (code) => { if (code !== selected() || state.selection.code === null) T.set({ selection: { ...state.selection, code } }); };
  const choose = (codes, why) => put({ chosen: codes?.length ? { codes: [...codes], why } : null });
  // background of an element that shows a code's tile of the sheet
  function tile(code, size) {
    const { sheet, colours } = state.codebook.ready;
    if (!sheet) return { background: css([...colours.slice(code * 3, code * 3 + 3)]) };
    const [x, y] = [code % sheet.columns, Math.floor(code / sheet.columns)];
    return { background: `url(${sheet.image}) ${-x * size}px ${-y * size}px / ${sheet.columns * size}px ${sheet.rows * size}px` };
  }

  T.isZip = (file) => /\.zip$/i.test(file?.name || "") || /^application\/(x-)?zip/.test(file?.type || "");
  T.codebook = { put, open, load, current, totals, colouring, facts, selected, select, choose, tile, ramp, css, countZip, stopZip };
})();
