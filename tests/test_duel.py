"""Bursts and duels with a worker in NumPy and a clock of our own: what is counted, what is left out, who is next."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from levelfield.blocks import WARMUP_STEPS, DivergedError, Plan
from levelfield.bursts import DISCARDED_STEPS, Burst, Burster
from levelfield.duel import ROUNDS, Turn, take_turns
from levelfield.result import RunResult, Status
from levelfield.run import Session
from levelfield.spec import RunSpec
from levelfield.training import train
from tests.contract.synthetic import DATASET, WORKLOAD
from tests.fake_worker import NumpyWorker
from tests.test_train import SPEC, Clock, TimedWorker

BLOCKS_OF_TWO = dataclasses.replace(WORKLOAD, block_steps=2)
READY = dataclasses.replace(SPEC, trains=False)


def burster(worker, *, workload=BLOCKS_OF_TWO, clock=None):
    *_, result = train(worker, READY, workload, lambda: DATASET, threads=1)
    plan = Plan(READY, workload, len(DATASET.x_train))
    return Burster(worker, plan, first_epoch=result.blocks[-1].epoch + 1, **({"clock": clock.perf_counter_ns} if clock else {}))


def test_a_worker_is_made_ready_without_training_an_epoch():
    *_, result = list(train(NumpyWorker(), READY, BLOCKS_OF_TWO, lambda: DATASET, threads=1))
    assert isinstance(result, RunResult)
    assert (result.status, result.epochs) == (Status.OK, [])
    assert WARMUP_STEPS <= sum(block.steps for block in result.blocks) < 2 * WARMUP_STEPS
    assert all(block.samples == 32 * block.steps for block in result.blocks), "only full batches"
    assert result.phases_ns["warmup"] > 0
    assert "evaluate" not in result.phases_ns


@pytest.mark.parametrize(("device", "of_ten", "of_two_hundred"), [("cpu", 10, 200), ("cuda", 100, 200)])
def test_blocks_on_a_gpu_have_a_hundred_steps_or_more(device, of_ten, of_two_hundred):
    spec = dataclasses.replace(SPEC, device=device)
    plans = [Plan(spec, dataclasses.replace(WORKLOAD, block_steps=steps), 32 * 1000) for steps in (10, 200)]
    assert [plan.block_steps for plan in plans] == [of_ten, of_two_hundred]


@pytest.mark.parametrize(
    ("examples", "batch_size", "block_steps", "alike"), [(100, 32, 2, 2), (100, 32, 3, 3), (100, 32, 15, 3), (20, 32, 3, 1)]
)
def test_the_steps_that_are_alike(examples, batch_size, block_steps, alike):
    plan = Plan(dataclasses.replace(SPEC, batch_size=batch_size), dataclasses.replace(WORKLOAD, block_steps=block_steps), examples)
    assert plan.alike_steps == alike


def test_a_burst_counts_whole_blocks_until_the_time_is_over_and_leaves_out_its_first_steps():
    """100 examples are 3 full batches: with blocks of 2 an epoch gives one block, of 2 x 10,000 + 5,000 ns."""
    clock = Clock()
    bursts = burster(TimedWorker(clock), clock=clock)
    clock.now += 77_000
    burst = bursts.burst(60_000)
    assert (burst.steps, burst.samples, burst.duration_ns) == (6, 192, 75_000), "the first block after 50,000 ns ends it"
    assert (burst.discarded_steps, burst.discarded_ns) == (4, 50_000)
    assert burst.discarded_steps >= DISCARDED_STEPS
    assert burst.idle_ns == 77_000
    clock.now += 5
    assert bursts.burst(1).idle_ns == 5, "counted from the end of the burst before"


def test_bursts_go_on_with_training():
    """Every burst takes the next batches, of epochs that training never reached."""
    taken = []

    class Remembers(NumpyWorker):
        def begin_epoch(self, order):
            taken.append(tuple(order))
            super().begin_epoch(order)

    worker = Remembers()
    bursts = burster(worker)
    before = len(taken)
    first = worker.weights()
    bursts.burst(1)
    bursts.burst(1)
    assert len(taken) - before == 6
    assert len(set(taken)) == len(taken), "no epoch came twice"
    assert any(not np.array_equal(first[name], array) for name, array in worker.weights().items())


def test_a_loss_that_is_not_finite_ends_a_burst():
    class Breaks(NumpyWorker):
        def losses(self):
            return super().losses() * np.nan

    worker = Breaks()
    worker.__class__ = NumpyWorker
    bursts = burster(worker)
    worker.__class__ = Breaks
    with pytest.raises(DivergedError, match="not finite"):
        bursts.burst(10**12)


def test_a_process_without_a_run_has_no_bursts():
    with pytest.raises(RuntimeError, match="no run has ended well"):
        Session(None).burst(1)


def turns(seed=1, sides=("a", "b"), rounds=ROUNDS):
    asked = []

    def burst(side, target_ns):
        asked.append((side, target_ns))
        return Burst(**dict.fromkeys((f.name for f in dataclasses.fields(Burst)), len(asked)))

    return list(take_turns(sides, burst, seed=seed, rounds=rounds, target_ns=9)), asked


@pytest.mark.parametrize("sides", [("a", "b"), ("a", "b", "c")])
def test_every_side_has_one_turn_in_every_round(sides):
    found, asked = turns(sides=sides)
    assert Counter((turn.round, turn.side) for turn in found) == Counter((number, side) for number in range(ROUNDS) for side in sides)
    assert [turn.round for turn in found] == sorted(turn.round for turn in found), "the sides alternate"
    assert all(isinstance(turn, Turn) for turn in found)
    assert asked[0][1] == 9


def test_a_first_round_is_left_out():
    found, asked = turns()
    assert len(asked) == len(found) + 2
    assert [turn.burst.steps for turn in found] == list(range(3, len(asked) + 1))


def test_who_begins_a_round_is_random_and_the_seed_decides_it():
    first = [[turn.side for turn in turns(seed)[0]] for seed in (1, 1, 2)]
    assert first[0] == first[1] != first[2]
    begins = Counter(side for seed in range(50) for side in [turn.side for turn in turns(seed)[0]][::2])
    assert 400 < begins["a"] < 600, "1,000 rounds: each side begins half of them (99.99% within 438 to 562)"


def test_readiness_is_part_of_what_a_run_is():
    assert READY.hash != SPEC.hash
    assert RunSpec.from_dict(READY.to_dict()) == READY
    assert '"trains"' not in SPEC.canonical_json(), "older runs keep their names"
