import torch

from explorer.training.codebook import CodebookAverage


def test_codes_move_to_the_mean_of_their_vectors():
    codebook_VC = torch.tensor([[0.0, 0.0], [10.0, 10.0]])
    average = CodebookAverage(codebook_VC, decay=0.5, dead_below=0.0)
    vectors_NC = torch.tensor([[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]])
    for _ in range(60):
        average.update(codebook_VC, vectors_NC, torch.tensor([0, 0, 1]), torch.Generator())
    assert torch.allclose(codebook_VC, torch.tensor([[0.5, 0.5], [9.0, 9.0]]), atol=1e-4)


def test_unused_codes_are_revived_from_the_batch():
    codebook_VC = torch.zeros(8, 2)
    average = CodebookAverage(codebook_VC, decay=0.5, dead_below=0.1)
    vectors_NC = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)) + 5
    revived = 0
    for step in range(10):
        revived += average.update(
            codebook_VC, vectors_NC, torch.zeros(64, dtype=torch.long), torch.Generator().manual_seed(step)
        )
    assert revived >= 7
    dead_VC = codebook_VC[1:]
    distances = torch.cdist(dead_VC, vectors_NC).min(1).values
    assert (distances < 1e-3).any()


def test_unit_codes_stay_on_the_sphere():
    generator = torch.Generator().manual_seed(0)
    codebook_VC = torch.nn.functional.normalize(torch.randn(16, 4, generator=generator), dim=1)
    average = CodebookAverage(codebook_VC, unit=True)
    vectors_NC = torch.nn.functional.normalize(torch.randn(32, 4, generator=generator), dim=1)
    average.update(codebook_VC, vectors_NC, (vectors_NC @ codebook_VC.T).argmax(1), generator)
    assert torch.allclose(codebook_VC.norm(dim=1), torch.ones(16), atol=1e-5)
