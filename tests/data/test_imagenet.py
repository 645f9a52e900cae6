"""Images of ImageNet's size: from a folder, which pixels are taken; made up, what they hold; and what is refused."""

import numpy as np
import pytest
from PIL import Image

from levelfield import data
from levelfield.data import DataError, imagenet

SIZE = imagenet.SIZE


@pytest.fixture
def folder(files):
    """Two classes, 2 + 1 training images and 1 + 1 for testing; one is not upright, one is grey, one has a palette."""
    root = files / "imagenet"
    put(root / "train" / "n01_tench" / "b.png", marked(300, 256))
    put(root / "train" / "n01_tench" / "a.jpeg", Image.new("L", (256, 400), 77))
    put(root / "train" / "n02_goldfish" / "c.PNG", marked(600, 512))
    put(root / "val" / "n01_tench" / "d.png", marked(256, 300).convert("P"))
    put(root / "val" / "n02_goldfish" / "e.jpg", Image.new("RGB", (50, 60), (200, 100, 0)))
    (root / "train" / "n02_goldfish" / "notes.txt").write_text("no image")
    (root / "train" / ".checkpoints").mkdir()
    return root


def marked(width, height):
    """Black, but for the middle 224 by 224 pixels of its size with a shorter side of 256, which are white."""
    image, scale = Image.new("RGB", (width, height)), min(width, height) / imagenet.SHORTER_SIDE
    half = int(SIZE / 2 * scale)
    image.paste((255, 255, 255), (width // 2 - half, height // 2 - half, width // 2 + half, height // 2 + half))
    return image


def put(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def test_a_folder_is_read_by_class_and_name_and_the_middle_of_each_image_is_taken(folder):
    found = data.load("imagenet")
    assert {name: (array.dtype.name, array.shape) for name, array in found.arrays().items()} == {
        "x_train": ("uint8", (3, SIZE, SIZE, 3)),
        "y_train": ("int64", (3,)),
        "x_test": ("uint8", (2, SIZE, SIZE, 3)),
        "y_test": ("int64", (2,)),
    }
    assert found.source == "own"
    assert (found.y_train.tolist(), found.y_test.tolist()) == ([0, 0, 1], [0, 1])
    assert (found.x_train[0] == 77).all(), "a.jpeg comes before b.png, and grey is three equal colours"
    for image in (found.x_train[1], found.x_train[2], found.x_test[0]):
        assert (image[3:-3, 3:-3] == 255).all(), "not the middle"
    assert np.abs(found.x_test[1].astype(int) - (200, 100, 0)).max() < 6, "colours in another order"


def test_real_images_take_the_place_of_made_up_ones_and_never_the_other_way_round(folder, monkeypatch, tmp_path):
    for name, number in (("TRAIN_EXAMPLES", 20), ("TEST_EXAMPLES", 10)):
        monkeypatch.setattr(imagenet, name, number)
    monkeypatch.setenv("LEVELFIELD_DATA", str(tmp_path))
    assert data.load("imagenet").source == "synthetic"
    assert data.load("imagenet").source == "synthetic"
    monkeypatch.setenv("LEVELFIELD_DATA", str(folder.parent))
    own = data.load("imagenet")
    assert (own.source, len(own.x_train)) == ("own", 3)
    monkeypatch.setenv("LEVELFIELD_DATA", str(tmp_path))
    assert data.prepare("imagenet").fingerprint == own.fingerprint
    monkeypatch.delenv("LEVELFIELD_DATA")
    assert data.load("imagenet").fingerprint == own.fingerprint


def test_without_a_folder_they_are_made_up_alike_everywhere_and_can_be_told_apart(files):
    found = data.load("imagenet")
    assert found.source == "synthetic"
    assert (found.x_train.shape, found.x_test.shape) == ((1280, SIZE, SIZE, 3), (256, SIZE, SIZE, 3))
    assert found.fingerprint == FINGERPRINT
    labels, counts = np.unique(found.y_train, return_counts=True)
    assert labels.tolist() == list(range(0, 1000, 100))
    assert set(counts) == {128}
    means = np.stack([found.x_train[found.y_train == label][:8].mean(axis=0) for label in labels])
    nearest = [labels[np.abs(means - image).mean(axis=(1, 2, 3)).argmin()] for image in found.x_test[:20]]
    assert nearest == found.y_test[:20].tolist()


FINGERPRINT = "fd5444e4db4f473705e7b49ccc79d47f157ae2c24b5fdcc73c6146d0a12d7dbc"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / "val").rename(root / "other"), "expected are the folders train and val"),
        (lambda root: (root / "val" / "n01_tench").rename(root / "val" / "n03"), "the class 'n03' is not in train"),
        (lambda root: (root / "train" / "n01_tench" / "b.png").write_bytes(b"GIF89a"), r"b\.png cannot be read as an image"),
        (lambda root: [path.unlink() for path in (root / "val").glob("*/*")], "no images"),
        (lambda root: [(root / "train" / f"n{n}").mkdir() for n in range(1000)], "1002 classes, expected 2 to 1000"),
    ],
)
def test_what_is_not_such_a_folder_is_refused(folder, cache, spoil, words):
    spoil(folder)
    with pytest.raises(DataError, match=words):
        data.load("imagenet")
    assert not (cache / "data").exists(), "something was cached"


def test_more_than_the_memory_holds_is_refused_before_anything_is_read(folder, monkeypatch):
    monkeypatch.setattr(imagenet, "MEMORY_SHARE", 1e-6)
    with pytest.raises(DataError, match=r"5 images take 0\.0 GB, this machine has .* put fewer there"):
        data.load("imagenet")
