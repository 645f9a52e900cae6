"""The CIFAR-10 CNN in PyTorch. Layer names are the workload's, so that its weights find their place."""

from collections import OrderedDict

from torch import nn

from levelfield.data import Dataset
from services.torch_worker.article import Article


def network() -> nn.Sequential:
    """Images (batch, 3, 32, 32) to logits (batch, 10)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 32, kernel_size=3),
            conv1_relu=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(32, 64, kernel_size=3),
            conv2_relu=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            conv3=nn.Conv2d(64, 64, kernel_size=3),
            conv3_relu=nn.ReLU(),
            flatten=nn.Flatten(),
            dense1=nn.Linear(64 * 4 * 4, 64),
            dense1_relu=nn.ReLU(),
            dropout1=nn.Dropout(0.5),
            logits=nn.Linear(64, 10),
        )
    )


def article(dataset: Dataset) -> Article:
    """A data set of torchvision with the transforms of PyTorch's own tutorial: pixels in [-1, 1], image by image."""
    from torchvision import transforms  # the other tracks do without torchvision, whose import takes time

    from services.torch_worker.verified import VerifiedCIFAR10

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))])
    return Article(
        network=network(),
        loss=nn.CrossEntropyLoss(),
        train=VerifiedCIFAR10(dataset.x_train, dataset.y_train, transform),
        test=VerifiedCIFAR10(dataset.x_test, dataset.y_test, transform),
        preprocessing="torchvision's ToTensor and Normalize(0.5, 0.5): pixels in [-1, 1]",
    )
