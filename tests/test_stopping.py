"""Ending what is at work in other threads: a study, or one of its runs."""

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from levelfield.result import Failure, RunResult, Status
from orchestrator.interfaces import BurstError
from orchestrator.stopping import CancelledError, Stop
from tests.test_schedule import FakeProcess, World, with_duel


def test_a_stop_ends_what_is_at_work_and_what_begins_later():
    stop, ended = Stop(), []
    with ExitStack() as stack:
        stack.enter_context(stop.ending(lambda: ended.append("a")))
        stack.enter_context(stop.ending(lambda: ended.append("b"), turn=3))
        with stop.ending(lambda: ended.append("it was over")):
            pass
        stop.set("because")
        stop.set("for another reason")
    assert sorted(ended) == ["a", "b"]
    assert (stop.is_set, stop.reason) == (True, "because")
    with pytest.raises(KeyboardInterrupt, match="because"), stop.ending(lambda: None):
        pytest.fail("it began")
    with pytest.raises(KeyboardInterrupt):
        stop.check(7)


def test_cancelling_a_run_ends_it_alone():
    stop, ended = Stop(), []
    with stop.ending(lambda: ended.append(1), turn=1), stop.ending(lambda: ended.append(2), turn=2):
        stop.cancel(2, "cancelled by ann@here")
        stop.check(1)
        stop.check()
        with pytest.raises(CancelledError, match="by ann@here"):
            stop.check(2)
    assert ended == [2]
    with pytest.raises(CancelledError), stop.ending(lambda: None, turn=2):
        pytest.fail("it began")


def test_a_pause_ends_at_once_when_it_is_stopped():
    stop = Stop()
    stop.pause(0.001)
    threading.Timer(0.05, stop.set, ["now"]).start()
    with pytest.raises(KeyboardInterrupt, match="now"):
        stop.pause(60)


class Lasting(FakeProcess):
    """A run that lasts until it is ended, and then is lost, as an actor's is whose process was killed."""

    def __init__(self, world, spec):
        super().__init__(world, spec)
        self.over = threading.Event()

    def run(self, keeping=None):
        self.world.told.append(("run", self.spec.framework))
        self.world.began.set()
        assert self.over.wait(20)
        yield RunResult(status=Status.FAILED, failure=Failure(reason="the worker process died", lost=True))

    def burst(self, target_ns):
        self.world.began.set()
        assert self.over.wait(20)
        raise BurstError("the worker process died")

    def end(self):
        self.over.set()


class LastingWorld(World):
    """``lasting``: the frameworks whose runs last; "bursts": all runs end, and bursts last."""

    def __init__(self, *lasting):
        super().__init__()
        self.lasting, self.began = lasting, threading.Event()

    @contextmanager
    def process(self, spec, log, seats):
        kind = Lasting if spec.framework in self.lasting or "bursts" in self.lasting else FakeProcess
        process = kind(self, spec)
        if "bursts" in self.lasting:
            process.run = lambda keeping=None: (result for result in [RunResult(status=Status.OK)])
        yield process


def stopped(world, tmp_path, act):
    """Work on a pair in a thread, ``act`` on its `Stop` when it has begun; gives what came of it."""
    stop, found, pair = Stop(), [], with_duel(0)
    pair = replace(pair, runs=tuple((replace(run, turn=turn), attempt) for turn, (run, attempt) in enumerate(pair.runs)))
    scheduler = world.scheduler(tmp_path, stop=stop)

    def work():
        try:
            found.append(scheduler.work(pair))
        except KeyboardInterrupt as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert world.began.wait(20)
    act(stop)
    thread.join(20)
    assert not thread.is_alive()
    return found[0]


def test_a_stopped_run_is_recorded_as_cancelled_and_not_begun_again(tmp_path):
    world = LastingWorld("torch")
    found = stopped(world, tmp_path, lambda stop: stop.set("cancelled by ann@here"))
    assert isinstance(found, KeyboardInterrupt)
    assert world.recorded == [("torch", 0, 1, Status.CANCELLED)]
    assert [told for told in world.told if told[0] == "run"] == [("run", "torch")]


def test_a_cancelled_run_leaves_its_pair_the_other_side_and_no_duel(tmp_path):
    world = LastingWorld("torch")
    assert stopped(world, tmp_path, lambda stop: stop.cancel(0, "cancelled by ann@here")) == [Status.CANCELLED, Status.OK]
    assert [entry[3] for entry in world.recorded] == [Status.CANCELLED, Status.OK]
    assert world.duels == []


def test_a_stopped_duel_is_recorded_as_cancelled(tmp_path):
    world = LastingWorld("bursts")
    assert isinstance(stopped(world, tmp_path, lambda stop: stop.set("interrupted by the user")), KeyboardInterrupt)
    [(_, _, duel)] = world.duels
    assert (duel.status, duel.failure.reason) == (Status.CANCELLED, "interrupted by the user")
    assert [entry[3] for entry in world.recorded] == [Status.OK] * 2


def test_what_is_stopped_before_it_begins_records_nothing(tmp_path):
    world, stop = World(), Stop()
    stop.set("now")
    with pytest.raises(KeyboardInterrupt):
        world.scheduler(tmp_path, stop=stop).work(with_duel(0))
    assert world.recorded == []
