"""Measurements of the platform itself; each file says how it is run."""
