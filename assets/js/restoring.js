// A reload goes on where one was: token maps, the whole history, named states, policy and sampling settings stay in this
// browser, per tokenizer. Each tab keeps its own (sessionStorage); a new one goes on with the last that was kept
// (localStorage). Of an own picture the tab keeps what the model saw of it, the fitted pixels; beyond the tab only its
// tokens are kept. What lies farthest from the present step is left out when it would take more than LIMIT characters.
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const VERSION = 2;
  const PAUSE = 250;
  const LIMIT = 400000; // without the pixels of own pictures, of which there are PICTURES at most
  const PICTURES = 8; // different pictures of the history; Python opens no more of them again
  const pictures = new Map(); // number of a picture -> {sample, fit, title, credit, source: its tokens before any edit, input: its pixels as the model saw them}
  const seen = new Map(); // key of a step -> its token maps; every step was on show once
  let untouched = null; // what would be kept of the page before anybody touched it
  let last = null; // what was written last
  let awaited = null; // what was sent to be restored
  let timer = 0;
  let silent = true;

  const key = () => `tokenscope-session-${state.model.sha256}`;
  // a private window may refuse any of this: then a reload starts afresh
  const stores = () => [() => sessionStorage, () => localStorage];
  const quietly = (action) => { try { return action(); } catch { return null; } };
  const presentOf = (kept) => kept.pictures[kept.line[kept.now].picture];
  function load(store) {
    const kept = quietly(() => JSON.parse(store().getItem(key())));
    return kept?.version === VERSION && quietly(() => presentOf(kept)) ? kept : null;
  }
  const forget = () => { stores().forEach((store) => quietly(() => store().removeItem(key()))); T.photos.forget(); };

  function look(view) {
    const { sample, fit, title, credit, picture, source, input } = view;
    const pixels = !sample && input?.startsWith("data:image/png") ? input : null;
    if (!pictures.has(picture)) pictures.set(picture, { sample, fit, title, credit, source: sample ? null : source, input: pixels });
    seen.set(view.edit.history.find((step) => step.now).key, view.scales.map((scale) => scale.ids));
  }

  // the steps around the present one that fit, nearest first, then put in order again
  function nearest(history, now, room) {
    const chosen = [];
    for (const step of [...history].sort((a, b) => Math.abs(a.at - now) - Math.abs(b.at - now))) {
      if (!room(step)) break;
      chosen.push(step);
    }
    return chosen.sort((a, b) => a.at - b.at);
  }

  function now() {
    const view = state.docs.session;
    if (!view) return null;
    look(view);
    const used = [];
    let size = 0;
    // gives the step a place in what is kept, as long as there is room
    const room = (step) => {
      const maps = seen.get(step.key), about = pictures.get(step.picture);
      if (!maps || !about) return false;
      const known = used.includes(step.picture);
      const more = JSON.stringify(maps).length + step.text.length + (known ? 0 : JSON.stringify({ ...about, input: null }).length);
      if (size && (size + more > LIMIT || (!known && used.length >= PICTURES))) return false;
      size += more;
      if (!known) used.push(step.picture);
      return true;
    };
    const entry = ({ key: of, picture, text, name }) => ({ name, picture: used.indexOf(picture), text, maps: seen.get(of) });
    const history = view.edit.history.map((step, at) => ({ ...step, at }));
    const present = history.find((step) => step.now);
    if (!room(present)) return null;
    const named = view.edit.named.filter(room); // they were asked for; then as much of the history as there is room
    size -= JSON.stringify(seen.get(present.key)).length; // it is counted again
    const line = nearest(history, present.at, room);
    return {
      version: VERSION, policy: view.edit.policy, label: view.edit.label, seed: view.edit.seed, settings: state.settings,
      pictures: used.map((number) => ({ ...pictures.get(number), photo: T.photos.idOf(number) })), line: line.map(entry), now: line.findIndex((step) => step.now), named: named.map(entry),
    };
  }

  function keep() {
    if (silent || awaited) return;
    const kept = now(), text = JSON.stringify(kept);
    if (text === last) return;
    last = text;
    quietly(() => sessionStorage.setItem(key(), text));
    const tokens = kept && { ...kept, pictures: kept.pictures.map((one) => ({ ...one, input: null })) };
    quietly(() => localStorage.setItem(key(), JSON.stringify(tokens)));
  }

  function changed() {
    const view = state.docs.session;
    if (!view) return;
    if (awaited && view.edit.restored === awaited.mark) restored(view);
    else if (awaited && state.problem?.startsWith("What this browser had kept")) { awaited = null; forget(); }
    look(view);
    if (state.remark?.picture && state.remark.picture !== view.picture) T.set({ remark: null });
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  }

  function restored(view) {
    // the steps came back in the order in which they were sent, under new numbers and keys
    const remember = (steps, sent) => steps.forEach((step, n) => {
      seen.set(step.key, sent[n].maps);
      const { photo, ...picture } = awaited.pictures[sent[n].picture];
      pictures.set(step.picture, picture);
      T.photos.restored(step.picture, photo);
    });
    remember(view.edit.history, awaited.line);
    remember(view.edit.named, awaited.named);
    const { linked } = awaited;
    awaited = null;
    const edits = view.edit.changed ? `, ${T.count(view.edit.changed, "token")} changed` : "";
    const photo = view.sample || view.credit === "generated" ? "" : view.input ? " Of the photo the part that the model saw is kept, in this tab." : " The photo itself is not kept, only its tokens.";
    const before = state.remark ? `${state.remark.text} ` : ""; // about the link
    T.set({ remark: { picture: view.picture, text: `${before}${linked ? "From the link" : "Restored from this browser"}: ${view.title}${edits}.${photo}`, action: { text: "Start afresh", run: startAfresh } } });
  }

  function startAfresh() {
    silent = true;
    forget();
    location.assign(location.pathname);
  }

  // link: what the address asks for, which goes first. True where a session is being restored.
  T.kept = {
    awaits: () => awaited !== null,
    arrive(link) {
      if (state.model.classes) T.generate.adjust({});
      untouched = now();
      last = JSON.stringify(untouched);
      silent = false;
      T.subscribe(document.body, ["docs", "settings", "problem", "photos"], changed);
      addEventListener("pagehide", keep);
      const own = load(() => sessionStorage);
      const linked = T.linked.tokens;
      if (linked && !(own && JSON.stringify(own.line[own.now].maps) === JSON.stringify(linked))) return open(link, linked);
      const kept = own || (link.sample ? null : load(() => localStorage));
      if (!kept || (link.sample && (link.sample !== presentOf(kept).sample || (link.fit && link.fit !== presentOf(kept).fit)))) return false;
      if (kept.settings && state.model.classes) useSettings(kept.settings);
      const same = (name) => JSON.stringify(kept[name]) === JSON.stringify(untouched?.[name]);
      if (["pictures", "policy", "line", "named"].every(same)) return false;
      awaited = { ...kept, mark: `${Date.now()}-${Math.random().toString(36).slice(2, 8)}` };
      T.link.act("restore", { ...awaited, settings: null, tokenizer: state.model.sha256 });
      return true;
    },
  };

  // the picture whose tokens the link carries
  function open(link, maps) {
    const about = link.sample ? { sample: link.sample, fit: link.fit || "crop" } : { title: "Picture from a link", source: maps };
    awaited = {
      pictures: [about], line: [{ picture: 0, maps, text: "Opened from a link" }], now: 0, named: [], policy: "keep", linked: true,
      mark: `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`,
    };
    T.link.act("restore", { ...awaited, tokenizer: state.model.sha256 });
    return true;
  }

  function useSettings(kept) {
    const limits = T.generate.limits();
    const good = Object.entries(kept).filter(([name, value]) => limits[name] && typeof value === "number" && value >= limits[name][0] && value <= limits[name][1]);
    T.generate.adjust(Object.fromEntries(good));
  }
})();
