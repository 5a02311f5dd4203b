// Where decoding is slow an action brings previews first: the decoder's pictures follow one by one, finest scale first,
// while the visitor goes on. Whatever changes the tokens stops this and it begins again with the new ones.
//   T.developing()   {done, of, left (seconds)} while pictures are on their way, else null
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const AGAIN = 400; // ms until the server is asked again where it was still behind
  let wire = null;
  let job = null; // {id, key}
  let retry = 0;
  state.developing = null;

  const key = () => state.docs.session?.edit.history.find((step) => step.now)?.key;
  const missing = () => (state.docs.session?.scales || []).flatMap((scale, k) => (scale.preview || scale.stale || !scale.image ? [k + 1] : []));
  T.developing = () => state.developing;

  function look() {
    if (!wire || T.link.busy()) return;
    const wanted = missing(), now = key();
    if (job && job.key === now) return;
    if (job) stop();
    if (!wanted.length || !now) return;
    job = { id: `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`, key: now };
    T.set({ developing: { done: 0, of: wanted.length, left: null } });
    wire.develop({ job: job.id, key: now, scales: wanted });
  }
  function stop() {
    wire.server.stop_developing(job.id).catch(() => null);
    job = null;
    T.set({ developing: null });
  }
  function receive(view) {
    if (!view || view.job !== job?.id) return;
    if (view.status) {
      job = null;
      T.set({ developing: null });
      if (view.status === "outdated") { clearTimeout(retry); retry = setTimeout(look, AGAIN); }
      if (view.status === "failed") T.problem(view.problem);
      return;
    }
    if (view.key !== key()) return;
    const { session } = state.docs;
    const scales = session.scales.map((scale, k) => (k === view.k ? { ...scale, image: view.image, psnr: view.psnr, preview: false, stale: false } : scale));
    T.set({ docs: { ...state.docs, session: { ...session, scales } }, developing: { done: view.done, of: view.of, left: view.left } });
  }

  T.connectDeveloping = ({ props, watch, server, develop }) => {
    wire = { server, develop };
    watch("value", () => receive(props.value));
    T.subscribe(document.body, ["docs", "answered"], look);
    look();
  };

  T.define("developing", (root) => {
    const text = el("span");
    const bar = el("progress", { class: "ts-bar", max: 1, "aria-label": "Pictures decoded" });
    const node = el("p", { class: "ts-caption ts-developing", role: "status", hidden: true }, text, " ", bar);
    root.append(node);
    T.subscribe(root, ["developing", "docs"], () => {
      const now = state.developing;
      const nothing = !state.docs.session;
      node.hidden = !now && !nothing;
      bar.hidden = nothing;
      if (nothing) { text.textContent = "The model is here. Its first picture is being tokenized; that takes some seconds with a model of this size."; return; }
      if (!now) return;
      const left = now.left === null ? "" : `, about ${T.count(Math.max(1, Math.round(now.left)), "second")} left`;
      text.textContent = `Blurred pictures are previews. The decoder has replaced ${now.done} of ${now.of}${left}.`;
      bar.value = now.of ? now.done / now.of : 0;
    });
  });
})();
