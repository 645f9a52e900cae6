"""CPU time of process trees, in a /proc that the test writes."""

import shutil

import pytest

from levelfield.measure.processes import NS_PER_TICK, ProcessTree, read
from tests.measure.fakes import process


def ticks(tree):
    return tree.cpu_ns() // NS_PER_TICK


def end(proc, pid):
    shutil.rmtree(proc / str(pid))


def test_roots_and_their_descendants_count_and_strangers_do_not(tmp_path):
    process(tmp_path, 10, 1, spent=5, reaped=2, command="evil) R (name")
    process(tmp_path, 20, 1, spent=1000)
    tree = ProcessTree([10], proc=tmp_path)
    assert ticks(tree) == 7
    process(tmp_path, 12, 11, spent=30)
    process(tmp_path, 11, 10, spent=200)
    process(tmp_path, 21, 20, spent=1000)
    assert ticks(tree) == 237
    assert tree.pids == {10, 11, 12}


def test_a_child_that_was_waited_for_counts_once(tmp_path):
    process(tmp_path, 10, 1)
    process(tmp_path, 11, 10, spent=40)
    tree = ProcessTree([10], proc=tmp_path)
    assert ticks(tree) == 40
    end(tmp_path, 11)
    process(tmp_path, 10, 1, reaped=45)
    assert ticks(tree) == 45
    assert tree.pids == {10}


def test_a_child_of_a_parent_that_ignores_sigchld_is_not_lost(tmp_path):
    """Ray's raylet is such a parent: the kernel charges nobody with the child's time."""
    process(tmp_path, 10, 1, reaped=3)
    process(tmp_path, 11, 10, spent=40)
    process(tmp_path, 12, 11, spent=2)
    tree = ProcessTree([10], proc=tmp_path)
    for pid in (12, 11):
        end(tmp_path, pid)
        assert ticks(tree) == 45


def test_a_child_that_ends_between_the_looks_at_it_and_at_its_parent_counts_once_in_the_end(tmp_path):
    process(tmp_path, 10, 1)
    process(tmp_path, 11, 10, spent=40)
    tree = ProcessTree([10], proc=tmp_path)
    end(tmp_path, 11)
    assert ticks(tree) == 40  # the parent has not waited yet
    process(tmp_path, 10, 1, reaped=41)
    assert ticks(tree) == 41


def test_orphans_stay_ours(tmp_path):
    process(tmp_path, 10, 1, spent=1)
    process(tmp_path, 11, 10, spent=40)
    process(tmp_path, 12, 11, spent=5)
    tree = ProcessTree([10], proc=tmp_path)
    end(tmp_path, 11)
    process(tmp_path, 10, 1, spent=1, reaped=40)
    process(tmp_path, 12, 1, spent=9)
    assert ticks(tree) == 50
    process(tmp_path, 13, 12, spent=100)
    assert ticks(tree) == 150


def test_ended_roots_still_count_and_their_number_given_to_a_stranger_does_not(tmp_path):
    process(tmp_path, 10, 1, spent=7)
    process(tmp_path, 11, 10, spent=40)
    tree = ProcessTree([10], proc=tmp_path)
    process(tmp_path, 10, 1, spent=1000, started=2)
    assert ticks(tree) == 47
    end(tmp_path, 11)
    assert ticks(tree) == 47
    assert tree.pids == frozenset()


def test_a_root_must_exist(tmp_path):
    with pytest.raises(ProcessLookupError, match="no process 10"):
        ProcessTree([10], proc=tmp_path)


def test_what_cannot_be_read_is_none(tmp_path):
    assert read(tmp_path / "missing") is None
    assert read(tmp_path) is None  # opens, but cannot be read
