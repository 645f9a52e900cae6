"""How long a user waits: from `levelfield run` to the first training step, and to the verdict.

    .venv/bin/python bench/startup.py [--repetitions 3] [--study studies/quickstart.yaml]

Each repetition is a new process with an embedded cluster and a store of its own. The first step is timed from the store: when the first run
was begun, plus its phases before training. Run it on a quiet machine; the first repetition also reads the environments from the disk.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from levelfield.store import Store

BEFORE_TRAINING = ("process_start", "import", "data", "device", "build")


def measure(study: Path) -> dict[str, float]:
    """Seconds from the command to the first training step of the first run, and to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orchestrator.cli", "run", str(study), "--results", folder]
        began, clock = datetime.now(UTC), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - clock
        with Store.open(str(Path(folder, "levelfield.db")), read_only=True) as store:
            first = store.runs(store.study("latest").id)[0]
    before = sum(first.result.phases_ns.get(phase, 0) for phase in BEFORE_TRAINING) / 1e9
    return {
        "cluster_s": (first.started_at - began).total_seconds(),
        "first_step_s": (first.started_at - began).total_seconds() + before,
        "whole_s": whole,
        "first_framework": first.planned.spec.framework,
    }


def main() -> None:
    """Print one JSON line a repetition, with the machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--study", type=Path, default=Path("studies/quickstart.yaml"))
    options = parser.parse_args()
    print(json.dumps({"machine": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0))}))
    for _ in range(options.repetitions):
        print(json.dumps(measure(options.study)), flush=True)


if __name__ == "__main__":
    main()
