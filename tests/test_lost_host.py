"""The network to a host is lost in mid-run: the run goes on elsewhere, and what still lives over there does no harm."""

import json
import subprocess
import sys

import pytest

from levelfield.result import Status
from levelfield.services import ROOT
from levelfield.store import Store
from tests.namespaces import NEEDED, PORT, Hosts, RayNode, can_reach
from tests.platform_process import Platform, wait_until
from tests.services import write_service

HERE, THERE = "10.213.78.1", "10.213.78.2"
# Ray finds out within seconds rather than minutes.
QUICK = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
FIRST = "00000000-0000-0000-0000-000000000001"  # the seat that is chosen first, of hosts that nobody uses
SECOND = "ffffffff-0000-0000-0000-000000000002"

pytestmark = NEEDED


@pytest.fixture
def hosts():
    with Hosts([HERE, THERE]) as made:
        yield made


@pytest.fixture
def platform(hosts, tmp_path):
    """A head with a node of the fake on one host, and another such node on the other."""
    platform = Platform(tmp_path)
    write_service(tmp_path / "services", "slow_a", worker="tests.misbehaving_workers:Slow")
    platform.env |= QUICK
    offers = ["--num-cpus=1", f"--resources={json.dumps({'slow_a': 1})}"]
    nodes = [
        RayNode(
            hosts.prefixes[0],
            SECOND,
            ["--head", f"--node-ip-address={HERE}", f"--port={PORT}", "--include-dashboard=false", *offers],
            platform.env,
            "h",
        )
    ]
    try:
        wait_until(lambda: can_reach(hosts.prefixes[1], HERE), timeout_s=60, what="the head")
        nodes.append(
            RayNode(hosts.prefixes[1], FIRST, [f"--address={HERE}:{PORT}", f"--node-ip-address={THERE}", *offers], platform.env, "t")
        )
        yield platform
    finally:
        for node in nodes:
            node.stop()


def hosts_of(platform):
    """Where each checkpointed life of a run keeps its checkpoints."""
    return sorted((platform.results / "checkpoints").glob("*/*/life-*/epoch-*"))


def test_a_run_whose_host_cannot_be_reached_any_more_goes_on_on_another_one(hosts, platform):
    study = platform.study(["slow_a"], seeds=2, epochs=25, threads=1)
    command = [*hosts.prefixes[0], sys.executable, "-m", "orchestrator.cli", "run", study, "--address", f"{HERE}:{PORT}"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    wait_until(lambda: alive(hosts, platform) == 2, timeout_s=60, what="both nodes")
    process = subprocess.Popen(command, cwd=ROOT, env=platform.env, **pipes)
    wait_until(lambda: len(hosts_of(platform)) >= 2, timeout_s=90, what="two epochs")
    hosts.cut()
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        runs = store.runs(store.study("latest").id)
    assert sorted(run.result.status for run in runs) == sorted([Status.RESTARTED, Status.OK]), "each was on a host of its own\n" + output
    assert all([epoch.epoch for epoch in run.result.epochs] == list(range(25)) for run in runs)


def alive(hosts, platform):
    """How many nodes the head knows."""
    code = (
        f"import ray; ray.init(address='{HERE}:{PORT}', _node_ip_address='{HERE}', log_to_driver=False); print('nodes', len(ray.nodes()))"
    )
    asked = subprocess.run([*hosts.prefixes[0], sys.executable, "-c", code], env=platform.env, capture_output=True, text=True, check=False)
    return int(asked.stdout.split("nodes")[-1]) if "nodes" in asked.stdout else 0
