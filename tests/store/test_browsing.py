"""The runs of all studies, filtered, counted, sorted and paged by the database: against the same done in Python."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

import levelfield
from levelfield.report.quantities import ACCURACY, PROCESS_MEMORY, THROUGHPUT
from levelfield.report.runs import read_runs
from levelfield.result import Block, Failure, Status
from levelfield.store import Store
from levelfield.store.browsing import Filters, Order, choices, count, lines, page, troubles
from tests.ui.stores import NOW, TWO, fill, result

FAILED = Failure(reason="killed\nby signal 9", log_tail="the end")
STEADY = [Block(epoch=n, first_step=0, steps=60, samples=1920, duration_ns=7 * 10**8 + n, steady=n > 0) for n in range(4)]


def made(side, seed):
    """Some fail, some are invalid, some have too few steps for a rate, and no two are alike."""
    if seed == 1 and side == "torch":
        return result(side, seed, status=Status.FAILED, failure=FAILED)
    if seed == 2:
        return result(side, seed, status=Status.INVALID, failure=Failure(reason="foreign processes"))
    memory = {"process_peak_rss": 2**32 + seed} if seed else {}
    blocks = STEADY if seed else result(side, seed).blocks[:4]
    return replace(result(side, seed), wall_ns=10**9 + seed, memory_bytes=memory, blocks=blocks)


@pytest.fixture(scope="module")
def url(new_url):
    return new_url()


@pytest.fixture(scope="module")
def store(url):
    with Store.open(url) as writer:
        fill(writer, "old", make=made, seeds=6)
        fill(
            writer,
            "new",
            make=made,
            seeds=3,
            hours=30,
            workloads=("digits_cnn", "imdb_lstm"),
            track="tuned",
            sides=(*TWO, "torch@fast"),
        )
    with Store.open(url, read_only=True) as reader:
        yield reader


@pytest.fixture(scope="module")
def every(url, store):
    """Every run as the report has it."""
    return {run.run_id: run for study in ("old-1", "new-1") for run in read_runs(levelfield.load(study, url))}


def test_a_line_says_what_the_report_says(store, every):
    found = page(store, Filters(), limit=1000)
    assert {line.run_id for line in found} == set(every)
    for line in found:
        run = every[line.run_id]
        assert (line.throughput, line.accuracy, line.memory_bytes) == tuple(
            run.value(quantity) for quantity in (THROUGHPUT, ACCURACY, PROCESS_MEMORY)
        )
        assert (line.workload, line.workers, line.side, line.framework, line.seed, line.attempt, line.status, line.track) == (
            run.workload, run.workers, run.side, run.framework, run.seed, run.attempt, run.status, run.track,
        )  # fmt: skip
        assert line.wall_s == run.values["wall"]
    assert {line.throughput is None for line in found} == {line.memory_bytes is None for line in found} == {True, False}


def test_what_there_is_to_filter_by(store):
    found = choices(store)
    assert found.workloads == ("digits_cnn", "imdb_lstm")
    assert found.sides == ("tensorflow", "torch", "torch@fast")
    assert (found.tracks, found.statuses) == (("matched", "tuned"), ("failed", "invalid", "ok"))
    assert (found.first, found.last) == (NOW.date(), (NOW + timedelta(hours=30)).date())


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        ({"studies": ("old-1",)}, lambda line: line.study_id == "old-1"),
        ({"workloads": ("imdb_lstm",)}, lambda line: line.workload == "imdb_lstm"),
        ({"sides": ("torch@fast",)}, lambda line: line.side == "torch@fast"),
        ({"sides": ("torch",)}, lambda line: line.framework == "torch"),
        ({"statuses": ("failed", "invalid")}, lambda line: line.status != Status.OK),
        ({"tracks": ("tuned",)}, lambda line: line.track == "tuned"),
        ({"since": NOW.date() + timedelta(days=1)}, lambda line: line.study_id == "new-1"),
        ({"until": NOW.date()}, lambda line: line.study_id == "old-1"),
        (
            {"tracks": ("tuned",), "statuses": ("ok",), "sides": ("tensorflow",)},
            lambda line: (line.track, line.side) == ("tuned", "tensorflow") and line.status is Status.OK,
        ),
        ({"until": date(2020, 1, 1)}, lambda line: False),
    ],
)
def test_filters(store, filters, meant):
    whole = page(store, Filters(), limit=1000)
    expected = [line for line in whole if meant(line)]
    assert page(store, Filters(**filters), limit=1000) == expected
    assert 0 <= len(expected) < len(whole)
    numbers = {status: sum(line.status is status for line in expected) for status in Status}
    assert count(store, Filters(**filters)) == {status: number for status, number in numbers.items() if number}


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("order", Order)
def test_pages_in_every_order(store, order, descending):
    columns = {Order.STARTED: "started_at", Order.STUDY: "study_id", Order.WALL: "wall_s", Order.MEMORY: "memory_bytes"}
    whole = sorted(page(store, Filters(), limit=1000), key=lambda line: -line.run_id)
    values = {line.run_id: getattr(line, columns.get(order, str(order))) for line in whole}
    there = [line for line in whole if values[line.run_id] is not None]
    there.sort(key=lambda line: values[line.run_id], reverse=descending)
    expected = [line.run_id for line in there + [line for line in whole if values[line.run_id] is None]]
    parts = [page(store, Filters(), order=order, descending=descending, first=first, limit=7) for first in range(0, len(whole), 7)]
    assert [line.run_id for part in parts for line in part] == expected
    assert len(parts[0]) == 7
    assert page(store, Filters(), first=1000) == []


def test_some_runs_by_their_ids(store):
    whole = page(store, Filters(), limit=1000)
    wanted = [whole[3].run_id, whole[0].run_id, 999]
    assert {line.run_id for line in lines(store, wanted)} == set(wanted[:2])


def test_troubles_are_the_newest_first_with_their_reasons(store):
    found = troubles(store, Filters())
    assert {one.status for one in found} == {Status.FAILED, Status.INVALID}
    assert [one.started_at for one in found] == sorted((one.started_at for one in found), reverse=True)
    assert {one.reason for one in found} == {"killed\nby signal 9", "foreign processes"}
    assert len(troubles(store, Filters(), limit=2)) == 2
    assert troubles(store, Filters(statuses=("ok",))) == []


def test_an_empty_store(new_url):
    url = new_url()
    Store.open(url).close()
    with Store.open(url, read_only=True) as empty:
        assert (count(empty, Filters()), page(empty, Filters()), troubles(empty, Filters())) == ({}, [], [])
        found = choices(empty)
    assert (found.workloads, found.sides, found.first, found.last) == ((), (), None, None)
