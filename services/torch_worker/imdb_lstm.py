"""The IMDB LSTM in PyTorch. Layer names are the workload's, so that its weights find their place."""

from collections import OrderedDict

import torch
from torch import nn
from torch.utils.data import TensorDataset

from levelfield.data import Dataset
from services.torch_worker.article import Article
from services.torch_worker.layers import LastHidden, SequenceDropout, Squeeze


def network() -> nn.Sequential:
    """Tokens (batch, 200) to one logit (batch, 1). One dropout mask for a whole sequence, as Keras draws it."""
    return _network(SequenceDropout(0.2))


def article(dataset: Dataset) -> Article:
    """`nn.Dropout` draws a mask for every time step, and `nn.LSTM` has no recurrent dropout."""
    return Article(
        network=nn.Sequential(_network(nn.Dropout(0.2)), Squeeze()),
        loss=nn.BCEWithLogitsLoss(),
        train=TensorDataset(torch.tensor(dataset.x_train), torch.tensor(dataset.y_train, dtype=torch.float32)),
        test=TensorDataset(torch.tensor(dataset.x_test), torch.tensor(dataset.y_test, dtype=torch.float32)),
        preprocessing="none: the words come as integers",
    )


def _network(dropout: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            embedding=nn.Embedding(10_000, 128),
            dropout1=dropout,
            lstm=LastHidden(128, 128),
            logit=nn.Linear(128, 1),
        )
    )
