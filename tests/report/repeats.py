"""Studies that repeat a run of one that was made by hand, and what is found."""

import io
from types import SimpleNamespace

from rich.console import Console

from levelfield.report.replayed import to_rich
from tests.report.study_factory import TABLES, Given, frames

OLD, NEW = 3, 101  # the first is TensorFlow's, of seed 1


def repeat(*ids, of=OLD, runs=None, **changes):
    """A study whose runs repeat one of `frames()`; ``changes`` are columns that are not as they were."""
    old = runs or frames()
    parts = {}
    for name in TABLES:
        frame = getattr(old, name)
        parts[name] = type(frame)(
            [row | {"run_id": new} for new in ids for row in frame[frame["run_id"] == of].to_dict("records")], columns=frame.columns
        ).astype(frame.dtypes)
    for column, value in changes.items():
        parts["runs"][column] = [value] * len(parts["runs"])
    parts["runs"]["side"] = [f"#{number}" for number, _ in enumerate(ids)]
    study = SimpleNamespace(**vars(old.study) | {"id": f"replay-{of}-x"})
    return Given(study=study, duels=old.duels, bursts=old.bursts, certificates=(), **parts)


def values(found):
    return {value.quantity.name: value for value in found.values}


def shown(found, width=160):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(to_rich(found))
    return " ".join(console.export_text().split())
