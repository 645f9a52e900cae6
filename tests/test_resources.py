"""A run's process takes as many cores as threads, keeps to them, and says so."""

import json
import os
import subprocess
import sys

import pytest

from levelfield.report.labels import resource_labels
from levelfield.report.runs import read_runs
from tests.report.study_factory import frames

TAKE = """
import json, os, sys
from levelfield.run import take_cores
cores = take_cores(int(sys.argv[1]) if len(sys.argv) > 1 else None)
names = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "MKL_NUM_THREADS")
print(json.dumps([cores, sorted(os.sched_getaffinity(0)), {name: os.environ[name] for name in names}]))
"""
OFFERED = sorted(os.sched_getaffinity(0))


def take(*arguments):
    return subprocess.run([sys.executable, "-c", TAKE, *arguments], capture_output=True, text=True, check=False)


def test_a_process_confines_itself_to_one_core_for_each_thread():
    cores, allowed, variables = json.loads(take("1").stdout)
    assert cores == allowed == OFFERED[:1]
    assert variables == {"OMP_NUM_THREADS": "1", "OMP_PROC_BIND": "false", "MKL_NUM_THREADS": "1"}


def test_by_default_it_takes_all_that_it_may_use():
    cores, allowed, variables = json.loads(take().stdout)
    assert cores == allowed
    assert variables["OMP_NUM_THREADS"] == str(len(cores))


def test_more_threads_than_cores_are_refused():
    refused = take(str(len(OFFERED) + 1))
    assert refused.returncode == 1
    assert f"{len(OFFERED) + 1} threads were asked for, but this process may use only {len(OFFERED)} cores" in refused.stderr


@pytest.mark.parametrize(("violations", "labels"), [([], 0), (["4 threads computed where 2 were given"], 1)])
def test_a_run_that_took_more_labels_its_comparison(violations, labels):
    given = frames()
    given.runs.at[3, "environment"] = {"thread_use": {"violations": violations}}
    found = list(resource_labels(read_runs(given)))
    assert len(found) == labels
    for label in found:
        assert label.name == "unequal resources"
        assert "seed 1: 4 threads computed where 2 were given" in label.why
