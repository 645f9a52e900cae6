"""The page in a real browser: it draws, nothing breaks, nothing scrolls sideways, nothing is fetched from elsewhere."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest
from playwright import sync_api

from levelfield.store import Store
from tests.ui.stores import APP, fill

CHROMIUM = shutil.which("chromium")


@contextmanager
def served(cwd):
    """The page's address, served from another working directory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "127.0.0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(APP), *options], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


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


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: Debian's package chromium")
def test_in_a_browser(url, tmp_path):
    with Store.open(url) as store:
        fill(store)
    with served(tmp_path) as address, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (1440, 390):
            _look_at(browser, address, width)
        browser.close()


def _look_at(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    problems, foreign = [], []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on(
        "request", lambda request: foreign.append(request.url) if not request.url.startswith((address, "ws:", "data:", "blob:")) else None
    )
    page.goto(address)
    page.wait_for_selector(".lf-verdict", timeout=20_000)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 4", timeout=20_000)
    assert page.locator(".stException").count() == 0
    assert "study=digits-1" in page.url
    for element in ("document.documentElement", "document.querySelector('.stMain')"):
        assert page.evaluate(f"{element}.scrollWidth - {element}.clientWidth") <= 0
    assert problems == []
    assert foreign == []
    page.close()
