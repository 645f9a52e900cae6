"""Serve the report: ``python -m ui``, with the options of ``streamlit run``.

The same as ``streamlit run ui/app.py``, but what its pages import is imported now, before the first visitor would have to wait for it.
"""

import sys
from pathlib import Path

from streamlit.web.cli import main

import ui.visit  # noqa: F401 - for what comes with it

if __name__ == "__main__":
    main(["run", str(Path(__file__).with_name("app.py")), *sys.argv[1:]], prog_name="streamlit")
