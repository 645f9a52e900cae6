"""Which devices are in each other's way, and whose turn it is."""

import pytest

from levelfield.leases import Claim, Device, Holder, ahead, next_ticket

HOLDER = Holder(hostname="here", host="h", pid_namespace="pid:[1]", pid=7, started=70)


def claim(ticket, *devices):
    return Claim(
        token=f"t{ticket}",
        study_id="s",
        holder=HOLDER,
        devices=frozenset(map(Device.parse, devices)),
        tenants=("a", "b"),
        ticket=ticket,
    )


@pytest.mark.parametrize("name", ["host:7e57-1/cpu", "host:7e57-1/cores:0-1", "host:h/cores:0,2-4,9", "gpu:GPU-8f6a", "gpu:MIG-1/2"])
def test_a_name_comes_back(name):
    assert str(Device.parse(name)) == name


def test_cores_have_one_name():
    assert str(Device(host="h", cores=frozenset({3, 0, 2, 1, 8}))) == "host:h/cores:0-3,8"
    assert Device.parse("host:h/cores:1,0,2") == Device.parse("host:h/cores:0-2")


@pytest.mark.parametrize("name", ["", "gpu:", "host:h", "host:/cpu", "host:h/cores:", "host:h/cores:x", "host:h/cores:3-1", "disk:h/cpu"])
def test_what_names_no_device_is_refused(name):
    with pytest.raises(ValueError):
        Device.parse(name)


@pytest.mark.parametrize(
    ("a", "b", "conflict"),
    [
        ("host:h/cpu", "host:h/cpu", True),
        ("host:h/cpu", "host:other/cpu", False),
        ("host:h/cpu", "host:h/cores:5", True),
        ("host:h/cpu", "host:other/cores:5", False),
        ("host:h/cores:0-1", "host:h/cores:1-2", True),
        ("host:h/cores:0-1", "host:h/cores:2-3", False),
        ("host:h/cores:0-1", "host:other/cores:0-1", False),
        ("gpu:GPU-a", "gpu:GPU-a", True),
        ("gpu:GPU-a", "gpu:GPU-b", False),
        ("gpu:h", "host:h/cpu", False),
    ],
)
def test_conflicts(a, b, conflict):
    first, second = Device.parse(a), Device.parse(b)
    assert first.conflicts(second) is second.conflicts(first) is conflict


def test_a_claim_waits_for_those_before_it_that_want_what_it_wants():
    queue = [claim(4, "gpu:a"), claim(1, "gpu:b"), claim(2, "gpu:a", "gpu:b"), claim(3, "gpu:c")]
    assert ahead(claim(5, "gpu:a"), queue) == [queue[2], queue[0]]
    assert ahead(claim(5, "gpu:d"), queue) == []
    assert ahead(queue[1], queue) == []


def test_a_claim_for_several_waits_for_all_and_is_not_passed_by():
    """The second waits for the first alone; the third would find its device free, but comes after the second."""
    first, second, third = claim(1, "gpu:a"), claim(2, "gpu:a", "gpu:b"), claim(3, "gpu:b")
    queue = [first, second, third]
    assert [ahead(one, queue) for one in queue] == [[], [first], [second]]


def test_tickets_grow():
    assert next_ticket([]) == 1
    assert next_ticket([claim(7, "gpu:a"), claim(3, "gpu:a")]) == 8
