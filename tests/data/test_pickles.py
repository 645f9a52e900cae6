"""The reader of CIFAR-10's pickles: it reads them, and admits nothing else."""

import os
import pickle

import numpy as np
import pytest

from levelfield.data.sources.pickles import Refused, read_pickle
from tests.data.synthetic import batch, short

IMAGES = np.random.default_rng(3).integers(0, 256, (2, 3072), np.uint8)


class Payload:
    """Runs a function when it is unpickled without care."""

    def __init__(self, function, *arguments) -> None:
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def test_what_python_2_wrote_is_read():
    found = read_pickle(batch(IMAGES, [3, 9]))
    assert found["labels"] == [3, 9]
    assert np.array_equal(found["data"].bytes_of((2, 3072)), IMAGES)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_python_3_and_any_numpy_write_is_read(protocol, order):
    content = pickle.dumps({"data": np.array(IMAGES, order=order), "labels": [1]}, protocol=protocol)
    for written in (content, content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")) if protocol < 4 else (content,):
        assert np.array_equal(read_pickle(written)["data"].bytes_of((2, 3072)), IMAGES)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (lambda marker: Payload(os.system, f"touch {marker}"), "posix.system"),
        (lambda marker: Payload(eval, f"open({str(marker)!r}, 'w')"), "eval"),
        (lambda marker: Payload(open, str(marker), "w"), "open"),
        (lambda marker: Payload(np.save, str(marker), 1), "numpy.save"),
        (lambda marker: {"data": Payload(os.mkdir, str(marker))}, "posix.mkdir"),
    ],
)
def test_what_would_run_is_refused_by_name(tmp_path, payload, name, protocol):
    content = pickle.dumps(payload(tmp_path / "marker"), protocol=protocol)
    with pytest.raises(Refused, match=rf"asks for .*{name}"):
        read_pickle(content)
    assert not list(tmp_path.iterdir())
    pickle.loads(content)
    assert list(tmp_path.iterdir()), "the payload is harmless: this test proves nothing"


@pytest.mark.parametrize("content", [b"(S'true'\nios\nsystem\n.", b"(cos\nsystem\nS'true'\no."], ids=["INST", "OBJ"])
def test_the_oldest_ways_to_call_are_refused_by_name(content):
    with pytest.raises(Refused, match=r"asks for os\.system"):
        read_pickle(content)


def test_numpy_itself_is_not_given():
    for module in ("numpy.core.multiarray\n_reconstruct", "numpy\nndarray", "numpy\ndtype"):
        found = read_pickle(b"}(" + short("found") + b"c" + module.encode() + b"\nu.")["found"]
        assert found.__module__ == "levelfield.data.sources.pickles"


@pytest.mark.parametrize("length", [0, 1, 2, 40, 1000, -2, -1])
def test_a_truncated_pickle_is_refused(length):
    with pytest.raises(Refused):
        read_pickle(batch(IMAGES, [3, 9])[:length])


@pytest.mark.parametrize("content", [b"Pelsewhere\n.", b"garbage", b"\x80\x02]."], ids=["persistent", "garbage", "a list"])
def test_other_content_is_refused(content):
    with pytest.raises(Refused):
        read_pickle(content)


@pytest.mark.parametrize(
    "array",
    [IMAGES[:1], IMAGES.T, IMAGES.astype(np.int8), IMAGES.astype(object), IMAGES.astype(np.float32)],
    ids=["too few", "another shape", "signed", "objects", "floats"],
)
def test_another_array_is_refused(array):
    found = read_pickle(pickle.dumps({"data": array}, protocol=2))
    with pytest.raises(Refused, match="array"):
        found["data"].bytes_of((2, 3072))


def test_an_array_that_lies_about_its_shape_is_refused():
    content = batch(IMAGES, [3, 9]).replace(b"J\x00\x0c\x00\x00\x86", b"J\x00\x0d\x00\x00\x86")
    for shape in ((2, 3072), (2, 3328)):
        with pytest.raises(Refused, match="an array of shape"):
            read_pickle(content)["data"].bytes_of(shape)
