"""The words that a comparison carries, each with its reason, and what would change it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from levelfield.report.model import Analysis, Comparison, Label, Side

Tone: TypeAlias = Literal["good", "info", "warn"]
_TONES: Mapping[str, Tone] = {"A/A": "info", "certified": "good"}
MEANINGS = {
    "certified": "Step by step, tensor by tensor, with the code that ran.",
    "preliminary": "From so few pairs the spread is itself only roughly known. Ten pairs (more seeds in the study) remove this label.",
    "unverified": "Both sides were given the same weights, batches and equations, but no step-by-step check says that the code that ran "
    "computes the same function, so part of a difference may come from that. "
    "A certificate that passes for this code, batch size, learning rate and data removes this label.",
    "not aligned": "That is what this track asks. What the framework itself changes is the question of the track `matched`.",
    "unverified source": "Both sides read the same data, so they can be compared, but figures from elsewhere may rest on other examples. "
    "`levelfield data fetch` brings the official files.",
    "own data": "Both sides read the same data, so they can be compared; figures from elsewhere rest on other examples.",
    "made-up data": "A folder of real images in the place of the made-up ones removes this label: docs/workloads.md.",
    "outside reference": "Runs with these settings reached other accuracies before, in all but 1 of 100 cases: look for what has changed.",
    "unequal resources": "Threads or cores that one side took beyond what both were given may have made it faster.",
    "not idle": "What a side does while it waits slows the other one down: the ratio favours it.",
    "not watched": "If something else was at work on the machine, some of a difference may be its doing. The noise gate watches the host "
    "of the orchestrator; `--no-gate` turns it off.",
    "undecided": "A study cannot be continued beyond its maximum without being wrong more often. A new one with more pairs may decide.",
    "incomplete": "What is missing may change the result. `levelfield resume {study}` runs what is left.",
}


@dataclass(frozen=True, kw_only=True)
class Badge:
    """``why`` it is there, a sentence; ``meaning``: what that means and what would change it, where commands stand between backticks."""

    name: str
    why: str
    meaning: str
    tone: Tone


def badges(comparison: Comparison, analysis: Analysis) -> list[Badge]:
    """All of a comparison, those of the whole study included; a certificate that passed comes first."""
    labels = [*_certified(comparison), *comparison.labels, *_against_itself(comparison)]
    return [_badge(label, analysis.study_id) for label in labels]


def of_study(analysis: Analysis) -> list[Badge]:
    """Those of the study itself."""
    return [_badge(label, analysis.study_id) for label in analysis.labels]


def _badge(label: Label, study: str) -> Badge:
    why = f"{label.why[:1].upper()}{label.why[1:]}."
    return Badge(name=label.name, why=why, meaning=MEANINGS.get(label.name, "").format(study=study), tone=_TONES.get(label.name, "warn"))


def _certified(comparison: Comparison) -> Iterable[Label]:
    if (found := comparison.certificate) and found.passed:
        yield Label(name="certified", why=found.verdict)


def _against_itself(comparison: Comparison) -> Iterable[Label]:
    """A comparison of a program with itself shows what the measurement alone makes of nothing."""
    if _program(comparison.a) == _program(comparison.b):
        yield Label(name="A/A", why="both sides are the same program, so whatever differs is noise of the measurement")


def _program(side: Side) -> tuple[str | None, ...]:
    return side.framework, side.mode, side.precision
