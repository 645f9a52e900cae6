"""torchvision's data sets over arrays that the core has verified."""

from torchvision import datasets


class VerifiedCIFAR10(datasets.CIFAR10):
    """The class itself unpickles whatever files it finds."""

    def __init__(self, images, labels, transform) -> None:
        datasets.VisionDataset.__init__(self, root=".", transform=transform)
        self.data, self.targets = images, labels.tolist()
