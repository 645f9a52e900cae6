"""Opening a store: where it is, what is refused and in which words."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

import levelfield
from levelfield.store import Store, StoreError, address, default_url, engine, inserting, rows, schema
from tests.certificates import certificate
from tests.test_store import record, result, study

ROOT = Path(levelfield.__file__).resolve().parent.parent
HEAD = max(path.name[:4] for path in (Path(schema.__file__).parent / "migrations" / "versions").glob("0*.py"))
NEXT_REVISION = f"{int(HEAD) + 1:04d}"
NEXT = (
    f'from alembic import op\nrevision = "{NEXT_REVISION}"\ndown_revision = "{HEAD}"\n'
    'def upgrade(): op.execute("CREATE TABLE more (id INTEGER)")\n'
)
READ = "import sys; from levelfield.store import Store; print(len(Store.open(sys.argv[1], read_only=True).studies()))"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "levelfield.db"


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """The migrations of a Levelfield that is one revision ahead."""
    copy = tmp_path / "migrations 100%"
    shutil.copytree(Path(schema.__file__).parent / "migrations", copy)
    (copy / "versions" / f"{NEXT_REVISION}_more.py").write_text(NEXT)
    return str(copy).replace("%", "%%")


def test_sqlite_is_set_up_for_one_writer_and_many_readers(file):
    with Store.open(str(file)) as store, store._engine.connect() as connection:
        pragmas = ("journal_mode", "foreign_keys", "busy_timeout")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas] == ["wal", 1, engine.BUSY_TIMEOUT_S * 1000]


def test_a_reader_finds_no_store(file):
    with pytest.raises(StoreError, match=r"there is no store sqlite:///.*levelfield.db yet; `levelfield run"):
        Store.open(str(file), read_only=True)
    assert not file.exists()


def test_a_reader_finds_an_empty_file(file):
    file.touch()
    with pytest.raises(StoreError, match="is empty; `levelfield run"):
        Store.open(str(file), read_only=True)
    assert file.read_bytes() == b""


def test_an_older_store_is_migrated_by_a_writer_only(file, newer, monkeypatch):
    with Store.open(str(file)) as store:
        store.add_study(study())
        record(store)
    before = file.read_bytes()
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    with pytest.raises(StoreError, match=rf"older schema \({HEAD}\).*`levelfield run STUDY`.*\({NEXT_REVISION}\)"):
        Store.open(str(file), read_only=True)
    assert file.read_bytes() == before
    with Store.open(str(file)) as store:
        assert store.runs("digits-1")[0].result == result()
    Store.open(str(file), read_only=True).close()


def test_a_store_from_before_certificates_is_read_after_a_writer_has_opened_it(file, tmp_path, monkeypatch):
    first = tmp_path / "first"
    shutil.copytree(Path(schema.__file__).parent / "migrations", first)
    for later in (first / "versions").glob("0*.py"):
        if not later.name.startswith("0001"):
            later.unlink()
    written = result(blocks=[], predictions=None)  # whose columns and table are newer
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", str(first))
        patch.setattr(rows, "SPEC_COLUMNS", tuple(name for name in rows.SPEC_COLUMNS if name != "workers"))
        patch.setattr(inserting, "DERIVED", {})
        with Store.open(str(file)) as store:
            store.add_study(study())
            record(store, outcome=written)
    before = file.read_bytes()
    with pytest.raises(StoreError, match=rf"older schema \(0001\).*\({HEAD}\)"):
        Store.open(str(file), read_only=True)
    assert file.read_bytes() == before
    with Store.open(str(file)) as store:
        assert (store.studies(), store.runs("digits-1")[0].result, store.certificates()) == ([study()], written, [])
        store.add_certificate(certificate())
    frames = levelfield.load("digits-1", str(file))
    assert frames.runs[["data_source", "worker_code", "batch_size"]].isna().all(axis=None)
    assert frames.predictions() == {}
    assert frames.steps["blocks"].tolist() == [0]


def test_a_newer_store_is_left_alone(file, newer, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", newer)
        Store.open(str(file)).close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match=rf"newer Levelfield \(schema {NEXT_REVISION}, known here up to {HEAD}\)"):
        Store.open(str(file))
    assert file.read_bytes() == before


def test_a_migration_that_fails_leaves_nothing_behind(file, newer, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", newer)
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE more (id)")
    with pytest.raises(StoreError, match="table more already exists"):
        Store.open(str(file))
    assert sqlite3.connect(file).execute("SELECT name FROM sqlite_master").fetchall() == [("more",)]


def test_reading_changes_nothing(file):
    Store.open(str(file)).close()
    before = file.read_bytes()
    with Store.open(str(file), read_only=True) as reader:
        reader.studies()
    assert file.read_bytes() == before


def test_a_reader_needs_no_permission_to_write(file, monkeypatch):
    with Store.open(str(file)) as store:
        store.add_study(study())
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    file.parent.chmod(0o555)
    try:
        with Store.open(str(file), read_only=True) as reader:
            assert len(reader.studies()) == 1
        assert list(file.parent.iterdir()) == [file]
        with pytest.raises(StoreError, match="cannot be used: the file is read-only for this user"):
            Store.open(str(file))
    finally:
        file.parent.chmod(0o755)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"the store sqlite:///.*/file/levelfield.db cannot be used: .*File exists"):
        Store.open(str(tmp_path / "file" / "levelfield.db"))


def test_a_file_that_is_no_database(file):
    file.write_bytes(b"not a database, but long enough to look at " * 50)
    for read_only in (False, True):
        with pytest.raises(StoreError, match="cannot be used: file is not a database"):
            Store.open(str(file), read_only=read_only)


def test_a_locked_store(file, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.1)
    with Store.open(str(file)) as store, sqlite3.connect(file) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="cannot be used: database is locked") as error:
            store.add_study(study())
        assert "\n" not in str(error.value)
        with Store.open(str(file), read_only=True) as reader:
            assert reader.studies() == []


def test_setting_up_waits_for_a_writer(file):
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.rollback).start()
    schema._enable_wal(engine.make_engine(address.parse(str(file)), read_only=False))
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_full_disk(file):
    with Store.open(str(file)) as store:
        store.add_study(study())
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="cannot be used: database or disk is full"):
            record(store, outcome=result(step_losses=[0.5] * 100_000))
        assert store.runs("digits-1") == []


def test_a_server_that_refuses_is_named_without_its_password():
    with pytest.raises(StoreError, match=r"//me:[*]{3}@127.0.0.1:1/db[?].*cannot be used: .*refused") as error:
        Store.open("postgresql://me:secret@127.0.0.1:1/db?sslpassword=secret&connect_timeout=2")
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/db", "sqlite://", "sqlite://results/a.db", "sqlite:///a.db?mode=ro", "x://u:secret@[h/db"]
)
def test_a_url_that_cannot_be_a_store(url):
    with pytest.raises(StoreError, match="write a path, sqlite:///PATH or postgresql://") as error:
        Store.open(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg(scheme):
    url = address.parse(f"{scheme}://u:p@h/db")
    assert (url.drivername, url.password, address.shown(url)) == ("postgresql+psycopg", "p", "postgresql+psycopg://u:***@h/db")


def test_a_password_comes_from_a_file_where_the_url_has_none(tmp_path, monkeypatch):
    secret = tmp_path / "password"
    secret.write_text("from a file\n")
    monkeypatch.setenv("LEVELFIELD_STORE_PASSWORD_FILE", str(secret))
    url = address.parse("postgresql://u@h/db")
    assert url.password == "from a file"
    assert address.shown(url) == "postgresql+psycopg://u:***@h/db"
    assert address.parse("postgresql://u:p@h/db").password == "p"
    secret.unlink()
    with pytest.raises(StoreError, match=r"LEVELFIELD_STORE_PASSWORD_FILE: .*No such file"):
        address.parse("postgresql://u@h/db")


def test_the_default_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEVELFIELD_STORE", raising=False)
    monkeypatch.delenv("LEVELFIELD_RESULTS", raising=False)
    assert default_url() == f"sqlite:///{tmp_path}/results/levelfield.db"
    monkeypatch.setenv("LEVELFIELD_RESULTS", str(tmp_path / "a b?"))
    Store.open(default_url()).close()
    assert (tmp_path / "a b?" / "levelfield.db").exists()
    monkeypatch.setenv("LEVELFIELD_STORE", "postgresql://h/db")
    assert default_url() == "postgresql://h/db"


def test_importing_levelfield_imports_the_standard_library_alone():
    code = "import sys; import levelfield; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(loaded.stdout.split()) - sys.stdlib_module_names - {"levelfield", "__main__"} == set()


def test_the_version_is_that_of_the_package():
    assert levelfield.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
