"""Which seed a certificate comes from.

In fp32 a single ReLU or maximum that flips by rounding can grow into anything within some steps of Adam. Tolerances follow the divergence
of each framework from itself, but where the first flip of all is one between the two frameworks, they fail without being different
functions. Whether that happens depends on the seed, while a different function shows whatever the seed: so another seed is tried before the
two are said to differ. In fp64 nothing flips, and one seed decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from levelfield.parity.certificate import Certificate

SEEDS = 3


def first_passed(make: Callable[[int], Certificate], seeds: Sequence[int]) -> Certificate:
    """The certificate of the first seed that passes; the first one's where none does. It tells what became of the others."""
    tried: list[Certificate] = []
    for seed in seeds:
        tried.append(make(seed))
        if tried[-1].passed or tried[-1].precision == "fp64":
            break
    chosen = tried[-1] if tried[-1].passed else tried[0]
    return replace(chosen, earlier=tuple(f"seed {c.seed}: {c.verdict}" for c in tried if c is not chosen))
