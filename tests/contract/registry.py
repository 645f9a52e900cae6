"""The one list of rules, and that of the workers that break them.

A rule is a plain function that raises AssertionError with a message that names the deviation.
"""

from collections.abc import Callable
from dataclasses import dataclass

from levelfield.worker import Worker
from tests.contract.harness import MakeWorker

Check = Callable[[MakeWorker], None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``every_mode``: checked beside the default mode too, where compiling may take long; ``without_gpu``: on machines without one."""

    check: Check
    every_mode: bool = False
    without_gpu: bool = False

    @property
    def name(self) -> str:
        return self.check.__name__


RULES: list[Rule] = []


def rule(*, every_mode: bool = False, without_gpu: bool = False) -> Callable[[Check], Check]:
    """Register the function as a rule."""

    def register(check: Check) -> Check:
        RULES.append(Rule(check=check, every_mode=every_mode, without_gpu=without_gpu))
        return check

    return register


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A worker that ``rule`` must catch; ``says`` is a regular expression for its message."""

    worker: Callable[[], Worker]
    rule: str
    says: str


BROKEN: list[Broken] = []


def breaks(rule: str, *, says: str) -> Callable[[type], type]:
    """Register the class as one that breaks the rule of that name."""

    def register(worker: type) -> type:
        BROKEN.append(Broken(worker=worker, rule=rule, says=says))
        return worker

    return register
