"""The tests' own tools: services made of NumPy workers, and workers that misbehave as they say."""

import json
import os
import signal
import subprocess
import sys

import pytest

from levelfield import workloads
from levelfield.result import RunResult, Status
from levelfield.run import Session, event_from_dict, event_to_dict, load_worker
from levelfield.services import ROOT, Service, discover
from levelfield.spec import RunSpec
from levelfield.tracks import TRACKS
from levelfield.training import Started, train
from tests.contract.synthetic import dataset_of
from tests.services import EVERYTHING, write_service


def service_of(folder, kind):
    return Service.read(write_service(folder, kind.lower(), worker=f"tests.misbehaving_workers:{kind}"))


def spec_of(service, seed):
    return RunSpec(workload="digits_cnn", framework=service.name, mode="plain", seed=seed, epochs=2)


def test_a_written_service_is_discovered_with_its_overrides(tmp_path, monkeypatch):
    write_service(tmp_path, "fake", devices=["cpu", "cuda"], modes={"plain": "a", "other": 'b "quoted"'})
    monkeypatch.setenv("LEVELFIELD_SERVICES", str(tmp_path))
    service = discover()["fake"]
    assert service.ready
    assert service.devices == ("cpu", "cuda")
    assert dict(service.modes) == {"plain": "a", "other": 'b "quoted"'}


@pytest.mark.parametrize("workload", workloads.names())
@pytest.mark.parametrize("track", TRACKS)
def test_a_service_of_everything_builds_every_workload_in_every_track(tmp_path, track, workload):
    service = Service.read(write_service(tmp_path, "fake", **EVERYTHING))
    assert service.tracks == tuple(TRACKS)
    spec = RunSpec(workload=workload, framework="fake", mode="plain", seed=0, track=track)
    events = train(load_worker(service, track)(), spec, workloads.get(workload), lambda: dataset_of(workloads.get(workload)), threads=1)
    assert next(events) == Started(epochs=workloads.get(workload).epochs, steps_per_epoch=4 if workload == "digits_cnn" else 2)


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
    bad, good = (list(Session(service).run(spec_of(service, seed), before_ns={}))[-1] for seed in (1, 2))
    assert (bad.status, good.status) == (status, Status.OK)
    assert reason in bad.failure.reason
    again = RunResult.from_dict(json.loads(json.dumps(bad.to_dict())))
    assert (again.status, again.failure) == (bad.status, bad.failure)
    assert good.predictions is not None
    assert event_from_dict(json.loads(json.dumps(event_to_dict(good)))).predictions == good.predictions


def test_a_killed_worker_leaves_no_result(tmp_path):
    service = service_of(tmp_path, "KilledBySignal")
    (tmp_path / "spec.json").write_text(json.dumps(spec_of(service, 1).to_dict()))
    command = [sys.executable, "-m", "levelfield.standalone", service.name, tmp_path / "spec.json", "--out", tmp_path / "out.json"]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | {"LEVELFIELD_SERVICES": str(tmp_path)}, timeout=60, check=False)
    assert run.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.json").exists()
