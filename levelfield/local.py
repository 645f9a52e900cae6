"""What this host has to give: a folder that can be written, a port where nobody listens. Standard library only."""

import socket
import tempfile
from pathlib import Path


def write_error(folder: Path) -> str | None:
    """Why nothing can be written in ``folder``, or where it would be made; None where it can."""
    path = folder.absolute()
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return error.strerror or str(error)


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens there, or nobody may."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return True
    return False


def free_port(host: str) -> int:
    """A TCP port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
