"""A run that finds no memory says so, with the peak; the others go on."""

import shutil
from collections import Counter

import pytest

from levelfield.result import Status
from levelfield.services import ROOT, discover
from levelfield.store import Store
from tests.platform_process import Platform
from tests.services import write_service


def runs_of(platform):
    with Store.open(str(platform.results / "levelfield.db"), read_only=True) as store:
        return store.runs(store.study("latest").id)


def test_the_others_go_on(tmp_path):
    platform = Platform(tmp_path)
    write_service(tmp_path / "services", "hungry", worker="tests.misbehaving_workers:RunsOutOfMemory")
    output = platform.run("run", platform.study(["hungry", "fake_b"], seeds=2, bursts=2), expect=1)
    runs = runs_of(platform)
    assert Counter(run.result.status for run in runs) == {Status.OK: 3, Status.FAILED: 1}
    [failure] = [run.result.failure for run in runs if run.result.failure]
    assert failure.reason.startswith("out of memory, peak ")
    assert "MiB of the process: MemoryError: Unable to allocate" in failure.reason
    assert "out of memory, peak" in output


@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_a_frameworks_own_words_are_understood(tmp_path, framework):
    """A service that is the framework's, but for a worker that asks for more than there is."""
    service = discover()[framework]
    assert service.ready, f"{service.title} has no environment: {service.setup_command}"
    platform = Platform(tmp_path)
    folder = tmp_path / "services" / f"hungry_{framework}_worker"
    folder.mkdir()
    described = next(file for file in (ROOT / "services").glob("*/service.toml") if f'name = "{framework}"' in file.read_text())
    shutil.copy(described, folder)
    file = folder / "service.toml"
    text = file.read_text().replace(
        f'name = "{framework}"', f'name = "hungry_{framework}"\npython = "{service.python}"\nworkloads = ["digits_cnn"]'
    )
    worker = next(line for line in text.splitlines() if line.startswith("worker = "))
    file.write_text(text.replace(worker, f'worker = "tests.hungry_{framework}:Hungry"'))
    platform.run("run", platform.study([f"hungry_{framework}"], seeds=1), expect=1)
    [run] = runs_of(platform)
    assert run.result.status is Status.FAILED
    assert run.result.failure.reason.startswith("out of memory, peak "), run.result.failure.reason
    assert run.result.memory_bytes["process_peak_rss"] > 2**26
