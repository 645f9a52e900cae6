"""Which seed a certificate comes from.

In fp32 a single ReLU or maximum that flips by rounding can grow into anything within some steps of Adam. Tolerances follow the divergence
of each framework from itself, but where the first flip of all is one between the two frameworks, they fail without being different
functions. Whether that happens depends on the seed, so another seed is tried before the two are said to differ; and also where a seed
passes whose tolerances soon allow anything. What it cannot hide is a function that differs in its first forward pass, which no flip
explains: one such failure decides. It can hide one that differs only where values meet a threshold, and only with some seeds: that is told
from rounding in fp64, where nothing flips and one seed decides. So every certificate names the seeds that it was not made with.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from levelfield.parity.certificate import Certificate

SEEDS = 3


def first_passed(make: Callable[[int], Certificate], seeds: Sequence[int]) -> Certificate:
    """The first that passes and is sharp for half its steps or shows steps in fp64, else the sharpest that passes, else the first failure.

    It tells what became of the other seeds that were tried. A failure that no other seed can explain away is given at once.
    """
    tried: list[Certificate] = []
    for seed in seeds:
        tried.append(make(seed))
        if _is_sharp(tried[-1]) or _decides(tried[-1]):
            return _with_others(tried[-1], tried)
    passed = [one for one in tried if one.passed]
    return _with_others(max(passed, key=lambda one: one.sharp_steps) if passed else tried[0], tried)


def _is_sharp(one: Certificate) -> bool:
    """Or tells by steps in fp64 what those in fp32 could not."""
    shown = any(row.exact for row in one.rows)
    return one.passed and one.sharp_steps >= (1 if shown else one.steps // 2)


def _decides(one: Certificate) -> bool:
    """Whether it failed by what rounding and its growth cannot be the cause of."""
    first = one.first_divergence
    return first is not None and (one.precision != "fp32" or first.exact or (first.kind in {"output", "loss"} and first.failed_at == 0))


def _with_others(chosen: Certificate, tried: Sequence[Certificate]) -> Certificate:
    return replace(chosen, earlier=tuple(f"seed {one.seed}: {one.verdict}" for one in tried if one is not chosen))
