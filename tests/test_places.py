"""Which seats a pair gets on a cluster, asked of its nodes; and which nodes get eyes of their own."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ray.exceptions import ActorDiedError

from levelfield.holders import myself
from levelfield.leases import Claim, Device
from levelfield.measure.host import host_id
from orchestrator import places
from orchestrator.places import ClusterPlaces
from orchestrator.seats import NoSeatError
from orchestrator.sight import LostSightError
from tests.test_schedule import planned

TORCH, TENSORFLOW = planned(0, "torch").spec, planned(0, "tensorflow").spec
BOTH = {"torch": TORCH, "tensorflow": TENSORFLOW}
ON_CUDA = {side: replace(spec, device="cuda") for side, spec in BOTH.items()}


class Method:
    """An actor's method: it is called where its answer is fetched."""

    def __init__(self, function):
        self.remote = lambda *words: lambda: function(*words)


class Node:
    """A node with its monitor."""

    def __init__(self, host, *offers, gpus=(), alive=True, dead=False):
        self.resources, self.alive, self.dead, self.asked = dict.fromkeys(offers, 1.0), alive, dead, 0
        models = dict.fromkeys(gpus, "NVIDIA H100") | {"cpu": "EPYC"}
        self.told = {"host": host, "hostname": f"name of {host}", "roots": [7], "gpus": list(gpus), "cores": [[0], [1]], "models": models}
        self.where, self.start, self.mark, self.since = map(Method, (self._where, lambda: None, self._mark, lambda at: [{"at_ns": at}]))

    def _where(self):
        self.asked += 1
        if self.dead:
            raise ActorDiedError
        return self.told

    def _mark(self):
        if self.dead:
            raise ActorDiedError
        return 5


@pytest.fixture
def cluster(monkeypatch):
    """Nodes by id; gives those whose monitors were ended."""
    ended = []

    def cluster(**nodes):
        listed = [{"NodeID": name, "Alive": node.alive, "Resources": node.resources} for name, node in nodes.items()]
        fake = SimpleNamespace(nodes=lambda: listed, get=lambda answer, timeout: answer(), kill=ended.append, is_initialized=lambda: True)
        monkeypatch.setattr(places, "ray", fake)
        monkeypatch.setattr(places, "_monitor", nodes.__getitem__)
        return ended

    return cluster


def sitting(seats):
    """Node and device of each rank, by side."""
    return {side: [(seat.node, str(seat.device)) for seat in ranks] for side, ranks in seats.items()}


def test_both_sides_sit_on_a_host_where_nodes_of_both_are(cluster):
    cluster(
        n1=Node("a", "torch"),
        n2=Node("b", "tensorflow"),
        n3=Node("c", "other"),
        n4=Node("b", "torch"),
        n5=Node("a", "tensorflow", alive=False),
    )
    assert sitting(ClusterPlaces({}).offers(BOTH).choose()) == {"torch": [("n4", "host:b/cpu")], "tensorflow": [("n2", "host:b/cpu")]}


def test_on_cuda_a_gpu_that_both_see(cluster):
    cluster(n1=Node("a", "torch", gpus=["GPU-1", "GPU-2"]), n3=Node("a", "tensorflow", gpus=["GPU-2"]), n4=Node("c", "tensorflow"))
    assert sitting(ClusterPlaces({}).offers(ON_CUDA).choose()) == {"torch": [("n1", "gpu:GPU-2")], "tensorflow": [("n3", "gpu:GPU-2")]}


def test_a_model_that_is_asked_for_is_a_part_of_the_devices_name(cluster):
    cluster(n1=Node("a", "torch", gpus=["GPU-1"]))
    asked = replace(ON_CUDA["torch"], device_model="h100")
    assert sitting(ClusterPlaces({}).offers({"torch": asked}).choose()) == {"torch": [("n1", "gpu:GPU-1")]}
    with pytest.raises(NoSeatError, match="torch: none"):
        ClusterPlaces({}).offers({"torch": replace(asked, device_model="A100")}).choose()


def test_a_certificate_may_set_a_gpu_against_a_cpu(cluster):
    cluster(n1=Node("a", "torch", gpus=["GPU-1"]))
    seats = ClusterPlaces({}).offers({"0": TORCH, "1": ON_CUDA["torch"]}).choose()
    assert sitting(seats) == {"0": [("n1", "host:a/cpu")], "1": [("n1", "gpu:GPU-1")]}


def test_a_device_that_nobody_wants_comes_first(cluster):
    cluster(n1=Node("a", "torch"), n2=Node("b", "torch"))
    claim = Claim(token="t", study_id="s", holder=myself(), devices=frozenset({Device(host="a")}), tenants=())
    assert sitting(ClusterPlaces({}).offers({"torch": TORCH}).choose([claim])) == {"torch": [("n2", "host:b/cpu")]}


def test_a_node_that_does_not_answer_has_no_seat(cluster):
    silent = Node("a", "torch", dead=True)
    ended = cluster(n1=silent)
    with pytest.raises(NoSeatError):
        ClusterPlaces({}).offers({"torch": TORCH}).choose()
    assert ended == [silent]


def test_a_node_is_asked_once_and_a_new_one_when_it_has_come(cluster):
    first = Node("a", "torch")
    cluster(n1=first)
    here, two = ClusterPlaces({}), {"torch": replace(TORCH, workers=2)}
    here.offers({"torch": TORCH}).choose()
    cluster(n1=first, n2=Node("b", "torch"))
    assert [seat.host for seat in here.offers(two).choose()["torch"]] == ["a", "b"]
    assert first.asked == 1


def test_shares_of_a_host_are_devices(cluster):
    cluster(n1=Node("a", "torch"))
    two = {"torch": replace(TORCH, workers=2)}
    assert sitting(ClusterPlaces({}, shares=2).offers(two).choose()) == {"torch": [("n1", "host:a/cores:0"), ("n1", "host:a/cores:1")]}
    with pytest.raises(NoSeatError, match=r"2 workers need 2 devices .* host:a/cpu on name of a"):
        ClusterPlaces({}).offers(two).choose()


def test_nodes_out_of_sight_get_eyes_once(cluster):
    seen, unseen, far = Node(host_id(), "torch"), Node(host_id(), "torch"), Node("far", "torch")
    ended = cluster(n1=seen, n2=unseen, n3=far)
    here = ClusterPlaces(in_sight={"n1": os.getpid()})
    here.offers({"torch": TORCH}).choose()
    assert (seen.asked, unseen.asked, far.asked) == (0, 1, 1)
    newcomers = list(here.newcomers())
    assert sorted(host for host, *_ in newcomers) == sorted([host_id(), "far"])
    assert list(here.newcomers()) == []
    eyes = next(eyes for host, _, eyes in newcomers if host == "far")
    assert (eyes.mark(), eyes.since(3)) == (5, [{"at_ns": 3}])
    far.dead = True
    with pytest.raises(LostSightError):
        eyes.mark()
    eyes.stop()
    assert ended == [far]


def test_an_embedded_cluster_is_here(cluster):
    nodes = {"n1": Node("nobody asks", "torch"), "n2": Node("nobody asks", "tensorflow")}
    cluster(**nodes)
    here = ClusterPlaces()
    assert {seat.device for seats in here.offers(BOTH).choose().values() for seat in seats} == {Device(host=host_id())}
    assert list(here.newcomers()) == []
    assert all(node.asked == 0 for node in nodes.values())
