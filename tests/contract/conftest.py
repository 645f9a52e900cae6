"""Options of the contract suite and the cases that they choose: every rule in the default mode, and a few in each other mode and track."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from levelfield import workloads
from levelfield.run import load_worker
from levelfield.services import Service, discover
from levelfield.tracks import TRACKS, Granularity
from levelfield.workloads.base import Workload
from tests.contract.harness import MakeEpochWorker, Maker, MakeWorker
from tests.contract.registry import only_digits
from tests.contract.rules import RULES, Rule
from tests.contract.synthetic import WORKLOAD

KINDS = {Granularity.STEP: MakeWorker, Granularity.EPOCH: MakeEpochWorker}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A rule in one place where it is checked."""

    rule: Rule
    track: str
    mode: str
    workload: Workload

    def __str__(self) -> str:
        return f"{self.track}-{self.mode}-{self.workload.name}-{self.rule.name}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--service", required=True, help="the framework's name or the service's folder")
    parser.addoption("--track", help="a track of its service.toml; left out, every track")
    parser.addoption("--mode", help="a mode of its service.toml; left out, every mode")
    parser.addoption("--workload", help="a workload that it offers; left out, every workload")
    parser.addoption("--device", default="cpu", help="cpu or cuda")
    parser.addoption("--all-rules", action="store_true", help="check every rule on every workload in every mode, however long it compiles")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    service, options = _service(metafunc.config), metafunc.config.option
    modes = [options.mode] if options.mode else sorted(service.modes, key=lambda mode: mode != service.default_mode)
    tracks = [options.track] if options.track else service.tracks
    names = [options.workload] if options.workload else service.workloads
    offered = [workloads.get(name).to_certify() for name in names]
    cases = [case for track in tracks for mode in modes for case in _cases(track, mode, offered)]
    chosen = cases if options.all_rules else [case for case in cases if _is_usual(case, service)]
    if not chosen:
        raise pytest.UsageError("no rule is usually checked there; --all-rules checks all that there are")
    metafunc.parametrize("case", chosen, ids=str)


def _cases(track: str, mode: str, offered: list[Workload]) -> Iterator[Case]:
    for rule in RULES:
        if rule.make is KINDS[TRACKS[track].granularity]:
            yield from (Case(rule=rule, track=track, mode=mode, workload=workload) for workload in offered if rule.workloads(workload))


def _is_usual(case: Case, service: Service) -> bool:
    """Of each other mode, and in the default mode of ``tuned`` beside ``matched``, only what shows that it computes the same."""
    other_mode, other_track = case.mode != service.default_mode, case.track == "tuned"
    if other_mode or other_track:
        return case.rule.every_mode and only_digits(case.workload) and not (other_mode and other_track)
    return True


@pytest.fixture
def make_worker(request: pytest.FixtureRequest, case: Case) -> Maker:
    device = request.config.option.device
    if case.rule.without_gpu and (device != "cpu" or _sees_a_gpu()):
        pytest.skip("this machine has a GPU; CUDA_VISIBLE_DEVICES= hides it")
    factory = load_worker(_service(request.config), case.track)
    return case.rule.make(factory=factory, workload=case.workload, track=case.track, mode=case.mode, device=device)


def _sees_a_gpu() -> bool:
    """Asked without any framework; an empty ``CUDA_VISIBLE_DEVICES`` hides every GPU."""
    return Path("/dev/nvidiactl").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def _service(config: pytest.Config) -> Service:
    """Raises UsageError for a service, or a track, mode, workload or device that it does not offer."""
    options, services = config.option, discover()
    found = next((service for service in services.values() if options.service in (service.name, service.folder.name)), None)
    if not found:
        raise pytest.UsageError(f"no service {options.service!r}; there are: {', '.join(services)}")
    for name in ("track", "mode", "workload", "device"):
        chosen, offered = getattr(options, name), getattr(found, f"{name}s")
        if chosen and chosen not in offered:
            raise pytest.UsageError(f"{found.name} offers no {name} {chosen!r}; it offers: {', '.join(offered)}")
    if WORKLOAD.name not in found.workloads:
        raise pytest.UsageError(f"{found.name} does not offer {WORKLOAD.name}, which most rules are checked on")
    return found
