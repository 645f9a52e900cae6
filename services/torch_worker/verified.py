"""torchvision's data sets over arrays that the core has verified."""

from PIL import Image
from torchvision import datasets


class VerifiedCIFAR10(datasets.CIFAR10):
    """The class itself unpickles whatever files it finds."""

    def __init__(self, images, labels, transform) -> None:
        datasets.VisionDataset.__init__(self, root=".", transform=transform)
        self.data, self.targets = images, labels.tolist()


class VerifiedImages(datasets.VisionDataset):
    """Images of an array, given as `datasets.ImageFolder` gives those of files."""

    def __init__(self, images, labels, transform) -> None:
        super().__init__(root=".", transform=transform)
        self.data, self.targets = images, labels.tolist()

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]

    def __len__(self) -> int:
        return len(self.data)
