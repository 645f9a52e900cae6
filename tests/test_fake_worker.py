"""The tests' own tools: the reference's gradients against finite differences, and workers that misbehave as they say."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from levelfield.result import RunResult, Status
from levelfield.run import execute
from levelfield.services import ROOT, Service, discover
from levelfield.spec import RunSpec
from levelfield.workloads.base import Conv2D, MaxPool2D
from tests.contract.harness import MakeWorker
from tests.fake_layers import Conv2DOp, MaxPool2DOp, softmax_cross_entropy
from tests.fake_worker import NumpyWorker
from tests.services import write_service


def service_of(folder, kind):
    return Service.read(write_service(folder, kind.lower(), worker=f"tests.misbehaving_workers:{kind}"))


def spec_of(service, seed):
    return RunSpec(workload="digits_cnn", framework=service.name, mode="plain", seed=seed, epochs=2)


def test_gradients_are_those_of_finite_differences():
    worker = MakeWorker(factory=NumpyWorker)(precision="fp64")
    x, y = worker.x_train[:8], worker.y_train[:8]
    gradients = worker.backward(softmax_cross_entropy(worker.forward(x), y)[1])
    rng = np.random.Generator(np.random.PCG64(3))
    for name, array in worker.parameters.items():
        direction, step = rng.standard_normal(array.shape), 1e-6
        losses = []
        for sign in (1, -1):
            array[...] += sign * step * direction
            losses.append(softmax_cross_entropy(worker.forward(x), y)[0])
            array[...] -= sign * step * direction
        slope = (losses[0] - losses[1]) / (2 * step)
        assert slope == pytest.approx((gradients[name] * direction).sum(), rel=1e-6, abs=1e-9), name


def test_convolution_is_the_sum_of_its_definition():
    rng = np.random.Generator(np.random.PCG64(4))
    x, kernel, bias = rng.standard_normal((2, 5, 6, 3)), rng.standard_normal((3, 3, 3, 4)), rng.standard_normal(4)
    found = Conv2DOp(Conv2D(name="c", filters=4, kernel=3), {"c/kernel": kernel, "c/bias": bias}).forward(x)
    for n, i, j, f in np.ndindex(2, 3, 4, 4):
        assert found[n, i, j, f] == pytest.approx((x[n, i : i + 3, j : j + 3] * kernel[..., f]).sum() + bias[f])


def test_pooling_sends_the_gradient_to_the_first_maximum_and_drops_the_edge():
    op = MaxPool2DOp(MaxPool2D(size=2))
    x = np.array([[1.0, 1.0, 9.0], [1.0, 0.0, 9.0], [9.0, 9.0, 9.0]]).reshape(1, 3, 3, 1)
    assert op.forward(x).tolist() == [[[[1.0]]]]
    assert op.backward(np.full((1, 1, 1, 1), 5.0)).reshape(3, 3).tolist() == [[5.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_a_written_service_is_discovered_with_its_overrides(tmp_path, monkeypatch):
    write_service(tmp_path, "fake", devices=["cpu", "cuda"], modes={"plain": "a", "other": 'b "quoted"'})
    monkeypatch.setenv("LEVELFIELD_SERVICES", str(tmp_path))
    service = discover()["fake"]
    assert service.ready
    assert service.devices == ("cpu", "cuda")
    assert dict(service.modes) == {"plain": "a", "other": 'b "quoted"'}


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("Raises", Status.FAILED, "RuntimeError: the fake framework ran out of imaginary memory"),
        ("RaisesUnpicklable", Status.FAILED, "LocalError: the fake framework raised what cannot be pickled"),
        ("Exits", Status.FAILED, "SystemExit: 3"),
        ("Diverges", Status.DIVERGED, "not finite at step 50"),
        ("PrintsAndRaises", Status.FAILED, "printed before it failed"),
    ],
)
def test_odd_seeds_misbehave_and_even_seeds_do_not(tmp_path, kind, status, reason):
    service = service_of(tmp_path, kind)
    bad, good = (list(execute(service, spec_of(service, seed), before_ns={}))[-1] for seed in (1, 2))
    assert (bad.status, good.status) == (status, Status.OK)
    assert reason in bad.failure.reason
    again = RunResult.from_dict(json.loads(json.dumps(bad.to_dict())))
    assert (again.status, again.failure) == (bad.status, bad.failure)


def test_a_killed_worker_leaves_no_result(tmp_path):
    service = service_of(tmp_path, "KilledBySignal")
    (tmp_path / "spec.json").write_text(json.dumps(spec_of(service, 1).to_dict()))
    command = [sys.executable, "-m", "levelfield.standalone", service.name, tmp_path / "spec.json", "--out", tmp_path / "out.json"]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"LEVELFIELD_SERVICES": str(tmp_path)}, timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.json").exists()
