"""A node's monitor: where it is, and what it saw since a moment."""

import os
import socket
import subprocess
import sys
import time

import pytest

from levelfield.measure import monitor
from levelfield.measure.host import HostSample, host_id
from levelfield.measure.monitor import Monitor, visible
from levelfield.measure.threads import physical
from levelfield.measure.windows import windows

GPUS = ["GPU-aa11", "GPU-aa22", "GPU-bb33"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, GPUS),
        ("", []),
        ("1", ["GPU-aa22"]),
        ("2, 0", ["GPU-bb33", "GPU-aa11"]),
        ("0,-1,2", ["GPU-aa11"]),
        ("0,7,2", ["GPU-aa11"]),
        ("GPU-bb33,1", ["GPU-bb33", "GPU-aa22"]),
        ("GPU-aa", []),
        ("NoDevFiles", []),
    ],
)
def test_the_gpus_that_a_node_may_use(chosen, expected):
    assert visible(GPUS, chosen) == expected


def test_it_says_where_it_is_and_which_gpus_its_node_may_use(monkeypatch):
    monkeypatch.setattr(monitor, "_installed", lambda: GPUS)
    monkeypatch.setattr(monitor, "_models", lambda: {uuid: f"model of {uuid}" for uuid in GPUS})
    monkeypatch.setattr(monitor.environment, "cpu_model", lambda: None)
    node = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=os.environ | {"CUDA_VISIBLE_DEVICES": "1"})
    where = Monitor([node.pid]).where()
    node.communicate(b"\n")
    assert where == {
        "host": host_id(),
        "hostname": socket.gethostname(),
        "roots": [node.pid],
        "gpus": ["GPU-aa22"],
        "cores": physical(os.sched_getaffinity(0)),
        "models": {uuid: f"model of {uuid}" for uuid in GPUS},
    }


def test_by_default_its_root_is_its_parent():
    code = "from levelfield.measure.monitor import Monitor; print(Monitor().where()['roots'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([os.getpid()])


def test_it_tells_what_it_saw_since_a_mark():
    watched = Monitor([os.getpid()])
    watched.start()
    try:
        first = watched.mark()
        time.sleep(0.6)
        second = watched.mark()
        seen = [HostSample.from_dict(sample) for sample in watched.since(first)]
        assert seen[0].at_ns == first
        assert second in [sample.at_ns for sample in seen]
        assert seen[-1].at_ns > second
        assert len(windows([seen])) == 1
        between = watched.since(second + 1)
        assert between[0]["at_ns"] == second, "the last look before counts, too"
    finally:
        watched.stop()


def test_without_a_start_it_says_so():
    with pytest.raises(RuntimeError, match="not been started"):
        Monitor([os.getpid()]).mark()
