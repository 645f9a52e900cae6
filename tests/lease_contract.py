"""What must hold of the queue of leases in both databases."""

import multiprocessing
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update

from levelfield.leases import Claim, Device, Holder
from levelfield.store import Store, leasing
from levelfield.store.tables import leases
from tests.test_leases import HOLDER

VALID = timedelta(seconds=30)


def claim(token, *devices, pid=7):
    holder = Holder(**vars(HOLDER) | {"pid": pid})
    return Claim(token=token, study_id="s", holder=holder, devices=frozenset(map(Device.parse, devices)), tenants=("größer", "b"))


def nobody_is_gone(_holder):
    return False


def ask(store, wanted, *, valid=VALID, gone=nobody_is_gone):
    return [other.token for other in leasing.ask(store, wanted, valid=valid, gone=gone).before]


def expire(store, token):
    """Long ago, whatever the clock says: a test that waits for a clock would be slow or flaky."""
    with store.locking() as connection:
        connection.execute(update(leases).where(leases.c.token == token).values(expires_at=datetime(2000, 1, 1, tzinfo=UTC)))


def contend(url, name, start, found):
    """Take both devices ten times, and each time note when it was held."""
    with Store.open(url) as store:
        start.wait()
        for turn in range(10):
            token = f"{name}-{turn}"
            while ask(store, claim(token, "host:h/cores:0-1", "gpu:a") if name % 2 else claim(token, "gpu:b", "host:h/cpu")):
                time.sleep(0.002)
            began = time.monotonic_ns()
            time.sleep(0.005)
            found.put((began, time.monotonic_ns(), name))
            leasing.release(store, token)


class LeaseContract:
    """The fixtures ``url`` and ``store`` are those of `tests.test_store`."""

    def test_a_lease_is_held_by_one_after_the_other(self, store):
        assert ask(store, claim("a", "host:h/cpu")) == []
        assert ask(store, claim("b", "host:h/cpu")) == ["a"]
        assert ask(store, claim("c", "host:h/cores:3")) == ["a", "b"]
        assert ask(store, claim("d", "host:other/cpu", "gpu:g")) == []
        leasing.release(store, "a")
        assert ask(store, claim("c", "host:h/cores:3")) == ["b"]
        assert ask(store, claim("b", "host:h/cpu")) == []

    def test_a_lease_is_all_or_nothing(self, store):
        ask(store, claim("a", "gpu:1"))
        assert ask(store, claim("b", "gpu:1", "gpu:2")) == ["a"]
        assert ask(store, claim("c", "gpu:2")) == ["b"], "nobody passes by"
        leasing.release(store, "b")
        assert ask(store, claim("c", "gpu:2")) == []

    def test_a_claim_comes_back_as_it_was(self, store):
        given = claim("a", "host:h/cores:0-1", "gpu:g")
        ask(store, given)
        ask(store, claim("b", "gpu:g"))
        first, second = leasing.claims(store)
        for name in ("token", "study_id", "holder", "devices", "tenants"):
            assert getattr(first, name) == getattr(given, name)
        assert first.acquired_at == first.asked_at == first.expires_at - VALID
        assert second.acquired_at is None
        assert second.ticket > first.ticket

    def test_holding_keeps_the_moment_of_acquisition(self, store):
        ask(store, claim("a", "gpu:g"))
        [before] = leasing.claims(store)
        ask(store, claim("a", "gpu:g"))
        assert leasing.renew(store, ["a"], valid=10 * VALID)
        [after] = leasing.claims(store)
        assert (after.acquired_at, after.ticket) == (before.acquired_at, before.ticket)
        assert after.expires_at > before.expires_at + 8 * VALID

    def test_several_are_renewed_at_once_and_those_that_are_gone_are_not(self, store):
        ask(store, claim("a", "gpu:1", "gpu:2"))
        ask(store, claim("b", "gpu:3"))
        assert leasing.renew(store, ["a", "b", "c"], valid=VALID) == {"a", "b"}

    def test_who_waits_takes_other_devices_when_these_are_free(self, store):
        """Those that a choice gives in view of who is before it; what is held stays."""
        chosen = iter(["gpu:1", "gpu:1", "gpu:2", "gpu:3"])

        def choose(others):
            return frozenset({Device.parse(next(chosen))})

        def look():
            asked = leasing.ask(store, claim("b"), valid=VALID, gone=nobody_is_gone, want=choose)
            return sorted(map(str, asked.claim.devices)), [other.token for other in asked.before]

        ask(store, claim("a", "gpu:1"))
        assert [look(), look(), look(), look()] == [(["gpu:1"], ["a"]), (["gpu:1"], ["a"]), (["gpu:2"], []), (["gpu:2"], [])]
        [_, held] = leasing.claims(store)
        assert (held.acquired_at is not None, held.devices) == (True, {Device(gpu="2")})

    def test_an_expired_lease_is_taken_over_and_cannot_be_renewed_then(self, store):
        ask(store, claim("a", "gpu:g"))
        expire(store, "a")
        assert ask(store, claim("b", "gpu:g")) == []
        assert not leasing.renew(store, ["a"], valid=VALID)
        assert [held.token for held in leasing.claims(store)] == ["b"]

    def test_an_expired_lease_that_nobody_wanted_goes_on(self, store):
        ask(store, claim("a", "gpu:g"))
        expire(store, "a")
        assert leasing.renew(store, ["a"], valid=VALID)
        assert ask(store, claim("b", "gpu:g")) == ["a"]

    def test_a_claim_that_expired_while_it_waited_goes_to_the_end(self, store):
        for token in "abc":
            ask(store, claim(token, "gpu:g"))
        expire(store, "b")
        assert ask(store, claim("b", "gpu:g")) == ["a", "c"]

    def test_who_is_gone_holds_nothing(self, store):
        ask(store, claim("a", "gpu:g", pid=1))
        ask(store, claim("b", "gpu:g", pid=2))
        assert ask(store, claim("c", "gpu:g", pid=3), gone=lambda holder: holder.pid == 1) == ["b"]
        assert [one.token for one in leasing.claims(store)] == ["b", "c"]

    def test_what_was_released_is_gone_and_releasing_twice_does_no_harm(self, store):
        ask(store, claim("a", "gpu:1", "gpu:2"))
        leasing.release(store, "a")
        leasing.release(store, "a")
        assert leasing.claims(store) == []
        assert not leasing.renew(store, ["a"], valid=VALID)

    def test_a_claim_needs_a_device(self, store):
        with pytest.raises(ValueError, match="a device"):
            ask(store, claim("a"))

    def test_processes_that_contend_hold_one_after_the_other(self, store, url):
        context = multiprocessing.get_context("spawn")
        start, found = context.Barrier(3), context.Queue()
        processes = [context.Process(target=contend, args=(url, name, start, found)) for name in range(3)]
        for process in processes:
            process.start()
        spans = sorted(found.get(timeout=60) for _ in range(30))
        for process in processes:
            process.join(timeout=30)
            assert process.exitcode == 0
        assert all(before[1] <= after[0] for before, after in pairwise(spans)), "two held at once"
        assert [name for *_, name in spans] != sorted(name for *_, name in spans), "they took turns"
        assert leasing.claims(store) == []
