"""Marks of processes that measure on one machine, for those of other stores to see."""

import subprocess
import sys

import pytest

from orchestrator.locks import measuring

MARK = """
import sys
from pathlib import Path
from orchestrator.locks import measuring
with measuring(Path(sys.argv[1]), sys.argv[2]) as alone:
    print(alone, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    processes = []

    def start(store):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen([sys.executable, "-c", MARK, tmp_path / "mark", store], **pipes)
        processes.append(process)
        return process, process.stdout.readline().strip() == "True"

    yield start
    for process in processes:
        process.communicate()


@pytest.mark.parametrize("other", ["a", "zz", "store 7"])
def test_studies_of_one_store_do_not_see_each_other_and_those_of_another_do(start, other):
    assert start("one")[1]
    second, alone = start("one")
    assert alone
    assert not start(other)[1]
    assert not start("one")[1], "both ways"
    second.communicate()


def test_the_mark_of_a_store_stays_while_one_of_its_processes_does(start):
    first, _ = start("one")
    start("one")
    first.kill()
    first.wait()
    assert not start("other")[1], "the second is still there"


def test_a_killed_process_leaves_no_mark(start, tmp_path):
    first, _ = start("one")
    first.kill()
    first.wait()
    with measuring(tmp_path / "mark", "other") as alone:
        assert alone
