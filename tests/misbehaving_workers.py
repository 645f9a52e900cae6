"""Workers that fail in the ways in which frameworks fail, for odd seeds alone: a study with them has good runs too.

Chosen by name in a service.toml: ``worker = "tests.misbehaving_workers:Raises"``.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from tests.fake_worker import NumpyWorker

BAD_EPOCH = 2  # counted from 1
BAD_STEP = 50  # counted from 1 over the whole run


class _OddSeeds(NumpyWorker):
    """Calls `misbehave` once, before the first step of epoch 2, where the seed is odd."""

    def setup(self, spec, *, threads):
        super().setup(spec, threads=threads)
        self.odd, self.epoch = spec.seed % 2 == 1, 0

    def begin_epoch(self, order):
        super().begin_epoch(order)
        self.epoch += 1

    def train_steps(self, n):
        if self.odd and self.epoch == BAD_EPOCH:
            self.misbehave()
        super().train_steps(n)

    def misbehave(self):
        raise NotImplementedError


class Raises(_OddSeeds):
    def misbehave(self):
        raise RuntimeError("the fake framework ran out of imaginary memory in epoch 2")


class RunsOutOfMemory(_OddSeeds):
    def misbehave(self):
        np.empty(2**58)


class KilledBySignal(_OddSeeds):
    def misbehave(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Slow(NumpyWorker):
    """Takes its time for each epoch, so that something can happen to it meanwhile."""

    def begin_epoch(self, order):
        time.sleep(0.15)
        super().begin_epoch(order)


class DiesAsSecondRank(NumpyWorker):
    """The others notice that it is gone, and fail too."""

    def train_steps(self, n):
        if self.gang.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        super().train_steps(n)


class DiesOnce(NumpyWorker):
    """Is killed where its third epoch begins, the first time that it comes so far; of a gang the last rank alone."""

    begun = 0

    def setup(self, spec, *, threads):
        super().setup(spec, threads=threads)
        self.mark = Path(os.environ["LEVELFIELD_RESULTS"], f"died-{spec.workers}-{spec.seed}")

    def begin_epoch(self, order):
        self.begun += 1
        if self.begun == 3 and self.gang.rank == self.gang.size - 1 and not self.mark.exists():
            self.mark.touch()
            self.die()
        super().begin_epoch(order)

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)


class HangsOnce(DiesOnce):
    """Stands still where `DiesOnce` is killed."""

    def die(self):
        time.sleep(3600)


class NeverComes(NumpyWorker):
    """Of a gang's processes one does not get as far as meeting the others: each odd one that is set up."""

    def setup(self, spec, *, threads):
        super().setup(spec, threads=threads)
        mark = Path(os.environ["LEVELFIELD_RESULTS"], "first")
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            mark.unlink()
            time.sleep(3600)


class PrintsAndRaises(_OddSeeds):
    def misbehave(self):
        print("fake framework: a last word on standard output", flush=True)  # noqa: T201
        print("fake framework: a last word on standard error", file=sys.stderr, flush=True)  # noqa: T201
        raise RuntimeError("the fake framework printed before it failed")


class RaisesUnpicklable(_OddSeeds):
    def misbehave(self):
        class LocalError(Exception):
            """Can be pickled neither by name nor by value."""

            def __init__(self, message):
                super().__init__(message)
                self.lock = threading.Lock()

        raise LocalError("the fake framework raised what cannot be pickled")


class Hangs(_OddSeeds):
    def train_steps(self, n):
        if self.odd:
            time.sleep(3600)
        super().train_steps(n)


class Exits(_OddSeeds):
    def build(self, spec, workload, weights):
        if self.odd:
            sys.exit(3)
        super().build(spec, workload, weights)

    def misbehave(self):
        """It has left before."""


class Diverges(_OddSeeds):
    """The loss of step 50 is NaN, that step's alone."""

    def train_step(self, x, y):
        super().train_step(x, y)
        if self.odd and self.step == BAD_STEP:
            self._losses[-1] = float("nan")

    def misbehave(self):
        """Its only fault is the loss."""
