"""The probe on the real /proc: who burned the processor's time, ours or a stranger?"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from levelfield.measure.gpu import GpuSample
from levelfield.measure.host import HostProbe, HostSample, host_id
from tests.measure.fakes import Nvml, host_files, process, sample

pytestmark = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs Linux")

BURN_NS = 300_000_000
MOST_OF_IT_NS = 250_000_000  # ticks are lost by rounding
# Burns 0.3 s of processor time, however long that takes, says so, and waits until its input is closed.
BURNER = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint('burned', flush=True)\nsys.stdin.read()"
IDLER = "import sys\nprint('ready', flush=True)\nsys.stdin.read()"
# Never waits for its child, which the kernel then forgets, as under Ray's raylet.
CARELESS = """
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE)
sys.stdin.readline()
child.stdin.close()
child.wait()
print("ended", flush=True)
sys.stdin.read()
"""


@contextmanager
def running(script, *words):
    child = subprocess.Popen([sys.executable, "-c", script, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        yield child
        child.stdin.close()


def grown(before, after, name):
    return getattr(after, name) - getattr(before, name)


def test_a_stranger_that_burns_is_busy_time_but_not_ours():
    with running(IDLER) as idler:
        idler.stdout.readline()  # its start is over
        probe = HostProbe([idler.pid])
        before = probe.sample()
        with running(BURNER) as burner:
            burner.stdout.readline()
            after = probe.sample()
    assert grown(before, after, "busy_ns") > MOST_OF_IT_NS
    assert grown(before, after, "own_ns") < BURN_NS - MOST_OF_IT_NS
    assert grown(before, after, "at_ns") > 0


def test_a_descendant_that_burns_is_ours_also_after_it_ended():
    probe = HostProbe([os.getpid()])
    before = probe.sample()
    with running(BURNER) as burner:
        burner.stdout.readline()
        alive = probe.sample()
    reaped = probe.sample()
    assert grown(before, alive, "busy_ns") > MOST_OF_IT_NS
    assert grown(before, alive, "own_ns") > MOST_OF_IT_NS
    assert grown(before, reaped, "own_ns") >= grown(before, alive, "own_ns")


def test_one_that_burned_between_two_looks_and_was_reaped_is_ours():
    with running(IDLER) as idler:
        idler.stdout.readline()
        stranger = HostProbe([idler.pid])
        ours = HostProbe([os.getpid()])
        before, foreign_before = ours.sample(), stranger.sample()
        with running(BURNER):
            pass
        assert grown(before, ours.sample(), "own_ns") > MOST_OF_IT_NS
        assert grown(foreign_before, stranger.sample(), "own_ns") < BURN_NS - MOST_OF_IT_NS


def test_one_whose_parent_never_waits_for_it_stays_ours():
    with running(CARELESS, BURNER) as careless:
        probe = HostProbe([careless.pid])
        before = probe.sample()
        careless.stdout.readline()
        alive = probe.sample()
        careless.stdin.write("\n")
        careless.stdin.flush()
        assert careless.stdout.readline() == "ended\n"
        after = probe.sample()
    assert grown(before, alive, "own_ns") > MOST_OF_IT_NS
    assert grown(alive, after, "own_ns") >= 0


def test_what_a_host_does_not_offer_is_none(tmp_path):
    host_files(tmp_path)
    process(tmp_path, 10, 1, spent=5)
    (tmp_path / "pressure/cpu").unlink()
    found = HostProbe([10], proc=tmp_path).sample()
    assert (found.host, found.cores, found.own_ns) == ("7e57", 2, 50_000_000)
    assert found.pressure_ns is None
    assert found.throttled_ns is None


def test_a_sample_crosses_processes_as_plain_data(tmp_path):
    host_files(tmp_path)
    process(tmp_path, 10, 1)
    found = HostProbe([10], gpus=["GPU-a"], proc=tmp_path, nvml=Nvml(pids=(10,), reasons=0x8, energy_mj=3, used=4, busy=5)).sample()
    assert found.gpus["GPU-a"].throttle == ("hw_slowdown",)
    for one in (found, sample(1), sample(1, rapl_uj={"package-0": 1}, gpus={"GPU-b": GpuSample()})):
        assert HostSample.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_host_keeps_its_name():
    assert host_id() == host_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
