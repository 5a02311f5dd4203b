// Token maps as text that an address can carry: every code in as many bits as the codebook needs, six bits a letter, behind
// eight characters of the tokenizer's sha256. 130 tokens of 12 bits are 260 letters.
//   T.tokenText.pack(maps, model)     maps: K lists of codes; gives the text
//   T.tokenText.unpack(text, model)   gives the K lists, or null where the text is none of this model's
(() => {
  const T = window.Tokenscope;
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const MARK = 8;

  const bitsOf = (codes) => Math.max(1, Math.ceil(Math.log2(codes)));
  const counts = (model) => model.grids.map(([h, w]) => h * w);
  const markOf = (model) => (model.sha256 || "").slice(0, MARK);

  function pack(maps, model) {
    const bits = bitsOf(model.codes);
    let text = "", rest = 0, held = 0;
    for (const id of maps.flat()) {
      for (let bit = bits - 1; bit >= 0; bit -= 1) {
        rest = rest * 2 + (Math.floor(id / 2 ** bit) % 2);
        if ((held += 1) === 6) { text += LETTERS[rest]; rest = held = 0; }
      }
    }
    if (held) text += LETTERS[rest * 2 ** (6 - held)];
    return `${markOf(model)}.${text}`;
  }

  function unpack(text, model) {
    const [mark, letters, ...more] = text.split("."), bits = bitsOf(model.codes);
    const total = counts(model).reduce((sum, count) => sum + count, 0);
    if (more.length || mark !== markOf(model) || letters?.length !== Math.ceil((total * bits) / 6)) return null;
    const values = [...letters].map((letter) => LETTERS.indexOf(letter));
    if (values.includes(-1)) return null;
    const ids = Array.from({ length: total }, (_, n) => {
      let id = 0;
      for (let bit = n * bits; bit < (n + 1) * bits; bit += 1) id = id * 2 + (Math.floor(values[Math.floor(bit / 6)] / 2 ** (5 - (bit % 6))) % 2);
      return id;
    });
    if (ids.some((id) => id >= model.codes)) return null;
    let at = 0;
    return counts(model).map((count) => ids.slice(at, (at += count)));
  }

  T.tokenText = { pack, unpack };
})();
