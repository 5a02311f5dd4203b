// When a page of Learn is ticked: never by its "next" button, always by what really happened in the store, and with one
// line about what the reader just saw, in the reader's own numbers.
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const { number, count } = T;
  const L = () => T.learn;
  const percent = (share) => (share > 0 && share < 0.0005 ? "less than 0.1 %" : `${number(100 * share, share < 0.0995 ? 1 : 0)} %`);
  const many = (value, digits = 2) => number(value, digits);
  const scales = () => state.docs.session?.scales || [];
  const at = (place) => `row ${place.i + 1}, column ${place.j + 1}${scales().length > 1 ? ` of scale ${place.k + 1}` : ""}`;
  const title = () => state.docs.session?.title || "the picture";
  const classText = (label) => T.generate.words(label);

  // Every tick: wanted (keys of the store), begin() gives what is remembered when the page opens, look(memory, keys)
  // gives the sentence once the task is done.
  const TICKS = {
    "token-selected": {
      wanted: ["selection"],
      begin: () => ({ selection: state.selection }),
      look(memory) {
        const place = state.selection, scale = scales()[place.k], code = T.codeAt("session", place);
        if (memory.selection === place || place.code !== null || code === null) return null;
        const [height, width] = state.docs.session.size;
        const part = scale.h * scale.w === 1 ? "the whole picture" : `one of ${scale.h * scale.w} parts of the picture, ${+(width / scale.w).toFixed(1)} × ${+(height / scale.h).toFixed(1)} pixels`;
        return `You chose token ${code}, in ${at(place)}. It stands for ${part}.`;
      },
    },
    "all-known": { wanted: ["learnNeighbours"], begin: () => ({ before: state.learnNeighbours }), look: ({ before }) => (state.learnNeighbours !== before && state.learnNeighbours?.all ? state.learnNeighbours.sentence : null) },
    "all-scales": {
      wanted: ["upto"],
      begin: () => ({ upto: state.upto, seen: new Set() }),
      look(memory) {
        if (memory.upto === state.upto) return null;
        if (state.upto.session !== null) memory.seen.add(state.upto.session);
        if (memory.seen.size < scales().length || !scales().length) return null;
        const left = (k) => L().left(k);
        const psnr = scales().map((scale) => (state.docs.session.edit.changed ? null : scale.psnr));
        const energy = left(0) === null ? "" : `After scale 1, ${percent(left(0))} of the features were unexplained; after all ${scales().length} scales ${percent(left(scales().length - 1))}.`;
        const closer = psnr[0] === null || psnr.at(-1) === null || psnr[0] === undefined ? "" : ` The picture came from ${number(psnr[0])} to ${number(psnr.at(-1))} dB PSNR, higher is closer.`;
        return `${energy}${closer}`.trim() || `You saw the picture after each of the ${scales().length} scales.`;
      },
    },
    "run-done": {
      wanted: ["docs", "running"],
      begin: () => ({ run: state.docs.run?.run }),
      look(memory) {
        const { run } = state.docs;
        if (!run || run.run === memory.run || run.status !== "done") return null;
        const tokens = run.scales.reduce((sum, scale) => sum + scale.h * scale.w, 0);
        const [h, w] = state.learn.grid;
        const other = state.learn.order === "raster" ? "" : ` Row by row, a map of ${w} × ${h} takes ${h * w} steps.`;
        return `“${classText(run.label)}”: ${count(tokens, "token")} in ${count(run.total, "step")}, ${number(run.seconds, 2)} s.${other}`;
      },
    },
    "guidance-compared": {
      wanted: ["guided"],
      begin: () => ({ guided: state.guided }),
      look(memory) {
        const { guided } = state;
        if (guided === memory.guided || guided?.status !== "done" || guided.job === memory.guided?.job && memory.guided.status === "done") return null;
        const [none, , strong] = guided.columns;
        const differs = strong.differs.reduce((a, b) => a + b, 0);
        const first = strong.differs.length > 1 && strong.differs[0] === 0 ? ", but none at scale 1, where guidance starts from 0" : "";
        return `The same dice: at guidance ${number(strong.guidance, 1)}, ${differs} of ${guided.tokens} tokens differ from the run without guidance${first}. Uncertainty went from ${number(none.bits)} to ${number(strong.bits)} bits per token.`;
      },
    },
    "surprise-asked": {
      wanted: ["surprise"],
      begin: () => ({ asked: false }),
      look(memory) {
        const { status, shown, uniform } = state.surprise;
        if (["waiting", "running"].includes(status)) memory.asked = true;
        if (!memory.asked || status !== "done" || !shown) return null;
        const tokens = shown.bits.flat().length;
        const means = shown.bits.map((bits) => bits.reduce((a, b) => a + b, 0) / bits.length);
        const [low, high] = [Math.min(...means), Math.max(...means)].map((mean) => `${number(mean)} bits per token at scale ${means.indexOf(mean) + 1}`);
        return `Stored as they are, the ${tokens} tokens take ${count(Math.round(tokens * uniform), "bit")}; told ${shown.label ? `“${classText(shown.label)}”` : "no class"}, the generator needs ${count(Math.round(shown.total), "bit")}. It needs least, ${low}, and most, ${high}; a blind guess takes ${number(uniform, uniform % 1 ? 1 : 0)}.`;
      },
    },
    "guess-looked": { wanted: ["learnLooked"], begin: () => ({ before: state.learnLooked }), look: ({ before }) => (state.learnLooked !== before && state.learnLooked?.told) || null },
    "layers-guessed": { wanted: ["learnLayers"], begin: () => ({ before: state.learnLayers }), look: ({ before }) => (state.learnLayers !== before && state.learnLayers?.told) || null },
    "picture-opened": {
      wanted: ["docs"],
      begin: () => ({ picture: state.docs.session?.picture }),
      look(memory) {
        const view = state.docs.session;
        if (!view || view.picture === memory.picture) return null;
        const psnr = view.scales.at(-1).psnr;
        const own = state.learn.facts.find(({ name }) => name.startsWith("Photos like"));
        const compared = own ? `; photos of the kinds it knows come back at ${own.value} on average` : "";
        return psnr === null || psnr === undefined ? `You opened ${title()}.` : `${title()} came back at ${number(psnr)} dB PSNR${compared}.`;
      },
    },
  };

  // Replaced tokens: the palettes of Learn call T.learn.replace, the server tells how many pixels moved.
  let out = null; // {ticket, k, i, j, from, to, page, picture}
  let tickets = 0;
  T.learn.replace = (place, to) => {
    const scale = scales()[place.k], n = place.i * scale.w + place.j, from = scale.ids[n];
    if (from === to) return;
    out = { ...place, n, from, to, page: L().here()?.key, picture: state.docs.session.picture, ticket: null };
    if (opened) opened.made += 1;
    T.select({ ...place, cells: [n] });
    T.edit.replace(to);
  };
  function arrived() {
    if (!out || out.ticket !== null || scales()[out.k]?.ids[out.n] !== out.to) return;
    out.ticket = ++tickets;
    L().measure({ ticket: out.ticket });
  }
  T.learn.receive.moved = (view) => {
    if (!out || view.ticket !== out.ticket) return;
    const { k, from, to, page } = out;
    const moved = view.share === null ? "" : `: ${percent(view.share)} of the pixels changed by more than 8/255`;
    const sentence = `You replaced code ${from} by ${to}${scales().length > 1 ? ` at scale ${k + 1}` : ""}${moved}.`;
    T.set({ learnMoved: { k, sentence, share: view.share, n: out.n } });
    out = null;
    if (page === "nearest") L().tick("nearest", sentence);
    if (page === "scales") both(k, sentence, view.share);
  };
  // the page on scales wants a coarse and a fine one
  let seen = {};
  function both(k, sentence, share) {
    const last = scales().length - 1;
    seen[k === 0 ? "coarse" : k === last ? "fine" : "between"] = { k, share };
    const { coarse, fine } = seen;
    if (!coarse || !fine) return T.set({ learnMoved: { ...state.learnMoved, sentence: `${sentence} ${coarse ? `Now a square of scale ${last + 1}.` : "Now a square of scale 1."}` } });
    if (coarse.share === null || fine.share === null) return L().tick("scales", sentence);
    L().tick("scales", `One token at scale 1 changed ${percent(coarse.share)} of the pixels by more than 8/255, one at scale ${last + 1} ${percent(fine.share)}.`);
  }

  // Compared codes: two that were chosen on the map, one after the other
  async function compared(memory) {
    const { code } = state.selection;
    if (code === null || code === memory.code) return;
    memory.code = code;
    const pair = [...(state.learnCodes?.codes || []), code].slice(-2);
    T.set({ learnCodes: { codes: pair, distance: null } });
    if (pair.length < 2) return;
    const [distance, card] = await Promise.all([L().distance(pair), T.link.card(code)]);
    if (state.learnCodes.codes !== pair || distance === null || !card) return;
    T.set({ learnCodes: { codes: pair, distance, nearest: card.near[0] } });
    const near = card.near[0];
    const times = near.distance > 0 ? `, ${number(distance / near.distance, 1)} times as far as ${code} is from its own nearest code ${near.id}` : "";
    L().tick("codebook", `Codes ${pair[0]} and ${pair[1]} lie ${many(distance)} apart${times} (${many(near.distance)}).`);
  }

  // What was put in on a page of Learn is taken out when the page is turned, so that the next one starts from the
  // picture's own tokens; not what was changed in Edit.
  let opened = null; // {picture, step, changed, made, away}
  const step = () => state.docs.session?.edit.history.findIndex(({ now }) => now);
  function remember() {
    const view = state.docs.session;
    opened = view && { picture: view.picture, step: step(), changed: view.edit.changed, made: 0, away: false };
  }
  function tidy() {
    const many = opened && opened.picture === state.docs.session?.picture ? step() - opened.step : 0;
    if (many < 1 || many > opened.made || opened.away) return;
    if (!opened.changed) T.link.act("reset", {});
    else for (let n = 0; n < many; n++) T.link.act("undo", {});
  }

  T.learn.left = (k) => {
    const found = T.measures.view()?.scales;
    if (found?.length === scales().length && T.measures.fresh()) return found[k].left;
    return scales()[k]?.unexplained?.[1] ?? null;
  };

  // One listener; what a page remembers begins anew whenever it opens
  T.learn.watchTicks = () => {
    let page = null, memory = {};
    const wanted = new Set(["learn", "docs", "selection", ...Object.values(TICKS).flatMap((tick) => tick.wanted)]);
    T.subscribe(document.body, [...wanted], (keys) => {
      const lesson = L().here();
      if (!lesson) return;
      if (lesson !== page) {
        if (page) tidy();
        page = lesson;
        seen = {};
        remember();
        T.set({ learnMoved: null, learnCodes: null });
        memory = TICKS[lesson.tick]?.begin() || { code: state.selection.code };
      }
      if (keys.has("docs")) arrived();
      if (opened && state.learn.away) opened.away = true;
      if (!opened || opened.picture !== state.docs.session?.picture) remember();
      if (!L().active() || lesson.needs) {
        // what is done elsewhere is not this page's task: it begins anew
        if (keys.has("selection") || keys.has("docs") || keys.has("upto")) memory = { ...memory, ...TICKS[lesson.tick]?.begin() };
        return;
      }
      if (lesson.tick === "codes-compared") { if (keys.has("selection")) compared(memory); return; }
      const tick = TICKS[lesson.tick];
      if (!tick || !tick.wanted.some((key) => keys.has(key))) return;
      const sentence = tick.look(memory, keys);
      if (!sentence) return;
      if (state.learn.done[lesson.key] !== sentence) L().tick(lesson.key, sentence);
    });
  };
  T.learn.percent = percent;
})();
