"""The store is away in mid-run, or its disk is full: nothing that was measured is lost or written twice."""

import os
import shutil
import subprocess
from collections import Counter
from contextlib import suppress

import pytest

from levelfield.result import Status
from levelfield.store import Store, StoreError
from tests.platform_process import Platform, wait_until
from tests.postgres import running
from tests.services import write_service

AWAY_S = 60


@pytest.fixture
def server():
    with running() as started:
        yield started


def ended(url):
    with Store.open(url, read_only=True) as store:
        [study] = store.studies()
        runs = Counter((run.planned.side, run.planned.spec.seed, run.result.status) for run in store.runs(study.id))
        return runs, Counter((duel.pair, duel.result.status) for duel in store.duels(study.id))


def test_results_wait_for_a_store_that_is_away_for_a_minute(tmp_path, server):
    platform, url = Platform(tmp_path), server.new_url()
    for side in ("slow_a", "slow_b"):
        write_service(tmp_path / "services", side, worker="tests.misbehaving_workers:Slow")
    process = platform.start("run", platform.study(["slow_a", "slow_b"], seeds=3, epochs=8, bursts=2), "--store", url)
    logs, unrecorded = platform.results / "logs", platform.results / "unrecorded"
    wait_until(lambda: len(list(logs.glob("*/*-slow_b-1.log"))) == 1, timeout_s=60, what="the first pair's second run")
    server.stop()
    try:
        wait_until(lambda: list(unrecorded.glob("*/*.json")), timeout_s=60, what="a result that waits on disk")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=AWAY_S)
    finally:
        server.start()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "cannot be used" in output
    assert "trying again" in output
    runs, duels = ended(url)
    assert runs == Counter({(side, seed, Status.OK): 1 for side in ("slow_a", "slow_b") for seed in range(3)})
    assert duels == Counter({(pair, Status.OK): 1 for pair in range(3)})
    assert list(unrecorded.glob("*/*.json")) == []


def test_an_orchestrator_that_dies_while_the_store_is_away_has_left_its_results_on_disk(tmp_path, server):
    platform, url = Platform(tmp_path), server.new_url()
    write_service(tmp_path / "services", "slow_a", worker="tests.misbehaving_workers:Slow")
    process = platform.start("run", platform.study(["slow_a"], seeds=2, epochs=8), "--store", url)
    wait_until(lambda: list((platform.results / "logs").glob("*/*-slow_a-1.log")), timeout_s=60, what="the first run")
    server.stop()
    try:
        wait_until(lambda: list((platform.results / "unrecorded").glob("*/*.json")), timeout_s=60, what="a result that waits on disk")
        process.kill()
        process.communicate(timeout=30)
    finally:
        server.start()
    platform.run("resume", "latest", "--store", url)
    runs, _ = ended(url)
    # Where its lease had been renewed some seconds before, it counts; where nobody could ask the store any more, it is there, and repeated.
    once = [("slow_a", 0, Status.OK), ("slow_a", 1, Status.OK)]
    assert runs in (Counter(once), Counter([("slow_a", 0, Status.INVALID), *once]))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 24 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount")
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False).returncode
    ):
        pytest.skip("a disk of its own needs root, and leave to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(file):
    """To the last page."""
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while True:
            opened.write(bytes(4096))


def test_a_full_disk_is_told_and_what_is_done_is_intact(tmp_path, small_disk):
    platform = Platform(tmp_path)
    write_service(tmp_path / "services", "slow_a", worker="tests.misbehaving_workers:Slow")
    url = str(small_disk / "levelfield.db")
    process = platform.start("run", platform.study(["slow_a"], seeds=3, epochs=6), "--store", url)

    def recorded():
        with suppress(StoreError), Store.open(url, read_only=True) as store:  # it is being made
            return [run.result.status for study in store.studies() for run in store.runs(study.id)]

    wait_until(recorded, timeout_s=90, what="the first result")
    filler = small_disk / "filler"
    fill(filler)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 2, output
    assert "error: the store" in output
    assert "full" in output
    filler.unlink()
    done = recorded()
    assert done, "what was done before is there"
    assert set(done) == {Status.OK}
    platform.run("resume", "latest", "--store", url)
    assert recorded().count(Status.OK) == 3
