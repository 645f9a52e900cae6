"""Bursts and duels with a worker in NumPy and a clock of our own: what is counted, what is left out, who is next."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from levelfield.blocks import WARMUP_STEPS, DivergedError, Plan
from levelfield.bursts import DISCARDED_NS, DISCARDED_STEPS, Burst, Burster
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


class SlowWorker(TimedWorker):
    """Of its steps each takes so many nanoseconds more."""

    step_ns = 20_000_000

    def train_steps(self, n):
        super().train_steps(n)
        self.clock.now += n * self.step_ns


def test_a_burst_counts_whole_blocks_until_the_time_is_over():
    """100 examples are 3 full batches: a block of 2 steps, of 2 x 20,010,000 + 5,000 ns, and then an epoch has no room for another."""
    clock = Clock()
    burst = burster(SlowWorker(clock), clock=clock).burst(50_000_000)
    assert (burst.steps, burst.samples, burst.duration_ns) == (4, 128, 80_050_000), "the first block after 50 ms ends it"


@pytest.mark.parametrize("block_steps", [2, 50])
@pytest.mark.parametrize(("step_ns", "steps"), [(60_000_000, 3), (17_000_000, 3), (16_000_000, 6), (4_000_000, 15)])
def test_a_burst_leaves_out_a_few_steps_and_some_time_however_long_its_blocks_are(block_steps, step_ns, steps):
    clock = Clock()
    worker = SlowWorker(clock)
    worker.step_ns = step_ns
    burst = burster(worker, workload=dataclasses.replace(WORKLOAD, block_steps=block_steps), clock=clock).burst(1)
    assert burst.discarded_steps == steps >= DISCARDED_STEPS
    assert burst.discarded_ns >= DISCARDED_NS
    assert burst.steps == min(block_steps, 3), "an epoch has 3 full batches"


def test_the_time_between_two_bursts_is_told():
    clock = Clock()
    bursts = burster(SlowWorker(clock), clock=clock)
    clock.now += 77_000
    assert bursts.burst(1).idle_ns == 77_000
    clock.now += 5
    assert bursts.burst(1).idle_ns == 5, "counted from the end of the burst before"


def test_bursts_go_on_with_training():
    """Every burst takes the next batches, of epochs that training never reached. With blocks of 2, 3 steps to discard are an epoch each."""
    taken, clock = [], Clock()

    class Remembers(SlowWorker):
        def begin_epoch(self, order):
            taken.append(tuple(order))
            super().begin_epoch(order)

    worker = Remembers(clock)
    bursts = burster(worker, clock=clock)
    before = len(taken)
    first = worker.weights()
    bursts.burst(1)
    bursts.burst(1)
    assert len(taken) - before == 4, "a block of each burst and what it discards"
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
        Session(None).burster.burst(1)


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
