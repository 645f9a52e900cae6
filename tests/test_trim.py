"""What images leave out is nothing that the platform imports, draws or reads."""

import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from levelfield.services import ROOT
from levelfield.store import Store
from tests.exchange import fill

SITE = Path(sysconfig.get_path("purelib"))
FILES = "import sys; print(*(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)), sep='\\n')"
# A report in every form, the data that scikit-learn brings, and its tokens of texts.
ORCHESTRATOR = """
import importlib, sys
[importlib.import_module(name) for name in sys.argv[2:]]
from levelfield.store.frames import load
from levelfield.report.analysis import analyse
from levelfield.report.html import to_html
frames = load("latest", sys.argv[1])
to_html(frames, analyse(frames))
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
load_digits()
CountVectorizer(stop_words="english").fit_transform(["level field", "frameworks"])
"""
UI = """
from tests.ui.opening import assert_whole, run
for page in ("verdict", "speed", "parity", "predictions", "runs"):
    assert_whole(run(page))
"""


def _trim():
    spec = importlib.util.spec_from_file_location("trim", ROOT / "requirements" / "trim.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


trim = _trim()


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "levelfield.db")) as opened:
        fill(opened)
    return str(tmp_path / "levelfield.db")


def removed(folder, *, without=()):
    """What is removed of an environment like this one without some packages."""
    for package in SITE.iterdir():
        if package.name not in without:
            (folder / package.name).symlink_to(package)
    return [str(SITE / path.relative_to(folder)) for path in trim.unused(folder)]


def imported(code, *words, **environment):
    """The files of all that is imported by the code."""
    command = [sys.executable, "-c", f"{code}\n{FILES}", *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def assert_apart(gone, files):
    assert len(files) > 1000
    lost = [file for file in files for path in gone if file == path or file.startswith(f"{path}/")]
    assert lost == []


def test_the_orchestrator_imports_nothing_that_is_removed(store, tmp_path):
    (folder := tmp_path / "packages").mkdir()
    gone = removed(folder, without={"streamlit", "ray"})  # Ray looks itself whether its parts are there
    assert {f"{SITE}/plotly/graph_objs/{name}" for name in ("candlestick", "_candlestick.py", "mesh3d")} <= set(gone)
    assert not {f"{SITE}/plotly/graph_objs/{name}" for name in ("layout", "scatter", "_scatter.py", "_figure.py")} & set(gone)
    text = (ROOT / "orchestrator" / "Dockerfile").read_text().replace("\\\n", " ")
    modules = re.search(r"trim\.py \S+ (.*)", text)[1].split()
    assert "levelfield.report.html" in modules
    assert_apart(gone, imported(ORCHESTRATOR, store, *modules))


def test_the_report_in_the_browser_imports_nothing_that_is_removed(store, tmp_path):
    (folder := tmp_path / "packages").mkdir()
    gone = removed(folder, without={"sklearn"})
    assert f"{SITE}/scipy/stats" in gone
    assert not [path for path in gone if path.endswith("candlestick")], "Streamlit's theme needs every kind of trace"
    assert_apart(gone, imported(UI, LEVELFIELD_STORE=store))


def test_only_kinds_of_traces_are_drawn_that_are_kept():
    files = [*(ROOT / "levelfield" / "charts").glob("*.py"), *(ROOT / "levelfield" / "report" / "html").glob("*.py")]
    drawn = {name for file in files for name in re.findall(r"\bgo\.([A-Z]\w+)", file.read_text())}
    assert {name.lower() for name in drawn - {"Figure"}} == trim.TRACES


def test_nothing_is_left_of_what_is_removed(tmp_path):
    for name in ("ray/data/x.py", "ray/_private/x.py", "plotly/graph_objs/mesh3d/x.py", "plotly/graph_objs/_mesh3d.py", "a/tests/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    trim.main(str(tmp_path))
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")] == ["ray/_private/x.py"]
