"""Database users of their own for the report, with the rights that docs/deploy.md grants them."""

import re
import time

import psycopg
import pytest

from levelfield.services import ROOT
from levelfield.store import Store, StoreError, requesting, serving
from tests.postgres import HOST, running
from tests.request_contract import ask, nobody
from tests.test_store import record, store, study  # noqa: F401
from tests.ui.opening import words
from tests.ui.test_launch import drawn, launch_page


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


@pytest.fixture
def url(server):
    """A database of the test's own."""
    return server.new_url()


def as_role(server, url, grants):
    """The store's URL for a user who has been granted that alone."""
    name = f"role_{time.monotonic_ns()}"
    database = url.rpartition("/")[2]
    with psycopg.connect(host=HOST, port=server.port, user="levelfield", dbname=database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        for grant in grants:
            connection.execute(f"{grant} TO {name}")
    return f"postgresql://{name}:secret@{HOST}:{server.port}/{database}"


def grants_of(kind):
    """The statements that docs/deploy.md gives for such a user of the report."""
    found = re.findall(r"^(GRANT .*) TO (\w+);", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    return [grant for grant, role in found if role in kind]


def test_a_user_of_the_report_who_may_only_read(server, url, store):  # noqa: F811
    reader = as_role(server, url, grants_of({"report"}))
    with Store.open(reader, read_only=True) as opened:
        assert opened.studies() == [study()]
    with Store.open(reader, as_it_is=True) as opened, pytest.raises(StoreError, match="permission denied"):
        ask(opened, "a")


def test_a_user_of_the_report_who_may_launch_writes_requests_alone(server, url, store):  # noqa: F811
    launcher = as_role(server, url, grants_of({"report", "launcher"}))
    with Store.open(launcher, as_it_is=True) as opened:
        request = ask(opened, "a")
        assert not serving.scheduler(opened)
        assert requesting.ask_to_stop(opened, request.id, "ann@here", gone=nobody)
        for write in (lambda: opened.add_study(study("b")), lambda: opened.delete_study("digits-1"), lambda: record(opened)):
            with pytest.raises(StoreError, match="permission denied"):
                write()
    assert requesting.latest(store, "a").outcome == "cancelled by ann@here before it began"


def test_the_page_launches_as_that_user(server, url, store, monkeypatch):  # noqa: F811
    launcher = as_role(server, url, grants_of({"report", "launcher"}))
    monkeypatch.setenv("LEVELFIELD_STORE", launcher)
    monkeypatch.setenv("LEVELFIELD_UI_LAUNCH", "1")
    store.delete_study("digits-1")  # of which the other pages would want more
    app = launch_page()
    assert "No levelfield serve serves this store now" in words(app)
    drawn(app.button(key="launch").click())
    [request] = requesting.unfinished(store)
    assert request.study_id in words(app)
    drawn(app.button(key=f"stop-{request.id}").click())
    drawn(app.button(key=f"stop-yes-{request.id}").click())
    assert requesting.latest(store, request.study_id).outcome == f"cancelled by {request.asked_by} before it began"
    assert "before it began" in words(app)


def test_a_user_who_may_only_read_is_told_so_by_the_page(server, url, store, monkeypatch):  # noqa: F811
    monkeypatch.setenv("LEVELFIELD_STORE", as_role(server, url, grants_of({"report"})))
    monkeypatch.setenv("LEVELFIELD_UI_LAUNCH", "1")
    store.delete_study("digits-1")
    app = launch_page()
    drawn(app.button(key="launch").click())
    assert re.search(r"It was not asked for\. .*permission denied", words(app))
    assert requesting.unfinished(store) == []
