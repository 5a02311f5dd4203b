// The classes of the generator, with a search field, and above them what the run is doing.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const MOST = 48; // buttons at once; more classes are found by typing

  T.define("classes", (root) => {
    const { words, ANY } = T.generate;
    const run = () => state.docs.run;
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    const halt = el("button", { type: "button", class: "ts-button ts-halt", text: "Stop", onclick: T.generate.stop });
    const again = el("button", { type: "button", class: "ts-button", text: "Run it now", onclick: () => T.generate.start(state.settings?.label ?? run().label) });
    const field = el("input", { type: "search", class: "ts-field ts-find", placeholder: "Find a class", "aria-label": "Find a class", "aria-controls": "ts-classes", autocomplete: "off", spellcheck: "false" });
    const found = el("span", { class: "ts-caption", role: "status" });
    const grid = el("div", { class: "ts-classes", id: "ts-classes", role: "group", "aria-label": "Classes" });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress", role: "progressbar", "aria-label": "Steps of the run", "aria-valuemin": 0 }, bar);
    const any = el("button", {
      type: "button", class: "ts-button ts-any", text: "Any picture (no class)", onclick: () => T.generate.start(ANY.name),
      "data-tip": "The null class: the model was also trained without being told a class. Guidance compares with it, so here it has no effect.",
    });
    const finder = el("div", { class: "ts-row ts-finder" }, field, any, found);
    root.append(el("div", { class: "ts-head" }, title, el("span", { class: "ts-row ts-still" }, again, halt)), sub, finder, grid, progress);
    let classes = [];
    let source = null; // what they were made of
    let drawn = null;

    // all typed words must be there; names that begin so come first
    function matches() {
      const typed = field.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
      const fits = classes.filter(({ text }) => typed.every((word) => text.toLowerCase().includes(word)));
      const first = ({ text }) => (typed.length && text.toLowerCase().startsWith(typed[0]) ? 0 : 1);
      return typed.length ? fits.sort((a, b) => first(a) - first(b)) : fits;
    }
    function list() {
      const fits = matches(), shown = fits.slice(0, MOST);
      const key = shown.map(({ name }) => name).join("\n");
      if (key !== drawn) {
        drawn = key;
        grid.replaceChildren(...shown.map(({ name, text, image }, n) => el("button", {
          type: "button", "data-label": name, tabindex: n ? -1 : 0,
          onclick: () => T.generate.start(name),
        }, image ? el("img", { src: image, alt: "" }) : grid.withPictures ? el("span", { class: "ts-no-picture", "aria-hidden": "true" }) : null, el("span", { text }))));
      }
      const more = fits.length - shown.length;
      found.textContent = !fits.length ? "No class has this in its name." : more > 0 ? `${T.count(fits.length, "class", "classes")}, the first ${MOST} are shown; type to find others.`
        : field.value.trim() ? T.count(fits.length, "class", "classes") : "";
      press();
    }
    function press() {
      const on = state.running ? state.settings?.label : run()?.label;
      for (const button of grid.children) button.setAttribute("aria-pressed", button.dataset.label === on);
      any.setAttribute("aria-pressed", on === ANY.name);
      any.hidden = state.model?.can_guide === false;
    }

    field.addEventListener("input", list);
    field.addEventListener("keydown", (event) => {
      const [first] = matches();
      if (event.key === "Enter" && first && field.value.trim()) T.generate.start(first.name);
      else if (event.key === "ArrowDown") reach(0);
      else if (event.key === "Escape" && field.value) { field.value = ""; list(); } else return;
      event.preventDefault();
    });
    function reach(n) {
      const buttons = [...grid.children], target = buttons[Math.max(0, Math.min(buttons.length - 1, n))];
      if (!target) return;
      for (const button of buttons) button.tabIndex = button === target ? 0 : -1;
      target.focus();
    }
    grid.addEventListener("keydown", (event) => {
      const buttons = [...grid.children], n = buttons.indexOf(document.activeElement);
      const across = buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length;
      const to = { ArrowRight: n + 1, ArrowLeft: n - 1, ArrowDown: n + across, ArrowUp: n - across, Home: 0, End: buttons.length - 1 }[event.key];
      if (n < 0 || to === undefined) return;
      event.preventDefault();
      if (event.key === "ArrowUp" && to < 0) field.focus(); else reach(to);
    });

    T.subscribe(root, ["model", "docs", "running", "settings"], () => {
      const view = run(), mine = Boolean(view) && view.run === state.running, done = mine ? view.done : 0;
      for (const part of [finder, grid]) part.hidden = !state.model?.classes;
      if (state.model?.classes && source !== state.model.classes) {
        source = state.model.classes;
        classes = state.model.classes.map(({ name, image }) => ({ name, image, text: words(name) }));
        grid.withPictures = classes.some(({ image }) => image);
      }
      list();
      halt.hidden = !state.running;
      again.hidden = Boolean(state.running) || view?.status !== "example";
      progress.setAttribute("aria-valuemax", view?.total || 1);
      progress.setAttribute("aria-valuenow", done);
      bar.style.setProperty("--v", state.running && view ? `${(100 * done) / view.total}%` : "0%");
      title.textContent = heading(view, mine, done);
      sub.replaceChildren(...about(view));
    });

    function unit(view) { return view?.order === "raster" ? "step" : "scale"; }
    function heading(view, mine, done) {
      if (!state.model?.classes) return "No generator is loaded.";
      if (state.running) {
        if (mine && done === view.total) return "All tokens are there. Decoding the pictures.";
        const many = state.settings.seeds > 1 ? `, ${state.settings.seeds} pictures` : "";
        return `Writing ${words(state.settings.label)}: ${unit(view)} ${Math.min(done + 1, view?.total || 1)} of ${view?.total || "…"}${many}`;
      }
      if (!view) return "Choose a class and watch a picture appear, coarse to fine.";
      if (view.status === "stopped") return `Stopped after ${unit(view)} ${view.done} of ${view.total}.`;
      const batch = view.batch || view.rows?.length;
      const drawn = steps(view), many = drawn < view.total ? `${drawn} of ${T.count(view.total, "step")} drawn anew` : T.count(view.total, "step");
      return `${view.title}${drawn < view.total ? ": " : " in "}${many}, ${T.number(view.seconds, 2)} s${batch > 1 ? ` for ${batch} pictures at once` : ""}.`;
    }
    // steps that wrote something: a step whose tokens were all kept did not
    function steps(view) {
      if (view.order === "raster") return view.scales[0].ids.filter((_, n) => !view.scales[0].kept?.[n]).length;
      return view.scales.filter((scale) => !scale.kept || scale.kept.some((kept) => !kept)).length;
    }
    function about(view) {
      if (!state.model?.classes) return ["Start the page with --generator to write new pictures."];
      if (view?.status === "example" && !state.running) return ["Made by this model when the page was started; nothing has run since. Choose a class to make another, or run this one now."];
      const of = state.running ? null : T.branches.parentOf(view);
      if (of) return [`${view.what}, a branch of ${of.what[0].toLowerCase()}${of.what.slice(1)}. ${difference(view, of.view)}`];
      if (T.generate.order() === "raster") return ["Choose a class. The model writes one ", token(), " a step, row by row, each with all earlier ones in view."];
      return ["Choose a class. The model writes one whole map of ", token("tokens"), " a step, each with all coarser maps in view."];
    }
    // what was written anew, and how much of it came out otherwise than in the picture it was made of
    function difference(view, before) {
      let anew = 0, other = 0;
      view.scales.forEach((scale, k) => scale.ids.forEach((id, n) => {
        if (scale.kept?.[n]) return;
        anew += 1;
        if (id !== before.scales[k]?.ids[n]) other += 1;
      }));
      return `${T.count(anew, "token")} ${anew === 1 ? "was" : "were"} written anew, ${other.toLocaleString("en")} of them came out differently.`;
    }
    function token(word = "token") { return T.term(word, "The number of a code: one row of the model's codebook."); }
  });
})();
