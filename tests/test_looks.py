"""Studies that go on until they are decided: what is done before each look, and where they end."""

from types import SimpleNamespace

import pytest

from levelfield.planning.plan import pending
from levelfield.problems import StudyError
from levelfield.report.analysis import analyse
from levelfield.report.claims import Claim, Look, judge, look_of
from levelfield.services import discover
from levelfield.spec import Case
from levelfield.stats import looks, ratio
from levelfield.study import check_study
from orchestrator import looks as staged
from orchestrator.looks import stages
from tests.report.study_factory import frames
from tests.report.test_duels import duelled


def study(**changes):
    content = {"name": "s", "workloads": ["digits_cnn"], "frameworks": ["tensorflow", "torch"], "seeds": 12, "until_decided": True}
    return check_study(content | changes, discover(), source="s")


@pytest.mark.parametrize("workloads", [["digits_cnn"], ["digits_cnn", "cifar10_cnn"]])
def test_every_pair_is_done_before_its_look(workloads):
    given = study(workloads=workloads)
    found = list(stages(given, pending(given, 0, {}, {})))
    assert [len(stage) for stage in found] == [number * len(workloads) for number in (5, 3, 4)], "looks at 5, 8 and 12"
    assert [work.pair for stage in found for work in stage] == list(range(12 * len(workloads)))


def test_a_fixed_number_of_pairs_is_one_stage():
    given = study(until_decided=False)
    (stage,) = stages(given, pending(given, 0, {}, {}))
    assert len(stage) == 12


def test_fewer_than_five_pairs_cannot_decide():
    with pytest.raises(StudyError, match="a maximum of at least 5 pairs"):
        study(seeds=4)


def until_decided(given, maximum=30):
    given.study.study |= {"until_decided": True, "seeds": maximum}
    given.study.planned_runs = 2 * maximum
    return given


def test_pairs_beyond_the_last_look_do_not_count():
    """7 pairs are there, the next look is at 8: the study is judged over 5."""
    (comparison,) = analyse(until_decided(duelled(pairs=7))).workloads[0].comparisons
    assert comparison.effects["speed"].n == comparison.effects["test_accuracy"].n == 5


def test_a_study_that_is_decided_early_is_not_incomplete():
    analysis = analyse(until_decided(duelled(pairs=20)))
    assert analysis.workloads[0].comparisons[0].speed.decided, "10% with so little noise"
    assert analysis.labels == ()
    assert "incomplete" in [label.name for label in analyse(until_decided(duelled(pairs=4))).labels]


def test_a_study_that_its_maximum_did_not_decide_says_so_and_asks_for_no_more():
    given = until_decided(duelled(pairs=5, factor=1.0, noise=2.0), maximum=5)
    analysis = analyse(given)
    assert [label.name for label in analysis.labels] == ["undecided"]
    sentence = analysis.workloads[0].comparisons[0].sentence
    assert "not enough runs to tell;" in sentence
    assert "more)" not in sentence


def test_an_early_look_asks_for_more_than_a_fixed_study_would():
    """What is significant at 5% in a study of five pairs is not at the first of five looks."""
    claim = Claim(case=Case(workload="w"), a="a", b="b", quantity="speed")
    effect = ratio([1.02, 1.06, 1.04, 1.01, 1.09], [1.0] * 5)
    assert judge({claim: effect}, {"speed": 0.03}, None)[claim].favours == "a"
    assert judge({claim: effect}, {"speed": 0.03}, Look(pairs=5, maximum=30, reached=True))[claim].favours is None


def test_the_look_counts_pairs_without_a_gap():
    def at(*pairs):
        runs = [SimpleNamespace(pair=pair, latest=True) for pair in pairs for _ in range(2)]
        return look_of({"until_decided": True, "seeds": 30, "workloads": ["w"], "frameworks": [1, 2]}, runs)

    assert at(*range(8)) == Look(pairs=8, maximum=30, reached=True)
    assert at(*range(7), 8, 9) == Look(pairs=5, maximum=30, reached=True)
    assert at(1, 2, 3) == Look(pairs=5, maximum=30, reached=False)
    assert look_of({"seeds": 30, "workloads": ["w"], "frameworks": [1, 2]}, []) is None
    assert looks(30) == (5, 8, 12, 20, 30)


def test_a_stored_study_is_decided_when_every_claim_is(monkeypatch):
    def decided(given, **changes):
        given.predictions = None  # no verdict needs them, and reading them takes time
        monkeypatch.setattr("levelfield.store.frames.load", lambda *_: given)
        return staged.is_decided(study(**changes), "s", "store")

    assert decided(until_decided(duelled(pairs=20)))
    assert not decided(until_decided(duelled(pairs=4)))
    assert not decided(until_decided(duelled(pairs=5, noise=2.0)))
    assert not decided(frames(), until_decided=False)
