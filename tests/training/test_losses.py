import torch

from explorer.training.losses import FeatureNet, PatchDiscriminator, balanced_gradient, feature_distance


def test_feature_distance_is_zero_for_equal_pictures_and_positive_else():
    net = FeatureNet(3, widths=(8, 8)).eval()
    x_BCHW = torch.randn(2, 3, 16, 16)
    assert feature_distance(net, x_BCHW, x_BCHW).tolist() == [0, 0]
    assert (feature_distance(net, x_BCHW, x_BCHW.flip(-1)) > 0).all()


def test_balanced_gradient_adds_the_asked_share():
    y = torch.randn(1, 3, 4, 4, requires_grad=True)
    own, other = y.square().sum(), (1000 * y).sum()
    gradient = balanced_gradient(y, own, other, 0.5)
    added = gradient - 2 * y.detach()
    assert torch.allclose(added.norm(), 0.5 * (2 * y.detach()).norm(), rtol=1e-4)


def test_discriminator_judges_patches():
    assert PatchDiscriminator(8)(torch.zeros(2, 3, 32, 32)).shape == (2, 1, 8, 8)
