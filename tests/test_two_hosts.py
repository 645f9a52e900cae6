"""A cluster on one host, the orchestrator on another."""

import subprocess
import sys

import pytest

from levelfield.result import Status
from levelfield.services import ROOT
from levelfield.store import Store, leasing
from tests.namespaces import NEEDED, PORT, Hosts, RayNode, can_reach
from tests.platform_process import Platform, wait_until

HEAD, DRIVER = "10.213.77.1", "10.213.77.2"

pytestmark = NEEDED


@pytest.fixture
def hosts():
    with Hosts([HEAD, DRIVER]) as made:
        yield made


@pytest.fixture
def remote_cluster(hosts, tmp_path):
    """A head that offers a fake, on the first host."""
    platform = Platform(tmp_path, gate=True)
    options = ["--head", f"--node-ip-address={HEAD}", f"--port={PORT}", "--include-dashboard=false"]
    options += ["--num-cpus=1", '--resources={"fake_a": 1}']
    head = RayNode(hosts.prefixes[0], "7e570000-0000-0000-0000-000000000000", options, platform.env)
    yield platform
    head.stop()


def test_a_driver_on_another_host_joins_runs_watches_and_leaves(hosts, remote_cluster):
    """The cluster's host is watched by a monitor there. Whether it was quiet is not for this test to say."""
    platform = remote_cluster
    wait_until(lambda: can_reach(hosts.prefixes[1], HEAD), timeout_s=60, what="the head")
    command = [
        *hosts.prefixes[1],
        sys.executable,
        "-m",
        "orchestrator.cli",
        "run",
        platform.study(["fake_a"], seeds=2),
        "--address",
        f"{HEAD}:{PORT}",
    ]
    done = subprocess.run(command, cwd=ROOT, env=platform.env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        results = [run.result for run in store.runs(store.study("latest").id)]
        assert leasing.claims(store) == []
    assert len(results) == 2
    for result in results:
        assert result.epochs
        assert result.status is (Status.OK if result.environment["noise"]["valid"] else Status.INVALID)
        assert "which this study did not hold" not in str(result.failure)
        assert result.environment["noise"]["figures"]["own_cores"] > 0.2, "the worker was seen as one of ours"
