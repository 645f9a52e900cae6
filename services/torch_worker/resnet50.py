"""ResNet-50 v1.5 in PyTorch. Layer names are the workload's, so that its weights find their place."""

from collections import OrderedDict

from torch import nn

from levelfield.data import Dataset
from services.torch_worker.article import Article
from services.torch_worker.layers import GlobalAveragePool2d, PopulationBatchNorm2d, Residual

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, as torchvision's documentation gives them


def network() -> nn.Sequential:
    """Images (batch, 3, height, width) to logits (batch, 1000)."""
    layers = _convolution("stem", 3, 64, kernel=7, stride=2)
    layers["stem_pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    channels = 64
    for stage, (blocks, filters) in enumerate(STAGES, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            layers[name] = _bottleneck(name, channels, filters, stride=stride, projects=block == 1)
            channels = 4 * filters
    layers["pool"] = GlobalAveragePool2d()
    layers["logits"] = nn.Linear(channels, 1000)
    return nn.Sequential(layers)


def article(dataset: Dataset) -> Article:
    """Torchvision's own model, images and transforms one by one."""
    from torchvision import models, transforms  # the other tracks do without torchvision, whose import takes time

    from services.torch_worker.verified import VerifiedImages

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return Article(
        network=models.resnet50(weights=None),
        loss=nn.CrossEntropyLoss(),
        train=VerifiedImages(dataset.x_train, dataset.y_train, transform),
        test=VerifiedImages(dataset.x_test, dataset.y_test, transform),
        preprocessing="torchvision's ToTensor and Normalize with ImageNet's mean and deviation",
        initialiser="torchvision's own (KaimingNormal by fan out; KaimingUniform(a=sqrt(5)) of the last layer)",
    )


def _bottleneck(name: str, channels: int, filters: int, *, stride: int, projects: bool) -> Residual:
    body = (
        _convolution(f"{name}_1", channels, filters)
        | _convolution(f"{name}_2", filters, filters, kernel=3, stride=stride)
        | _convolution(f"{name}_3", filters, 4 * filters, relu=False)
    )
    shortcut = _convolution(f"{name}_0", channels, 4 * filters, stride=stride, relu=False) if projects else OrderedDict()
    return Residual(nn.Sequential(body), nn.Sequential(shortcut))


def _convolution(
    name: str, channels: int, filters: int, *, kernel: int = 1, stride: int = 1, relu: bool = True
) -> OrderedDict[str, nn.Module]:
    layers = OrderedDict[str, nn.Module]()
    layers[f"{name}_conv"] = nn.Conv2d(channels, filters, kernel, stride=stride, padding=kernel // 2, bias=False)
    layers[f"{name}_bn"] = PopulationBatchNorm2d(filters, eps=1e-5, momentum=0.1)
    if relu:
        layers[f"{name}_bn_relu"] = nn.ReLU()
    return layers
