"""Layers that PyTorch has in another form than the workloads need them."""

import torch
from torch import nn
from torch.nn import functional

DROPOUTS = (nn.Dropout, nn.Dropout1d)


class SequenceDropout(nn.Dropout1d):
    """One mask for all time steps of a sequence; `nn.Dropout1d` drops whole channels, and expects time in the last axis."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, time, features) to the same shape."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class LastHidden(nn.LSTM):
    """An LSTM over (batch, time, features) that gives the last time step's hidden state, (batch, units)."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__(features, units, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The state starts at zero."""
        outputs, _ = super().forward(x)
        return outputs[:, -1]


class Squeeze(nn.Module):
    """(batch, 1) to (batch,), the shape that `nn.BCEWithLogitsLoss` expects."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop the last axis."""
        return x.squeeze(-1)


class PopulationBatchNorm2d(nn.BatchNorm2d):
    """Its moving variance is made of variances that divide by n; PyTorch's own divides by n - 1 there, and by n where it normalises."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) to the same shape."""
        if not self.training:
            return super().forward(x)
        # Autograd keeps the tensor that it is given to move, so that one must not be changed afterwards.
        moved, n = self.running_var.clone(), x.numel() // x.shape[1]
        y = functional.batch_norm(x, self.running_mean, moved, self.weight, self.bias, True, self.momentum, self.eps)
        # moved = (1 - momentum) before + momentum v n / (n - 1), and wanted is the same without the n / (n - 1).
        self.running_var.mul_((1.0 - self.momentum) / n).add_(moved, alpha=1.0 - 1.0 / n)
        return y


class GlobalAveragePool2d(nn.Module):
    """The mean of each channel: (batch, channels, height, width) to (batch, channels)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As Keras' layer of this name; PyTorch's pooling layers keep two axes of length 1."""
        return x.mean(dim=(2, 3))


class Residual(nn.Module):
    """What ``body`` makes of its input plus what ``shortcut`` does, then ReLU; a shortcut without layers passes it on."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) to such a shape."""
        return self.joined(self.body(x), self.shortcut(x))

    def joined(self, body: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """The sum after its ReLU; apart from the call, so that a certificate can lay open what is inside the block."""
        return functional.relu(body + shortcut)
