"""Tests of the report in the browser."""
