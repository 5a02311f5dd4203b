"""Whatever stands in checkpoints/ opens, and its card tells the truth about it."""

import pytest

from explorer.zoo import open_checkpoint
from explorer.zoo.cards import read_card
from explorer.zoo.catalogue import bundled
from explorer.zoo.inspecting import describe


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in bundled()])
def test_bundled_file_and_card(entry):
    card = read_card(entry.path)
    assert card is not None and card.family and card.grids and card.image_size
    facts = describe(entry.path)
    assert facts["runs"], facts["problem"]
    assert facts["card"]["sha256_matches"] is True
    assert facts["grids_source"] == "card"
    opened = open_checkpoint(entry.name)
    assert opened.path == entry.path
    if opened.recognition.kind == "generator":
        assert len(card.classes) == opened.recognition.num_classes
