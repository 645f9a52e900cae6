"""For every rule at least one worker that breaks it, and what the rule must say: a rule that nothing fails checks nothing."""

from tests.contract import (
    broken_checkpoints,
    broken_dropout,
    broken_epochs,
    broken_gangs,
    broken_interface,
    broken_learning,
    broken_tracing,
)
from tests.contract.registry import BROKEN, Broken

__all__ = [
    "BROKEN",
    "Broken",
    "broken_checkpoints",
    "broken_dropout",
    "broken_epochs",
    "broken_gangs",
    "broken_interface",
    "broken_learning",
    "broken_tracing",
]
