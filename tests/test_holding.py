"""Leases as the orchestrator holds them: waiting, heartbeat, loss, and what a killed holder leaves behind."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from levelfield import holders
from levelfield.holders import is_gone, myself
from levelfield.leases import Device, Holder
from levelfield.measure.host import host_id
from levelfield.measure.monitor import pid_namespace
from levelfield.store import Store, leasing
from levelfield.store.tables import leases
from orchestrator import heart
from orchestrator import leases as holding
from orchestrator.leases import Lessor, told
from tests.platform_process import wait_until
from tests.test_leases import HOLDER

GPU = Device(gpu="GPU-a")
HOLD = """
import sys, time
from levelfield.leases import Device
from levelfield.store import Store
from orchestrator.leases import Lessor
with Store.open(sys.argv[1]) as store:
    with Lessor(store=store, study_id="other", waiting=print).lease([Device(gpu="GPU-a")], ["x"]):
        print("held", flush=True)
        time.sleep(600)
"""


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "levelfield.db")


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(holding, "FRESH_S", -1.0)  # the tests take leases away at once
    monkeypatch.setattr(holding, "POLL_S", 0.02)
    monkeypatch.setattr(heart, "RENEW_S", 0.05)


@pytest.fixture
def another(url):
    """A process that holds the GPU."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def lessor(store, waiting=lambda claims: None):
    return Lessor(store=store, study_id="mine", waiting=waiting)


def expire(store, token):
    with store.locking() as connection:
        connection.execute(update(leases).where(leases.c.token == token).values(expires_at=datetime(2000, 1, 1, tzinfo=UTC)))


def take_over(store):
    """As another study does that comes when the lease has expired."""
    [held] = leasing.claims(store)
    expire(store, held.token)
    stranger = replace(held, token="stranger", study_id="other", holder=replace(held.holder, host="elsewhere"))
    assert leasing.ask(store, stranger, valid=timedelta(minutes=5), gone=lambda _: False).before == []


def test_it_is_held_during_the_block_and_free_afterwards(store):
    with lessor(store).lease([GPU], ["torch", "tensorflow"]) as lease:
        [held] = leasing.claims(store)
        assert (held.study_id, held.devices, held.tenants, held.holder) == ("mine", {GPU}, ("torch", "tensorflow"), myself())
        assert held.acquired_at
        lease.ensure()
        assert lease.flaw([GPU]) is None
        assert len(leasing.claims(store)) == 1
    assert leasing.claims(store) == []
    wait_until(lambda: "leases" not in [thread.name for thread in threading.enumerate()], timeout_s=15, what="the end of the heartbeat")


def test_it_is_freed_when_the_block_fails(store):
    with pytest.raises(RuntimeError), lessor(store).lease([GPU], []):
        raise RuntimeError
    assert leasing.claims(store) == []


def test_the_heartbeat_keeps_it(store):
    with lessor(store).lease([GPU], []):
        [held] = leasing.claims(store)
        expire(store, held.token)
        wait_until(lambda: leasing.claims(store)[0].expires_at > datetime.now(UTC), timeout_s=10, what="the heartbeat")
        assert leasing.claims(store)[0].token == held.token


def test_a_second_one_waits_and_hears_who_holds_it_and_since_when(store):
    heard = []
    first = lessor(store).lease([GPU], ["torch"])

    def waiting(claims):
        heard.append(claims)
        if len(heard) == 3:
            first.__exit__(None, None, None)

    first.__enter__()
    [held] = leasing.claims(store)
    with lessor(store, waiting).lease([GPU, Device(host="h")], []):
        assert [[claim.token for claim in claims] for claims in heard] == [[held.token]] * 3 + [[]]
    line = told(heard[0])
    since = held.acquired_at.astimezone()
    assert line == f"waiting: study mine (process {os.getpid()} on {held.holder.hostname}) holds gpu:GPU-a since {since:%H:%M:%S}"
    assert told([replace(held, acquired_at=None), held]).endswith(f"waits for gpu:GPU-a since {since:%H:%M:%S}; 1 more before this one")


def test_an_interrupt_while_it_waits_leaves_the_queue(store, another):
    def interrupt(claims):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), lessor(store, interrupt).lease([GPU], []):
        pytest.fail("it was held by another")
    assert [claim.study_id for claim in leasing.claims(store)] == ["other"]


def test_a_killed_holder_is_followed_at_once_although_nobody_has_waited_for_it(store, another):
    """It stays as a zombie as long as its parent, this test, does not wait."""
    [claim] = leasing.claims(store)
    assert (claim.holder.pid, is_gone(claim.holder)) == (another.pid, False)
    another.send_signal(signal.SIGKILL)
    with lessor(store).lease([GPU], []):
        [held] = leasing.claims(store)
        assert held.holder.pid == os.getpid()
        assert datetime.now(UTC) < claim.expires_at, "long before it would have expired"


def test_a_stopped_holder_is_followed_when_its_lease_has_expired(store, another):
    another.send_signal(signal.SIGSTOP)
    [claim] = leasing.claims(store)
    heard = []

    def waiting(claims):
        heard.append(claims)
        expire(store, claim.token)

    with lessor(store, waiting).lease([GPU], []):
        assert heard[0][0].token == claim.token
        assert [held.study_id for held in leasing.claims(store)] == ["mine"]


def test_who_is_gone():
    here = myself()
    assert not is_gone(here)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_gone(replace(here, pid=ended.pid))
    assert is_gone(replace(here, started=here.started - 1)), "a later process with its id"
    assert not is_gone(replace(here, pid=ended.pid, host="another")), "we do not see it"
    assert not is_gone(replace(here, pid=ended.pid, pid_namespace="pid:[another]"))


def test_a_process_that_we_may_not_see_is_taken_for_alive(monkeypatch):
    def refuse(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(holders, "_state", lambda pid: None)
    assert not is_gone(Holder(**vars(HOLDER) | {"host": host_id(), "pid_namespace": pid_namespace()}))


def test_what_was_measured_while_another_took_it_has_a_flaw_and_it_can_be_held_again(store):
    with lessor(store).lease([GPU], []) as lease:
        take_over(store)
        assert lease.flaw([GPU]) == "the lease on gpu:GPU-a expired meanwhile, and another study took it"
        leasing.release(store, "stranger")
        assert lease.flaw([GPU]), "it was not ours all the time"
        lease.ensure()
        assert lease.flaw([GPU]) is None
        assert [claim.study_id for claim in leasing.claims(store)] == ["mine"]


def test_what_ran_elsewhere_has_a_flaw(store):
    with lessor(store).lease([GPU], []) as lease:
        assert lease.flaw([GPU, Device(host="b")]) == "it ran on host:b/cpu, which this study did not hold"
