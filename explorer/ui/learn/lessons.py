"""The pages of Learn as plain values. Their numbers are those of the loaded models, none is written here.

A text marks a term where it first appears as [[word|definition]]. `tick` names what the reader has to have
done; assets/js/learn/learn_ticks.js watches for it. `panels` are the live parts, in learn_tab.PANELS.
"""

from math import log2

from explorer.ui.learn.inside_lessons import layers, looked
from explorer.ui.learn.lesson import WITHOUT_GENERATOR, Facts, Lesson, Way
from explorer.ui.learn.lesson import grid_text as _grid
from explorer.ui.learn.lesson import n as _n


def lessons(facts: Facts) -> tuple[Lesson, ...]:
    """The pages in their order."""
    return tuple(page(facts) for page in PAGES)


def _token(facts: Facts) -> Lesson:
    H, W = facts.image
    return Lesson(
        "token",
        "What a token is",
        (
            f"The picture below has {W} × {H} pixels. Each is a mix of red, green and blue: "
            f"{_n(3 * H * W)} numbers in all. A network called a [[tokenizer|An encoder that turns a picture "
            "into tokens, and a decoder that turns tokens back into a picture.]] describes the same picture "
            f"with only {_n(facts.tokens)}: one for every square.",
            f"Such a number is a [[token|A whole number, here from 0 to {_n(facts.codes - 1)}: a line number "
            "in a table of small visual patterns.]]. Tokens are to pictures what letters are to text: models "
            "read and write them, and only at the end does a decoder draw pixels. Drag the handle over the "
            "picture: left of it are the real pixels, right of it what the decoder draws from the tokens.",
        ),
        "Choose a square and see on the picture which part it stands for.",
        "token-selected",
        ("specimen", "pyramid"),
        (Way("Open the same picture in Inspect", "Inspect"),),
    )


def _nearest(facts: Facts) -> Lesson:
    size = f"{_n(facts.dimensions)} numbers" if facts.dimensions else "numbers"
    gap = (
        "What the code does not cover is left to the finer maps; after the last one it is lost."
        if facts.several
        else "What lies between the feature and its code is lost."
    )
    rest = (
        " (in the maps after the first, of what the coarser maps have not said yet)" if facts.several else ""
    )
    return Lesson(
        "nearest",
        "The nearest code",
        (
            "Where does a token come from? An encoder looks at the picture and sums up what it sees at a "
            f"square in a list of {size}, the [[feature|A list of numbers in which the encoder sums up one "
            f"part of the picture{rest}. Similar parts have similar lists.]].",
            f"The tokenizer also owns {_n(facts.codes)} fixed lists of the same length, the [[codes|Lists of "
            "numbers that were learned once and are the same for every picture. A token is the number of a "
            "code.]]. It measures how far each of them is from the feature and keeps the number of the "
            f"nearest one. That number is the token. {gap}",
        ),
        "Choose a square, then put its second-nearest code there: press the second bar.",
        "code-replaced",
        ("edited", "pyramid", "distances"),
        (Way("Go on changing tokens in Edit", "Edit"),),
        _BY_LOGITS if facts.chooses_by == "logits" else "",
    )


def _codebook(facts: Facts) -> Lesson:
    learned = f"from {_n(facts.photos)} photos" if facts.photos else "from photos"
    size = f"{_n(facts.dimensions)} numbers of a code" if facts.dimensions else "numbers of a code"
    return Lesson(
        "codebook",
        "The codebook, a visual alphabet",
        (
            f"All {_n(facts.codes)} codes together are the [[codebook|The table of all codes. Encoder, "
            "decoder and generator share it.]]. On this map every dot is one code; the "
            f"{size} are flattened to two, so dots that lie close are often alike.",
            f"Nobody drew this alphabet: it was learned {learned}, together with encoder and decoder. There "
            "is no code for a cat or for a petal. A code is a bit of colour, edge or texture, and what it "
            "looks like in a picture depends on the codes around it. One picture of "
            f"{_n(facts.tokens)} tokens can use at most {_n(min(facts.tokens, facts.codes))} of them.",
        ),
        "Choose a dot, then another one far away from it, and compare the two.",
        "codes-compared",
        ("codes", "codebook"),
        (Way("Explore the whole codebook", "Codebook"),),
    )


def _raster(facts: Facts) -> Lesson:
    h, w = facts.raster_grid
    return Lesson(
        "raster",
        "Why row by row hurts",
        (
            "To write a new picture, a model has to predict tokens. The classic way copies text: row by row, "
            "each token from those before it ([[raster order|Left to right, top to bottom, as in "
            "reading.]]). But a picture is not a line. The square above and the square below are equally "
            "close, yet when a token is predicted the one above is known and the one below is not.",
            f"Neighbours also drift apart: the square right above lies {_n(w)} tokens back. And because "
            f"every token waits for the one before, {h} × {w} tokens take {_n(h * w)} steps, one after "
            "another.",
        ),
        "Press squares to see which neighbours are known when they are written. Only one square knows all of "
        "its neighbours: find it.",
        "all-known",
        ("neighbours",),
        (
            Way("Compare this with other orders", "Compare", "orders"),
            Way("See what it does to completing a picture", "Compare", "completion"),
        ),
    )


def _scales(facts: Facts) -> Lesson:
    h, w = facts.grids[-1]
    first = facts.grids[0]
    single = first == (1, 1)
    which = "the single token of scale 1" if single else "a token of scale 1"
    finest = h * w
    return Lesson(
        "scales",
        "Many scales, one codebook",
        (
            f"This tokenizer does not make one map but {len(facts.grids)}, from {_grid(first)} to "
            f"{_grid((h, w))} squares. Each is a [[scale|One token map of the whole picture. Scale 1 is the "
            "coarsest.]], each covers the whole picture, and all use the same codebook.",
            "So the same code can do very different things: at scale 1 it is spread over everything, at "
            f"scale {len(facts.grids)} it changes one patch and a little around it. Note the price: "
            f"{_n(facts.tokens)} tokens, where the finest map alone has {_n(finest)}. What is gained is an "
            "order, from the whole to the detail: the next pages show what it is good for.",
        )
        if facts.several
        else (
            "A tokenizer can also make several maps of one picture, from 1 × 1 square to a fine grid. Each "
            "covers the whole picture and all use the same codebook. Coarse maps set the layout and colours, "
            "fine ones add detail: an order of importance, at the price of more tokens.",
        ),
        f"Choose {which} and put another code there. Then try the same at the finest scale.",
        "coarse-replaced",
        ("edited", "pyramid", "palette"),
        (Way("Go on changing tokens in Edit", "Edit"),),
        "" if facts.several else _single(facts),
    )


def _residual(facts: Facts) -> Lesson:
    h, w = facts.grids[-1]
    return Lesson(
        "residual",
        "The residual sum",
        (
            f"How do {len(facts.grids) if facts.several else 'several'} maps make one picture? They are "
            "added up. Scale 1 describes the features as well as its few tokens can. What is still missing "
            "is the [[residual|The difference between the features of the picture and the sum of what has "
            "been said so far.]]. Scale 2 describes the residual, scale 3 what is then missing, and so on.",
            f"To be added, every map is stretched to {_grid((h, w))} and passed through a small learned "
            "filter. The decoder can draw the sum after any scale: stop early and you get the whole picture, "
            "coarsely, instead of a part of it. Mostly, but not always, each scale brings the sum closer.",
        ),
        "Step through the pictures from scale 1 to the last, one by one (click them, or use the arrow keys).",
        "all-scales",
        ("specimen", "timeline", "energy"),
        (Way("Measure every scale in Inspect", "Inspect"),),
        "" if facts.several else _single(facts),
    )


def _map(facts: Facts) -> Lesson:
    h, w = facts.raster_grid
    K = len(facts.grids)
    if facts.order == "raster":
        text = (
            f"A [[generator|A network that writes tokens for a class of pictures.]] knows {facts.classes} "
            f"classes. This one, {facts.generator}, writes row by row: {_n(h * w)} steps, one token each. A "
            "next-scale generator writes a whole map per step instead, coarse to fine, and each step sees "
            "all coarser maps.",
            "That takes few steps, but large ones: it is not less work, it is less waiting, because the "
            "tokens of one map are computed side by side. They are also drawn without seeing each other: "
            "only the coarser maps keep them in agreement.",
        )
    else:
        text = (
            f"A [[generator|A network that writes tokens for a class of pictures.]] can use the scales. This "
            f"one, {facts.generator}, knows {facts.classes} classes and writes a whole map in each step: "
            f"{K} steps for {_n(facts.tokens)} tokens. Each step sees all coarser maps, so every square "
            f"knows roughly what lies on all its sides. Row by row, {_grid((h, w))} tokens take {_n(h * w)} "
            "steps.",
            f"This is less waiting, not less work: all {_n(facts.tokens)} tokens have to be computed, only "
            "side by side. And tokens of one map are drawn without seeing each other; the coarser maps keep "
            "them in agreement.",
        )
    return Lesson(
        "map",
        "Predicting a whole map",
        text if facts.order else (WITHOUT_GENERATOR,),
        "Choose a class and let the model write a picture. Watch the maps fill from coarse to fine."
        if facts.order != "raster"
        else "Choose a class and let the model write a picture.",
        "run-done",
        ("run", "writing", "run-pyramid", "run-timeline"),
        (
            Way("Race it against a row-by-row model", "Compare", "race"),
            Way("All settings in Generate", "Generate"),
        ),
        "" if facts.order else WITHOUT_GENERATOR,
    )


def _guidance(facts: Facts) -> Lesson:
    if facts.order == "raster":
        how = "In this model 1 means none, and the same strength holds for every token."
    else:
        how = (
            "In this model 0 means none, and it grows from 0 at scale 1 to the full value at the last scale."
        )
    return Lesson(
        "guidance",
        "Guidance and sampling",
        (
            f"The generator does not name one token but gives each of the {_n(facts.codes)} codes a "
            "probability, and the token is drawn by chance. A [[seed|The start of the random numbers. Same "
            "seed and settings: same picture.]] fixes the dice; [[top-k and top-p|Top-k keeps the k most "
            "probable codes, top-p the fewest codes that together have the probability p. The others are "
            "never drawn.]] leave unlikely codes out.",
            "[[Guidance|Short for classifier-free guidance.]] sharpens the class: the model is asked twice, "
            "with and without the class, and the difference is exaggerated. " + how + " Weak guidance: "
            "varied, but it may miss the class. Strong guidance: typical, but similar and soon garish. The "
            "[[uncertainty|The entropy of the probabilities from which a token is drawn, in bits: 0 is "
            f"certain, {_bits(facts.codes)} bits would be a blind guess among all codes.]] shows how much "
            "choice is left.",
        ),
        "Run the three strengths from the same seed and compare. Then try another seed.",
        "guidance-compared",
        ("guidance",),
        (Way("Use guidance in Generate", "Generate"),),
        ("" if facts.can_guide else _WITHOUT_GUIDANCE) if facts.order else WITHOUT_GENERATOR,
    )


def _information(facts: Facts) -> Lesson:
    bits = _bits(facts.codes)
    total = f"{facts.tokens * log2(facts.codes):,.0f}"
    K = len(facts.grids)
    no_generator = facts.order != "next-scale"
    return Lesson(
        "information",
        "Where the information goes",
        (
            f"To store a token as it is takes {bits} [[bits|One bit answers one yes-or-no question. "
            f"{bits} of them tell {_n(facts.codes)} codes apart.]], this picture {total}. The left bars "
            "show where they go: most to the finest scales, which have most squares. The right bars show "
            "what is bought with them, and the line above what one token buys on average.",
            "Not every token is news. If a generator expects it, fewer bits will do: its [[surprise|−log2 of "
            "the probability that the generator gave the true token, in bits. 0: it was certain. Each bit "
            "more halves the chance.]]. Summed up, this is the size to which a perfect packer with this "
            f"generator could shrink the tokens{_class_bits(facts)}; the better its expectations, the "
            "smaller.",
        )
        if K > 1
        else (
            f"To store a token as it is takes {bits} bits, this picture {total}. With several scales one can "
            "ask what each of them buys with its bits.",
        ),
        "Ask the generator how surprised it is by each scale of this picture.",
        "surprise-asked",
        ("information",),
        (Way("See the surprise of every token in Inspect", "Inspect"),),
        ""
        if facts.several and not no_generator
        else _single(facts)
        if not facts.several
        else "This page needs a generator that writes scale by scale: start the page with "
        "--generator mini-var (or another next-scale model).",
    )


def _limits(facts: Facts) -> Lesson:
    H, W = facts.image
    many = f" {_n(facts.photos)}" if facts.photos else " certain"
    size = (
        f"small: {W} × {H} pixels hold hardly a face or a line of text."
        if max(H, W) <= 128
        else f"not perfect: at {W} × {H} pixels, small text and far faces are lost."
    )
    return Lesson(
        "limits",
        "Limits",
        (
            f"What you have seen is real, but {size} The tokenizer has learned from{many} photos and "
            "describes best what is like them: other pictures may come back with smeared detail or borrowed "
            "texture, and what the tokens do not say cannot be drawn.",
            "A generator adds limits of its own: it writes nothing but its classes, copies the habits of "
            "their photos, and can look right in texture while parts do not fit together. Published models "
            "use the same ideas with more pixels, codes and photos. Below is what the cards of the loaded "
            "models say.",
        ),
        "Open another picture, best one of an unusual kind, and look for what gets lost.",
        "picture-opened",
        ("specimen", "sources", "facts"),
        (
            Way("Compare tokenizers on one picture", "Compare", "tokenizers"),
            Way("Write more pictures", "Generate"),
        ),
    )


PAGES = (
    _token,
    _nearest,
    _codebook,
    _raster,
    _scales,
    _residual,
    _map,
    _guidance,
    _information,
    looked,
    layers,
    _limits,
)

_BY_LOGITS = (
    "This tokenizer compares no distances: its encoder gives every code a number, a logit, and the token is "
    "the code with the largest one. Open a tokenizer that looks for the nearest code, or go on."
)
_WITHOUT_GUIDANCE = (
    "This generator was never trained without a class, so it has no guidance to compare: open a model that "
    "has, or go on."
)


def _single(facts: Facts) -> str:
    return (
        f"This page needs a tokenizer with several scales; the loaded one makes one map of "
        f"{_grid(facts.grids[-1])}. Start the page with --tokenizer mini-tokenizer --generator mini-var, "
        "or go on."
    )


def _class_bits(facts: Facts) -> str:
    """What a packer must send besides: which class the generator was told."""
    if facts.classes < 2:
        return ""
    return f" (and {log2(facts.classes):.3g} bits for the class that it is told)"


def _bits(codes: int) -> str:
    return f"{log2(codes):.3g}"
