// The photo itself, sharp, beside what the model sees of it. An own photo is made smaller here, in the browser, and never
// leaves it in that form: it lies in memory, and in this tab's storage for a reload. Samples come from the server.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const SIDE = 1024; // pixels of the longer side
  const STORED = 4; // own photos that a reload finds again
  const KEPT = 24; // own photos in memory
  const KEY = "tokenscope-photo-";
  const samples = new Map(); // name -> address, "" while it is on its way or where there is none
  const own = new Map(); // number of an opened picture -> {id, url, width, height, frames: by fit}
  let coming = null; // the promise of the photo that is being opened
  let fetchSample = async () => null;

  state.photos = 0; // counts what has arrived
  state.arriving = null; // the photo that is being read, until its tokens are here
  const changed = () => setTimeout(() => T.set({ photos: state.photos + 1 }), 0); // who asks may be drawing
  const quietly = (action) => { try { return action(); } catch { return null; } }; // a private window may refuse

  async function smaller(file) {
    const image = await createImageBitmap(file); // upright, as its camera noted
    const share = Math.min(1, SIDE / Math.max(image.width, image.height));
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * share)));
    const canvas = el("canvas", { width, height }), pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // under what is transparent, as on the server
    pen.fillRect(0, 0, width, height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, 0, 0, width, height);
    const size = [image.width, image.height];
    image.close();
    const url = canvas.toDataURL("image/jpeg", 0.88);
    return { id: `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`, url, width: size[0], height: size[1], frames: {} };
  }
  // begins with a file that is on its way to the server; a browser that cannot read it shows what the model sees instead
  function take(file) {
    const promise = smaller(file).catch(() => null);
    coming = promise;
    promise.then((photo) => { if (coming === promise) T.set({ arriving: photo }); });
    return promise;
  }
  function settled() { // the answer is here, or there will be none
    coming = null;
    if (state.arriving) T.set({ arriving: null });
  }
  async function belongs(number, promise) {
    const photo = await promise;
    if (!photo) return;
    own.set(number, photo);
    if (own.size > KEPT) own.delete(own.keys().next().value);
    store(photo);
    changed();
  }
  const same = (number, before) => { if (own.has(before) && !own.has(number)) own.set(number, own.get(before)); };

  function stored() { return quietly(() => Object.keys(sessionStorage).filter((key) => key.startsWith(KEY)).sort()) || []; }
  function store(photo) {
    const old = stored();
    for (const key of old.slice(0, Math.max(0, old.length + 1 - STORED))) quietly(() => sessionStorage.removeItem(key));
    quietly(() => sessionStorage.setItem(KEY + photo.id, JSON.stringify(photo)));
  }
  // after a reload: the photo under which a kept picture was stored
  function restored(number, id) {
    const photo = id && quietly(() => JSON.parse(sessionStorage.getItem(KEY + id)));
    if (typeof photo?.url !== "string" || !photo.url.startsWith("data:image/jpeg;base64,")) return;
    own.set(number, { ...photo, old: true }); // the server has what the model saw alone, so it cannot tell where that lies
    changed();
  }
  const forget = () => stored().forEach((key) => quietly(() => sessionStorage.removeItem(key)));

  // {url, frame: [left, top, width, height] of what the model sees, in shares of the photo, words} or null
  function of(view) {
    if (!view?.fit) return null;
    const photo = own.get(view.picture);
    if (photo) {
      if (!photo.frames[view.fit] && !photo.old && view.frame) {
        photo.frames[view.fit] = view.frame;
        if (stored().includes(KEY + photo.id)) quietly(() => sessionStorage.setItem(KEY + photo.id, JSON.stringify(photo)));
      }
      return photo.frames[view.fit] ? { url: photo.url, frame: photo.frames[view.fit], words: "your photo", size: `${photo.width} × ${photo.height} px` } : null;
    }
    if (!view.sample || !view.frame) return null;
    if (!samples.has(view.sample)) {
      samples.set(view.sample, "");
      fetchSample(view.sample).then((url) => { samples.set(view.sample, url || ""); changed(); }).catch(() => samples.delete(view.sample));
    }
    return samples.get(view.sample) ? { url: samples.get(view.sample), frame: view.frame, words: "the photo", size: "" } : null;
  }
  const idOf = (number) => own.get(number)?.id || null;

  // a frame of the photo as a picture of the model's proportions; show(photo) draws another
  function framed(name) {
    const image = el("img", { alt: "", draggable: "false" });
    const node = el("div", { class: `ts-framed ${name}` }, image);
    node.show = (photo) => {
      if (!photo) return image.removeAttribute("src");
      const [left, top, width, height] = photo.frame;
      Object.assign(image.style, { left: `${(-100 * left) / width}%`, top: `${(-100 * top) / height}%`, width: `${100 / width}%`, height: `${100 / height}%` });
      if (image.getAttribute("src") !== photo.url) image.src = photo.url;
    };
    return node;
  }

  T.photos = { take, settled, belongs, same, restored, forget, of, idOf, framed, connect: (look) => { fetchSample = look; changed(); } };
})();
