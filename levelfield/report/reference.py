"""Reference points for convergence: accuracies that runs with a workload's own settings reached, and where a new one may lie.

``reference.json`` is made from the runs in ``docs/reference`` by ``docs/reference/make.py``: ``{"format": 1, "references": [...]}``, each
with the fields of `Reference`.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from scipy.special import stdtrit  # scipy.stats has the same quantile, but takes a second to import

from levelfield.report.formats import percent
from levelfield.report.model import OutsideReference, Side
from levelfield.report.quantities import ACCURACY
from levelfield.report.runs import Run
from levelfield.stats import Interval, describe

FILE = Path(__file__).with_name("reference.json")
FORMAT = 1
LEVEL = 0.99
FEWEST = 3  # with two runs the interval is wider than any accuracy
PRECISIONS = ("fp32", "fp64")  # the reference runs are fp32; fewer digits may converge elsewhere


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Final test accuracies, shares of 1, of runs with the workload's own epochs, batch size and learning rate.

    ``framework`` is None where the track aligns the frameworks, so that their runs are pooled. ``machines`` are processors and threads.
    """

    workload: str
    track: str
    framework: str | None
    accuracies: tuple[float, ...]
    studies: tuple[str, ...]
    machines: tuple[str, ...]
    levelfield_versions: tuple[str, ...]
    data_fingerprints: tuple[str, ...]
    seeds: int | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """From JSON. Raises TypeError for unknown or missing fields."""
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
        return cls(**values)

    def is_for(self, run: Run) -> bool:
        """Whether a run is one that should reach these accuracies, and not one of those that made them."""
        same = (self.workload, self.track) == (run.workload, run.track) and self.framework in {None, run.framework}
        return same and run.own_settings and run.precision in PRECISIONS

    def interval(self, looks: int = 1) -> Interval | None:
        """Where each of ``looks`` new runs lies, all of them together in 99 of 100 cases; None with fewer than 3 runs or without spread.

        The prediction interval for one new observation of a normal distribution, mean ± t(1 - alpha/2, n - 1) sd sqrt(1 + 1/n), with
        alpha = 0.01 / ``looks`` after Bonferroni (Hahn and Meeker, Statistical Intervals, 1991, chapter 4). n is the number of seeds, also
        where two frameworks are pooled: two runs of one seed tell little more than one, without dropout nothing at all.
        """
        found = describe(self.accuracies)
        n = self.seeds or found.n
        if n < FEWEST or found.mean is None or not found.sd:
            return None
        quantile = float(stdtrit(n - 1, 1 - (1 - LEVEL) / looks / 2))
        half = quantile * found.sd * math.sqrt(1 + 1 / n)
        return Interval(max(0.0, found.mean - half), min(1.0, found.mean + half))


@cache
def packaged() -> tuple[Reference, ...]:
    """The reference points that come with this version."""
    return read(FILE)


def read(file: Path) -> tuple[Reference, ...]:
    """Raises ValueError for a format that this version does not know."""
    content = json.loads(file.read_text())
    if content["format"] != FORMAT:
        raise ValueError(f"{file.name} has format {content['format']}, known here: {FORMAT}")
    return tuple(Reference.from_dict(entry) for entry in content["references"])


def outside(side: Side, runs: Iterable[Run], references: Iterable[Reference], study_id: str) -> tuple[OutsideReference, ...]:
    """The latest runs of a side on one workload whose final accuracy is not what the reference lets expect."""
    latest = [run for run in runs if run.latest and run.value(ACCURACY) is not None]
    reference = next((one for one in references if study_id not in one.studies and latest and one.is_for(latest[0])), None)
    interval = reference.interval(len(latest)) if reference else None
    if reference is None or interval is None:
        return ()
    return tuple(found for run in latest if (found := _outside(side, run, reference, interval)))


def outside_text(found: OutsideReference) -> str:
    """What is said of such a run."""
    whose = f"{found.reference_runs} runs, {found.track}"
    data = "" if found.same_data else ", on other data"
    return (
        f"test accuracy of {found.side.title}, seed {found.seed}: {percent(found.accuracy, 1)}, outside the reference interval "
        f"{percent(found.low, 1)} to {percent(found.high, 1)} ({whose}{data})"
    )


def outside_notes(found: Sequence[OutsideReference]) -> list[str]:
    """A sentence for each such run."""
    return [f"{text[:1].upper()}{text[1:]}." for text in map(outside_text, found)]


def _outside(side: Side, run: Run, reference: Reference, interval: Interval) -> OutsideReference | None:
    accuracy = run.value(ACCURACY)
    if accuracy is None or interval.low <= accuracy <= interval.high:
        return None
    return OutsideReference(
        side=side,
        seed=run.seed,
        attempt=run.attempt,
        accuracy=accuracy,
        low=interval.low,
        high=interval.high,
        reference_runs=len(reference.accuracies),
        track=reference.track,
        same_data=run.data_fingerprint in reference.data_fingerprints,
    )
