"""The one list of rules, and that of the workers that break them.

A rule is a plain function that raises AssertionError with a message that names the deviation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from levelfield import workloads
from levelfield.workloads.base import Workload
from levelfield.workloads.layers import Dropout
from tests.contract.harness import Maker, MakeWorker
from tests.contract.synthetic import WORKLOAD

Check = Callable[[Any], None]
Choice = Callable[[Workload], bool]


def only_digits(workload: Workload) -> bool:
    return workload.name == WORKLOAD.name


def every_workload(workload: Workload) -> bool:
    return True


def with_dropout(workload: Workload) -> bool:
    return any(isinstance(layer, Dropout) for layer in workload.layers)


def with_batch_norm(workload: Workload) -> bool:
    return workload.has_batch_norm


def without_batch_norm(workload: Workload) -> bool:
    return not with_batch_norm(workload)


def with_a_state(workload: Workload) -> bool:
    """One besides parameters and optimizer: random numbers or moving averages."""
    return with_dropout(workload) or with_batch_norm(workload)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``make``: the kind of worker that it is for; ``workloads``: those that it is checked on.

    ``every_mode``: checked beside the default mode too, where compiling may take long, but on the digits alone; ``without_gpu``: where the
    machine has none.
    """

    check: Check
    make: type[Maker]
    workloads: Choice
    every_mode: bool
    without_gpu: bool

    @property
    def name(self) -> str:
        return self.check.__name__


RULES: list[Rule] = []


def rule(
    *, make: type[Maker] = MakeWorker, workloads: Choice = only_digits, every_mode: bool = False, without_gpu: bool = False
) -> Callable[[Check], Check]:
    """Register the function as a rule."""

    def register(check: Check) -> Check:
        RULES.append(Rule(check=check, make=make, workloads=workloads, every_mode=every_mode, without_gpu=without_gpu))
        return check

    return register


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A worker that ``rule`` must catch on ``workload``; ``says`` is a regular expression for its message."""

    worker: Callable[[], Any]
    rule: str
    says: str
    workload: Workload


BROKEN: list[Broken] = []


def breaks(rule: str, *, says: str, workload: str = WORKLOAD.name) -> Callable[[type], type]:
    """Register the class as one that breaks the rule of that name."""

    def register(worker: type) -> type:
        BROKEN.append(Broken(worker=worker, rule=rule, says=says, workload=workloads.get(workload).to_certify()))
        return worker

    return register
