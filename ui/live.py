"""The curves of a study that is under way."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from levelfield import workloads
from levelfield.charts import live
from levelfield.charts.learning import MEASURES
from levelfield.charts.style import looks
from levelfield.report.titles import case_title, is_aligned, read_sides
from levelfield.report.verdicts import TRACK
from levelfield.spec import Case
from levelfield.store import Store, watching
from levelfield.store.requesting import Request
from ui.drawing import chart

ENDED, POINTS = 20, 200  # runs that have ended are drawn, and points of each
MEASURE = "live-measure"


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A chart as it stands. It is shared between visitors and must not be changed."""

    figure: go.Figure
    data: pd.DataFrame
    basis: str


def choose_measure() -> None:
    """What the curves show."""
    st.segmented_control(
        "Curves", list(MEASURES), default="test_accuracy", format_func=_measure, required=True, key=MEASURE, persist_state="session"
    )


def curves(url: str, request: Request, newest: int) -> None:
    """A chart for each case that runs are at work on; between two runs, for that of the last one.

    ``newest``: the last run of the study that is stored, 0 for none. Raises StoreError.
    """
    ended = _ended(url, request.study_id, newest)
    measure = st.session_state.get(MEASURE) or "test_accuracy"
    mark = str((newest, [(one["turn"], one["attempt"], *one["curve"][-1:]) for one in request.progress if one["what"] == "run"]))
    for case in live.cases(request.progress) or _last(ended):
        found = _drawn(request.study_id, case, measure, mark, _request=request, _ended=ended)
        if len(found.data):
            key = f"live-{request.study_id}-{case.workload}-{case.workers}"
            chart(found.figure, key, found.data, basis=found.basis, note="Bold: at work now. Thin: the last that have ended.")


# Once for each ``mark``, which tells what changes, however many look at it: where the same host measures, drawing disturbs.
@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(study_id: str, case: Case, measure: str, mark: str, *, _request: Request, _ended: pd.DataFrame) -> Drawn:
    del study_id, mark  # parts of the cache's key
    known = pd.concat([frame for frame in (_ended, live.at_work(_request.progress)) if len(frame)] or [_ended])
    data = known[(known["workload"] == case.workload) & (known["workers"] == case.workers)]
    study, workload = _request.record.study, workloads.find(case.workload)
    epochs = study.get("epochs") or (workload.epochs if workload else None)
    title = f"{_measure(measure)}: {case_title(case)}"
    figure = live.growing(data, looks(read_sides(study)), measure=measure, epochs=epochs, title=title)
    return Drawn(figure=figure, data=data, basis=_basis(_request, data))


def _measure(name: str) -> str:
    return MEASURES[name].capitalize()


def _basis(request: Request, data: pd.DataFrame) -> str:
    at_work, ended = (len(data[data["at_work"] == is_at_work].drop_duplicates(["side", "seed", "attempt"])) for is_at_work in (True, False))
    track = str(request.record.study.get("track") or TRACK)
    certificates = is_aligned(track) and request.options.get("certify", True)
    certified = "certified after its runs" if certificates else "not certified"
    return f"{at_work} run{'' if at_work == 1 else 's'} at work, {ended} ended; single runs, no interval; track {track}; {certified}."


def _last(ended: pd.DataFrame) -> Iterable[Case]:
    if len(ended):
        last = ended.iloc[-1]
        yield Case(workload=last["workload"], workers=int(last["workers"]))


@st.cache_data(max_entries=64, show_spinner=False)
def _ended(url: str, study_id: str, newest: int) -> pd.DataFrame:
    if not newest:
        return live.ended(())
    with Store.open(url, read_only=True) as store:
        return live.ended(watching.latest_curves(store, study_id, number=ENDED, points=POINTS))
