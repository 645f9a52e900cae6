"""A package, so that ``tests.fake_worker`` is this one, whatever else an environment has installed under the name ``tests``."""

import os

# Read when NumPy is imported, so before that: on a busy machine OpenBLAS' threads wait for each other far longer than they compute.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
