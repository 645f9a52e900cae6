"""Reads the pickles of CIFAR-10 without trusting them: nothing is imported or called but four harmless stand-ins."""

import codecs
import io
import pickle  # only as the base of a reader that admits nothing
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Refused(Exception):  # noqa: N818
    """The pickle is not what it should be; the message says why."""


class RawArray:
    """What a pickle says of an array. NumPy's own reconstruction is not used: it was not written for hostile input."""

    def __init__(self) -> None:
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def bytes_of(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """The array, if it is of this shape and of bytes. Raises Refused otherwise."""
        match self._state:
            case (int(), tuple() as found, RawType(is_uint8=True), bool() | int() as is_fortran, str() | bytes() as raw):
                content = raw.encode("latin-1") if isinstance(raw, str) else raw
            case _:
                raise Refused("it holds no plain array of uint8")
        if found != shape or len(content) != np.prod(shape):
            raise Refused(f"an array of shape {found} with {len(content)} bytes, expected {shape}")
        return np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_fortran else "C")


class RawType:
    """What a pickle says of an array's type."""

    def __init__(self, *given: Any) -> None:
        self.is_uint8 = given[:1] in (("u1",), (b"u1",), ("|u1",), ("uint8",))

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like: a byte has none."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        # Functions made anew for each request: a pickle can set attributes of what it is given, and these nobody else holds.
        match f"{module}.{name}":
            case "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct":
                return lambda *_: RawArray()
            case "numpy.ndarray":
                return lambda *_: None
            case "numpy.dtype":
                return lambda *given: RawType(*given)  # noqa: PLW0108  # the class itself is not handed out
            case "_codecs.encode":
                return lambda text, encoding: _encode(text, encoding)  # noqa: PLW0108
        raise Refused(f"it asks for {module}.{name}, which no data set needs")


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise Refused(f"it asks for the encoding {encoding}")
    return codecs.latin_1_encode(text)[0]


def read_pickle(content: bytes) -> dict[Any, Any]:
    """The dictionary in a pickle of numbers, texts, lists and arrays of bytes (as `RawArray`). Raises Refused for any other."""
    try:
        found = _Reader(io.BytesIO(content), encoding="latin1").load()
    except Refused:
        raise
    except Exception as error:  # a damaged pickle can fail with any of them
        raise Refused(f"it cannot be read ({error or type(error).__name__})") from error
    if not isinstance(found, dict):
        raise Refused(f"it holds a {type(found).__name__} instead of a dictionary")
    return found
