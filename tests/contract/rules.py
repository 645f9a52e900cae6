"""All rules: what a worker computes, its step laid open, how it behaves at its boundary, and those on workers with a loop of their own."""

from tests.contract import checkpoints, epochs, gangs, interface, learning, tracing
from tests.contract.registry import RULES, Rule

__all__ = ["RULES", "Rule", "checkpoints", "epochs", "gangs", "interface", "learning", "tracing"]
