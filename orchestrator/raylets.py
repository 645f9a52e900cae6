"""Ray's nodes on this host, found by their processes: so nobody needs to import Ray or to be connected to know them."""

from collections.abc import Iterator

import psutil

from levelfield.measure.processes import PROC
from orchestrator.nodes import check_address


def raylets(address: str | None) -> dict[str, int]:
    """The processes on this host that are nodes of a cluster which somebody else started, by node id; their workers descend from them.

    Those in another container are left out: what they may use is not to be seen from here.
    """
    if address is None:
        return {}
    host, port = check_address(address)
    return {_option(command, "node_id"): process.pid for process, command in _find(f"{host}:{port}") if _is_beside(process.pid)}


def _is_beside(pid: int) -> bool:
    """Whether a process is in no other container: one may share the host's process ids, and still has files of its own."""
    try:
        return all((PROC / str(pid) / kind).readlink() == (PROC / "self" / kind).readlink() for kind in ("ns/pid", "ns/mnt"))
    except OSError:  # it has ended, or is somebody else's
        return False


def _find(address: str) -> Iterator[tuple[psutil.Process, list[str]]]:
    """The raylets of the cluster at ``address`` with their command lines."""
    for process in psutil.process_iter(["name", "cmdline"]):
        command = process.info["cmdline"] or []
        if process.info["name"] == "raylet" and f"--gcs-address={address}" in command:
            yield process, command


def local_node_ip(address: str) -> str | None:
    """The IP address of a raylet that belongs to the cluster at ``address`` and that this process can use: in sight, and on this host."""
    own = {entry.address for entries in psutil.net_if_addrs().values() for entry in entries}
    for _, command in _find(address):
        ip = _option(command, "node_ip_address")
        if ip in own or ip.startswith("127."):
            return ip
    return None


def _option(command: list[str], name: str) -> str:
    return next((word.partition("=")[2] for word in command if word.startswith(f"--{name}=")), "")
