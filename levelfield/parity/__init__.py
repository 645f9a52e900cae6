"""Parity: do two workers compute the same function? The certificate that says so, and everything that it rests on.

Needs NumPy alone: workers import it.
"""
