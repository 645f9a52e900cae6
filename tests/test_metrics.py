"""What a scheduler tells Prometheus and whoever looks whether it lives."""

import urllib.error
import urllib.request
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from levelfield.holders import myself
from levelfield.leases import Device
from levelfield.local import free_port
from levelfield.result import Status
from levelfield.store import Store, requesting
from orchestrator import metrics
from orchestrator.leases import Lessor
from orchestrator.metrics import Pulse, offered
from orchestrator.nodes import ClusterError
from tests.request_contract import ask, nobody
from tests.ui.stores import fill, result


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "levelfield.db")


@pytest.fixture
def told(url):
    """The address, and the pulse that is felt there."""
    Store.open(url).close()
    port, pulse = free_port("127.0.0.1"), Pulse()
    with offered(port, url, pulse):
        yield f"http://127.0.0.1:{port}", pulse


def scraped(address):
    """By name and labels, the gauges."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def status(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_runs_are_counted_by_status_and_the_invalid_ones_rated(told, url):
    def make(side, seed):
        return result(side, seed, status=Status.INVALID if seed == 0 else Status.OK)

    with Store.open(url) as store:
        fill(store, seeds=5, make=make, duels=[Status.OK, Status.INVALID])
    found = scraped(told[0])
    assert found["levelfield_attempts", "run", "ok"] == 8
    assert found["levelfield_attempts", "run", "invalid"] == 2
    assert found["levelfield_attempts", "run", "failed"] == 0
    assert found["levelfield_invalid_ratio", "run"] == 0.2
    assert found["levelfield_invalid_ratio", "duel"] == 0.5
    assert found["levelfield_store_up",] == 1


def test_the_queue_and_the_leases_are_counted(told, url):
    with Store.open(url) as store:
        for name in ("a", "b", "c"):
            ask(store, name)
        taken = requesting.take(store, myself(), valid=timedelta(seconds=60), gone=nobody)
        requesting.beat(store, taken, [{"what": "run"}, {"what": "waiting"}, {"what": "run"}], valid=timedelta(seconds=60))
        with Lessor(store=store, study_id="a", waiting=lambda _: None).lease([Device(host="h")], ["a run"]):
            found = scraped(told[0])
    assert (found["levelfield_studies", "at_work"], found["levelfield_studies", "waiting"]) == (1, 2)
    assert (found["levelfield_at_work", "run"], found["levelfield_at_work", "waiting"], found["levelfield_at_work", "duel"]) == (2, 1, 0)
    assert (found["levelfield_leases", "held"], found["levelfield_leases", "waiting"]) == (1, 0)
    assert 0 <= found["levelfield_longest_wait_seconds",] < 60


def test_an_empty_store_has_no_ratio(told):
    found = scraped(told[0])
    assert not [name for name, *_ in found if name == "levelfield_invalid_ratio"]
    assert found["levelfield_longest_wait_seconds",] == 0


def test_a_store_that_is_away_is_told_and_nothing_else(told, url, tmp_path):
    (tmp_path / "levelfield.db").write_bytes(b"no database")
    found = scraped(told[0])
    assert found["levelfield_store_up",] == 0
    assert not [name for name, *_ in found if name == "levelfield_studies"]


def test_ready_while_it_serves_and_alive_until_it_falls_silent(told, monkeypatch):
    address, pulse = told
    assert (status(f"{address}/readyz"), status(f"{address}/livez")) == (503, 200), "it waits for another one's end"
    pulse.beat()
    assert (status(f"{address}/readyz"), status(f"{address}/livez")) == (200, 200)
    monkeypatch.setattr(metrics, "SILENT_S", -1.0)
    assert (status(f"{address}/readyz"), status(f"{address}/livez")) == (503, 200), "it may wait for the store"
    monkeypatch.setattr(metrics, "DEAD_S", -1.0)
    assert status(f"{address}/livez") == 503


def test_a_port_that_is_taken_is_named(told, url):
    port = int(told[0].rpartition(":")[2])
    with pytest.raises(ClusterError, match=f"--metrics {port}"), offered(port, url, Pulse()):
        pass
