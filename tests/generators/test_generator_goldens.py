"""Both generators against the reference: greedy runs, sampled distributions, zero-shot editing."""

import numpy as np
import pytest
import torch
from generator_support import golden_raster, golden_var, last
from golden_support import close, golden_cases, indices, load_arrays, same, stored_part

from explorer import TokenMaps
from explorer.generators import box_mask
from explorer.generators.sampling import Sampling, distribution, filtered
from explorer.token_maps import keep_masks

VAR = golden_cases("var_", needs=("var", "var_golden.npz"))
RASTER = golden_cases("llamagen_", needs=("gpt", "gpt_golden.npz"))


def maps_of(gold: dict, prefix: str, grids: tuple) -> TokenMaps:
    return TokenMaps([gold[f"{prefix}{k}"].unflatten(1, grid) for k, grid in enumerate(grids)])


def unpacked(bits: torch.Tensor, count: int) -> torch.Tensor:
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=-1)[..., :count].astype(bool))


def close_bytes(image: torch.Tensor, gold_BHWC: torch.Tensor) -> None:
    """255 x, truncated; one off is allowed where rounding meets a boundary."""
    ours = (image * 255).to(torch.uint8).permute(0, 2, 3, 1)
    assert (ours.int() - gold_BHWC.int()).abs().max() <= 1


@pytest.mark.parametrize("case", VAR)
def test_var_teacher_forced_logits(case):
    gold = load_arrays(case / "var_golden.npz")
    gen, _ = golden_var(case)
    maps = maps_of(gold, "tf_idx_", gen.grids)
    logits = torch.cat([found.flatten(1, 2) for found in gen.logits(maps, gold["tf_labels"].tolist())], dim=1)
    close(stored_part(logits, gold["tf_logits"]), gold["tf_logits"], "var_logits")


@pytest.mark.parametrize("guidance", ["0", "1.5", "4"])
@pytest.mark.parametrize("case", VAR)
def test_var_greedy(case, guidance):
    gold = load_arrays(case / "var_golden.npz")
    gen, decodes = golden_var(case)
    labels, name = gold["greedy_labels"].tolist(), f"greedy_cfg{guidance}"
    step = last(gen.generate(labels, guidance=float(guidance), temperature=0))
    for k in range(len(gen.grids)):
        same(step.maps[k].flatten(1), gold[f"{name}_idx_{k}"], f"tokens of scale {k + 1}")
    logits = gen.logits(step.maps, labels, guidance=float(guidance))
    for k in indices(gold, f"{name}_logits_"):
        close(logits[k].flatten(1, 2), gold[f"{name}_logits_{k}"], "guided_logits")
    if f"{name}_fhat" in gold:
        close(gen.tokenizer.accumulate(step.maps)[-1], gold[f"{name}_fhat"], "f_hat")
    if decodes and f"{name}_img" in gold:
        close(gen.tokenizer.decode(step.maps), gold[f"{name}_img"], "image")
    if decodes and f"greedy_img_u8_cfg{guidance}" in gold:
        close_bytes(gen.tokenizer.decode(step.maps), gold[f"greedy_img_u8_cfg{guidance}"])


@pytest.mark.parametrize("case", VAR)
def test_var_sampled_distributions(case):
    gold = load_arrays(case / "var_golden.npz")
    gen, decodes = golden_var(case)
    maps = maps_of(gold, "sampled_idx_", gen.grids)
    settings = Sampling(
        guidance=gold["sampled_cfg"].item(),
        top_k=gold["sampled_top_k"].item(),
        top_p=gold["sampled_top_p"].item(),
    )
    logits = gen.logits(maps, gold["sampled_labels"].tolist(), guidance=settings.guidance)
    checked = indices(gold, "sampled_logits_")
    assert len(checked) >= 4
    for k in checked:
        ours = logits[k].flatten(1, 2)
        close(ours, gold[f"sampled_logits_{k}"], "guided_logits")
        probabilities, kept = distribution(ours, settings, gen.nucleus_from_tail)
        same(kept, unpacked(gold[f"sampled_keep_{k}"], gen.vocab_size), f"mask of scale {k + 1}")
        close(filtered(probabilities, kept), gold[f"sampled_probs_{k}"], "probabilities")
    if decodes and "sampled_img" in gold:
        close(gen.tokenizer.decode(maps), gold["sampled_img"], "image")


@pytest.mark.parametrize("edit", ["inpaint", "outpaint", "classedit"])
@pytest.mark.parametrize("case", VAR)
def test_var_zero_shot_editing(case, edit):
    gold = load_arrays(case / "var_golden.npz")
    gen, decodes = golden_var(case)
    name = f"edit_{edit}"
    label = gold[f"{name}_label"].item()
    box = tuple(gold[f"{name}_box_y0x0y1x1"].tolist())
    keep = box_mask(box, gen.grids[-1], inside=not gold[f"{name}_inpainting"].item())
    for k, mask in enumerate(keep_masks(keep, gen.grids, 1)):
        same(mask, gold[f"{name}_force_{k}"], f"kept cells of scale {k + 1}")
    steps = list(
        gen.generate(
            None if label == gen.null_class else label,
            guidance=gold[f"{name}_cfg"].item(),
            temperature=0,
            given=maps_of(gold, "edit_src_idx_", gen.grids),
            keep=keep,
        )
    )
    for k, step in enumerate(steps):
        same(step.sampled.flatten(1), gold[f"{name}_idx_{k}"], f"drawn tokens of scale {k + 1}")
        same(step.maps[k].flatten(1), gold[f"{name}_final_idx_{k}"], f"tokens of scale {k + 1}")
    if decodes and f"{name}_img" in gold:
        close(gen.tokenizer.decode(steps[-1].maps), gold[f"{name}_img"], "image")


@pytest.mark.parametrize("case", RASTER)
def test_raster_teacher_forced_logits(case):
    gold = load_arrays(case / "gpt_golden.npz")
    gen, _ = golden_raster(case)
    maps = TokenMaps([gold["tf_idx"].unflatten(1, gen.grids[0])])
    logits = gen.logits(maps, gold["tf_labels"].tolist())[0].flatten(1, 2)
    # The reference's last row predicts a token beyond the picture.
    close(logits[: len(gold["tf_logits"])], gold["tf_logits"][:, :-1], "gpt_logits")


@pytest.mark.parametrize("run", range(5))
@pytest.mark.parametrize("case", RASTER)
def test_raster_greedy(case, run):
    gold = load_arrays(case / "gpt_golden.npz")
    gen, decodes = golden_raster(case)
    labels, name = gold["greedy_labels"].tolist(), f"greedy{run}"
    guidance, interval = gold[f"{name}_cfg_scale"].item(), gold[f"{name}_cfg_interval"].item()
    step = last(gen.generate(labels, guidance=guidance, guidance_interval=interval, temperature=0))
    same(step.maps[0].flatten(1), gold[f"{name}_seq"])
    if f"{name}_logits" in gold:
        ours = guided_logits(gen, step.maps, labels, guidance, interval)
        close(stored_part(ours, gold[f"{name}_logits"]), gold[f"{name}_logits"], "guided_logits")
    if decodes and f"{name}_img" in gold:
        close(gen.tokenizer.decode(step.maps) * 2 - 1, gold[f"{name}_img"].clamp(-1, 1), "image")


def guided_logits(gen, maps, labels, guidance, interval):
    """(B,N,V): guided up to the interval's end, conditional after it."""
    guided = gen.logits(maps, labels, guidance=guidance)[0].flatten(1, 2)
    conditional = gen.logits(maps, labels)[0].flatten(1, 2)
    turn = torch.arange(guided.shape[1])
    inside = (interval < 0) | (turn <= interval + 1)
    return torch.where(inside[None, :, None], guided, conditional)


@pytest.mark.parametrize("case", RASTER)
def test_raster_sampled_distributions(case):
    gold = load_arrays(case / "gpt_golden.npz")
    gen, _ = golden_raster(case)
    maps = TokenMaps([gold["sampled_seq"].unflatten(1, gen.grids[0])])
    settings = Sampling(
        guidance=gold["sampled_cfg_scale"].item(),
        top_k=gold["sampled_top_k"].item(),
        top_p=gold["sampled_top_p"].item(),
        temperature=gold["sampled_temperature"].item(),
    )
    logits = gen.logits(maps, gold["sampled_labels"].tolist(), guidance=settings.guidance)[0].flatten(1, 2)
    logits = stored_part(logits, gold["sampled_logits"])
    close(logits, gold["sampled_logits"], "guided_logits")
    probabilities, kept = distribution(logits, settings, gen.nucleus_from_tail)
    ours = filtered(probabilities, kept)
    same(ours > 0, gold["sampled_probs"] > 0, "mask")
    close(ours, gold["sampled_probs"], "probabilities")
