// What Completion and Error travel share: one job at a time on a wire of its own, class lists, numbers, tables.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const PATIENCE = 120000; // ms without a view before a job is given up
  const NO_CLASS = ""; // as Python calls the null class

  // A wire to Python whose jobs stream views. state[key] gets: running, problem, stopped, about (the introduction).
  // take(view, put) stores a view of the present job; views of jobs that were stopped or replaced are dropped.
  function channel(key, take) {
    let send = null;
    let cancel = () => {};
    let job = null;
    let timer = null;
    const put = (patch) => T.set({ [key]: { ...state[key], ...patch } });

    function wait() {
      clearTimeout(timer);
      timer = setTimeout(() => { stop(); put({ problem: "The server has not answered for two minutes. Try again, or reload the page." }); }, PATIENCE);
    }
    function end() {
      clearTimeout(timer);
      job = null;
    }
    function start(data, patch = {}) {
      if (!send) return;
      if (job) cancel(job);
      job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
      wait();
      put({ running: data.kind || true, problem: null, stopped: false, progress: null, ...patch });
      send({ ...data, job });
    }
    function stop() {
      if (!job) return;
      cancel(job);
      end();
      put({ running: false, stopped: true });
    }
    function receive(view) {
      if (!view) return;
      if (view.introduction) return put({ about: view });
      if (view.job !== job) return;
      wait();
      if (view.status !== "running") end();
      if (view.problem) return put({ running: false, problem: view.problem });
      take(view, put);
    }
    function connect({ props, watch, server, ask }) {
      send = ask;
      cancel = (one) => server.cancel_ask(one).catch(() => null);
      receive(props.value);
      watch("value", () => receive(props.value));
    }
    return { start, stop, put, connect };
  }

  const nameOf = (label) => (label === NO_CLASS ? "no class" : label.replaceAll("_", " "));
  const ORDER = { "next-scale": "Next-scale", raster: "Raster" };
  const percent = (share) => `${T.number(100 * share, share > 0 && share < 0.0995 ? 1 : 0)} %`;

  // options of a class list; extra: [[value, text], …] before the classes, without "no class" where the model knows none
  function fillClasses(select, classes, more, value) {
    const extra = more.filter(([key]) => key !== NO_CLASS || state.model?.can_guide !== false);
    const wanted = [...extra.map(([key]) => key), ...classes].join();
    if (select.dataset.filled !== wanted) {
      select.dataset.filled = wanted;
      select.replaceChildren(...extra.map(([key, text]) => el("option", { value: key, text })), ...classes.map((name) => el("option", { value: name, text: nameOf(name) })));
    }
    if (value !== undefined) select.value = value;
  }

  // a seed field that gives whole numbers only
  function seedField(get, settle) {
    const field = el("input", { class: "ts-field ts-seed", type: "number", min: 0, max: 2 ** 31 - 1, "aria-label": "Seed", onchange: () => {
      settle(T.seedOf(field, { kept: get() }));
      field.value = get();
    } });
    return field;
  }

  // rows: [[word, definition, [value per column]], …]
  function table(columns, rows) {
    return el("table", { class: "ts-table ts-comparison" },
      el("thead", {}, el("tr", {}, el("td", {}, el("span", { class: "ts-hidden", text: "Figure" })), columns.map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, rows.map(([word, definition, values]) => el("tr", {}, el("th", { scope: "row" }, definition ? T.term(word, definition) : word), values.map((value) => el("td", { text: value ?? "–" }))))));
  }

  // the start of a sentence about orders that are not loaded
  const missing = (about) => (about?.absent || []).map(({ why }) => el("p", { class: "ts-failed", text: why }));

  // what is equal and what is not, from the models themselves
  function fairness(about) {
    const models = about?.models || [];
    const line = (model) => {
      const { guidance, top_k: k, top_p: p, temperature } = model.sampling;
      const guided = model.order === "raster" ? `guidance ${T.number(guidance, 2)}, constant: uncond + s (cond − uncond)` : `guidance rising from 0 to ${T.number(guidance, 2)} over the scales: (1 + t) cond − t uncond`;
      return el("li", {}, el("b", { text: `${ORDER[model.order]}: ${model.name}. ` }),
        `${T.number(model.parameters / 1e6, 1)} million parameters, ${T.count(model.tokens, "token")} a picture in ${T.count(model.steps, "step")}, ${model.codes.toLocaleString("en")} codes, tokens of ${model.tokenizer}. Sampling of its card: ${guided}; top-k ${k || "off"}, top-p ${p && p < 1 ? T.number(p, 2) : "off"}, temperature ${T.number(temperature, 2)}.`);
    };
    return el("ul", { class: "ts-facts-list" }, models.map(line));
  }

  T.comparing = { channel, nameOf, percent, fillClasses, seedField, table, missing, fairness, ORDER, NO_CLASS };
})();
