"""The benchmark itself, for two rounds of a few steps on made-up data: on a cluster, and without Ray."""

import json
import subprocess
import sys

from levelfield.services import ROOT, discover
from tests.platform_process import processes_of

SHORT = ["--rounds", "2", "--target-ms", "1", "--threads", "1", "--processes", "1"]
FORBIDDEN = ("ray", "scipy", "rich", "pydantic", "psutil", "sqlalchemy")  # a machine with a GPU may have the framework alone


def assert_measured(line, *, ray):
    found = json.loads(line)
    assert found["ray"] is ray
    assert found["spec"]["workload"] == "cifar10_cnn"
    assert found["description"]["framework"] == "PyTorch"
    assert sorted((turn["round"], turn["side"]) for turn in found["turns"]) == [(0, "bare"), (0, "platform"), (1, "bare"), (1, "platform")]
    for turn in found["turns"]:
        burst = turn["burst"]
        assert burst["steps"] >= 2
        assert burst["samples"] == burst["steps"] * 32
        assert burst["whole_ns"] >= burst["duration_ns"] > 0


def test_on_a_cluster_through_the_platforms_own_actor(tmp_path, environment):
    command = [sys.executable, str(ROOT / "bench" / "overhead.py"), "run", "--out", str(tmp_path / "raw.jsonl"), *SHORT]
    command += ["--frameworks", "torch", "--workloads", "cifar10_cnn"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        output, errors = process.communicate(timeout=240)
    assert process.returncode == 1, output + errors  # one process shows nothing
    lines = (tmp_path / "raw.jsonl").read_text().splitlines()
    for line in lines:
        assert_measured(line, ray=True)
    valid = [json.loads(line)["noise"]["valid"] for line in lines]
    assert valid in ([True], [False, True], [False, False, True], [False] * 3), "it is done again where the machine disturbed it"
    assert ("cifar10_cnn" in output) is valid[-1], output + errors
    assert processes_of(process.pid) == []


def test_without_ray_in_the_services_own_environment_with_the_framework_alone(tmp_path, environment):
    for name in FORBIDDEN:
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} is not on this machine')")
    command = [discover()["torch"].python, "-m", "bench.overhead_process", "torch", "cifar10_cnn", "--out", tmp_path / "raw.jsonl", *SHORT]
    only_numpy = environment | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=only_numpy, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    line, *summary = done.stdout.splitlines()
    assert_measured(line, ray=False)
    assert (tmp_path / "raw.jsonl").read_text() == line + "\n"
    assert len(summary) == 2
    assert all(words.startswith("# ") for words in summary)
