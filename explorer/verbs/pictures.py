"""tokenize and decode: a picture to token maps, token maps to a picture."""

import argparse
import sys

from explorer.verbs.shared import (
    FITS,
    add_json_option,
    add_tokenizer_options,
    add_verb,
    new_file,
    new_picture,
    open_tokenizer,
    print_json,
    save_picture,
)


def add_verbs(verbs) -> None:
    parser = add_verb(
        verbs,
        "tokenize",
        tokenize,
        "turn a picture into token maps, one per scale",
        "python -m explorer tokenize photo.jpg --tokenizer mini --out maps.npz",
    )
    parser.add_argument("image", metavar="IMAGE", help="a picture of any size and format that Pillow reads")
    parser.add_argument(
        "--out", required=True, metavar="NPZ", help="where the token maps go: scale_01, scale_02, ..., meta"
    )
    parser.add_argument(
        "--own-tokens",
        action="store_true",
        help="take the tokens that the file carries (pictures saved by Tokenscope do) instead of encoding it",
    )
    parser.add_argument("--save-input", metavar="PNG", help="also save the picture as the tokenizer sees it")
    parser.add_argument(
        "--fit",
        choices=FITS,
        default="crop",
        help="how the picture is brought to the tokenizer's size: centred crop, letterbox, or the "
        "preprocessing the model was published with (default: %(default)s)",
    )
    add_tokenizer_options(parser)
    add_json_option(parser)

    parser = add_verb(
        verbs,
        "decode",
        decode,
        "turn token maps back into a picture",
        "python -m explorer decode maps.npz --tokenizer mini --out picture.png --upto 4",
    )
    parser.add_argument("maps", metavar="NPZ", help="a file written by tokenize or generate")
    parser.add_argument(
        "--out", required=True, metavar="PNG", help="the picture; a batch gives PNG_1, PNG_2, ..."
    )
    parser.add_argument("--upto", type=int, metavar="K", help="use scales 1 to K only (default: all)")
    parser.add_argument("--force", action="store_true", help="decode even if another tokenizer made the maps")
    add_tokenizer_options(parser)
    add_json_option(parser)


def tokenize(arguments: argparse.Namespace) -> None:
    from explorer.families.schedules import show_grids
    from explorer.tokenizers.carried import carried, survived
    from explorer.tokenizers.images import notice, open_image, to_pil

    picture = open_image(arguments.image)
    if notice(picture):
        print(f"{arguments.image}: {notice(picture)}", file=sys.stderr)
    out = new_file(arguments.out)
    seen = new_picture(arguments.save_input) if arguments.save_input else None
    tok = open_tokenizer(arguments)
    image = tok.fit(picture, mode=arguments.fit)
    maps = tok.encode(image)
    own = carried(picture)
    if arguments.own_tokens:
        if own is None:
            raise ValueError(f"{arguments.image} carries no tokens; without --own-tokens it is encoded")
        own = tok.check_maps(own)
    if own is not None and own.grids == maps.grids:
        share, _ = survived(own, maps)
        taken = "taken" if arguments.own_tokens else "not taken: give --own-tokens"
        note = f"the file carries the tokens that it was decoded from ({taken})"
        print(f"{arguments.image}: {note}; encoding its pixels gives {share:.0%} of them", file=sys.stderr)
    maps = own if arguments.own_tokens else maps
    maps.save(out)
    if seen:
        save_picture(to_pil(image)[0], seen)

    tokens = sum(h * w for h, w in tok.grids)
    H, W = image.shape[-2:]
    if arguments.json:
        print_json(
            {
                "image": arguments.image,
                "size": picture.size,
                "fit": arguments.fit,
                "fitted": [W, H],
                "tokens": tokens,
            }
            | {"grids": tok.grids, "out": str(out), "save_input": arguments.save_input}
            | ({"notice": notice(picture)} if notice(picture) else {})
        )
    else:
        print(f"{arguments.image}: {picture.width} x {picture.height}, {arguments.fit} to {W} x {H}")
        print(f"{out}: {tokens} tokens on grids {show_grids(tok.grids)}")


def decode(arguments: argparse.Namespace) -> None:
    from explorer import TokenMaps
    from explorer.token_maps import check_something_known
    from explorer.tokenizers.images import to_pil

    maps = TokenMaps.load(arguments.maps)
    check_something_known(maps, arguments.maps)
    out = new_picture(arguments.out)
    tok = open_tokenizer(arguments)
    if arguments.grids is None and (maps.meta or {}).get("sha256") == tok.sha256:
        tok = tok.with_grids(maps.grids)  # another size of the same model: the file knows its schedule
    K = len(tok.grids)
    upto = K if arguments.upto is None else arguments.upto
    if not 1 <= upto <= K:
        raise ValueError(f"--upto must be between 1 and {K}, the number of scales; it is {upto}")
    images = (
        tok.decode(maps, force=arguments.force)[None]
        if upto == K
        else tok.decode_progressive(maps, scales=[upto])
    )
    pictures = to_pil(images[0])
    paths = (
        [out] if len(pictures) == 1 else [out.with_stem(f"{out.stem}_{b + 1}") for b in range(len(pictures))]
    )
    for b, (picture, path) in enumerate(zip(pictures, paths, strict=True)):
        save_picture(picture, path, maps.image(b) if upto == K else None)
    if arguments.json:
        print_json({"maps": arguments.maps, "upto": upto, "scales": K, "out": [str(path) for path in paths]})
    else:
        for path, picture in zip(paths, pictures, strict=True):
            print(f"{path}: {picture.width} x {picture.height}, scales 1 to {upto} of {K}")
