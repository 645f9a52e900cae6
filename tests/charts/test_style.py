"""How sides are drawn."""

import pytest

from levelfield.charts.style import COLOURS_OF_FRAMEWORKS as FRAMEWORKS
from levelfield.charts.style import GREY, OTHERS, faded, looks, shaded
from levelfield.report.model import Side


def side(framework, label=None):
    return Side(label=label or framework, title=f"<{framework}>", framework=framework)


def test_a_framework_has_its_colour_in_every_study():
    one, other = looks([side("torch"), side("tensorflow")]), looks([side("tensorflow"), side("jax"), side("torch")])
    for name in ("torch", "tensorflow"):
        assert one[name].colour == other[name].colour == FRAMEWORKS[name]
    assert other["jax"].colour == OTHERS[0]


def test_sides_of_one_framework_are_told_apart():
    found = looks([side("torch", "eager"), side("torch", "compile"), side("torch", "third")])
    assert len({one.dash for one in found.values()}) == 3
    assert len({one.symbol for one in found.values()}) == 3
    assert len({one.colour for one in found.values()}) == 3
    assert found["eager"].colour == FRAMEWORKS["torch"]


def test_names_are_safe_in_html():
    assert looks([side("torch")])["torch"].name == "&lt;torch&gt;"


def luminance(colour):
    """Relative luminance after WCAG 2.1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ground", ["#ffffff", "#0e1117"])
@pytest.mark.parametrize("colour", [*FRAMEWORKS.values(), *OTHERS, *(shaded(c, 2) for c in FRAMEWORKS.values()), GREY])
def test_colours_are_seen_on_light_and_dark_ground(colour, ground):
    low, high = sorted([luminance(colour), luminance(ground)])
    assert (high + 0.05) / (low + 0.05) >= 3


def test_a_faded_colour():
    assert faded("#102030", 0.5) == "rgba(16,32,48,0.5)"
