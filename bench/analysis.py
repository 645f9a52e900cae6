"""How long the verdicts of a large study take, and all of its report: 2,000 runs, made up, without reading them from a store.

.venv/bin/python bench/analysis.py [--runs 2000] [--repetitions 7]
"""

import argparse
import statistics
import time
from types import SimpleNamespace
from typing import Any

from levelfield.report.analysis import analyse
from levelfield.report.runs import read_runs
from levelfield.report.verdicts import Judged, judged, question_of
from tests.report.study_factory import frames

WORKLOADS = ("cifar10_cnn", "digits_cnn", "imdb_lstm", "newsgroups_mlp")
SIDES = 2


def main() -> None:
    """One study with all workloads, and one with a single workload, which has the longest comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--repetitions", type=int, default=7)
    options = parser.parse_args()
    for workloads in (WORKLOADS, WORKLOADS[:1]):
        given = frames(pairs=options.runs // SIDES // len(workloads), workloads=workloads)
        study = SimpleNamespace(**vars(given), steps=given.steps)  # which a store has at hand, and is made anew whenever it is asked there
        for name, work in (("verdicts", verdicts), ("whole report", analyse)):
            taken = []
            for _ in range(options.repetitions + 1):
                started = time.perf_counter()
                work(study)
                taken.append((time.perf_counter() - started) * 1e3)
            middle, most = statistics.median(taken[1:]), max(taken[1:])  # the first one also imports
            print(f"{name}: {options.runs} runs, {len(workloads)} workloads: {middle:.0f} ms, at most {most:.0f} of {options.repetitions}")


def verdicts(study: Any) -> Judged:
    """From raw values to the verdict on every claim."""
    runs = read_runs(study)
    return judged(question_of(study.study.study, runs), runs)


if __name__ == "__main__":
    main()
