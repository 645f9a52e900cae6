"""A recording as a service's process offers it: begun once, then asked for one record after the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from levelfield import data
from levelfield.gang import ALONE, Gang
from levelfield.measure.environment import package_versions, usable_cores
from levelfield.parity.certificate import Certificate, CertifiedSide
from levelfield.parity.comparison import ParityError, compare, ratio
from levelfield.parity.experiment import Experiment
from levelfield.parity.judge import certify
from levelfield.parity.recording import DRAWS, Record, Recorder, of_its_own
from levelfield.parity.reduced import STEPS as REDUCED_STEPS
from levelfield.parity.reduced import ReducedRecorder, is_reduced
from levelfield.parity.tensors import Tensors, distance, in_pieces
from levelfield.run import load_worker
from levelfield.services import Service
from levelfield.spec import RunSpec


def extent(precision: str, steps: int) -> tuple[int, int]:
    """How many steps are recorded in a precision, where ``steps`` are wished for, and how many one-ulp draws beside them."""
    return (REDUCED_STEPS if is_reduced(precision) else steps), (DRAWS if precision == "fp32" else 0)


def certificate_of(experiment: Experiment, headers: Sequence[Mapping[str, Any]], records: Sequence[Iterable[Record]]) -> Certificate:
    """The certificate of two recordings, each with the header of its session. Raises ParityError where they cannot be compared."""
    a, b = headers
    if a["fingerprint"] != b["fingerprint"]:
        raise ParityError("the two workers hold different data")
    differences = compare(*records, measure=ratio if is_reduced(experiment.spec.precision) else distance)
    sides = CertifiedSide(**a["side"]), CertifiedSide(**b["side"])
    return certify(experiment, differences, sides, fingerprint=a["fingerprint"], source=a["source"])


class RecordingSession:
    """One side of a certificate, or a rank of it, in the environment of its framework.

    Raises DataError without data, ValueError for too few examples.
    """

    def __init__(self, service: Service, spec: RunSpec, *, steps: int, draws: int, gang: Gang = ALONE) -> None:
        self.experiment = experiment = Experiment.of(spec, steps=steps)
        dataset = data.load(experiment.workload.dataset)
        kind = ReducedRecorder if is_reduced(spec.precision) else Recorder
        recorder = kind(
            load_worker(service, spec.track),  # type: ignore[arg-type] # a certified track is trained step by step
            experiment,
            dataset,
            threads=spec.threads or usable_cores(),
            draws=draws,
            draw_mode=service.default_mode,
            gang=gang,
        )
        versions = package_versions(service.packages)
        side = CertifiedSide(framework=service.name, mode=spec.mode, device=spec.device, versions=versions, code=service.code())
        self.header = {"side": asdict(side), "fingerprint": dataset.fingerprint, "source": dataset.source}
        self.records: Iterator[Record] = recorder.records()
        self._rank = gang.rank
        self._pieces: list[Tensors] = []

    def next(self) -> dict[str, Any] | None:
        """The next record as plain data, without its tensors, which `piece` gives in so many ``pieces``; None after the last."""
        self._pieces = []  # the next step needs the memory
        if (record := next(self.records, None)) is None:
            return None
        own = of_its_own(record, self._rank)
        self._pieces = in_pieces(own.tensors)
        return {**replace(own, tensors={}).to_dict(), "pieces": len(self._pieces)}

    def piece(self, at: int) -> Tensors:
        """Some of the tensors of the record that `next` gave last."""
        return self._pieces[at]
