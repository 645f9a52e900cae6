"""Layers of the NumPy reference one after the other, and beside each other in a residual block."""

from collections.abc import Iterator

from levelfield.workloads.base import Weights


class Chain(list):
    """``outputs`` holds what each layer gave in the last `forward`, by name; ``gradients`` those of their parameters after `backward`."""

    def every(self) -> Iterator:
        """All layers, also those inside others."""
        for op in self:
            yield op
            for chain in getattr(op, "chains", ()):
                yield from chain.every()

    def forward(self, x):
        self.outputs: Weights = {}
        for op in self:
            x = op.forward(x)
            self.outputs |= getattr(op, "outputs", {})
            self.outputs[op.name] = x
        return x

    def backward(self, gradient):
        self.gradients: Weights = {}
        for op in reversed(self):
            gradient = op.backward(gradient)
            self.gradients |= op.gradients
        return gradient


class ResidualOp:
    """The sum of what two chains make of the same input."""

    def __init__(self, name: str, body: Chain, shortcut: Chain) -> None:
        self.name, self.chains = name, (body, shortcut)

    def forward(self, x):
        body, shortcut = (chain.forward(x) for chain in self.chains)
        self.outputs = self.chains[0].outputs | self.chains[1].outputs
        return body + shortcut

    def backward(self, dy):
        body, shortcut = (chain.backward(dy) for chain in self.chains)
        self.gradients = self.chains[0].gradients | self.chains[1].gradients
        return body + shortcut
