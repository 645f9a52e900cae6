"""Which devices a pair's processes may get on a cluster, asked of its nodes; and which nodes get eyes of their own."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ray.exceptions import ActorDiedError

from levelfield.leases import Device
from levelfield.measure.host import host_id
from orchestrator import places
from orchestrator.places import ClusterPlaces, ThisHost
from orchestrator.watch import LostSightError
from tests.test_schedule import planned

TORCH, TENSORFLOW = planned(0, "torch").spec, planned(0, "tensorflow").spec


class Method:
    """An actor's method: it is called where its answer is fetched."""

    def __init__(self, function):
        self.remote = lambda *words: lambda: function(*words)


class Node:
    """A node with its monitor."""

    def __init__(self, host, *offers, gpus=(), alive=True, dead=False):
        self.resources, self.alive, self.dead, self.asked = dict.fromkeys(offers, 1.0), alive, dead, 0
        self.told = {"host": host, "hostname": f"name of {host}", "roots": [7], "gpus": list(gpus)}
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


def test_every_host_on_which_a_process_may_run_is_held(cluster):
    cluster(
        n1=Node("a", "torch"), n2=Node("b", "tensorflow"), n3=Node("c", "other"), n4=Node("d", "torch", alive=False), n5=Node("a", "torch")
    )
    here = ClusterPlaces()
    assert here.candidates([TORCH]) == {Device(host="a")}
    assert here.candidates([TORCH, TENSORFLOW]) == {Device(host="a"), Device(host="b")}


def test_on_cuda_the_gpus_of_the_nodes_that_offer_some(cluster):
    cluster(
        n1=Node("a", "torch", "GPU", gpus=["GPU-1", "GPU-2"]),
        n2=Node("b", "torch", gpus=["GPU-3"]),
        n3=Node("a", "tensorflow", "GPU", gpus=["GPU-1"]),
        n4=Node("c", "tensorflow", "GPU"),
    )
    here = ClusterPlaces()
    on_cuda = [replace(spec, device="cuda") for spec in (TORCH, TENSORFLOW)]
    known = {Device(gpu="GPU-1"), Device(gpu="GPU-2")}
    assert here.candidates(on_cuda) == known | {Device(host="c")}, "where no GPU can be named it is the host"
    assert here.used({"node_id": "n1", "host": "a"}, device="cuda") == known
    assert here.used({"node_id": "n1", "host": "a"}, device="cpu") == {Device(host="a")}


def test_a_process_on_a_node_that_nobody_asked_is_on_its_host(cluster):
    silent = Node("a", "torch", dead=True)
    ended = cluster(n1=silent)
    here = ClusterPlaces()
    assert here.candidates([TORCH]) == set(), "it does not answer"
    assert ended == [silent]
    assert here.used({"node_id": "n1", "host": "a"}, device="cuda") == {Device(host="a")}


def test_a_node_is_asked_once_and_a_new_one_when_it_has_come(cluster):
    first = Node("a", "torch")
    cluster(n1=first)
    here = ClusterPlaces()
    here.candidates([TORCH])
    cluster(n1=first, n2=Node("b", "torch"))
    assert here.candidates([TORCH]) == {Device(host="a"), Device(host="b")}
    assert first.asked == 1


def test_nodes_out_of_sight_get_eyes_once(cluster):
    seen, unseen, far = Node(host_id(), "torch"), Node(host_id(), "torch"), Node("far", "torch")
    ended = cluster(n1=seen, n2=unseen, n3=far)
    here = ClusterPlaces(in_sight={"n1": os.getpid()})
    assert here.candidates([TORCH]) == {Device(host=host_id()), Device(host="far")}
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


def test_an_embedded_cluster_is_here():
    here = ThisHost()
    assert here.candidates([TORCH, TENSORFLOW]) == here.used({}, device="cpu") == {Device(host=host_id())}
    assert here.newcomers() == ()
