"""Rules on `trace`: the step laid open agrees with the reference, and it is the step that is timed. Methodology, rule 5."""

import numpy as np
from numpy.typing import NDArray

from levelfield.worker import Trace, Worker
from levelfield.workloads.base import Weights, Workload, batch_order
from tests.contract.harness import MakeWorker, assert_close, assert_relatively_close, assert_same_bits, assert_weights_close, run_steps
from tests.contract.registry import every_workload, rule, with_dropout
from tests.contract.synthetic import DTYPES, SEED, TRAIN_EXAMPLES, dataset_of
from tests.fake_dropout import draw_masks

TOLERANCE = {"fp32": 1e-5, "fp64": 1e-12}
BATCHES = (16, 16, 5)
TIMED_BATCH, TIMED_STEPS = 20, 2  # of one size, because a mode that compiles does so for each


@rule(workloads=every_workload, every_mode=True)
def traces_every_tensor_as_the_reference_without_dropout(make_worker: MakeWorker) -> None:
    _traces_as_the_reference(make_worker, "fp64", dropout=False)


@rule(workloads=with_dropout)
def traces_every_tensor_as_the_reference_with_given_masks(make_worker: MakeWorker) -> None:
    _traces_as_the_reference(make_worker, "fp64", dropout=True)


@rule()
def traces_every_tensor_as_the_reference_in_fp32(make_worker: MakeWorker) -> None:
    _traces_as_the_reference(make_worker, "fp32", dropout=False)


def _traces_as_the_reference(make_worker: MakeWorker, precision: str, *, dropout: bool) -> None:
    """Three steps, each side from where its own last one led; the last batch is smaller."""
    worker, reference = make_worker(precision=precision), make_worker.reference(precision=precision)
    rng = np.random.Generator(np.random.PCG64(9))
    for step, size in enumerate(BATCHES, start=1):
        index = _indices(make_worker.workload, size, rng)
        masks = draw_masks(make_worker.workload, size, rng) if dropout else None
        found, expected = worker.trace(index, masks), reference.trace(index, masks)
        _assert_same_step(found, expected, TOLERANCE[precision], f"step {step} in {precision}")


def _assert_same_step(found: Trace, expected: Trace, tolerance: float, when: str) -> None:
    """In the order in which a step computes them, so that the first deviation is its origin."""
    _assert_same_tensors(found.outputs, expected.outputs, tolerance, f"{when}: the output of")
    assert_relatively_close(np.array(found.loss), np.array(expected.loss), tolerance, f"{when}: the loss")
    _assert_same_tensors(found.gradients, expected.gradients, tolerance, f"{when}: the gradient of")
    _assert_same_tensors(found.parameters, expected.parameters, tolerance, f"{when}: the update of")


def _assert_same_tensors(found: Weights, expected: Weights, tolerance: float, what: str) -> None:
    assert sorted(found) == sorted(expected), f"{what} {sorted(found)}, expected {sorted(expected)}"
    for name, array in expected.items():
        assert_relatively_close(found[name], array, tolerance, f"{what} {name}")


@rule(workloads=every_workload, every_mode=True)
def times_the_step_that_it_traces(make_worker: MakeWorker) -> None:
    """With rates of 0 a worker's own dropout drops nothing, so that the timed steps can be compared with the traced ones."""
    workload = make_worker.workload.without_dropout()
    examples = len(dataset_of(workload).x_train)
    timed, traced = (make_worker(workload=workload, precision="fp64", batch_size=TIMED_BATCH) for _ in range(2))
    losses = run_steps(timed, TIMED_STEPS, batch_size=TIMED_BATCH, examples=examples)
    batches = np.split(batch_order(SEED, 0, examples), range(TIMED_BATCH, examples, TIMED_BATCH))
    traces = [traced.trace(index, None) for index in batches[:TIMED_STEPS]]
    assert_close(losses, np.array([trace.loss for trace in traces]), TOLERANCE["fp64"], "the losses of timed against traced steps")
    assert_weights_close(timed.weights(), traces[-1].parameters, TOLERANCE["fp64"], "timed against traced steps")


@rule()
def trace_takes_no_batch_and_leaves_no_loss(make_worker: MakeWorker) -> None:
    worker, reference = make_worker(precision="fp64"), make_worker.reference(precision="fp64")
    for side in (worker, reference):
        side.begin_epoch(batch_order(SEED, 0, TRAIN_EXAMPLES))
        side.train_steps(2)
        side.trace(np.arange(8), {})
        side.train_steps(1)  # of two: a trace that took a batch has left the smaller one
    assert_close(worker.losses(), reference.losses(), TOLERANCE["fp64"], "the losses of an epoch with trace() in its middle")


@rule(workloads=every_workload)
def traces_in_the_canonical_layout(make_worker: MakeWorker) -> None:
    """Names, types and shapes; and what was given once stays as it is when the worker goes on."""
    workload, examples = make_worker.workload, BATCHES[-1]
    worker, trace = _traced_once(make_worker, examples)
    assert type(trace.loss) is float, f"the loss is a {type(trace.loss).__name__}, not a float"
    names = workload.layer_names()
    assert list(trace.outputs) == names, f"outputs of {list(trace.outputs)}, expected {names}"
    kept = dict(workload.parameters())
    _assert_form(trace.outputs, {layer.name: (examples, *shape) for layer, _, shape in workload.shapes()}, "outputs")
    _assert_form(trace.gradients, {name: parameter.shape for name, parameter in kept.items() if parameter.trainable}, "gradients")
    _assert_form(trace.parameters, {name: parameter.shape for name, parameter in kept.items()}, "parameters")
    before = {part: {name: array.copy() for name, array in getattr(trace, part).items()} for part in ("outputs", "gradients", "parameters")}
    worker.trace(np.arange(examples) + 1, None)
    for part, arrays in before.items():
        assert_same_bits(getattr(trace, part), arrays, f"the first trace's {part}, after the second")


def _traced_once(make_worker: MakeWorker, examples: int) -> tuple[Worker, Trace]:
    worker = make_worker()
    return worker, worker.trace(np.arange(examples), None)


def _assert_form(arrays: Weights, shapes: dict[str, tuple[int, ...]], what: str) -> None:
    assert sorted(arrays) == sorted(shapes), f"{what} of {sorted(arrays)}, expected {sorted(shapes)}"
    for name, array in arrays.items():
        assert type(array) is np.ndarray, f"{what}: {name} is a {type(array).__name__}, not a NumPy array"
        form, expected = (array.dtype.name, array.shape), (DTYPES["fp32"], shapes[name])
        assert form == expected, f"{what}: {name} is {form}, expected {expected}"


@rule(workloads=with_dropout)
def drops_in_training_by_its_seed(make_worker: MakeWorker) -> None:
    """Two seeds differ in nothing but the masks: the weights and the batches are given."""
    examples = len(dataset_of(make_worker.workload).x_train)
    first, again, other = (run_steps(make_worker(seed=seed), 1, examples=examples) for seed in (1, 1, 2))
    tolerance = 0.0 if make_worker.device == "cpu" else TOLERANCE["fp32"]
    assert_close(again, first, tolerance, "the second of two runs with the same seed")
    assert (first != other).all(), f"two seeds give the same losses, {first}: nothing was dropped, or always the same"


@rule(workloads=every_workload)
def predicts_without_dropout_after_training(make_worker: MakeWorker) -> None:
    worker, reference = make_worker(precision="fp64"), make_worker.reference(precision="fp64")
    masks = draw_masks(make_worker.workload, 8, np.random.Generator(np.random.PCG64(10)))
    for side in (worker, reference):
        side.trace(np.arange(8), masks)
    assert_relatively_close(worker.predict(), reference.predict(), TOLERANCE["fp64"], "the logits after a step with dropout")


def _indices(workload: Workload, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.permutation(len(dataset_of(workload).x_train))[:size]
