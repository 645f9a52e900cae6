"""Rules on gangs: ranks in processes of their own, which together do what one worker does. Methodology, rule 14."""

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from levelfield.gang import Gang, free_endpoint
from levelfield.services import ROOT
from levelfield.workloads.layers import Dropout
from tests.contract.harness import MakeWorker, assert_close, assert_relatively_close, assert_same_bits
from tests.contract.rank import TRACED, learn
from tests.contract.registry import rule, with_batch_norm, with_dropout, without_batch_norm
from tests.fake_worker import NumpyWorker

SIZES, MORE_SIZES = (2,), {"digits_cnn": (2, 4)}  # every rank imports its framework
UNEVEN = {"digits_cnn": 33}  # 100 examples: 33, 33, 33 and a single one, which leaves ranks without any
STEPS = 6
TIMEOUT_S = 240
Found = dict[str, Any]


@rule(workloads=without_batch_norm, without_gpu=True)  # a GPU takes one rank, and more than one is rarely there
def learns_in_a_gang_as_one_worker_does(make_worker: MakeWorker) -> None:
    workload = make_worker.workload.without_dropout()
    spec = make_worker.spec(precision="fp64", batch_size=UNEVEN.get(workload.name, 18))
    alone = learn(make_worker(workload=workload, precision="fp64", batch_size=spec.batch_size), workload, spec, STEPS)
    for size in MORE_SIZES.get(workload.name, SIZES):
        ranks = _ranks(make_worker, size, batch_size=spec.batch_size, precision="fp64")
        for name in ranks[0].keys() - {"logits", *(key for key in alone if key.startswith("output "))}:
            for rank, found in enumerate(ranks):
                assert_close(found[name], alone[name], 1e-12, f"{name} of rank {rank} of {size}")
            assert_same_bits({name: ranks[-1][name]}, {name: ranks[0][name]}, f"rank {size - 1} of {size} against rank 0")
        assert_close(np.concatenate([found["logits"] for found in ranks]), alone["logits"], 1e-12, f"the logits of {size} ranks")
        for name in (key for key in alone if key.startswith("output ")):
            parts = [found[name][: _own(rank, size)] for rank, found in enumerate(ranks)]
            assert_close(np.concatenate(parts), alone[name], 1e-12, f"{name} of {size} ranks")


@rule(workloads=with_batch_norm, without_gpu=True)
def learns_in_a_gang_as_the_reference_does(make_worker: MakeWorker) -> None:
    """Where each rank normalises its own part of a batch, so that a gang is not one worker in parts; what they keep is the ranks' mean."""
    fields = {"batch_size": 12, "precision": "fp64", "steps": 2}
    found, expected = _ranks(make_worker, 2, **fields), _ranks(dataclasses.replace(make_worker, factory=NumpyWorker), 2, **fields)
    for rank, (own, reference) in enumerate(zip(found, expected, strict=True)):
        for name, array in reference.items():
            assert_relatively_close(own[name], array, 1e-11, f"{name} of rank {rank}")
    shared = [name for name in found[0] if name.startswith(("weights ", "traced "))]
    assert_same_bits({n: found[1][n] for n in shared}, {n: found[0][n] for n in shared}, "rank 1 against rank 0")


@rule(workloads=with_dropout, without_gpu=True)
def draws_dropout_of_its_own_on_every_rank(make_worker: MakeWorker) -> None:
    """The step's batch is one example many times over: what differs between the ranks are their masks."""
    name = next(layer.name for layer in make_worker.workload.layers if isinstance(layer, Dropout))
    dropped = [found[f"output {name}"] == 0 for found in _ranks(make_worker, 2, task="draw")]
    assert not np.array_equal(*dropped), "two ranks drop the same elements"


@rule(without_gpu=True)
def learns_apart_while_nothing_is_exchanged(make_worker: MakeWorker) -> None:
    """What the exchange costs is measured by leaving it out."""
    first, second = _ranks(make_worker, 2, task="learn apart", batch_size=18, precision="fp64")
    for name in (key for key in first if key.startswith("apart ")):
        assert not np.array_equal(first[name], second[name]), f"{name.removeprefix('apart ')} is alike on both ranks without the exchange"
    assert_same_bits({"loss": first["loss"]}, {"loss": second["loss"]}, "with the exchange again")


def _own(rank: int, size: int) -> int:
    share = Gang(rank=rank, peers=("",) * size).share(TRACED)
    return share.stop - share.start


def _ranks(make_worker: MakeWorker, size: int, *, task: str = "learn", steps: int = STEPS, **fields: Any) -> list[Found]:
    """What each rank has come to. Raises AssertionError with the last words of the ranks where one has failed."""
    factory, peers = make_worker.factory, [free_endpoint("127.0.0.1") for _ in range(size)]
    common = {"module": factory.__module__, "name": factory.__qualname__, "spec": make_worker.spec(**fields).to_dict(), "peers": peers}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"rank-{rank}.npz") for rank in range(size)]
        processes = []
        for rank, out in enumerate(files):
            file = out.with_suffix(".json")
            file.write_text(json.dumps(common | {"rank": rank, "out": str(out), "steps": steps, "task": task}))
            command = [sys.executable, "-m", "tests.contract.rank", str(file)]
            processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        words = _wait(processes)
        assert all(file.exists() for file in files), f"a rank of {size} has failed: {words}"
        return [dict(np.load(file)) for file in files]


def _wait(processes: list[subprocess.Popen[str]]) -> list[str]:
    """The last words of each; one that waits in vain for another is ended."""
    words = []
    try:
        for process in processes:
            output, _ = process.communicate(timeout=TIMEOUT_S)
            words.append(output[-2000:])
    except subprocess.TimeoutExpired:
        words.append(f"still going on after {TIMEOUT_S} s")
    finally:
        for process in processes:
            process.kill()
    return words
