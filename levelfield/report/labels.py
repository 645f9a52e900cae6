"""The words that a comparison carries besides its numbers: what is not known, or not equal, about its two sides."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from levelfield import workloads
from levelfield.parity.certificate import Certificate
from levelfield.parity.scope import Program, Scope
from levelfield.report.certified import CertificateSummary, summarise, when
from levelfield.report.model import Label, OutsideReference, Side
from levelfield.report.reference import outside_text
from levelfield.report.runs import Run
from levelfield.report.titles import is_aligned
from levelfield.spec import Case

FINGERPRINT_DIGITS = 12
# By source of the data, what a label says of it.
SOURCES = {
    "unverified": (
        "unverified source",
        "the data was read from files that do not carry the official checksums {}; that concerns the data alone, not parity",
    ),
    "own": ("own data", "the data is of a folder of one's own {}; that concerns the data alone, not parity"),
    "synthetic": ("made-up data", "the examples are made up {}: accuracy and time to target say nothing of real ones, speed does"),
}


class Parity(NamedTuple):
    """What is known of two sides computing the same function."""

    label: Label | None
    certificate: CertificateSummary | None = None


def certificate_label(
    case: Case, track: str, sides: tuple[Side, Side], runs: tuple[Sequence[Run], Sequence[Run]], certificates: Iterable[Certificate]
) -> Parity:
    """Whether a certificate stands behind a comparison (methodology, rule 5); ``runs`` are the latest ones of each side.

    ``certificates`` come newest first. Of those that speak of these very runs (`levelfield.parity.scope`), a failure outweighs a pass with
    another seed.
    """
    if not is_aligned(track):
        why = f"in the track {track} each framework draws its own initial weights and order of examples and has its own preprocessing"
        return Parity(Label(name="not aligned", why=f"{why}, so a difference is that of all of it together"))
    for side, found in zip(sides, runs, strict=True):
        if not found:
            return _unverified(f"no run of {side.title} is recorded yet that a parity certificate could speak of")
    for what, left, right in (("precisions", *_both(runs, "precision")), ("devices", *_both(runs, "device"))):
        if left != right:
            a, b = sides
            return _unverified(f"a comparison of different {what} cannot be certified: {a.title} ran with {left}, {b.title} with {right}")
    return _judge(_scope(case, track, sides, runs), list(certificates))


def source_labels(runs: Iterable[Run]) -> Iterable[Label]:
    """For runs on data that others do not have: files that are not the official ones, the user's own, or made-up examples."""
    used = [run for run in runs if run.is_used]
    for source, (name, what) in SOURCES.items():
        if found := {str(run.data_fingerprint)[:FINGERPRINT_DIGITS] for run in used if run.data_source == source}:
            yield Label(name=name, why=what.format(f"(fingerprint {', '.join(sorted(found))})"))


def resource_labels(runs: Iterable[Run]) -> Iterable[Label]:
    """For runs whose threads did not keep to what both sides were given."""
    found = [(run, why) for run in runs if run.is_used for why in run.account.environment.get("thread_use", {}).get("violations", ())]
    if found:
        run, why = found[0]
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        yield Label(name="unequal resources", why=f"{run.side}, seed {run.seed}: {why}{more}")


def reference_labels(found: Sequence[OutsideReference]) -> Iterable[Label]:
    """For runs whose accuracy no run at these settings should have."""
    if found:
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        yield Label(name="outside reference", why=f"{outside_text(found[0])}{more}")


def _both(runs: tuple[Sequence[Run], Sequence[Run]], name: str) -> tuple[str, str]:
    return getattr(runs[0][0], name), getattr(runs[1][0], name)


def _scope(case: Case, track: str, sides: tuple[Side, Side], runs: tuple[Sequence[Run], Sequence[Run]]) -> Scope:
    a, b = (_program(side, found) for side, found in zip(sides, runs, strict=True))
    used = [run for found in runs for run in found if run.is_used]
    own = workloads.find(case.workload)
    return Scope(
        workload=case.workload,
        workers=case.workers,
        track=track,
        precision=runs[0][0].precision,
        programs=(a, b),
        batch_sizes=frozenset(size for run in used if (size := run.batch_size or (own and own.batch_size))),
        learning_rates=frozenset(rate for run in used if (rate := run.learning_rate or (own and own.optimizer.learning_rate))),
        data=frozenset(run.data_fingerprint for run in used),
    )


def _program(side: Side, runs: Sequence[Run]) -> Program:
    one = runs[0]
    codes = frozenset(run.worker_code for run in runs if run.is_used)
    return Program(title=side.title, framework=one.framework, mode=one.mode, device=one.device, codes=codes)


def _judge(scope: Scope, certificates: Sequence[Certificate]) -> Parity:
    """``certificates`` come newest first."""
    deciding = scope.deciding(certificates)
    if deciding:
        label = None if deciding.passed else _unverified(f"the {_named(deciding)} failed: {deciding.verdict}").label
        return Parity(label, summarise(deciding))
    told = [(one, misfits) for one in certificates if (misfits := scope.misfits(one))]
    if told:
        nearest, misfits = min(told, key=lambda one: len(one[1]))
        return _unverified(f"the {_named(nearest)} {', and '.join(misfits)}")
    pair = " and ".join(f"{one.title} ({one.framework}, {one.mode})" for one in scope.programs)
    gang = f" with {scope.workers} workers" if scope.workers > 1 else ""
    return _unverified(f"no parity certificate is stored for {pair} in {scope.precision} on {scope.programs[0].device}{gang}")


def _named(certificate: Certificate) -> str:
    return f"parity certificate of {when(certificate.created_at)}"


def _unverified(why: str) -> Parity:
    return Parity(Label(name="unverified", why=why))
