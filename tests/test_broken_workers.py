"""The contract suite itself: the reference keeps every rule, and every rule catches the workers that were broken for it."""

import pytest

from levelfield import workloads
from tests.contract.broken import BROKEN
from tests.contract.harness import MakeEpochWorker, MakeWorker
from tests.contract.rules import RULES
from tests.fake_epoch_worker import NumpyEpochWorker
from tests.fake_worker import NumpyWorker

BY_NAME = {rule.name: rule for rule in RULES}
REFERENCES = {MakeWorker: NumpyWorker, MakeEpochWorker: NumpyEpochWorker}
CASES = [
    pytest.param(rule, workload, id=f"{rule.name}-{workload.name}")
    for rule in RULES
    for workload in (workloads.get(name).to_certify() for name in workloads.names())
    if rule.workloads(workload)
]


@pytest.mark.parametrize(("rule", "workload"), CASES)
def test_the_reference_keeps_the_rule(rule, workload):
    rule.check(rule.make(factory=REFERENCES[rule.make], workload=workload))


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.worker.__name__}-{broken.rule}")
def test_the_rule_names_the_deviation(broken):
    rule = BY_NAME[broken.rule]
    assert rule.workloads(broken.workload), "the rule is not checked on this workload"
    with pytest.raises(AssertionError, match=broken.says):
        rule.check(rule.make(factory=broken.worker, workload=broken.workload))


def test_every_rule_can_fail():
    assert len(BY_NAME) == len(RULES), "two rules have one name"
    assert {broken.rule for broken in BROKEN} == set(BY_NAME)
