"""A ViT-VQGAN as people have it: a Lightning file of a rectangle opens through the public functions."""

import pytest
from golden_support import golden_cases, load_arrays, load_config, same, weight_file

from explorer import load_tokenizer
from explorer.errors import CheckpointError

CASES = [
    case
    for case in golden_cases("vitvqgan_", needs=("vitvq", "vq_golden.npz"))
    if case.values[0] is None or "residual" not in case.values[0].name
]


@pytest.mark.parametrize("case", CASES)
def test_tokens_and_pictures(case):
    h, w = load_config(case)["grid"]
    tok = load_tokenizer(weight_file(case, "vitvq"), "cpu", "exact", grids=[[h, w]])
    gold = load_arrays(case / "vq_golden.npz")
    assert tok.family == "vitvqgan" and tok.grids == ((h, w),)
    maps = tok.encode(gold["img_u8"].permute(0, 3, 1, 2).float() / 255)
    same(maps[0].flatten(1), gold["indices"])
    expected = gold["decode_codes"].float().clamp(0, 1)
    assert float((tok.decode(maps) - expected).abs().max()) < 1e-5


@pytest.mark.parametrize("case", CASES)
def test_grids_that_the_tables_are_not_for(case):
    h, w = load_config(case)["grid"]
    with pytest.raises(ValueError, match=rf"the file's position tables have {h * w}"):
        load_tokenizer(weight_file(case, "vitvq"), "cpu", grids=[[h + 1, w]])
    if h != w:
        with pytest.raises(CheckpointError, match=f"its {h * w} positions make no square; pass grids"):
            load_tokenizer(weight_file(case, "vitvq"), "cpu")
