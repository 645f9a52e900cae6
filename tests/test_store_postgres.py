"""The store's contract on a PostgreSQL server of its own, started here on a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

import levelfield
from levelfield.local import free_port
from levelfield.store import Store, StoreError
from tests.lease_contract import LeaseContract
from tests.test_store import StoreContract, planned, record, store, study  # noqa: F401

HOST = "127.0.0.1"


def _binaries() -> Path | None:
    """The newest PostgreSQL's folder of programs; Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _unprivileged() -> dict:
    """For subprocess: initdb refuses to be root."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(host=HOST, port=port, user="levelfield", dbname="postgres").close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the PostgreSQL server did not start:\n{log.read_text()}")
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def port():
    if (binaries := _binaries()) is None:
        pytest.skip("needs a PostgreSQL server: install the Debian package postgresql")
    identity = _unprivileged()
    with ExitStack() as stack:
        # Not pytest's temporary folder, which other users cannot enter.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="levelfield-postgres-")))
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        data, log, port = folder / "data", folder / "log", free_port(HOST)
        options = ["--username=levelfield", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([binaries / "initdb", "-D", data, *options], check=True, capture_output=True, cwd=folder, **identity)
        settings = (f"listen_addresses={HOST}", f"port={port}", "unix_socket_directories=", "fsync=off", "timezone=Asia/Kolkata")
        command = [binaries / "postgres", "-D", data, *(part for setting in settings for part in ("-c", setting))]
        process = stack.enter_context(subprocess.Popen(command, cwd=folder, stderr=stack.enter_context(log.open("w")), **identity))
        stack.callback(process.terminate)
        _wait(port, process, log)
        yield port
        process.send_signal(2)  # SIGINT ends it without waiting for clients
        process.wait(timeout=30)


@pytest.fixture
def url(port):
    """A database of the test's own."""
    name = f"test_{time.monotonic_ns()}"
    with psycopg.connect(host=HOST, port=port, user="levelfield", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql://levelfield:secret@{HOST}:{port}/{name}"


class TestPostgres(StoreContract):
    def test_an_empty_database_is_not_written_by_a_reader(self, url):
        for _ in range(2):
            with pytest.raises(StoreError, match=r"levelfield:\*\*\*@.* is empty; `levelfield run"):
                Store.open(url, read_only=True)

    def test_a_database_that_is_not_there(self, port):
        with pytest.raises(StoreError, match=r'cannot be used: .*database "absent" does not exist') as error:
            Store.open(f"postgresql://levelfield:secret@{HOST}:{port}/absent")
        assert "secret" not in str(error.value)

    def test_frames(self, store, url):  # noqa: F811
        record(store, planned(seed=3))
        frames = levelfield.load("latest", url)
        assert frames.study == study()
        assert (len(frames.runs), len(frames.epochs), len(frames.blocks)) == (1, 2, 2)
        assert str(frames.runs["started_at"].dtype) == "datetime64[us, UTC]"


class TestPostgresLeases(LeaseContract):
    pass
