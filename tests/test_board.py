"""What is at work, for those who watch."""

import json

from levelfield.duel import DuelResult
from levelfield.holders import myself
from levelfield.leases import Claim, Device
from levelfield.result import Epoch, RunResult, Status
from levelfield.training import Started
from orchestrator.board import CURVE, POINTS, Board
from orchestrator.interfaces import Placed, Restarting
from tests.test_schedule import planned, with_duel


class Heard:
    def __init__(self):
        self.names = []

    def __getattr__(self, name):
        return lambda *words: self.names.append(name)


def epoch(number):
    return Epoch(epoch=number, train_loss=1.0, test_loss=2.0, test_correct=3, test_examples=4, train_ns=1, evaluate_ns=1)


def test_a_run_is_on_it_from_its_start_to_its_end_and_its_curve_grows():
    board, run = Board(heard := Heard()), planned(3)
    board.started(run, 2)
    board.event(run, Placed(hostname="host", pid=7))
    board.event(run, Started(epochs=9, steps_per_epoch=3))
    board.event(run, epoch(0))
    [entry] = board.snapshot()
    told = ("what", "turn", "side", "seed", "attempt", "state", "hostname", "pid", "epochs")
    assert [entry[name] for name in told] == ["run", 3, "torch", 3, 2, "training", "host", 7, 9]
    assert entry["curve"] == [[1, 1.0, 2.0, 0.75]]
    json.dumps(entry)
    board.event(run, epoch(1))
    assert (len(entry["curve"]), len(board.snapshot()[0]["curve"])) == (1, 2), "a snapshot stays as it was"
    board.event(run, Restarting(reason="it died", after=None))
    assert board.snapshot()[0]["curve"] == []
    board.event(run, RunResult(status=Status.OK))
    assert board.snapshot() == []
    assert heard.names == ["started"] + ["event"] * 6


def test_a_long_curve_is_whole_and_has_fewer_points():
    board, run = Board(Heard()), planned(0)
    board.started(run, 1)
    for number in range(10 * CURVE + 5):
        board.event(run, epoch(number))
    curve = board.snapshot()[0]["curve"]
    assert CURVE // 4 < len(curve) <= CURVE
    assert (curve[0][0], curve[-1][0]) == (1, 10 * CURVE + 5)


def test_a_duel_and_a_pair_that_waits_are_on_it_too():
    board = Board(Heard())
    duel = with_duel(4).duel[0]
    board.duel_started(duel, 1, 20)
    board.duel_event(duel, object())
    claim = Claim(token="t", study_id="other", holder=myself(), devices=frozenset({Device(gpu="GPU-a")}), tenants=())
    board.waiting(5, [claim])
    taking, waiting = board.snapshot()
    assert (taking["turns"], taking["of"], taking["pair"]) == (1, 40, 4)
    assert "study other" in waiting["state"]
    board.waiting(5, [])
    board.duel_event(duel, DuelResult(status=Status.OK, target_ns=1))
    assert board.snapshot() == []


def test_of_many_runs_each_shows_fewer_points():
    board = Board(Heard())
    runs = [planned(number) for number in range(POINTS // 10)]
    for run in runs:
        board.started(run, 1)
        for number in range(30):
            board.event(run, epoch(number))
    assert sum(len(entry["curve"]) for entry in board.snapshot()) <= POINTS
    assert {(entry["curve"][0][0], entry["curve"][-1][0]) for entry in board.snapshot()} == {(1, 30)}
