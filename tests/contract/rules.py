"""All rules: those on what a worker computes and those on how it behaves at its boundary."""

from tests.contract import interface, learning
from tests.contract.registry import RULES, Rule

__all__ = ["RULES", "Rule", "interface", "learning"]
