"""sheet: every class of a generator on one picture."""

import argparse

from explorer.verbs.generate import parse_label, partner_tokenizer
from explorer.verbs.shared import Progress, add_tokenizer_options, add_verb, new_picture, open_tokenizer
from explorer.writing import written_whole


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "sheet",
        sheet,
        "draw a contact sheet: one row per class, one column per seed",
        "python -m explorer sheet --generator mini --out sheet.png --seeds 4 --classes sunflower sea",
    )
    add = parser.add_argument
    add("--generator", metavar="G", default="mini", help="a name or a path (default: %(default)s)")
    add("--out", required=True, metavar="IMAGE", help="the sheet, .png, .jpg or .webp")
    add("--seeds", type=int, default=8, metavar="N", help="columns; seeds 0 to N-1 (default: %(default)s)")
    add("--classes", nargs="+", metavar="NAME", help="rows, names or numbers (default: all)")
    add("--zoom", type=int, default=2, metavar="Z", help="enlarge the pictures (default: %(default)s)")
    add_tokenizer_options(parser, default=None)


def sheet(arguments: argparse.Namespace) -> None:
    from explorer import load_generator
    from explorer.evaluation.generated import drawn_pictures
    from explorer.figures.contact_sheet import contact_sheet
    from explorer.generators.arguments import label_numbers
    from explorer.tokenizers.images import to_pil

    out = new_picture(arguments.out)
    for name in ("seeds", "zoom"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"--{name} is at least 1, not {getattr(arguments, name)}")
    arguments.tokenizer = arguments.tokenizer or partner_tokenizer(arguments.generator)
    gen = load_generator(arguments.generator, open_tokenizer(arguments))
    asked = [parse_label(text, gen.classes) for text in arguments.classes or ()] or range(len(gen.classes))
    numbers = label_numbers(asked, gen.classes, gen.null_class, gen.name)
    names = [(*gen.classes, "no class")[number] for number in numbers]  # the null class comes last

    labels = [None if n == gen.null_class else n for n in numbers for _ in range(arguments.seeds)]
    seeds = [*range(arguments.seeds)] * len(names)
    progress, pictures = Progress(f"drawing {len(names)} classes"), []
    for image_BCHW in drawn_pictures(gen, labels, seeds, {}):
        pictures += to_pil(image_BCHW)
        progress.show(len(pictures), len(labels))
    rows = [pictures[start : start + arguments.seeds] for start in range(0, len(pictures), arguments.seeds)]
    with written_whole(out) as unfinished:
        contact_sheet(rows, names, arguments.zoom).save(unfinished, quality=92)
    print(out)
