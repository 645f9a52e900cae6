"""Workers that are right where masks are given, but not where they draw them, each in one way."""

from dataclasses import replace

import numpy as np

from levelfield.parity.experiment import Part
from levelfield.workloads.layers import Dropout
from tests.fake_dropout import DropoutOp, draw_masks
from tests.fake_worker import NumpyWorker
from tests.parity.registry import diverges
from tests.parity.small import TEXTS, WIDE


class _OtherLayers(NumpyWorker):
    """Draws as if its dropout layers had other ``changes``."""

    def changes(self, layer):
        raise NotImplementedError

    def own_masks(self, examples):
        layers = (replace(each, **self.changes(each)) if isinstance(each, Dropout) else each for each in self.workload.layers)
        return draw_masks(replace(self.workload, layers=tuple(layers)), examples, self.rng)


@diverges("output/dropout1", part=Part.DRAWN, workload=WIDE)
class DropsByTheSquareOfItsRate(_OtherLayers):
    """And rescales as it should."""

    def changes(self, layer):
        return {"rate": layer.rate**2}


@diverges("output/dropout1", part=Part.DRAWN, workload=TEXTS)
class DrawsForEachTimeStep(_OtherLayers):
    def changes(self, layer):
        return {"per_sequence": False}


@diverges("output/dropout1", part=Part.DRAWN, workload=WIDE)
class RescalesAllAndDropsNone(_OtherLayers):
    def changes(self, layer):
        return {"rate": 0.0}


@diverges("output/dropout1", part=Part.DRAWN)
class NeverDrops(NumpyWorker):
    def own_masks(self, examples):
        return None


@diverges("output/dropout1", part=Part.DRAWN)
class RescalesGivenMasksAlone(NumpyWorker):
    """As one does whose own dropout is the plain kind of 2014, not the inverted one."""

    def own_masks(self, examples):
        self.drawn = super().own_masks(examples)
        return self.drawn

    def learn(self, x, y, masks):
        for op in self.network:
            if isinstance(op, DropoutOp):
                op.__class__ = self.Plain if masks is getattr(self, "drawn", None) else DropoutOp
        return super().learn(x, y, masks)

    class Plain(DropoutOp):
        def _dropped(self, x):
            return x if self.kept is None else np.where(self.kept, x, x.dtype.type(0))
