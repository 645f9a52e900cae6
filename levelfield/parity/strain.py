"""How much of its tolerance each layer took at each step: what a certificate keeps of all that was compared, bounded in size."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan
from typing import Any, NamedTuple, Self

from levelfield.parity.comparison import Difference
from levelfield.parity.experiment import Part
from levelfield.parity.tensors import kind_of, layer_of

COLUMNS = 40  # of more steps, several share a column
Judged = tuple[Difference, float]  # with what was allowed


class Cell(NamedTuple):
    """The tensor of a layer that took most of its tolerance within the steps ``first`` to ``last``; it did so at ``step``, counted from 0.

    ``layer`` is None for the loss.
    """

    layer: str | None
    first: int
    last: int
    step: int
    tensor: str
    relative: float
    tolerance: float

    @property
    def within(self) -> bool:
        """Whether it stayed within its tolerance; what is not a number did not."""
        return self.relative <= self.tolerance

    @property
    def share(self) -> float:
        """How much of its tolerance it took; infinite where the difference is infinite or not a number."""
        return share_of(self.relative, self.tolerance)


@dataclass(frozen=True, kw_only=True)
class LayerStrain:
    """Of a layer, or of the loss (None), column by column: how far apart its furthest tensor was, None where none was compared.

    ``which`` says which of ``tensors`` that was, ``at`` at which of the column's steps.
    """

    layer: str | None
    tensors: tuple[str, ...]
    relative: tuple[float | None, ...]
    which: tuple[int, ...]
    at: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Strain:
    """One kind of tensors in one part; layers stand in the order of the network, the loss behind them.

    ``tolerances`` are by step, counted from 0, of the steps that were compared; a column holds ``width`` of them. Differences
    have three digits, but never cross their tolerance by that. ``exact`` as in `Difference`.
    """

    part: Part
    kind: str
    exact: bool
    width: int
    tolerances: Mapping[int, float]
    layers: tuple[LayerStrain, ...]

    def cells(self) -> Iterator[Cell]:
        """Layer by layer, of each its columns in their order."""
        for one in self.layers:
            for column, (relative, which, at) in enumerate(zip(one.relative, one.which, one.at, strict=True)):
                if relative is not None:
                    first = column * self.width
                    step = first + at
                    last = first + self.width - 1
                    yield Cell(one.layer, first, last, step, one.tensors[which], relative, self.tolerances[step])

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it. Of a layer with one tensor, or columns of one step, it goes without saying which."""
        return {
            "part": str(self.part),
            "kind": self.kind,
            "exact": self.exact,
            "width": self.width,
            "tolerances": {str(step): _number(limit) for step, limit in self.tolerances.items()},
            "layers": [_plain(one) for one in self.layers],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        tolerances = {int(step): float(limit) for step, limit in data["tolerances"].items()}
        layers = tuple(_layer_from(one) for one in data["layers"])
        return cls(**{**data, "part": Part(data["part"]), "tolerances": tolerances, "layers": layers})


def share_of(relative: float, tolerance: float) -> float:
    """The share of a tolerance, which is above 0; infinite for what is not a number."""
    share = relative / tolerance
    return inf if isnan(share) else share


def strains(judged: Iterable[Judged], layers: Sequence[str], steps: int) -> tuple[Strain, ...]:
    """What is kept of all differences of an experiment of so many steps, each with its tolerance, in the order in which they come.

    ``layers``: all names in the order of the network.
    """
    groups: dict[tuple[Part, str, bool], list[Judged]] = {}
    for one in judged:
        difference, _ = one
        groups.setdefault((difference.part, kind_of(difference.tensor), difference.exact), []).append(one)
    width = -(-steps // COLUMNS)
    return tuple(_strain(key, found, layers, width) for key, found in groups.items())


def _strain(key: tuple[Part, str, bool], group: Sequence[Judged], layers: Sequence[str], width: int) -> Strain:
    part, kind, exact = key
    by_layer: dict[str | None, list[Judged]] = {}
    for one in group:
        by_layer.setdefault(layer_of(one[0].tensor), []).append(one)
    turns: dict[str | None, int] = {name: turn for turn, name in enumerate(layers)}
    columns = max(difference.step for difference, _ in group) // width + 1
    return Strain(
        part=part,
        kind=kind,
        exact=exact,
        width=width,
        tolerances={difference.step: limit for difference, limit in group},
        layers=tuple(
            _layer(name, by_layer[name], columns, width) for name in sorted(by_layer, key=lambda name: turns.get(name, len(turns)))
        ),
    )


def _layer(name: str | None, found: Sequence[Judged], columns: int, width: int) -> LayerStrain:
    tensors = tuple(dict.fromkeys(difference.tensor for difference, _ in found))
    worst: list[Judged | None] = [None] * columns
    for one in found:
        column = one[0].step // width
        before = worst[column]
        if before is None or _share(one) > _share(before):
            worst[column] = one
    return LayerStrain(
        layer=name,
        tensors=tensors,
        relative=tuple(None if one is None else _short(one[0].relative, one[1]) for one in worst),
        which=tuple(tensors.index(one[0].tensor) if one else 0 for one in worst),
        at=tuple(one[0].step % width if one else 0 for one in worst),
    )


def _share(judged: Judged) -> float:
    difference, limit = judged
    return share_of(difference.relative, limit)


def _short(relative: float, limit: float) -> float:
    """Three digits, unless that would put it on the other side of its limit."""
    rounded = float(f"{relative:.2e}")
    return rounded if (rounded <= limit) == (relative <= limit) else relative


def _plain(one: LayerStrain) -> dict[str, Any]:
    relative = [None if value is None else _number(value) for value in one.relative]
    told = {"layer": one.layer, "tensors": list(one.tensors), "relative": relative}
    return told | {name: list(numbers) for name, numbers in (("which", one.which), ("at", one.at)) if any(numbers)}


def _number(value: float) -> float | str:
    """JSON has no number for what is not finite."""
    return value if isfinite(value) else str(value)


def _layer_from(data: Mapping[str, Any]) -> LayerStrain:
    relative = tuple(None if value is None else float(value) for value in data["relative"])
    none = [0] * len(relative)
    which, at = (tuple(data.get(name, none)) for name in ("which", "at"))
    return LayerStrain(layer=data["layer"], tensors=tuple(data["tensors"]), relative=relative, which=which, at=at)
