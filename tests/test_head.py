"""A scheduler that starts the head of a cluster, which nodes join as they do in containers: `levelfield serve --head`."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from levelfield.local import free_port
from levelfield.services import ROOT
from levelfield.store import Store, requesting
from tests.platform_process import Platform, processes_of, wait_until

TOKEN = "0123456789abcdef" * 4


def ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def outcome(platform, study_id):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        return requesting.latest(store, study_id).outcome


def test_a_head_without_a_token_is_refused(tmp_path):
    platform = Platform(tmp_path)
    platform.env.pop("RAY_AUTH_MODE", None)
    assert "set RAY_AUTH_MODE=token" in platform.run("serve", "--head", str(free_port("127.0.0.1")), expect=2)


def test_a_head_and_an_address_contradict_each_other(tmp_path):
    assert "--head starts a cluster" in Platform(tmp_path).run("serve", "--head", "6379", "--address", "127.0.0.1:6379", expect=2)


@pytest.fixture
def platform(tmp_path):
    made = Platform(tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    made.env |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"), "PYTHONPATH": str(ROOT)}
    return made


def test_nodes_join_it_and_a_study_that_was_asked_for_before_is_done_there(platform):
    import ray

    head, metrics = free_port("127.0.0.1"), free_port("127.0.0.1")
    server = platform.start("serve", "--head", str(head), "--metrics", str(metrics))
    joining = {
        "RAY_HEAD": f"{ray.util.get_node_ip_address()}:{head}",
        "RAY_NODE_PORT": str(free_port("127.0.0.1")),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    try:
        wait_until(lambda: ready(metrics), timeout_s=120, what="the scheduler")
        asked = platform.run("run", platform.study(["fake_a"], name="before", seeds=1), "--detach")
        study_id = next(word for word in asked.split() if word.startswith("before-"))
        node = subprocess.Popen([str(ROOT / "services" / "start-node.sh"), "fake_a"], env=platform.env | joining, stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: outcome(platform, study_id), timeout_s=120, what="the end of the study")
            assert outcome(platform, study_id).startswith("done: 1 of 1 ok")
        finally:
            node.terminate()
            node.wait(timeout=60)
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=60)
    assert "Traceback" not in output, output
    assert processes_of(server.pid) == []
