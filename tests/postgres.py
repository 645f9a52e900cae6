"""A PostgreSQL server of the tests' own, on a free port, which can be stopped and started again."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from levelfield.local import free_port

HOST = "127.0.0.1"


class Server:
    """Keeps its files in ``folder``, which is not pytest's temporary one: other users cannot enter that. Skips where there is none."""

    def __init__(self, folder: Path) -> None:
        if (binaries := _binaries()) is None:
            pytest.skip("needs a PostgreSQL server: install the Debian package postgresql")
        self._binaries, self._folder, self._identity = binaries, folder, _unprivileged()
        if self._identity:
            os.chown(folder, self._identity["user"], self._identity["group"])
        self.port = free_port(HOST)
        options = ["--username=levelfield", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [binaries / "initdb", "-D", folder / "data", *options]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self._identity)

    def start(self) -> None:
        """Until it answers."""
        settings = (f"listen_addresses={HOST}", f"port={self.port}", "unix_socket_directories=", "fsync=off", "timezone=Asia/Kolkata")
        command = [self._binaries / "postgres", "-D", self._folder / "data", *(part for setting in settings for part in ("-c", setting))]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stderr=log, **self._identity)
        self._wait()

    def stop(self) -> None:
        """At once: SIGINT does not wait for clients."""
        self._process.send_signal(2)
        self._process.wait(timeout=30)

    def new_url(self) -> str:
        """That of a database which is empty."""
        name = f"test_{time.monotonic_ns()}"
        with psycopg.connect(host=HOST, port=self.port, user="levelfield", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://levelfield:secret@{HOST}:{self.port}/{name}"

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(host=HOST, port=self.port, user="levelfield", dbname="postgres").close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the PostgreSQL server did not start:\n{(self._folder / 'log').read_text()}")
                time.sleep(0.1)
            else:
                return


@contextmanager
def running() -> Iterator[Server]:
    """A server of its own, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="levelfield-postgres-") as folder:
        server = Server(Path(folder))
        server.start()
        yield server
        server.stop()


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
