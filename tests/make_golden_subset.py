"""Cut the full reference cases down to what travels with the repository (tests/golden, at most 25 MB).

    python tests/make_golden_subset.py ../shared/goldens

What goes: the float copy of input pictures (the bytes stay), most float pictures (they are noise and do
not compress; each kind stays somewhere), most logits (tokens stay), and, where other cases cover them,
convolution weights: `var_b` keeps its quantizer and transformer, `llamagen_a` its transformer. Tests read
what they find, so with TOKENSCOPE_GOLDENS naming the full cases the same tests check everything.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from golden_support import load_weights

TARGET = Path(__file__).parent / "golden"
LIMIT = 25e6
DERIVED = re.compile(r"lvl_1L|attn_bias_for_masking|.*zero_k_bias")

# case -> arrays left out (regular expressions, whole name)
LEFT_OUT = {
    "var_a": [
        "img",
        "recon_[12]",
        "recon_last_preclamp",
        "rand_img_.*",
        "greedy_cfg(0|4)_img",
        "greedy_cfg(0|1.5)_logits_.*",
        "greedy_cfg4_logits_3",
        "tf_logits_uncond",
        ".*_gap_.*",
        "sampled_img",
        "edit_(outpaint|classedit)_img",
    ],
    "var_b": [
        ".*img(_.*)?",
        "recon_.*",
        "enc_out",
        "fhat_[0135689]",
        "greedy_cfg(0|1.5)_fhat",
        "sampled_logits_5",
        ".*_gap_.*",
    ],
    "var_vae_ratio": ["img", "recon_[0-3]", "recon_last_preclamp", "rand_img_.*", "fhat_[13]"],
    "var_vae_rect": ["img", "recon_[0-4]", "recon_last_preclamp", "rand_img_.*"],
    "var_misc": ["(in|out)_4"],
    "llamagen_a": ["greedy._img", "greedy[0-3]_logits", "tf_logits_uncond", "tf_layer_[01]"],
    "llamagen_vq16_ratio": ["img", "decode_quant", "rand_decode_code", "decode_code_u8"],
    "llamagen_vq8_rect": ["img", "(ns_)?decode_quant", "rand_decode_code"],
    "llamagen_misc": ["(in|out|crop_u8)_[45]"],
    "taming_ratio": ["img", "quant", "decode_u8", "rand_decode"],
    "taming_gumbel": ["img(_u8)?", "(rand_)?decode(_u8)?"],
    "taming_cin": ["greedy_(logits|img)", "tf_block_[01]", "sampled_logits_div_temp"],
    "dalle_a": ["mapped", "recon_u8", "rand_.*", "img_u8"],
    "dalle_misc": ["(in|out)_3"],
    "vitvqgan_rect": ["img", "enc_(patches|attn|mlp|out).*", "dec_.*", "h_norm", "gap", "quant_st"],
    "ibq_ratio": ["img", "(ns_|rand_)?quant", "(ns_)?decode_u8"],
    "rqvae_b": ["img", "enc_out", "(ns_)?gap", "z_q", "recon_[012u].*", "recon_forward", "soft_.*", "ns_z.*"],
}
# (case, array) -> how many entries of which axis stay
SHORTENED = {
    ("var_b", "tf_logits"): (1, 91),  # the first six scales
    ("var_b", "tf_var_input"): (1, 90),
    ("llamagen_a", "tf_logits"): (0, 1),
    ("llamagen_a", "greedy4_logits"): (0, 1),
    ("llamagen_a", "sampled_logits"): (0, 1),
    ("llamagen_a", "sampled_probs"): (0, 1),
    ("taming_cin", "sampled_probs"): (0, 1),
    ("dalle_a", "enc_logits"): (0, 1),
    ("dalle_a", "dec_stats"): (0, 1),
    ("dalle_a", "recon"): (0, 1),
}
WHOLE_FILES = {
    "var_a": ["vae.pth", "var.pth"],
    "var_vae_ratio": ["vae.recipe.json", "vae.explicit.npz"],
    "var_vae_rect": ["vae.recipe.json", "vae.explicit.npz"],
    "var_misc": ["phi_index_K4.json"],
    "llamagen_a": ["gpt.pth"],
    "llamagen_vq16_ratio": ["vq.recipe.json", "vq.explicit.npz"],
    "llamagen_vq8_rect": ["vq.recipe.json", "vq.explicit.npz"],
    "taming_ratio": ["vqgan.recipe.json", "vqgan.explicit.npz"],
    "vitvqgan_rect": ["vitvq.ckpt"],
    "ibq_ratio": ["vq.recipe.json", "vq.explicit.npz"],
}
# Cases whose tokenizer has no weights in the subset, so that its arrays would test nothing.
WITHOUT_VQ = ("llamagen_a", "taming_cin")


def main(source: Path) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    for case in LEFT_OUT:
        folder = TARGET / case
        folder.mkdir(parents=True)
        files = [*WHOLE_FILES.get(case, ())]
        if (source / case / "config.json").exists():
            files.append("config.json")
        for name in files:
            copy_file(source / case / name, folder / name)
        for path in sorted((source / case).glob("*golden.npz")):
            if not (case in WITHOUT_VQ and path.name == "vq_golden.npz"):
                cut_arrays(case, path, folder / path.name)
    cut_var_b_weights(source / "var_b", TARGET / "var_b")
    cut_taming_weights(source)
    cut_rqvae_weights(source / "rqvae_b", TARGET / "rqvae_b")
    size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
    print(f"{size / 1e6:.2f} MB in {TARGET}")
    if size > LIMIT:
        raise SystemExit(f"more than the {LIMIT / 1e6} MB that the repository allows")


def copy_file(source: Path, target: Path) -> None:
    """A byte copy; JSON without its white space."""
    if source.suffix == ".json":
        target.write_text(json.dumps(json.loads(source.read_text()), separators=(",", ":")))
    else:
        shutil.copyfile(source, target)


def cut_arrays(case: str, source: Path, target: Path) -> None:
    """Copy an npz without the arrays of LEFT_OUT and with those of SHORTENED cut, compressed."""
    drop = re.compile("|".join(f"(?:{name})" for name in LEFT_OUT[case]) or "$^")
    kept = {}
    with np.load(source) as stored:
        for name in stored.files:
            if drop.fullmatch(name):
                continue
            array = stored[name]
            axis, count = SHORTENED.get((case, name), (0, None))
            kept[name] = array if count is None else array.take(range(count), axis)
    np.savez_compressed(target, **kept)


def cut_var_b_weights(source: Path, target: Path) -> None:
    """The transformer without derived tensors (a 1.8 MB mask), and of the autoencoder only the quantizer."""
    var = torch.load(source / "var.pth", weights_only=True)
    torch.save({n: t for n, t in var.items() if not DERIVED.fullmatch(n)}, target / "var.pth")
    vae = torch.load(source / "vae.pth", weights_only=True)
    torch.save({n: t.clone() for n, t in vae.items() if n.startswith("quantize.")}, target / "quantizer.pth")


def cut_rqvae_weights(source: Path, target: Path) -> None:
    """The weights alone: no training statistics, optimizer or discriminator. The codebook stays shared."""
    stored = torch.load(source / "model.pt", weights_only=True)["state_dict"]
    kept = {name: one for name, one in stored.items() if not name.endswith("_ema")}
    torch.save({"state_dict": kept}, target / "model.pt")


def cut_taming_weights(source: Path) -> None:
    """The transformer of the net2net file, and of the Gumbel-quantised tokenizer the quantizer."""
    net2net = torch.load(source / "taming_cin" / "net2net.ckpt", weights_only=True)
    own = {n: t.clone() for n, t in net2net["state_dict"].items() if n.startswith("transformer.")}
    torch.save(net2net | {"state_dict": own}, TARGET / "taming_cin" / "net2net.ckpt")
    gumbel = load_weights(source / "taming_gumbel", "vqgan")
    own = {n: t.clone() for n, t in gumbel.items() if n.startswith("quantize.")}
    torch.save(own, TARGET / "taming_gumbel" / "quantizer.pth")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
