"""Checkpoints of a run in `train`: what is kept, what a run that goes on from one comes to, and what happens where it cannot be kept."""

import dataclasses
import json

import pytest

from levelfield.checkpoints import Keeping, Saved
from levelfield.result import RunResult, Status
from levelfield.spec import RunSpec
from levelfield.training import train
from tests.contract.synthetic import DATASET, WORKLOAD
from tests.fake_epoch_worker import NumpyEpochWorker
from tests.fake_worker import NumpyWorker

SPEC = RunSpec(workload="digits_cnn", framework="numpy", mode="plain", seed=0, epochs=5)


def events(keeping=None, worker=None, **fields):
    spec = dataclasses.replace(SPEC, **fields)
    return train(worker or NumpyWorker(), spec, WORKLOAD, lambda: DATASET, threads=1, keeping=keeping)


def result_of(found):
    *_, result = found
    assert isinstance(result, RunResult)
    return result


def curve(result):
    return [(epoch.epoch, epoch.train_loss, epoch.test_loss, epoch.test_correct) for epoch in result.epochs]


@pytest.fixture
def keeping(tmp_path):
    return Keeping(folder=tmp_path / "run")


@pytest.fixture
def lost(keeping):
    """A run that was lost in its third epoch; the last checkpoint."""
    saved = []
    for event in events(keeping):
        if isinstance(event, Saved):
            saved.append(event)
            if event.epoch == 1:
                break
    assert [one.epoch for one in saved] == [0, 1]
    return saved[-1]


def test_a_run_that_goes_on_is_the_run_that_was_never_lost(keeping, lost):
    whole = result_of(events())
    rest = list(events(Keeping(folder=keeping.folder, after=keeping.folder / "epoch-1")))
    result = result_of(rest)
    assert lost.folder == str(keeping.folder / "epoch-1")
    assert [event.epoch for event in rest if isinstance(event, Saved)] == [2, 3], "no checkpoint follows the last epoch"
    assert result.status is Status.OK
    assert curve(result) == curve(whole)
    assert result.step_losses == whole.step_losses
    assert [(block.epoch, block.first_step, block.steps) for block in result.blocks] == [
        (block.epoch, block.first_step, block.steps) for block in whole.blocks
    ]
    assert result.predictions == whole.predictions
    assert result.phases_ns["checkpoint"] > 0
    assert sum(result.phases_ns.values()) == result.wall_ns


def test_the_last_two_checkpoints_are_kept(keeping):
    result_of(events(keeping))
    assert sorted(file.parent.name for file in keeping.folder.rglob("rank-0")) == ["epoch-2", "epoch-3"]
    assert not list(keeping.folder.rglob(".rank-0")), "nothing unfinished is left"


def test_what_was_being_written_when_the_process_died_is_not_taken_for_a_checkpoint(keeping, lost):
    unfinished = keeping.folder / "epoch-2" / ".rank-0"
    unfinished.mkdir(parents=True)
    (unfinished / "state.npz").write_bytes(b"half of it")
    result = result_of(events(Keeping(folder=keeping.folder, after=keeping.folder / "epoch-1")))
    assert curve(result) == curve(result_of(events()))


def test_a_checkpoint_that_is_not_there_fails_the_run(keeping):
    with pytest.raises(FileNotFoundError):
        result_of(events(Keeping(folder=keeping.folder, after=keeping.folder / "epoch-7")))


def test_a_disk_that_is_full_fails_the_run_with_the_reason(keeping):
    class Full(NumpyWorker):
        def save(self, folder):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        result_of(events(keeping, Full()))


def test_without_a_place_nothing_is_kept(keeping):
    assert not [event for event in events() if isinstance(event, Saved)]
    found = list(events(keeping, NumpyEpochWorker(), track="article"))
    assert result_of(found).status is Status.OK
    assert not [event for event in found if isinstance(event, Saved)], "where the framework owns the loop"
    assert not keeping.folder.exists()


def test_where_it_is_kept_crosses_processes(keeping):
    for one in (keeping, Keeping(folder=keeping.folder, after=keeping.folder / "epoch-1")):
        assert Keeping.from_dict(json.loads(json.dumps(one.to_dict()))) == one
