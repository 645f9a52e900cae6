"""The results of a gang's ranks, put together."""

from dataclasses import replace

import numpy as np
import pytest

from levelfield.predictions import Predictions
from levelfield.ranks import joint_epoch, joint_result
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
