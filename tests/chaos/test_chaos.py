"""40 runs under 26 faults: processes, nodes and the orchestrator are killed in mid-run. 40 results come of it, each once, all right."""

import subprocess
import time
from collections import defaultdict

import pytest

from levelfield.result import STATUSES, Status
from levelfield.store import Store, leasing
from tests.chaos.cluster import FragileCluster
from tests.chaos.faults import schedule
from tests.platform_process import Platform, wait_until
from tests.services import write_service

SIDES, SEEDS, EPOCHS = ("slow_a", "slow_b"), 20, 6
KINDS = {"actor": 16, "node": 4, "orchestrator": 6}
SEED = 20261126
LIMIT_S = 1500


@pytest.fixture
def platform(tmp_path):
    platform = Platform(tmp_path)
    for side in SIDES:
        write_service(tmp_path / "services", side, worker="tests.misbehaving_workers:Slow")
    return platform


@pytest.fixture
def cluster(platform):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LEVELFIELD_SERVICES", "LEVELFIELD_RESULTS"):
            patch.setenv(name, platform.env[name])
        found = FragileCluster(SIDES, nodes=2)
        yield found
        found.stop()


def stored(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        assert leasing.claims(store) == []
        return store.runs(store.study("latest").id)


class Storm:
    """Lets the faults come while the platform's command runs, and starts it again until nothing is left to do."""

    def __init__(self, platform, cluster, faults):
        self.platform, self.cluster, self.pending, self.came = platform, cluster, list(faults), []

    def rage(self, study):
        words = ("run", study, "--address", self.cluster.address)
        deadline = time.monotonic() + LIMIT_S
        while True:
            output, status = self._command(words, deadline)
            if "Nothing to do" in output:
                return
            words = ("resume", "latest", "--address", self.cluster.address)
            assert status in {0, 1, -9}, output

    def _command(self, words, deadline):
        process = self.platform.start(*words)
        while process.poll() is None:
            assert time.monotonic() < deadline, "the storm does not end"
            self._strike(process)
            time.sleep(0.01)
        return process.communicate()[0], process.returncode

    def _strike(self, process: subprocess.Popen):
        for fault in [fault for fault in self.pending if self._is_due(fault)]:
            strikes = {"actor": self.cluster.kill_worker, "node": self.cluster.kill_node, "orchestrator": lambda: process.kill() or True}
            if strikes[fault.kind]():
                self.pending.remove(fault)
                self.came.append(fault)

    def _is_due(self, fault):
        return any(self.platform.results.glob(f"checkpoints/*/{fault.turn:03d}-*/life-*/epoch-{fault.epoch}/rank-0"))


def test_every_run_of_a_study_is_there_once_and_right_whatever_is_killed(platform, cluster):
    faults = schedule(SEED, runs=len(SIDES) * SEEDS, epochs=EPOCHS, **KINDS)
    assert len(faults) >= 25
    storm = Storm(platform, cluster, faults)
    storm.rage(platform.study(list(SIDES), seeds=SEEDS, epochs=EPOCHS, bursts=0, threads=1))
    assert sorted(fault.kind for fault in storm.came) == sorted(fault.kind for fault in faults)
    wait_until(lambda: cluster.workers() == [], timeout_s=20, what="the end of all actors")

    results = defaultdict(list)
    for run in stored(platform):
        results[run.planned.side, run.planned.spec.seed].append(run)
    assert set(results) == {(side, seed) for side in SIDES for seed in range(SEEDS)}
    for key, attempts in results.items():
        done = [run for run in attempts if STATUSES[run.result.status].done]
        assert done == attempts[-1:], f"{key} ended as {[run.result.status for run in attempts]}"
        assert done[0].result.status in {Status.OK, Status.RESTARTED}
        assert [epoch.epoch for epoch in done[0].result.epochs] == list(range(EPOCHS))
    last = {key: attempts[-1].result for key, attempts in results.items()}
    for seed in range(SEEDS):
        a, b = (last[side, seed] for side in SIDES)
        assert a.step_losses == b.step_losses, "two runs of one program on one seed"
        assert a.predictions == b.predictions
    assert sum(result.status is Status.RESTARTED for result in last.values()) >= KINDS["actor"]
    assert not any((platform.results / "checkpoints").rglob("rank-*"))


def test_a_schedule_comes_again_by_its_seed():
    one, other = (schedule(seed, runs=40, epochs=6, **KINDS) for seed in (1, 2))
    assert one == schedule(1, runs=40, epochs=6, **KINDS)
    assert one != other
    assert len({fault.turn for fault in one}) == len(one)
