"""The services: every folder with a ``service.toml`` is one framework. Read as data; nothing of the framework is imported."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from levelfield import workloads
from levelfield.measure.environment import package_versions

ROOT = Path(__file__).resolve().parent.parent
# What of the core decides what a worker computes, and how that is certified.
TRAINING = ("spec.py", "tracks.py", "gang.py", "training.py", "blocks.py", "worker.py", "workloads/*.py", "parity/*.py")


class ServiceError(Exception):
    """A service description that cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a service offers. ``worker`` is ``module:class``, ``workers`` the same for tracks that have another one.

    ``name`` is also the Ray resource that its nodes advertise.
    """

    name: str
    title: str
    worker: str
    folder: Path
    tracks: tuple[str, ...]
    precisions: tuple[str, ...]
    devices: tuple[str, ...]
    modes: Mapping[str, str]
    default_mode: str
    workloads: tuple[str, ...]
    workers: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    python: Path = field(default=Path())

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises ServiceError where the file is not TOML, or a field is missing or unknown."""
        try:
            values: dict[str, Any] = tomllib.loads(file.read_text())
            folder = file.parent
            values["python"] = folder / values.get("python", ".venv/bin/python")
            # A workload is offered where a file of its name stands in the folder, unless the description lists them.
            values.setdefault("workloads", [name for name in workloads.names() if (folder / f"{name}.py").is_file()])
            lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
            service = cls(folder=folder, **values | lists)
        except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
            raise ServiceError(f"{file}: {str(error).replace('Service.__init__()', 'this description is')}") from error
        if service.default_mode not in service.modes:
            raise ServiceError(f"{file}: default_mode is {service.default_mode!r}, but modes has only {', '.join(service.modes)}")
        return service

    @property
    def ready(self) -> bool:
        """Whether the service's own environment has been set up on this machine."""
        return os.access(self.python, os.X_OK)

    def code(self) -> str:
        """A hash of what decides what this service's workers compute: its sources, those of the core's training, its packages' versions.

        Called where the packages are installed: in the service's own environment.
        """
        digest = hashlib.sha256(json.dumps(package_versions(self.packages), sort_keys=True).encode())
        core = [path for name in TRAINING for path in sorted((ROOT / "levelfield").glob(name))]
        for path in [*core, *sorted(self.folder.glob("*.py")), self.folder / "service.toml"]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()

    @property
    def setup_command(self) -> str:
        """The command that makes the environment."""
        return f"make {os.path.relpath(self.folder, ROOT)}/.venv/.setup"


def discover() -> dict[str, Service]:
    """All services by name: the folders in ``services/``, and in the folders that ``LEVELFIELD_SERVICES`` lists, separated by colons."""
    folders = [ROOT / "services", *map(Path, filter(None, os.environ.get("LEVELFIELD_SERVICES", "").split(":")))]
    services: dict[str, Service] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/service.toml")):
            service = Service.read(file)
            if service.name in services:
                raise ServiceError(f"{file}: the name {service.name!r} is taken by {services[service.name].folder}")
            services[service.name] = service
    return services
