"""Every real service keeps the contract, checked in its own environment."""

import os
import subprocess

import pytest

from levelfield.services import ROOT, discover

REAL = [service for service in discover().values() if service.folder.parent == ROOT / "services"]
TIMEOUT_S = 1500  # a tenth of it where nothing else runs; on a busy machine XLA alone may take a minute, and every rank of a gang imports


@pytest.mark.parametrize("service", REAL, ids=lambda service: service.name)
def test_service_keeps_the_contract(service):
    assert service.ready, f"the environment of {service.name} is missing; make it with: {service.setup_command}"
    command = [service.python, "-m", "pytest", "tests/contract", "--service", service.name, "-q", "-rs", "-p", "no:cacheprovider"]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "LEVELFIELD_SERVICES": ""}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert run.returncode == 0, f"{' '.join(map(str, command))}\n{run.stdout[-20_000:]}\n{run.stderr[-5_000:]}"
