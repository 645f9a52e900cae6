"""The certificate: what was compared, how far it was apart, what was allowed, and the first layer and step that diverge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple, Self

from levelfield.parity.comparison import Difference, Differences
from levelfield.parity.experiment import Experiment, Part
from levelfield.parity.reduced import is_reduced
from levelfield.parity.tensors import kind_of, layer_of
from levelfield.parity.tolerance import OWN_FACTOR, SHARP, Limits, Tolerance


@dataclass(frozen=True, kw_only=True)
class CertifiedSide:
    """One of the two workers. ``code`` is the hash of its sources and of its packages' versions."""

    framework: str
    mode: str
    device: str
    versions: Mapping[str, str]
    code: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """The furthest that one tensor went in one part, measured by what was allowed, and at which step (counted from 0).

    ``tolerance`` is what was allowed at that step; ``failed_at`` is the first step beyond its tolerance, if any.
    """

    part: Part
    tensor: str
    absolute: float
    relative: float
    step: int
    tolerance: float
    failed_at: int | None

    @property
    def kind(self) -> str:
        """output, loss, gradient or parameter."""
        return kind_of(self.tensor)

    @property
    def layer(self) -> str | None:
        """The layer that the tensor belongs to; the loss belongs to none."""
        return layer_of(self.tensor)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Two workers on one workload. Steps are counted from 0; ``created_at`` is ISO 8601 in UTC.

    ``sharp_steps`` is for how many steps from the first the tolerances stay below `SHARP`: from there on rounding alone has driven each
    framework so far from itself that little can be told. ``earlier`` says what became of other
    seeds that were tried before this one (see `levelfield.parity.attempts`).
    """

    workload: str
    track: str
    precision: str
    batch_size: int
    seed: int
    steps: int
    sides: tuple[CertifiedSide, CertifiedSide]
    data_fingerprint: str
    data_source: str
    created_at: str
    tolerances: Mapping[str, Tolerance]
    rows: tuple[Row, ...]
    first_divergence: Row | None
    sharp_steps: int
    earlier: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every tensor stayed within its tolerance at every step."""
        return self.first_divergence is None

    @property
    def verdict(self) -> str:
        """One sentence."""
        return self._agreement() if self.first_divergence is None else self._divergence(self.first_divergence)

    def _agreement(self) -> str:
        worst = max(self.rows, key=lambda row: row.relative / row.tolerance)
        if is_reduced(self.precision):
            return (
                f"{self._names} compute the same function as far as {self.precision} can tell: in one step of {self.workload} their errors "
                f"against fp64 are within a factor of {worst.relative:.2g} of each other ({worst.tensor}; allowed {worst.tolerance:g})"
            )
        return (
            f"{self._names} compute the same function: over {self.steps} steps of {self.workload} in {self.precision} every tensor stayed "
            f"within its tolerance, nearest to it {worst.tensor} with {worst.relative:.1e} of {worst.tolerance:.0e} at step "
            f"{worst.step + 1}{self._blunt()}"
        )

    def _blunt(self) -> str:
        if self.sharp_steps == self.steps:
            return ""
        return (
            f"; from step {self.sharp_steps + 1} on, rounding alone drives each framework further than {SHARP / OWN_FACTOR:.0e} from itself"
        )

    def _divergence(self, row: Row) -> str:
        where = f"layer {row.layer}" if row.layer else "the loss"
        measure = "ratio of the errors" if is_reduced(self.precision) else "relative difference"
        return (
            f"{self._names} diverge first at step {(row.failed_at or 0) + 1}, {where}: {row.kind} {row.tensor.partition('/')[2]} "
            f"({row.part}), {measure} {row.relative:.1e}, allowed {row.tolerance:.0e}"
        )

    @property
    def _names(self) -> str:
        return " and ".join(f"{side.framework} ({side.mode})" for side in self.sides)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it: an infinite difference is the string "inf"."""
        first = self.first_divergence and _plain(self.first_divergence)
        return {**asdict(self), "rows": [_plain(row) for row in self.rows], "first_divergence": first}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; lists stand for tuples where JSON has been in between."""
        values = dict(data)
        values["sides"] = tuple(CertifiedSide(**side) for side in data["sides"])
        values["tolerances"] = {kind: Tolerance(**tolerance) for kind, tolerance in data["tolerances"].items()}
        values["rows"] = tuple(_row(row) for row in data["rows"])
        values["earlier"] = tuple(data["earlier"])
        values["first_divergence"] = _row(data["first_divergence"]) if data["first_divergence"] else None
        return cls(**values)


def certify(
    experiment: Experiment, differences: Differences, sides: tuple[CertifiedSide, CertifiedSide], *, fingerprint: str, source: str
) -> Certificate:
    """The certificate of two recordings of ``experiment``, compared. ``fingerprint`` and ``source`` are those of the whole data set."""
    limits = Limits(experiment.spec.precision, differences.own)
    found = differences.in_order([layer.name for layer in experiment.workload.layers])
    judged = [_Judged(d, limits.at(d.part, d.step, kind_of(d.tensor))) for d in found]
    first = next((each for each in judged if each.failed), None)
    return Certificate(
        workload=experiment.workload.name,
        track=experiment.spec.track,
        precision=experiment.spec.precision,
        batch_size=experiment.spec.batch_size or experiment.workload.batch_size,
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
    )


class _Judged(NamedTuple):
    difference: Difference
    limit: float

    @property
    def failed(self) -> bool:
        return not self.difference.relative <= self.limit


def _rows(judged: Iterable[_Judged]) -> Iterable[Row]:
    groups: dict[tuple[Part, str], list[_Judged]] = {}
    for found in judged:
        groups.setdefault((found.difference.part, found.difference.tensor), []).append(found)
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
    )


def _plain(row: Row) -> dict[str, Any]:
    return {name: "inf" if value == inf else value for name, value in asdict(row).items()}


def _row(data: Mapping[str, Any]) -> Row:
    measured = {name: float(data[name]) for name in ("absolute", "relative", "tolerance")}
    return Row(**{**data, **measured, "part": Part(data["part"])})
