"""The audit: what is not equal between two sides of a comparison, from what their runs say (methodology, rules 5, 6 and 13)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from levelfield.report.aspects import COMPUTED, GROUPS, Account, Aspect, aspects, framework, text

SHOWN = 3  # different values of one side that are told; the others are counted


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An aspect in which the members of at least one pair differ, and what the runs of each side say of it."""

    aspect: str
    a: str
    b: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """An aspect that is equal in every pair. ``varies``: but not the same in all of them, as the initial weights of each seed are not."""

    aspect: str
    value: str
    group: str
    varies: bool


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Side ``a`` against side ``b``, each by its framework and versions. ``runs_a`` and ``runs_b`` have said how they computed.

    Where one of them is 0 nothing is known, so there are neither differences nor agreements.
    """

    a: str
    b: str
    runs_a: int
    runs_b: int
    differences: tuple[Difference, ...]
    equal: tuple[Agreement, ...]

    @property
    def known(self) -> bool:
        """Whether both sides have said anything."""
        return bool(self.runs_a and self.runs_b)

    @property
    def computed(self) -> list[Difference]:
        """The differences in what is computed, not only in how fast."""
        return [difference for difference in self.differences if difference.group in COMPUTED]


def audit(a: Mapping[int, Account], b: Mapping[int, Account]) -> Audit:
    """Compare what the runs of two sides say, by the number of their pair. A run that died before its network was built says nothing."""
    told = tuple({pair: account for pair, account in side.items() if account.description} for side in (a, b))
    found = list(_compare(*told)) if all(told) else []
    return Audit(
        a=_counted(Counter(map(framework, told[0].values()))),
        b=_counted(Counter(map(framework, told[1].values()))),
        runs_a=len(told[0]),
        runs_b=len(told[1]),
        differences=tuple(entry for entry in found if isinstance(entry, Difference)),
        equal=tuple(entry for entry in found if isinstance(entry, Agreement)),
    )


def _compare(a: Mapping[int, Account], b: Mapping[int, Account]) -> Iterator[Difference | Agreement]:
    """Every aspect that any run tells, group by group."""
    sides = [{pair: aspects(account) for pair, account in side.items()} for side in (a, b)]
    names = dict.fromkeys(aspect for side in sides for said in side.values() for aspect in said)
    for aspect in sorted(names, key=lambda name: list(GROUPS).index(name.group)):
        left, right = (_values(aspect, side) for side in sides)
        if not left or not right:
            continue
        if not _equal(left, right):
            yield Difference(aspect=aspect.name, a=_counted(_texts(aspect, left)), b=_counted(_texts(aspect, right)), group=aspect.group)
            continue
        varies = len({*left.values(), *right.values()}) > 1
        yield Agreement(aspect=aspect.name, value=_counted(_texts(aspect, left)), group=aspect.group, varies=varies)


def _values(aspect: Aspect, side: Mapping[int, Mapping[Aspect, Any]]) -> dict[int, Any]:
    """What each run of a side says of an aspect, by pair; None for one that does not say it, if that means anything."""
    said = {pair: run.get(aspect) for pair, run in side.items()}
    return said if aspect.absent else {pair: value for pair, value in said.items() if value is not None}


def _equal(a: Mapping[int, Any], b: Mapping[int, Any]) -> bool:
    """Pair by pair, because pairs are what is compared: runs may change cores from pair to pair if they do it together."""
    if together := a.keys() & b.keys():
        return all(a[pair] == b[pair] for pair in together)
    return set(a.values()) == set(b.values())


def _texts(aspect: Aspect, values: Mapping[int, Any]) -> Counter[str]:
    """How many runs say what; each different value is written once, and some of them are written alike."""
    found = Counter[str]()
    for value, runs in Counter(values.values()).items():
        found[str(aspect.absent) if value is None else text(value)] += runs
    return found


def _counted(texts: Counter[str]) -> str:
    """What all runs say; where they say different things, how many say what: "1 in 4 runs, 2 in 1 run"."""
    counts = texts.most_common()
    if len(counts) < 2:
        return "".join(said for said, _ in counts)
    shown = ", ".join(f"{said} in {runs} run{'' if runs == 1 else 's'}" for said, runs in counts[:SHOWN])
    return f"{shown} and {len(counts) - SHOWN} more" if len(counts) > SHOWN else shown
