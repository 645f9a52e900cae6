"""Every page in a real browser, wide and narrow, light and dark, over the store of a study that was really run."""

import io
import re

import pandas as pd
import pytest

from levelfield.report.analysis import analyse
from levelfield.report.answers import answers
from levelfield.report.tables import workload_table
from levelfield.store import Store
from levelfield.store.frames import load
from tests.ui.browsing import CHROMIUM, PAGES, WIDTHS, assert_it_fits, chromium, kept, seen_as, served, settled, watched
from tests.ui.stores import fill

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: Debian's package chromium")
CHARTS = {"verdict": 1, "learning": 1, "speed": 3, "memory": 1, "scaling": 2}


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(real_store, tmp_path_factory):
    """The report over a real study's store."""
    with served(tmp_path_factory.mktemp("elsewhere"), LEVELFIELD_STORE=real_store) as address:
        yield address


@pytest.mark.parametrize("name", PAGES)
def test_a_page(browser, site, name):
    with watched(browser, site) as page:
        page.goto(site if name == "verdict" else f"{site}/{name}")
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                seen_as(page, width=width, scheme=scheme)
                settled(page)
                kept(page, f"{name}-{width}-{scheme}")
                _charts_are_drawn(page, name)
                assert_it_fits(page)


def _charts_are_drawn(page, name):
    charts = page.locator(".stPlotlyChart")
    assert charts.count() >= CHARTS.get(name, 0)
    for at in range(charts.count()):
        assert charts.nth(at).locator(".trace, .bars, .boxes, .heatmaplayer image, .hm").count(), f"chart {at} of {name} is empty"


def test_the_figures_are_those_of_the_command_line(browser, site, real_store):
    analysis = analyse(load("latest", real_store))
    workload = analysis.workloads[0]
    with watched(browser, site) as page:
        page.goto(site)
        settled(page)
        said = re.sub(r"\s+", " ", page.locator(".stMain").inner_text())
        for one in answers(workload.comparisons[0], analysis, workload.case):
            assert one.sentence in said
        for name, cells in workload_table(workload).rows:
            assert name in said
            assert all(part in said for cell in cells for part in cell)


def test_a_link_shows_the_same_view(browser, site):
    with watched(browser, site) as page:
        page.goto(f"{site}/learning")
        settled(page)
        page.get_by_test_id("stButtonGroup").get_by_text("test loss").click()
        page.wait_for_url(re.compile("measure=test_loss"))
        settled(page)
        link = page.url
        assert "study=" in link
    with watched(browser, site) as page:
        page.goto(link)
        settled(page)
        assert page.locator(".gtitle").first.text_content() == "Test loss by epochs"


def test_the_study_is_kept_from_page_to_page(browser, tmp_path):
    url = str(tmp_path / "two.db")
    with Store.open(url) as store:
        fill(store, "old")
        fill(store, "new", hours=1)
    with served(tmp_path, LEVELFIELD_STORE=url) as address, watched(browser, address) as page:
        page.goto(f"{address}/?study=old-1")
        settled(page)
        page.get_by_test_id("stSidebarNav").get_by_text("Learning curves").click()
        page.wait_for_url(re.compile(r"/learning\?study=old-1"))
        settled(page)
        assert page.get_by_text("Study old (old-1)").first.is_visible()


def test_a_chart_is_exported_as_image_and_data(browser, site):
    with watched(browser, site) as page:
        page.goto(f"{site}/learning")
        settled(page)
        page.get_by_role("button", name="Export").first.click()
        csv, parquet = (_downloaded(page, lambda name=name: page.get_by_text(name).click()) for name in ("Data as CSV", "Data as Parquet"))
        rows = pd.read_csv(io.BytesIO(csv))
        assert {"run_id", "side", "seed", "epoch", "test_accuracy"} <= set(rows)
        assert len(rows) == len(pd.read_parquet(io.BytesIO(parquet))) > 0
        page.get_by_text("SVG", exact=True).click()
        settled(page)
        page.keyboard.press("Escape")
        svg = _downloaded(page, lambda: _camera(page))
        assert svg.lstrip().startswith(b"<svg")


def test_the_whole_report_is_taken_along_as_one_file(browser, site):
    with watched(browser, site) as page:
        page.goto(site)
        settled(page)
        file = _downloaded(page, lambda: page.get_by_text("Report as HTML").click()).decode()
        assert "Two of one kind" in file
        assert "Plotly.newPlot" in file or "plotly" in file


def _camera(page):
    page.locator(".stPlotlyChart").first.hover()
    page.locator(".stPlotlyChart .modebar-btn").first.click()


def _downloaded(page, act):
    with page.expect_download() as waiting:
        act()
    return waiting.value.path().read_bytes()
