"""Ten workers on a host share one copy of the data: what a real worker keeps of it for itself, measured in its own environment."""

import json
import os
import subprocess

import numpy as np
import pytest

from levelfield.data import from_arrays, write_cache
from levelfield.services import ROOT, discover

FRAMEWORKS = ("tensorflow", "torch")
MIB = 1 << 20
# Anonymous memory is what a process has to itself; pages of a mapped file are the cache's, whoever maps them.
SCRIPT = """
import json, sys
from levelfield import data, workloads
from levelfield.run import load_worker
from levelfield.services import discover
from levelfield.spec import RunSpec

def own_bytes():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("RssAnon"))

service = discover()[sys.argv[1]]
dataset = data.load("cifar10")
worker = load_worker(service, "matched")()
worker.setup(RunSpec(workload="cifar10_cnn", framework=service.name, mode=service.default_mode, seed=0), threads=1)
before = own_bytes()
worker.load(dataset)
print(json.dumps({"growth": own_bytes() - before, "array": dataset.x_train.nbytes}))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Images in the number and shape of CIFAR-10's, so that the test needs no download."""
    folder = tmp_path_factory.mktemp("cache")
    rng = np.random.Generator(np.random.PCG64(0))
    arrays = {}
    for part, examples in (("train", 50_000), ("test", 10_000)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (examples, 32, 32, 3), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, 10, examples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFIELD_CACHE", str(folder))
        write_cache(from_arrays("cifar10", arrays))
    return folder


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_worker_keeps_less_than_the_array_and_a_fifth_to_itself(cache, framework):
    service = discover()[framework]
    assert service.ready, f"{service.title} has no environment: {service.setup_command}"
    environment = os.environ | {"LEVELFIELD_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    command = [str(service.python), "-c", SCRIPT, framework]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    measured = json.loads(run.stdout.splitlines()[-1])
    assert measured["array"] == 50_000 * 32 * 32 * 3
    assert measured["growth"] < 1.2 * measured["array"], f"{framework}: {measured['growth'] / MIB:.0f} MiB"
