"""Several claims: Holm's procedure against published values, and how often a family of verdicts says something false."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from levelfield.stats import difference, equivalence, holm, looks, p_value, ratio, verdict, verdicts, verdicts_at
from tests.stats.rates import most

MARGIN = 0.03
EDGE = math.log1p(MARGIN)
STUDIES = 1500


def exactly(n, mean, sd):
    """A ratio whose logs have exactly this mean and standard deviation."""
    values = np.random.default_rng(n).normal(size=n)
    return ratio(np.exp(mean + sd * (values - values.mean()) / values.std(ddof=1)), np.ones(n))


def margins(effects):
    return dict.fromkeys(effects, MARGIN)


def false(effect, found):
    """Whether a verdict says what is not so about the true log ratio; a direction is wrong where there is none."""
    ahead = found.favours is not None and effect * {"a": 1, "b": -1}[found.favours] <= 0
    return ahead or (found.equivalent and abs(effect) >= EDGE)


def any_false(truths, sd, n, judge, *, seed, studies=STUDIES):
    """In how many studies at least one verdict besides the primary one is false; ``judge`` gets the log ratios, shape (claims, n)."""
    rng = np.random.default_rng(seed)
    values = np.array(truths)[:, None] + rng.normal(0, sd, (studies, len(truths), n))
    return sum(any(false(t, v) for t, v in zip(truths[1:], judge(logs)[1:], strict=True)) for logs in values)


def family(logs):
    effects = dict(enumerate(ratio(np.exp(one), np.ones(len(one))) for one in logs))
    return list(verdicts(effects, margins(effects), primary=0).values())


def test_holm_against_published_values():
    # Documentation of pingouin 0.5, `multicomp`: method holm.
    assert holm([0.50, 0.003, 0.32, 0.054, 0.0003]) == pytest.approx((0.64, 0.012, 0.64, 0.162, 0.0015))


def test_holm_agrees_with_statsmodels():
    rng = np.random.default_rng(1)
    for size in (1, 2, 7, 40):
        p = rng.beta(0.3, 1, size)
        assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1])


def test_what_was_not_tested_does_not_count():
    assert holm([None, 0.03, None, 0.02]) == (None, 0.04, None, 0.04)
    assert holm([None]) == (None,)
    assert holm([]) == ()
    for bad in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm([0.5, bad])


def test_holm_rejects_a_true_hypothesis_in_at_most_5_percent():
    """Five true hypotheses and five false ones, so that the false ones are out of the way soon."""
    p = np.random.default_rng(2).uniform(size=(5000, 10)) * np.array([1] * 5 + [1e-6] * 5)
    assert sum(min(holm(one)[:5]) < 0.05 for one in p.tolist()) <= most(0.05)


def test_the_primary_claim_is_judged_alone():
    effects = {"primary": exactly(8, 0.03, 0.033)} | {k: exactly(8, 0.03, 0.033) for k in "bcd"}
    found = verdicts(effects, margins(effects), primary="primary")
    assert found["primary"] == verdict(effects["primary"], margin=MARGIN)
    assert found["primary"].favours == "a"  # p = 0.037
    assert found["b"].favours is found["c"].favours is None
    assert list(found) == list(effects)


def test_a_single_other_claim_is_not_adjusted():
    effects = {1: exactly(8, 0.0, 0.03), 2: exactly(8, 0.03, 0.033)}
    assert verdicts(effects, margins(effects), primary=1)[2] == verdict(effects[2], margin=MARGIN)


def test_step_by_step_by_hand():
    """Three other claims: 0.05/3 = 0.0167, then 0.05/2 = 0.025 once both hypotheses of one claim are rejected, then 0.05."""
    both, clear = exactly(12, 0.01, 0.01), exactly(12, 0.2, 0.01)
    p = {mean: p_value(exactly(12, mean, 0.1)) for mean in (0.0735, 0.06)}
    assert 0.025 < p[0.0735] < 0.05 < p[0.06]
    weak = exactly(12, 0.08, 0.1)
    assert 0.05 / 3 < p_value(weak) < 0.05 / 2
    assert max(p_value(both), equivalence(both, margin=MARGIN).p) < 0.05 / 3

    def favours(*others):
        effects = dict(enumerate((both, *others)))
        return [v.favours for v in verdicts(effects, margins(effects), primary=0).values()][1:]

    assert favours(weak, clear, clear) == [None, "a", "a"]  # each of the clear ones could still be beyond its margin
    assert favours(weak, clear, both) == ["a", "a", "a"]
    assert favours(exactly(12, 0.0735, 0.1), clear, both) == [None, "a", "a"]


def test_claims_without_a_verdict_do_not_count():
    weak, few = exactly(12, 0.0735, 0.1), exactly(4, 1.0, 0.01)
    effects = {0: few, 1: weak, 2: few, 3: ratio([], [])}
    found = verdicts(effects, margins(effects), primary=0)
    assert (found[1].favours, found[2].favours, found[3].favours) == ("a", None, None)
    assert (found[0].more, found[3].more) == (1, 5)


def test_more_is_what_the_first_of_the_family_needs():
    effects = {k: exactly(8, 0.015, 0.03) for k in range(6)}
    found = verdicts(effects, margins(effects), primary=0)
    assert found[0].more == verdict(effects[0], margin=MARGIN).more == 11
    # With a t table, 5%/5 = 1%: n = 31: 2.750 x 0.03 / sqrt(31) = 0.01482 is wider than half of log 1.03 = 0.01478;
    # n = 32: 2.744 x 0.03 / sqrt(32) = 0.01455 is not.
    assert found[1].more == 24
    assert all(v.more == found[1].more for k, v in found.items() if k)


def test_names_and_margins_must_be_there():
    effects = {"a": exactly(8, 0.0, 0.03)}
    with pytest.raises(ValueError, match="primary claim 'b'"):
        verdicts(effects, {"a": MARGIN}, primary="b")
    with pytest.raises(ValueError, match="without a margin"):
        verdicts(effects, {}, primary="a")
    with pytest.raises(ValueError, match="margin is positive"):
        verdicts(effects, {"a": 0.0}, primary="a")


def test_speed_and_accuracy_in_one_family():
    effects = {"speed": exactly(8, 0.2, 0.03), "accuracy": difference([0.9] * 8, [0.9] * 7 + [0.9001])}
    found = verdicts(effects, {"speed": MARGIN, "accuracy": 0.005}, primary="speed")
    assert (found["speed"].favours, found["accuracy"].equivalent) == ("a", True)


@pytest.mark.parametrize(
    ("truths", "sd"),
    [
        ([0.0] * 6, 0.03),
        ([0.0, 0.0, 0.0, 0.2, -0.2, 0.1], 0.03),  # false hypotheses out of the way
        ([0.0, EDGE, -EDGE, EDGE, 0.0, 0.0], 0.006),  # every claim has one true and one false hypothesis
        ([0.0, EDGE, EDGE, EDGE], 0.015),
        ([0.0, 0.002, -0.002, 0.002, 0.001], 0.01),  # no hypothesis is true, but a direction may be wrong
    ],
)
def test_a_family_says_something_false_in_at_most_5_percent(truths, sd):
    assert any_false(truths, sd, 10, family, seed=len(truths)) <= most(0.05, STUDIES)


def test_why_differences_and_equivalences_are_one_family():
    """Two claims, one without effect and one at the margin: Holm within each kind errs in nearly 10%."""

    def two_families(logs):
        effects = [ratio(np.exp(one), np.ones(len(one))) for one in logs]
        p = holm([p_value(e) for e in effects[1:]])
        within = holm([equivalence(e, margin=MARGIN).p for e in effects[1:]])
        adjusted = [{}, *({"adjusted_p": x, "adjusted_equivalence_p": y} for x, y in zip(p, within, strict=True))]
        return [verdict(e, margin=MARGIN, **a) for e, a in zip(effects, adjusted, strict=True)]

    truths = [0.0, 0.0, EDGE]
    assert any_false(truths, 0.006, 10, two_families, seed=9) > most(0.05, STUDIES)
    assert any_false(truths, 0.006, 10, family, seed=9) <= most(0.05, STUDIES)


def test_comparisons_of_the_same_runs_depend_on_each_other():
    """Four sides, all the same: six comparisons, of which three share each side."""
    rng = np.random.default_rng(4)
    wrong = 0
    for sides in np.exp(rng.normal(0, 0.02, (STUDIES, 4, 10))):
        effects = {(i, j): ratio(sides[i], sides[j]) for i in range(4) for j in range(i)}
        found = verdicts(effects, margins(effects), primary=(1, 0))
        wrong += any(v.favours is not None for key, v in found.items() if key != (1, 0))
    assert wrong <= most(0.05, STUDIES)


def test_a_family_looked_at_repeatedly_says_something_false_in_at_most_5_percent():
    def at_any_look(logs):
        judged = []
        for look in looks(20):
            effects = dict(enumerate(ratio(np.exp(one[:look]), np.ones(look)) for one in logs))
            judged.append(list(verdicts_at(effects, margins(effects), primary=0, look=look, maximum=20).values()))
        # The falsest of each claim's verdicts, whichever look ends the study.
        return [max(of_claim, key=lambda v, t=t: false(t, v)) for t, of_claim in zip(truths, zip(*judged, strict=True), strict=True)]

    truths = [0.0, 0.0, EDGE, 0.0]
    assert any_false(truths, 0.008, 20, at_any_look, seed=6, studies=600) <= most(0.05, 600)


def test_at_a_look_the_primary_claim_is_that_of_verdict_at():
    effects = {k: exactly(8, 0.1, 0.02) for k in range(3)}
    found = verdicts_at(effects, margins(effects), primary=0, look=8, maximum=12)
    assert found[0].favours == found[1].favours == "a"
    with pytest.raises(ValueError, match="cannot judge 8"):
        verdicts_at(effects, margins(effects), primary=0, look=5, maximum=12)
