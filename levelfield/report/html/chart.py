"""A chart of the page, and what the charts of a case are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.basis import LEVEL, basis_of
from levelfield.charts.style import Look
from levelfield.predictions import Predictions
from levelfield.report.counting import counted
from levelfield.report.model import Analysis, WorkloadAnalysis
from levelfield.report.runs import Frames

MAX_ROWS = 10_000  # of one chart's data: the file stays small


@dataclass(frozen=True, kw_only=True)
class Chart:
    """``key`` names it in the page and as a file; ``data`` is what it shows, at most `MAX_ROWS`; ``basis`` says what it rests on.

    ``choices``: what of several charts this one shows, where the reader chooses. ``legend``: CSS backgrounds by name, of a figure that has
    none itself.
    """

    key: str
    figure: go.Figure
    data: pd.DataFrame
    basis: str
    note: str = ""
    choices: tuple[str, ...] = ()
    legend: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A case of a study, and how each of its sides is drawn. ``predictions`` are by run id."""

    frames: Frames
    analysis: Analysis
    workload: WorkloadAnalysis
    look: Mapping[str, Look]
    predictions: Mapping[int, Predictions]

    def key(self, name: str) -> str:
        """A chart's key."""
        return f"{name}-{self.workload.name}-{self.workload.workers}"

    def basis(self, n: str, *, interval: str = LEVEL) -> str:
        """What a chart rests on, of which there are so many."""
        return basis_of(n, self.workload, self.analysis, interval=interval)

    def runs(self, statuses: list[str]) -> pd.DataFrame:
        """The latest attempts that ended so."""
        return counted(self.frames.runs, self.workload.case, statuses)
