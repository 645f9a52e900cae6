"""Hosts of the tests' own: network namespaces joined by a cable, and kernels of different names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from levelfield.services import ROOT
from orchestrator import guard
from tests.platform_process import descendants

PORT = 6399
NEEDED = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="network namespaces need root and the Debian package iproute2"
)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


class Hosts:
    """Two that see each other, at ``addresses``, and nothing else; ``prefixes`` of commands that run on them."""

    def __init__(self, addresses):
        mark = f"lf{os.getpid() % 100000}"
        self.addresses, self.names = addresses, [f"{mark}a", f"{mark}b"]
        self.prefixes = [["ip", "netns", "exec", name] for name in self.names]

    def __enter__(self):
        first, second = self.names
        try:
            for name in self.names:
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip("link", "add", f"v{first}", "netns", first, "type", "veth", "peer", "name", f"v{second}", "netns", second)
            for name, address in zip(self.names, self.addresses, strict=True):
                ip("-n", name, "addr", "add", f"{address}/24", "dev", f"v{name}")
                ip("-n", name, "link", "set", f"v{name}", "up")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=10)

    def cut(self):
        """The cable between them."""
        ip("-n", self.names[0], "link", "set", f"v{self.names[0]}", "down")


class RayNode:
    """A node of Ray on one of the hosts, whose kernel calls itself ``boot_id``, with a short folder for its sockets."""

    def __init__(self, prefix, boot_id, options, env, mark=""):
        self.folder = Path(f"/tmp/lf-test-{os.getpid()}{mark}")
        self.folder.mkdir()
        name = self.folder / "boot_id"
        name.write_text(f"{boot_id}\n")
        # `ip netns exec` gives its command a table of mounts of its own.
        as_another = ["sh", "-c", f'mount --bind {name} /proc/sys/kernel/random/boot_id && exec "$@"', "sh"]
        options = [*options, "--disable-usage-stats", "--min-worker-port=0", "--max-worker-port=0", f"--temp-dir={self.folder}"]
        command = [*prefix, *as_another, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
        env = env | {"PYTHONPATH": str(ROOT), "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
        with (self.folder / guard.LOG_FILE).open("wb") as log:
            self.process = subprocess.Popen(command, env=env, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)

    def stop(self):
        family = descendants(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # it cannot take leave of a head that it does not see
            self.process.kill()
            self.process.wait()
        for process in family:
            if process.is_running():
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def can_reach(prefix, address):
    """Whether a head answers there."""
    code = f"import socket; socket.create_connection(('{address}', {PORT}), 1)"
    return not subprocess.run([*prefix, sys.executable, "-c", code], capture_output=True, check=False).returncode
