"""Ray nodes as child processes: from a service's own environment, on ports and in a folder of their own, ended without a trace."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from levelfield.services import ROOT
from orchestrator import guard

OBJECT_STORE_BYTES = 256 * 1024**2


class ClusterError(Exception):
    """A cluster that cannot be started, reached or used; the message says what to do."""


class Nodes:
    """The Ray nodes that this process started, held by a guard process. `stop` ends them and all that they started, nothing else."""

    def __init__(self) -> None:
        _remove_abandoned_folders()
        # Short, because the paths of Ray's sockets in it must stay under 107 characters. The process id marks whose it is.
        self.folder = Path(tempfile.mkdtemp(prefix=f"lf-{os.getpid()}-", dir="/tmp"))
        self._folders: list[Path] = []
        self._guard: subprocess.Popen[str] | None = None

    def start(self, python: Path, *options: str, resources: Mapping[str, float] | None = None) -> None:
        """Start ``ray start --block`` from the environment of ``python``; returns at once."""
        # A folder for each node: nodes that start at the same moment in one folder take the same socket name.
        folder = self.folder / str(len(self._folders))
        folder.mkdir()
        command = [str(python), "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", f"--temp-dir={folder}"]
        command += ["--min-worker-port=0", "--max-worker-port=0", "--include-log-monitor=false"]
        command += [f"--object-store-memory={OBJECT_STORE_BYTES}", f"--resources={json.dumps(dict(resources or {}))}", *options]
        self._guard = self._guard or _start_guard(self.folder)
        assert self._guard.stdin  # noqa: S101 - it is a pipe
        self._guard.stdin.write(json.dumps({"command": command, "folder": str(folder), "env": _node_environment()}) + "\n")
        self._guard.stdin.flush()
        self._folders.append(folder)

    def check_alive(self) -> None:
        """Raises ClusterError with the node's last words if one has ended."""
        for folder in self._folders:
            if (folder / guard.EXIT_STATUS_FILE).exists():
                words = (folder / guard.LOG_FILE).read_text(errors="replace").splitlines()[-8:]
                raise ClusterError("a Ray node ended while it was needed; its last words:\n  " + "\n  ".join(words))

    def stop(self) -> None:
        """End every process that the nodes started, wait until they are gone and remove their folder. Can be called twice."""
        if self._guard:
            self._guard.communicate()  # closes its input, the sign to end
            self._guard = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _start_guard(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "orchestrator.guard", str(folder)]
    # A session of its own, so that Ctrl-C in the terminal reaches us alone, who stop the nodes in order.
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True, start_new_session=True)


def free_port(host: str) -> int:
    """A TCP port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def wait_for_port(host: str, port: int, nodes: Nodes, *, timeout_s: float) -> None:
    """Wait until somebody listens there. Raises ClusterError after ``timeout_s`` or when a node ends."""
    deadline = time.monotonic() + timeout_s
    while True:
        nodes.check_alive()
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(f"nothing answers at {host}:{port} ({error})") from error
            time.sleep(0.05)
        else:
            return


def _node_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"RAY_ADDRESS", "VIRTUAL_ENV", "PYTHONHOME"}}
    return kept | {
        # Every environment sees the same source tree; the actor is imported from it by name.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "PYTHONUNBUFFERED": "1",
    }


def _remove_abandoned_folders() -> None:
    """Remove what an orchestrator that was killed has left behind."""
    for folder in Path("/tmp").glob("lf-*-*"):  # noqa: S108
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)) and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
