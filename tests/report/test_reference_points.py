"""The stored reference points: that what is published agrees with the runs, and that the script takes runs as they were."""

import csv
import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from levelfield.report import reference
from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedRun, RunKey, RunSpec
from levelfield.store import Store, StoreError
from tests.ui.stores import NOW, fill, result

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
spec = importlib.util.spec_from_file_location("reference_points", FOLDER / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


@pytest.fixture
def store(tmp_path):
    url = str(tmp_path / "levelfield.db")
    with Store.open(url) as opened:
        yield opened, url


def real(side, seed):
    """A run of a real study: with environment, and an accuracy of its own."""
    made = result(side, seed)
    last = replace(made.epochs[-1], test_correct=300 + 7 * seed % 11 + (side == "torch") * seed % 3)
    environment = {
        "cpu_model": "Model 7",
        "usable_cores": 2,
        "packages": {side: "1.0", "numpy": "2.0"},
        "git_commit": "c0ffee",
        "git_clean": True,
    }
    return replace(made, epochs=[*made.epochs[:-1], last], environment=environment, description={"data_source": "official"})


def rows_of(folder, name):
    with (folder / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_what_is_published_agrees_with_the_runs():
    assert list(FOLDER.glob("*.csv"))
    assert reference.FILE.read_text() == make.reference_json(FOLDER)
    readme = (FOLDER / "README.md").read_text()
    assert make.with_table(readme, FOLDER) == readme


def test_the_published_means_are_those_of_the_csv_s():
    """Not by way of the script that wrote them."""
    table = dict(re.findall(r"^\| (\w+ \| \w+ \| \w+) \| (\d+ \| [\d.]+) ", (FOLDER / "README.md").read_text(), flags=re.MULTILINE))
    for file in FOLDER.glob("*.csv"):
        workload, track = file.stem.rsplit("-", 1)
        rows = rows_of(FOLDER, file.stem)
        for framework in {row["framework"] for row in rows}:
            values = [float(row["test_accuracy"]) for row in rows if row["framework"] == framework and row["status"] == "ok"]
            assert table.pop(f"{workload} | {track} | {framework}") == f"{len(values)} | {np.mean(values) * 100:.2f}"
    assert not table


def test_runs_are_taken_as_they_were(store, tmp_path):
    opened, url = store
    fill(opened, make=real, seeds=4)
    make.take(url, ["digits"], tmp_path)
    rows = rows_of(tmp_path, "digits_cnn-matched")
    assert [(row["framework"], row["seed"]) for row in rows] == [(side, str(seed)) for side in ("tensorflow", "torch") for seed in range(4)]
    first = rows[1]
    assert float(first["test_accuracy"]) == real("tensorflow", 1).epochs[-1].test_accuracy
    assert float(first["test_loss"]) == real("tensorflow", 1).epochs[-1].test_loss
    del first["test_accuracy"], first["test_loss"]
    assert first == {
        "study": "digits-1", "framework": "tensorflow", "mode": "eager", "precision": "fp32", "seed": "1", "status": "ok", "epochs": "3",
        "data_fingerprint": "d" * 64, "data_source": "official", "git_commit": "c0ffee", "levelfield_version": "0.1.0",
        "machine": "Model 7, cpu, 2 threads", "versions": "tensorflow 1.0; numpy 2.0",
    }  # fmt: skip


def test_aligned_tracks_are_pooled_and_the_article_s_frameworks_kept_apart(store, tmp_path):
    opened, url = store
    for track in ("matched", "article"):
        fill(opened, track, make=real, seeds=4, track=track)
    make.take(url, ["matched", "article"], tmp_path)
    file = tmp_path / "reference.json"
    file.write_text(make.reference_json(tmp_path))
    found = {(one.track, one.framework): one for one in reference.read(file)}
    assert {key: len(one.accuracies) for key, one in found.items()} == {
        ("article", "tensorflow"): 4,
        ("article", "torch"): 4,
        ("matched", None): 8,
    }
    matched = found["matched", None]
    assert sorted(matched.accuracies) == sorted(
        real(side, s).epochs[-1].test_accuracy for side in ("tensorflow", "torch") for s in range(4)
    )
    assert (matched.studies, matched.machines, matched.data_fingerprints) == (("matched-1",), ("Model 7, cpu, 2 threads",), ("d" * 64,))


def test_the_table_gives_interval_spread_and_paired_difference(tmp_path):
    """By hand: 70, 72 and 74 have sd 2 and t(0.975, 2) = 4.3027, so 72 ± 4.97; the differences 1, 2 and 3 give 2 ± 2.48."""
    accuracies = {"tensorflow": (0.70, 0.72, 0.74), "torch": (0.69, 0.70, 0.71)}
    blank = dict.fromkeys(make.COLUMNS, "")
    rows = [
        blank
        | {"framework": side, "seed": str(seed), "status": "ok", "test_accuracy": str(value), "data_source": "official", "epochs": "3"}
        for side, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    rows.append(blank | {"framework": "torch", "seed": "3", "status": "failed", "epochs": "0"})
    write(tmp_path / "w_x-matched.csv", rows)
    text = make.with_table("before\n<!-- table -->\nold\n<!-- end of the table -->\nafter", tmp_path)
    first = "| w_x | matched | tensorflow | 3 | 72.00 \\[67.03, 76.97\\] | 2.00 | 70.00 to 74.00 |"
    assert f"{first} +2.00 \\[-0.48, +4.48\\], 3 pairs | official () |" in text
    assert "| w_x | matched | torch | 3 | 70.00 \\[67.52, 72.48\\] | 1.00 | 69.00 to 71.00 |  | official () |" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    assert "old" not in text


def write(file, rows):
    with file.open("w") as opened:
        writer = csv.DictWriter(opened, make.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def test_a_failed_run_is_a_row_and_no_accuracy(store, tmp_path, capsys):
    opened, url = store
    lost = RunResult(status=Status.FAILED, failure=Failure(reason="lost"))
    fill(opened, make=lambda side, seed: lost if (side, seed) == ("torch", 1) else real(side, seed), skip=1)
    make.take(url, ["digits"], tmp_path)
    assert "digits-1: 9 of 10 runs are recorded" in capsys.readouterr().out
    assert [row["test_accuracy"] for row in rows_of(tmp_path, "digits_cnn-matched") if row["status"] == "failed"] == [""]
    assert len(json.loads(make.reference_json(tmp_path))["references"][0]["accuracies"]) == 8


def test_runs_with_other_settings_are_refused(store, tmp_path):
    opened, url = store
    study = fill(opened, make=real, seeds=2, skip=4)
    plan = PlannedRun(spec=RunSpec(workload="digits_cnn", framework="torch", mode="eager", seed=0, epochs=1), side="torch", pair=0, turn=0)
    key = RunKey(study=study, spec_hash=plan.spec.hash, side="torch", attempt=1)
    opened.record(key, plan, real("torch", 0), started_at=NOW, finished_at=NOW)
    with pytest.raises(StoreError, match="does not have the workload's own settings in fp32"):
        make.take(url, ["digits"], tmp_path)
    assert not list(tmp_path.glob("*.csv"))
