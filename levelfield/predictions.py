"""What a trained network took each test example for, packed small enough to be kept for every run."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The class that a network gave each of ``examples`` test examples, and whether it is the right one: nobody needs the labels for that.

    ``packed`` holds one number an example, its code: the class, plus ``classes`` where it is wrong. Codes are uint8, or little-endian
    uint16 for more than 128 classes, and Huffman-coded (zlib), which takes 5 kB for 10,000 examples of 10 classes.
    """

    classes: int
    examples: int
    packed: bytes

    @classmethod
    def pack(cls, found: NDArray[np.integer[Any]], labels: NDArray[np.integer[Any]], classes: int) -> Self:
        """``found`` and ``labels`` are classes, shape (examples,). Raises ValueError where one lies outside 0 to classes - 1."""
        if found.shape != labels.shape or min(found.min(), labels.min()) < 0 or max(found.max(), labels.max()) >= classes:
            raise ValueError(f"expected two classes below {classes} for each example")
        return cls._of((found + classes * (found != labels)).astype(code_type(classes)), classes)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Of one network on consecutive parts of the test examples. Raises ValueError where they differ in their classes, or as `codes`."""
        [classes] = {part.classes for part in parts}
        return cls._of(np.concatenate([part.codes() for part in parts]), classes)

    @classmethod
    def _of(cls, codes: NDArray[np.unsignedinteger[Any]], classes: int) -> Self:
        # Which class follows which is chance: looking for repeats would find none, and takes ten times as long.
        coder = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)
        return cls(classes=classes, examples=len(codes), packed=coder.compress(codes.tobytes()) + coder.flush())

    def codes(self) -> NDArray[np.unsignedinteger[Any]]:
        """The code of every example, shape (examples,): two networks gave an example the same class exactly where their codes are equal.

        Raises ValueError where ``packed`` does not hold them all.
        """
        try:
            codes = np.frombuffer(zlib.decompress(self.packed), code_type(self.classes))
        except (zlib.error, ValueError) as error:
            raise ValueError(f"predictions cannot be read: {error}") from error
        if len(codes) != self.examples or codes.max(initial=0) >= 2 * self.classes:
            raise ValueError(f"predictions of {self.examples} examples in {self.classes} classes were expected, not these {len(codes)}")
        return codes

    def correct(self) -> NDArray[np.bool_]:
        """Whether each example was given the right class, shape (examples,). Raises ValueError as `codes`."""
        return self.codes() < self.classes

    def predicted(self) -> NDArray[np.int64]:
        """The class that each example was given, shape (examples,). Raises ValueError as `codes`."""
        return self.codes().astype(np.int64) % self.classes

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it: ``packed`` in base64."""
        return asdict(self) | {"packed": base64.b64encode(self.packed).decode()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**data, "packed": base64.b64decode(data["packed"])})


def code_type(classes: int) -> np.dtype[np.unsignedinteger[Any]]:
    """What holds a code of so many classes."""
    return np.min_scalar_type(2 * classes - 1).newbyteorder("<")
