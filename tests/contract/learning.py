"""Rules on what a worker computes, each against the reference in NumPy. Tolerances are absolute: methodology, rule 5."""

import numpy as np

from levelfield.workloads.base import batch_order
from tests.contract.harness import MakeWorker, assert_close, assert_same_bits, assert_weights_close, run_steps
from tests.contract.registry import rule
from tests.contract.synthetic import (
    DATASET,
    LAST_BATCH,
    SEED,
    STEPS_PER_EPOCH,
    TRAIN_EXAMPLES,
    WORKLOAD,
    given_weights,
    make_dataset,
)

TOLERANCE = {"fp32": 1e-5, "fp64": 1e-12}
STEPS = 10


@rule()
def takes_the_given_weights_over_exactly(make_worker: MakeWorker) -> None:
    for precision in ("fp32", "fp64"):
        weights = given_weights(precision)
        assert_same_bits(make_worker(precision=precision).weights(), weights, f"weights() after build() in {precision}")


@rule()
def takes_the_batches_in_the_given_order(make_worker: MakeWorker) -> None:
    """Two epochs in different orders; one call spans several batches, the last batch is smaller."""
    worker, reference = make_worker(precision="fp64"), make_worker.reference(precision="fp64")
    for epoch in range(2):
        found, expected = [], []
        for side, losses in ((worker, found), (reference, expected)):
            side.begin_epoch(batch_order(SEED, epoch, TRAIN_EXAMPLES))
            for steps in (STEPS_PER_EPOCH - 1, 1):
                side.train_steps(steps)
                side.synchronize()
                losses.append(side.losses())
        for part, what in enumerate(("the full batches", f"the last batch, of {LAST_BATCH}")):
            assert_close(found[part], expected[part], TOLERANCE["fp64"], f"the losses of {what}, epoch {epoch}")


@rule()
def updates_by_the_equation_of_the_workload_in_fp64(make_worker: MakeWorker) -> None:
    _same_parameters(make_worker, "fp64")


@rule()
def updates_by_the_equation_of_the_workload_in_fp32(make_worker: MakeWorker) -> None:
    _same_parameters(make_worker, "fp32")


def _same_parameters(make_worker: MakeWorker, precision: str) -> None:
    worker, reference = make_worker(precision=precision), make_worker.reference(precision=precision)
    run_steps(worker, STEPS)
    run_steps(reference, STEPS)
    assert_weights_close(worker.weights(), reference.weights(), TOLERANCE[precision], f"after {STEPS} steps in {precision}")


@rule()
def moves_every_parameter(make_worker: MakeWorker) -> None:
    """Wherever the reference moves an element by at least a hundredth of the first step, the worker moves it too."""
    worker, reference, given = make_worker(), make_worker.reference(), given_weights("fp32")
    run_steps(worker, STEPS)
    run_steps(reference, STEPS)
    after = worker.weights()
    for name, expected in reference.weights().items():
        should_move = np.abs(expected - given[name]) > WORKLOAD.optimizer.learning_rate / 100
        stuck = int((should_move & (after[name] == given[name])).sum())
        assert not stuck, f"{stuck} of {expected.size} elements of {name} have not moved in {STEPS} steps"


@rule()
def predicts_raw_logits_of_every_test_example_in_order(make_worker: MakeWorker) -> None:
    """More examples than a worker takes at once, so that it must put parts together; few, too."""
    for dataset in (DATASET, make_dataset(test_examples=1030)):
        for precision in ("fp32", "fp64"):
            found = make_worker(precision=precision, dataset=dataset).predict()
            expected = make_worker.reference(precision=precision, dataset=dataset).predict()
            assert found.dtype == expected.dtype, f"predict() gives {found.dtype} in {precision}"
            assert_close(found, expected, TOLERANCE[precision], f"predict() in {precision}: the logits")


@rule()
def predict_changes_no_weight_and_takes_no_batch(make_worker: MakeWorker) -> None:
    worker, reference = make_worker(precision="fp64"), make_worker.reference(precision="fp64")
    for side in (worker, reference):
        side.begin_epoch(batch_order(SEED, 0, TRAIN_EXAMPLES))
        side.train_steps(2)
    before = worker.weights()
    worker.predict()
    assert_same_bits(worker.weights(), before, "weights() after predict()")
    for side in (worker, reference):
        side.train_steps(2)
    assert_close(worker.losses(), reference.losses(), TOLERANCE["fp64"], "the losses of an epoch with predict() in its middle")


@rule()
def gives_the_same_losses_for_the_same_spec(make_worker: MakeWorker) -> None:
    """To the last bit on a CPU; a GPU may add up in another order."""
    first, second = (run_steps(make_worker(), STEPS) for _ in range(2))
    tolerance = 0.0 if make_worker.device == "cpu" else TOLERANCE["fp32"]
    assert_close(second, first, tolerance, "the second of two runs of one spec")


@rule()
def obeys_batch_size_and_learning_rate_of_the_spec(make_worker: MakeWorker) -> None:
    for field, value in (("batch_size", 30), ("learning_rate", 3e-3)):
        worker, reference = (make(precision="fp64", **{field: value}) for make in (make_worker, make_worker.reference))
        batch_size = value if field == "batch_size" else WORKLOAD.batch_size
        found, expected = (run_steps(side, STEPS_PER_EPOCH, batch_size=batch_size) for side in (worker, reference))
        what = f"with {field}={value} in the spec"
        assert_close(found, expected, TOLERANCE["fp64"], f"{what}: the losses")
        assert_weights_close(worker.weights(), reference.weights(), TOLERANCE["fp64"], what)


@rule(every_mode=True)
def computes_the_same_in_its_mode(make_worker: MakeWorker) -> None:
    """One build, one epoch with its smaller last batch, one prediction: all that a mode which compiles for long is asked."""
    worker, reference = make_worker(), make_worker.reference()
    assert_close(run_steps(worker, STEPS_PER_EPOCH), run_steps(reference, STEPS_PER_EPOCH), TOLERANCE["fp32"], "the losses")
    assert_weights_close(worker.weights(), reference.weights(), TOLERANCE["fp32"], f"after {STEPS_PER_EPOCH} steps")
    assert_close(worker.predict(), reference.predict(), TOLERANCE["fp32"], "the logits after training")
    said = worker.describe()["mode"]
    assert said == make_worker.mode, f"describe() says mode {said!r}, asked was {make_worker.mode!r}"
