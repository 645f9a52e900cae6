"""Planning is pure: the same study and seed give the same runs."""

from collections import Counter

import pytest

from levelfield.planning.plan import pending, plan
from levelfield.result import Status
from levelfield.services import discover
from levelfield.study import check_study


def study(**changes):
    content = {"name": "s", "workloads": ["digits_cnn"], "frameworks": ["tensorflow", "torch"], "seeds": 40}
    return check_study(content | changes, discover(), source="s")


def test_every_side_runs_every_seed_once_and_pairs_stay_together():
    runs = plan(study(), plan_seed=1)
    assert Counter((run.side, run.spec.seed) for run in runs) == Counter({(s, n): 1 for s in ("tensorflow", "torch") for n in range(40)})
    assert [run.turn for run in runs] == list(range(80))
    for first, second in zip(runs[::2], runs[1::2], strict=True):
        assert first.pair == second.pair
        assert first.spec.seed == second.spec.seed
        assert first.side != second.side


def test_the_order_within_pairs_is_random_and_repeatable():
    first = [run.side for run in plan(study(), plan_seed=1)[::2]]
    assert 8 <= first.count("torch") <= 32  # a fair coin leaves this range once in 10,000 draws
    assert plan(study(), plan_seed=1) == plan(study(), plan_seed=1)
    assert plan(study(), plan_seed=1) != plan(study(), plan_seed=2)


def test_a_framework_against_itself_gives_two_runs_of_one_spec():
    runs = plan(study(frameworks=["torch", "torch"], seeds=1), plan_seed=0)
    assert {run.side for run in runs} == {"torch #1", "torch #2"}
    assert len({run.spec.hash for run in runs}) == 1


def test_settings_of_the_study_reach_the_specs():
    settings = {"batch_size": 8, "epochs": 2, "learning_rate": 0.1, "threads": 1, "precision": "fp64"}
    for run in plan(study(seeds=[7], **settings), plan_seed=0):
        assert {name: getattr(run.spec, name) for name in settings} == settings
        assert run.spec.seed == 7


@pytest.mark.parametrize(
    ("statuses", "again"),
    [([], 1), ([Status.OK], None), ([Status.FAILED], 2), ([Status.FAILED, Status.OK], None), ([Status.DIVERGED], None),
     ([Status.CANCELLED], 2), ([Status.FAILED, Status.CANCELLED], 3), ([Status.INVALID], 2)],
)  # fmt: skip
def test_resume_repeats_what_is_not_done_as_another_attempt(statuses, again):
    runs = plan(study(seeds=1), plan_seed=0)
    attempts = {(runs[0].spec.hash, runs[0].side): list(enumerate(statuses, start=1))}
    numbers = {run.side: attempt for pair in pending(study(seeds=1), 0, attempts, {}) for run, attempt in pair.runs}
    assert numbers.get(runs[0].side) == again
    assert numbers[runs[1].side] == 1


@pytest.mark.parametrize(
    ("changes", "duels"), [({}, True), ({"bursts": 0}, False), ({"track": "article"}, False), ({"frameworks": ["torch"]}, False)]
)
def test_a_pair_has_a_duel_where_there_are_bursts_two_sides_and_steps(changes, duels):
    work = list(pending(study(seeds=3, **changes), 0, {}, {}))
    assert [pair.duel is not None for pair in work] == [duels] * 3
    if duels:
        for pair in work:
            planned, attempt = pair.duel
            assert attempt == 1
            assert planned.specs == {run.side: run.spec for run, _ in pair.runs}
            assert (planned.workload, planned.seed, planned.pair) == ("digits_cnn", pair.runs[0][0].spec.seed, pair.runs[0][0].pair)


def test_a_duel_is_repeated_by_itself_and_a_pair_that_is_done_is_left_alone():
    three = study(seeds=3)
    done = {(run.spec.hash, run.side): [(1, Status.OK)] for run in plan(three, 0)}
    duels = {("digits_cnn", 0): [(1, Status.OK)], ("digits_cnn", 1): [(1, Status.OK), (2, Status.INVALID)]}
    work = list(pending(three, 0, done, duels))
    assert [(pair.runs, pair.duel[0].pair, pair.duel[1]) for pair in work] == [((), 1, 3), ((), 2, 1)]
    assert list(pending(study(seeds=3, bursts=0), 0, done, {})) == []


def test_what_was_never_measured_on_a_quiet_machine_is_given_up():
    one = study(seeds=1)
    runs = {(run.spec.hash, run.side): [(n, Status.INVALID) for n in (1, 2, 3)] for run in plan(one, 0)}
    duels = {("digits_cnn", 0): [(3, Status.INVALID)]}
    assert list(pending(one, 0, runs, duels)) == []
    assert len(list(pending(one, 0, runs, {("digits_cnn", 0): [(3, Status.FAILED)]}))) == 1, "that is not the machine's noise"


def test_a_study_that_does_not_train_plans_specs_that_do_not():
    assert {run.spec.trains for run in plan(study(train=False), 0)} == {False}
