"""Plotly figures of what a study found and of the raw values behind it: pure functions, for the page and for the report as a file."""
