"""A metric over time: each study's point is what its own report says, and what is stale is told with the reason."""

from dataclasses import replace

import pytest

from levelfield.report.analysis import analyse
from levelfield.report.history import METRICS, points, version_changes
from levelfield.report.quantities import ACCURACY, SPEED, THROUGHPUT
from levelfield.result import Block, Failure, Status
from levelfield.store import Store
from levelfield.store.frames import load
from levelfield.store.history import Kind, kinds
from tests.ui.stores import fill, result
from ui.reading import read_past, read_points

DIGITS = Kind(workload="digits_cnn", workers=1, track="matched", precision="fp32", device="cpu")


def made(version, code="code", *, speed=1.0):
    """Enough steady steps for a rate; torch's version is told."""

    def make(side, seed):
        if (side, seed) == ("torch", 3):
            return result(side, seed, status=Status.FAILED, failure=Failure(reason="lost"))
        plain = result(side, seed, speed=speed * (1.2 if side == "torch" else 1))
        ns = plain.blocks[0].duration_ns
        blocks = [Block(epoch=n, first_step=0, steps=60, samples=1920, duration_ns=4 * ns + n, steady=n > 0) for n in range(4)]
        told = plain.description | {"version": version if side == "torch" else "1.0"}
        return replace(plain, blocks=blocks, description=told, environment=plain.environment | {"worker_code": f"{code} of {side}"})

    return make


def past(url, kind=DIGITS):
    return read_past.__wrapped__(url, kind, None)


@pytest.fixture
def filled(url):
    with Store.open(url) as store:
        fill(store, "first", make=made("2.0"), seeds=6)
        fill(store, "bursts", make=made("2.0", speed=1.1), seeds=5, hours=24, duels=[Status.OK] * 4 + [Status.INVALID])
        fill(store, "last", make=made("2.1", "new code"), seeds=4, hours=48)
        fill(store, "tuned", make=made("2.2"), seeds=1, hours=72, track="tuned")
    return url


@pytest.mark.parametrize("quantity", [one for one in METRICS if one is not SPEED], ids=lambda one: one.name)
def test_a_side_s_point_is_its_median_and_range_in_the_report(filled, quantity):
    found = points(past(filled), quantity)
    expected = []
    for study in ("first-1", "bursts-1", "last-1"):
        for side in analyse(load(study, filled), networks=False).workloads[0].sides:
            one = side.quantities[quantity.name]
            expected.append((study, side.side.label, one.median, one.min, one.max, one.n))
    assert [(one.study_id, one.side, one.middle, one.low, one.high, one.n) for one in found] == expected


def test_the_speed_ratio_is_the_verdict_s(filled):
    found = read_points(filled, DIGITS, SPEED.name, None)
    for point, study in zip(found, ("first-1", "bursts-1", "last-1"), strict=True):
        comparison = analyse(load(study, filled), networks=False).workloads[0].comparisons[0]
        effect = comparison.effects[comparison.speed_from]
        assert (point.study_id, point.middle, point.n) == (study, effect.estimate, effect.n)
        assert point.low <= point.middle <= point.high
    assert [point.name for point in found] == ["TensorFlow / PyTorch"] * 3


def test_only_like_is_set_against_like(filled):
    with Store.open(filled, read_only=True) as store:
        assert kinds(store) == {DIGITS: 3, replace(DIGITS, track="tuned"): 1}
    assert {point.study_id for point in points(past(filled, replace(DIGITS, track="tuned")), ACCURACY)} == {"tuned-1"}


def test_versions_and_where_they_change(filled):
    found = points(past(filled), ACCURACY)
    assert [point.versions for point in found if point.side == "torch"] == [
        {"torch": ("2.0",)},
        {"torch": ("2.0",)},
        {"torch": ("2.1",)},
    ]
    changes = version_changes(found)
    assert [(change.what, change.before, change.after) for change in changes] == [("torch", "2.0", "2.1")]
    assert changes[0].at == found[-1].at


def test_a_result_is_stale_by_version_worker_or_sources(filled):
    """The newest run of torch is 2.2 with the first code, that of the tuned study."""
    stale = {(point.study_id, point.side): point.stale for point in points(past(filled), ACCURACY)}
    assert stale["first-1", "torch"] == ("torch 2.0; the newest run has 2.2",)
    assert stale["last-1", "torch"] == ("torch 2.1; the newest run has 2.2", "other code of the worker of torch than in its newest run")
    assert stale["first-1", "tensorflow"] == ()
    with Store.open(filled) as store:
        newest = replace(
            store.study("tuned-1"), id="other-1", created_at=store.study("tuned-1").created_at.replace(year=2030), source_hash="6" * 64
        )
        store.add_study(newest)
    assert {point.stale[-1] for point in points(past(filled), ACCURACY)} == {"other sources of Levelfield than in the newest study"}


def test_the_latest_attempt_counts(filled):
    before = {(one.study_id, one.side): one.n for one in points(past(filled), THROUGHPUT)}
    assert before["first-1", "torch"] == 5
    with Store.open(filled) as store:
        failed = next(run for run in store.runs("first-1") if run.result.status is Status.FAILED)
        store.record(
            replace(failed.key, attempt=2),
            failed.planned,
            made("2.0")("torch", 4),
            started_at=failed.started_at,
            finished_at=failed.finished_at,
        )
    assert {(one.study_id, one.side): one.n for one in points(past(filled), THROUGHPUT)}["first-1", "torch"] == 6
