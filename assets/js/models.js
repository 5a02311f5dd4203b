// The model chip of the header and the list it opens. Another choice of models has a page of its own on this server:
// opening it streams what is being done, then the browser goes there, with the picture that was on show.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const CARRY = "tokenscope-carry"; // {id, title, image, from}: the picture on its way, in this tab only
  const HAD = "tokenscope-had-"; // + sha256: {id, before}: which carried picture this model's session shows
  const PATIENCE = 15 * 60 * 1000; // ms without a word from the server until the page gives up
  const TICK = 200;
  const LATEST = 60000; // ms until a page that does not get ready is left as it is
  let wire = null;
  let wished = askedFor(); // a link to a model whose page is not open leads here

  // list: what Python told; job: {id, choice, began, text, step, of, expected}; problem: {choice, text}
  state.models = { list: null, loading: false, failed: false, job: null, problem: null };
  const put = (patch) => T.set({ models: { ...state.models, ...patch } });
  const running = () => state.models.job !== null;
  const quietly = (action) => { try { return action(); } catch { return null; } }; // a private window may refuse

  function askedFor() {
    const query = new URLSearchParams(location.search), id = query.get("model");
    if (!id) return null;
    query.delete("model");
    history.replaceState(history.state, "", location.pathname); // the rest of the link is for the other page
    return { id, query: query.toString() };
  }

  async function list() {
    if (state.models.loading) return;
    put({ loading: true, failed: false });
    const found = wire ? await wire.server.list_models(null).catch(() => null) : null;
    put({ loading: false, failed: !found, list: found || state.models.list });
  }

  // Opening

  let clock = 0;
  let patience = 0;
  function open(choice, query = null) {
    if (running()) return;
    if (choice.open) return go(choice, query);
    const id = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    put({ problem: null, job: { id, choice, query, began: performance.now(), text: "Asking the server", step: 0, of: 0 } });
    clearInterval(clock);
    clock = setInterval(() => T.set({ modelsTick: performance.now() }), TICK);
    wait();
    wire.open({ job: id, id: choice.id });
  }
  function wait() {
    clearTimeout(patience);
    patience = setTimeout(() => { if (running()) end("The server has not answered for a quarter of an hour. Try again, or reload the page."); }, PATIENCE);
  }
  function end(problem = null) {
    clearInterval(clock);
    clearTimeout(patience);
    const { job } = state.models;
    put({ job: null, problem: problem && job ? { choice: job.choice.id, text: problem } : null });
  }
  function cancel() {
    wire.server.cancel_model(state.models.job.id).catch(() => null);
    end();
  }
  function receive(view) {
    const { job } = state.models;
    if (!view?.job || !job || view.job !== job.id) return;
    wait();
    if (view.status === "failed") return end(view.problem);
    if (view.status === "done") {
      end();
      return go(job.choice, job.query);
    }
    put({ job: { ...job, text: view.text, step: view.step, of: view.of } });
  }
  function go(choice, query) {
    const url = new URL(wire.home + choice.address, location.href);
    url.search = query ?? leave();
    location.assign(url);
  }

  // The picture comes along: a sample by its name in the address, any other one as the pixels this model saw.
  const mark = (text) => { let hash = 5381; for (let n = 0; n < text.length; n += 1) hash = ((hash * 33) ^ text.charCodeAt(n)) >>> 0; return `${text.length}-${hash}`; };
  const had = (sha) => quietly(() => JSON.parse(sessionStorage.getItem(HAD + sha)));
  const carried = () => quietly(() => JSON.parse(sessionStorage.getItem(CARRY)));
  const store = (key, value) => quietly(() => sessionStorage.setItem(key, JSON.stringify(value)));

  function leave() {
    const view = state.docs.session, tab = T.tabs().find((one) => one.getAttribute("aria-selected") === "true");
    const query = new URLSearchParams(tab ? { tab: tab.textContent.trim().toLowerCase() } : {});
    quietly(() => sessionStorage.removeItem(`${CARRY}-now`));
    if (view?.sample) {
      query.set("sample", view.sample);
      if (view.fit) query.set("fit", view.fit);
    } else if (view) {
      const { sha256, name } = state.model, before = mark(view.before), known = had(sha256), own = known?.before === before;
      const id = own ? known.id : `${sha256}-${before}`;
      if (!own) store(HAD + sha256, { id, before });
      // a picture that came from another model goes on as it came, not as this model draws it
      const image = own && carried()?.id === id ? carried() : { id, title: view.title, image: view.input || view.before, from: name, size: view.size, drawn: !view.input };
      store(CARRY, image);
      quietly(() => sessionStorage.setItem(`${CARRY}-now`, "1"));
    }
    return query.toString();
  }

  async function arrive() {
    const due = quietly(() => sessionStorage.getItem(`${CARRY}-now`)), carry = carried();
    quietly(() => sessionStorage.removeItem(`${CARRY}-now`));
    if (!due || !carry || had(state.model.sha256)?.id === carry.id) return; // this model has it already, perhaps edited
    await until(() => T.link.running && state.docs.session);
    await pause(500); // what this browser had kept of the model comes first
    await until(() => !T.kept.awaits() && !state.busy);
    const blob = await fetch(carry.image).then((answer) => answer.blob()).catch(() => null);
    if (!blob) return T.problem("The picture could not be brought along. Open it here again; it is still on the other model's page.");
    const number = state.docs.session?.picture;
    once("docs", () => state.docs.session && state.docs.session.picture !== number, () => {
      const view = state.docs.session;
      store(HAD + state.model.sha256, { id: carry.id, before: mark(view.before) });
      const [h, w] = carry.size, how = carry.drawn ? `as ${carry.from} drew it` : `as ${carry.from} saw it`;
      T.set({ remark: { picture: view.picture, text: `${carry.title} came along at ${w} × ${h} px, ${how}. Open it here again if you have it larger.` } });
    });
    T.sendPicture(new File([blob], carry.title.slice(0, 100), { type: blob.type || "image/png" }));
  }

  // The chip

  T.modelChip = (root) => {
    const name = el("b");
    const rest = el("span", { class: "ts-chip-rest" });
    const arrow = el("svg:svg", { class: "ts-chevron", viewBox: "0 0 12 12", "aria-hidden": "true" }, el("svg:path", { d: "M2 4l4 4 4-4", fill: "none", stroke: "currentColor", "stroke-width": "1.5" }));
    const dialog = makeDialog();
    const chip = el("button", { type: "button", class: "ts-chip", "aria-haspopup": "dialog", onclick: () => show(dialog) }, name, rest, arrow);
    chip.show = (title, facts) => {
      name.textContent = title;
      rest.replaceChildren(...facts.map((text) => el("span", { class: "ts-num", text })));
      chip.setAttribute("aria-label", `Models: ${title}, ${facts.join(", ")}. Choose others`);
    };
    root.append(dialog);
    T.showModels = () => show(dialog);
    return chip;
  };

  function show(dialog) {
    if (!dialog.open) dialog.showModal();
    list();
  }

  function makeDialog() {
    const close = el("button", { type: "button", class: "ts-button ts-plain", text: "Close", onclick: () => dialog.close() });
    const body = el("div", { class: "ts-models-body" });
    const said = el("p", { class: "ts-hidden", role: "status" });
    const dialog = el("dialog", { class: "ts-models", "aria-labelledby": "ts-models-title", onclick: (event) => { if (event.target === dialog) dialog.close(); } },
      el("div", { class: "ts-head" }, el("h2", { id: "ts-models-title", text: "Choose models" }), close),
      el("p", { class: "ts-caption" }, "Models are opened on this server and stay open for a while. Your picture comes along; what you did here stays on this page. Memory and seconds are ",
        T.term("estimates", "Memory: the weights in the precision of this device, plus the widest layers while a picture is decoded. Seconds: from the size of the files and how fast this server opened the first models.")), body, said);
    T.subscribe(dialog, ["models"], () => { drawList(body); said.textContent = state.models.job ? state.models.job.text : ""; });
    T.subscribe(dialog, ["modelsTick"], () => drawClock(body));
    return dialog;
  }

  function drawList(body) {
    const { list: found, loading, failed, job } = state.models;
    const focus = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    if (!found) {
      body.replaceChildren(el("p", { class: failed ? "ts-failed" : "ts-caption", role: failed ? "alert" : null, text: failed ? "The list could not be read. Close this window and open it again." : loading ? "Looking at the files …" : "" }));
      return;
    }
    const groups = [["given", "From the command line"], ["bundled", "Bundled"], ["folder", found.folder ? `In ${found.folder}` : ""]];
    body.replaceChildren(...groups.flatMap(([key, title]) => {
      const choices = found.choices.filter((choice) => choice.group === key);
      const empty = key === "folder" && found.folder && !choices.length;
      if (!choices.length && !empty) return [];
      return [el("section", {}, el("h3", { text: title }), empty ? el("p", { class: "ts-caption", text: "No file in this folder can be opened as it is." }) : null, ...choices.map(entry))];
    }), ...refusals(found), ...hint(found));
    if (focus) body.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
    if (job) drawClock(body);
  }

  const hint = (found) => (found.folder ? [] : [el("p", { class: "ts-caption" }, "To choose from your own files too, start the page with ", el("code", { text: "python app.py --models DIR" }), ".")]);

  function refusals(found) {
    const left = found.left_out ? [el("p", { class: "ts-caption", text: `${T.count(found.left_out, "more file")} in this folder ${found.left_out === 1 ? "was" : "were"} not looked at.` })] : [];
    if (!found.refused.length) return left;
    return [...left, el("details", { class: "ts-refused" }, el("summary", { "data-key": "refused", text: `${T.count(found.refused.length, "file")} in ${found.folder} cannot be opened` }),
      el("dl", {}, ...found.refused.flatMap(({ file, reason }) => [el("dt", { class: "ts-num", text: file }), el("dd", { text: reason })])))];
  }

  const KIND = {
    "next-scale": ["Next-scale generator", "Draws a picture as a row of ever finer token maps, one map per step."],
    raster: ["Raster generator", "Draws a picture token by token, row by row."],
    tokenizer: ["Tokenizer only", "Inspect, Edit and Codebook work; Generate needs a generator."],
  };
  const million = (n) => T.number(n / 1e6, n < 1e6 ? 2 : n < 1e8 ? 1 : 0);
  const bytes = (n) => (n >= 2 ** 30 ? `${T.number(n / 2 ** 30)} GiB` : `${Math.max(1, Math.round(n / 2 ** 20)).toLocaleString("en")} MiB`);
  const seconds = (n) => (n >= 90 ? `${Math.round(n / 60)} min` : `${n < 10 ? T.number(Math.max(n, 0.1)) : Math.round(n)} s`);

  function entry(choice) {
    const { job, problem } = state.models;
    const busy = job?.choice.id === choice.id, [kind, meaning] = KIND[choice.kind] || [choice.kind, ""];
    const { tokenizer, generator } = choice.parameters;
    const id = `ts-model-${choice.id}`;
    const rows = [
      ["Parameters", `${generator ? `${million(generator)} + ` : ""}${million(tokenizer)} million`, generator ? "Trained numbers of the generator, and of the tokenizer." : "Trained numbers of the tokenizer."],
      ["Picture", `${choice.size[1]} × ${choice.size[0]} px`, "Width and height of what it reads and draws."],
      ["Tokens", `${choice.tokens.toLocaleString("en")} in ${T.count(choice.scales, "scale")}`, "Tokens of one picture."],
      ["Codes", choice.codes.toLocaleString("en"), "Entries of the codebook: how many different tokens there are."],
      ["Memory", `about ${bytes(choice.memory)}`, "Estimate: weights in the precision of this device, and the widest layers while decoding."],
      ["Opens in", choice.open ? "open now" : choice.seconds === null ? "not known yet" : `about ${seconds(choice.seconds)}`, "Estimate, from the file sizes and how fast this server opened the first models."],
    ];
    const button = choice.here ? el("span", { class: "ts-here", text: "Shown on this page" })
      : busy ? el("button", { type: "button", class: "ts-button", text: "Cancel", "data-key": choice.id, "aria-describedby": id, onclick: cancel })
        : el("button", { type: "button", class: "ts-button", text: "Open", "data-key": choice.id, "aria-describedby": id, disabled: running(), onclick: () => open(choice) });
    return el("article", { class: "ts-model", "aria-current": choice.here ? "true" : null, "aria-labelledby": id, "data-id": choice.id },
      el("div", { class: "ts-head" }, el("h4", { id }, el("span", { text: choice.name }), choice.tokenizer ? el("span", { class: "ts-muted", text: ` + ${choice.tokenizer}` }) : null), button),
      el("p", { class: "ts-caption", text: [kind, ...choice.titles].join(" · "), "data-tip": meaning }),
      el("dl", { class: "ts-model-facts" }, ...rows.map(([word, value, tip]) => el("div", { "data-tip": tip }, el("dt", { text: word }), el("dd", { class: "ts-num", text: value })))),
      choice.figures.length ? el("p", { class: "ts-caption", text: `From its card: ${choice.figures.join("; ")}.` }) : null,
      busy ? el("div", { class: "ts-opening" }, el("div", { class: "ts-progress", role: "progressbar", "aria-label": `Opening ${choice.name}`, "aria-valuemin": 0, "aria-valuemax": 100 }, el("i")), el("p", { class: "ts-caption" })) : null,
      problem?.choice === choice.id ? el("p", { class: "ts-failed", role: "alert", text: problem.text }) : null);
  }

  // elapsed beside expected time; the bar never reaches its end before the page is there
  function drawClock(body) {
    const { job } = state.models, part = body.querySelector(".ts-opening");
    if (!job || !part) return;
    const spent = (performance.now() - job.began) / 1000, expected = job.choice.seconds;
    const share = Math.min(0.97, Math.max(job.of ? (job.step - 1) / job.of : 0, expected ? spent / expected : 0));
    part.querySelector("i").style.setProperty("--v", `${Math.round(share * 100)}%`);
    part.firstChild.setAttribute("aria-valuenow", Math.round(share * 100));
    part.lastChild.textContent = `${job.of ? `Step ${job.step} of ${job.of}: ` : ""}${job.text}. ${seconds(spent)} so far${expected ? `, about ${seconds(expected)} expected` : ""}.`;
  }

  T.connectModels = ({ props, watch, server, open: trigger }) => {
    wire = { server, open: trigger, home: props.value.home };
    watch("value", () => receive(props.value));
    const link = wished;
    wished = null;
    if (link) follow(link);
    else once("model", () => state.model, arrive);
  };

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  async function until(test) {
    const began = Date.now();
    while (!test() && Date.now() - began < LATEST) await pause(100);
  }
  // then(), the first time that test() holds when `key` of the store is set, or now
  function once(key, test, then) {
    let due = true;
    T.subscribe(document.body, [key], () => {
      if (!due || !test()) return;
      due = false;
      then();
    });
  }

  async function follow({ id, query }) {
    T.showModels();
    await until(() => state.models.list || state.models.failed);
    const choice = state.models.list?.choices.find((one) => one.id === id);
    if (choice && !choice.here) open(choice, query);
    else if (!choice) T.set({ remark: { text: `The link asks for the models “${id.slice(0, 60)}”, which this server does not have.` } });
  }
})();
