"""For every rule at least one worker that breaks it, and what the rule must say: a rule that nothing fails checks nothing."""

from tests.contract import broken_interface, broken_learning
from tests.contract.registry import BROKEN, Broken

__all__ = ["BROKEN", "Broken", "broken_interface", "broken_learning"]
