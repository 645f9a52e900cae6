"""What is kept of that which was seen around a run."""

from levelfield.result import RunResult, Status
from orchestrator.evidence import note, reasons

SEEN = {"valid": True, "reasons": [], "figures": {"foreign_cores": 0.01}, "unobserved": ["steal"], "windows": [{}]}
ENERGY = {name: {"joules": 10.0, "wall_ns": 10**10, "idle_watts": None} for name in ("GPU-a", "GPU-b", "package-0")}
DEVICES = {"energy": ENERGY, "device_peak_bytes": {"GPU-a": 5, "GPU-b": 7}}


def noted(seen, **how):
    result = RunResult(status=Status.OK)
    note(result, seen, **{"gpus": ["GPU-a"], "alone": True} | how)
    return result


def test_of_its_own_devices_alone():
    found = noted(SEEN | DEVICES)
    assert found.environment["noise"] == {name: SEEN[name] for name in ("valid", "reasons", "figures", "unobserved")}
    assert found.environment["energy"].keys() == {"GPU-a", "package-0"}
    assert found.memory_bytes == {"device_peak": 5}


def test_a_gpu_that_another_process_of_ours_is_on_tells_no_peak():
    assert noted(SEEN | DEVICES, alone=False).memory_bytes == {}
    assert noted(SEEN | DEVICES, gpus=[]).memory_bytes == {}


def test_what_nobody_saw_is_not_noted():
    assert noted(None).environment == {}
    assert noted(SEEN).environment.keys() == {"noise"}
    assert noted(SEEN).memory_bytes == {}


def test_reasons():
    disturbed = SEEN | {"valid": False, "reasons": ["foreign"]}
    assert [reasons(seen, flaw) for seen in (None, SEEN, disturbed) for flaw in (None, "lost")] == [
        [],
        ["lost"],
        [],
        ["lost"],
        ["foreign"],
        ["foreign", "lost"],
    ]
