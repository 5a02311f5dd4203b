"""An IBQ as people have it: a Lightning file with every weight twice; the averaged copy counts."""

import pytest
import torch

from explorer import load_tokenizer
from explorer.nets.autoencoder import AutoencoderConfig
from explorer.nets.ibq import IBQ, IBQConfig
from explorer.zoo.inspecting import describe


@pytest.fixture
def nets():
    """Two of the same size: plain and averaged weights."""
    config = IBQConfig(AutoencoderConfig(32, (1, 1, 1), 8, 1, (2,)), 64, 6)
    made = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        made.append(IBQ(config).eval())
    return made


@pytest.fixture
def file(nets, tmp_path):
    plain, averaged = (net.state_dict() for net in nets)
    copies = {f"model_ema.{name.replace('.', '')}": one for name, one in averaged.items()}
    counters = {"model_ema.decay": torch.tensor(0.999), "model_ema.num_updates": torch.tensor(-1)}
    losses = {
        "loss.discriminator.main.0.weight": torch.zeros(2, 2),
        "model_ema.lossdiscriminator": torch.zeros(2),
    }
    path = tmp_path / "imagenet256_64.ckpt"
    torch.save({"epoch": 1, "state_dict": plain | copies | counters | losses}, path)
    return path


def test_the_averaged_copy_is_taken(nets, file):
    tok = load_tokenizer(file, "cpu", "exact", image_size=16)
    plain, averaged = nets
    assert tok.family == "ibq" and tok.chooses_by == "logits"
    assert torch.equal(tok.codebook, averaged.quantize.codebook())
    image = torch.rand(1, 3, 16, 16)
    f = averaged.features(image * 2 - 1)
    assert torch.equal(tok.encode(image)[0], torch.einsum("bchw,vc->bvhw", f, tok.codebook).argmax(1))
    assert not torch.equal(tok.codebook, plain.quantize.codebook())


def test_inspect_counts_each_weight_once(nets, file):
    facts = describe(file)
    assert facts["family"] == "ibq" and facts["problem"] is None
    assert facts["parameters"] == sum(one.numel() for one in nets[0].parameters())
    assert "loss.discriminator.main.0.weight" in facts["ignored"]
