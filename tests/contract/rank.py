"""One rank of a gang, in a process of its own: ``python -m tests.contract.rank TASK.json``. Writes what it has come to as an .npz.

The task is what `tests.contract.gangs` writes. In a process of its own, because a framework can be a rank of one gang alone.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from levelfield import workloads
from levelfield.gang import Gang
from levelfield.spec import RunSpec
from levelfield.worker import DRAWN, Worker
from levelfield.workloads.base import Workload
from tests.contract.harness import run_steps
from tests.contract.synthetic import dataset_of, given_weights
from tests.fake_dropout import draw_masks

TRACED = 9  # examples of the traced steps
APART_STEPS = 3


def learn(worker: Worker, workload: Workload, spec: RunSpec, steps: int) -> dict[str, Any]:
    """What the rule compares: losses and parameters of some steps without dropout, a step laid open with given masks, logits."""
    examples = len(dataset_of(workload).x_train)
    found = {"losses": run_steps(worker, steps, batch_size=spec.batch_size or workload.batch_size, examples=examples)}
    found |= {f"weights {name}": array for name, array in worker.weights().items()}
    masks = draw_masks(workload, TRACED, np.random.Generator(np.random.PCG64(9)))
    trace = worker.trace(np.arange(TRACED), masks or None)
    found |= {"traced loss": np.float64(trace.loss)}
    found |= {f"gradient {name}": array for name, array in trace.gradients.items()}
    found |= {f"output {name}": array for name, array in trace.outputs.items()}
    return found | {f"traced {name}": array for name, array in trace.parameters.items()} | {"logits": worker.predict()}


def learn_apart(worker: Worker, workload: Workload, spec: RunSpec) -> dict[str, Any]:
    """Parameters after some steps without the exchange of gradients, and after one more with it."""
    examples, batch_size = len(dataset_of(workload).x_train), spec.batch_size or workload.batch_size
    worker.exchange(on=False)
    run_steps(worker, APART_STEPS, batch_size=batch_size, examples=examples)
    found = {f"apart {name}": array for name, array in worker.weights().items()}
    worker.exchange(on=True)
    return found | {"loss": run_steps(worker, 1, batch_size=batch_size, examples=examples)}


def draw(worker: Worker) -> dict[str, Any]:
    """Outputs of a step on one example many times over, with dropout as in training."""
    return {f"output {name}": array for name, array in worker.trace(np.zeros(32, np.int64), DRAWN).outputs.items()}


def main(task: dict[str, Any]) -> None:
    """Raises whatever the worker raises."""
    factory: Any = importlib.import_module(task["module"])
    for name in task["name"].split("."):
        factory = getattr(factory, name)
    spec, workload, worker = RunSpec.from_dict(task["spec"]), workloads.get(task["spec"]["workload"]).to_certify(), factory()
    workload = workload if task["task"] == "draw" else workload.without_dropout()
    worker.setup(spec, threads=1)
    worker.join(Gang(rank=task["rank"], peers=tuple(task["peers"])))
    worker.load(dataset_of(workload))
    worker.build(spec, workload, given_weights(spec.precision, workload))
    tasks = {
        "draw": lambda: draw(worker),
        "learn": lambda: learn(worker, workload, spec, task["steps"]),
        "learn apart": lambda: learn_apart(worker, workload, spec),
    }
    np.savez(task["out"], **tasks[task["task"]]())


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
