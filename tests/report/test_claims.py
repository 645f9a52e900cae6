"""The claims of a study share their error, but for the first."""

from levelfield.report.claims import Claim, judge
from levelfield.spec import Case
from levelfield.stats import ratio

MARGINS = {"speed": 0.03, "test_accuracy": 0.005}


def claims(*names):
    return [Claim(case=Case(workload=name), a="a", b="b", quantity="speed") for name in names]


def strong():
    return ratio([1.3, 1.31, 1.29, 1.32, 1.28, 1.3, 1.3, 1.31, 1.29, 1.3], [1.0] * 10)


def test_the_first_claim_is_judged_by_itself():
    first, second = claims("first", "second")
    alone = judge({first: strong()}, MARGINS, None)[first]
    many = {claim: ratio([1.1, 0.9] * 5, [1.0] * 10) for claim in claims(*map(str, range(20)))}
    assert judge({first: strong()} | many, MARGINS, None)[first] == alone
    assert judge({second: strong(), first: strong()}, MARGINS, None)[first].favours == "a"


def test_the_others_pay_for_their_number():
    weak = ratio([1.05, 1.0, 1.06, 1.02, 1.09, 0.99, 1.05, 1.01, 1.04, 1.0], [1.0] * 10)
    first, other = claims("first", "other")
    assert judge({first: strong(), other: weak}, MARGINS, None)[other].favours == "a"
    noise = {claim: ratio([1.1, 0.9] * 5, [1.0] * 10) for claim in claims(*map(str, range(20)))}
    assert judge({first: strong(), other: weak} | noise, MARGINS, None)[other].favours is None


def test_without_claims_there_are_no_verdicts():
    assert judge({}, MARGINS, None) == {}
