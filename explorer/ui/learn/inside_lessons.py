"""The two pages of Learn that look inside the generator: attention, and the lens of the layers.

Each asks for a guess first; the answer is computed by the loaded model (assets/js/learn/learn_inside.js).
"""

from explorer.ui.learn.lesson import WITHOUT_GENERATOR, Facts, Lesson, Way, n


def looked(facts: Facts) -> Lesson:
    if facts.order == "raster":
        seen = (
            "This model writes row by row, so it can only look back: at the class it was told, at the "
            "squares left of this one in the same row, and at the rows above. The square right above is near "
            "on the picture and yet a whole row back in the sequence. Does the model find it?"
        )
    else:
        seen = (
            "This model writes map by map. For a square it can look at the class it was told, at the coarser "
            "maps, and at its own map, which at that moment holds no tokens of its own yet but the picture "
            "so far: all coarser maps together. Which of them does it use?"
        )
    return Lesson(
        "looked",
        "What did it look at?",
        (
            "A generator predicts each token from what is there already. It reads through "
            "[[attention|Weights that sum to 1 over the earlier positions. The model reads their weighted "
            "mean.]], computed anew for every token by many small parts, the [[heads|Parts of a layer that "
            "each spread attention in their own way.]]. " + seen,
            "The figures are means over all heads and layers, beside what an even spread would give. "
            "Attention says where the model looked. It is not a cause: whether a token mattered is found out "
            "by replacing it, which Inside does under Causes.",
        )
        if facts.order
        else (WITHOUT_GENERATOR,),
        "Choose a square, guess what the model looks at most, then look.",
        "guess-looked",
        ("specimen", "pyramid", "looked"),
        (Way("See every head in Inside", "Inside"),),
        "" if facts.order else WITHOUT_GENERATOR,
    )


def layers(facts: Facts) -> Lesson:
    what = "the tokens" if facts.order == "raster" else "the finest map"
    given = "the true tokens before each" if facts.order == "raster" else "the true coarser maps"
    return Lesson(
        "layers",
        "What does each layer do?",
        (
            "A prediction passes through [[layers|Steps of the network, one after the other. Each adds "
            "something to what the one before has worked out.]]. Only the last one is meant to be read, but "
            "one can read the others as if the model ended there. This is the [[logit lens|The model's own "
            f"last step, which names one of the {n(facts.codes)} codes, applied after an earlier layer.]].",
            f"Below, every layer names the codes of {what} with {given} given, and the decoder draws them. "
            "The bars count how many codes are already those of the last layer. That is not the share that "
            "is right: the last layer errs as well. Early layers were never trained to be read, so a strange "
            "picture need not mean that they know nothing.",
        )
        if facts.order
        else (WITHOUT_GENERATOR,),
        "Guess after which layer half of the codes are settled, then read the layers.",
        "layers-guessed",
        ("specimen", "layers"),
        (Way("See all scales and layers in Inside", "Inside"),),
        "" if facts.order else WITHOUT_GENERATOR,
    )
