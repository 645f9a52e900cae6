"""A study as one HTML file that needs no network. Importing this imports Plotly, which takes a while."""

from levelfield.report.html.page import to_html

__all__ = ["to_html"]
