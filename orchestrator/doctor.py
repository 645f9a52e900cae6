"""Checks that a study can run here or on a cluster; every failure comes with what to do about it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levelfield.data.base import cache_folder
from levelfield.local import write_error
from levelfield.measure.environment import describe_environment, package_versions, source_hash
from levelfield.services import ROOT, Service
from orchestrator.nodes import OBJECT_STORE_BYTES

MIN_MEMORY_BYTES = 4 * 1024**3
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``good`` is None for something worth knowing that is no failure."""

    where: str
    what: str
    good: bool | None = True
    remedy: str | None = None


def examine(services: Mapping[str, Service], *, address: str | None, results: Path) -> list[Finding]:
    """All findings, on this machine or, with ``address``, on every node of that cluster too."""
    findings = [*_packages("this environment", _pins(ROOT / "requirements/core.txt"), None, "make setup")]
    findings += [*_machine("this machine", describe_environment(())), *_writable(results)]
    for service in services.values():
        findings += _service(service)
    if address:
        findings += _cluster(services, address)
    return findings


def _service(service: Service) -> Iterator[Finding]:
    where = f"{service.title}, local environment"
    if not service.ready:
        yield Finding(where=where, what="missing", good=False, remedy=service.setup_command)
        return
    command = [str(service.python), "-m", "levelfield.measure.environment", *service.packages]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if asked.returncode:
        yield Finding(where=where, what=f"does not run: {asked.stderr.strip()[-200:]}", good=False, remedy=_again(service))
        return
    yield from _node(where, json.loads(asked.stdout), service)


def _node(where: str, record: Mapping[str, Any], service: Service) -> Iterator[Finding]:
    """What holds for one environment: Python, packages and sources are those of this orchestrator."""
    here = describe_environment(())["python"]
    same = record["python"] == here
    yield Finding(
        where=where,
        what=f"Python {record['python']}",
        good=same,
        remedy=None if same else f"Ray needs Python {here}, as here, on every node",
    )
    yield from _packages(where, _pins(service.folder / "requirements.txt"), record["packages"], _again(service), only=service.packages)
    same = record["source_hash"] == source_hash()
    remedy = None if same else "bring the node's copy of Levelfield to the same version as this one"
    yield Finding(where=where, what=f"sources {record['source_hash'][:12]}", good=same, remedy=remedy)


def _packages(
    where: str, pins: Mapping[str, str], found: Mapping[str, str] | None, remedy: str, only: tuple[str, ...] = ()
) -> Iterator[Finding]:
    found = package_versions(pins) if found is None else found
    wanted = {name: version for name, version in pins.items() if not only or name in only}
    wrong = [f"{name} {found.get(name, 'missing')} (pinned: {version})" for name, version in wanted.items() if found.get(name) != version]
    good = f"Ray {found.get('ray')}, {len(wanted)} packages as pinned" if wanted else "its packages are not pinned in a requirements.txt"
    yield Finding(where=where, what=", ".join(wrong) or good, good=not wrong, remedy=remedy if wrong else None)


def _machine(where: str, record: Mapping[str, Any]) -> Iterator[Finding]:
    cores, memory = len(record["cores"]), record.get("memory_available_bytes", record["memory_bytes"])
    yield Finding(
        where=where, what=f"{cores} cores, {record.get('cpu_model', 'unknown processor')}", good=True if cores > 1 else None,
        remedy=None if cores > 1 else "one core: the platform's own processes compete with what is measured",
    )  # fmt: skip
    enough = memory >= MIN_MEMORY_BYTES
    remedy = None if enough else "end other programs: a framework and its data need some 4 GiB"
    yield Finding(where=where, what=f"{memory / 1024**3:.1f} GiB of memory available", good=enough, remedy=remedy)
    yield _shared_memory(where, record.get("shared_memory_free_bytes"))
    for gpu in record.get("gpus", []):
        yield Finding(where=where, what=f"{gpu['name']}, {gpu['memory.total']}, driver {gpu['driver_version']}")
    if not record.get("gpus"):
        yield Finding(where=where, what="no NVIDIA GPU or driver", good=None, remedy="studies with `device: cuda` cannot run here")


def _shared_memory(where: str, free: int | None) -> Finding:
    """Ray keeps objects in /dev/shm; where it is too small Ray falls back to the disk."""
    if free is None:
        return Finding(where=where, what="/dev/shm is missing or cannot be written", good=False, remedy="mount a tmpfs there")
    enough = free >= OBJECT_STORE_BYTES
    remedy = None if enough else "enlarge it (in a container: --shm-size=2g)"
    return Finding(where=where, what=f"/dev/shm: {free / 1024**3:.1f} GiB free", good=enough, remedy=remedy)


def _writable(results: Path) -> Iterator[Finding]:
    for name, folder, remedy in (
        ("results", results, "give another folder with --results"),
        ("data cache", cache_folder(), "give another folder with LEVELFIELD_CACHE"),
        ("temporary files", Path("/tmp"), "Ray's sockets need a short path: make /tmp writable"),
    ):
        if error := write_error(folder):
            yield Finding(where=name, what=f"{folder} cannot be written: {error}", good=False, remedy=remedy)
            continue
        path = folder.absolute()
        free = shutil.disk_usage(next(parent for parent in (path, *path.parents) if parent.exists())).free / 1024**3
        yield Finding(where=name, what=f"{folder} can be written, {free:.0f} GiB free", good=True if free > 1 else None)


def _cluster(services: Mapping[str, Service], address: str) -> Iterator[Finding]:
    """Ask every node that offers a framework, through an actor on that very node."""
    from orchestrator.cluster import ask_nodes, running
    from orchestrator.nodes import ClusterError

    try:
        with running(address, ()):
            answers = list(ask_nodes(services))
    except ClusterError as error:
        yield Finding(
            where=f"cluster {address}", what=str(error), good=False, remedy="check the address, and that `ray start` was run there"
        )
        return
    for name in services:
        if name not in {framework for framework, _, _ in answers}:
            yield Finding(
                where=f"cluster {address}", what=f"no node offers {name}", good=None, remedy=f"studies with {name} cannot run there"
            )
    for framework, node, record in answers:
        where = f"{services[framework].title} on {node}"
        if isinstance(record, str):
            yield Finding(where=where, what=record, good=False, remedy="look at the node's Ray logs")
            continue
        yield from _node(where, record, services[framework])
        yield from _machine(where, record)


def _pins(file: Path) -> dict[str, str]:
    return dict(PIN.findall(file.read_text())) if file.is_file() else {}


def _again(service: Service) -> str:
    stamp = os.path.relpath(service.folder / ".venv", ROOT)
    return f"rm -rf {stamp} && {service.setup_command}"
