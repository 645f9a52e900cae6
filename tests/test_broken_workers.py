"""The contract suite itself: the reference keeps every rule, and every rule catches the workers that were broken for it."""

import pytest

from tests.contract.broken import BROKEN
from tests.contract.harness import MakeWorker
from tests.contract.rules import RULES
from tests.fake_worker import NumpyWorker

BY_NAME = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_reference_keeps_the_rule(rule):
    rule.check(MakeWorker(factory=NumpyWorker))


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.worker.__name__}-{broken.rule}")
def test_the_rule_names_the_deviation(broken):
    with pytest.raises(AssertionError, match=broken.says):
        BY_NAME[broken.rule].check(MakeWorker(factory=broken.worker))


def test_every_rule_can_fail():
    assert len(BY_NAME) == len(RULES), "two rules have one name"
    assert {broken.rule for broken in BROKEN} == set(BY_NAME)
