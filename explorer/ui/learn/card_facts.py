"""What the cards of the loaded models say about them, as rows for the last page of Learn."""

from collections.abc import Mapping


def card_facts(tokenizer: Mapping, generator: Mapping | None) -> list[dict]:
    """What two model cards say, as {"name", "value", "about"}; what a card leaves out is left out here.

    tokenizer, generator: cards as dicts; empty where there is none.
    """
    rows: list[dict] = []

    def add(name: str, value: object, about: str) -> None:
        if value:
            rows.append({"name": name, "value": str(value), "about": about})

    seen, other = _get(tokenizer, "metrics", "held_out"), _get(tokenizer, "metrics", "other_photos")
    add("Learned from", _photos(tokenizer), str(_get(tokenizer, "data").get("about") or ""))
    add("Photos like these come back at", _decibel(seen), _over(seen, "photos it had not seen"))
    add("Other photos come back at", _decibel(other), _over(other, "photos of other kinds"))
    if generator:
        tested = _get(generator, "metrics", "evaluation")
        real, made = tested.get("accuracy_held_out"), tested.get("accuracy")
        if isinstance(made, float) and isinstance(real, float):
            add(
                "A separate classifier names the class of",
                f"{100 * made:.0f} % of its pictures",
                f"and of {100 * real:.0f} % of real photos brought to the same size. It may be content with "
                "texture.",
            )
        add("Its limits, in its maker's words", generator.get("limits"), "")
    add("The tokenizer's limits", tokenizer.get("limits"), "")
    return rows


def _photos(card: Mapping) -> str:
    data = _get(card, "data")
    photos, classes = data.get("photos_trained_on"), data.get("classes")
    if not isinstance(photos, int):
        return ""
    return f"{photos:,} photos" + (f" of {classes} kinds" if isinstance(classes, int) else "")


def _decibel(found: Mapping) -> str:
    value = found.get("psnr_db")
    return f"{value:.1f} dB PSNR" if isinstance(value, int | float) else ""


def _over(found: Mapping, what: str) -> str:
    count = found.get("images")
    if not isinstance(count, int):
        return ""
    return f"Mean over {count:,} {what}. Higher is closer; 10 dB more is a tenth of the squared error."


def _get(card: Mapping, *keys: str) -> Mapping:
    """The entry under these keys, empty where there is none."""
    for key in keys:
        card = card.get(key) if isinstance(card, Mapping) else None
    return card if isinstance(card, Mapping) else {}
