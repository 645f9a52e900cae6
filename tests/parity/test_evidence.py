"""The certificates that the documentation shows: one for each workload and precision, all of them passed."""

import importlib.util
import json
from itertools import product

import pytest

from levelfield import workloads
from levelfield.parity.certificate import Certificate
from levelfield.services import ROOT

FOLDER = ROOT / "docs" / "parity"
WANTED = [f"{name}-{precision}" for name, precision in product(workloads.names(), ("fp32", "fp64"))]


def test_there_is_one_for_each_workload_and_precision():
    assert sorted(file.stem for file in FOLDER.glob("*.json")) == sorted(WANTED)


@pytest.mark.parametrize("name", WANTED)
def test_it_passed_over_twenty_steps_with_every_layer(name):
    certificate = Certificate.from_dict(json.loads((FOLDER / f"{name}.json").read_text()))
    assert certificate.passed
    assert f"{certificate.workload}-{certificate.precision}" == name
    assert certificate.steps == 20
    assert {side.framework for side in certificate.sides} == {"tensorflow", "torch"}
    layers = {row.layer for row in certificate.rows}
    assert set(workloads.get(certificate.workload).layer_names()) <= layers
    assert all(row.failed_at is None for row in certificate.rows)


def test_the_table_is_that_of_the_certificates():
    spec = importlib.util.spec_from_file_location("make_parity", FOLDER / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    readme = (FOLDER / "README.md").read_text()
    assert make.with_table(readme, FOLDER) == readme
