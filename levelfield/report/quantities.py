"""What is measured once for each run: one list, in the order in which readers see it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, eq=False)  # each of them is one object, which makes looking for it quick
class Quantity:
    """Something that is measured once for each run. ``compared`` says how two sides are set against each other, if at all.

    ``counts`` says which runs give it: those whose timing counts, those whose learning counts, or those whose pair had a duel that is
    valid, however they trained. ``absent`` is why such a run may lack it.
    """

    name: str
    label: str
    unit: str
    counts: Literal["timing", "learning", "duel"]
    compared: Literal["ratio", "difference"] | None
    absent: str


ACCURACY = Quantity(
    name="test_accuracy",
    label="test accuracy",
    unit="share",
    counts="learning",
    compared="difference",
    absent="no epoch was completed",
)
SPEED = Quantity(
    name="speed",
    label="speed in bursts",
    unit="examples/s",
    counts="duel",
    compared="ratio",
    absent="no duel of its pair is recorded that is valid",
)
THROUGHPUT = Quantity(
    name="throughput",
    label="throughput",
    unit="examples/s",
    counts="timing",
    compared="ratio",
    absent="fewer than 100 steady steps",
)
# The sum of the phases build, warm-up and train; data and device come before build.
TIME_TO_TRAIN = Quantity(
    name="time_to_train",
    label="time to train",
    unit="s",
    counts="timing",
    compared="ratio",
    absent="phases not recorded",
)
# All that comes before training at full speed; warm-up counts with what it took longer than its examples take at full speed.
START = Quantity(
    name="start",
    label="start until full speed",
    unit="s",
    counts="timing",
    compared=None,
    absent="fewer than 100 steady steps",
)
WALL = Quantity(name="wall", label="total wall clock", unit="s", counts="timing", compared=None, absent="not recorded")
# From the first step to the end of the run. Memory that was freed and has to be zeroed anew is a part of it (decision 12).
KERNEL_SHARE = Quantity(
    name="kernel_share",
    label="processor time in the kernel",
    unit="share",
    counts="timing",
    compared=None,
    absent="not recorded",
)
# Steps of a gang with the exchange of gradients against steps without, by turns on the same processes after training.
EXCHANGE_SHARE = Quantity(
    name="exchange_share",
    label="time in the exchange of gradients",
    unit="share",
    counts="timing",
    compared=None,
    absent="one worker, or the gang gave no bursts",
)
PROCESS_MEMORY = Quantity(
    name="process_peak_rss",
    label="peak memory (RSS)",
    unit="bytes",
    counts="timing",
    compared="ratio",
    absent="not recorded",
)
FRAMEWORK_MEMORY = Quantity(
    name="framework_peak",
    label="framework's peak memory",
    unit="bytes",
    counts="timing",
    compared=None,
    absent="the framework does not tell",
)
# Read off the device from outside, so with the contexts of all processes on it.
DEVICE_MEMORY = Quantity(
    name="device_peak",
    label="GPU's peak memory, all of it",
    unit="bytes",
    counts="timing",
    compared=None,
    absent="no GPU, or the other side of its pair was on it too",
)
# Of the GPU, or of the processor packages, whoever used them.
ENERGY = Quantity(
    name="energy",
    label="energy from counters",
    unit="J",
    counts="timing",
    compared=None,
    absent="no energy counter, or the run was shorter than 5 s",
)
ENERGY_ABOVE_IDLE = Quantity(
    name="energy_above_idle",
    label="of it, above the idle baseline",
    unit="J",
    counts="timing",
    compared=None,
    absent="no energy counter, or the run was shorter than 5 s",
)
# The price list is the study's, in its currency.
COST = Quantity(
    name="cost",
    label="cost of the run",
    unit="money",
    counts="timing",
    compared="ratio",
    absent="the study has no price for its device",
)
QUANTITIES = (
    ACCURACY,
    SPEED,
    THROUGHPUT,
    START,
    TIME_TO_TRAIN,
    WALL,
    COST,
    KERNEL_SHARE,
    EXCHANGE_SHARE,
    PROCESS_MEMORY,
    FRAMEWORK_MEMORY,
    DEVICE_MEMORY,
    ENERGY,
    ENERGY_ABOVE_IDLE,
)
