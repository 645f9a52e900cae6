"""The report served as its users have it, and seen in a real browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright import sync_api

from tests.ui.stores import APP

CHROMIUM = shutil.which("chromium")
PAGES = [path.stem for path in sorted((APP.parent / "views").glob("*.py"))]
WIDTHS = (1280, 390)
PATIENCE_MS = 120_000  # a busy machine takes its time
# Where screenshots are kept, for whoever wants to look at them; in CI they are its artefacts.
SCREENSHOTS = Path(os.environ.get("LEVELFIELD_SCREENSHOTS", APP.parents[1] / "build" / "screenshots"))


@contextmanager
def served(cwd, **environment):
    """The page's address, served from another working directory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "127.0.0.1"]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=cwd, env=os.environ | environment, **quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def chromium():
    """A browser."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched(browser, address, *, width=1280, scheme="light"):
    """A browser's page on which nothing may go wrong: no console error, nothing from elsewhere, no exception, nothing clipped."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
    page = context.new_page()
    problems, foreign = [], []
    page.on("console", lambda message: problems.append(message.text) if _is_error(message) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    local = (address, address.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(local) else foreign.append(request.url))
    yield page
    assert page.locator(".stException, .lf-broken").count() == 0
    assert problems == []
    assert foreign == []
    assert_it_fits(page)
    context.close()


def assert_it_fits(page):
    """Nothing is wider than the window."""
    for element in ("document.documentElement", "document.querySelector('.stMain')"):
        assert page.evaluate(f"{element}.scrollWidth - {element}.clientWidth") <= 0, f"{page.url} scrolls sideways"


def seen_as(page, *, width, scheme):
    """The page in a window of another width, light or dark, as the reader's system says."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_selector(".stApp")
    is_dark = "Number(getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/)[0]) < 128"
    page.wait_for_function(is_dark if scheme == "dark" else f"!({is_dark})", timeout=PATIENCE_MS)


def settled(page):
    """Wait until the page has been drawn, its charts included."""
    page.wait_for_selector(".stMain .lf", timeout=PATIENCE_MS)
    page.wait_for_function("!document.querySelector('[data-test-script-state=\"running\"]')", timeout=PATIENCE_MS)
    page.wait_for_function(
        "[...document.querySelectorAll('.stPlotlyChart')].every(chart => chart.querySelector('.main-svg'))", timeout=PATIENCE_MS
    )
    page.wait_for_function("!document.querySelector('[data-testid=\"stSkeleton\"]')", timeout=PATIENCE_MS)  # tables that are not there yet
    page.wait_for_timeout(300)


def kept(page, name):
    """A screenshot of the whole page, at whatever height it has."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    height = page.evaluate("document.querySelector('.stMain').scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": max(900, min(height, 12_000))})
    page.wait_for_timeout(400)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def arrive(page, address):
    """Go to an address. Where the machine's networks change meanwhile, as containers come and go, Chromium ends what it was loading."""
    for _ in range(4):
        page.goto(address)
        with suppress(sync_api.TimeoutError):
            page.wait_for_selector(".stMain .lf", timeout=PATIENCE_MS)
            break
    settled(page)


def _is_error(message):
    """Streamlit looks for its server below the address of each page first, and at the root where that is not found."""
    is_expected = "/_stcore/" in message.location.get("url", "") or "ERR_NETWORK_CHANGED" in message.text
    return message.type == "error" and not is_expected


def _wait_for(address):
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "streamlit did not start"
            time.sleep(0.2)
        else:
            return
