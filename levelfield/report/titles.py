"""The names that readers see. A stored study stays readable when a service or a workload is gone: then the stored name stands."""

from collections.abc import Mapping
from typing import Any

from levelfield import services, workloads
from levelfield.report.model import Side
from levelfield.spec import Case
from levelfield.tracks import TRACKS, Granularity


def workload_title(name: str) -> str:
    """The workload's title, or its name where this installation does not have it."""
    try:
        return workloads.get(name).title
    except KeyError:
        return name


def case_title(case: Case) -> str:
    """The workload's title, and how many workers trained it together if there were several."""
    return workload_title(case.workload) + (f", {case.workers} workers" if case.workers > 1 else "")


def track_question(name: str) -> str:
    """The question that a track asks; nothing where this installation does not know the track."""
    return TRACKS[name].question if name in TRACKS else ""


def is_aligned(track: str) -> bool:
    """Whether both sides start from the same weights and take the same batches; of a track that is not known here, that is asked, too."""
    return track not in TRACKS or TRACKS[track].certified


def has_steps(name: str) -> bool:
    """Whether the core asks for steps in a track, so that there can be bursts."""
    return name in TRACKS and TRACKS[name].granularity is Granularity.STEP


def read_sides(study: Mapping[str, Any]) -> tuple[Side, ...]:
    """The sides of a study in its order. A side whose label is just its framework's name is shown by the framework's title."""
    titles = framework_titles()
    return tuple(_side(entry, titles) for entry in study["frameworks"])


def _side(entry: Mapping[str, Any], titles: Mapping[str, str]) -> Side:
    label = str(entry["label"])
    framework = str(entry.get("framework", label))
    title = titles.get(framework, label) if label == framework else label
    return Side(label=label, title=title, framework=framework, mode=entry.get("mode"), precision=entry.get("precision"))


def framework_titles() -> dict[str, str]:
    """By framework, the title that its service gives it; empty where the services cannot be read."""
    try:
        return {name: service.title for name, service in services.discover().items()}
    except services.ServiceError:
        return {}
