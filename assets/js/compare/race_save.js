// Compare, Race: the two pictures at the shown time with the finding and the time axis, as one PNG.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const R = () => T.race;
  const [SIDE, GAP, HEAD, FOOT] = [480, 32, 104, 132];

  const load = (uri) => new Promise((done) => {
    if (!uri) return done(null);
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => done(null);
    image.src = uri;
  });

  T.saveRace = async (finding) => {
    const css = getComputedStyle(document.body);
    const colour = (name) => css.getPropertyValue(`--ts-${name}`).trim();
    const font = css.getPropertyValue("--ts-sans");
    const lanes = R().lanes();
    const width = GAP + lanes.length * (SIDE + GAP);
    const canvas = el("canvas", { width, height: HEAD + SIDE + FOOT });
    const ink = canvas.getContext("2d");
    const write = (text, x, y, size, weight = 400, name = "text", align = "left") => {
      Object.assign(ink, { font: `${weight} ${size}px ${font}`, fillStyle: colour(name), textAlign: align });
      ink.fillText(text, x, y, width - 2 * GAP);
    };
    ink.fillStyle = colour("bg");
    ink.fillRect(0, 0, canvas.width, canvas.height);
    write(finding, GAP, 44, 24, 600);
    const { view } = state.race;
    for (const [k, lane] of lanes.entries()) {
      const fact = R().facts(lane.order);
      const x = GAP + k * (SIDE + GAP);
      const steps = R().shownSteps(lane);
      write(`${fact.title}, ${fact.name}: ${steps} of ${lane.total} steps`, x, HEAD - 16, 16, 600, lane.order === "raster" ? "text" : "accent");
      ink.fillStyle = colour("sunken");
      ink.fillRect(x, HEAD, SIDE, SIDE);
      const image = await load(R().picture(lane, steps).image);
      if (image) ink.drawImage(image, x, HEAD, SIDE, SIDE);
      if (lane.order === "raster") hatch(ink, x, fact.cells, steps, colour);
    }
    axis(ink, width, HEAD + SIDE + 28, lanes, colour, write);
    write(`${R().said(view.label)}, seed ${view.seed}, both at ${R().seconds(R().now())} of computing time on ${state.race.intro.hardware}. Tokenscope`, GAP, canvas.height - 20, 14, 400, "muted");
    const link = el("a", { href: canvas.toDataURL("image/png"), download: `race-${view.label}-${view.seed}.png` });
    document.body.append(link);
    link.click();
    link.remove();
  };

  // what raster has not painted yet
  function hatch(ink, x, [h, w], steps, colour) {
    const [row, column] = [Math.floor(steps / w), steps % w];
    ink.fillStyle = colour("line");
    if (column) ink.fillRect(x + (SIDE * column) / w, HEAD + (SIDE * row) / h, SIDE * (1 - column / w), SIDE / h);
    const below = row + (column ? 1 : 0);
    ink.fillRect(x, HEAD + (SIDE * below) / h, SIDE, SIDE * (1 - below / h));
  }
  function axis(ink, width, top, lanes, colour, write) {
    const long = (width - 2 * GAP) / Math.max(R().end(), 1e-9);
    lanes.forEach((lane, k) => {
      lane.clock.forEach((at, n) => {
        const from = n ? lane.clock[n - 1] : 0;
        ink.fillStyle = at > R().now() + 1e-9 ? colour("line") : colour(lane.order === "raster" ? "text" : "accent");
        ink.fillRect(GAP + from * long, top + 24 * k, Math.max(1, (at - from) * long - 1), 14);
      });
    });
    ink.fillStyle = colour("text");
    ink.fillRect(GAP + R().now() * long - 1, top - 8, 2, 24 * lanes.length + 10);
    write("0 s", GAP, top + 24 * lanes.length + 16, 13, 400, "muted");
    write(R().seconds(R().end()), width - GAP, top + 24 * lanes.length + 16, 13, 400, "muted", "right");
  }
})();
