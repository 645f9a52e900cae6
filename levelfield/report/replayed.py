"""A replay for readers: for a terminal, and as JSON."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from levelfield.report.curves import Curve
from levelfield.report.formats import MIB, MISSING, fixed, heading, number, percent, value
from levelfield.report.replay import Repeated, Replay
from levelfield.report.tables import Table
from levelfield.report.terminal import rich_table
from levelfield.report.unequal import listed
from levelfield.result import Status
from levelfield.stats.prediction import LEVEL

CAPTION = (
    "Expected: the 95% t prediction interval for one more run, or for the mean of as many as were made, after the old study's runs of this "
    "side and workload; on logarithms, but accuracy as it is. It knows how much those runs differed from each other, not how much one day "
    "or machine differs from another. What is learned counts as one more seed, however often it was repeated."
)
WORDS = {True: "inside", False: "OUTSIDE", None: "not judged"}


def to_rich(replay: Replay) -> RenderableType:
    """Everything that was found, for `rich.print`."""
    parts: list[RenderableType] = [Text(_title(replay), style="bold")]
    parts += [Text(line, style="red") for line in _endings(replay)]
    parts.append(Text(sentence(replay), style="bold green" if replay.is_confirmed else "bold red"))
    parts += [rich_table(_values(replay)), Text(CAPTION, style="dim")]
    parts += [Text(f"\n{line}") for line in _curves(replay)]
    if replay.differences:
        parts += [Text("\nWhat is not as it was:"), rich_table(_changes(replay), justify="left")]
    else:
        parts.append(Text("\nNothing that is recorded of worker, work and environment differs."))
    return Group(*parts)


def to_json(replay: Replay) -> str:
    """All of it as JSON; units are those of `levelfield.report.quantities`, missing is null."""
    plain: dict[str, Any] = asdict(replay)
    plain["values"] = [{**asdict(found), "quantity": found.quantity.name, "unit": found.quantity.unit} for found in replay.values]
    for run, shown in zip(replay.runs, plain["runs"], strict=True):
        if run.curve:
            shown["curve"]["is_identical"] = run.curve.is_identical
    plain["differences"] = [{"group": d.group, "aspect": d.aspect, "old": d.a, "new": d.b} for d in replay.differences]
    plain |= {"level": LEVEL, "is_confirmed": replay.is_confirmed, "sentence": sentence(replay)}
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sentence(replay: Replay) -> str:
    """What was found, in short: how many values lie inside, and how many would lie outside by chance alone."""
    judged = [found for found in replay.values if found.inside is not None]
    lost = [found.quantity.label for found in replay.values if found.is_lost]
    parts = [f"Without a new value: {listed(lost)}."] if lost else []
    if not judged:
        return " ".join(["No value can be judged.", *parts])
    if outside := [found.quantity.label for found in replay.outside]:
        parts.insert(0, f"{len(outside)} of {len(judged)} values lie{'s' if len(outside) == 1 else ''} outside: {listed(outside)}.")
    else:
        parts.insert(0, "The one value that has an interval lies inside." if len(judged) == 1 else f"All {len(judged)} values lie inside.")
    chance = f"Of {len(judged)} such intervals {number((1 - LEVEL) * len(judged), 2)} miss by chance, on average."
    return " ".join([*parts, chance])


def _title(replay: Replay) -> str:
    what = f"{replay.side}, {replay.workload}, seed {replay.seed}"
    return f"Replay of run {replay.run_id} ({what}) of study {replay.study_id}, as study {replay.new_study_id}"


def _endings(replay: Replay) -> Iterable[str]:
    """What did not go as it should, and whether anybody watched."""
    if replay.status is not Status.OK:
        yield f"The old run was {replay.status}."
    for run in replay.runs:
        if run.status is not Status.OK:
            yield f"Run {run.run_id}, attempt {run.attempt}: {run.status}: {' '.join((run.reason or 'no reason was given').split())}"
    if blind := [str(run.run_id) for run in replay.runs if not run.watched and run.status is Status.OK]:
        yield f"The noise gate did not watch run {listed(blind)}: what else was at work on the machine is not known."


def _values(replay: Replay) -> Table:
    several = len(replay.runs) > 1
    new = f"mean of {len(replay.runs)} new runs" if several else "new run"
    return Table(
        header=("", "old run", "expected (95%)", new, "change", ""),
        rows=tuple((heading(found.quantity), tuple((cell, "") for cell in _cells(found))) for found in replay.values),
    )


def _cells(found: Repeated) -> Iterable[str]:
    yield _written(found, found.old)
    ends = found.interval and [_written(found, end) for end in (found.interval.low, found.interval.high)]
    yield f"{' to '.join(ends)} ({found.old_runs} runs)" if ends else "no interval"
    yield _written(found, found.centre)
    yield _change(found)
    yield f"{WORDS[found.inside]}{f' ({found.why})' if found.why else ''}"


def _written(found: Repeated, raw: float | None) -> str:
    """As everywhere, but with so many digits that the ends of a narrow interval do not look like what lies beside it."""
    if raw is None:
        return MISSING
    ends = found.interval
    if found.quantity.unit == "share" or ends is None or not 0 < ends.low < ends.high:
        return value(found.quantity, raw)
    digits = 2 - math.floor(math.log10((ends.high - ends.low) / ends.high))
    return number(raw / MIB if found.quantity.unit == "bytes" else raw, min(max(3, digits), 9))


def _change(found: Repeated) -> str:
    """Against the old run of the same seed: in points of accuracy, else as a share of its value."""
    if found.old is None or found.centre is None:
        return ""
    difference = found.centre - found.old
    if found.quantity.unit == "share":
        return f"{fixed(difference * 100, 2, sign=True)} points"
    if not difference:
        return "none"
    return f"{'+' if difference > 0 else ''}{percent(difference / found.old)}" if found.old else ""


def _curves(replay: Replay) -> Iterable[str]:
    for run in replay.runs:
        yield f"Learning curve of run {run.run_id}: {curve_text(run.curve, replay.inexact)}"


def curve_text(curve: Curve | None, inexact: tuple[str, ...]) -> str:
    """Whether the losses are those of the old run bit for bit, from where on they are not, and whether they should be."""
    if curve is None:
        return "the two have no losses that could be compared."
    if curve.is_identical:
        return f"the losses of all {curve.old:,} {curve.unit}s are bit for bit those of the old run."
    should = (
        f"That need not surprise: {listed(inexact)}." if inexact else "They should be equal: nothing that decides them is known to differ."
    )
    if curve.first is None:
        lengths = f"the old run has {curve.old} {curve.unit}s and the new {curve.new}"
        return f"the losses are equal as far as both go, but {lengths}. {should}"
    most = f"; the largest relative difference is {curve.largest:.1e}, at {curve.unit} {curve.largest_at}" if curve.largest else ""
    return f"the losses differ from those of the old run, first at {curve.unit} {curve.first} of {curve.old}{most}. {should}"


def _changes(replay: Replay) -> Table:
    rows, before = [], None
    for found in replay.differences:
        rows.append((found.group if found.group != before else "", ((found.aspect, ""), (found.a, ""), (found.b, ""))))
        before = found.group
    return Table(header=("", "", "old", "new"), rows=tuple(rows))
