"""Ray nodes as child processes: from a service's own environment, on ports and in a folder of their own, ended without a trace."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from levelfield.services import ROOT, Service
from orchestrator import guard
from orchestrator.locks import exclusive

LOCK_FILE = "levelfield-cluster.lock"
ABANDONED_AFTER_S = 60  # younger ones may be about to be locked
OBJECT_STORE_BYTES = 256 * 1024**2


class ClusterError(Exception):
    """A cluster that cannot be started, reached or used; the message says what to do."""


class Nodes:
    """The Ray nodes that this process started, held by a guard process. `stop` ends them and all that they started, nothing else."""

    def __init__(self) -> None:
        _remove_abandoned_folders()
        # Short, because the paths of Ray's sockets in it must stay under 107 characters. The process id marks whose it is.
        self.folder = Path(tempfile.mkdtemp(prefix=f"lf-{os.getpid()}-", dir="/tmp"))
        self._lock = ExitStack()
        self._lock.enter_context(exclusive(self.folder / LOCK_FILE))
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
        self._lock.close()


def _start_guard(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "orchestrator.guard", str(folder)]
    # A session of its own, so that Ctrl-C in the terminal reaches us alone, who stop the nodes in order.
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True, start_new_session=True)


def check_environments(services: Iterable[Service]) -> None:
    """Raises ClusterError with the commands that make the environments that are missing on this machine."""
    if lacking := [service for service in services if not service.ready]:
        commands = "\n".join(f"  {service.setup_command}" for service in lacking)
        raise ClusterError(f"{', '.join(s.title for s in lacking)}: no environment on this machine; make it with\n{commands}")


def check_address(address: str) -> tuple[str, int]:
    """The IP address and the port of a cluster that answers. Raises ClusterError where ``address`` is not HOST:PORT or nobody answers.

    Ray's own processes name a cluster by its head's IP address: names would have to be resolved alike everywhere.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"--address {address!r}: expected HOST:PORT")
    try:
        ip = socket.gethostbyname(host)
        socket.create_connection((ip, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"nothing answers at {address} ({error})") from error
    return ip, int(port)


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
        # By default workers yield to everything else on the machine, the orchestrator's own display included.
        "RAY_worker_niceness": "0",
    }


def _remove_abandoned_folders() -> None:
    """Remove what an orchestrator and its guard that were both killed have left behind: nobody holds its lock any more."""
    for lock in Path("/tmp").glob(f"lf-*/{LOCK_FILE}"):
        state = lock.stat()
        if state.st_uid == os.getuid() and time.time() - state.st_mtime > ABANDONED_AFTER_S:
            with exclusive(lock) as abandoned:
                if abandoned:
                    shutil.rmtree(lock.parent, ignore_errors=True)
