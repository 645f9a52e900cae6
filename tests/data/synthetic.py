"""Small data sets in the very formats of the official files."""

import io
import lzma
import struct
import tarfile

import numpy as np


def short(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode("latin-1")


def int_(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def batch(images, labels) -> bytes:
    """The pickle that Python 2 wrote of a CIFAR-10 batch, opcode by opcode as in the official files. ``images`` is (n, 3072) uint8."""
    array = b"".join([
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n", int_(0), b"\x85", short("b"), b"tR",
        b"(", int_(1), int_(images.shape[0]), int_(images.shape[1]), b"\x86",
        b"cnumpy\ndtype\n(", short("u1"), int_(0), int_(1), b"tR(", int_(3), short("|"), b"NNN", int_(-1), int_(-1), int_(0), b"tb",
        b"\x89T", struct.pack("<I", images.nbytes), images.tobytes(), b"tb",
    ])  # fmt: skip
    return b"".join([
        b"\x80\x02}(", short("batch_label"), short("training batch 1 of 5"), short("labels"), b"](", *map(int_, labels), b"e",
        short("data"), array, short("filenames"), b"]u.",
    ])  # fmt: skip


def cifar(examples: int) -> dict[str, bytes]:
    """Six batches of random images."""
    rng = np.random.default_rng(7)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    return {name: batch(rng.integers(0, 256, (examples, 3072), np.uint8), rng.integers(0, 10, examples).tolist()) for name in names}


def write(folder, files: dict[str, bytes], *, packed: bool = False) -> None:
    """The files below a folder, each packed as ``.xz`` if wanted."""
    for name, content in files.items():
        file = folder / (f"{name}.xz" if packed else name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lzma.compress(content, preset=0) if packed else content)


def tar(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    """The bytes of an archive."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}
