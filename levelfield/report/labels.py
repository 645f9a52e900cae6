"""The words that a comparison carries besides its numbers: what is not known, or not equal, about its two sides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from levelfield.parity.certificate import Certificate, CertifiedSide
from levelfield.report.certified import CertificateSummary, summarise, when
from levelfield.report.model import Label, OutsideReference, Side
from levelfield.report.reference import outside_text
from levelfield.report.runs import Run
from levelfield.report.titles import is_aligned

FINGERPRINT_DIGITS = 12


class Parity(NamedTuple):
    """What is known of two sides computing the same function."""

    label: Label | None
    certificate: CertificateSummary | None = None


@dataclass(frozen=True, kw_only=True)
class _Program:
    """A side as it ran. ``codes`` are those of its latest runs that count, None among them where one did not record it."""

    title: str
    framework: str
    mode: str
    device: str
    precision: str
    codes: frozenset[str | None]

    def is_side(self, side: CertifiedSide) -> bool:
        return (self.framework, self.mode, self.device) == (side.framework, side.mode, side.device)

    def ran(self, side: CertifiedSide) -> bool:
        """Whether every run that counts ran the code that was certified."""
        return self.codes <= {side.code}


def certificate_label(
    workload: str, track: str, sides: tuple[Side, Side], runs: tuple[Sequence[Run], Sequence[Run]], certificates: Iterable[Certificate]
) -> Parity:
    """Whether a certificate stands behind a comparison (methodology, rule 5); ``runs`` are the latest ones of each side.

    ``certificates`` come newest first: the newest that was made with the code that ran decides, whether it passed or failed.
    """
    if not is_aligned(track):
        why = f"in the track {track} each framework draws its own initial weights and order of examples and has its own preprocessing"
        return Parity(Label(name="not aligned", why=f"{why}, so a difference is that of all of it together"))
    for side, found in zip(sides, runs, strict=True):
        if not found:
            return _unverified(f"no run of {side.title} is recorded yet that a parity certificate could speak of")
    a, b = (_program(side, found) for side, found in zip(sides, runs, strict=True))
    for what, left, right in (("precisions", a.precision, b.precision), ("devices", a.device, b.device)):
        if left != right:
            return _unverified(f"a comparison of different {what} cannot be certified: {a.title} ran with {left}, {b.title} with {right}")
    asked = (workload, track, a.precision)
    return _judge((a, b), [one for one in certificates if (one.workload, one.track, one.precision) == asked])


def source_labels(runs: Iterable[Run]) -> Iterable[Label]:
    """For runs on data whose files are not the official ones."""
    fingerprints = {str(run.data_fingerprint)[:FINGERPRINT_DIGITS] for run in runs if run.is_used and run.data_source == "unverified"}
    if fingerprints:
        what = f"the data was read from files that do not carry the official checksums (fingerprint {', '.join(sorted(fingerprints))})"
        yield Label(name="unverified source", why=f"{what}; that concerns the data alone, not parity")


def reference_labels(found: Sequence[OutsideReference]) -> Iterable[Label]:
    """For runs whose accuracy no run at these settings should have."""
    if found:
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        yield Label(name="outside reference", why=f"{outside_text(found[0])}{more}")


def _program(side: Side, runs: Sequence[Run]) -> _Program:
    one = runs[0]
    codes = frozenset(run.worker_code for run in runs if run.is_used)
    return _Program(title=side.title, framework=one.framework, mode=one.mode, device=one.device, precision=one.precision, codes=codes)


def _judge(programs: tuple[_Program, _Program], certificates: Iterable[Certificate]) -> Parity:
    """``certificates`` are those of the same workload, track and precision, newest first."""
    a, b = programs
    told = [(certificate, other) for certificate in certificates for other in _other_code(programs, certificate)]
    deciding = next((certificate for certificate, other in told if not other), None)
    if deciding:
        label = None if deciding.passed else _unverified(f"the {_named(deciding)} failed: {deciding.verdict}").label
        return Parity(label, summarise(deciding))
    if told:
        return _unverified(_stale(*min(told[:2], key=lambda one: len(one[1]))))
    pair = f"{a.title} ({a.framework}, {a.mode}) and {b.title} ({b.framework}, {b.mode})"
    return _unverified(f"no parity certificate is stored for {pair} in {a.precision} on {a.device}")


def _other_code(programs: tuple[_Program, _Program], certificate: Certificate) -> Iterable[list[_Program]]:
    """For each way in which the certificate's sides are these two, those that ran other code than was certified."""
    a, b = programs
    for left, right in (certificate.sides, certificate.sides[::-1]):
        if a.is_side(left) and b.is_side(right):
            yield [program for program, side in ((a, left), (b, right)) if not program.ran(side)]


def _stale(certificate: Certificate, other: Sequence[_Program]) -> str:
    unknown = [program.title for program in other if None in program.codes]
    if unknown:
        return f"it is not recorded which code {' and '.join(unknown)} ran, so the {_named(certificate)} may not speak of it"
    return f"the {_named(certificate)} was made with other code of {' and '.join(dict.fromkeys(p.title for p in other))} than these runs"


def _named(certificate: Certificate) -> str:
    return f"parity certificate of {when(certificate.created_at)}"


def _unverified(why: str) -> Parity:
    return Parity(Label(name="unverified", why=why))
