"""The report in the browser: ``streamlit run ui/app.py``. What all pages share: which there are, and which study they show."""

import logging
from pathlib import Path

import streamlit as st

from ui import look, states, visit

LOG = logging.getLogger("levelfield.ui")
# A file of our own: Streamlit's icons come over the network.
ICON = Path(__file__).with_name("icon.svg")
PAGES = {
    "This study": {
        "verdict": "Verdict",
        "learning": "Learning curves",
        "speed": "Speed",
        "memory": "Memory and energy",
        "scaling": "Scaling",
        "predictions": "Predictions",
        "parity": "Parity",
    },
    "All studies": {"runs": "Runs", "history": "History", "launch": "Launch"},
}


def main() -> None:
    """The frame, and the page in it."""
    st.set_page_config(page_title="Levelfield", page_icon=ICON, layout="wide")
    st.html(look.CSS)
    groups = {
        group: [st.Page(f"views/{name}.py", title=title, url_path=name, default=name == "verdict") for name, title in pages.items()]
        for group, pages in PAGES.items()
    }
    page = st.navigation(groups, expanded=True)
    st.html('<div class="lf lf-brand">Levelfield <span class="lf-soft">frameworks compared on a level field</span></div>')
    try:
        visit.arrive()
        page.run()
    except Exception as error:
        LOG.exception("the page %s cannot be shown", page.url_path or "verdict")
        states.broken(error)


if __name__ == "__main__":
    main()
