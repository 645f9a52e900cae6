"""Which devices the ranks of a pair get: pure choices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levelfield.leases import Claim, Device
from levelfield.spec import RunSpec
from orchestrator.seats import NoSeatError, Offers, Seat, choose, has_cores_twice, held, like_devices, parts_of
from tests.test_leases import HOLDER

HOSTS = {"a": 4, "b": 2, "c": 8}


def seat(name, node="n", model="M"):
    return Seat(node=node, host=name[0], hostname=name[0], device=Device(gpu=name), model=model)


def offered(hosts=None, node="n"):
    return [seat(f"{host}{number}", node) for host, gpus in (hosts or HOSTS).items() for number in range(gpus)]


def names(chosen, side="torch"):
    return [one.device.gpu for one in chosen[side]]


def wanted(*busy):
    return lambda device: int(device.gpu in busy)


def test_a_gang_is_packed_on_the_smallest_host_that_holds_it():
    assert names(choose({"torch": offered()}, 2, "pack")) == ["b0", "b1"]
    assert names(choose({"torch": offered()}, 3, "pack")) == ["a0", "a1", "a2"]


def test_a_larger_one_on_as_few_hosts_as_can_be():
    assert {name[0] for name in names(choose({"torch": offered()}, 12, "pack"))} == {"a", "c"}


def test_or_spread_over_as_many():
    assert names(choose({"torch": offered()}, 4, "spread")) == ["a0", "a1", "b0", "c0"]


@pytest.mark.parametrize(("placement", "nodes"), [("pack", ["m", "m"]), ("spread", ["m", "n"])])
def test_nodes_of_one_host_are_taken_in_turn_where_a_gang_is_spread(placement, nodes):
    chosen = choose({"torch": [*offered({"a": 2}, "m"), *offered({"a": 2}, "n")]}, 2, placement)
    assert names(chosen) == ["a0", "a1"]
    assert [one.node for one in chosen["torch"]] == nodes


def test_a_packed_gang_stays_on_the_node_that_sees_all_of_its_devices():
    chosen = choose({"torch": [seat("a0", "m"), *offered({"a": 3}, "n")]}, 3, "pack")
    assert [one.node for one in chosen["torch"]] == ["n", "n", "n"]


def test_free_devices_come_first():
    assert names(choose({"torch": offered()}, 2, "pack", wanted("b0"))) == ["a0", "a1"]
    assert names(choose({"torch": offered({"a": 3})}, 2, "pack", wanted("a0"))) == ["a1", "a2"]
    assert names(choose({"torch": offered()}, 1, "spread", wanted("a0", "b0", "a1", "a2", "a3"))) == ["b1"]


def test_all_sides_sit_on_the_same_devices_each_by_its_own_node():
    sides = {"torch": offered(node="t"), "tensorflow": offered({"b": 2, "c": 1}, node="f")}
    chosen = choose(sides, 2, "pack")
    assert names(chosen) == names(chosen, "tensorflow") == ["b0", "b1"]
    assert ({one.node for one in chosen["torch"]}, {one.node for one in chosen["tensorflow"]}) == ({"t"}, {"f"})
    assert not like_devices(chosen)


def test_without_a_device_in_common_each_gets_its_own_of_one_model():
    sides = {"torch": [seat("a0", model="V100"), seat("b0", model="H100")], "tensorflow": [seat("c0", model="H100")]}
    chosen = choose(sides, 1, "pack")
    assert (names(chosen), names(chosen, "tensorflow")) == (["b0"], ["c0"])
    assert like_devices(chosen)
    with pytest.raises(NoSeatError, match=r"torch: gpu:a0 on a, gpu:b0 on b; tensorflow: gpu:c0 on c"):
        choose({"torch": sides["torch"], "tensorflow": [seat("c0", model="A100")]}, 1, "pack")


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5), min_size=1), st.integers(1, 20), st.sampled_from(["pack", "spread"]))
def test_every_rank_has_a_device_of_its_own_or_nobody_sits(hosts, workers, placement):
    if sum(hosts.values()) < workers:
        with pytest.raises(NoSeatError):
            choose({"torch": offered(hosts)}, workers, placement)
        return
    found = names(choose({"torch": offered(hosts)}, workers, placement))
    assert len(set(found)) == workers
    used = len({name[0] for name in found})
    if placement == "spread":
        assert used == min(workers, len(hosts))
    else:
        largest = sorted(hosts.values(), reverse=True)
        assert used == next(number for number in range(1, 9) if sum(largest[:number]) >= workers)


@pytest.mark.parametrize(
    ("cores", "shares", "expected"),
    [
        ([[0], [1], [2], [3]], 2, [{0, 1}, {2, 3}]),
        ([[0], [1], [2], [3], [4]], 2, [{0, 1}, {2, 3}]),
        ([[0, 4], [1, 5], [2, 6], [3, 7]], 2, [{0, 1, 4, 5}, {2, 3, 6, 7}]),
        ([[0, 4], [1], [2], [3]], 2, [{0, 1}, {2, 3}]),
        ([[0, 2], [1, 3]], 4, [{0}, {2}, {1}, {3}]),
        ([[0], [1]], 3, [{0}, {1}, {0}]),
    ],
)
def test_shares_are_equal_and_keep_hyper_threads_together(cores, shares, expected):
    assert parts_of(cores, shares) == expected


@given(st.integers(1, 64), st.integers(1, 80))
def test_shares_overlap_only_where_there_are_too_few_cores(cores, shares):
    devices = [Device(host="h", cores=part) for part in parts_of([[core] for core in range(cores)], shares)]
    assert len({len(device.cores) for device in devices}) == 1
    seats = [Seat(node="n", host="h", hostname="h", device=device, number=at) for at, device in enumerate(devices)]
    chosen = choose({"torch": seats}, shares, "pack")["torch"]
    assert len({seat.spot for seat in chosen}) == shares
    assert has_cores_twice(chosen) == (shares > cores)


def test_a_lease_holds_the_whole_host_unless_the_study_isolates_devices():
    share = Device(host="h", cores=frozenset({1}))
    chosen = {"torch": (Seat(node="n", host="h", hostname="h", device=share),), "tensorflow": (seat("a0"),)}
    assert held(chosen, "host") == {Device(host="h"), Device(gpu="a0")}
    assert held(chosen, "device") == {share, Device(gpu="a0")}
    assert all(whole.covers(share) for whole in held(chosen, "host") if whole.host)


def test_what_a_process_really_has():
    gpu, share = seat("a0"), Seat(node="n", host="h", hostname="h", device=Device(host="h", cores=frozenset({1})))
    assert gpu.used({"host": "a", "gpus": ["a1"]}) == {Device(gpu="a1")}
    assert share.used({"host": "other", "gpus": []}) == {Device(host="other", cores=frozenset({1}))}
    assert share.used({"host": None, "gpus": None}) == frozenset()


def offers_on(*seats, workers=1, device="cuda"):
    specs = {side: RunSpec(workload="w", framework=side, mode="m", seed=0, device=device, workers=workers) for side in ("a", "b")}
    return Offers(specs=specs, by_side=dict.fromkeys(specs, seats))


def gpu(number, host="h"):
    return Seat(node=f"n-{host}", host=host, hostname=host, device=Device(gpu=f"GPU-{number}"), model="M")


@pytest.mark.parametrize(
    ("seats", "workers", "isolation", "room"),
    [
        ([gpu(n) for n in range(8)], 1, "device", 8),
        ([gpu(n) for n in range(8)], 1, "host", 8),  # a GPU is a device of its own whatever becomes of its host's processors
        ([gpu(n) for n in range(8)], 3, "device", 2),
        ([gpu(n) for n in range(2)], 4, "device", 1),  # a pair that has no place says so when it is placed
        ([Seat(node="n", host=h, hostname=h, device=Device(host=h)) for h in "xyz"], 1, "host", 3),
        ([Seat(node="n", host="x", hostname="x", device=Device(host="x", cores=frozenset({n}))) for n in range(4)], 1, "device", 4),
        ([Seat(node="n", host="x", hostname="x", device=Device(host="x", cores=frozenset({n}))) for n in range(4)], 1, "host", 1),
    ],
)
def test_how_many_pairs_there_is_room_for(seats, workers, isolation, room):
    assert offers_on(*seats, workers=workers).room(isolation) == room


def test_a_choice_avoids_those_who_stand_in_the_queue():
    offers = offers_on(gpu(0), gpu(1), gpu(2))
    claims = [Claim(token=str(n), study_id="s", holder=HOLDER, devices=frozenset({Device(gpu=f"GPU-{n}")}), tenants=()) for n in (0, 2)]
    assert {seat.device.gpu for seats in offers.choose(claims).values() for seat in seats} == {"GPU-1"}
    assert len(offers.choose([])) == 2
