"""Equal threads on equal cores: real processes, looked at from outside."""

import json
import os
import subprocess
import sys
import time

import pytest

from levelfield.measure import threads
from levelfield.measure.threads import (
    Thread,
    ThreadReport,
    as_list,
    confine,
    environment,
    from_list,
    observe,
    physical,
    usage,
    violations,
)
from levelfield.services import ROOT, discover

CORES = sorted(os.sched_getaffinity(0))[:2]
TIMEOUT_S = 60.0  # for what takes a second where nothing else runs
LOOK_CPU_NS = 10**9
MS = 10**6
two_cores = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")

# pbkdf2_hmac computes without the interpreter's lock; the main thread waits until its input is closed.
BURNER = """
import hashlib, sys, threading
from levelfield.measure.threads import confine
threads, turns, cores = int(sys.argv[1]), sys.argv[2] == "in turns", sys.argv[3:]
if cores:
    confine({int(core) for core in cores})
doors = [threading.Semaphore(not turns or number == 0) for number in range(threads)]
def burn(number):
    while True:
        doors[number].acquire()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 30_000)
        doors[(number + turns) % threads].release()
for number in range(threads):
    threading.Thread(target=burn, args=(number,), daemon=True).start()
sys.stdin.read()
"""
DESCRIBE = """
import json
from levelfield.measure.threads import confine
from levelfield.spec import RunSpec
confine({cores})
from services.{folder}.device import choose_device, describe_device
device = choose_device(RunSpec(workload="digits_cnn", framework="{name}", mode="{mode}", seed=1), threads=1)
print(json.dumps({{name: describe_device(device)[name] for name in ("threads", "interop_threads", "cores")}}))
"""


@pytest.fixture
def burn():
    """Start a process with so many threads that compute, all at once or in turns, confined to ``cores`` if there are any; its pid."""
    processes = []

    def start(count, *, cores=(), how="at once"):
        command = [sys.executable, "-c", BURNER, str(count), how, *map(str, cores)]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE))
        until(lambda: len(observe(processes[-1].pid).threads) == count + 1)
        return processes[-1].pid

    yield start
    for process in processes:
        process.communicate()


def until(condition):
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def two_looks(pid):
    """Two looks at a process, between which it used a second of CPU time."""
    before = observe(pid)
    until(lambda: observe(pid).cpu_ns - before.cpu_ns > LOOK_CPU_NS)
    return before, observe(pid)


def report(*threads, at_ns=0, cpu_ns=0, kernel_ns=0):
    return ThreadReport(pid=1, at_ns=at_ns, cpu_ns=cpu_ns, kernel_ns=kernel_ns, threads=threads)


def thread(tid=1, *, cpu_ns=0, waited_ns=0, cores=(0, 1)):
    return Thread(tid=tid, name="python", cpu_ns=cpu_ns, waited_ns=waited_ns, cores=cores)


@two_cores
def test_a_process_that_takes_what_it_was_given_violates_nothing(burn):
    before, after = two_looks(burn(2, cores=CORES))
    assert violations(before, after, CORES, threads=2) == []
    seen = usage(before, after)
    assert (seen.threads, seen.threads_busy, seen.cores_allowed) == (3, 2, tuple(CORES))


@two_cores
def test_more_threads_than_given_are_seen_though_they_share_the_cores(burn):
    before, after = two_looks(burn(4, cores=CORES))
    assert usage(before, after).threads_busy == 4
    (words,) = violations(before, after, CORES, threads=2)
    assert words.endswith("threads computed at once where 2 were given")


def test_two_threads_on_one_core_are_two(burn):
    before, after = two_looks(burn(2, cores=CORES[:1]))
    (words,) = violations(before, after, CORES[:1], threads=1)
    assert "computed at once where 1 were given" in words


def test_threads_that_take_turns_are_one(burn):
    """As the thread that feeds TensorFlow and the one that computes do. On a busy machine a hand-over may wait: one look of three."""
    pid = burn(2, how="in turns")
    looks = [two_looks(pid) for _ in range(3)]
    assert {usage(before, after).threads_busy for before, after in looks} == {2}
    assert [] in [violations(before, after, observe(os.getpid()).cores, threads=1) for before, after in looks]


@two_cores
def test_a_process_that_may_leave_its_cores_is_seen(burn):
    before, after = two_looks(burn(1))
    (words,) = violations(before, after, CORES[:1], threads=1)
    assert words == f"may run on cores {as_list(before.cores)} where {CORES[0]} were given"


@two_cores
def test_a_core_that_was_left_again_is_seen(burn):
    before = observe(pid := burn(1, cores=CORES))
    confine(CORES[:1], pid)
    (words,) = violations(before, observe(pid), CORES[:1], threads=1)
    assert words.startswith("may run on")


def test_confined_from_outside_no_thread_is_left_out(burn):
    pid = burn(3)
    confine(CORES[:1], pid)
    assert [thread.cores for thread in observe(pid).threads] == [(CORES[0],)] * 4


def test_cores_that_are_not_here_are_refused(burn):
    with pytest.raises(ValueError, match=f"of them only {CORES[0]} are offered"):
        confine([CORES[0], 8191], burn(1))


def test_the_main_thread_comes_first_then_the_oldest():
    """Process ids begin anew one day: the main thread's may be the largest."""
    before = ThreadReport(pid=9, at_ns=0, cpu_ns=0, kernel_ns=0, threads=())
    after = ThreadReport(pid=9, at_ns=100 * MS, cpu_ns=0, kernel_ns=0, threads=tuple(thread(tid, cpu_ns=50 * MS) for tid in (3, 4, 9)))
    assert threads.busy_threads(before, after) == (9, 3, 4)


def test_the_kernels_share_is_of_the_processor_time_between_two_looks():
    before = report(cpu_ns=2000 * MS, kernel_ns=1000 * MS)
    assert usage(before, report(at_ns=MS, cpu_ns=6000 * MS, kernel_ns=2000 * MS)).kernel_share == 0.25
    assert usage(before, report(at_ns=MS, cpu_ns=2000 * MS, kernel_ns=1000 * MS)).kernel_share is None


@pytest.mark.parametrize(
    ("work", "least", "most"),
    [("sum(range(10**4))", 0.0, 0.3), ("mmap.mmap(-1, 2**24).write(page)", 0.3, 1.0)],
    ids=["computing", "taking memory anew"],
)
def test_the_kernels_share_is_that_of_what_a_process_does(work, least, most):
    program = f"import mmap\npage = bytes(2**24)\nwhile True: {work}"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        time.sleep(0.3)
        share = usage(*two_looks(process.pid)).kernel_share
        process.kill()
    assert least <= share <= most


def test_where_waiting_is_not_told_cores_used_count():
    before = report(thread(waited_ns=None))
    after = report(thread(waited_ns=None, cpu_ns=100 * MS), at_ns=100 * MS, cpu_ns=310 * MS)
    assert usage(before, after).threads_at_once is None
    assert violations(before, after, [0, 1], threads=2) == ["used 3.1 cores where 2 threads were given"]
    assert violations(before, after, [0, 1], threads=3) == []


def test_a_process_that_is_gone_cannot_be_looked_at():
    with pytest.raises(OSError):
        observe(2**22 + 1)


def test_the_environment_gives_every_library_the_same_number():
    given = environment([2, 5], threads=2)
    counted = {name for name in given if name.endswith("_THREADS")}
    assert {name: given[name] for name in counted if given[name] != "2"} == {"OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    assert given["OMP_PLACES"] == "{2},{5}"
    assert given["OMP_PROC_BIND"] == "false"


@pytest.mark.parametrize(("cores", "count"), [([0], 2), ([0, 0], 2), ([], 1), ([0], 0)])
def test_a_thread_without_a_core_of_its_own_is_refused(cores, count):
    with pytest.raises(ValueError, match="a core of its own"):
        environment(cores, count)


@pytest.mark.parametrize(("text", "cores"), [("0", (0,)), ("0-3,8", (0, 1, 2, 3, 8)), ("1,3,5-6", (1, 3, 5, 6))])
def test_cores_are_read_and_written_as_linux_does(text, cores):
    assert from_list(text + "\n") == cores
    assert as_list(list(reversed(cores))) == text


@pytest.mark.parametrize(
    ("siblings", "cores", "expected"),
    [
        ([], range(3), [[0], [1], [2]]),
        (["0,4", "1,5", "2,6", "3,7"], range(8), [[0, 4], [1, 5], [2, 6], [3, 7]]),
        (["0-1", "2-3"], range(4), [[0, 1], [2, 3]]),
        (["0,4", "1,5", "2,6", "3,7"], range(5), [[0, 4], [1], [2], [3]]),
    ],
)
def test_hyper_threads_of_a_core_are_one(monkeypatch, tmp_path, siblings, cores, expected):
    for text in siblings:
        for core in from_list(text):
            (tmp_path / f"cpu{core}" / "topology").mkdir(parents=True)
            (tmp_path / f"cpu{core}" / "topology" / "thread_siblings_list").write_text(text)
    monkeypatch.setattr(threads, "TOPOLOGY", tmp_path)
    assert physical(cores) == expected


@pytest.mark.parametrize("name", ["tensorflow", "torch"])
def test_both_frameworks_say_the_same_of_threads_and_cores(name):
    service = discover()[name]
    assert service.ready, f"{service.title} has no environment: {service.setup_command}"
    program = DESCRIBE.format(cores=CORES[:1], folder=service.folder.name, name=name, mode=service.default_mode)
    env = os.environ | environment(CORES[:1], 1) | {"CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([service.python, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {"threads": 1, "interop_threads": 1, "cores": CORES[:1]}
