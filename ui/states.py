"""The page when there is nothing to compare yet, or nothing that can be read."""

from pathlib import Path

import streamlit as st

from levelfield.report.model import Analysis
from levelfield.store import StoreError
from levelfield.store.address import parse
from ui.look import div, with_code

LONGEST = 500  # characters of an error


def cannot_read(url: str, error: StoreError) -> None:
    """Says what is wrong and what to do. The error's own message holds no password."""
    if is_missing(url):
        nothing_yet(str(error))
        return
    st.html(div("lf-verdict", "The store cannot be read"))
    st.html(f'<div class="lf">{with_code(_sentence(str(error)))}</div>')
    st.html(
        f'<div class="lf lf-soft">{with_code("Another store: set `LEVELFIELD_STORE` to its path or URL and start the report again.")}</div>'
    )
    st.button("Try again")


def broken(error: Exception) -> None:
    """Something that nobody thought of: said in a sentence; the log of whoever serves the page has the rest."""
    st.html(div("lf-verdict lf-broken", "This page cannot be shown"))
    st.html(div("", f"{type(error).__name__}: {error}"[:LONGEST]))
    st.html(
        div("lf-soft", "What led to it stands in the log of the process that serves the report. The other pages are not touched by it.")
    )
    st.button("Try again")


def nothing_yet(why: str) -> None:
    """There is no study in the store, or no store."""
    st.html(div("lf-verdict", "Nothing has been measured yet"))
    st.html('<div class="lf">This compares TensorFlow and PyTorch on handwritten digits, in about three minutes:</div>')
    st.code("levelfield run studies/quickstart.yaml", language="bash")
    st.html(
        f'<div class="lf lf-soft">{with_code(f"From a fresh checkout, `make compare` sets everything up first. {_sentence(why)}")}</div>'
    )
    st.html(f'<div class="lf lf-soft">{with_code("Results elsewhere: set `LEVELFIELD_STORE` or `LEVELFIELD_RESULTS`.")}</div>')
    st.button("Look again")


def progress(analysis: Analysis) -> None:
    """How far a study has come that is not complete."""
    if analysis.recorded >= analysis.planned:
        return
    st.progress(analysis.recorded / max(analysis.planned, 1), text=f"{analysis.recorded} of {analysis.planned} runs recorded")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Refresh")
        st.html(f'<div class="lf lf-soft">{with_code(f"If it was interrupted, `levelfield resume {analysis.study_id}` goes on.")}</div>')


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def is_missing(url: str) -> bool:
    """Whether there is no store yet where it should be."""
    try:
        address = parse(url)
    except StoreError:
        return False
    return address.get_backend_name() == "sqlite" and not Path(address.database or "").exists()
