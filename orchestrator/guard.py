"""Holds the processes of an embedded cluster and ends all of them when its standard input closes.

It closes when the orchestrator wants the cluster to stop, and also when the orchestrator dies, by SIGKILL too: so there is one way in which
a cluster ends. Each line on standard input is a node to start: ``{"command": [...], "folder": "...", "env": {...}}``.
Run as ``python -m orchestrator.guard FOLDER``; the folder is removed at the end.
"""

import contextlib
import ctypes
import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STOP_TIMEOUT_S = 5.0
EXIT_STATUS_FILE = "exit-status"
LOG_FILE = "ray-start.log"
_libc = ctypes.CDLL(None, use_errno=True)


def main(folder: Path) -> None:
    """Start nodes until standard input closes, then end every descendant and remove the folder."""
    # Ctrl-C in the terminal is for the orchestrator, which closes our input when it is done.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Orphans of the nodes become our children: they can be found, ended and waited for, and leave no zombies.
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    nodes = [_start(**json.loads(line)) for line in sys.stdin]
    _end([node for node in nodes if node])
    shutil.rmtree(folder, ignore_errors=True)


def _start(*, command: list[str], folder: str, env: dict[str, str]) -> subprocess.Popen[bytes] | None:
    try:
        return _popen(command, folder, env)
    except OSError as error:
        Path(folder, LOG_FILE).write_text(f"{command[0]} cannot be executed: {error.strerror}\n")
        Path(folder, EXIT_STATUS_FILE).write_text("127")
        return None


def _popen(command: list[str], folder: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with Path(folder, LOG_FILE).open("wb") as log:
        node = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_as_child,  # noqa: PLW1509 - runs between fork and exec, and calls only prctl and signal
        )
    threading.Thread(target=_report_exit, args=(node, Path(folder)), daemon=True).start()
    return node


def _as_child() -> None:
    """A node dies with us, even if we are killed, and ``ray start --block`` in turn takes its processes with it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _report_exit(node: subprocess.Popen[bytes], folder: Path) -> None:
    """Leave a note where the orchestrator looks."""
    status = node.wait()
    with contextlib.suppress(OSError):
        (folder / EXIT_STATUS_FILE).write_text(str(status))


def _end(nodes: list[subprocess.Popen[bytes]]) -> None:
    for node in reversed(nodes):
        node.terminate()
    _, survivors = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=STOP_TIMEOUT_S)
    while survivors:
        for process in survivors:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(survivors, timeout=STOP_TIMEOUT_S)
        survivors = psutil.Process().children(recursive=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
