"""What the trained networks take the test examples for: confusion, where two sides disagree, and the examples themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from levelfield.charts import predictions as charts
from levelfield.charts.basis import basis_of
from levelfield.charts.style import Look
from levelfield.predictions import Predictions
from levelfield.report import confusion, examples
from levelfield.report.examples import Examples, NotHereError
from levelfield.report.model import Comparison, TrainedPair
from levelfield.report.predictions import CAPTION, compare, networks_of, table, told
from levelfield.store import StoreError
from levelfield.store.frames import StudyFrames
from ui import look, states, visit
from ui.choosing import box
from ui.drawing import chart
from ui.example_cards import Answered, cards
from ui.sections import heading
from ui.visit import Shown

COMPARE, SEED, ALL_SEEDS = "compare", "seed", "all"  # the names in the URL
MOST = 8
# Numbers in cells have the page's own colour, which suits every cell on light and on dark ground; Plotly's theme has a paler one.
CSS = """<style>
[class*="st-key-confusion-"] .textpoint text, [class*="st-key-disagreement-"] .textpoint text { fill: currentColor !important; }
</style>"""
NOTHING = "Predictions are kept of every network that was trained to its end by a version from this one on; of these runs there are none."


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The networks of two sides that are looked at, by seed, and the examples, or why they cannot be shown.

    ``labels`` are the right classes, as far as they are known.
    """

    comparison: Comparison
    pairs: Mapping[int, tuple[Predictions, Predictions]]
    key: tuple[object, ...]
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    examples: Examples | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Tallies:
    """What all networks together did."""

    confusions: tuple[NDArray[np.int64], NDArray[np.int64]]
    disagreement: NDArray[np.int64]
    parting: confusion.Parting


def predictions(shown: Shown) -> None:
    """The page."""
    heading("What the networks take the test examples for", "Two networks of each seed, one of each side, judged on the same examples.")
    comparisons = shown.workload.comparisons
    if not comparisons:
        st.html(look.div("", "Networks of two sides are compared here. This study has one side."))
        return
    comparison = _chosen(comparisons)
    try:
        stored = _stored(shown.opened.frames, visit.here().url, shown.analysis.study_id, _run_ids(comparison.trained))
        _compared(shown, comparison, stored)
    except StoreError as error:
        states.cannot_read(visit.here().url, error)
    except ValueError as error:
        st.html(look.div("", f"They cannot be compared: {error}."))


def _chosen(comparisons: tuple[Comparison, ...]) -> Comparison:
    options = {f"{one.a.label}-{one.b.label}": one for one in comparisons}
    if len(options) == 1:
        return comparisons[0]
    name, _ = visit.pinned(
        COMPARE, list(options), label="Sides", told=lambda option: f"{options[option].a.title} / {options[option].b.title}"
    )
    return options[name]


def _run_ids(pairs: tuple[TrainedPair, ...]) -> tuple[int, ...]:
    return tuple(int(run) for pair in pairs for run in (pair.a, pair.b))


# Finished runs never change, so that their ids are the whole key; a resource is not copied for every click.
@st.cache_resource(max_entries=8, show_spinner="Reading the predictions ...")
def _stored(_frames: StudyFrames, url: str, study_id: str, run_ids: tuple[int, ...]) -> dict[int, Predictions]:
    del url, study_id
    return _frames.predictions(run_ids)


def _compared(shown: Shown, comparison: Comparison, stored: Mapping[int, Predictions]) -> None:
    pairs = networks_of(comparison.trained, stored)
    if not pairs:
        st.html(look.div("", NOTHING if comparison.trained else "No seed has a network of both sides that was trained to its end yet."))
        return
    _tested(replace(comparison, networks=compare(comparison.trained, stored)))
    judged = _judged(shown, comparison, _of_seeds(pairs))
    tallies = _tallied(judged.pairs, judged.labels, judged.key)
    _confusions(shown, judged, tallies)
    _disagreement(shown, judged, tallies)
    _parted(shown, judged, tallies.parting)


def _tested(comparison: Comparison) -> None:
    """McNemar's test of every seed, and what it does not say."""
    for line in told(comparison):
        st.html(look.div("", line))
    if comparison.networks:
        shown = table(comparison, comparison.networks)
        rows = [look.row(escape(name), (escape(text) for text, _ in cells)) for name, cells in shown.rows]
        with st.expander(look.plain(f"Seed by seed: {comparison.a.title} / {comparison.b.title}")):
            st.html(look.table("lf-facts", [escape(title) for title in shown.header], rows))
            st.html(look.div("lf-soft", CAPTION))


def _of_seeds(pairs: Mapping[int, tuple[Predictions, Predictions]]) -> dict[int, tuple[Predictions, Predictions]]:
    """All of them together, or those of one seed."""
    if len(pairs) == 1:
        return dict(pairs)
    together = len({(one.examples, one.classes) for two in pairs.values() for one in two}) == 1
    every = {ALL_SEEDS: f"all {len(pairs)} together"} if together else {}
    if not together:
        st.html(look.div("lf-soft", "The seeds were judged on different test examples, so they are not added up."))
    seed = box(SEED, every | {str(seed): f"seed {seed}" for seed in pairs}, label="Seeds")
    return dict(pairs) if seed == ALL_SEEDS else {int(seed): pairs[int(seed)]}


def _judged(shown: Shown, comparison: Comparison, pairs: dict[int, tuple[Predictions, Predictions]]) -> Judged:
    workload = shown.workload.name
    runs = [run for pair in comparison.trained if pair.seed in pairs for run in (pair.a, pair.b)]
    frame = shown.opened.frames.runs
    used = frame.loc[frame["run_id"].isin(runs), "data_fingerprint"]
    networks = [one for two in pairs.values() for one in two]
    found, why = None, ""
    try:
        found = examples.find_examples(workload, {None if pd.isna(one) else str(one) for one in used}, networks[0].examples)
    except NotHereError as error:
        why = str(error)
    return Judged(
        comparison=comparison,
        pairs=pairs,
        key=(visit.here().url, shown.analysis.study_id, tuple(runs), found is None),
        names=examples.class_names(workload),
        labels=found.y if found else confusion.right_classes(networks),
        examples=found,
        why=why,
    )


@st.cache_resource(max_entries=32, show_spinner="Counting ...")
def _tallied(_pairs: confusion.Pairs, _labels: NDArray[np.int64], key: tuple[object, ...]) -> Tallies:
    del key
    a, b = (confusion.confusion((two[at] for two in _pairs.values()), _labels) for at in (0, 1))
    return Tallies(confusions=(a, b), disagreement=confusion.disagreement(_pairs), parting=confusion.parting(_pairs))


def _sides(shown: Shown, judged: Judged) -> tuple[Look, Look]:
    return shown.sides[judged.comparison.a.label], shown.sides[judged.comparison.b.label]


def _basis(shown: Shown, judged: Judged) -> str:
    seeds, number = len(judged.pairs), len(judged.labels)
    n = f"{seeds} network{'' if seeds == 1 else 's'} a side on {number:,} test examples"
    return basis_of(n, shown.workload, shown.analysis, interval="counts, so no intervals")


def _confusions(shown: Shown, judged: Judged, tallies: Tallies) -> None:
    st.html(CSS)
    heading("Which classes they confuse")
    chosen = confusion.worth_showing(tallies.confusions, charts.MAX_CLASSES)
    matrices = [confusion.most_confused(counts, chosen) for counts in tallies.confusions]
    top = charts.most_errors(matrices)
    classes = len(tallies.confusions[0])
    side_by_side = len(chosen) <= charts.WRITTEN
    places = st.columns(2, gap="medium") if side_by_side else [st.container(), st.container()]
    for at, (place, side, matrix) in enumerate(zip(places, _sides(shown, judged), matrices, strict=True)):
        with place:
            figure = charts.confusion(matrix, judged.names, side, top=top)
            note = "In percent of the right class." if side_by_side else ""
            key = f"confusion-{shown.key}-{'ab'[at]}"
            chart(figure, key, charts.confusion_frame(matrix, judged.names), basis=_basis(shown, judged), note=note)
    lines = ["Grey is right; colours are errors, on one scale for both sides."]
    if classes > len(chosen):
        lines.append(f"Of {classes:,} classes these {len(chosen)} are shown, on which most errors were made.")
    if unknown := int((judged.labels == confusion.UNKNOWN).sum()):
        lines.append(f"Without the data set the right class of {unknown:,} examples is not known, which no network had right: left out.")
    st.html(look.div("lf-soft", " ".join(lines)))


def _disagreement(shown: Shown, judged: Judged, tallies: Tallies) -> None:
    sides = _sides(shown, judged)
    counts = tallies.disagreement
    matrix = confusion.most_confused(counts, confusion.worth_showing([counts], charts.MAX_CLASSES))
    apart = int(counts.sum() - np.trace(counts))
    heading("Where they disagree")
    if not apart:
        st.html(look.div("", "Nowhere: the networks of each seed gave every example the same class."))
        return
    figure = charts.disagreement(matrix, judged.names, sides)
    data = charts.disagreement_frame(matrix, judged.names, (judged.comparison.a.label, judged.comparison.b.label))
    beside = len(matrix.rows) <= charts.WRITTEN
    left, right = st.columns(2, gap="medium") if beside else (st.container(), st.container())
    with left:
        chart(figure, f"disagreement-{shown.key}", data, basis=_basis(shown, judged), note="Grey is where they agree.")
    with right:
        st.html(look.div("", f"The two networks of a seed gave {apart:,} of {counts.sum():,} answers different classes. Most often:"))
        _most_often(counts, judged.names, sides)


def _most_often(counts: NDArray[np.int64], names: Sequence[str], sides: tuple[Look, Look]) -> None:
    """The pairs of different answers that came most often."""
    off = counts - np.diag(np.diag(counts))
    order = [divmod(int(at), len(off)) for at in np.argsort(-off, axis=None, kind="stable")[:MOST]]
    header = [look.dot(f"{side.name} says", side.colour) for side in sides]
    rows = (look.row(escape(charts.name_of(a, names)), [escape(charts.name_of(b, names)), f"{off[a, b]:,}"]) for a, b in order if off[a, b])
    st.html(look.table("lf-facts", [*header, "times"], rows))


def _parted(shown: Shown, judged: Judged, parting: confusion.Parting) -> None:
    heading("The examples on which they part", "Those on which most seeds part come first.")
    if judged.examples is None:
        why = f"They cannot be shown here: {judged.why}."
        st.html(f'<div class="lf">{look.with_code(why)}</div>')
        return
    answered = Answered(
        examples=judged.examples,
        names=judged.names,
        sides=_sides(shown, judged),
        networks=([two[0] for two in judged.pairs.values()], [two[1] for two in judged.pairs.values()]),
        labels=judged.labels,
        parting=parting,
    )
    cards(answered, (judged.comparison.a.title, judged.comparison.b.title), judged.key)
