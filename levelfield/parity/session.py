"""A recording as a service's process offers it: begun once, then asked for one record after the other."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from levelfield import data, workloads
from levelfield.measure.environment import package_versions, usable_cores
from levelfield.parity.certificate import CertifiedSide
from levelfield.parity.experiment import Experiment
from levelfield.parity.recording import Record, Recorder
from levelfield.parity.reduced import ReducedRecorder, is_reduced
from levelfield.run import load_worker
from levelfield.services import Service
from levelfield.spec import RunSpec


class RecordingSession:
    """One side of a certificate, in the environment of its framework. Raises DataError without data, ValueError for too few examples."""

    def __init__(self, service: Service, spec: RunSpec, *, steps: int, draws: int) -> None:
        experiment = Experiment(spec, workloads.get(spec.workload), steps=steps)
        dataset = data.load(experiment.workload.dataset)
        kind = ReducedRecorder if is_reduced(spec.precision) else Recorder
        recorder = kind(
            load_worker(service, spec.track),  # type: ignore[arg-type] # a certified track is trained step by step
            experiment,
            dataset,
            threads=spec.threads or usable_cores(),
            draws=draws,
            draw_mode=service.default_mode,
        )
        versions = package_versions(service.packages)
        side = CertifiedSide(framework=service.name, mode=spec.mode, device=spec.device, versions=versions, code=service.code())
        self.header = {"side": asdict(side), "fingerprint": dataset.fingerprint, "source": dataset.source}
        self._records: Iterator[Record] = recorder.records()

    def next(self) -> dict[str, Any] | None:
        """The next record as plain data; None after the last."""
        record = next(self._records, None)
        return record.to_dict() if record else None
