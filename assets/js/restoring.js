// A reload goes on where one was: token maps, policy and sampling settings stay in this browser, per tokenizer. Each tab
// keeps its own (sessionStorage); a new one goes on with the last that was kept (localStorage). Photos are never stored.
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const VERSION = 1;
  const PAUSE = 250;
  const sources = new Map(); // number of a picture -> its own token maps, as they were before any edit
  let untouched = null; // how the page looks before anybody touched it
  let last = null; // what was written last
  let awaited = null; // what was sent to be restored
  let timer = 0;
  let silent = true;

  const key = () => `tokenscope-session-${state.model.sha256}`;
  // a private window may refuse any of this: then a reload starts afresh
  const stores = () => [() => sessionStorage, () => localStorage];
  const quietly = (action) => { try { return action(); } catch { return null; } };
  function load(store) {
    const kept = quietly(() => JSON.parse(store().getItem(key())));
    return kept && kept.version === VERSION && Array.isArray(kept.maps) ? kept : null;
  }
  const forget = () => stores().forEach((store) => quietly(() => store().removeItem(key())));

  function now() {
    const view = state.docs.session;
    if (!view) return null;
    const { sample, fit, title, credit, picture } = view;
    const maps = view.scales.map((scale) => scale.ids);
    if (!sources.has(picture)) sources.set(picture, (view.edit.changed && awaited?.source) || maps);
    return { version: VERSION, sample, fit, title, credit, policy: view.edit.policy, label: view.edit.label, seed: view.edit.seed, maps, source: sample ? null : sources.get(picture), settings: state.settings };
  }

  function keep() {
    if (silent || awaited) return;
    const text = JSON.stringify(now());
    if (text === last) return;
    last = text;
    stores().forEach((store) => quietly(() => store().setItem(key(), text)));
  }

  function changed() {
    const view = state.docs.session;
    now(); // sees every picture before it is edited
    if (awaited && view.edit.history.find((step) => step.now)?.text.startsWith("Restored")) restored(view);
    else if (awaited && state.problem?.startsWith("What this browser had kept")) { awaited = null; forget(); }
    if (state.remark?.picture && state.remark.picture !== view.picture) T.set({ remark: null });
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  }

  function restored(view) {
    awaited = null;
    const edits = view.edit.changed ? `, ${T.count(view.edit.changed, "token")} changed` : "";
    const photo = view.sample || view.credit === "generated" ? "" : " The photo itself is not kept, only its tokens.";
    const before = state.remark ? `${state.remark.text} ` : ""; // about the link
    T.set({ remark: { picture: view.picture, text: `${before}Restored from this browser: ${view.title}${edits}.${photo}`, action: { text: "Start afresh", run: startAfresh } } });
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
      T.subscribe(document.body, ["docs", "settings", "problem"], changed);
      addEventListener("pagehide", keep);
      const own = load(() => sessionStorage);
      const kept = own || (link.sample ? null : load(() => localStorage));
      if (!kept || (link.sample && (link.sample !== kept.sample || (link.fit && link.fit !== kept.fit)))) return false;
      if (kept.settings && state.model.classes) useSettings(kept.settings);
      const same = (name) => JSON.stringify(kept[name]) === JSON.stringify(untouched[name]);
      if (["sample", "fit", "policy", "maps"].every(same)) return false;
      awaited = kept;
      T.link.act("restore", { ...kept, settings: null, tokenizer: state.model.sha256 });
      return true;
    },
  };

  function useSettings(kept) {
    const limits = T.generate.limits();
    const good = Object.entries(kept).filter(([name, value]) => limits[name] && typeof value === "number" && value >= limits[name][0] && value <= limits[name][1]);
    T.generate.adjust(Object.fromEntries(good));
  }
})();
