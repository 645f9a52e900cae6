"""From two recordings, compared, to their certificate."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from levelfield.parity.certificate import Certificate, CertifiedSide, Row
from levelfield.parity.comparison import Difference, Differences
from levelfield.parity.experiment import Experiment, Part
from levelfield.parity.strain import strains
from levelfield.parity.tensors import kind_of
from levelfield.parity.tolerance import Limits


def certify(
    experiment: Experiment, differences: Differences, sides: tuple[CertifiedSide, CertifiedSide], *, fingerprint: str, source: str
) -> Certificate:
    """The certificate of two recordings of ``experiment``, compared. ``fingerprint`` and ``source`` are those of the whole data set."""
    limits = Limits(experiment.spec.precision, differences.own, shown_exactly=experiment.exact_steps > 0)
    layers = experiment.workload.layer_names()
    found = differences.in_order(layers)
    judged = [_Judged(d, limits.at(d.part, d.step, kind_of(d.tensor), exact=d.exact)) for d in found]
    first = next((each for each in judged if each.failed), None)
    return Certificate(
        workload=experiment.workload.name,
        track=experiment.spec.track,
        precision=experiment.spec.precision,
        batch_size=experiment.batch_size,
        learning_rate=experiment.spec.learning_rate or experiment.workload.optimizer.learning_rate,
        seed=experiment.spec.seed,
        steps=experiment.steps,
        sides=sides,
        data_fingerprint=fingerprint,
        data_source=source,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tolerances=limits.tolerances(experiment.parts, experiment.steps),
        rows=tuple(_rows(judged)),
        first_divergence=first and _row_of([first]),
        sharp_steps=limits.sharp_steps(experiment.parts, experiment.steps),
        workers=experiment.spec.workers,
        strains=strains(judged, layers, experiment.steps),
    )


class _Judged(NamedTuple):
    difference: Difference
    limit: float

    @property
    def failed(self) -> bool:
        return not self.difference.relative <= self.limit


def _rows(judged: Iterable[_Judged]) -> Iterable[Row]:
    groups: dict[tuple[bool, Part, str], list[_Judged]] = {}
    for found in judged:
        one = found.difference
        groups.setdefault((one.exact, one.part, one.tensor), []).append(found)
    yield from map(_row_of, groups.values())


def _row_of(group: Sequence[_Judged]) -> Row:
    """One tensor in one part."""
    worst = max(group, key=lambda found: found.difference.relative / found.limit)
    failed = (found.difference.step for found in group if found.failed)
    return Row(
        part=worst.difference.part,
        tensor=worst.difference.tensor,
        absolute=worst.difference.absolute,
        relative=worst.difference.relative,
        step=worst.difference.step,
        tolerance=worst.limit,
        failed_at=next(failed, None),
        exact=worst.difference.exact,
    )
