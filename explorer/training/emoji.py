"""A training set of emoji: four free icon sets as class folders, `python -m explorer.training.emoji`.

The icons come from npm packages that hold the drawings as SVG and the code point of each (`chars.json`); the
package emojibase-data gives each code point its subgroup ("animal-bird", "food-fruit"), and `CLASSES` merges
these into classes that a person would name. Without skin tones, gendered variants, flags, keycaps, letters
and signs.

All styles of one sign lie on the same side of the split between training and held-out pictures: the files of
a sign differ only behind the first dot of their name (`birds/1F427.noto.webp`), which `PhotoSet.held_out`
does not read.
"""

import argparse
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from explorer.writing import written_whole

PACKAGES = (
    ("noto", "@iconify-json/noto", "Noto Emoji, Google, Apache-2.0"),
    ("fluent", "@iconify-json/fluent-emoji-flat", "Fluent Emoji, Microsoft, MIT"),
    ("twemoji", "@iconify-json/twemoji", "Twemoji, CC BY 4.0"),
    ("openmoji", "@iconify-json/openmoji", "OpenMoji, CC BY-SA 4.0"),
)
NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
INSTALL = "npm install " + " ".join(name for _, name, _ in PACKAGES) + " emojibase-data"


@dataclass(frozen=True)
class EmojiClass:
    """subgroups: of emojibase, taken whole. also: labels from elsewhere. never: labels left out."""

    subgroups: tuple[str, ...]
    also: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


CATS = ("cat face", "cat", "black cat", "lion", "tiger face", "tiger", "leopard")
PASTRY = ("croissant", "pancakes", "waffle", "moon cake", "dango")
CLASSES = {
    "birds": EmojiClass(("animal-bird",), never=("feather", "wing")),
    "books": EmojiClass(("book-paper",)),
    "bugs": EmojiClass(("animal-bug",)),
    "buildings": EmojiClass(
        ("place-building", "place-religious"), never=("brick", "rock", "wood", "wedding", "kaaba")
    ),
    "cars": EmojiClass(
        (),
        also=(
            *("bus", "oncoming bus", "trolleybus", "minibus", "ambulance", "fire engine", "police car"),
            *("oncoming police car", "taxi", "oncoming taxi", "automobile", "oncoming automobile"),
            *("sport utility vehicle", "pickup truck", "delivery truck", "articulated lorry", "tractor"),
            *("racing car", "auto rickshaw"),
        ),
    ),
    "cats": EmojiClass(("cat-face",), also=CATS),
    "clocks": EmojiClass(("time",), never=("hourglass done", "hourglass not done")),
    "clothing": EmojiClass(("clothing",), never=("prayer beads", "lipstick", "hair pick")),
    "devices": EmojiClass(
        ("computer", "phone"),
        also=("movie camera", "television", "camera", "camera with flash", "video camera", "radio"),
    ),
    "dishes": EmojiClass(("food-prepared", "food-asian"), never=(*PASTRY, "butter", "salt")),
    "drinks": EmojiClass(("drink",), never=("ice",)),
    "faces": EmojiClass(
        (
            *("face-smiling", "face-affection", "face-tongue", "face-hand", "face-neutral-skeptical"),
            *("face-sleepy", "face-unwell", "face-hat", "face-glasses", "face-concerned", "face-negative"),
        ),
        never=("skull", "skull and crossbones"),
    ),
    "fruit": EmojiClass(("food-fruit",)),
    "hands": EmojiClass(
        (
            *("hand-fingers-open", "hand-fingers-partial", "hand-single-finger", "hand-fingers-closed"),
            *("hands", "hand-prop"),
        )
    ),
    "hearts": EmojiClass(("heart",), also=("heart suit",), never=("love letter",)),
    "household": EmojiClass(("household",)),
    "instruments": EmojiClass(
        ("musical-instrument",), also=("postal horn", "bell", "microphone", "studio microphone")
    ),
    "mammals": EmojiClass(("animal-mammal", "monkey-face"), never=(*CATS, "pig nose", "paw prints")),
    "people": EmojiClass(("person", "person-gesture", "person-role")),
    "plants": EmojiClass(("plant-flower", "plant-other"), never=("rosette", "empty nest", "nest with eggs")),
    "sea animals": EmojiClass(("animal-marine",)),
    "sports": EmojiClass(("sport",), also=("pool 8 ball",)),
    "sweets": EmojiClass(("food-sweet",), also=PASTRY),
    "tools": EmojiClass(("tool",), also=("key", "old key", "scissors")),
    "trains": EmojiClass(
        (),
        also=(
            *(
                "locomotive",
                "railway car",
                "high-speed train",
                "bullet train",
                "train",
                "metro",
                "light rail",
            ),
            *("station", "tram", "monorail", "mountain railway", "tram car", "suspension railway"),
            *("mountain cableway", "aerial tramway"),
        ),
    ),
    "vegetables": EmojiClass(("food-vegetable",)),
    "weather": EmojiClass(("sky-weather",), never=("thermometer", "umbrella on ground", "closed umbrella")),
}


@dataclass(frozen=True)
class Sign:
    """One code point: `code` as in "1F427", without variation selectors."""

    code: str
    label: str
    class_name: str


def plain_code(hexcode: str) -> str:
    """Code points joined by "-", in capitals, without the variation selector FE0F."""
    return "-".join(part for part in hexcode.upper().split("-") if part != "FE0F")


def class_of(label: str, subgroup: str) -> str | None:
    """The class of a sign by its English label and emojibase subgroup; None where it belongs to none."""
    for name, wanted in CLASSES.items():
        if label in wanted.also or (subgroup in wanted.subgroups and label not in wanted.never):
            return name
    return None


def read_signs(packages: Path) -> list[Sign]:
    """Every sign with a class, in emojibase's order. `packages` is the node_modules folder."""
    data = _read(packages / "emojibase-data/en/data.json")
    subgroups = _read(packages / "emojibase-data/meta/groups.json")["subgroups"]
    signs = []
    for entry in data:
        if "gender" in entry or "subgroup" not in entry:
            continue
        name = class_of(entry["label"], subgroups[str(entry["subgroup"])])
        if name is not None:
            signs.append(Sign(plain_code(entry["hexcode"]), entry["label"], name))
    return signs


def _read(path: Path) -> dict | list:
    if not path.is_file():
        raise ValueError(f"there is no {path}; run `{INSTALL}` and give its node_modules as --packages")
    return json.loads(path.read_text(encoding="utf-8"))


def drawings(packages: Path, package: str) -> dict[str, str]:
    """The SVG text of every sign of one icon set, by code."""
    icons = _read(packages / package / "icons.json")
    width, height = icons.get("width", 16), icons.get("height", 16)
    found = {}
    for code, name in _read(packages / package / "chars.json").items():
        icon = icons["icons"].get(name)
        if icon is None:
            continue
        box = f"0 0 {icon.get('width', width)} {icon.get('height', height)}"
        found[plain_code(code)] = f'<svg {NAMESPACES} viewBox="{box}">{icon["body"]}</svg>'
    return found


def render(svg: str, side: int) -> Image.Image:
    """The drawing on white, side x side pixels RGB. ValueError where cairosvg is not installed."""
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # OSError: the C library cairo is missing
        raise ValueError(
            f"rendering needs cairosvg and the library cairo ({error}): pip install cairosvg"
        ) from error
    # Drawn larger and made smaller once: cairo's own smoothing leaves thin outlines broken.
    png = cairosvg.svg2png(
        svg.encode(), output_width=4 * side, output_height=4 * side, background_color="white"
    )
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def pictures(packages: Path, side: int) -> Iterator[tuple[str, Image.Image]]:
    """(file name, picture) of every sign in every style. What a style does not draw is left out."""
    signs = read_signs(packages)
    for style, package, _ in PACKAGES:
        by_code = drawings(packages, package)
        for sign in signs:
            if sign.code in by_code:
                yield f"{sign.class_name}/{sign.code}.{style}.webp", render(by_code[sign.code], side)


def write_zip(packages: Path, out: Path, side: int) -> dict[str, int]:
    """Writes the set; returns the number of pictures per class. Blank drawings are left out."""
    counts: dict[str, int] = {}
    with written_whole(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, picture in pictures(packages, side):
            if picture.getextrema() == ((255, 255),) * 3:
                continue
            packed = io.BytesIO()
            picture.save(packed, "WEBP", lossless=True)
            archive.writestr(name, packed.getvalue())
            counts[name.split("/")[0]] = counts.get(name.split("/")[0], 0) + 1
        credits = "\n".join(text for _, _, text in PACKAGES)
        archive.writestr("CREDITS.txt", f"{credits}\nClasses after emojibase-data, MIT\n")
    return counts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m explorer.training.emoji",
        description=f"Render the emoji training set. The drawings: {INSTALL}",
    )
    parser.add_argument(
        "--packages", type=Path, default=Path("node_modules"), help="npm's node_modules folder"
    )
    parser.add_argument("--out", type=Path, required=True, help="the zip file to write")
    parser.add_argument(
        "--side", type=int, default=96, help="pixels (default 96: 64 px training, room for crops)"
    )
    given = parser.parse_args(arguments)
    try:
        if not 16 <= given.side <= 1024:
            raise ValueError(f"--side is {given.side}; 16 to 1024 pixels are possible")
        counts = write_zip(given.packages, given.out, given.side)
    except ValueError as error:
        print(re.sub(r"\s+", " ", str(error)), file=sys.stderr)
        return 2
    for name, count in sorted(counts.items()):
        print(f"{name:12} {count}")
    print(f"wrote {given.out}: {sum(counts.values())} pictures in {len(counts)} classes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
