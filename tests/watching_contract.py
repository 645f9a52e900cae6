"""What must hold, in both databases, of what is asked while a study is under way, and of who may ask for one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from levelfield.holders import myself
from levelfield.leases import Claim
from levelfield.result import Status
from levelfield.store import Store, StoreError, leasing, requesting, serving, watching
from tests.lease_contract import expire
from tests.request_contract import ask, nobody
from tests.test_store import planned, record, result, study

VALID = timedelta(seconds=30)


def epochs(number):
    return [replace(result().epochs[0], epoch=n, train_loss=1 / (n + 1)) for n in range(number)]


def lead(store, holder, token="t"):
    claim = Claim(token=token, study_id="serve", holder=holder, devices=frozenset({serving.LEADER}), tenants=("scheduler",))
    return leasing.ask(store, claim, valid=VALID, gone=nobody).claim


class WatchingContract:
    """The fixtures ``url`` and ``store`` are those of `tests.test_store`."""

    def test_a_run_is_done_when_its_last_attempt_is(self, store):
        store.add_study(study("other-1"))
        record(store, planned(seed=0), result(Status.FAILED), attempt=1)
        record(store, planned(seed=0), attempt=2)
        record(store, planned(seed=1), result(Status.FAILED), attempt=1)
        record(store, planned(seed=2), result(Status.DIVERGED))
        record(store, planned(seed=3), study_id="other-1")
        assert watching.done(store, ["digits-1", "other-1", "none"]) == {"digits-1": 2, "other-1": 1}
        assert watching.done(store, []) == {}

    def test_what_is_stored_is_told_from_what_is_asked_for(self, store):
        ask(store, "asked-1")
        assert watching.stored(store, ["digits-1", "asked-1"]) == {"digits-1"}

    def test_the_curves_of_those_that_ended_last(self, store):
        for seed in range(4):
            status = Status.FAILED if seed == 2 else Status.OK
            record(store, planned(seed=seed), result(status, epochs=epochs(9)))
        found = watching.latest_curves(store, "digits-1", number=2, points=200)
        assert [(row.seed, row.epoch) for row in found] == [(seed, epoch) for seed in (1, 3) for epoch in range(9)]
        assert found[-1].train_loss == 1 / 9
        thin = watching.latest_curves(store, "digits-1", number=1, points=6)
        assert [row.epoch for row in thin] == [0, 2, 4, 6, 8]
        assert watching.latest_curves(store, "none", number=2, points=200) == []

    def test_a_store_is_served_while_its_scheduler_lives(self, store):
        assert serving.scheduler(store) is None
        held = lead(store, myself())
        assert serving.scheduler(store).acquired_at == held.acquired_at
        lead(store, replace(myself(), pid=2**22), token="waits for the role")
        expire(store, "t")
        assert serving.scheduler(store) is None, "neither who was silent for too long, nor who waits"

    def test_a_scheduler_that_was_killed_serves_no_longer(self, store):
        lead(store, replace(myself(), started=1))
        assert serving.scheduler(store) is None

    def test_whoever_takes_the_store_as_it_is_writes_and_changes_no_schema(self, store, url):
        with Store.open(url, as_it_is=True) as opened:
            request = ask(opened, "a")
        assert requesting.of(store, request.id) == request

    def test_a_store_that_is_not_there_is_not_made(self, url):
        with pytest.raises(StoreError):
            Store.open(url, as_it_is=True)
        with pytest.raises(StoreError):
            Store.open(url, read_only=True)
