"""The digits CNN in PyTorch. Layer names are the workload's, so that its weights find their place."""

from collections import OrderedDict

import torch
from torch import nn
from torch.utils.data import TensorDataset

from levelfield.data import Dataset
from services.torch_worker.article import Article, channels_first


def network() -> nn.Sequential:
    """Images (batch, 1, 8, 8) to logits (batch, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 16, kernel_size=3),
            conv1_relu=nn.ReLU(),
            conv2=nn.Conv2d(16, 32, kernel_size=3),
            conv2_relu=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            dense1=nn.Linear(2 * 2 * 32, 64),
            dense1_relu=nn.ReLU(),
            logits=nn.Linear(64, 10),
        )
    )


def article(dataset: Dataset) -> Article:
    """Tensors of the images, which come in [0, 1], in a `TensorDataset`."""
    return Article(
        network=network(),
        loss=nn.CrossEntropyLoss(),
        train=TensorDataset(channels_first(dataset.x_train), torch.tensor(dataset.y_train)),
        test=TensorDataset(channels_first(dataset.x_test), torch.tensor(dataset.y_test)),
        preprocessing="none: the pixels come in [0, 1]",
    )
