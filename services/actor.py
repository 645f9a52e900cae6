"""The Ray actor that holds a worker: the same for every framework, and the only file in services that imports Ray.

The orchestrator refers to this class by name; the framework is imported lazily, in the service's own environment. Only plain data crosses.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from numpy.typing import NDArray

from levelfield import data
from levelfield.checkpoints import Keeping
from levelfield.failures import REASON_LIMIT
from levelfield.gang import Gang, free_endpoint
from levelfield.local import write_error
from levelfield.measure.environment import describe_environment, source_hash
from levelfield.measure.host import host_id
from levelfield.measure.monitor import own_gpus
from levelfield.measure.threads import confine
from levelfield.parity.session import RecordingSession
from levelfield.run import Session, event_to_dict
from levelfield.services import discover
from levelfield.spec import RunSpec


class WorkerActor:
    """One process that does one run, and bursts after it; or records for a certificate."""

    def __init__(self, framework: str, log: str | None, *, gpu: str | None = None, cores: Sequence[int] = ()) -> None:
        """``gpu``, by its UUID, and ``cores`` are what the process may use; None and nothing: no GPU, and all cores of its node."""
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu or ""  # before any framework is imported
        if cores:
            confine(cores)
        self._service = discover()[framework]
        self._session = Session(self._service, Path(log) if log and _redirect_output(Path(log)) else None)

    def hello(self) -> dict[str, Any]:
        """Who and where this worker is, and the hashes of the sources that it runs."""
        return {
            "pid": os.getpid(),
            "hostname": socket.gethostname(),
            "host": host_id(),
            "node_id": ray.get_runtime_context().get_node_id(),
            "gpus": own_gpus(),
            "source_hash": source_hash(),
            "worker_code": self._service.code(),
        }

    def environment(self) -> dict[str, Any]:
        """The environment record of this worker's node."""
        return describe_environment(self._service.packages)

    def lacks_data(self, name: str, fingerprint: str, source: data.Source) -> bool:
        """Whether this host has no copy of the data set with these very arrays from this source."""
        cached = data.read_cache(name)
        return cached is None or (cached.fingerprint, cached.source) != (fingerprint, source)

    def begin_data(self, name: str, source: data.Source, layout: data.Layout) -> None:
        """Make ready for a data set that the orchestrator sends in pieces."""
        self._incoming = data.Incoming(name, source, layout)

    def add_data(self, key: str, start: int, rows: NDArray[Any]) -> None:
        """A piece of it."""
        self._incoming.add(key, start, rows)

    def keep_data(self) -> None:
        """All of it is here: put it in this host's cache."""
        self._incoming.keep()

    def begin_recording(
        self, spec: Mapping[str, Any], steps: int, draws: int, rank: int = 0, peers: Sequence[str] = ("",)
    ) -> dict[str, Any]:
        """Make this actor one side of a parity certificate, or a rank of one; says which, and on which data. Ask `next_record` then."""
        return self._plainly(lambda: self._begin(RunSpec.from_dict(spec), steps, draws, Gang(rank=rank, peers=tuple(peers))))

    def next_record(self) -> dict[str, Any] | None:
        """The next step laid open but for its tensors, None after the last."""
        return self._plainly(self._recording.next)

    def piece(self, at: int) -> dict[str, NDArray[Any]]:
        """Some of the tensors of that step."""
        return dict(self._recording.piece(at))

    def endpoint(self) -> str:
        """HOST:PORT where the first rank of a gang may wait for the others: an address of this node that the other nodes can reach."""
        return free_endpoint(ray.util.get_node_ip_address())

    def can_keep(self, keeping: Mapping[str, str | None], rank: int) -> tuple[bool, bool]:
        """Whether this host can write checkpoints there, and whether it has the rank's part of the one to go on from."""
        place = Keeping.from_dict(keeping)
        return write_error(place.folder) is None, place.after is None or (place.after / f"rank-{rank}").is_dir()

    def run(
        self,
        spec: Mapping[str, Any],
        before_ns: Mapping[str, int],
        rank: int = 0,
        peers: Sequence[str] = ("",),
        keeping: Mapping[str, str | None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Do the run, alone or as a rank of the gang whose endpoints are ``peers``; stream its events as dictionaries, the result last."""
        gang, place = Gang(rank=rank, peers=tuple(peers)), Keeping.from_dict(keeping) if keeping else None
        for event in self._session.run(RunSpec.from_dict(spec), before_ns=before_ns, gang=gang, keeping=place):
            yield event_to_dict(event)

    def burst(self, target_ns: int) -> dict[str, Any]:
        """One burst of the run's worker, which goes on where it stopped."""
        return self._plainly(lambda: asdict(self._session.burster.burst(target_ns)))

    def blocks(self, discarded: int, counted: int, *, exchange: bool) -> dict[str, Any]:
        """A burst of so many blocks, which all ranks of a gang are asked for at once; ``exchange``: of gradients, as in training."""
        return self._plainly(lambda: asdict(self._session.gang_blocks(discarded, counted, exchange=exchange)))

    def _begin(self, spec: RunSpec, steps: int, draws: int, gang: Gang) -> dict[str, Any]:
        self._recording = RecordingSession(self._service, spec, steps=steps, draws=draws, gang=gang)
        return self._recording.header

    def _plainly(self, function: Callable[[], dict[str, Any] | None]) -> Any:
        """A framework's exceptions cannot be unpickled where it is missing: they cross as text."""
        try:
            return function()
        except Exception as error:  # noqa: BLE001 - a framework may raise anything
            return {"failure": f"{type(error).__name__}: {error}"[:REASON_LIMIT]}


def _redirect_output(log: Path) -> bool:
    """Send what this process prints, C++ libraries included, to the run's log file; False where this host cannot write it."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        return False
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
    return True
