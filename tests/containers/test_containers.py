"""docker compose from images to a verdict, and what then happens to it: deaths, strangers, more nodes, a restart. In this order."""

import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest
from playwright import sync_api

from tests.containers.compose import VERSION, Composed, has_engine

CHROMIUM = shutil.which("chromium")
SERVICES = ("orchestrator", "torch_worker", "tf_worker", "ui", "postgres")
# Of the CPU variants, with a base of 125 MB as python:3.11-slim-bookworm is; PyTorch's wheel brings CUDA in any variant.
MEGABYTES, BASE_MEGABYTES = {"orchestrator": 600, "ui": 600, "tf_worker": 2000, "torch_worker": 8000}, 125
INNER_PORTS = (5432, 6379, 6380, 8265, 8501, 9464)


@pytest.fixture(scope="module")
def composed():
    assert has_engine(), "no Docker engine answers: start one, or run the other tests with `make test`"
    made = Composed()
    made("down", "--volumes", "--remove-orphans")
    made.build()
    made("up", "--wait", timeout=300)
    yield made
    made("down", "--volumes", "--remove-orphans")


@pytest.mark.parametrize("name", ["orchestrator", "ui", "torch_worker", "tf_worker"])
def test_an_image_is_small_labelled_and_holds_no_compiler(composed, name):
    image = composed.inspect_image(name)
    assert (image["Size"] - composed.base_size()) / 1e6 + BASE_MEGABYTES < MEGABYTES[name]
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Healthcheck"]
    compilers = "for name in gcc cc g++ c++ clang ld make; do command -v $name; done; true"
    assert not composed.in_image(name, "sh", "-c", compilers).strip()
    # No wheel, secret or configuration of whoever built it.
    kinds = "-name pip.conf -o -path '/run/secrets/*' -o -name '*.whl' -not -path '*/ensurepip/*' -not -path '*/python-wheels/*'"
    assert not composed.in_image(name, "sh", "-c", f"find / -xdev \\( {kinds} \\) 2>/dev/null; true").strip()


def test_every_container_is_confined(composed):
    for service in SERVICES:
        for one in composed.containers(service):
            host = one["HostConfig"]
            assert host["ReadonlyRootfs"], service
            assert host["CapDrop"] == ["ALL"], service
            assert "no-new-privileges:true" in host["SecurityOpt"], service
            assert host["Memory"], service
            assert host["PidsLimit"], service
            assert one["Config"]["User"] not in {"", "0", "root"}, service
            secrets = {Path(mount["Source"]).name for mount in one["Mounts"] if mount["Destination"].startswith("/run/secrets")}
            told = " ".join(one["Config"]["Env"])
            assert not any((composed.deploy / secret).read_text() in told for secret in secrets), service


def test_nothing_but_the_report_is_reachable_from_the_host(composed):
    published = {}
    for service in SERVICES:
        [one] = composed.containers(service)
        if bound := {port: ends for port, ends in one["NetworkSettings"]["Ports"].items() if ends}:
            published[service] = bound
        addresses = [network["IPAddress"] for network in one["NetworkSettings"]["Networks"].values()]
        # Where a gateway answers for every address, as transparent proxies do, it does so for one that nobody has, too.
        nobody = {address: address.rpartition(".")[0] + ".254" for address in addresses}
        open_ports = [
            (address, port)
            for address in addresses
            for port in INNER_PORTS
            if _answers(address, port) and not _answers(nobody[address], port)
        ]
        assert [port for _, port in open_ports] == ([8501] if service == "ui" else []), (service, open_ports)
    assert published == {"ui": {"8501/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(composed.port)}]}}
    assert _answers("127.0.0.1", composed.port)


@pytest.mark.parametrize("shown", ["RAY_AUTH_MODE=disabled", f"RAY_AUTH_TOKEN_PATH= RAY_AUTH_TOKEN={'0' * 64}"])
@pytest.mark.parametrize("who", ["node", "client"])
def test_without_the_token_nobody_joins_the_cluster(composed, shown, who):
    """Neither a node nor a client beside one that has joined; with it both do."""
    node = "ray start --address=orchestrator:6379 --num-cpus=0 --disable-usage-stats"
    client = "import ray; ray.init('orchestrator:6379', logging_level='ERROR'); print('joined', sorted(ray.cluster_resources()))"

    def attempt(before_node, before_client):
        script = f'{before_node} {node} 2>&1 && echo started; {before_client} timeout 60 python3 -c "$0" 2>&1'
        return composed("run", "--rm", "--no-TTY", "--no-deps", "orchestrator", "sh", "-c", script, client, timeout=170, expect=None)

    refused = attempt("env " + shown, "true") if who == "node" else attempt("", "env " + shown)
    assert ("started" in refused) is (who == "client"), refused
    assert "joined" not in refused
    assert re.search("[Aa]uth|[Tt]oken", refused), refused
    if shown.startswith("RAY_AUTH_MODE"):
        assert "'torch'" in attempt("", "")


def test_the_quickstart_gives_its_verdict_in_the_store_and_on_the_page(composed):
    output = composed.levelfield("run", "studies/quickstart.yaml")
    assert "Certified" in output
    [done] = composed.sql("select count(*) from runs where status in ('ok', 'invalid')")
    assert int(done) >= 10
    digests = set(composed.sql("select framework || '|' || coalesce(environment::json->>'image_digest', 'none') from runs"))
    images = (("torch", "torch_worker"), ("tensorflow", "tf_worker"))
    assert digests == {f"{framework}|{composed.inspect_image(folder)['Id']}" for framework, folder in images}
    title, _, found = _verdict(composed.levelfield("report", "latest", "--format", "md")).partition(": ")
    shown = _page(composed, charts=1)
    for part in (title, *found.removesuffix(".").split("; test accuracy: ")):
        assert part in shown


def test_a_worker_that_is_killed_in_mid_run_is_replaced_and_the_study_completes(composed):
    options, study = composed.study(
        name="killed", workloads=["digits_cnn"], frameworks=["torch", "tensorflow"], seeds=1, epochs=400, bursts=0
    )
    composed.levelfield("run", study, "--detach", "--no-certify", options=options)
    is_training = """progress::text ~ '"side": "torch".*"curve": [[][[]'"""  # and has ended an epoch
    working = f"select count(*) from requests where finished_at is null and {is_training}"
    composed.wait_until(lambda: composed.sql(working) == ["1"], timeout_s=120, what="a run of PyTorch at work")
    [before] = composed.containers("torch_worker")
    os.kill(before["State"]["Pid"], signal.SIGKILL)
    over = "select outcome from requests where study_id like 'killed-%' and finished_at is not null"
    [outcome] = composed.wait_until(lambda: composed.sql(over), timeout_s=600, what="the end of the study")
    assert outcome.startswith("done"), outcome
    statuses = "select framework, status from runs where study_id like 'killed-%' order by id"
    found = dict(row.split("|") for row in composed.sql(statuses))
    assert found["torch"] == "restarted", found
    assert "goes on after epoch-" in composed("logs", "orchestrator"), "from its last checkpoint"
    assert found["tensorflow"] in {"ok", "invalid"}, found  # what a container's start disturbs
    [after] = composed.containers("torch_worker")
    assert (after["Id"], after["RestartCount"]) == (before["Id"], before["RestartCount"] + 1)


def test_two_workers_of_a_gang_sit_in_two_containers(composed):
    composed("up", "--wait", "--no-recreate", "--scale", "torch_worker=2", timeout=180)
    fields = {"name": "gang", "workloads": ["digits_cnn"], "frameworks": ["torch"], "seeds": 1, "epochs": 2, "workers": [2]}
    options, study = composed.study(**fields, shares=2, placement="spread", bursts=0)
    composed.levelfield("run", study, "--no-certify", options=options, expect=None)
    [run] = composed.sql("select status, coalesce(failure::text, ''), environment::text from runs where study_id like 'gang-%'")
    assert run.startswith(("ok|", "invalid|")), run[:500]
    names = {one["Config"]["Hostname"] for one in composed.containers("torch_worker")}
    assert len(names) == 2
    assert all(name in run for name in names), "both containers took part"


def test_results_outlive_the_containers(composed):
    before = composed.sql("select id, status from runs order by id")
    composed("down")
    composed("up", "--wait", timeout=180)
    assert composed.sql("select id, status from runs order by id") == before
    assert "Handwritten digits" in _page(composed)


def _answers(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _verdict(markdown):
    """The first sentence, as plain text."""
    return next(line for line in markdown.splitlines() if line.startswith("**")).strip("*").replace("\\", "")


def _page(composed, *, charts=0):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{composed.port}")
        page.wait_for_selector(".lf-verdict", timeout=60_000)
        page.wait_for_function(f"document.querySelectorAll('.stPlotlyChart .main-svg').length >= {charts}", timeout=60_000)
        text = page.inner_text("body")
        browser.close()
    return text
