"""How long a user waits: from `levelfield run` to the first training step, and to the verdict.

    .venv/bin/python bench/startup.py [--repetitions 3] [--study studies/quickstart.yaml] [--running]

Each repetition is a new process with a store of its own, and makes no certificate. ``--running`` gives them one cluster that is there
already, else each starts its own. The first step is timed from the store: when the first run was begun, plus its phases before training.
Run it on a quiet machine; the first repetition also reads the environments from the disk.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from levelfield.services import discover
from levelfield.store import Store
from levelfield.study import read_study
from orchestrator.cluster import embedded

BEFORE_TRAINING = ("process_start", "import", "data", "device", "build")


def measure(study: Path, address: str | None) -> dict[str, float | str]:
    """Seconds from the command to the first training step of the first run, what of it was not the framework's import, and to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orchestrator.cli", "run", str(study), "--results", folder, "--no-certify"]
        command += ["--address", address] if address else []
        began, clock = datetime.now(UTC), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - clock
        with Store.open(str(Path(folder, "levelfield.db")), read_only=True) as store:
            first = store.runs(store.study("latest").id)[0]
    phases = {name: first.result.phases_ns.get(name, 0) / 1e9 for name in BEFORE_TRAINING}
    to_run = (first.started_at - began).total_seconds()
    return {
        "to_first_run_s": to_run,
        **{f"{name}_s": seconds for name, seconds in phases.items()},
        "first_step_s": to_run + sum(phases.values()),
        "beyond_import_s": to_run + sum(phases.values()) - phases["import"],
        "whole_s": whole,
        "first_framework": first.planned.spec.framework,
    }


def main() -> None:
    """Print one JSON line a repetition, with the machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--study", type=Path, default=Path("studies/quickstart.yaml"))
    parser.add_argument("--running", action="store_true", help="on a cluster that is there already")
    options = parser.parse_args()
    services = discover()
    used = {side.framework for side in read_study(options.study, services).frameworks}
    print(json.dumps({"machine": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0))}))
    with embedded(services[name] for name in sorted(used)) if options.running else nullcontext() as address:
        for _ in range(options.repetitions):
            measured = measure(options.study, address)
            print(json.dumps({key: value if isinstance(value, str) else round(value, 2) for key, value in measured.items()}), flush=True)


if __name__ == "__main__":
    main()
