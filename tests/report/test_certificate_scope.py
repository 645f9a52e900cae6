"""Which certificate speaks of a comparison, which of several decides, and how the label says what does not fit."""

from dataclasses import replace

import pytest

from tests.certificates import certificate, side
from tests.report.study_factory import TORCH, end, frames
from tests.report.test_certified import certified, only, unverified


@pytest.mark.parametrize(
    ("sides", "whose"),
    [
        ((side("tensorflow", code="old"), side("torch")), "TensorFlow"),
        ((side("tensorflow"), side("torch", code="old")), "PyTorch"),
        ((side("torch", code="old"), side("tensorflow", code="old")), "TensorFlow and PyTorch"),
    ],
)
def test_a_certificate_of_other_code_does_not_count(sides, whose):
    comparison = certified(certificate(sides=sides))
    assert unverified(comparison) == (f"the parity certificate of 2026-03-01 12:00 UTC was made with other code of {whose} than these runs")
    assert comparison.certificate is None


def test_the_newest_certificate_of_the_code_that_ran_decides():
    other = certificate(created_at="2026-03-03T12:00:00+00:00", sides=(side("tensorflow", code="new"), side("torch")))
    failed, passed = (certificate(beyond="output/conv1", created_at="2026-03-02T12:00:00+00:00"), certificate())
    assert certified(other, passed).labels == ()
    assert "of 2026-03-02 12:00 UTC failed" in unverified(certified(other, failed, passed))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch_size": 256}, "was made with batch size 256, the runs used 32"),
        ({"learning_rate": 0.01}, "was made with learning rate 0.01, the runs used 0.001"),
        ({"learning_rate": None}, "was made with an unrecorded learning rate, the runs used 0.001"),
        ({"steps": 19}, "compared 19 steps where 20 are asked for"),
        ({"data_fingerprint": "e" * 64}, f"was made with other data ({'e' * 12}), the runs used {'d' * 12}"),
        ({"steps": 2, "batch_size": 8}, "compared 2 steps where 20 are asked for, and was made with batch size 8, the runs used 32"),
    ],
)
def test_a_certificate_of_another_scope_does_not_count(changes, says):
    comparison = certified(certificate(**changes))
    assert unverified(comparison) == f"the parity certificate of 2026-03-01 12:00 UTC {says}"
    assert comparison.certificate is None


def test_runs_with_settings_of_their_own_need_a_certificate_with_them():
    for column, value, fitting in (("batch_size", 256, {"batch_size": 256}), ("learning_rate", 0.01, {"learning_rate": 0.01})):
        given = frames(pairs=10, certificates=(certificate(),))
        given.runs[column] = value
        assert f"{value}" in unverified(only(given))
        given.certificates = (certificate(), certificate(**fitting))
        assert only(given).labels == ()


def test_one_step_is_enough_in_reduced_precision():
    given = frames(pairs=10, certificates=(certificate(precision="bf16", steps=1),))
    given.runs["precision"] = "bf16"
    assert only(given).labels == ()


def test_a_failure_outweighs_a_later_pass_with_a_seed_chosen_by_hand():
    failed = certificate(beyond="output/conv1", seed=3, created_at="2026-03-02T12:00:00+00:00")
    by_hand, again = (certificate(seed=seed, created_at="2026-03-03T12:00:00+00:00") for seed in (4, 3))
    assert "of 2026-03-02 12:00 UTC failed" in unverified(certified(by_hand, failed))
    assert certified(by_hand, again, failed).labels == ()
    assert "of 2026-03-02 12:00 UTC failed" in unverified(certified(failed, certificate(seed=3)))
    assert certified(by_hand, replace(failed, batch_size=8)).labels == (), "a failure of another scope says nothing"


def test_every_run_that_counts_must_have_run_the_certified_code():
    given = frames(pairs=10, certificates=(certificate(),))
    given.runs.loc[given.runs["run_id"] == 4, "worker_code"] = "changed meanwhile"
    assert "other code of PyTorch" in unverified(only(given))
    end(given, 4, "failed", "lost")
    assert "unverified" not in [label.name for label in only(given).labels]


def test_an_earlier_attempt_of_other_code_does_not_count():
    given = frames(pairs=10, certificates=(certificate(),))
    earlier = given.runs[given.runs["run_id"] == 4].assign(run_id=99, latest=False, worker_code="before")
    given.runs = type(given.runs)([*given.runs.to_dict("records"), *earlier.to_dict("records")])
    assert only(given).labels == ()


def test_runs_that_did_not_record_their_code():
    given = frames(pairs=10, certificates=(certificate(),))
    given.runs.loc[given.runs["side"] == TORCH, "worker_code"] = None
    assert unverified(only(given)) == (
        "the parity certificate of 2026-03-01 12:00 UTC may not speak of these runs, since it is not recorded which code PyTorch ran"
    )
