"""The parity certificates of a case: which there are, and one of them as a map of layers against steps."""

import re
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from html import escape

import pandas as pd
import streamlit as st

from levelfield.charts import parity as charts
from levelfield.parity.certificate import Certificate
from levelfield.report.certified import LOSS, CertificateSummary, command, layer_table, summarise, when
from levelfield.report.model import Comparison
from levelfield.tracks import TRACKS
from ui import visit
from ui.choosing import box, switch
from ui.drawing import chart
from ui.look import div, plain, row, table, with_code
from ui.sections import heading
from ui.visit import Shown

CERTIFICATE, PART, KIND, LAYERS = "certificate", "part", "kind", "layers"  # the names in the URL
BLOCKS, EVERY = "blocks", "every"
MANY = 40  # rows; of more layers, blocks are shown first
SCROLLED = 700  # pixels
FINGERPRINT_DIGITS = 12
NAMES = {"output": "outputs", "loss": "the loss", "gradient": "gradients", "parameter": "parameters"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A certificate of the case, and the comparisons of the study that it decides about."""

    certificate: Certificate
    decides: tuple[Comparison, ...]


def parity(shown: Shown) -> None:
    """The page."""
    heading("Do both sides compute the same function?", "The same weights, batches and masks on both sides; every tensor of every step.")
    found = _found(shown)
    for comparison in shown.workload.comparisons:
        if comparison.certificate is None:
            _lacking(comparison, shown)
    if not shown.workload.comparisons:
        st.html(div("", "A certificate is of two sides. This study has one."))
    if found:
        name, missing = visit.pinned(CERTIFICATE, list(found), label="Certificate", told=lambda option: _told(found[option]))
        if missing:
            st.warning(plain(f"There is no certificate {missing} of this workload in the store. This is another one."))
        _certificate(found[name], shown, name)


def _found(shown: Shown) -> dict[str, Found]:
    """By a name for the URL: first those that decide about comparisons of the study, then the others, newest first."""
    case = shown.workload.case
    own = [one for one in shown.opened.frames.certificates if (one.workload, one.workers) == (case.workload, case.workers)]
    every = [Found(certificate=one, decides=tuple(c for c in shown.workload.comparisons if _decides(one, c))) for one in own]
    found: dict[str, Found] = {}
    for one in sorted(every, key=lambda each: not each.decides):
        name = f"{re.sub(r'[^0-9]', '', one.certificate.created_at)[:14]}-{one.certificate.precision}"
        found[name if name not in found else f"{name}-{len(found)}"] = one
    return found


def _decides(certificate: Certificate, comparison: Comparison) -> bool:
    summary = comparison.certificate
    return summary is not None and summary.created_at == certificate.created_at and summarise(certificate) == summary


def _told(found: Found) -> str:
    """For the box: the outcome first, because a telephone cuts off the end."""
    one = found.certificate
    sides = " / ".join(f"{side.framework} ({side.mode}{'' if side.device == 'cpu' else f', {side.device}'})" for side in one.sides)
    decides = "" if found.decides else "; another than this study's"
    return f"{'passed' if one.passed else 'FAILED'}: {sides}, {one.precision}, {one.track}, {when(one.created_at)}{decides}"


def _lacking(comparison: Comparison, shown: Shown) -> None:
    """Why nothing is certified, and what would change that."""
    why = next((label.why for label in comparison.labels if label.name in {"unverified", "not aligned"}), "no certificate is stored")
    sides = f"{comparison.a.title} / {comparison.b.title}"
    st.html(div("lf-verdict lf-next", f"{sides}: not certified"))
    st.html(div("", f"{why[:1].upper()}{why[1:]}."))
    track = shown.analysis.track
    if (track in TRACKS and not TRACKS[track].certified) or comparison.a.precision != comparison.b.precision:
        return
    programs = [(side.framework, side.mode, _device(side.label, shown)) for side in (comparison.a, comparison.b)]
    case = shown.workload.case
    st.html(div("", "This makes a certificate, in seconds for a small network to minutes for a large one:"))
    st.code(
        command(case.workload, programs, precision=comparison.a.precision, track=track, workers=case.workers),
        language="bash",
        wrap_lines=True,
    )
    resume = f"With the batch size and the learning rate of this study, `levelfield resume {shown.analysis.study_id}` makes those it lacks."
    st.html(f'<div class="lf lf-soft">{with_code(resume)}</div>')


def _device(label: str, shown: Shown) -> str:
    runs = shown.opened.frames.runs
    devices = runs.loc[runs["side"] == label, "device"]
    return str(devices.iloc[-1]) if len(devices) else "cpu"


def _certificate(found: Found, shown: Shown, name: str) -> None:
    one = found.certificate
    st.html(div("lf-verdict lf-next", f"{one.verdict}."))
    if first := one.first_divergence:
        st.html(div("", f"First diverging layer: {first.layer or LOSS}, at step {(first.failed_at or 0) + 1}."))
    st.html(div("lf-soft", _about(found)))
    data = charts.points(one)
    summary = summarise(one)
    if data.empty:
        remake = "It was made before certificates kept every step, so there is no map of it, but the furthest of each layer over all steps."
        st.html(div("", f"{remake} A new one with `levelfield parity` has the map.".replace("`", "")))
        _layers(summary)
    else:
        _map(one, data, shown, name)
        with st.expander("Layer by layer: the furthest over all steps"):
            _layers(summary)
    _limits(one)
    _facts(one)


def _about(found: Found) -> str:
    if not found.decides:
        return "It does not decide about this study: it is about other sides, code or settings, or another one outweighs it."
    return "It decides about " + " and about ".join(f"{one.a.title} / {one.b.title}" for one in found.decides) + " in this study."


def _map(one: Certificate, data: pd.DataFrame, shown: Shown, name: str) -> None:
    first = one.first_divergence
    parts = charts.parts(data)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = switch(PART, parts, default=charts.place(first) if first else None)
        kinds = _kinds(data, part)
        kind = switch(KIND, kinds) if len(kinds) > 1 else charts.ALL_KINDS
        layers = charts.layers_of(data)
        rows = _rows(layers) if len(layers) > MANY else EVERY
    cells, blocks = charts.of_part(data, part, kind), charts.groups(layers)
    if rows == BLOCKS:
        cells = charts.grouped(cells, blocks)
    elif rows != EVERY:
        cells = cells[cells["layer"].map(blocks) == rows]
    if cells.empty:
        st.html(div("", f"None of these layers has {charts.KINDS[kind]}."))
        return
    framed = None
    if first and charts.place(first) == part:
        layer = first.layer or LOSS
        framed = blocks[layer] if rows == BLOCKS else layer, (first.failed_at or 0) + 1
    figure = charts.heat_map(cells, title=f"Share of the tolerance: {_title(parts[part], kind)}", first=framed)
    with st.container(height=SCROLLED) if cells["row"].nunique() > MANY else nullcontext():
        chart(figure, f"parity-{shown.key}-{name}", cells.drop(columns="row"), basis=_basis(one), note=_note(part, rows))


def _kinds(data: pd.DataFrame, part: str) -> dict[str, str]:
    """All of them together, and those that were compared in the part, if that is more than one."""
    single = {kind: title for kind, title in charts.KINDS.items() if kind != charts.ALL_KINDS and len(charts.of_part(data, part, kind))}
    return {charts.ALL_KINDS: charts.KINDS[charts.ALL_KINDS]} | (single if len(single) > 1 else {})


def _rows(layers: Sequence[str]) -> str:
    """Which rows the map of a large network has."""
    blocks = charts.groups(layers)
    sizes = {block: sum(of == block for of in blocks.values()) for block in blocks.values()}
    titles = {BLOCKS: f"{len(sizes)} blocks of layers", EVERY: f"all {len(layers)} layers"}
    titles |= {block: f"{block}, {size} layers" for block, size in sizes.items() if size > 1}
    return box(LAYERS, titles, label="Rows")


def _title(part: str, kind: str) -> str:
    return part if kind == charts.ALL_KINDS else f"{part}, {charts.KINDS[kind]}"


def _note(part: str, rows: str) -> str:
    what = "A row is a block of layers, a cell" if rows == BLOCKS else "A cell is"
    blank = " A timed step shows its loss; parameters are seen after each call, hence the blanks." if part.startswith("timed") else ""
    return f"{what} the tensor that took most of its tolerance at that step; a cross is beyond it.{blank}"


def _basis(one: Certificate) -> str:
    outcome = "passed" if one.passed else "failed"
    return f"{one.steps} steps; one experiment (seed {one.seed}), so no intervals; track {one.track}; certificate {outcome}."


def _layers(summary: CertificateSummary) -> None:
    header, rows = layer_table(summary)
    cells = ((name, [f"{escape(main)}<small>{escape(detail)}</small>" for main, detail in one]) for name, one in rows)
    st.html(
        table(
            "lf-facts",
            list(header),
            (row(escape(name), shown, kind="lf-differs" if name == summary.diverged else "") for name, shown in cells),
        )
    )
    st.html(
        div(
            "lf-soft",
            "Largest relative difference max|a - b| / max|a| of any tensor of the layer over all steps, and what was allowed there.",
        )
    )


def _limits(one: Certificate) -> None:
    """What was allowed, and what that rests on."""
    heading("What was allowed")
    rows = (
        row(escape(NAMES.get(kind, kind)), [f"{limit.value:.1e} at most<small>{escape(limit.reason)}</small>"])
        for kind, limit in one.tolerances.items()
    )
    st.html(table("lf-facts", [], rows))
    lines = ["The measure is max|a - b| / max|a| of a tensor. Earlier steps were allowed less where the tolerance grows."]
    if one.sharp_steps < one.steps:
        lines.append(f"Sharp for {one.sharp_steps} of {one.steps} steps: then rounding alone drives each framework far from itself.")
    st.html("".join(div("lf-soft", line) for line in lines))


def _facts(one: Certificate) -> None:
    """What was certified, so that it can be done again."""
    with st.expander("What was certified, and with what"):
        st.html(table("lf-facts", ["", ""], (row(escape(key), [escape(value)]) for key, value in _told_facts(one))))


def _told_facts(one: Certificate) -> Iterable[tuple[str, str]]:
    yield "made", when(one.created_at)
    rate = "not recorded" if one.learning_rate is None else f"{one.learning_rate:g}"
    yield "steps", f"{one.steps} in each part, batch size {one.batch_size}, learning rate {rate}, seed {one.seed}, {one.precision}"
    yield "data", f"{one.data_source}, fingerprint {one.data_fingerprint[:FINGERPRINT_DIGITS]}"
    for side in one.sides:
        versions = ", ".join(f"{name} {version}" for name, version in side.versions.items())
        yield f"{side.framework} ({side.mode})", f"on {side.device}: {versions}; code {side.code[:FINGERPRINT_DIGITS]}"
    yield from (("tried before", told) for told in one.earlier)
