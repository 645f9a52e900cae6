"""A run whose process is lost: how it goes on, and when it is given up."""

from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from levelfield.checkpoints import Keeping, Saved
from levelfield.result import Failure, RunResult, Status
from orchestrator.interfaces import Restarting
from orchestrator.lives import NO_SEAT, NO_SEAT_TIMES, RESTARTS, Lives, SeatLostError

LOST = RunResult(status=Status.FAILED, failure=Failure(reason="the worker process died: it was killed", lost=True))
BROKEN = RunResult(status=Status.FAILED, failure=Failure(reason="ValueError: wrong"))


class World:
    """Processes that save so many epochs and then end as they are told, one life after the other."""

    def __init__(self, *ends, epochs=2):
        self.ends, self.epochs = list(ends), epochs
        self.alive, self.began, self.heard = 0, [], []

    @contextmanager
    def process(self):
        self.alive += 1
        try:
            yield self
        finally:
            self.alive -= 1

    def run(self, keeping=None):
        self.began.append(keeping.after.name if keeping and keeping.after else None)
        first = int(self.began[-1].removeprefix("epoch-")) + 1 if self.began[-1] else 0
        for epoch in range(first, first + self.epochs):
            yield Saved(epoch=epoch, folder=str(Path("x", f"epoch-{epoch}")))
        yield self.ends.pop(0)

    def live(self, lives, *, gone=False):
        with ExitStack() as stack:
            result, process = lives.live(self.process, stack, self.heard.append, lambda: gone)
            assert (process, self.alive) == (self, 1), "the last life stays"
        assert self.alive == 0
        return result

    @property
    def restarts(self):
        return [event for event in self.heard if isinstance(event, Restarting)]


def ok():
    return RunResult(status=Status.OK)


def keeping(tmp_path):
    return Keeping(folder=tmp_path / "kept")


def test_it_goes_on_after_the_last_checkpoint_of_all_its_lives(tmp_path):
    world = World(LOST, LOST, ok())
    result = world.live(Lives(keeping(tmp_path)))
    assert world.began == [None, "epoch-1", "epoch-3"]
    assert (result.status, result.failure.reason.count("it was killed")) == (Status.RESTARTED, 2)
    assert result.failure.reason.startswith("restarted 2 times: ")
    assert [event.after for event in world.restarts] == ["epoch-1", "epoch-3"]


def test_a_seat_that_is_gone_before_a_process_began_costs_no_life(tmp_path):
    gone = RunResult(status=Status.FAILED, failure=Failure(reason="the node on h has ended", error_type=NO_SEAT, lost=True))
    pauses, world = [], World(*[gone] * NO_SEAT_TIMES, ok(), epochs=0)
    lives = Lives(keeping(tmp_path), pause=pauses.append)
    for _ in range(NO_SEAT_TIMES):
        with pytest.raises(SeatLostError):
            world.live(lives)
    assert world.live(lives).status is Status.OK
    assert (pauses, lives.losses, world.restarts) == ([1.0] * NO_SEAT_TIMES, [], [])


def test_seats_that_are_gone_for_ever_are_given_up(tmp_path):
    gone = RunResult(status=Status.FAILED, failure=Failure(reason="the node on h has ended", error_type=NO_SEAT, lost=True))
    lives = Lives(keeping(tmp_path), seats_gone=NO_SEAT_TIMES)
    with pytest.raises(SeatLostError):
        World(gone, epochs=0).live(lives, gone=True)
    assert lives.losses == ["the node on h has ended"]


def test_a_life_that_saved_nothing_changes_nothing(tmp_path):
    world = World(LOST, ok(), epochs=0)
    world.live(Lives(keeping(tmp_path)))
    assert world.began == [None, None]


def test_without_checkpoints_it_begins_again():
    world = World(LOST, ok())
    assert world.live(Lives(None)).status is Status.RESTARTED
    assert world.began == [None, None]
    assert [event.after for event in world.restarts] == [None]


def test_what_fails_by_itself_is_not_tried_again(tmp_path):
    world = World(BROKEN)
    assert world.live(Lives(keeping(tmp_path))) is BROKEN
    assert world.restarts == []


def test_a_run_that_is_never_lost_is_as_it_was(tmp_path):
    world = World(ok())
    assert (world.live(Lives(keeping(tmp_path))).failure, world.restarts) == (None, [])


def test_it_is_given_up_after_some_lives(tmp_path):
    world = World(*[LOST] * (1 + RESTARTS))
    assert world.live(Lives(keeping(tmp_path))).status is Status.FAILED
    assert len(world.began) == 1 + RESTARTS


def test_with_its_node_it_loses_its_place_but_not_its_checkpoints(tmp_path):
    lives, world = Lives(keeping(tmp_path)), World(LOST)
    with pytest.raises(SeatLostError), ExitStack() as stack:
        lives.live(world.process, stack, world.heard.append, lambda: True)
    assert world.alive == 0
    other = World(ok())
    assert other.live(lives).status is Status.RESTARTED
    assert other.began == ["epoch-1"]


def test_checkpoints_of_a_run_that_is_over_are_removed(tmp_path):
    lives = Lives(keeping(tmp_path))
    lives.keeping.folder.mkdir()
    lives.forget()
    assert not lives.keeping.folder.exists()
    Lives(None).forget()
