"""A study that is launched from the page in a real browser: a real scheduler takes it up, curves grow while it trains, and it ends."""

import signal

import pytest

from tests.platform_process import Platform, processes_of, wait_until
from tests.services import write_service
from tests.test_serve import is_ready
from tests.ui.browsing import CHROMIUM, chromium, kept, served, settled, watched

EPOCHS = 80
GROWN = "() => (document.querySelector('.js-plotly-plot')?._fullData ?? []).filter(t => t.mode === 'lines+markers').map(t => t.x.length)"
LONGEST = f"() => Math.max(0, ...({GROWN})())"


@pytest.fixture
def platform(tmp_path):
    made = Platform(tmp_path)
    for side in ("slow_a", "slow_b"):
        write_service(tmp_path / "services", side, worker="tests.misbehaving_workers:Slow")
    made.server = made.start("serve")
    wait_until(lambda: is_ready(made), timeout_s=120, what="the scheduler")
    yield made
    made.server.send_signal(signal.SIGTERM)
    output, _ = made.server.communicate(timeout=60)
    assert "Traceback" not in output, output
    assert processes_of(made.server.pid) == []


def choose(page, label, at, option):
    """An option of one of the boxes of that name."""
    page.get_by_role("combobox", name=label).nth(at).click()
    page.get_by_role("option", name=option, exact=True).click()


def enter(page, label, value):
    page.get_by_label(label, exact=True).fill(value)
    page.get_by_label(label, exact=True).press("Tab")


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: Debian's package chromium")
def test_a_launch_from_the_page_trains_grows_and_ends(platform, tmp_path):
    environment = {"LEVELFIELD_STORE": str(platform.results / "levelfield.db"), "LEVELFIELD_UI_LAUNCH": "1"}
    environment["LEVELFIELD_SERVICES"] = platform.env["LEVELFIELD_SERVICES"]
    with served(tmp_path, **environment) as address, chromium() as browser, watched(browser, address) as page:
        page.goto(f"{address}/launch")
        page.get_by_text("A scheduler takes up what is asked for").wait_for(timeout=30_000)
        compose(page)
        kept(page, "launch-composed")
        page.get_by_role("button", name="Launch", exact=True).click()
        watch(page)
        page.set_viewport_size({"width": 1280, "height": 900})
        kept(page, "launch-at-work")
        page.get_by_text("done: 2 of 2 ok").wait_for(timeout=180_000)
        page.set_viewport_size({"width": 1280, "height": 900})
        kept(page, "launch-over")
        page.get_by_role("link", name="Open it").click()
        page.locator(".lf-study", has_text="From the browser").wait_for(timeout=30_000)
        settled(page)
        assert "study=live-" in page.url
        assert "/launch" not in page.url


def compose(page):
    enter(page, "Title", "From the browser")
    enter(page, "Name", "live")
    for at, side in enumerate(("slow_a", "slow_b")):
        choose(page, f"Side {at + 1}", 0, f"NumPy as {side}")
    enter(page, "Pairs (seeds)", "1")
    enter(page, "Epochs", str(EPOCHS))
    enter(page, "Threads", "1")
    page.get_by_text("More: scaling").click()
    enter(page, "Bursts", "0")
    page.get_by_text("Make the parity certificates that it lacks").click()
    page.get_by_text(f"epochs: {EPOCHS}").wait_for(timeout=20_000)
    page.get_by_text("bursts: 0").wait_for(timeout=20_000)


def watch(page):
    """The curve of a run that is at work has more points from look to look."""
    page.wait_for_function(f"() => ({LONGEST})() >= 2", timeout=60_000)
    seen = page.evaluate(LONGEST)
    page.wait_for_function(f"() => ({LONGEST})() > {seen}", timeout=20_000)
    assert page.get_by_text("0 of 2 runs done").or_(page.get_by_text("1 of 2 runs done")).count()
