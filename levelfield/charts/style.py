"""What every figure has in common: how a side is drawn, wherever it is, and an empty figure that suits light and dark ground."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from levelfield.report.model import Side
from levelfield.services import discover

# Told apart by all common forms of colour blindness (after Okabe and Ito 2008), each with a contrast of 3:1 or more on white and on
# Streamlit's dark background.
COLOURS_OF_FRAMEWORKS = {"tensorflow": "#d97706", "torch": "#2b83c6"}
OTHERS = ("#0a9673", "#c2649a", "#8b6bc8", "#8a8d2a")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
GREY = "#808890"
# Round numbers on a log scale, for values of any size.
TICKS = {
    "tickvals": [step * 10.0**power for power in range(-4, 10) for step in (1, 2, 5)],
    "ticktext": [f"{step * 10.0**power:,.10g}" for power in range(-4, 10) for step in (1, 2, 5)],
}
WHISKER = {"color": GREY, "thickness": 1.5}
CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "zoom2d", "resetScale2d"]]}


@dataclass(frozen=True)
class Look:
    """How a side is drawn in every figure. ``name`` is safe in HTML and in Plotly's texts."""

    label: str
    name: str
    colour: str
    dash: str
    symbol: str = "circle"


def looks(sides: Iterable[Side]) -> dict[str, Look]:
    """A look for each side of a study, by its label: the colour is the framework's, everywhere; dashes tell lines apart that coincide."""
    sides, found, seen = list(sides), {}, Counter[str]()
    others = _others(side.framework for side in sides)
    for at, side in enumerate(sides):
        colour = COLOURS_OF_FRAMEWORKS.get(side.framework) or OTHERS[others.index(side.framework) % len(OTHERS)]
        shade = shaded(colour, seen[side.framework])
        seen[side.framework] += 1
        found[side.label] = Look(side.label, escape(side.title), shade, DASHES[at % len(DASHES)], SYMBOLS[at % len(SYMBOLS)])
    return found


def _others(frameworks: Iterable[str]) -> list[str]:
    """The frameworks without a colour of their own: first those that this installation has, so that studies agree on their places."""
    wanted = [name for name in frameworks if name not in COLOURS_OF_FRAMEWORKS]
    installed = [name for name in sorted(discover()) if name not in COLOURS_OF_FRAMEWORKS] if wanted else []
    return list(dict.fromkeys([*installed, *wanted]))


def shaded(colour: str, at: int) -> str:
    """The colour of the side of a framework that comes at that place: the first has the framework's own, the others lean to grey."""
    share = 1 - 0.3 * min(at, 2)
    parts = zip(_rgb(colour), _rgb(GREY), strict=True)
    return "#" + "".join(f"{round(share * own + (1 - share) * grey):02x}" for own, grey in parts)


def faded(colour: str, opacity: float = 0.22) -> str:
    """A colour for an area through which others can be seen; ``colour`` is #rrggbb."""
    red, green, blue = _rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


_UPPER_LEFT = {"x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"}  # above what is drawn


def base(title: str, *, x: str, y: str = "", height: int = 360) -> go.Figure:
    """An empty figure. Backgrounds and texts are left to the theme, light or dark."""
    axis = {"automargin": True, "tickfont": {"size": 12}, "gridcolor": "rgba(128,128,128,.18)"}
    # All at once: updates of a figure take ten times as long.
    return go.Figure(
        layout={
            "title": {"text": title, "x": 0, "xanchor": "left", "y": 0.98, "yanchor": "top", "font": {"size": 15}},
            "height": height,
            "margin": {"l": 8, "r": 12, "t": 74, "b": 48},
            "legend": {"orientation": "h", "traceorder": "normal", "title": {"text": ""}, "font": {"size": 12}, **_UPPER_LEFT},
            "hovermode": "closest",
            "xaxis": {**axis, "title": {"text": x, "font": {"size": 13}}},
            "yaxis": {**axis, "title": {"text": y, "font": {"size": 13}}, "zeroline": False},
        }
    )
