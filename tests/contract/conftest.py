"""Options of the contract suite and the cases that they choose: every rule in the default mode, and a few in each other mode."""

import os
from pathlib import Path

import pytest

from levelfield.run import load_worker
from levelfield.services import Service, discover
from tests.contract.harness import MakeWorker
from tests.contract.rules import RULES, Rule


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--service", required=True, help="the framework's name or the service's folder")
    parser.addoption("--mode", help="a mode of its service.toml; left out, every mode")
    parser.addoption("--device", default="cpu", help="cpu or cuda")
    parser.addoption("--all-rules", action="store_true", help="check every rule in every mode, however long it compiles")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    service, options = _service(metafunc.config), metafunc.config.option
    modes = [options.mode] if options.mode else sorted(service.modes, key=lambda mode: mode != service.default_mode)
    cases = [
        pytest.param(mode, rule, id=f"{mode}-{rule.name}")
        for mode in modes
        for rule in RULES
        if rule.every_mode or mode == service.default_mode or options.all_rules
    ]
    metafunc.parametrize(("mode", "rule"), cases)


@pytest.fixture
def make_worker(request: pytest.FixtureRequest, mode: str, rule: Rule) -> MakeWorker:
    device = request.config.option.device
    if rule.without_gpu and (device != "cpu" or _sees_a_gpu()):
        pytest.skip("this machine has a GPU; CUDA_VISIBLE_DEVICES= hides it")
    return MakeWorker(factory=load_worker(_service(request.config)), mode=mode, device=device)


def _sees_a_gpu() -> bool:
    """Asked without any framework; an empty ``CUDA_VISIBLE_DEVICES`` hides every GPU."""
    return Path("/dev/nvidiactl").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def _service(config: pytest.Config) -> Service:
    """Raises UsageError for a service, a mode or a device that does not exist."""
    options, services = config.option, discover()
    found = [service for service in services.values() if options.service in (service.name, service.folder.name)]
    if not found:
        raise pytest.UsageError(f"no service {options.service!r}; there are: {', '.join(services)}")
    if options.mode and options.mode not in found[0].modes:
        raise pytest.UsageError(f"{found[0].name} has no mode {options.mode!r}; it has: {', '.join(found[0].modes)}")
    if options.device not in found[0].devices:
        raise pytest.UsageError(f"{found[0].name} offers no device {options.device!r}; it offers: {', '.join(found[0].devices)}")
    return found[0]
