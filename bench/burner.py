"""Burns every core for half of the time while a command runs: does the noise gate keep its verdict?

    .venv/bin/python bench/burner.py [--seconds 30] -- .venv/bin/levelfield duel torch tensorflow --pairs 8

Burns for so many seconds, rests for as long, and so on until the command ends, whose exit status is given on.
"""

import argparse
import os
import subprocess
import sys
from itertools import cycle

BURN = [sys.executable, "-c", "while True: pass"]


def main() -> int:
    """Run the command beside the burners."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with subprocess.Popen(options.command) as process:
        for burns in cycle((True, False)):
            burners = [subprocess.Popen(BURN) for _ in os.sched_getaffinity(0)] if burns else []
            try:
                return process.wait(timeout=options.seconds)
            except subprocess.TimeoutExpired:
                continue
            finally:
                for burner in burners:
                    burner.kill()
                    burner.wait()
    return 1


if __name__ == "__main__":
    sys.exit(main())
