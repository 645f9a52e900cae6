"""Takes the picture of the report that the README shows: ``python docs/images/screenshot.py STORE_OR_URL report.png``.

A store is served for the moment; an http address is a report that already runs, with ``?study=ID`` for a study that is not the newest.
Needs playwright and the Debian package chromium.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

APP = Path(__file__).parents[2] / "ui" / "app.py"
WIDTH, HEIGHT = 1440, 2000
PATIENCE_S = 60


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Take the picture of the report.")
    parser.add_argument("source", help="a store (path or database URL), or the address of a running report")
    parser.add_argument("output", type=Path, help="the PNG file")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    given = parser.parse_args()
    with _address(given.source) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        scheme = "dark" if given.dark else "light"
        take(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme), address, given.output)
        browser.close()


def take(page: Page, address: str, output: Path) -> None:
    """From the top of the page to the end of the learning curves, once all charts are drawn."""
    page.goto(address)
    page.wait_for_selector(".lf-verdict", timeout=PATIENCE_S * 1000)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length >= 8", timeout=PATIENCE_S * 1000)
    page.wait_for_timeout(1500)  # the charts settle into their width
    end = page.get_by_text("Where the time goes").bounding_box()
    page.screenshot(path=output, clip={"x": 0, "y": 0, "width": WIDTH, "height": min(HEIGHT, end["y"] - 40) if end else HEIGHT})


@contextmanager
def _address(source: str) -> Iterator[str]:
    if source.startswith("http"):
        yield source
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless", "true", "--server.port", str(port)]
    server = subprocess.Popen(command, env=os.environ | {"LEVELFIELD_STORE": source}, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(health: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(health, timeout=1).close()  # noqa: S310  # our own server
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the report did not start")


if __name__ == "__main__":
    main()
