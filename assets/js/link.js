// The only way to Python. Changes to the session go through one queue, one at a time and in order, because Gradio may
// deliver events of one burst out of order; look-ups go beside the queue. Every answer carries the ticket it answers.
(() => {
  const T = window.Tokenscope;
  const BUSY = { upload: "Reading the picture", sample: "Reading the picture", fit: "Fitting the picture", replace: "Decoding", undo: "Decoding", redo: "Decoding", reset: "Decoding", adopt: "Decoding", regenerate: "Writing finer scales", whole: "Decoding", mix: "Mixing", paste: "Pasting", erase: "Decoding", recall: "Decoding", export: "Writing the file", restore: "Restoring your tokens", policy: null };
  const DID = { upload: "picture-opened", sample: "picture-opened", adopt: "picture-opened", replace: "code-replaced", erase: "code-replaced", paste: "code-replaced", whole: "code-replaced" };
  const PATIENCE = 120000;
  let waiting = [];
  let out = null; // {ticket, timer}
  let tickets = 0;
  let send = null; // hands one action to Gradio

  function next() {
    if (out || !waiting.length) return;
    const { kind, data, photo } = waiting.shift();
    const ticket = ++tickets;
    // a quick answer needs no busy line: it would only flicker
    const say = setTimeout(() => { if (BUSY[kind]) T.set({ busy: BUSY[kind] }); }, 250);
    const timer = setTimeout(() => {
      finish(ticket);
      T.problem("The server has not answered for two minutes. What you had is unchanged; try again, or reload the page.");
    }, PATIENCE);
    out = { ticket, timer, say, kind, photo };
    if (T.state.problem) T.set({ problem: null });
    send({ kind, ticket, known: T.state.docs.session?.picture || 0, ...data });
  }

  function finish(ticket) {
    if (!out || out.ticket !== ticket) return;
    clearTimeout(out.timer);
    clearTimeout(out.say);
    if (out.kind === "upload") T.photos.settled();
    out = null;
    if (T.state.busy) T.set({ busy: null });
    next();
    if (!out) T.set({ answered: ticket });
  }

  // what belongs to the picture and not to its edits is sent once
  function complete(session, old) {
    if (session.input !== undefined || old?.picture !== session.picture) return session;
    const scales = session.scales.map((scale, k) => ({ ...old.scales[k], ...scale, image: scale.image || old.scales[k].image }));
    return { ...old, ...session, scales };
  }

  function receive(view) {
    if (!view) return;
    const patch = {};
    if (view.model) Object.assign(patch, { model: view.model, first: view.first });
    if (view.session) {
      const old = T.state.docs.session;
      patch.docs = { ...T.state.docs, session: complete(view.session, old) };
      if (old?.picture !== view.session.picture && out?.photo) T.photos.belongs(view.session.picture, out.photo);
      if (old && out?.kind === "fit") T.photos.same(view.session.picture, old.picture);
      if (old?.picture !== view.session.picture) patch.upto = { ...T.state.upto, session: null };
    }
    if (view.run) patch.docs = { ...(patch.docs || T.state.docs), run: view.run };
    if (view.file) T.saveFile(view.file);
    if (view.ticket) patch.problem = view.problem || null;
    if (view.selection) patch.selection = { cells: null, code: null, ...view.selection };
    const kind = view.ticket && view.ticket === out?.ticket && !view.problem ? out.kind : null;
    T.set(patch);
    if (view.ticket) finish(view.ticket);
    if (DID[kind]) T.did(DID[kind]);
  }

  T.connect = ({ props, watch, server, upload, act }) => {
    send = act;
    T.link.card = (code) => server.card(code).catch(() => null);
    T.link.swatches = (codes, scale = null) => server.swatches({ codes, scale }).catch(() => null);
    T.link.upload = upload;
    T.photos.connect((name) => server.sample_photo(name));
    receive(props.value);
    watch("value", () => receive(props.value));
    T.listenForPictures();
    T.arrive();
  };
  T.connectRunner = ({ props, watch, send }) => {
    T.link.generate = (settings) => send("generate", settings);
    T.link.stop = () => send("stop", {});
    watch("value", () => { if (props.value) T.receiveRun(props.value); });
    T.link.running = true;
  };

  T.link = {
    act(kind, data, photo = null) { // photo: the promise of the own photo that an upload sends
      waiting = waiting.filter((item) => !(item.kind === kind && (kind === "fit" || kind === "policy"))); // only the last choice counts
      waiting.push({ kind, data, photo });
      next();
    },
    busy: () => out !== null || waiting.length > 0,
    card: async () => null,
    swatches: async () => null,
    upload: async () => null,
    generate() {},
    stop() {},
  };
})();
