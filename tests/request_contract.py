"""What must hold of the requests in both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from levelfield.planning.record import new_record
from levelfield.store import requesting
from levelfield.store.tables import requests
from tests.test_leases import HOLDER
from tests.test_looks import study

VALID = timedelta(seconds=30)


def nobody(_holder):
    return False


def ask(store, name, **options):
    return requesting.submit(store, replace(new_record(study()), id=name), asked_by="ann@here", **options)


def take(store, *, pid=7, gone=nobody):
    found = requesting.take(store, replace(HOLDER, pid=pid), valid=VALID, gone=gone)
    return found and found.study_id


def expire(store, request_id):
    with store.locking() as connection:
        connection.execute(update(requests).where(requests.c.id == request_id).values(expires_at=datetime(2000, 1, 1, tzinfo=UTC)))


class RequestContract:
    """The fixture ``store`` is that of `tests.test_store`."""

    def test_they_are_taken_by_priority_then_in_order_each_once(self, store):
        for name, priority in (("a", 0), ("b", 5), ("c", 5), ("d", -1)):
            ask(store, name, priority=priority)
        assert [one.study_id for one in requesting.unfinished(store)] == ["b", "c", "a", "d"]
        assert [take(store) for _ in range(5)] == ["b", "c", "a", "d", None]

    def test_a_request_comes_back_as_it_was(self, store):
        given = ask(store, "a", priority=3, options={"certify": False})
        assert requesting.latest(store, "a") == given
        assert given.record.created_at.tzinfo
        assert (given.asked_by, given.priority, given.options, given.taker) == ("ann@here", 3, {"certify": False}, None)
        assert requesting.latest(store, "b") is None

    def test_whose_taker_is_gone_or_silent_is_taken_by_another(self, store):
        first, second = ask(store, "a"), ask(store, "b")
        assert [take(store, pid=1), take(store, pid=2)] == ["a", "b"]
        assert take(store, pid=3) is None
        assert take(store, pid=3, gone=lambda holder: holder.pid == 1) == "a"
        expire(store, second.id)
        assert take(store, pid=3) == "b"
        assert requesting.beat(store, first, [], valid=VALID) is None, "it was ours before it was taken from us"

    def test_what_a_command_runs_itself_nobody_else_takes(self, store):
        own = ask(store, "a", taker=HOLDER, valid=VALID)
        assert own.taker == HOLDER
        assert take(store, gone=lambda _: True) is None
        again = ask(store, "a", taker=replace(HOLDER, pid=8), valid=VALID, gone=lambda holder: holder == HOLDER)
        assert [one.id for one in requesting.unfinished(store)] == [again.id]

    def test_a_beat_tells_what_is_at_work_and_hears_who_wants_it_to_stop(self, store):
        ask(store, "a")
        take(store)
        [request] = requesting.unfinished(store)
        assert requesting.beat(store, request, [{"what": "run", "curve": [[1, float("nan")]]}], valid=VALID) == {}
        assert requesting.unfinished(store)[0].progress == [{"what": "run", "curve": [[1, "nan"]]}]
        assert not requesting.ask_to_stop(store, request.id, "bob@there", gone=nobody, turn=4)
        assert not requesting.ask_to_stop(store, request.id, "ann@here", gone=nobody)
        assert requesting.beat(store, request, [], valid=VALID) == {"4": "bob@there", "all": "ann@here"}

    def test_what_was_cancelled_is_not_taken_up_again(self, store):
        request = ask(store, "a")
        take(store)
        requesting.ask_to_stop(store, request.id, "bob@there", gone=nobody)
        assert take(store, gone=lambda _: True) is None
        assert requesting.latest(store, "a").outcome == "cancelled by bob@there"

    def test_one_that_nobody_has_taken_is_over_when_it_is_cancelled(self, store):
        request = ask(store, "a")
        assert requesting.ask_to_stop(store, request.id, "bob@there", gone=nobody)
        assert requesting.unfinished(store) == []
        assert requesting.latest(store, "a").outcome == "cancelled by bob@there before it began"
        assert take(store) is None

    def test_how_one_ended_stays_when_somebody_wants_it_to_stop_too_late(self, store):
        request = ask(store, "a")
        take(store)
        [taken] = requesting.unfinished(store)
        requesting.finish(store, taken, "done: 2 of 2 ok")
        assert requesting.ask_to_stop(store, request.id, "bob@there", gone=nobody)
        assert (requesting.latest(store, "a").outcome, requesting.latest(store, "a").stop) == ("done: 2 of 2 ok", {})

    def test_those_that_were_over_last_come_first(self, store):
        for name in ("a", "b", "c"):
            requesting.ask_to_stop(store, ask(store, name).id, "bob@there", gone=nobody)
        ask(store, "d")
        assert [one.study_id for one in requesting.ended(store, 2)] == ["c", "b"]

    def test_what_its_taker_leaves_is_free_and_what_is_finished_is_not(self, store):
        ask(store, "a")
        take(store)
        [request] = requesting.unfinished(store)
        requesting.leave(store, request)
        requesting.finish(store, request, "it is no longer ours")
        assert take(store) == "a"
        [request] = requesting.unfinished(store)
        assert requesting.is_alive(request, nobody)
        assert not requesting.is_alive(request, lambda holder: True)
        requesting.finish(store, request, "done: 2 of 2 ok")
        assert take(store, gone=lambda _: True) is None
        ended = requesting.latest(store, "a")
        assert (ended.outcome, bool(ended.finished_at)) == ("done: 2 of 2 ok", True)
