"""What a process frees, in processes of their own: it is for good."""

import subprocess
import sys

import pytest

from levelfield.measure.allocator import has_glibc
from levelfield.services import ROOT

PROGRAM = """
import resource, sys
import numpy as np
from levelfield.measure.allocator import freed_memory, keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
    keep_freed_memory()
def step():
    return [np.ones(size, np.uint8).sum() for size in (200_000, 3_000_000, 50_000_000)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, freed_memory())
"""


def faults(how, **env):
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60)
    number, _, words = done.stdout.strip().partition(" ")
    return int(number), words


@pytest.mark.skipif(not has_glibc(), reason="malloc is not glibc's")
def test_memory_that_is_kept_costs_no_page_faults():
    given_back, words = faults("as it is")
    assert words == "as the C library does it"
    kept, words = faults("keep")
    assert words == "kept for the next step"
    assert kept < 100 < given_back


def test_another_malloc_is_left_alone():
    _, words = faults("keep", LD_PRELOAD="libjemalloc-that-is-not-there.so")
    assert words == "as the C library does it"
