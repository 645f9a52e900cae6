"""Layers that PyTorch has in another form than the workloads need them."""

import torch
from torch import nn

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
