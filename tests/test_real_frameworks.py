"""TensorFlow against PyTorch, from the command line to the stored result, each in its own environment."""

import json

import pytest

from levelfield.result import Status
from levelfield.services import discover
from levelfield.store import Store
from tests.platform_process import Platform, processes_of

FRAMEWORKS = ("tensorflow", "torch")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    for name in FRAMEWORKS:
        service = discover()[name]
        assert service.ready, f"{service.title} has no environment: {service.setup_command}"
    platform = Platform(tmp_path_factory.mktemp("real"))
    process = platform.start("run", platform.study(list(FRAMEWORKS), seeds=[3], epochs=12))
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        runs = {run.planned.side: run.result for run in store.runs(store.study("latest").id)}
    return platform, runs, process.pid


def test_both_train_and_nothing_is_left_behind(compared):
    _, runs, pid = compared
    assert {side: result.status for side, result in runs.items()} == dict.fromkeys(FRAMEWORKS, Status.OK)
    assert processes_of(pid) == []


def test_both_compute_the_same_until_rounding_has_grown(compared):
    """fp32: the losses of the first 20 steps agree within 1e-5 (methodology, rule 5); the accuracy ends within 3 points."""
    a, b = (compared[1][name] for name in FRAMEWORKS)
    assert a.fingerprints == b.fingerprints
    assert len(a.step_losses) == len(b.step_losses) == 12 * 45
    assert max(abs(x - y) for x, y in zip(a.step_losses[:20], b.step_losses[:20], strict=True)) < 1e-5
    assert abs(a.epochs[-1].test_accuracy - b.epochs[-1].test_accuracy) < 0.03
    assert min(result.epochs[-1].test_accuracy for result in (a, b)) > 0.93


def test_each_ran_in_its_own_environment_with_equal_threads(compared):
    a, b = (compared[1][name] for name in FRAMEWORKS)
    assert "torch" not in a.environment["packages"]
    assert "tensorflow-cpu" not in b.environment["packages"]
    assert a.description["threads"] == b.description["threads"]
    assert a.environment["executable"] != b.environment["executable"]
    assert a.environment["source_hash"] == b.environment["source_hash"]


def test_one_pair_gives_figures_and_no_verdict(compared):
    report = compared[0].run("report", "latest", "--format", "json")
    assert json.loads(report)
    assert "throughput" in report.lower()
    assert "faster than" not in compared[0].run("report", "latest")
