"""What is said of an exception: that memory was out, and how much was used at most."""

import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError

from levelfield.failures import failed, is_out_of_memory
from levelfield.result import Status
from levelfield.services import discover
from orchestrator.deaths import died

SAID = [
    ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 MiB"),
    (
        "RuntimeError",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
    ),
    ("ResourceExhaustedError", "{{function_node}} OOM when allocating tensor with shape[4096]"),
    ("InternalError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 96 bytes."),
    ("_ArrayMemoryError", "Unable to allocate 8.00 EiB for an array with shape (1,)"),
    ("MemoryError", "std::bad_alloc"),
]


@pytest.mark.parametrize(("kind", "message"), SAID)
def test_the_words_of_each_framework_are_known(kind, message):
    assert is_out_of_memory(kind, message)


def test_other_exceptions_are_not_taken_for_it():
    assert not is_out_of_memory("ValueError", "the memory format is channels_last")


class Worker:
    def __init__(self, peak):
        self.peak = peak

    def memory(self):
        if self.peak is None:
            raise RuntimeError("the device is lost")
        return {"framework_peak": self.peak}


@pytest.mark.parametrize("peak", [3 * 2**30, None])
def test_the_peak_is_told_as_far_as_it_is_known(peak):
    result = failed(MemoryError("no more"), wall_ns=5, service=discover()["torch"], log=None, worker=Worker(peak))
    assert result.status is Status.FAILED
    assert result.failure.reason.startswith("out of memory, peak ")
    assert result.failure.reason.endswith(": MemoryError: no more")
    assert "MiB of the process" in result.failure.reason
    assert ("3,072 MiB as the framework counts" in result.failure.reason) is (peak is not None)
    assert not result.failure.lost


def test_a_process_that_ray_ended_for_want_of_memory_is_not_begun_again(tmp_path):
    said = "Task was killed due to the node running low on memory.\nMemory on the node was 23.1GB / 24.0GB (0.96), ...\nsee the docs"
    actor = ActorDiedError()
    actor.error_msg = said
    for error in (OutOfMemoryError(said), actor):
        result = died(error, wall_ns=1, log=tmp_path / "none")
        assert result.failure.reason.startswith("out of memory on its host, and Ray ended it: Memory on the node was 23.1GB"), error
        assert not result.failure.lost
