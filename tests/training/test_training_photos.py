import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.training.photos import augmented_batch, batch_indices, load_photos, plain_batch


@pytest.fixture()
def archive(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as out:
        for c, label in enumerate(("b", "a")):
            for i in range(30):
                buffer = io.BytesIO()
                Image.fromarray(np.full((10, 14, 3), 10 * c + i, np.uint8)).save(buffer, "PNG")
                out.writestr(f"{label}/{i:02d}.png", buffer.getvalue())
        out.writestr("note.txt", "not a photo")
    return path


def test_labels_follow_the_sorted_class_names(archive):
    photos = load_photos(archive, 8)
    assert photos.classes == ("a", "b") and len(photos) == 60
    assert photos.images_NHWC.shape == (60, 8, 8, 3)
    assert photos.labels_N.tolist() == [0] * 30 + [1] * 30
    assert photos.images_NHWC[0].max() == 10  # class "a" was written with c = 1


def test_the_split_depends_on_the_name_alone(archive, tmp_path):
    photos = load_photos(archive, 8)
    train_N, held_N = photos.held_out(0.5)
    assert len(train_N) + len(held_N) == 60 and len(held_N) > 10
    held = {photos.names[i] for i in held_N}
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(tmp_path / "half.zip", "w") as half:
        for name in source.namelist()[::2]:
            half.writestr(name, source.read(name))
    fewer = load_photos(tmp_path / "half.zip", 8)
    assert {fewer.names[i] for i in fewer.held_out(0.5)[1]} == held & set(fewer.names)


def test_an_epoch_shows_every_photo_once():
    indices_N = torch.arange(100, 130)
    seen = torch.cat([batch_indices(indices_N, 10, seed=3, step=s) for s in range(3)])
    assert seen.sort().values.tolist() == indices_N.tolist()
    assert batch_indices(indices_N, 10, 3, 3).tolist() != seen[:10].tolist()
    across = batch_indices(indices_N, 20, 3, 1)
    assert across[:10].tolist() == seen[20:].tolist()


def test_batches_are_functions_of_seed_and_step(archive):
    photos = load_photos(archive, 12)
    indices_B = torch.tensor([3, 40])
    first = augmented_batch(photos, indices_B, 8, seed=1, step=5)
    assert torch.equal(first, augmented_batch(photos, indices_B, 8, seed=1, step=5))
    assert not torch.equal(first, augmented_batch(photos, indices_B, 8, seed=1, step=6))
    assert first.shape == (2, 3, 8, 8) and first.abs().max() <= 1
    plain = plain_batch(photos, indices_B, 12)
    assert torch.allclose(
        (plain + 1) * 127.5, torch.tensor([13.0, 10.0]).view(2, 1, 1, 1).expand_as(plain), atol=1e-3
    )


def test_a_set_of_broken_photos_names_one(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.jpg").write_bytes(b"not a photo")
    with pytest.raises(ValueError, match="cat/1.jpg"):
        load_photos(tmp_path, 8)
