"""The results of a gang's ranks, put together."""

from dataclasses import replace

import numpy as np
import pytest

from levelfield.bursts import Burst
from levelfield.predictions import Predictions
from levelfield.ranks import GangBursts, joint_burst, joint_epoch, joint_result
from levelfield.result import Block, Epoch, Failure, RunResult, Status

EPOCHS = [
    Epoch(epoch=0, train_loss=1.5, test_loss=2.0, test_correct=3, test_examples=6, train_ns=50, evaluate_ns=9),
    Epoch(epoch=0, train_loss=1.5, test_loss=1.0, test_correct=3, test_examples=3, train_ns=60, evaluate_ns=8),
]
BLOCK = Block(epoch=0, first_step=0, steps=2, samples=64, duration_ns=7, steady=True)


def result(rank, status=Status.OK, step=None):
    labels = np.arange(EPOCHS[rank].test_examples) % 3
    return RunResult(
        status=status,
        wall_ns=100 + rank,
        phases_ns={"train": 100 + rank},
        epochs=[EPOCHS[rank]],
        blocks=[BLOCK],
        step_losses=[1.0, 2.0],
        memory_bytes={"process_peak": 10 - rank},
        environment={"hostname": f"host {rank}"},
        failure=None if status is Status.OK else Failure(reason="why", step=step),
        predictions=Predictions.pack((labels + rank) % 3, labels, 3),
    )


def test_an_epoch_is_judged_on_every_test_example_once():
    whole = joint_epoch(EPOCHS)
    assert (whole.test_correct, whole.test_examples) == (6, 9)
    assert whole.test_loss == pytest.approx((2.0 * 6 + 1.0 * 3) / 9)
    assert (whole.train_ns, whole.evaluate_ns) == (60, 9)


def test_ranks_that_have_other_losses_train_no_network_together():
    with pytest.raises(ValueError, match=r"do not train one network: epoch 0, loss 1\.5, epoch 0, loss 1\.6"):
        joint_epoch([EPOCHS[0], replace(EPOCHS[1], train_loss=1.6)])


def test_a_gangs_result_is_its_first_ranks_with_what_the_others_add():
    whole = joint_result([result(0), result(1)])
    assert (whole.status, whole.failure, whole.blocks, whole.step_losses) == (Status.OK, None, [BLOCK], [1.0, 2.0])
    assert whole.epochs == [joint_epoch(EPOCHS)]
    assert whole.memory_bytes == {"process_peak": 10}
    assert [rank["wall_ns"] for rank in whole.environment["ranks"]] == [100, 101]
    assert whole.environment["hostname"] == "host 0"
    assert whole.predictions.correct().tolist() == [True] * 6 + [False] * 3


@pytest.mark.parametrize(
    ("ends", "status", "words"),
    [
        ([(Status.OK, None), (Status.FAILED, None)], Status.FAILED, "rank 1 of 2: why"),
        ([(Status.DIVERGED, 3), (Status.FAILED, None)], Status.FAILED, "rank 1 of 2: why"),
        ([(Status.DIVERGED, 4), (Status.DIVERGED, 3)], Status.DIVERGED, "rank 1 of 2: why"),
        ([(Status.DIVERGED, 3), (Status.OK, None)], Status.DIVERGED, "rank 0 of 2: why"),
    ],
)
def test_the_worst_end_of_a_rank_is_the_gangs(ends, status, words):
    whole = joint_result([result(rank, *end) for rank, end in enumerate(ends)])
    assert (whole.status, whole.failure.reason, whole.predictions) == (status, words, None)


def test_a_rank_that_is_known_to_be_to_blame_gives_the_reason():
    ends = [result(0, Status.FAILED), result(1, Status.FAILED)]
    assert joint_result(ends, blamed=1).failure.reason == "rank 1 of 2: why"


def burst(**fields):
    counted = {"steps": 20, "samples": 640, "duration_ns": 10, "discarded_steps": 3, "discarded_ns": 1, "device_ns": 7}
    return Burst(**counted | {"cpu_ns": 5, "idle_cpu_ns": 2, "idle_ns": 4, "started_ns": 9} | fields)


def test_a_gangs_burst_is_as_long_as_its_slowest_rank():
    whole = joint_burst([burst(cpu_ns=6), burst(duration_ns=12, idle_cpu_ns=3, device_ns=8)])
    assert (whole.duration_ns, whole.samples, whole.cpu_ns, whole.idle_cpu_ns, whole.device_ns) == (12, 640, 6, 3, 8)
    assert joint_burst([burst(), burst(device_ns=None)]).device_ns is None


def test_all_ranks_are_told_how_many_blocks_a_burst_has():
    """Blocks of 20 steps that took 80 ms: pieces of 3 steps take 12 ms, so 5 of them are 50 ms. Then blocks take half as long."""
    slow = [replace(BLOCK, steps=20, duration_ns=at * 10**6) for at in (900, 500, 80, 80)] + [replace(BLOCK, steps=7, duration_ns=1)]
    bursts = GangBursts(slow)
    assert bursts.blocks(250_000_000) == (5, 4)
    bursts.learn(burst(steps=80, duration_ns=160_000_000))
    assert bursts.blocks(250_000_000) == (9, 7)
    assert bursts.blocks(1) == (9, 1)


def test_at_least_three_steps_are_discarded_however_small_an_epoch_is():
    assert GangBursts([replace(BLOCK, steps=1, duration_ns=10**9)]).blocks(1) == (3, 1)
