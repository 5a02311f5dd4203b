// Squares that show pictures. A sprite is one picture for a whole token map, its tiles arranged as the cells are. What a
// code looks like alone and what a token adds come from Python, map by map and only once asked for; the picture after a
// scale is here already. Answers are kept by the tokens they are about, so an edit asks for what it changes.
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const KEPT = 400; // answers and pictures; a page shows some dozens at once
  let server = null;
  let out = null; // the key that is being asked for
  const answers = new Map(); // key -> {image, values, limit, exact} or {problem}
  const pictures = new Map(); // data URI -> {url, image}, or null until it can be painted
  const wishes = new Map(); // doc -> what its maps miss, coarse first
  const worn = new Map(); // doc, mode and scale -> the sprite painted last and its grid

  state.squares = { count: 0 }; // counts what has arrived: maps are painted again
  let told = false;
  function changed() { // several arrivals, one repaint; never in the middle of one
    if (told) return;
    told = true;
    setTimeout(() => { told = false; T.set({ squares: { count: state.squares.count + 1 } }); }, 0);
  }
  function forget(kept, gone = () => {}) {
    while (kept.size > KEPT) {
      const [key, value] = kept.entries().next().value;
      kept.delete(key);
      gone(value);
    }
  }
  function keep(kept, key, value, gone) { // the one used last goes last
    kept.delete(key);
    kept.set(key, value);
    forget(kept, gone);
    return value;
  }

  // a picture that can be painted at once: a short address for styles, and the image for canvases
  function ready(uri) {
    if (pictures.has(uri)) return keep(pictures, uri, pictures.get(uri));
    keep(pictures, uri, null, (old) => { if (old) URL.revokeObjectURL(old.url); });
    const [head, data] = uri.split(","), bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: /^data:([^;,]*)/.exec(head)[1] }));
    const image = new Image();
    image.src = url;
    image.decode().then(() => { if (pictures.has(uri)) { pictures.set(uri, { url, image }); changed(); } }, () => pictures.delete(uri));
    return null;
  }

  const needs = (scales, mode, k) => (mode === "look" ? [scales[k].ids] : scales.slice(0, k + 1).map((scale) => scale.ids));
  const keyOf = (mode, k, maps) => `${mode} ${k} ${maps.map((ids) => ids.join()).join(";")}`;
  // several scales: a map is asked for once it and what it stands on are complete
  const complete = (scales, maps) => scales.length === 1 || maps.every((ids) => ids.every((id) => id >= 0));

  // what the maps of a document wear: {url, image, stale, values, limit, exact, covers} for each scale, or null where it is not known
  // yet; what is missing is asked for. stale: it shows the tokens or the picture of before.
  function sprites(doc, mode) {
    const { scales } = state.docs[doc], missing = [];
    const found = scales.map((scale, k) => {
      let now = null;
      if (mode === "sofar") {
        if (!scale.image) return null;
        now = ready(scale.image);
        // a raster run is decoded at the end of a row: tokens after that are not in its picture
        if (now) now = { ...now, stale: Boolean(scale.stale), covers: (state.docs[doc].order === "raster" && scale.step) || Infinity };
      } else {
        const maps = needs(scales, mode, k), key = keyOf(mode, k, maps);
        const answer = answers.get(key);
        if (!answer && complete(scales, maps)) missing.push({ doc, key, k, question: { kind: mode, scale: k + 1, maps } });
        const picture = answer?.image ? ready(answer.image) : null;
        if (picture) now = { ...picture, ...keep(answers, key, answer), image: picture.image, stale: false };
      }
      const slot = `${doc} ${mode} ${k}`, grid = `${scale.h} ${scale.w}`;
      if (now) worn.set(slot, { grid, sprite: now });
      const before = worn.get(slot);
      // a picture that is here takes some milliseconds until it can be painted; nothing needs to blink for that
      return now || (before?.grid === grid ? { ...before.sprite, stale: mode !== "sofar" } : null);
    });
    wishes.delete(doc);
    wishes.set(doc, missing);
    ask();
    return found;
  }

  async function ask() {
    if (out || !server) return;
    const next = [...wishes.values()].reverse().flat().find(({ key }) => !answers.has(key));
    if (!next) return;
    out = next;
    const answer = await server.square_pictures(next.question).catch(() => null);
    out = null;
    keep(answers, next.key, answer || { problem: "The server did not answer. Choose this view of the squares again." });
    changed();
    ask();
  }
  // how far the maps of a document are: {now, of} while some are missing; {problem} where one could not be had
  function progress(doc, mode) {
    const missing = (wishes.get(doc) || []).filter(({ key, question }) => question.kind === mode && !answers.has(key));
    const scales = state.docs[doc]?.scales || [];
    const failed = mode === "sofar" ? null : scales.map((_, k) => answers.get(keyOf(mode, k, needs(scales, mode, k)))?.problem).find(Boolean);
    if (failed) return { problem: failed };
    return missing.length ? { now: missing[0].k + 1, of: scales.length } : null;
  }
  // asks again for what could not be had
  function again() {
    for (const [key, answer] of answers) if (answer.problem) answers.delete(key);
    changed();
  }

  T.connectSquares = (wire) => { server = wire.server; ask(); };

  const HUES = [[15, "red"], [40, "orange"], [65, "yellow"], [160, "green"], [195, "teal"], [255, "blue"], [290, "violet"], [345, "pink"], [361, "red"]];
  const LATER = { orange: "brown", yellow: "olive" }; // what dark ones are called
  // a colour in words, for who does not see it: "dark brown", "light grey"
  function colourWord(hex) {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
    const top = Math.max(r, g, b), span = top - Math.min(r, g, b), light = 0.3 * r + 0.59 * g + 0.11 * b;
    const shade = light < 0.3 ? "dark " : light > 0.7 ? "light " : "";
    if (light < 0.07) return "black";
    if (light > 0.93) return "white";
    if (span < 0.08 || span / top < 0.18) return `${shade}grey`;
    const turn = top === r ? (g - b) / span : top === g ? 2 + (b - r) / span : 4 + (r - g) / span;
    const name = HUES.find(([end]) => ((60 * turn + 360) % 360) < end)[1];
    return light < 0.45 && LATER[name] ? `${light < 0.2 ? "dark " : ""}${LATER[name]}` : `${shade}${name}`;
  }

  T.squares = { sprites, progress, again, colourWord, ready };
})();
