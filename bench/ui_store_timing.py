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
from dataclasses import dataclass
from pathlib import Path

from playwright import sync_api

from levelfield.store import Store

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("learning", "speed", "memory", "scaling", "predictions", "parity", "runs", "history", "launch")
FIRST_S, FILTER_S, MEMORY_MB = 2.0, 1.0, 600.0
READY = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return app && app.dataset.testScriptState === 'notRunning' && !document.querySelector('[data-stale="true"]')
    && document.querySelectorAll('.lf').length && !document.querySelector('[data-testid="stSkeleton"]')
    && [...document.querySelectorAll('.stPlotlyChart')].every(chart => chart.querySelector('.main-svg'));
}"""
WATCH = """() => { window.lfRan = false; const app = document.querySelector('[data-testid="stApp"]');
  new MutationObserver(() => { if (app.dataset.testScriptState === 'running') window.lfRan = true; }).observe(app, {attributes: true}); }"""
Act = Callable[[sync_api.Page], None]


@dataclass(frozen=True)
class Taken:
    """Seconds that a visitor waited, and seconds of processor time that the report's process took meanwhile."""

    wall: float
    server: float


@dataclass(frozen=True)
class Visitor:
    """A browser's window at the report, whose process has this id."""

    page: sync_api.Page
    address: str
    pid: int

    def open(self, path: str) -> Taken:
        """From asking for a page, as if a link had been followed, until the script has ended and everything is drawn."""
        return self._timed(lambda: self.page.goto(f"{self.address}/{path}"), READY)

    def act(self, what: Act) -> Taken:
        """From doing something on a page until the script that it started has ended and everything is drawn."""
        self.page.evaluate(WATCH)
        return self._timed(lambda: what(self.page), f"() => window.lfRan && ({READY})()")

    def _timed(self, what: Callable[[], object], until: str) -> Taken:
        used, began = _processor_s(self.pid), time.perf_counter()
        what()
        self.page.wait_for_function(until, timeout=120_000)
        taken = Taken(time.perf_counter() - began, _processor_s(self.pid) - used)
        assert self.page.locator(".stException").count() == 0, self.page.locator(".stException").first.inner_text()
        return taken


def measure(store: str, repetitions: int) -> bool:
    """Print a line for each figure; whether all are within their limits."""
    print(f"load of the machine before: {', '.join(f'{load:.1f}' for load in os.getloadavg())} on {os.cpu_count()} cores")
    with _served(store) as (address, pid), sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        visitor = Visitor(browser.new_page(viewport={"width": 1280, "height": 1000}), address, pid)
        within = [_told(*one) for one in _pages(visitor, _large(store), repetitions)]
        within += [_told(*one) for one in _filters(visitor, repetitions)]
        browser.close()
        now, most = (_memory_mb(pid, name) for name in ("VmRSS", "VmHWM"))
        print(f"memory of the process: {now:.0f} MB now, {most:.0f} MB at most (limit {MEMORY_MB:.0f})")
    return all(within) and most <= MEMORY_MB


def _told(name: str, taken: list[Taken], limit: float) -> bool:
    walls, worst = [one.wall for one in taken], max(one.wall for one in taken)
    server = statistics.median(one.server for one in taken)
    print(
        f"{name}: {statistics.median(walls):.2f} s, at most {worst:.2f} of {len(taken)} (limit {limit:.0f}); server {server:.2f}",
        flush=True,
    )
    return worst <= limit


def _pages(visitor: Visitor, large: str, repetitions: int) -> Iterator[tuple[str, list[Taken], float]]:
    """The first page is that of a browser that has never been here, of a process that nobody has visited."""
    yield "first page of a new process in a new browser: Verdict of the newest study", [visitor.open("")], FIRST_S
    yield "the same again", [visitor.open("") for _ in range(repetitions)], FIRST_S
    yield "Verdict of the study with a fifth of the runs, the first time", [visitor.open(f"?study={large}")], FIRST_S
    yield "the same again", [visitor.open(f"?study={large}") for _ in range(repetitions)], FIRST_S
    for name in PAGES:
        yield f"page {name} of that study, the first time", [visitor.open(f"{name}?study={large}")], FIRST_S
        yield "the same again", [visitor.open(f"{name}?study={large}") for _ in range(repetitions)], FIRST_S


def _filters(visitor: Visitor, repetitions: int) -> Iterator[tuple[str, list[Taken], float]]:
    """What a visitor does on the pages Runs and History, one thing after the other."""
    for path, acts in (("runs", _RUNS), ("history", _HISTORY)):
        found: dict[str, list[Taken]] = {name: [] for name in acts}
        for _ in range(repetitions):
            visitor.open(path)
            for name, act in acts.items():
                found[name].append(visitor.act(act))
        for name, taken in found.items():
            yield f"filter on {path}: {name}", taken, FILTER_S


def _large(url: str) -> str:
    """The id of the study with the most runs."""
    with Store.open(url, read_only=True) as store:
        counts = {study: sum(found.values()) for study, found in store.counts().items()}
    return max(counts, key=counts.__getitem__)


def _segment(label: str) -> Act:
    return lambda page: page.get_by_test_id("stButtonGroup").get_by_text(label, exact=True).click()


def _box(label: str, option: str) -> Act:
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


def _processor_s(pid: int) -> float:
    """Of all threads of a process, since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int, name: str) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024
