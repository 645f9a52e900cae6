"""The HTML file in a real browser: every chart draws and can be saved, nothing is asked for but the file, nothing breaks."""

import shutil
from xml.etree import ElementTree as ET

import pytest
from playwright import sync_api

from levelfield.report.analysis import analyse
from levelfield.report.html import to_html
from levelfield.store import Store
from levelfield.store.frames import load
from tests.exchange import fill
from tests.report.study_factory import TENSORFLOW, TORCH, frames
from tests.report.test_html import HOSTILE

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: Debian's package chromium")
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TAPS = "[...document.querySelectorAll('button')].filter((one) => one.offsetParent && one.offsetHeight < 30).length"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("html")
    with Store.open(str(folder / "levelfield.db")) as store:
        fill(store)
    given = load("digits-1", str(folder / "levelfield.db"))
    (folder / "digits.html").write_text(to_html(given, analyse(given)))
    return folder / "digits.html"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visit:
    """The file, opened: what went wrong, and what was asked for."""

    def __init__(self, browser, file, width=1280, scheme="light") -> None:
        self._context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page, self.problems, self.asked = self._context.new_page(), [], []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-drawn=all]", timeout=60_000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._context.close()

    def colours(self):
        """Of the ground, of the page's text and of a chart's text."""
        ask = "(of) => getComputedStyle(document.querySelector(of[0])).getPropertyValue(of[1])"
        return [self.page.evaluate(ask, of) for of in (["body", "background-color"], ["body", "color"], [".plot .xtitle", "fill"])]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_and_asks_for_nothing(browser, file, width, scheme):
    with Visit(browser, file, width, scheme) as visit:
        page = visit.page
        assert visit.problems == []
        assert visit.asked == [file.as_uri()]
        shown = page.locator("figure:not([hidden]) .plot")
        assert shown.count() == page.locator("figure:not([hidden]) .plot.js-plotly-plot").count() == 9
        for plot in shown.all():
            assert plot.locator(".trace, .points, .boxlayer .box, .barlayer .point, .heatmaplayer image").count() > 0
            assert 0 < plot.bounding_box()["width"] <= width
        assert page.evaluate(SIDEWAYS) <= 0
        page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
        assert page.evaluate(SIDEWAYS) <= 0
        ground, text, chart = visit.colours()
        assert (ground, text, chart) == {
            "light": ("rgb(255, 255, 255)", "rgb(27, 32, 38)", "rgb(27, 32, 38)"),
            "dark": ("rgb(15, 19, 24)", "rgb(228, 232, 236)", "rgb(228, 232, 236)"),
        }[scheme]
        if width == 390:
            assert page.evaluate(TAPS) == 0, "buttons that a finger misses"


def _downloaded(page, button, *, attempts=3):
    """Chromium takes no download for the visitor's wish that comes long after the click, as on a busy machine."""
    for left in reversed(range(attempts)):
        try:
            with page.expect_download() as download:
                button.click()
        except sync_api.TimeoutError:
            if not left:
                raise
        else:
            return download.value
    return None


def test_charts_can_be_saved(browser, file, tmp_path):
    """On a dark page, too, an image is black on white, with what it rests on."""
    with Visit(browser, file, scheme="dark") as visit:
        for figure in visit.page.locator("figure:not([hidden])").all():
            saved = {}
            for form in ("png", "svg", "csv"):
                download = _downloaded(visit.page, figure.locator(f"button[data-save={form}]"))
                saved[form] = tmp_path / download.suggested_filename
                download.save_as(saved[form])
            assert {path.suffix[1:] for path in saved.values()} == set(saved)
            assert saved["png"].read_bytes().startswith(b"\x89PNG")
            assert saved["png"].stat().st_size > 10_000
            drawn = ET.parse(saved["svg"]).getroot()
            said = " ".join(drawn.itertext())
            assert "track matched; certif" in said
            assert figure.locator("figcaption b").inner_text() in said
            assert "rgb(255, 255, 255)" in saved["svg"].read_text()
            assert len(saved["csv"].read_text().splitlines()) > 2
        assert visit.problems == []
        assert visit.asked[0] == file.as_uri()
        assert all(address.startswith(("blob:", "data:")) for address in visit.asked[1:])


def test_the_reader_chooses_measure_and_clock(browser, file):
    with Visit(browser, file) as visit:
        group = visit.page.locator(".group").first
        title = group.locator("figure:not([hidden]) figcaption b")
        assert title.inner_text() == "Test accuracy by epochs"
        group.get_by_role("button", name="training loss").click()
        assert title.inner_text() == "Training loss by epochs"
        group.get_by_role("button", name="seconds in training steps").click()
        assert title.inner_text() == "Training loss by seconds in training steps"
        assert group.locator("figure:not([hidden]) .scatterlayer .trace").count() > 2
        assert group.locator("figure:not([hidden]) .main-svg").first.bounding_box()["width"] > 900
        assert visit.problems == []


def test_the_theme_changes_with_the_reader_s(browser, file):
    with Visit(browser, file) as visit:
        light = visit.colours()
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_timeout(500)
        dark = visit.colours()
        assert all(one != other for one, other in zip(light, dark, strict=True))
        assert visit.problems == []


def test_it_can_be_printed(browser, file):
    with Visit(browser, file, scheme="dark") as visit:
        opened = visit.page.locator("details[open]").count()
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        visit.page.emulate_media(media="print")
        assert visit.page.locator("details:not([open])").count() == 0
        assert visit.colours() == ["rgb(255, 255, 255)", "rgb(0, 0, 0)", "rgb(27, 32, 38)"]
        assert visit.page.locator(".plot .main-svg").first.bounding_box()["width"] < 700
        visit.page.emulate_media(media="screen")
        visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert visit.page.locator("details[open]").count() == opened
        assert visit.page.pdf(format="A4").startswith(b"%PDF")
        assert visit.problems == []


def test_names_that_want_to_be_scripts(browser, tmp_path):
    given = frames(sides=(f"a{HOSTILE}", f"b{HOSTILE}"), frameworks=(TENSORFLOW, TORCH))
    given.study.study["title"] = HOSTILE
    file = tmp_path / "hostile.html"
    file.write_text(to_html(given, analyse(given)))
    with Visit(browser, file, 390) as visit:
        assert visit.problems == []
        assert visit.page.evaluate(SIDEWAYS) <= 0
        assert visit.page.locator("h1").text_content() == HOSTILE
        assert visit.page.locator("img").count() == 0
        assert visit.page.locator(".plot.js-plotly-plot").count() > 2


def test_the_policy_holds(browser, file, tmp_path):
    """Even where something has found its way into the page: a script that is not its own does not run, and nothing is fetched."""
    more = "<script>document.title = 'run'</script><img src='http://127.0.0.1:9/x.png' onerror=\"document.title = 'run'\"><a id=x></a>"
    broken = tmp_path / "broken.html"
    broken.write_text(file.read_text().replace("<header>", f"<header>{more}"))
    context = browser.new_context()
    page, asked = context.new_page(), []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto(broken.as_uri())
    page.wait_for_selector("html[data-drawn=all]", timeout=60_000)
    assert page.title() == "Study digits"
    assert asked == [broken.as_uri()]
    context.close()
