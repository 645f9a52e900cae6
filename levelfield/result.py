"""What came of a run: raw values with their units in the names. Derived numbers are computed from these, later, by `levelfield.stats`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from levelfield.predictions import Predictions


class Status(StrEnum):
    """How a run ended. The one table of statuses: `STATUSES` says what each means for the study."""

    OK = "ok"
    FAILED = "failed"
    DIVERGED = "diverged"
    INVALID = "invalid"
    RESTARTED = "restarted"
    UNSUPPORTED = "unsupported"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class StatusMeaning:
    """What a status means: is the run done (`resume` leaves it alone), and do its timing and its learning curve count?"""

    meaning: str
    done: bool
    timing_counts: bool
    learning_counts: bool


def _status(meaning: str, *, done: bool, timing: bool = False, learning: bool = False) -> StatusMeaning:
    return StatusMeaning(meaning=meaning, done=done, timing_counts=timing, learning_counts=learning)


STATUSES: Mapping[Status, StatusMeaning] = {
    Status.OK: _status("trained to its end", done=True, timing=True, learning=True),
    Status.FAILED: _status("ended by an error or a signal", done=False),
    Status.DIVERGED: _status("the loss became NaN or infinite", done=True),
    Status.INVALID: _status("the machine was not quiet while it was measured", done=False, learning=True),
    Status.RESTARTED: _status("went on after its process had been lost", done=True, learning=True),
    Status.UNSUPPORTED: _status("the framework declares that it does not offer this", done=True),
    Status.CANCELLED: _status("stopped by the user", done=False),
}

# In the order in which a run goes through them; together they make up its wall clock.
PHASES = ("process_start", "import", "data", "device", "join", "build", "warmup", "train", "evaluate", "checkpoint", "other")


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive training steps between two looks at the clock. ``steady`` is false while compilation and warm-up last.

    ``device_ns`` is the same time by the device's own clock, without the wait of the host; None where nothing tells it.
    """

    epoch: int
    first_step: int
    steps: int
    samples: int
    duration_ns: int
    steady: bool
    device_ns: int | None = None


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training set. ``train_loss`` is the mean of the steps' losses; the test figures cover every test example."""

    epoch: int
    train_loss: float
    test_loss: float
    test_correct: int
    test_examples: int
    train_ns: int
    evaluate_ns: int

    @property
    def test_accuracy(self) -> float:
        """The share of the test examples that were classified correctly, 0 to 1."""
        return self.test_correct / self.test_examples


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run did not end well, or not at once.

    ``step`` is the first step with a loss that is not finite, where that is the reason. ``lost``: its process, which may have been
    no fault of its own.
    """

    reason: str
    error_type: str | None = None
    traceback: str | None = None
    log_tail: str | None = None
    step: int | None = None
    lost: bool = False


@dataclass(kw_only=True)
class RunResult:
    """Everything that a run leaves behind.

    ``step_losses`` has one entry for each optimizer step that the core asked for; none where the framework owns the loop. ``memory_bytes``
    holds only what could be measured: missing is missing, never 0. ``predictions`` are those after the last epoch, where it was reached.
    """

    status: Status
    wall_ns: int = 0
    phases_ns: dict[str, int] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    step_losses: list[float] = field(default_factory=list)
    memory_bytes: dict[str, int] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    predictions: Predictions | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it as dictionaries, lists, numbers and text."""
        return asdict(self) | {"predictions": self.predictions.to_dict() if self.predictions else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        values = dict(data)
        values["status"] = Status(values["status"])
        values["epochs"] = [Epoch(**epoch) for epoch in values["epochs"]]
        values["blocks"] = [Block(**block) for block in values["blocks"]]
        values["failure"] = Failure(**values["failure"]) if values["failure"] else None
        values["predictions"] = Predictions.from_dict(found) if (found := values.get("predictions")) else None
        return cls(**values)
