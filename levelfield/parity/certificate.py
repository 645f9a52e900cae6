"""The certificate: what was compared, how far it was apart, what was allowed, and the first layer and step that diverge."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Self

from levelfield import workloads
from levelfield.parity.experiment import Part
from levelfield.parity.reduced import is_reduced
from levelfield.parity.strain import Strain
from levelfield.parity.tensors import kind_of, layer_of
from levelfield.parity.tolerance import OWN_FACTOR, SHARP, Tolerance


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

    ``tolerance`` is what was allowed at that step; ``failed_at`` is the first step beyond its tolerance, if any. ``exact``: in fp64, of a
    certificate in another precision.
    """

    part: Part
    tensor: str
    absolute: float
    relative: float
    step: int
    tolerance: float
    failed_at: int | None
    exact: bool = False

    @property
    def kind(self) -> str:
        """output, loss, gradient or parameter."""
        return kind_of(self.tensor)

    @property
    def where(self) -> str:
        """The part, and whether it was done in fp64."""
        return f"{self.part}, in fp64" if self.exact else str(self.part)

    @property
    def layer(self) -> str | None:
        """The layer that the tensor belongs to; the loss belongs to none."""
        return layer_of(self.tensor)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Two workers on one workload. Steps are counted from 0; ``created_at`` is ISO 8601 in UTC.

    ``sharp_steps`` is for how many steps from the first the tolerances stay below `SHARP`: from there on rounding alone has driven each
    framework so far from itself that little can be told. ``earlier`` says what became of other
    seeds that were tried, too (see `levelfield.parity.attempts`). ``learning_rate`` is None in certificates that did not record it yet.
    ``workers``: how many ranks each side was. ``strains`` says layer by layer and step by step how much of the tolerances was taken; it is
    empty in certificates that did not keep it yet.
    """

    workload: str
    track: str
    precision: str
    batch_size: int
    learning_rate: float | None
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
    workers: int = 1
    strains: tuple[Strain, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every tensor stayed within its tolerance at every step."""
        return self.first_divergence is None

    @property
    def verdict(self) -> str:
        """One sentence."""
        return self._agreement() if self.first_divergence is None else self._divergence(self.first_divergence)

    def _agreement(self) -> str:
        rows = [row for row in self.rows if not row.exact] or self.rows
        worst = max(rows, key=lambda row: row.relative / row.tolerance)
        if is_reduced(self.precision):
            return (
                f"{self._names} compute the same function in fp64, and in {self.precision} err alike: in one step of "
                f"{self._workload} their errors against fp64 are within a factor of {worst.relative:.2g} of each other "
                f"({worst.tensor}; allowed {worst.tolerance:g})"
            )
        return (
            f"{self._names} compute the same function: over {self.steps} steps of {self._workload} in {self.precision} every tensor stayed "
            f"within its tolerance, nearest to it {worst.tensor} with {worst.relative:.1e} of {worst.tolerance:.0e} at step "
            f"{worst.step + 1}{self._blunt()}{self._shown()}"
        )

    def _shown(self) -> str:
        exact = [row for row in self.rows if row.exact]
        if not exact:
            return ""
        worst = max(exact, key=lambda row: row.relative)
        return f"; in fp64 the first steps agree within {worst.relative:.1e} ({worst.tensor}; allowed {worst.tolerance:.0e})"

    def _blunt(self) -> str:
        if self.sharp_steps == self.steps:
            return ""
        return (
            f"; from step {self.sharp_steps + 1} on, rounding alone drives each framework further than {SHARP / OWN_FACTOR:.0e} from itself"
        )

    @property
    def _workload(self) -> str:
        """With its size, where a certificate is made at another one than runs are."""
        known = workloads.find(self.workload)
        if known is None or known.small is None:
            return self.workload
        return f"{self.workload} (inputs of {' by '.join(map(str, known.small.input_shape))}, batch {self.batch_size})"

    def _divergence(self, row: Row) -> str:
        where = f"layer {row.layer}" if row.layer else "the loss"
        return (
            f"{self._names} diverge first at step {(row.failed_at or 0) + 1}, {where}: {row.kind} {row.tensor.partition('/')[2]} "
            f"({row.where}), {self._measured(row)}"
        )

    def _measured(self, row: Row) -> str:
        if row.part is Part.DRAWN:
            return "at least one of them does not drop as the workload says: the share kept, their scale, or one mask for all time steps"
        ratio = is_reduced(self.precision) and not row.exact
        return f"{'ratio of the errors' if ratio else 'relative difference'} {row.relative:.1e}, allowed {row.tolerance:.0e}"

    @property
    def _names(self) -> str:
        gang = f", {self.workers} workers each," if self.workers > 1 else ""
        return " and ".join(f"{side.framework} ({side.mode})" for side in self.sides) + gang

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it: an infinite difference is the string "inf"."""
        first = self.first_divergence and _plain(self.first_divergence)
        widest = {kind: _plain(tolerance) for kind, tolerance in self.tolerances.items()}
        rows, strains = [_plain(row) for row in self.rows], [strain.to_dict() for strain in self.strains]
        return {**asdict(replace(self, strains=())), "tolerances": widest, "rows": rows, "first_divergence": first, "strains": strains}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; lists stand for tuples where JSON has been in between."""
        values = dict(data)
        values["sides"] = tuple(CertifiedSide(**side) for side in data["sides"])
        values["tolerances"] = {kind: Tolerance(**{**t, "value": float(t["value"])}) for kind, t in data["tolerances"].items()}
        values["rows"] = tuple(_row(row) for row in data["rows"])
        values["learning_rate"] = data.get("learning_rate")
        values["earlier"] = tuple(data["earlier"])
        values["first_divergence"] = _row(data["first_divergence"]) if data["first_divergence"] else None
        values["strains"] = tuple(Strain.from_dict(one) for one in data.get("strains", ()))
        return cls(**values)


def _plain(part: Row | Tolerance) -> dict[str, Any]:
    """JSON has no number for what is not finite: it is written as text, which `from_dict` makes a number again."""
    return {name: str(value) if isinstance(value, float) and not isfinite(value) else value for name, value in asdict(part).items()}


def _row(data: Mapping[str, Any]) -> Row:
    measured = {name: float(data[name]) for name in ("absolute", "relative", "tolerance")}
    return Row(**{**data, **measured, "part": Part(data["part"])})
