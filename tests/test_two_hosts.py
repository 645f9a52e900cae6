"""A cluster on one host, the orchestrator on another: network namespaces joined by a cable, and kernels of different names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from levelfield.result import Status
from levelfield.services import ROOT
from levelfield.store import Store, leasing
from orchestrator import guard
from tests.platform_process import Platform, descendants, wait_until

HEAD, DRIVER, PORT = "10.213.77.1", "10.213.77.2", 6399

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="network namespaces need root and the Debian package iproute2"
)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


@pytest.fixture
def hosts():
    """Two namespaces that see each other and nothing else; gives the prefixes of commands that run in them."""
    mark = f"lf{os.getpid() % 100000}"
    names = [f"{mark}a", f"{mark}b"]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", f"v{names[0]}", "netns", names[0], "type", "veth", "peer", "name", f"v{names[1]}", "netns", names[1])
        for name, address in zip(names, (HEAD, DRIVER), strict=True):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", f"v{name}")
            ip("-n", name, "link", "set", f"v{name}", "up")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
    try:
        yield [["ip", "netns", "exec", name] for name in names]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, timeout=10)


@pytest.fixture
def remote_cluster(hosts, tmp_path):
    """A head that offers a fake, on the first host, with a short folder for its sockets."""
    platform = Platform(tmp_path, gate=True)
    folder = Path(f"/tmp/lf-test-{os.getpid()}")
    folder.mkdir()
    options = ["--head", f"--node-ip-address={HEAD}", f"--port={PORT}", "--include-dashboard=false", "--disable-usage-stats"]
    options += ["--num-cpus=1", '--resources={"fake_a": 1}', f"--temp-dir={folder}", "--min-worker-port=0", "--max-worker-port=0"]
    name = tmp_path / "boot_id"
    name.write_text("7e570000-0000-0000-0000-000000000000\n")
    # `ip netns exec` gives its command a table of mounts of its own.
    as_another = ["sh", "-c", f'mount --bind {name} /proc/sys/kernel/random/boot_id && exec "$@"', "sh"]
    command = [*hosts[0], *as_another, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
    env = platform.env | {"PYTHONPATH": str(ROOT), "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
    with (folder / guard.LOG_FILE).open("wb") as log:
        head = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    yield platform
    family = descendants(head.pid)
    head.terminate()
    head.wait(timeout=30)
    for process in family:
        if process.is_running():
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_driver_on_another_host_joins_runs_watches_and_leaves(hosts, remote_cluster):
    """The cluster's host is watched by a monitor there. Whether it was quiet is not for this test to say."""
    platform = remote_cluster
    reach = [*hosts[1], sys.executable, "-c", f"import socket; socket.create_connection(('{HEAD}', {PORT}), 1)"]
    wait_until(lambda: not subprocess.run(reach, capture_output=True, check=False).returncode, timeout_s=60, what="the head")
    command = [
        *hosts[1],
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
