"""Several claims in one study: one is primary, the others share their error (methodology, rule 7)."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from levelfield.stats.effect import Effect, p_value
from levelfield.stats.equivalence import ALPHA, equivalence
from levelfield.stats.sequential import Levels, levels_at, refuse_later_pairs
from levelfield.stats.verdict import MINIMUM_PAIRS, Verdict, conclude

K = TypeVar("K", bound=Hashable)


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """The p values adjusted for their number, in the given order (Holm 1979, Scand. J. Stat. 6:65); None stays None and does not count.

    The i-th smallest of m becomes the largest of (m - j + 1) p_j over all j up to i, at most 1. Rejecting where that is below 5% rejects
    any true hypothesis in at most 5% of all families, however the tests depend on each other. Raises ValueError where one is not in [0, 1].
    """
    for p in p_values:
        if p is not None and not 0 <= p <= 1:
            raise ValueError(f"a p value lies between 0 and 1, got {p}")
    # statsmodels' multipletests does the same, but takes a second to import.
    present = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(present):
        least = max(least, min(1.0, (len(present) - rank) * p))
        adjusted[place] = least
    return tuple(adjusted)


def verdicts(effects: Mapping[K, Effect], margins: Mapping[K, float], *, primary: K) -> dict[K, Verdict]:
    """The verdicts on all claims of a study, which ends after a number of pairs fixed in advance.

    The primary claim is judged as by ``verdict``: a false statement about it is made in at most 5% of studies. At least one about any of
    the other claims is made in at most another 5%.

    The family of the others holds two hypotheses for each claim with at least 5 pairs: no effect, and an effect beyond the margin. Holm's
    procedure goes through all of them together. Two separate ones, of the differences and of the equivalences, would err in up to 10%: of
    two claims one may be without effect and the other beyond its margin. But no claim can be both, so with m claims at most m of the 2m
    hypotheses are true, and Holm's divisor is the number of claims of which not both hypotheses are rejected yet (Shaffer 1986, J. Am.
    Stat. Assoc. 81:826, procedure S2; Goeman and Solari 2010, Ann. Stat. 38:3782). It holds however the claims depend on each other, as
    comparisons of three sides do. For the same reason neither test of the primary claim pays for the other one.

    ``more`` is the number of pairs with which a claim is decided even if it is the first of its family. Raises ValueError where a claim
    has no margin or one that is not positive, or where there is no primary claim of that name.
    """
    return _judged(effects, margins, primary, lambda alpha: Levels(difference=alpha, equivalence=alpha, last=alpha))


def verdicts_at(effects: Mapping[K, Effect], margins: Mapping[K, float], *, primary: K, look: int, maximum: int) -> dict[K, Verdict]:
    """The same at a look (see ``verdict_at``) of a study that ends when its caller has seen enough, at ``maximum`` pairs at the latest.

    Each hypothesis spends its part of the error over the looks (Maurer and Bretz 2013, Stat. Biopharm. Res. 5:311), so that the rates of
    ``verdicts`` hold over all looks together, whichever claim ends the study. Raises ValueError as ``verdicts`` and ``verdict_at`` do.
    """
    for effect in effects.values():
        refuse_later_pairs(effect, look)
    return _judged(effects, margins, primary, lambda alpha: levels_at(look, maximum, alpha=alpha))


def _judged(effects: Mapping[K, Effect], margins: Mapping[K, float], primary: K, levels: Callable[[float], Levels]) -> dict[K, Verdict]:
    if primary not in effects:
        raise ValueError(f"the primary claim {primary!r} is not among the claims")
    if without := [key for key in effects if key not in margins]:
        raise ValueError(f"claims without a margin: {without}")
    others = [key for key, effect in effects.items() if key != primary and effect.n >= MINIMUM_PAIRS]
    found = dict.fromkeys(effects, (False, False))
    for family in ([primary], others):
        found.update(zip(family, _rejected([_p_values(effects[key], margins[key]) for key in family], levels), strict=True))
    share = {True: levels(ALPHA).last, False: levels(ALPHA / max(1, len(effects) - 1)).last}
    return {
        key: conclude(effect, margin=margins[key], differs=found[key][0], within=found[key][1], level=share[key == primary])
        for key, effect in effects.items()
    }


def _p_values(effect: Effect, margin: float) -> tuple[float, float]:
    """Of no effect and of an effect beyond the margin; 1 where there is nothing to test."""
    p, equivalence_p = p_value(effect), equivalence(effect, margin=margin).p
    return 1.0 if p is None else p, 1.0 if equivalence_p is None else equivalence_p


def _rejected(p_values: Sequence[tuple[float, float]], levels: Callable[[float], Levels]) -> list[tuple[bool, bool]]:
    """Which of the two hypotheses of each claim are rejected: step by step, as fewer and fewer of them can still be true."""
    p = np.array(p_values, dtype=np.float64).reshape(-1, 2)
    found: NDArray[np.bool_] = np.zeros(p.shape, dtype=np.bool_)
    while undecided := int((~found.all(axis=1)).sum()):
        level = levels(ALPHA / undecided)
        more = found | (p < (level.difference, level.equivalence))
        if (more == found).all():
            break
        found = more
    return [(bool(differs), bool(within)) for differs, within in found]
