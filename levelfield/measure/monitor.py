"""One node's eyes on its host: says which host and devices these are, and looks at them while somebody else measures there.

The orchestrator has one beside itself, and one as an actor on every node that it cannot see: so it needs no more than the standard library.
"""

import os
import socket
from collections.abc import Sequence
from typing import Any

from levelfield.measure import environment
from levelfield.measure.gpu import Gpus, load_nvml
from levelfield.measure.host import HostProbe, host_id
from levelfield.measure.processes import PROC, read
from levelfield.measure.sampler import Sampler
from levelfield.measure.threads import physical


class Monitor:
    """Samples from `start` on. Moments are of the host's own monotonic clock; what it gives is plain data."""

    def __init__(self, roots: Sequence[int] = ()) -> None:
        """``roots`` and their descendants are not foreign; by default the parent process, which for an actor is its node."""
        self._roots = list(roots) or [os.getppid()]
        self._sampler: Sampler | None = None

    def where(self) -> dict[str, Any]:
        """The host, the roots, what the first root may use, GPUs by UUID and cores in groups by physical core, and the models of it all.

        ``models`` holds those that are known, of GPUs by UUID, of the processor as "cpu".
        """
        gpus = visible(_installed(), _variable(self._roots[0], "CUDA_VISIBLE_DEVICES"))
        models = {"cpu": environment.cpu_model()} | (_models() if gpus else {})
        return {
            "host": host_id(),
            "hostname": socket.gethostname(),
            "roots": self._roots,
            "gpus": gpus,
            "cores": physical(os.sched_getaffinity(self._roots[0])),
            "models": {name: model for name, model in models.items() if model},
        }

    def start(self) -> None:
        """Look once a second from now on, at the GPUs of `where` too. Raises ProcessLookupError where a root has ended."""
        shown = set(Gpus(load_nvml()).uuids)
        self._sampler = Sampler(HostProbe(self._roots, gpus=[uuid for uuid in self.where()["gpus"] if uuid in shown]))
        self._sampler.start()

    def mark(self) -> int:
        """Look now; the moment of the look."""
        return self._started().mark("mark").at_ns

    def since(self, at_ns: int) -> list[dict[str, Any]]:
        """All looks from the last one at or before ``at_ns`` on, one taken now included."""
        self.mark()
        seen = self._started().seen()
        before = max((sample.at_ns for sample in seen if sample.at_ns <= at_ns), default=at_ns)
        return [sample.to_dict() for sample in seen if sample.at_ns >= before]

    def stop(self) -> None:
        """Look no more."""
        if self._sampler:
            self._sampler.stop()

    def _started(self) -> Sampler:
        if self._sampler is None:
            raise RuntimeError("the monitor has not been started")
        return self._sampler


def own_gpus() -> list[str]:
    """The UUIDs of the GPUs that this process was given by CUDA_VISIBLE_DEVICES; empty where it was given none."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible(_installed(), chosen) if chosen else []


def _installed() -> list[str]:
    """The UUIDs of this host's GPUs in the order of the PCI bus, by NVML or, where its package is missing, by nvidia-smi."""
    return list(Gpus(load_nvml()).uuids) or [gpu["uuid"] for gpu in environment.gpus()]


def _models() -> dict[str, str | None]:
    """What each GPU of this host calls itself, by its UUID."""
    return Gpus(load_nvml()).models() or {gpu["uuid"]: gpu["name"] for gpu in environment.gpus()}


def _variable(pid: int, name: str) -> str | None:
    """What an environment variable was when the process began; None where it was not set, or may not be seen."""
    lines = (read(PROC / str(pid) / "environ") or b"").decode(errors="replace").split("\0")
    return next((line.partition("=")[2] for line in lines if line.startswith(f"{name}=")), None)


def pid_namespace() -> str:
    """Names the numbering of process ids that this process is in, within its host."""
    return str((PROC / "self/ns/pid").readlink())


def visible(uuids: Sequence[str], chosen: str | None) -> list[str]:
    """Those of a host's GPUs, in the order of the PCI bus, that a value of CUDA_VISIBLE_DEVICES leaves; all where it is not set.

    CUDA programming guide, environment variables: indices or beginnings of UUIDs, up to the first that names no device.
    """
    if chosen is None:
        return list(uuids)
    found: list[str] = []
    for word in filter(None, map(str.strip, chosen.split(","))):
        named = [uuids[int(word)]] if word.isdigit() and int(word) < len(uuids) else [uuid for uuid in uuids if uuid.startswith(word)]
        if len(named) != 1:
            break
        found += named
    return found
