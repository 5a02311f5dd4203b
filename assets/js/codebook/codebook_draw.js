// Draws points into a canvas by writing pixels: 16,384 points take a few milliseconds, without a GPU, the same on every
// machine, with no context to lose. A point is a disc with a rim in the colour of the page, so that neighbours stay apart.
(() => {
  const T = window.Tokenscope;
  const stamps = new Map();
  const images = new WeakMap(); // context -> its pixels, written anew for each drawing

  // A disc of `diameter` device pixels with a rim, as offsets from its middle in an image of `width`: `solid` pixels take
  // the colour as it is, `edge` pixels are mixed: how much of the rim (paper), then how much of the colour, 0..256.
  function stamp(diameter, hollow, width) {
    const key = `${diameter},${hollow},${width}`;
    if (stamps.has(key)) return stamps.get(key);
    if (stamps.size > 64) stamps.clear();
    const rim = diameter >= 6 ? Math.min(1.5, diameter / 8) : 0;
    const reach = Math.ceil(diameter / 2 + rim);
    const cover = (distance, radius) => Math.max(0, Math.min(1, radius - distance + 0.5));
    const [solid, edge] = [[], []];
    for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) {
      const distance = Math.hypot(x, y);
      const disc = cover(distance, diameter / 2);
      const fill = hollow ? disc - cover(distance, Math.max(0, diameter / 2 - Math.max(1, diameter / 6))) : disc;
      const outer = hollow ? 0 : cover(distance, diameter / 2 + rim);
      if (fill >= 0.998) solid.push(x, y, y * width + x);
      else if (fill > 0 || outer > 0) edge.push(x, y, y * width + x, Math.round(outer * 256), Math.round(fill * 256));
    }
    const made = { reach, solid: Int32Array.from(solid), edge: Int32Array.from(edge) };
    stamps.set(key, made);
    return made;
  }

  // a over b, both 0xAABBGGRR, share 0..256; two channels at a time
  function mix(a, b, share) {
    const rest = 256 - share;
    const even = (Math.imul(a & 0xff00ff, share) + Math.imul(b & 0xff00ff, rest)) >>> 8;
    const odd = Math.imul((a >>> 8) & 0xff, share) + Math.imul((b >>> 8) & 0xff, rest);
    return 0xff000000 | (even & 0xff00ff) | (odd & 0xff00);
  }
  const outside = (x, y, width, height) => x < 0 || y < 0 || x >= width || y >= height;
  const packed = (r, g, b) => 0xff000000 | (b << 16) | (g << 8) | r;

  // context: 2d, of a canvas of width x height device pixels. xs, ys: places in device pixels. order: indices, the last
  // on top. style[v]: 1 empty ring, + 2 faded. sheet: swatches to draw instead of discs, or null.
  function points(context, { width, height, paper, xs, ys, order, colours, style, diameter, sheet }) {
    let image = images.get(context);
    if (image?.width !== width || image?.height !== height) images.set(context, (image = context.createImageData(width, height)));
    const pixels = new Int32Array(image.data.buffer);
    const ground = packed(...paper);
    pixels.fill(ground);
    const size = Math.max(1, Math.round(diameter));
    const swatches = sheet && size >= 1.5 * sheet.tile;
    const full = stamp(size, false, width);
    const empty = stamp(Math.max(3, Math.round(size * 0.8)), true, width);
    const margin = size + 2;
    for (let n = 0; n < order.length; n++) {
      const v = order[n];
      const x0 = Math.round(xs[v]);
      const y0 = Math.round(ys[v]);
      if (!(x0 > -margin && y0 > -margin && x0 < width + margin && y0 < height + margin)) continue;
      const faded = style[v] & 2;
      if (swatches) { tile(pixels, width, height, x0, y0, size, sheet, v, faded ? ground : null); continue; }
      let colour = packed(colours[3 * v], colours[3 * v + 1], colours[3 * v + 2]);
      if (faded) colour = mix(colour, ground, 60);
      const { reach, solid, edge } = style[v] & 1 ? empty : full;
      const at = y0 * width + x0;
      const inside = x0 >= reach && y0 >= reach && x0 < width - reach && y0 < height - reach;
      for (let m = 0; m < edge.length; m += 5) {
        if (!inside && outside(x0 + edge[m], y0 + edge[m + 1], width, height)) continue;
        const here = at + edge[m + 2];
        const below = edge[m + 3] ? mix(ground, pixels[here], edge[m + 3]) : pixels[here];
        pixels[here] = edge[m + 4] ? mix(colour, below, edge[m + 4]) : below;
      }
      for (let m = 0; m < solid.length; m += 3) {
        if (inside || !outside(x0 + solid[m], y0 + solid[m + 1], width, height)) pixels[at + solid[m + 2]] = colour;
      }
    }
    context.putImageData(image, 0, 0);
  }

  function tile(pixels, width, height, x0, y0, size, sheet, v, faded) {
    const half = size >> 1;
    const left = (v % sheet.columns) * sheet.tile;
    const top = Math.floor(v / sheet.columns) * sheet.tile;
    for (let dy = -1; dy <= size; dy++) {
      const y = y0 - half + dy;
      if (y < 0 || y >= height) continue;
      for (let dx = -1; dx <= size; dx++) {
        const x = x0 - half + dx;
        if (x < 0 || x >= width) continue;
        const at = y * width + x;
        const edge = dx < 0 || dy < 0 || dx === size || dy === size;
        if (edge) { if (faded === null) pixels[at] = 0xff808080 | 0; continue; }
        const colour = sheet.pixels.data[(top + Math.floor((dy * sheet.tile) / size)) * sheet.pixels.width + left + Math.floor((dx * sheet.tile) / size)];
        pixels[at] = faded === null ? colour : mix(colour, faded, 60);
      }
    }
  }

  T.drawPoints = points;
})();
