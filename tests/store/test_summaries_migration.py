"""A store from before the summaries of steps gets them, in both databases; afterwards they cannot be changed."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from levelfield.step_summary import StepSummary
from levelfield.store import Store, inserting, schema
from levelfield.store.address import parse
from levelfield.store.tables import step_summaries
from tests.store.test_step_summary import CASES, drawn
from tests.test_store import planned, record, result, study

MORE = 120  # runs, more than are read at once


@pytest.fixture
def before(tmp_path, monkeypatch):
    """The schema and the tables written to as they were before there were summaries."""
    copy = tmp_path / "migrations"
    shutil.copytree(Path(schema.__file__).parent / "migrations", copy)
    for later in (copy / "versions").glob("0*.py"):
        if later.name >= "0009":
            later.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", str(copy))
        patch.setattr(inserting, "DERIVED", {})
        yield patch


def rows(url):
    with Store.open(url, read_only=True) as store:
        return {row.run_id: {k: v for k, v in row._asdict().items() if k != "run_id"} for row in store.read(select(step_summaries))[0]}


def test_runs_that_are_there_get_their_summaries(url, before):
    written = [*CASES.values(), *(drawn(seed, blocks=3) for seed in range(MORE))]
    with Store.open(url) as store:
        store.add_study(study())
        ids = {record(store, planned(seed=seed), result(blocks=blocks)): blocks for seed, blocks in enumerate(written)}
        gap = min(ids) + 10
        store.delete_run(gap)
    before.undo()
    Store.open(url).close()
    assert rows(url) == {run_id: StepSummary.of(blocks).to_dict() for run_id, blocks in ids.items() if run_id != gap}


def test_a_store_without_runs(url, before):
    Store.open(url).close()
    before.undo()
    Store.open(url).close()
    assert rows(url) == {}


def test_a_summary_cannot_be_changed(url):
    with Store.open(url) as store:
        store.add_study(study())
        record(store)
    engine = create_engine(parse(url))
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("UPDATE step_summaries SET steps = 1"))
    engine.dispose()
