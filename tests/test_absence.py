"""What has no place on the cluster waits for nodes, and not for ever: runs in the scheduler, requests in the lobby."""

from datetime import timedelta

import pytest

from levelfield.holders import myself
from levelfield.spec import RunSpec
from levelfield.store import Store, requesting
from orchestrator import absence, lobby
from orchestrator.absence import Absence
from orchestrator.lobby import Lobby
from tests.request_contract import ask, nobody

TORCH, TENSORFLOW = (RunSpec(workload="digits_cnn", framework=name, mode="eager", seed=0) for name in ("torch", "tensorflow"))


class Clock:
    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    for module in (absence, lobby):
        monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "levelfield.db")) as opened:
        yield opened


def taken(store, name):
    ask(store, name)
    return requesting.take(store, myself(), valid=timedelta(seconds=60), gone=nobody)


def test_nobody_waits_where_nodes_do_not_come_back(clock):
    assert not Absence().may_wait([TORCH])


def test_it_waits_so_long_in_all_however_many_pairs_there_are(clock):
    away = Absence(10.0)
    assert away.may_wait([TORCH, TENSORFLOW])
    clock.now += 9
    assert away.may_wait([TORCH, TENSORFLOW])
    clock.now += 2
    assert not away.may_wait([TORCH, TENSORFLOW])
    assert not away.may_wait([TENSORFLOW]), "the side alone has waited, too"
    assert not away.may_wait([TORCH, TENSORFLOW]), "and the next pair"


def test_a_framework_that_is_back_waits_anew_when_it_is_gone_again(clock):
    away = Absence(10.0)
    away.may_wait([TORCH])
    clock.now += 20
    away.end([TORCH])
    assert away.may_wait([TORCH])


def test_a_request_waits_and_is_tried_again_until_its_time_is_over(clock, store):
    room, request = Lobby(store, 10.0), taken(store, "a")
    assert room.is_new(request)
    assert room.takes(request)
    assert not room.is_new(request)
    assert [one.id for one in room.again()] == [request.id]
    assert room.again() == [], "not at every turn"
    clock.now += 11
    assert [one.id for one in room.again()] == [request.id]
    assert not room.takes(request)
    assert not room.waiting


def test_what_is_cancelled_meanwhile_is_over(clock, store):
    room, request = Lobby(store, 10.0), taken(store, "a")
    room.takes(request)
    requesting.ask_to_stop(store, request.id, "ann", gone=nobody)
    assert room.again() == []
    assert requesting.latest(store, "a").outcome == "cancelled by ann before it began"
    assert not room.waiting


def test_what_another_one_has_taken_is_its_own(clock, store):
    room, request = Lobby(store, 10.0), taken(store, "a")
    room.takes(request)
    requesting.leave(store, request)
    requesting.take(store, myself(), valid=timedelta(seconds=60), gone=nobody)
    assert room.again() == []
    assert requesting.latest(store, "a").outcome is None


def test_no_wait_no_lobby(clock, store):
    assert not Lobby(store, 0.0).takes(taken(store, "a"))
