"""Test examples on which the networks of two sides part, a page at a time: pictures or texts, what is right, what each side says."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from levelfield.charts.predictions import name_of
from levelfield.charts.style import Look
from levelfield.predictions import Predictions
from levelfield.report.confusion import Parting, answers, ranked
from levelfield.report.examples import Examples
from ui.choosing import page_of, switch
from ui.look import div, dot, with_code

KIND, PAGE = "examples", "sheet"  # the names in the URL
PICTURES, TEXTS = 24, 8  # on a page
SIDE, LARGEST = 96, 128  # pixels of a small picture when it is shown, and of a large one
CSS = """<style>
.lf-examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1.1rem .9rem; margin: .4rem 0; }
.lf-examples figure { margin: 0; } .lf-examples figcaption { font-size: .86rem; line-height: 1.4; margin-top: .35rem; }
.lf-examples img { image-rendering: pixelated; border-radius: .2rem; border: 1px solid rgba(128,128,128,.35); display: block; }
.lf-text { border-top: 1px solid rgba(128,128,128,.3); padding: .6rem 0 .7rem; }
.lf-text .lf-said { display: flex; flex-wrap: wrap; gap: .1rem 1.3rem; font-size: .9rem; }
.lf-text p { margin: .4rem 0 0; line-height: 1.5; overflow-wrap: anywhere; }
</style>"""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The examples, and what the networks of two sides, one a seed, gave them; ``names`` are those of the classes."""

    examples: Examples
    names: Sequence[str]
    sides: tuple[Look, Look]
    networks: tuple[Sequence[Predictions], Sequence[Predictions]]
    labels: NDArray[np.int64]
    parting: Parting


def cards(answered: Answered, titles: tuple[str, str], shown_of: tuple[object, ...]) -> None:
    """The section: which kind, a page of them, and the way to the others. ``shown_of`` says whose they are."""
    parting = answered.parting
    counts = {"a": parting.a_only, "b": parting.b_only, "both": parting.both_wrong}
    told = {"a": f"only {titles[0]} right", "b": f"only {titles[1]} right", "both": "both wrong, differently"}
    kind = switch(KIND, {name: f"{text}: {np.count_nonzero(counts[name]):,}" for name, text in told.items()})
    found = ranked(counts[kind])
    if not len(found):
        st.html(div("", "There is none."))
        return
    each = PICTURES if answered.examples.are_images else TEXTS
    place = st.container()
    page = page_of(PAGE, -(-len(found) // each), of=(kind, *shown_of))
    chosen = found[(page - 1) * each : page * each].tolist()
    with place:
        _page(answered, chosen, counts[kind], first=(page - 1) * each + 1, of=len(found))


def _page(answered: Answered, chosen: Sequence[int], counts: NDArray[np.int64], *, first: int, of: int) -> None:
    st.html(CSS)
    known = answered.examples
    where = f"{first:,} to {first + len(chosen) - 1:,} of {of:,}."
    if not known.are_images and not known.words:
        fetch = f"`levelfield data fetch {known.name} --data-dir FOLDER`, with the data set's files there, adds them."
        st.html(f'<div class="lf lf-soft">{with_code(f"The words of these texts are not known: the cache holds none. {fetch}")}</div>')
    st.html(div("lf-soft", where))
    said = list(zip(*(answers(networks, chosen) for networks in answered.networks), strict=True))
    pieces = [_card(answered, at, both, int(counts[at])) for at, both in zip(chosen, said, strict=True)]
    kind = "lf-examples" if known.are_images else ""
    st.html(f'<div class="lf {kind}">{"".join(pieces)}</div>')


def _card(answered: Answered, at: int, said: tuple[Counter[int], Counter[int]], seeds: int) -> str:
    right = escape(name_of(int(answered.labels[at]), answered.names))
    lines = [dot(f"{side.name}: {_given(given, answered.names)}", side.colour) for side, given in zip(answered.sides, said, strict=True)]
    of = len(answered.networks[0])
    where = f"test example {at:,}" + (f", {seeds} of {of} seeds" if of > 1 else "")
    if answered.examples.are_images:
        rows = "".join(f"<div>{line}</div>" for line in lines)
        caption = f"<figcaption><div>right: <b>{right}</b></div>{rows}<small>{where}</small></figcaption>"
        return f"<figure>{_picture(answered.examples.picture(at), f'test example {at}: {right}')}{caption}</figure>"
    text = answered.examples.text(at)
    words = f"<p>{escape(text)}</p>" if text else ""
    head = f"<span>right: <b>{right}</b></span>{''.join(lines)}<small>{where}</small>"
    return f'<div class="lf-text"><div class="lf-said">{head}</div>{words}</div>'


def _given(given: Counter[int], names: Sequence[str]) -> str:
    """The classes, the most frequent first, with how many seeds each where they are not one."""
    if len(given) == 1:
        return escape(name_of(next(iter(given)), names))
    return ", ".join(f"{escape(name_of(at, names))} ({number})" for at, number in given.most_common())


def _picture(pixels: NDArray[np.uint8], told: str) -> str:
    """Small ones are enlarged by the browser, without smoothing; ``told`` is HTML."""
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((LARGEST, LARGEST))
    scale = SIDE / max(image.size) if max(image.size) < SIDE else 1.0
    width, height = (round(side * scale) for side in image.size)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    source = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{told}" width="{width}" height="{height}" src="data:image/png;base64,{source}">'
