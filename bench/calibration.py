"""How often is a verdict on speed wrong, and how small a difference does it find? ``.venv/bin/python bench/calibration.py --help``.

``simulated``: duels of equal sides on a machine with drift, spikes, autocorrelated noise and a persistent bias of each process.
``measured STORE STUDY``: the pairs of a real duel of a program against itself, resampled as they are, centred, and with either process as
the first side, since both are the same program; effects by scaling.
The rules are in the methodology (8): of 1,000 repetitions at most so many may say `faster` as an exact binomial test at 5% allows.
"""

import argparse
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binom

from levelfield.report.runs import read_runs
from levelfield.result import STATUSES
from levelfield.stats import Outcome, speed_ratio, verdict, within_pair
from levelfield.store.frames import load

REPETITIONS, ROUNDS, MARGIN, SEED = 1000, 20, 0.03, 8
PAIRS = (5, 8, 10, 20, 25, 30)
EFFECTS = (0.01, 0.02, 0.05, 0.10)
# Methodology, rule 2: the two bursts of a round differ by 4%, the medians of two pairs by 3%. Half of the latter comes from the noise, so a
# process has a persistent bias of its own with the rest of it.
NOISE_SD, PROCESS_SD = 0.04 / 2**0.5, 0.023 / 2**0.5
DRIFT_SD, AUTOCORRELATION, SPIKE_SHARE, SPIKE = 0.02, 0.5, 0.05, 0.5
Pairs: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[int, np.random.Generator], Pairs]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("simulated", help="noise from a model")
    measured = commands.add_parser("measured", help="noise from a real duel of a program against itself")
    measured.add_argument("store", help="the store (path or database URL)")
    measured.add_argument("study", help="the study's id, or 'latest'")
    measured.add_argument("--and", nargs=2, action="append", default=[], dest="others", metavar=("STORE", "STUDY"), help="pairs of another")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    options = parser.parse_args()
    if options.command == "simulated":
        show("simulated pairs", simulated, options.repetitions)
        return
    found = np.concatenate([pairs_of(*study) for study in [(options.store, options.study), *options.others]])
    spread = f"{len(found)} pairs, mean {np.mean(found):+.4f}, sd {np.std(found, ddof=1):.4f} (logarithms)"
    show(f"measured pairs as they are: {spread}", lambda n, rng: rng.choice(found, n), options.repetitions)
    show("measured pairs, centred", lambda n, rng: rng.choice(found - found.mean(), n), options.repetitions)
    show(
        "measured pairs, either side first at random", lambda n, rng: rng.choice(found, n) * rng.choice((-1.0, 1.0), n), options.repetitions
    )


def show(title: str, draw: Draw, repetitions: int) -> None:
    """A table of error rates and power."""
    allowed = int(binom.isf(0.05, repetitions, 0.05))
    table = Table(title=f"{title}\n`faster` in {repetitions} repetitions (of equal sides at most {allowed}); power for each effect")
    for heading in ("pairs", "equal sides", *(f"{effect:.0%}" for effect in EFFECTS), "wrongly equivalent at the margin"):
        table.add_column(heading, justify="right")
    for n in PAIRS:
        rng = np.random.default_rng(SEED)
        samples = [draw(n, rng) for _ in range(repetitions)]
        wrong = faster(samples)
        powers = (f"{faster(one + np.log1p(effect) for one in samples) / repetitions:.0%}" for effect in EFFECTS)
        mark = f"[red]{wrong}[/]" if wrong > allowed else str(wrong)
        table.add_row(str(n), mark, *powers, str(equivalent(one + np.log1p(MARGIN) for one in samples)))
    Console(width=120).print(table)


def faster(samples: Iterable[Pairs]) -> int:
    """How many of the samples let the verdict name a faster side."""
    return sum(verdict(speed_ratio(list(one)), margin=MARGIN).favours is not None for one in samples)


def equivalent(samples: Iterable[Pairs]) -> int:
    """How many of the samples let the verdict call the sides equivalent."""
    return sum(verdict(speed_ratio(list(one)), margin=MARGIN).outcome is Outcome.EQUIVALENT for one in samples)


def simulated(n: int, rng: np.random.Generator) -> Pairs:
    """The median log ratios of ``n`` pairs of equal processes, shape (n,)."""
    return np.array([_one_pair(rng) for _ in range(n)])


def _one_pair(rng: np.random.Generator) -> float:
    drift = np.cumsum(rng.normal(0, DRIFT_SD, ROUNDS))
    a, b = (_process(drift, rng) for _ in range(2))
    return within_pair(dict(enumerate(a)), dict(enumerate(b))) or 0.0


def _process(drift: Pairs, rng: np.random.Generator) -> Pairs:
    """Speeds of one process by round, shape (rounds,)."""
    shocks = rng.normal(0, NOISE_SD * (1 - AUTOCORRELATION**2) ** 0.5, ROUNDS)
    noise = np.empty(ROUNDS)
    last = rng.normal(0, NOISE_SD)
    for at, shock in enumerate(shocks):
        noise[at] = last = AUTOCORRELATION * last + shock
    spikes = rng.random(ROUNDS) < SPIKE_SHARE
    return np.exp(rng.normal(0, PROCESS_SD) + drift + noise - SPIKE * spikes)


def pairs_of(store: str, study: str) -> Pairs:
    """The median log ratio of every pair of a stored duel of two sides whose duel counts, shape (pairs,). Raises SystemExit below two."""
    runs = [run for run in read_runs(load(study, store)) if run.latest and STATUSES[run.status].learning_counts]
    first, second = sorted({run.side for run in runs})
    sides = [{run.pair: run.bursts for run in runs if run.side == side} for side in (first, second)]
    logs = [within_pair(sides[0][pair], sides[1][pair]) for pair in sorted(sides[0].keys() & sides[1].keys())]
    found = np.array([log for log in logs if log is not None])
    if len(found) < 2:
        raise SystemExit("fewer than two pairs with a duel that counts")
    return found


if __name__ == "__main__":
    main()
