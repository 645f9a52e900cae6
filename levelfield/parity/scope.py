"""Which comparison a certificate speaks of, and which of several certificates decides about it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from levelfield import workloads
from levelfield.parity.certificate import Certificate, CertifiedSide
from levelfield.parity.experiment import STEPS, certified_batch
from levelfield.parity.reduced import STEPS as REDUCED_STEPS
from levelfield.parity.reduced import is_reduced
from levelfield.spec import RunSpec

DIGITS = 12  # of a fingerprint


@dataclass(frozen=True, kw_only=True)
class Program:
    """One side. ``codes`` are those of all its runs that count, None among them where one did not record it."""

    title: str
    framework: str
    mode: str
    device: str
    codes: frozenset[str | None]

    def is_side(self, side: CertifiedSide) -> bool:
        """Whether it is that framework in that mode on that device."""
        return (self.framework, self.mode, self.device) == (side.framework, side.mode, side.device)

    def ran(self, side: CertifiedSide) -> bool:
        """Whether every run that counts ran the code that was certified."""
        return self.codes <= {side.code}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What two sides did: ``batch_sizes``, ``learning_rates`` and fingerprints of ``data`` of all runs that count, None as in `Program`."""

    workload: str
    track: str
    precision: str
    programs: tuple[Program, Program]
    batch_sizes: frozenset[int]
    learning_rates: frozenset[float]
    data: frozenset[str | None]
    workers: int = 1

    @classmethod
    def of(cls, specs: tuple[RunSpec, RunSpec], codes: tuple[str, str], data: str) -> Self:
        """That of two workers before they run."""
        workload = workloads.get(specs[0].workload)
        programs = tuple(
            Program(title=s.framework, framework=s.framework, mode=s.mode, device=s.device, codes=frozenset({code}))
            for s, code in zip(specs, codes, strict=True)
        )
        return cls(
            workload=workload.name,
            track=specs[0].track,
            precision=specs[0].precision,
            programs=(programs[0], programs[1]),
            batch_sizes=frozenset(s.batch_size or workload.batch_size for s in specs),
            learning_rates=frozenset(s.learning_rate or workload.optimizer.learning_rate for s in specs),
            data=frozenset({data}),
            workers=specs[0].workers,
        )

    def covered_by(self, certificate: Certificate) -> bool:
        """Whether the certificate speaks of this comparison, be it passed or failed."""
        return self.misfits(certificate) == []

    def deciding(self, certificates: Iterable[Certificate]) -> Certificate | None:
        """Of ``certificates``, newest first, the newest failure that no newer pass with its seed has taken back, else the newest."""
        covering = [one for one in certificates if self.covered_by(one)]
        passed: set[int] = set()
        for one in covering:
            if one.passed:
                passed.add(one.seed)
            elif one.seed not in passed:
                return one
        return covering[0] if covering else None

    def misfits(self, certificate: Certificate) -> list[str] | None:
        """What of the certificate does not fit, in words that follow its name; None where it is about something else altogether."""
        asked = (self.workload, self.track, self.precision, self.workers)
        if (certificate.workload, certificate.track, certificate.precision, certificate.workers) != asked:
            return None
        a, b = self.programs
        ways = [sides for sides in (certificate.sides, certificate.sides[::-1]) if a.is_side(sides[0]) and b.is_side(sides[1])]
        found = [[*self._code(sides), *self._settings(certificate)] for sides in ways]
        return min(found, key=len, default=None)

    def _code(self, sides: tuple[CertifiedSide, CertifiedSide]) -> Iterator[str]:
        other = [program for program, side in zip(self.programs, sides, strict=True) if not program.ran(side)]
        unknown = _names(program for program in other if None in program.codes)
        if unknown:
            yield f"may not speak of these runs, since it is not recorded which code {unknown} ran"
        if known := _names(program for program in other if None not in program.codes):
            yield f"was made with other code of {known} than these runs"

    def _settings(self, certificate: Certificate) -> Iterator[str]:
        needed = REDUCED_STEPS if is_reduced(self.precision) else STEPS
        if certificate.steps < needed:
            yield f"compared {certificate.steps} steps where {needed} are asked for"
        is_small = _is_small(self.workload, certificate)
        if not self.batch_sizes <= {certificate.batch_size} and not is_small:
            yield f"was made with batch size {certificate.batch_size}, the runs used {_listed(sorted(self.batch_sizes))}"
        rate = certificate.learning_rate
        if not self.learning_rates <= {rate} and not is_small:
            used = _listed(sorted(self.learning_rates))
            yield f"was made with {'an unrecorded learning rate' if rate is None else f'learning rate {rate:g}'}, the runs used {used}"
        if not self.data <= {certificate.data_fingerprint}:
            used = _listed(sorted(one[:DIGITS] if one else "data that is not recorded" for one in self.data))
            yield f"was made with other data ({certificate.data_fingerprint[:DIGITS]}), the runs used {used}"


def _is_small(workload: str, certificate: Certificate) -> bool:
    """Whether it was made at the size at which a workload is certified, whatever its runs use, because it is too large otherwise."""
    known = workloads.find(workload)
    if known is None or known.small is None:
        return False
    size = certified_batch(known.small, certificate.workers), known.small.learning_rate
    return (certificate.batch_size, certificate.learning_rate) == size


def _names(programs: Iterable[Program]) -> str:
    return " and ".join(dict.fromkeys(program.title for program in programs))


def _listed(values: Sequence[float | str]) -> str:
    return " and ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
