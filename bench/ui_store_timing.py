"""How long the report's pages take in a real browser, and what its process holds in memory, for `bench/ui_store.py`."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright import sync_api

from levelfield.store import Store

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("learning", "speed", "memory", "scaling", "predictions", "parity", "runs", "history", "launch")
FIRST_S, FILTER_S, MEMORY_MB = 2.0, 1.0, 600.0
READY = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return app && app.dataset.testScriptState === 'notRunning' && !document.querySelector('[data-stale="true"]')
    && document.querySelectorAll('.lf').length && !document.querySelector('[data-testid="stSkeleton"]');
}"""


def measure(store: str, repetitions: int) -> bool:
    """Print a line for each figure; whether all are within their limits."""
    with _served(store) as (address, pid), sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        within = [_told("first page after the start, Verdict of the newest study", [_open(browser, address)], FIRST_S)]
        again = [_open(browser, address) for _ in range(repetitions)]
        within.append(_told("Verdict again, by another visitor", again, FIRST_S))
        large = f"{address}/?study={_large(store)}"
        within.append(_told("Verdict of the study of a fifth of the runs, the first time", [_open(browser, large)], FIRST_S))
        within.append(_told("Verdict of that study, later", [_open(browser, large) for _ in range(repetitions)], FIRST_S))
        for name in PAGES:
            page = large.replace("/?", f"/{name}?")
            within.append(_told(f"page {name} of that study", [_open(browser, page) for _ in range(repetitions)], FIRST_S))
        for name, seconds in _filters(browser, address, repetitions).items():
            within.append(_told(f"filter: {name}", seconds, FILTER_S))
        browser.close()
        now, most = (_memory_mb(pid, name) for name in ("VmRSS", "VmHWM"))
        print(f"memory of the process: {now:.0f} MB now, {most:.0f} MB at most (limit {MEMORY_MB:.0f})")
    return all(within) and most <= MEMORY_MB


def _told(name: str, seconds: list[float], limit: float) -> bool:
    worst = max(seconds)
    print(f"{name}: {statistics.median(seconds):.2f} s, at most {worst:.2f} of {len(seconds)} (limit {limit:.0f})", flush=True)
    return worst <= limit


def _open(browser: sync_api.Browser, address: str) -> float:
    """Seconds from asking for a page, in a fresh tab, until the script has ended and all of it is drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(READY, timeout=120_000)
    seconds = time.perf_counter() - began
    assert page.locator(".stException").count() == 0, page.locator(".stException").first.inner_text()
    page.close()
    return seconds


def _large(url: str) -> str:
    """The id of the study with the most runs."""
    with Store.open(url, read_only=True) as store:
        counts = {study: sum(found.values()) for study, found in store.counts().items()}
    return max(counts, key=counts.__getitem__)


def _filters(browser: sync_api.Browser, address: str, repetitions: int) -> dict[str, list[float]]:
    """What a visitor does on the pages Runs and History, one thing after the other."""
    found: dict[str, list[float]] = {}
    for _ in range(repetitions):
        page = browser.new_page(viewport={"width": 1280, "height": 1200})
        page.goto(f"{address}/runs")
        page.wait_for_function(READY, timeout=60_000)
        for name, act in _RUNS.items():
            found.setdefault(f"Runs, {name}", []).append(_seconds(page, act))
        page.goto(f"{address}/history")
        page.wait_for_function(READY, timeout=60_000)
        for name, act in _HISTORY.items():
            found.setdefault(f"History, {name}", []).append(_seconds(page, act))
        page.close()
    return found


def _seconds(page: sync_api.Page, act: Callable[[sync_api.Page], None]) -> float:
    """From the click until the script that it started has ended."""
    page.evaluate(
        """() => { window.lfRan = false; const app = document.querySelector('[data-testid="stApp"]');
        new MutationObserver(() => { if (app.dataset.testScriptState === 'running') window.lfRan = true; })
          .observe(app, {attributes: true}); }"""
    )
    began = time.perf_counter()
    act(page)
    page.wait_for_function(f"() => window.lfRan && ({READY})()", timeout=60_000)
    assert page.locator(".stException").count() == 0, page.locator(".stException").first.inner_text()
    return time.perf_counter() - began


def _segment(label: str) -> Callable[[sync_api.Page], None]:
    return lambda page: page.get_by_test_id("stButtonGroup").get_by_text(label, exact=True).click()


def _box(label: str, option: str) -> Callable[[sync_api.Page], None]:
    """An option of a box, or a further one of a box of several."""

    def act(page: sync_api.Page) -> None:
        box = page.locator('[data-testid="stMultiSelect"], [data-testid="stSelectbox"]').filter(has_text=label).first
        box.locator("input").click()
        page.get_by_role("option", name=option).first.click()
        page.keyboard.press("Escape")  # a box of several stays open, and hides the others

    return act


_RUNS = {
    "all studies": _segment("All studies"),
    "a track": _box("Track", "matched"),
    "a status": _box("Status", "ok"),
    "a workload": _box("Workload", "CIFAR-10"),
    "sorted by accuracy": _box("Sort by", "accuracy"),
    "sorted by throughput": _box("Sort by", "throughput"),
    "sorted by memory": _box("Sort by", "memory"),
    "the other way round": _segment("Ascending"),
    "the second page": lambda page: page.get_by_test_id("stPagination").get_by_text("2", exact=True).click(),
}
_HISTORY = {
    "accuracy": _segment("test accuracy"),
    "speed ratio": _segment("speed ratio"),
    "over versions": _segment("version"),
}


@contextmanager
def _served(store: str) -> Iterator[tuple[str, int]]:
    """Address and process of the report on a store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "127.0.0.1"]
    environment = os.environ | {"LEVELFIELD_STORE": store, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ui", *options]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _memory_mb(pid: int, name: str) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024
