"""The page Runs in a real browser: rows are marked with the mouse, and the link shows a colleague the same."""

import re

import pytest

from levelfield.store import Store
from tests.ui.browsing import CHROMIUM, arrive, chromium, served, settled, watched
from tests.ui.stores import fill

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: Debian's package chromium")
ROW, BOX = 35, 17  # pixels: the height of a row, and where its box is in it


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The report over two studies."""
    folder = tmp_path_factory.mktemp("runs")
    url = str(folder / "levelfield.db")
    with Store.open(url) as store:
        fill(store, "old", seeds=3)
        fill(store, "new", seeds=3, hours=1, track="tuned")
    with served(folder, LEVELFIELD_STORE=url) as address, chromium() as browser:
        yield browser, address


def mark(page, row):
    """Click the box of a row of the table, counted from 0."""
    box = page.locator('[data-testid="stDataFrame"]').first.bounding_box()
    page.mouse.click(box["x"] + BOX, box["y"] + ROW * (row + 1) + BOX)


def test_runs_that_are_marked_are_compared_and_the_link_shows_the_same(site):
    browser, address = site
    with watched(browser, address) as page:
        arrive(page, f"{address}/runs?scope=all")
        mark(page, 0)
        page.wait_for_url(re.compile(r"runs=12(&|$)"))
        page.get_by_text("A second run is needed to compare.").wait_for()
        settled(page)
        mark(page, 8)
        page.wait_for_url(re.compile(r"runs=12(,|%2C)4(&|$)"))
        page.get_by_text("Phases of each run").first.wait_for()
        settled(page)
        link = page.url
        page.get_by_role("button", name="Clear", exact=True).click()
        page.wait_for_url(re.compile(r"^(?!.*runs=)"))
        page.get_by_text("Phases of each run").first.wait_for(state="detached")
        settled(page)
    with watched(browser, address, width=390, scheme="dark") as page:
        arrive(page, link)
        assert page.get_by_text("run 4 (PyTorch, seed 1)").count()
        assert page.get_by_text("run 12 (PyTorch, seed 2)").count()


def test_filters_stand_in_the_url(site):
    browser, address = site
    with watched(browser, address) as page:
        arrive(page, f"{address}/runs")
        page.get_by_test_id("stButtonGroup").get_by_text("All studies").click()
        page.get_by_text("12 runs: 12 ok.").wait_for()
        page.get_by_test_id("stMultiSelect").filter(has_text="Track").locator("input").click()
        page.get_by_role("option", name="tuned").click()
        page.keyboard.press("Escape")
        page.get_by_text("6 runs: 6 ok.").wait_for()
        assert {"scope=all", "track=tuned"} <= set(re.split("[?&]", page.url))
        settled(page)
