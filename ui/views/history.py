"""One metric over time and over versions: what changed, when, and which results are stale."""

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd
import streamlit as st

from levelfield.charts import history as drawn
from levelfield.charts.style import Look, looks
from levelfield.report import formats
from levelfield.report.history import METRICS, STALE, Point, version_changes
from levelfield.report.model import Side
from levelfield.report.quantities import SPEED, Quantity
from levelfield.report.titles import case_title, framework_titles
from levelfield.spec import Case
from levelfield.store import StoreError
from levelfield.store.history import Kind
from ui import look, states, visit
from ui.choosing import switch
from ui.drawing import chart
from ui.reading import read_kinds, read_points
from ui.sections import heading

KIND = "kind"  # in the URL
FORMS = {"share": "percent", "s": "%,.1f"}  # of numbers in the table, by unit
LISTED = 14  # rows that are seen without scrolling
NAMES = {quantity.name: "speed ratio" if quantity is SPEED else quantity.label for quantity in METRICS}
BASIS = {
    True: "A point is a study's geometric mean over pairs, the line its smallest and largest pair.",
    False: "A point is a study's median over its runs that count, the line their range.",
}


def main() -> None:
    """The page."""
    url, shelf = visit.store()
    if not shelf.studies:
        states.nothing_yet(f"The store {shelf.name} holds no study")
        st.stop()
    try:
        _page(url, shelf.stamp)
    except StoreError as error:
        states.cannot_read(url, error)


def _page(url: str, stamp: Hashable) -> None:
    kinds = {_key(kind): (kind, number) for kind, number in read_kinds(url, stamp).items()}
    if not kinds:
        st.html(look.div("lf-verdict", "No run has ended yet"))
        return
    heading("Over time", "Only like is set against like: one workload, track, precision, device and number of workers.")
    name, missing = visit.pinned(KIND, list(kinds), label="What was trained", told=lambda key: _told(*kinds[key]))
    if missing:
        st.warning(look.plain(f"There are no runs of {missing} in this store."))
    quantity, clock = _switches()
    kind, _ = kinds[name]
    found = read_points(url, kind, quantity.name, stamp)
    if not found:
        st.html(look.div("", f"No study of this has a value: {quantity.absent}."))
        return
    titles = framework_titles()
    _draw(kind, found, quantity, clock, titles)
    _table(found, quantity, titles)


def _switches() -> tuple[Quantity, str]:
    with st.container(horizontal=True):
        metric, clock = switch("metric", NAMES), switch("by", drawn.CLOCKS)
    return next(quantity for quantity in METRICS if quantity.name == metric), clock


def _draw(kind: Kind, found: Sequence[Point], quantity: Quantity, clock: str, titles: Mapping[str, str]) -> None:
    figure = drawn.history(
        found, version_changes(found), _looks(found), quantity=quantity, clock=clock, titles={**titles, "levelfield": "Levelfield"}
    )
    studies, several = len({point.study_id for point in found}), quantity is SPEED
    runs = sum(point.n for point in found)
    n = f"{studies} stud{'y' if studies == 1 else 'ies'}, {runs:,} {'pairs' if several else 'runs'}"
    basis = f"{n}; ranges, no intervals; track {kind.track}; each study's own page says whether it is certified. Hollow: stale."
    chart(figure, f"history-{quantity.name}", drawn.data(found), basis=basis, note=BASIS[several])
    if marked := drawn.marks(version_changes(found), {**titles, "levelfield": "Levelfield"}):
        told = (f"{number}: {what} ({at:%Y-%m-%d})" for number, (at, what) in enumerate(marked, start=1))
        st.html(look.div("lf-soft", f"First studies with other versions: {'; '.join(told)}."))
    st.html(look.div("lf-soft", STALE))


def _looks(found: Sequence[Point]) -> dict[str, Look]:
    """By side; two sides against each other are drawn in the first one's colour."""
    sides = {point.side: Side(label=point.side, title=point.name, framework=point.frameworks[0]) for point in found}
    return looks(sides.values())


def _table(found: Sequence[Point], quantity: Quantity, titles: Mapping[str, str]) -> None:
    """Every point, the newest first, with its versions and why it is stale."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    form = FORMS.get(quantity.unit, "%,.0f") if quantity is not SPEED else "%.3f"
    columns = {
        "begun": st.column_config.DateColumn("Begun (UTC)", format="YYYY-MM-DD", width=96),
        "study": text("Study", width=140),
        "side": text("Side", width=104),
        "middle": number("Mean" if quantity is SPEED else "Median", format=form, width=84),
        "low": number("Smallest", format=form, width=84),
        "high": number("Largest", format=form, width=84),
        "n": number("n", format="%d", width=50),
        "stale": text("Stale", width=300),
        "versions": text("Versions", width=220),
    }
    heading(f"{'Speed ratio' if quantity is SPEED else formats.heading(quantity).capitalize()}, study by study")
    st.dataframe(_rows(found, quantity, titles), column_config=columns, hide_index=True, height=36 * (min(len(found), LISTED) + 1))


def _rows(found: Sequence[Point], quantity: Quantity, titles: Mapping[str, str]) -> pd.DataFrame:
    scale = formats.MIB if quantity.unit == "bytes" else 1
    rows = [
        {
            "begun": point.at,
            "study": point.title,
            "side": point.name,
            "middle": point.middle / scale,
            "low": point.low / scale,
            "high": point.high / scale,
            "n": point.n,
            "stale": f"stale: {'; '.join(point.stale)}" if point.stale else "",
            "versions": _versions(point, titles),
        }
        for point in reversed(found)
    ]
    return pd.DataFrame(rows)


def _versions(point: Point, titles: Mapping[str, str]) -> str:
    used = [f"{titles.get(name, name)} {', '.join(versions) or 'unknown'}" for name, versions in point.versions.items()]
    return ", ".join([*used, f"Levelfield {point.levelfield}"])


def _key(kind: Kind) -> str:
    return "-".join(map(str, vars(kind).values()))


def _told(kind: Kind, studies: int) -> str:
    title = case_title(Case(workload=kind.workload, workers=kind.workers))
    return f"{title}: track {kind.track}, {kind.precision}, {kind.device} ({studies} stud{'y' if studies == 1 else 'ies'})"


main()
