// A seed as somebody typed it: a whole number, else a word about why it is none, and the seed from before stays.
(() => {
  const T = window.Tokenscope;
  const LARGEST = 2 ** 31 - 1;

  // kept: the seed that stays where the field holds none; without it the last good one of this field
  T.seedOf = (field, { kept = null, largest = LARGEST } = {}) => {
    const typed = field.value.trim();
    if (/^\d+$/.test(typed) && Number(typed) <= largest) {
      field.dataset.seed = String(Number(typed));
      return Number(typed);
    }
    const before = kept ?? Number(field.dataset.seed ?? field.defaultValue ?? 0);
    field.value = String(before);
    T.problem(`A seed is a whole number from 0 to ${largest.toLocaleString("en")}; ${typed === "" ? "an empty field" : `“${typed}”`} is none, so seed ${before} stays.`);
    return before;
  };
})();
