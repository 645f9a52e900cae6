"""A cluster that is already there is used as it is and left as it was; the embedded one works beside it."""

import sys
from pathlib import Path

import pytest

from levelfield.local import free_port
from levelfield.result import Status
from levelfield.store import Store
from orchestrator.actors import Actors
from orchestrator.cluster import LOOPBACK
from orchestrator.nodes import ClusterError, Nodes, wait_for_port
from tests.platform_process import Platform, processes_of


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head and a node that offers two fakes, started as somebody else would; and the platform's folder."""
    platform = Platform(tmp_path_factory.mktemp("cluster"))
    nodes = Nodes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFIELD_SERVICES", platform.env["LEVELFIELD_SERVICES"])
        port = free_port(LOOPBACK)
        python = Path(sys.executable)
        nodes.start(python, "--head", f"--node-ip-address={LOOPBACK}", f"--port={port}", "--include-dashboard=false", "--num-cpus=0")
        address = f"{LOOPBACK}:{port}"
        wait_for_port(LOOPBACK, port, nodes, timeout_s=60)
        own = [f"--node-ip-address={LOOPBACK}", f"--address={address}", "--num-cpus=1"]
        nodes.start(python, *own, resources={"fake_a": 1, "fake_b": 1})
    yield platform, address, nodes
    nodes.stop()


def statuses(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        return [run.result.status for run in store.runs(store.study("latest").id)]


def test_a_running_cluster_is_used_and_left_running(cluster):
    platform, address, nodes = cluster
    platform.run("run", platform.study(["fake_a", "fake_b"], seeds=1), "--address", address)
    assert statuses(platform) == [Status.OK, Status.OK]
    nodes.check_alive()


def test_a_cluster_without_the_framework_is_refused_with_what_to_do(cluster):
    platform, address, _ = cluster
    output = platform.run("run", platform.study(["fake_a", "torch"], seeds=1), "--address", address, expect=2)
    assert "no node of the cluster offers torch" in output
    assert "ray start --resources" in output


def test_the_embedded_cluster_works_beside_another_one(cluster):
    platform, _, nodes = cluster
    process = platform.start("run", platform.study(["fake_a"], seeds=1))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert processes_of(process.pid) == []
    nodes.check_alive()


def test_doctor_asks_every_node(cluster):
    platform, address, _ = cluster
    output = platform.run("doctor", "--address", address, expect=0)
    for words in (f"NumPy as fake_a on {LOOPBACK}", "no node offers torch", "sources"):
        assert words in output


def test_a_node_with_other_sources_is_refused_with_both_hashes(monkeypatch):
    monkeypatch.setattr("orchestrator.actors.source_hash", lambda: "a" * 64)
    with pytest.raises(ClusterError, match=r"node on elsewhere.*bbbbbbbbbbbb there, aaaaaaaaaaaa here"):
        Actors().check_sources("torch", {"hostname": "elsewhere", "source_hash": "b" * 64})
