"""The report as one HTML file: it holds all that it needs, and nothing out of the store becomes markup."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest

from levelfield.charts.steps import MAX_STEPS
from levelfield.report.analysis import analyse
from levelfield.report.html import to_html
from levelfield.report.html.chart import MAX_ROWS
from levelfield.report.html.markup import html, tag, with_code
from levelfield.services import ROOT
from levelfield.store import Store
from levelfield.store.frames import load
from tests.certificates import certificate
from tests.exchange import fill
from tests.report.study_factory import TENSORFLOW, TORCH, drop, end, frames
from tests.ui import stores

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--<script>\"'`&lt;\u2028{{$body}}"


class Page(HTMLParser):
    """The elements of a page with their attributes, the text outside of scripts and styles, and the scripts."""

    def __init__(self, text) -> None:
        super().__init__()
        self.elements, self.scripts, self.text, self._inside = [], [], "", None
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        self._inside = name if name in {"script", "style"} else None
        if name == "script":
            self.scripts.append("")

    def handle_endtag(self, _name):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside is None:
            self.text += data

    @property
    def charts(self):
        return {chart["key"]: chart for chart in json.loads(self.scripts[0])}


def page(given):
    return Page(to_html(given, analyse(given)))


def stored(tmp_path, make):
    url = str(tmp_path / "levelfield.db")
    with Store.open(url) as store:
        study_id = make(store)
    return load(study_id, url)


def troubled():
    given = end(frames(), 4, "failed", "ValueError: [red]a | b[/red]\n<b>x</b>", 17)
    end(given, 6, "diverged", "the training loss is not finite at step 3", 3)
    return drop(given, 10)


@pytest.mark.parametrize(
    "given",
    [
        frames(),
        troubled(),
        frames(pairs=1),
        frames(sides=(TORCH,)),
        drop(frames(pairs=1), 2),
        frames(track="article"),
        frames(workloads=("digits_cnn", "gone")),
        frames(sides=(TENSORFLOW, TORCH, "third"), speed=(3000.0, 2400.0, 2000.0), accuracy=(0.97, 0.97, 0.97)),
        frames(certificates=(certificate(),)),
        frames(certificates=(certificate(beyond="output/conv1"),)),
    ],
)
def test_every_study_makes_a_page_that_says_what_the_report_says(given):
    found, analysis = page(given), analyse(given)
    for workload in analysis.workloads:
        for comparison in workload.comparisons:
            assert comparison.sentence.removeprefix(f"{workload.title}: ") in found.text
            assert all(label.why in found.text or label.why[1:] in found.text for label in comparison.labels)
    assert not {"nan", "None", "NaT", "<NA>"} & set(re.split(r"[\s(,;]", found.text))
    names = [name for name, _ in found.elements]
    assert (names.count("script"), names.count("style"), names.count("img")) == (3, 1, 0)


def test_a_whole_study(tmp_path):
    given = stored(tmp_path, fill)
    found = page(given)
    for said in (
        "TensorFlow against PyTorch, speed: not enough runs to tell (2 more)",
        "9 of 10 planned runs are recorded.",
        "Faster?",
        "Less memory?",
        "peak memory (RSS), MiB",
        "the two networks of each seed on the same 360 test examples",
        "Not equal: 5 aspects",
        "PyTorch, seed 3, attempt 1: failed. RuntimeError: выпало 💥 <b>",
        "nul \ufffd, half ?,",
        "Duel, seed 1, attempt 1: invalid: foreign processes took 1.000 cores",
        "the same on every side (seed 0: 000000000000",
    ):
        assert said in found.text
    for chart in (
        "ratios-0",
        "learning-test_accuracy-epoch",
        "learning-train_loss-seconds",
        "duels-0",
        "steps-steady-runs",
        "steps-warm-all",
        "phases",
        "starts",
        "taken-0",
        "parity-0-off",
    ):
        assert found.charts[f"{chart}-digits_cnn-1"]["data"]
    rounds = found.charts["duels-0-digits_cnn-1"]["csv"].splitlines()
    assert rounds[0] == "seed,round,ratio"
    assert len(rounds) == 1 + 4 * 5
    assert {f"confusion-0-{side}-digits_cnn-1" for side in "ab"} | {"disagreement-0-digits_cnn-1"} <= set(found.charts)
    assert found.charts["ratios-0-digits_cnn-1"]["basis"] == "5 pairs; 95% intervals, unadjusted; track matched; certified."


def test_a_study_without_runs(tmp_path):
    found = page(stored(tmp_path, lambda store: stores.fill(store, "empty", seeds=2, skip=4)))
    assert "No run has ended yet." in found.text
    assert found.charts == {}


def test_nothing_is_fetched_and_no_other_script_runs(tmp_path):
    text = to_html(given := stored(tmp_path, fill), analyse(given))
    found = Page(text)
    links = [value for _, told in found.elements for name, value in told.items() if name in {"src", "href", "action", "data", "poster"}]
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert "@import" not in text.split("<style>")[1].split("</style>")[0]
    [policy] = [told["content"] for _, told in found.elements if told.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert (rules["default-src"], rules["img-src"], rules["base-uri"], rules["form-action"]) == (
        "'none'",
        "data: blob:",
        "'none'",
        "'none'",
    )
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in found.scripts[1:]]
    assert rules["script-src"].split() == hashes
    assert not any(name.startswith("on") for _, told in found.elements for name in told)


def test_nothing_of_the_store_becomes_markup(tmp_path):
    """A title, labels, reasons, logs and what workers say may hold anything."""
    given = frames(sides=(f"a{HOSTILE}", f"b{HOSTILE}"), frameworks=(TENSORFLOW, TORCH))
    given.study.study["title"] = given.study.name = HOSTILE
    end(given, 4, "failed", HOSTILE)
    given.runs["failure_log_tail"] = given.runs["failure_log_tail"].astype(object)
    given.runs.loc[given.runs["run_id"] == 4, "failure_log_tail"] = HOSTILE
    given.runs["description"] = [
        {"framework": HOSTILE, "version": HOSTILE, HOSTILE: {HOSTILE: HOSTILE + side}} for side in given.runs["side"]
    ]
    given.runs["environment"] = [{"cpu_model": HOSTILE, "packages": {HOSTILE: side}} for side in given.runs["side"]]
    found, plain = page(given), page(frames(sides=("a", "b"), frameworks=(TENSORFLOW, TORCH)))
    names = [name for name, _ in found.elements]
    assert (names.count("script"), names.count("img")) == (3, 0)
    assert found.text.count(HOSTILE) > 20
    assert set(names) <= {name for name, _ in plain.elements} | {"pre"}
    assert not any(name.startswith("on") for _, told in found.elements for name in told)
    assert all(re.fullmatch(r"[\w.-]+", chart["file"], re.ASCII) for chart in found.charts.values())
    assert "<" not in found.scripts[0]


def test_markup_is_made_of_escaped_pieces():
    assert tag("p", "a<b", tag("b", "&"), class_='"x"', hidden=True, title=None) == '<p class="&quot;x&quot;" hidden>a&lt;b<b>&amp;</b></p>'
    assert with_code("run `a<b` now") == "run <code>a&lt;b</code> now"
    assert html("\x1b[31mred\x1b[0m \x00\udcff\n") == "red \ufffd\ufffd\n"


def test_the_file_can_be_written_as_utf_8():
    given = frames()
    given.runs["environment"] = [{"path": "half a character: \ud83d"} for _ in given.runs["side"]]
    assert "half a character: \ufffd" in to_html(given, analyse(given)).encode().decode()


def test_what_is_in_the_file_is_bounded():
    given = frames(pairs=30)
    rows = given.block_rows
    given.block_rows = pd.concat([rows.assign(first_step=rows["first_step"] + 1000 * at) for at in range(120)], ignore_index=True)
    assert len(given.block_rows) > 2 * MAX_ROWS
    text = to_html(given, analyse(given))
    shown = Page(text).charts
    assert "steps-steady-runs-digits_cnn-1" not in shown
    assert len(shown["steps-steady-all-digits_cnn-1"]["csv"].splitlines()) <= 1 + 2 * MAX_STEPS
    assert len(text) < 6_500_000


def test_the_same_study_gives_the_same_page():
    given = frames()
    assert to_html(given, analyse(given)) == to_html(given, analyse(given))


def test_other_commands_do_not_wait_for_plotly():
    code = "import sys, orchestrator.cli, levelfield.report.render, levelfield.store.frames; print('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout == "False\n"
