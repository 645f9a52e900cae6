"""Images of ImageNet's size: a folder of the user's own, or made-up ones, for speed and scaling alone."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levelfield.data.base import DataError, Dataset, from_arrays, platform_packages, read_cache
from levelfield.data.sources.locate import VARIABLE

TITLE = "images of 224 by 224 pixels"
OFFICIAL = None
FOLDER = "imagenet"
ORIGIN = f"your own folder {FOLDER}, or made up"
TEST_FOLDERS = ("val", "test")
SUFFIXES = {".jpeg", ".jpg", ".png", ".webp"}
SIZE, SHORTER_SIDE, CHANNELS, CLASSES = 224, 256, 3, 1000
MEMORY_SHARE = 0.5  # of this machine's, that all images together may take while they are read
# The made-up ones: of ten classes, a pattern of coarse squares under noise each, so that learning can be seen, and means nothing.
TRAIN_EXAMPLES, TEST_EXAMPLES, PATTERNS, SQUARES, NOISE, SEED = 1_280, 256, 10, 7, 64, 0


def prepare() -> Dataset:
    """Images uint8 (n, 224, 224, 3) and labels below 1,000: those of the folder ``imagenet`` where the user's data are, else made-up ones.

    Made-up ones never take the place of real ones in the cache.

    The folder holds ``train`` and ``val`` (or ``test``), in each a folder a class with its images; classes are numbered in the order of
    their names. An image's shorter side is made 256 pixels long, and of that the middle is taken. Raises DataError where the folder is not
    like that, an image cannot be read, or there are more than fit into this machine's memory.
    """
    folder = _folder()
    if not folder.is_dir():
        kept = read_cache("imagenet")
        return kept if kept and kept.source != "synthetic" else from_arrays("imagenet", made_up(), "synthetic")
    test = next((folder / name for name in TEST_FOLDERS if (folder / name).is_dir()), None)
    if not (folder / "train").is_dir() or not test:
        raise DataError(f"{folder}: expected are the folders train and val, with a folder of images for each class")
    classes = sorted(path.name for path in _folders(folder / "train"))
    if not 2 <= len(classes) <= CLASSES:
        raise DataError(f"{folder / 'train'}: {len(classes)} classes, expected 2 to {CLASSES}")
    found = {"train": _files(folder / "train", classes), "test": _files(test, classes)}
    _require_memory(folder, sum(len(files) for files, _ in found.values()))
    arrays = {f"x_{split}": _read(files) for split, (files, _) in found.items()}
    return from_arrays("imagenet", arrays | {f"y_{split}": labels for split, (_, labels) in found.items()}, "own")


def has_own() -> bool:
    """Whether there is such a folder."""
    return _folder().is_dir()


def made_up() -> dict[str, NDArray[np.generic]]:
    """The four arrays of the made-up images, the same on every machine; labels 0, 100, ... 900."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    patterns = rng.integers(NOISE, 256 - NOISE, (PATTERNS, SQUARES, SQUARES, CHANNELS), np.int16)
    arrays: dict[str, NDArray[np.generic]] = {}
    for split, examples in (("train", TRAIN_EXAMPLES), ("test", TEST_EXAMPLES)):
        which = rng.permutation(np.arange(examples) % PATTERNS)
        images = np.empty((examples, SIZE, SIZE, CHANNELS), np.uint8)
        for image, pattern in zip(images, which, strict=True):
            squares = patterns[pattern].repeat(SIZE // SQUARES, 0).repeat(SIZE // SQUARES, 1)
            image[...] = squares + rng.integers(-NOISE, NOISE, squares.shape, np.int16)
        arrays |= {f"x_{split}": images, f"y_{split}": which.astype(np.int64) * (CLASSES // PATTERNS)}
    return arrays


def _files(folder: Path, classes: Sequence[str]) -> tuple[list[Path], NDArray[np.int64]]:
    """The images of a split, by class and name, and their labels."""
    if others := sorted(path.name for path in _folders(folder) if path.name not in classes):
        raise DataError(f"{folder}: the class {others[0]!r} is not in train")
    by_class = [sorted(p for p in (folder / name).glob("*") if p.suffix.lower() in SUFFIXES) for name in classes]
    files = [path for paths in by_class for path in paths]
    if not files:
        raise DataError(f"{folder}: no images ({', '.join(sorted(SUFFIXES))}) in the folders of its classes")
    return files, np.repeat(np.arange(len(classes)), [len(paths) for paths in by_class])


def _folder() -> Path:
    return Path(os.environ.get(VARIABLE) or os.devnull, FOLDER)


def _folders(folder: Path) -> Iterator[Path]:
    """Those of classes; what begins with a dot or an @ has been put there by an editor or a file server."""
    return (path for path in folder.iterdir() if path.is_dir() and path.name[0] not in ".@")


def _require_memory(folder: Path, images: int) -> None:
    needed, there = images * SIZE * SIZE * CHANNELS, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > MEMORY_SHARE * there:
        raise DataError(
            f"{folder}: {images} images take {needed / 1e9:.1f} GB, this machine has {there / 1e9:.1f} GB of memory, of which at most "
            f"{MEMORY_SHARE:.0%} are used; put fewer there, they are to fit on the device that trains, too"
        )


def _read(files: Sequence[Path]) -> NDArray[np.uint8]:
    with platform_packages("imagenet", "Pillow"):
        from PIL import Image
    images = np.empty((len(files), SIZE, SIZE, CHANNELS), np.uint8)
    for image, path in zip(images, files, strict=True):
        try:
            with Image.open(path) as found:
                scale = SHORTER_SIDE / min(found.size)
                width, height = (round(side * scale) for side in found.size)
                left, top = (width - SIZE) // 2, (height - SIZE) // 2
                smaller = found.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
                image[...] = np.asarray(smaller.crop((left, top, left + SIZE, top + SIZE)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's word for a broken PNG is SyntaxError
            raise DataError(f"{path} cannot be read as an image ({error})") from error
    return images
