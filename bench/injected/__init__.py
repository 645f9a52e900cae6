"""Workers that are slower by a known amount, for `docs/benchmarks/calibration.md`: does a duel find it?"""
