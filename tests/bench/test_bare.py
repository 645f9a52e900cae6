"""The bare loops compute what the workers compute, so that a ratio of their speeds speaks of the platform alone."""

import json
import subprocess

import pytest

from levelfield.services import ROOT, discover
from tests.bench.agreement import CASES

# In the same order the same operations round alike; images divided beforehand are rounded elsewhere.
TOLERANCE, PREPARED_TOLERANCE = 1e-13, 1e-11


@pytest.mark.parametrize("framework", ["tensorflow", "torch"])
def test_losses_and_parameters_agree_with_the_workers(framework, environment):
    service = discover()[framework]
    assert service.ready, f"the environment of {framework} is missing; make it with: {service.setup_command}"
    command = [service.python, "-m", "tests.bench.agreement", framework]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-5_000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[case[name] for name in ("workload", "track", "precision", "prepared")] for case in found] == [list(case) for case in CASES]
    for case in found:
        tolerance = PREPARED_TOLERANCE if case["prepared"] else TOLERANCE
        assert max(case["loss"], case["parameter"]) <= tolerance, case
