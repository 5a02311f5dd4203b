// Where cells lie: every map of a document covers the whole picture, so a cell is a rectangle of it.
(() => {
  // column widths of the pyramid: growing with the grid, slower than it, so that coarse maps stay readable
  const weight = (scale) => Math.max(scale.h, scale.w) ** 0.62;
  const columns = (scales) => scales.map((scale) => `minmax(0, ${weight(scale).toFixed(3)}fr)`).join(" ");

  // whether the maps no longer fit side by side with cells that can be pointed at
  const compact = (scales, width) => {
    const gaps = 12 * (scales.length - 1);
    const share = Math.max(0, width - gaps) / scales.reduce((sum, scale) => sum + weight(scale), 0);
    return scales.some((scale) => (share * weight(scale)) / scale.w < 12) || scales.length > 8 || width < 480;
  };

  // [top, left, height, width] as parts of the picture
  const footprint = (scale, i, j) => [i / scale.h, j / scale.w, 1 / scale.h, 1 / scale.w];

  // rows and columns of `other` that overlap cell (i, j) of `scale`; integers only, so touching edges do not count
  function linked(scale, i, j, other) {
    const range = (index, n, m) => [Math.floor((index * m) / n), Math.ceil(((index + 1) * m) / n) - 1];
    const [i0, i1] = range(i, scale.h, other.h);
    const [j0, j1] = range(j, scale.w, other.w);
    const cells = [];
    for (let y = i0; y <= i1; y++) for (let x = j0; x <= j1; x++) cells.push(y * other.w + x);
    return cells;
  }

  // the cell of `scale` that lies over the middle of cell (i, j) of `from`
  const over = (from, i, j, scale) => [
    Math.min(scale.h - 1, Math.floor(((i + 0.5) * scale.h) / from.h)),
    Math.min(scale.w - 1, Math.floor(((j + 0.5) * scale.w) / from.w)),
  ];

  function ringStyle(ring, [top, left, height, width]) {
    Object.assign(ring.style, { top: `${top * 100}%`, left: `${left * 100}%`, height: `${height * 100}%`, width: `${width * 100}%` });
  }
  Object.assign(window.Tokenscope, { geometry: { weight, columns, compact, footprint, linked, over, ringStyle } });
})();
