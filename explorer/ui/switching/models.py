"""Which models there are to choose from: the bundled ones, and the files under `--models DIR`.

A choice is a generator with its tokenizer, or a tokenizer alone. The list is made when somebody asks for it,
from names and shapes; the page only ever sends back the id of a choice in it.
"""

import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import CheckpointError
from explorer.families import GENERATOR, NEXT_SCALE, TOKENIZER
from explorer.zoo.cards import card_path
from explorer.zoo.catalogue import ENDINGS, bundled, bundled_partner
from explorer.zoo.outline import Outline, fit_together, read_outline, read_outlines

BUNDLED, FOLDER, GIVEN = "bundled", "folder", "given"
MOST_FILES = 300  # looked at under --models; the rest is named in a sentence
MOST_PARTNERS = 4  # tokenizers offered for one generator


@dataclass(frozen=True, eq=False)
class Choice:
    """What can be opened. id: goes into the address of its page. group: BUNDLED | FOLDER | GIVEN."""

    id: str
    group: str
    tokenizer: Outline
    generator: Outline | None

    @property
    def files(self) -> tuple[Path, Path | None]:
        return self.tokenizer.path, self.generator and self.generator.path


@dataclass(frozen=True)
class Refused:
    """A file under --models that is no choice. file: relative to the folder; reason: a sentence."""

    file: str
    reason: str


@dataclass(frozen=True, eq=False)
class Listing:
    """left_out: files that were not looked at because there are too many."""

    choices: tuple[Choice, ...]
    refused: tuple[Refused, ...]
    left_out: int

    def find(self, choice_id: object) -> Choice:
        """ValueError: there is no such choice."""
        for choice in self.choices:
            if choice.id == choice_id:
                return choice
        raise ValueError(f"There is no model {str(choice_id)[:60]!r} in the list. Open the list again.")


class Library:
    """Lists the choices; remembers the outlines of files that have not changed since.

    given: tokenizer and generator (or None) of the command line: always the first choice of its group.
    folder: what `--models` names, or None. shipped: another folder than checkpoints/, for tests.
    """

    def __init__(
        self, given: tuple[Path, Path | None], folder: Path | None = None, shipped: Path | None = None
    ):
        self.given = tuple(path and path.resolve() for path in given)
        self.folder = folder
        self._shipped = shipped
        self._outlines: dict[tuple, tuple[Outline, ...] | CheckpointError] = {}
        self._lock = threading.Lock()  # one scan at a time

    def listing(self) -> Listing:
        with self._lock:
            own, _ = self._outlined(entry.path for entry in bundled(self._shipped))
            paths, left_out = self._files({outline.path.resolve() for outline in own})
            found, problems = self._outlined(paths)
            pairs = [(BUNDLED, *pair) for pair in _pairs(own, [own])[0]]
            in_folder, alone = _pairs(found, [found, own])
            pairs += [(FOLDER, *pair) for pair in in_folder]
            if not any(_same(self.given, tokenizer, generator) for _, tokenizer, generator in pairs):
                pairs.insert(0, (GIVEN, *self._given_pair()))
        taken: set[str] = set()
        choices = tuple(
            Choice(_id(self._words(tokenizer, generator), taken), group, tokenizer, generator)
            for group, tokenizer, generator in pairs
        )
        refused = sorted(problems | alone)
        return Listing(choices, tuple(Refused(*self._told(*one)) for one in refused), left_out)

    def current(self, listing: Listing) -> Choice:
        """The choice of the command line."""
        return next(c for c in listing.choices if _same(self.given, c.tokenizer, c.generator))

    def _files(self, known: set[Path]) -> tuple[list[Path], int]:
        if self.folder is None:
            return [], 0
        paths = sorted(
            path
            for path in self.folder.rglob("*")
            if path.suffix in ENDINGS
            and not any(part.startswith(".") for part in path.relative_to(self.folder).parts)
            and path.is_file()
            and path.resolve() not in known
        )
        return paths[:MOST_FILES], max(0, len(paths) - MOST_FILES)

    def _outlined(self, paths: Iterable[Path]) -> tuple[list[Outline], set[tuple[Path, str]]]:
        outlines, problems = [], set()
        for path in paths:
            found = self._outlines_of(path)
            if isinstance(found, CheckpointError):
                problems.add((path, str(found)))
            else:
                outlines += found
        return outlines, problems

    def _outlines_of(self, path: Path) -> tuple[Outline, ...] | CheckpointError:
        try:
            key = (path, _stamp(path), _stamp(card_path(path)))
            if key not in self._outlines:
                self._outlines[key] = read_outlines(path)
        except CheckpointError as error:
            self._outlines[key] = error.with_traceback(None)
        except OSError as error:  # removed, or not readable, since the folder was looked at
            return CheckpointError(f"{path} cannot be read: {error.strerror}")
        return self._outlines[key]

    def _given_pair(self) -> tuple[Outline, Outline | None]:
        """Files from elsewhere, which are open already and therefore good."""
        tokenizer = read_outline(self.given[0], TOKENIZER)
        if self.given[1] is None:
            return tokenizer, None
        generator, tokenizer = fit_together(read_outline(self.given[1], GENERATOR), tokenizer)
        return tokenizer, generator

    def label(self, outline: Outline) -> str:
        """A name for people: the place under the folder, else the file's stem."""
        if self.folder and outline.path.is_relative_to(self.folder):
            return str(outline.path.relative_to(self.folder).with_suffix(""))
        return outline.name

    def _words(self, tokenizer: Outline, generator: Outline | None) -> str:
        return self.label(generator or tokenizer)

    def _told(self, path: Path, reason: str) -> tuple[str, str]:
        """The file and the reason without the folders above --models."""
        file = path.relative_to(self.folder) if self.folder else path
        reason = reason.removeprefix(f"{path}: ").replace(f"{path} ", "it ")
        reason = reason.replace(f"{self.folder}/", "") if self.folder else reason
        reason = reason[:1].upper() + reason[1:]
        return str(file), reason if reason.endswith((".", '"')) else f"{reason}."


def _pairs(
    outlines: Sequence[Outline], shelves: Sequence[Sequence[Outline]]
) -> tuple[list[tuple[Outline, Outline | None]], set[tuple[Path, str]]]:
    """(tokenizer, generator) of every generator, then tokenizers alone; and what stays without a partner.

    shelves: where tokenizers for a generator are looked for, the nearest first.
    """
    pairs: list[tuple[Outline, Outline | None]] = []
    alone: set[tuple[Path, str]] = set()
    generators = [outline for outline in outlines if outline.found.kind == "generator"]
    for generator in sorted(generators, key=lambda one: one.found.order != NEXT_SCALE):  # next-scale first
        fitting, why = _partners(generator, shelves)
        pairs += [(tokenizer, generator) for generator, tokenizer in fitting]
        if not fitting:
            alone.add((generator.path, why))
    for tokenizer in (outline for outline in outlines if outline.found.kind == "tokenizer"):
        if tokenizer.found.problem is None:
            pairs.append((tokenizer, None))
        elif not any(tokenizer.path == other.path for other, generator in pairs if generator):
            alone.add((tokenizer.path, tokenizer.found.problem))
    return pairs, alone


def _partners(
    generator: Outline, shelves: Sequence[Sequence[Outline]]
) -> tuple[list[tuple[Outline, Outline]], str]:
    """(generator, tokenizer) pairs from the nearest place that has any: the generator's own file, the partner
    by name, its folder, its shelf, the next shelf. Where there is none: why."""
    shelves = [[one for one in shelf if one.found.kind == "tokenizer"] for shelf in shelves]
    partner = bundled_partner(generator.path)
    beside = [one for one in shelves[0] if one.path.parent == generator.path.parent]
    inside = [one for one in beside if one.path == generator.path]
    for place in (inside, [one for one in beside if one.path == partner], beside, *shelves):
        fitting = []
        for tokenizer in place:
            with suppress(CheckpointError):
                fitting.append(fit_together(generator, tokenizer))
        if fitting:
            return fitting[:MOST_PARTNERS], ""
    found = generator.found
    return [], found.problem or (
        f"this is {found.title}; no tokenizer with its {found.vocab_size} codes is in the folder or bundled"
    )


def _id(wish: str, taken: set[str]) -> str:
    """Made of file names, so that an address still means the same after a restart."""
    words = wish = re.sub(r"[^a-z0-9]+", "-", wish.lower()).strip("-") or "model"
    number = 1
    while words in taken:
        number += 1
        words = f"{wish}-{number}"
    taken.add(words)
    return words


def _same(given: Sequence[Path | None], tokenizer: Outline, generator: Outline | None) -> bool:
    return given == (tokenizer.path.resolve(), generator and generator.path.resolve())


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
