"""A large store, made up, and how fast the report is on it in a real browser.

.venv/bin/python bench/ui_store.py make STORE [--runs 10000] [--blocks 1270]
.venv/bin/python bench/ui_store.py time STORE

STORE is the path of a SQLite file or the URL of an empty PostgreSQL database. The store holds about 40 studies, one with a fifth of the
runs, with failures, repeated attempts, runs that a noise gate found invalid, duels, predictions and several versions of the frameworks.
`time` needs Debian's package chromium; it starts ``python -m ui`` and prints what docs/benchmarks/ui.md shows.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.ui_store_runs import Plan, studies
from bench.ui_store_timing import measure
from bench.ui_store_writing import Writer


def main() -> int:
    """Make or time; the exit status of `time` is 1 where a limit was exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make")
    make.add_argument("store")
    make.add_argument("--runs", type=int, default=10_000)
    make.add_argument("--blocks", type=int, default=1270, help="of a run that is timed block by block")
    timing = commands.add_parser("time")
    timing.add_argument("store")
    timing.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    if options.command == "time":
        return 0 if measure(options.store, options.repetitions) else 1
    began = time.perf_counter()
    with Writer(options.store) as writer:
        for study in studies(Plan(runs=options.runs, blocks=options.blocks)):
            writer.add(study)
            print(f"{time.perf_counter() - began:6.1f} s  {study.record.id}: {len(study.runs)} runs", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
