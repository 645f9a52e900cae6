"""Runs of any studies next to each other: their settings, their values, and in what they and their machines differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from levelfield.report import formats
from levelfield.report.aspects import GROUPS, Account, Aspect, aspects, framework, text
from levelfield.report.quantities import QUANTITIES, SPEED, Quantity
from levelfield.report.runs import Frames, Run, read_runs
from levelfield.report.titles import read_sides, workload_title

NOT_TOLD = "not told"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the runs. ``title`` is what readers call its side; ``asked`` are settings by name, None where it is the workload's own."""

    run: Run
    study: str
    title: str
    levelfield_version: str
    source_hash: str
    asked: dict[str, float | None]

    @property
    def name(self) -> str:
        """Short and unique."""
        return f"run {self.run.run_id} ({self.title}, seed {self.run.seed})"


@dataclass(frozen=True, kw_only=True)
class Row:
    """Something that is said of every run, in the order of the runs."""

    name: str
    cells: tuple[str, ...]
    group: str = ""

    @property
    def differs(self) -> bool:
        """Whether not all of them say the same."""
        return len(set(self.cells)) > 1


def members(found: Iterable[Frames]) -> list[Member]:
    """The runs of all these studies, by id."""
    return sorted((member for frames in found for member in _of_study(frames)), key=lambda member: member.run.run_id)


def settings(compared: Sequence[Member]) -> list[Row]:
    """What was asked for, with which versions, and how it ended."""
    return [Row(name=name, cells=tuple(said(member) for member in compared)) for name, said in _SETTINGS.items()]


def values(compared: Sequence[Member]) -> list[Row]:
    """Every quantity that any of the runs has; what a run lacks is named with the reason."""
    shown = [quantity for quantity in QUANTITIES if any(member.run.value(quantity) is not None for member in compared)]
    return [
        Row(name=formats.heading(quantity), cells=tuple(_value(quantity, member.run) for member in compared))
        for quantity in shown
        if quantity is not SPEED  # of a pair, not of a run
    ]


def said(compared: Sequence[Member]) -> list[Row]:
    """Everything that the workers said of themselves, of their machines and of the work that was done, group by group."""
    found = [aspects(member.run.account) for member in compared]
    names = sorted(dict.fromkeys(aspect for one in found for aspect in one), key=lambda aspect: list(GROUPS).index(aspect.group))
    accounts = [member.run.account for member in compared]
    # A run that did not come to its end has not done all of its work: that is told elsewhere.
    shown = (aspect for aspect in names if aspect.group != "work" or all(account.work for account in accounts))
    rows = (
        Row(
            name=aspect.name,
            group=aspect.group,
            cells=tuple(_text(aspect, account, one) for account, one in zip(accounts, found, strict=True)),
        )
        for aspect in shown
    )
    return [Row(name="framework", group="arithmetic", cells=tuple(map(_framework, accounts))), *rows]


def _of_study(frames: Frames) -> Iterable[Member]:
    titles = {side.label: side.title for side in read_sides(frames.study.study)}
    for run, epochs in zip(read_runs(frames), frames.runs["epochs"], strict=True):
        yield Member(
            run=run,
            study=frames.study.id,
            title=titles.get(run.side, run.side),
            levelfield_version=frames.study.levelfield_version,
            source_hash=frames.study.source_hash,
            asked={"batch_size": run.batch_size, "epochs": None if pd.isna(epochs) else int(epochs), "learning_rate": run.learning_rate},
        )


def _asked(name: str) -> Callable[[Member], str]:
    return lambda member: "the workload's own" if member.asked[name] is None else f"{member.asked[name]:,}"


_SETTINGS: dict[str, Callable[[Member], str]] = {
    "study": lambda member: member.study,
    "workload": lambda member: workload_title(member.run.workload),
    "side": lambda member: member.title,
    "framework": lambda member: _framework(member.run.account),
    "track": lambda member: member.run.track,
    "mode": lambda member: member.run.mode,
    "precision": lambda member: member.run.precision,
    "device": lambda member: member.run.device,
    "workers": lambda member: f"{member.run.workers}",
    "seed": lambda member: f"{member.run.seed}",
    "epochs": _asked("epochs"),
    "batch size": _asked("batch_size"),
    "learning rate": _asked("learning_rate"),
    "Levelfield": lambda member: f"{member.levelfield_version}, sources {member.source_hash[:12]}",
    "attempt": lambda member: f"{member.run.attempt}",
    "status": lambda member: str(member.run.status),
}


def _value(quantity: Quantity, run: Run) -> str:
    raw = run.value(quantity)
    return f"{formats.MISSING} ({run.why_missing(quantity)})" if raw is None else formats.value(quantity, raw)


def _framework(account: Account) -> str:
    return framework(account) if account.description else NOT_TOLD


def _text(aspect: Aspect, account: Account, found: Mapping[Aspect, Any]) -> str:
    """What a run died too early to tell is not held against it as something that it does not have."""
    if found.get(aspect) is not None:
        return text(found[aspect])
    told = account.environment if aspect.group == "environment" else account.description
    return (aspect.absent or "not there") if told else NOT_TOLD
