"""The audit, from accounts written by hand."""

import json
import subprocess

import pytest

from levelfield.report.analysis import analyse
from levelfield.report.aspects import Account
from levelfield.report.audit import audit
from levelfield.result import RunResult
from levelfield.services import ROOT, discover
from tests.report.study_factory import end, frames

A = {"framework": "A", "version": "1.0", "threads": 2, "epsilon": "1e-07", "betas": [0.9, 0.999]}
B = A | {"framework": "B", "version": "2.0"}


def compare(a, b, *, runs=3, **around):
    """Every run of a side says the same; ``around`` may hold ``environments`` and ``work`` of both sides."""
    environments, work = around.get("environments", ({}, {})), around.get("work", ({}, {}))
    sides = [
        dict.fromkeys(range(runs), Account(description=said, environment=environment, work=done))
        for said, environment, done in zip((a, b), environments, work, strict=True)
    ]
    return audit(*sides)


def differences(found):
    return {difference.aspect: (difference.a, difference.b) for difference in found.differences}


def equal(found):
    return {same.aspect: same.value for same in found.equal}


def test_frameworks_that_say_the_same_differ_in_nothing_and_are_named_with_their_versions():
    found = compare(A | {"c_version": "3"}, B)
    assert (found.a, found.b, found.runs_a, found.runs_b) == ("A 1.0 (c 3)", "B 2.0", 3, 3)
    assert found.known
    assert differences(found) == {}
    assert equal(found) == {"threads": "2", "epsilon": "1e-07", "betas": "0.9, 0.999"}


@pytest.mark.parametrize("key", [*A.keys() - {"framework", "version"}, "never_heard_of"])
def test_whatever_a_worker_says_is_compared(key):
    assert differences(compare(A | {key: "one"}, B | {key: "other"})) == {key.replace("_", " "): ("one", "other")}


def test_what_only_one_side_says_is_a_difference():
    assert differences(compare(A | {"layout": "channels last"}, B)) == {"layout": ("channels last", "not reported")}


@pytest.mark.parametrize(("a", "b"), [(0, 0.0), ([], []), ([1, [2]], [1, [2]]), ({"x": {"y": 1}}, {"x": {"y": 1}}), (None, None)])
def test_equal_values_are_equal_however_they_are_written(a, b):
    assert differences(compare(A | {"it": a}, B | {"it": b})) == {}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (True, False, {"it": ("yes", "no")}),
        (1296898, 1296899, {"it": ("1,296,898", "1,296,899")}),
        ([0, 1], [], {"it": ("0, 1", "none")}),
        ("none", [], {"it": ("none", "none")}),  # the word is not the empty list
        ({"x": {"y": 1}, "z": 2}, {"x": {"y": 3}, "z": 2}, {"it x y": ("1", "3")}),
        ([{"n": "k"}, {"n": "l"}], [{"n": "k"}], {"it 2 n": ("l", "not reported")}),
        ([[{"n": 1}]], [[{"n": 2}]], {"it": ("n, 1", "n, 2")}),
        ("a" * 64, "a" * 12 + "b" * 52, {"it": ("a" * 12, "a" * 12)}),  # shown in short, compared in full
    ],
)
def test_values_are_flat_and_readable(a, b, expected):
    assert differences(compare(A | {"it": a}, B | {"it": b})) == expected


def test_differences_come_in_groups_those_in_what_is_computed_first():
    a = {"own": 1, "mode": "graph", "tf32": True, "input_pipeline": "arrays", "epsilon": "1", "dropout": ["x"]}
    b = {"own": 2, "mode": "eager", "tf32": False, "input_pipeline": "loader", "epsilon": "2", "dropout": ["y"]}
    found = compare(A | a, B | b, environments=({"niceness": 0}, {"niceness": 5}), work=({"epochs": 1}, {"epochs": 2}))
    groups = [(difference.group, difference.aspect) for difference in found.differences]
    assert groups == [
        ("arithmetic", "epsilon"),
        ("arithmetic", "dropout"),
        ("number format", "TF32"),
        ("work", "epochs"),
        ("input", "input pipeline"),
        ("execution", "mode"),
        ("other", "own"),
        ("environment", "niceness"),
    ]
    assert [difference.aspect for difference in found.computed] == ["epsilon", "dropout", "TF32"]


def test_runs_of_one_side_that_say_different_things_are_counted():
    a = {pair: Account(description=A | {"threads": 1 if pair < 4 else 2}) for pair in range(5)}
    b = {pair: Account(description=B | {"threads": 2}) for pair in range(5)}
    assert differences(audit(a, b)) == {"threads": ("1 in 4 runs, 2 in 1 run", "2")}
    b[0] = Account(description={key: value for key, value in B.items() if key != "threads"})
    assert differences(audit(a, b)) == {"threads": ("1 in 4 runs, 2 in 1 run", "2 in 4 runs, not reported in 1 run")}


def test_many_different_values_are_cut_short():
    a = {pair: Account(description=A | {"threads": pair}) for pair in range(10)}
    b = {pair: Account(description=B | {"threads": 99}) for pair in range(10)}
    assert differences(audit(a, b))["threads"] == ("0 in 1 run, 1 in 1 run, 2 in 1 run and 7 more", "99")


def test_what_varies_from_pair_to_pair_but_not_within_one_is_equal_and_marked():
    a = {pair: Account(description=A, environment={"cores": [pair % 2], "niceness": 0}) for pair in range(4)}
    b = {pair: Account(description=B, environment={"cores": [pair % 2], "niceness": 0}) for pair in range(4)}
    found = audit(a, b)
    assert differences(found) == {}
    assert [same.aspect for same in found.equal if same.varies] == ["cores"]
    assert equal(found)["cores"] == "0 in 2 runs, 1 in 2 runs"
    b[0], b[1] = b[1], b[0]  # the same values, but no longer in the same pairs
    assert differences(audit(a, b)) == {"cores": ("0 in 2 runs, 1 in 2 runs", "1 in 2 runs, 0 in 2 runs")}


def test_a_run_without_its_partner_decides_only_where_no_pair_is_complete():
    a = {0: Account(description=A), 1: Account(description=A | {"threads": 7})}
    assert differences(audit(a, {0: Account(description=B)})) == {}
    assert differences(audit({1: a[1]}, {0: Account(description=B)})) == {"threads": ("7", "2")}


def test_the_environment_is_compared_but_for_what_every_process_has_of_its_own():
    a = {"hostname": "n1", "executable": "/a", "memory_available_bytes": 1, "source_hash": "a" * 64, "gpus": [{"uuid": "GPU-1"}]}
    a |= {
        "noise": {"figures": {"wall_s": 1.0}},
        "variables": {"TF_XLA_FLAGS": "x", "OMP_NUM_THREADS": "1"},
        "packages": {"tensorflow": "2", "numpy": "2.0"},
    }
    b = {"hostname": "n2", "executable": "/b", "memory_available_bytes": 2, "source_hash": "b" * 64, "gpus": [{"uuid": "GPU-2"}]}
    b |= {"noise": {"figures": {"wall_s": 2.0}}, "variables": {"OMP_NUM_THREADS": "2"}, "packages": {"torch": "2", "numpy": "2.1"}}
    assert differences(compare(A, B, environments=(a, b))) == {
        "hostname": ("n1", "n2"),
        "sources of Levelfield": ("a" * 12, "b" * 12),
        "GPU 1 uuid": ("GPU-1", "GPU-2"),
        "variable TF_XLA_FLAGS": ("x", "not set"),
        "variable OMP_NUM_THREADS": ("1", "2"),
        "package numpy": ("2.0", "2.1"),  # neither framework's own package
    }


def test_containers_of_one_host_differ_in_name_alone():
    """Elsewhere the name says which host it is, and the start of its kernel changes with each boot."""
    a, b = {"hostname": "4f1c", "host": "boot-1"}, {"hostname": "9d0e", "host": "boot-1"}
    assert differences(compare(A, B, environments=(a, b))) == {"hostname": ("4f1c", "9d0e")}
    a, b = a | {"image": "torch:1"}, b | {"image": "tf:1"}
    assert differences(compare(A, B, environments=(a, b))) == {}
    assert differences(compare(A, B, environments=(a, b | {"host": "boot-2"}))) == {
        "host, by the start of its kernel": ("boot-1", "boot-2")
    }


def test_a_framework_s_own_code_is_compared_with_itself_alone():
    codes = {"worker_code": "a" * 64}, {"worker_code": "b" * 64}
    assert differences(compare(A, B, environments=codes)) == {}
    assert differences(compare(A, A, environments=codes)) == {"worker code of A": ("a" * 12, "b" * 12)}


def test_work_that_was_not_the_same_is_a_difference():
    work = {"training steps": 100, "test examples": 360}
    assert differences(compare(A, B, work=(work, work | {"test examples": 359}))) == {"test examples": ("360", "359")}
    assert differences(compare(A, B, work=(work, {}))) == {}  # no run of the other side came to its end: told elsewhere


@pytest.mark.parametrize(("a", "b", "runs"), [({}, {}, (0, 0)), ({0: Account(description=A)}, {0: Account()}, (1, 0))])
def test_nothing_is_said_of_a_side_that_said_nothing(a, b, runs):
    found = audit(a, b)
    assert (found.runs_a, found.runs_b) == runs
    assert not found.known
    assert (found.differences, found.equal) == ((), ())


def only(given):
    (comparison,) = analyse(given).workloads[0].comparisons
    return comparison.audit


def test_what_the_frames_of_a_study_say():
    found = only(frames())
    assert differences(found) == {"epsilon": ("as tensorflow has it", "as torch has it")}
    assert equal(found)["epochs trained"] == "1"
    assert equal(found)["training steps"] == "160"
    assert equal(found)["training steps that are timed"] == "120"
    assert equal(found)["training examples seen"] == "5,120"
    assert equal(found)["evaluations"] == "2"
    assert equal(found)["test examples in an evaluation"] == "10,000"
    assert [same.aspect for same in found.equal if same.varies] == ["fingerprint of the initial weights"]


@pytest.mark.parametrize(
    ("table", "column", "value", "aspect"),
    [
        ("block_rows", "samples", 1279, "training examples seen"),
        ("block_rows", "steps", 41, "training steps"),
        ("block_rows", "steady", False, "training steps that are timed"),
        ("epochs", "test_examples", 9_999, "test examples in an evaluation"),
        ("epochs", "run_id", 999, "evaluations"),
        ("runs", "data_fingerprint", "e", "fingerprint of the data"),
    ],
)
def test_work_is_read_from_what_is_recorded(table, column, value, aspect):
    given = frames()
    frame = getattr(given, table)
    frame.loc[frame.index[frame["run_id"] == 4][-1], column] = value
    assert aspect in differences(only(given))


def test_only_the_latest_attempts_of_runs_that_got_to_work_are_audited():
    given = end(end(frames(), 4, "failed", "lost"), 6, "diverged")
    given.runs.loc[given.runs["run_id"] == 4, "description"] = [{}]
    earlier = given.runs[given.runs["run_id"] == 8].assign(run_id=99, attempt=0, latest=False)
    earlier["description"] = [{"framework": "torch", "threads": 64}]
    given.runs = type(given.runs)([*earlier.to_dict("records"), *given.runs.to_dict("records")])
    found = only(given)
    assert (found.runs_a, found.runs_b) == (5, 4)
    assert list(differences(found)) == ["epsilon"]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """What the two real workers say after an epoch on the digits, each in its own environment."""
    folder = tmp_path_factory.mktemp("real")
    accounts = {}
    for name in ("tensorflow", "torch"):
        service = discover()[name]
        assert service.ready, f"{service.title} has no environment: {service.setup_command}"
        spec = {"workload": "digits_cnn", "framework": name, "mode": service.default_mode, "seed": 0, "epochs": 1, "threads": 1}
        (folder / "spec.json").write_text(json.dumps(spec))
        out = folder / f"{name}.json"
        command = [service.python, "-m", "levelfield.standalone", name, folder / "spec.json", "--out", out]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        result = RunResult.from_dict(json.loads(out.read_text()))
        accounts[name] = Account(description=result.description, environment=result.environment)
    return accounts


def test_the_real_workers_report_every_aspect_that_the_audit_is_for(real):
    for account in real.values():
        assert {
            *("initialiser", "epsilon", "input_pipeline", "threads", "layout", "mode", "precision", "tf32", "cudnn_autotune", "dropout"),
            "preprocessing",
        } <= account.description.keys()


def test_the_real_workers_differ_where_frameworks_do_and_agree_where_the_track_says_so(real):
    found = audit({0: real["tensorflow"]}, {0: real["torch"]})
    assert found.a.startswith("TensorFlow 2.")
    assert found.b.startswith("PyTorch 2.")
    assert {"mode", "layout", "optimizer kernel"} <= differences(found).keys()
    agreed = {
        *("initialiser", "optimizer", "epsilon", "betas", "learning rate", "weight decay", "precision", "TF32", "threads", "dropout"),
        *("input pipeline", "loss", "batch size", "sources of Levelfield"),
    }
    assert agreed <= equal(found).keys()
    assert not [difference for difference in found.differences if difference.group == "other"]
    assert not {"framework", "version", "executable"} & (differences(found).keys() | equal(found).keys())


@pytest.mark.parametrize("name", ["tensorflow", "torch"])
def test_a_real_worker_does_not_differ_from_itself(real, name):
    found = audit({0: real[name]}, {0: real[name]})
    assert found.differences == ()
    assert len(found.equal) > 30
