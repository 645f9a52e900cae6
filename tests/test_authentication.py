"""Who may use a cluster: the embedded one is its owner's alone; one that asks for a token gets the user's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from levelfield.local import free_port
from levelfield.result import Status
from levelfield.store import Store
from orchestrator.authentication import MODE, TOKEN
from orchestrator.cluster import LOOPBACK, embedded
from orchestrator.nodes import Nodes, wait_for_port
from tests.platform_process import Platform

JOIN = "import ray, sys; ray.init(sys.argv[1], _node_ip_address='127.0.0.2', logging_level='ERROR'); print('joined')"
SECRET = "0123456789abcdef" * 4


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """A home with a token, in which this process lives, and one without."""
    monkeypatch.delenv(MODE, raising=False)
    token = tmp_path / "home/.ray/auth_token"
    token.parent.mkdir(parents=True)
    token.write_text(SECRET)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "home", tmp_path / "elsewhere"


def join(address, *environments):
    """Whether a process in each of them can; all at once, since who is refused takes a while to believe it."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", JOIN, address], env=env, **pipes) for env in environments]
    return ["joined" in process.communicate(timeout=100)[0] for process in processes]


def test_nobody_else_can_use_the_embedded_cluster(homes):
    """Whatever token the user has made for other clusters."""
    before = dict(os.environ)
    with embedded([]) as address:
        assert ray.cluster_resources()
        assert join(address, os.environ, before, before | {MODE: "token", TOKEN: SECRET}) == [True, False, False]
    assert not {MODE, TOKEN} & os.environ.keys()


def test_a_cluster_that_asks_for_a_token_gets_the_users(homes, tmp_path, monkeypatch):
    platform, nodes, port = Platform(tmp_path), Nodes(), free_port(LOOPBACK)
    monkeypatch.setenv("LEVELFIELD_SERVICES", platform.env["LEVELFIELD_SERVICES"])
    own = [f"--node-ip-address={LOOPBACK}", f"--port={port}", "--include-dashboard=false", "--num-cpus=1"]
    try:
        nodes.start(Path(sys.executable), "--head", *own, resources={"fake_a": 1})
        wait_for_port(LOOPBACK, port, nodes, timeout_s=60)
        study, address = platform.study(["fake_a"], seeds=1), f"{LOOPBACK}:{port}"
        platform.run("run", study, "--address", address)
        with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
            assert [run.result.status for run in store.runs(store.study("latest").id)] == [Status.OK]
        platform.env["HOME"] = str(homes[1])
        assert "set RAY_AUTH_MODE=token" in platform.run("run", study, "--address", address, expect=2)
    finally:
        nodes.stop()
