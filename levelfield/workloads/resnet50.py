"""ResNet-50 v1.5 (He et al. 2016, with the stride in the 3 by 3 convolution) on images of ImageNet's size: work enough for a real GPU."""

from collections.abc import Iterator

from levelfield.workloads.base import SGD, Small, Workload
from levelfield.workloads.layers import Activation, BatchNorm, Conv2D, Dense, GlobalAveragePool2D, MaxPool2D, Plain, Residual

CLASSES = 1000
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # blocks, and filters of their inner convolutions
EXPANSION = 4  # a block's output has so many times more
RATE = 0.1 / 256  # for each example of a batch (Goyal et al. 2017)


def _convolution(
    name: str, filters: int, *, kernel: int = 1, stride: int = 1, activation: Activation = "relu", zero_init_gamma: bool = False
) -> tuple[Plain, Plain]:
    """Without a bias, which the batch norm would take away again."""
    return (
        Conv2D(
            name=f"{name}_conv", filters=filters, kernel=kernel, stride=stride, padding=kernel // 2, bias=False, initialiser="he_fan_out"
        ),
        BatchNorm(name=f"{name}_bn", activation=activation, zero_init_gamma=zero_init_gamma),
    )


def _block(name: str, filters: int, *, stride: int, projects: bool) -> Residual:
    """A bottleneck. Its first one in a stage changes the size, so the input is projected to be added."""
    return Residual(
        name=name,
        body=(
            *_convolution(f"{name}_1", filters),
            *_convolution(f"{name}_2", filters, kernel=3, stride=stride),
            *_convolution(f"{name}_3", filters * EXPANSION, activation=None, zero_init_gamma=True),
        ),
        shortcut=_convolution(f"{name}_0", filters * EXPANSION, stride=stride, activation=None) if projects else (),
    )


def _blocks() -> Iterator[Residual]:
    for stage, (blocks, filters) in enumerate(STAGES, start=1):
        for block in range(1, blocks + 1):
            first = block == 1
            yield _block(f"stage{stage}_block{block}", filters, stride=2 if first and stage > 1 else 1, projects=first)


WORKLOAD = Workload(
    name="resnet50",
    title="ResNet-50 v1.5, images of 224 by 224",
    dataset="imagenet",
    input_shape=(224, 224, 3),
    input_scale=255.0,
    classes=CLASSES,
    layers=(
        *_convolution("stem", 64, kernel=7, stride=2),
        MaxPool2D(name="stem_pool", size=3, stride=2, padding=1),
        *_blocks(),
        GlobalAveragePool2D(name="pool"),
        Dense(name="logits", units=CLASSES),
    ),
    optimizer=SGD(learning_rate=RATE * 32),
    batch_size=32,
    epochs=5,
    block_steps=1,
    gpu_block_steps=10,
    target_accuracy=0.759,  # MLPerf Training's, for ImageNet itself
    small=Small(input_shape=(64, 64, 3), batch_size=8, learning_rate=RATE * 8),
)
