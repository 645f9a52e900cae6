"""The 20 newsgroups MLP in PyTorch. Layer names are the workload's, so that its weights find their place."""

from collections import OrderedDict

import torch
from torch import nn
from torch.utils.data import TensorDataset

from levelfield.data import Dataset
from services.torch_worker.article import Article


def network() -> nn.Sequential:
    """Word counts (batch, 10000) to logits (batch, 2)."""
    return nn.Sequential(
        OrderedDict(
            dense1=nn.Linear(10_000, 128),
            dense1_relu=nn.ReLU(),
            dropout1=nn.Dropout(0.2),
            dense2=nn.Linear(128, 128),
            dense2_relu=nn.ReLU(),
            logits=nn.Linear(128, 2),
        )
    )


def article(dataset: Dataset) -> Article:
    """Tensors of the counts in a `TensorDataset`."""
    return Article(
        network=network(),
        loss=nn.CrossEntropyLoss(),
        train=TensorDataset(torch.tensor(dataset.x_train), torch.tensor(dataset.y_train)),
        test=TensorDataset(torch.tensor(dataset.x_test), torch.tensor(dataset.y_test)),
        preprocessing="none: the words come as counts",
    )
