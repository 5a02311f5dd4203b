// Draws points into a canvas by writing pixels: 16,384 points take a few milliseconds, without a GPU, the same on every
// machine, with no context to lose. A point is a disc with a rim in the colour of the page, so that neighbours stay apart.
(() => {
  const T = window.Tokenscope;
  const stamps = new Map();

  // coverage (0..255) of a disc of `diameter` device pixels with a rim; two layers: rim and fill
  function stamp(diameter, hollow) {
    const key = `${diameter}${hollow}`;
    if (stamps.has(key)) return stamps.get(key);
    const rim = diameter >= 6 ? Math.min(1.5, diameter / 8) : 0;
    const side = Math.ceil(diameter + 2 * rim) | 1;
    const middle = (side - 1) / 2;
    const cover = (distance, radius) => Math.max(0, Math.min(1, radius - distance + 0.5));
    const found = [];
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
      const distance = Math.hypot(x - middle, y - middle);
      const disc = cover(distance, diameter / 2);
      const fill = hollow ? disc - cover(distance, Math.max(0, diameter / 2 - Math.max(1, diameter / 6))) : disc;
      const outer = hollow ? 0 : cover(distance, diameter / 2 + rim);
      if (outer > 0 || fill > 0) found.push(x - middle, y - middle, Math.round(outer * 255), Math.round(fill * 255));
    }
    const made = { side, data: Int16Array.from(found) };
    stamps.set(key, made);
    return made;
  }

  const mix = (a, b, share) => { // a over b, both 0xAABBGGRR, share 0..255
    const rest = 255 - share;
    const red = ((a & 255) * share + (b & 255) * rest) / 255;
    const green = (((a >> 8) & 255) * share + ((b >> 8) & 255) * rest) / 255;
    const blue = (((a >> 16) & 255) * share + ((b >> 16) & 255) * rest) / 255;
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  };
  const packed = (r, g, b) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

  // context: 2d, of a canvas of width x height device pixels. xs, ys: places in device pixels. order: indices, the last on top.
  // style[v]: 0 filled, 1 empty ring, 2 faded. sheet: swatches to draw instead of discs, or null.
  function points(context, { width, height, paper, xs, ys, order, colours, style, diameter, sheet }) {
    const image = context.__image?.width === width && context.__image?.height === height ? context.__image : (context.__image = context.createImageData(width, height));
    const pixels = new Uint32Array(image.data.buffer);
    const ground = packed(...paper) | 0;
    pixels.fill(ground);
    const size = Math.max(1, Math.round(diameter));
    const swatches = sheet && size >= 2 * sheet.tile * 0.75;
    const full = stamp(size, false).data;
    const empty = stamp(Math.max(3, Math.round(size * 0.8)), true).data;
    const margin = size + 2;
    for (let n = 0; n < order.length; n++) {
      const v = order[n];
      const x0 = Math.round(xs[v]);
      const y0 = Math.round(ys[v]);
      if (!(x0 > -margin && y0 > -margin && x0 < width + margin && y0 < height + margin)) continue;
      let colour = packed(colours[3 * v], colours[3 * v + 1], colours[3 * v + 2]) | 0;
      if (style[v] & 2) colour = mix(colour, ground, 60);
      if (swatches) { tile(pixels, width, height, x0, y0, size, sheet, v, style[v] & 2 ? ground : null); continue; }
      const mask = style[v] & 1 ? empty : full;
      const inside = x0 > margin && y0 > margin && x0 < width - margin && y0 < height - margin;
      for (let m = 0; m < mask.length; m += 4) {
        const x = x0 + mask[m];
        const y = y0 + mask[m + 1];
        if (!inside && (x < 0 || y < 0 || x >= width || y >= height)) continue;
        const at = y * width + x;
        const fill = mask[m + 3];
        if (fill === 255) { pixels[at] = colour; continue; }
        let below = pixels[at];
        if (mask[m + 2]) below = mix(ground, below, mask[m + 2]);
        pixels[at] = fill ? mix(colour, below, fill) : below;
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
        if (edge) { if (faded === null) pixels[at] = (255 << 24) | 0x808080; continue; }
        const colour = sheet.pixels.data[(top + Math.floor((dy * sheet.tile) / size)) * sheet.pixels.width + left + Math.floor((dx * sheet.tile) / size)];
        pixels[at] = faded === null ? colour : mix(colour, faded, 60);
      }
    }
  }

  T.drawPoints = points;
})();
