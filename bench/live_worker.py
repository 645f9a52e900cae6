"""A live worker on a pipe: the half of `bench/spread.py` that runs in the service's own environment.

Its arguments are a service and a run as JSON. It says ``ready`` on standard output, and then, for each line on standard input, which is a
number of nanoseconds, the nanoseconds that a step took in a burst of at least that length.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from levelfield.result import RunResult, Status
from levelfield.run import Session
from levelfield.services import discover
from levelfield.spec import RunSpec


def main() -> None:
    """Raises RuntimeError where the worker does not get ready."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # frameworks print what they like
    session = Session(discover()[sys.argv[1]])
    for event in session.run(RunSpec.from_dict(json.loads(sys.argv[2])), before_ns={"process_start": 0}):
        if isinstance(event, RunResult) and event.status is not Status.OK:
            raise RuntimeError(event.failure)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        burst = session.burster.burst(int(line))
        print(burst.duration_ns / burst.steps, file=answers, flush=True)


if __name__ == "__main__":
    main()
