"""Writes what this folder holds: ``.venv/bin/python docs/reference/make.py STORE STUDY_ID...``.

From each study a CSV for each workload and track, a row a run; from all CSVs here ``levelfield/report/reference.json``, which reports set
new runs against, and the table in the README. Without arguments only these two are made again. The store must be of the present schema.
"""

import argparse
import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from levelfield.report.formats import decimals_for, fixed
from levelfield.report.reference import FILE, FORMAT
from levelfield.report.titles import is_aligned
from levelfield.result import STATUSES, Status
from levelfield.stats import Interval, describe, difference
from levelfield.stats.effect import half_width
from levelfield.store import Store, StoredRun, StoreError

FOLDER = Path(__file__).parent
COLUMNS = ("study", "framework", "mode", "precision", "seed", "status", "test_accuracy", "test_loss", "epochs")
COLUMNS += ("data_fingerprint", "data_source", "git_commit", "levelfield_version", "machine", "versions")
HEADER = ("workload", "track", "framework", "runs", "mean test accuracy, %", "sd", "min to max", "TensorFlow - PyTorch, points", "data")
LEVEL = 0.95
Row = Mapping[str, str]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the reference points from stored studies.")
    parser.add_argument("store", nargs="?", help="the store (path or database URL)")
    parser.add_argument("studies", nargs="*", help="the ids of the studies, as `levelfield studies` lists them")
    given = parser.parse_args()
    if given.store:
        try:
            take(given.store, given.studies)
        except StoreError as error:
            parser.error(str(error))
    FILE.write_text(reference_json(FOLDER))
    readme = FOLDER / "README.md"
    readme.write_text(with_table(readme.read_text(), FOLDER))


def take(store: str, studies: Iterable[str], folder: Path = FOLDER) -> None:
    """Write the studies' runs, the latest attempt of each. Raises StoreError for a run whose settings are not the workload's own."""
    tables: dict[str, list[dict[str, object]]] = defaultdict(list)
    with Store.open(store, read_only=True) as opened:
        for name in studies:
            study = opened.study(name)
            latest = {(run.key.spec_hash, run.key.side): run for run in sorted(opened.runs(study.id), key=lambda run: run.key.attempt)}
            if len(latest) < study.planned_runs:
                print(f"{study.id}: {len(latest)} of {study.planned_runs} runs are recorded")  # noqa: T201
            for run in sorted(latest.values(), key=lambda run: (run.planned.spec.framework, run.planned.spec.seed)):
                tables[f"{run.planned.spec.workload}-{run.planned.spec.track}"].append(_row(run, study.levelfield_version))
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def reference_json(folder: Path) -> str:
    """``reference.json`` for the CSVs of a folder: the runs of both frameworks together where the track aligns them."""
    found = []
    for (workload, track), rows in _tables(folder).items():
        groups = [None] if is_aligned(track) else list(dict.fromkeys(row["framework"] for row in rows))
        found += [_reference(workload, track, framework, rows) for framework in groups]
    return json.dumps({"format": FORMAT, "references": found}, indent=1) + "\n"


def with_table(text: str, folder: Path) -> str:
    """The README with the table for the CSVs of a folder between its two marks."""
    lines = ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    for (workload, track), rows in _tables(folder).items():
        lines += [f"| {' | '.join(cells)} |" for cells in _cells(workload, track, rows)]
    table = "\n".join(lines)
    return re.sub(
        r"(<!-- table -->\n).*(<!-- end of the table -->)", lambda marks: f"{marks[1]}\n{table}\n\n{marks[2]}", text, flags=re.DOTALL
    )


def _row(run: StoredRun, version: str) -> dict[str, object]:
    spec, result, where = run.planned.spec, run.result, run.result.environment
    if (spec.epochs, spec.batch_size, spec.learning_rate, spec.precision) != (None, None, None, "fp32"):
        raise StoreError(f"{run.key} does not have the workload's own settings in fp32")
    last = result.epochs[-1] if result.epochs else None
    threads = spec.threads or where.get("usable_cores", "?")
    return {
        "study": run.key.study,
        **{name: getattr(spec, name) for name in ("framework", "mode", "precision", "seed")},
        "status": result.status,
        "test_accuracy": last and last.test_accuracy,
        "test_loss": last and last.test_loss,
        "epochs": len(result.epochs),
        "data_fingerprint": result.fingerprints.get("data"),
        "data_source": result.description.get("data_source"),
        "git_commit": f"{where.get('git_commit', 'unknown')}{'' if where.get('git_clean') else ' with changes'}",
        "levelfield_version": version,
        "machine": f"{where.get('cpu_model', 'unknown')}, {spec.device}, {threads} thread{'' if threads == 1 else 's'}",
        "versions": "; ".join(f"{name} {version}" for name, version in where.get("packages", {}).items()),
    }


def _tables(folder: Path) -> dict[tuple[str, str], list[Row]]:
    """The rows of every CSV, by workload and track."""
    found: dict[tuple[str, str], list[Row]] = {}
    for file in sorted(folder.glob("*.csv")):
        workload, _, track = file.stem.rpartition("-")
        with file.open(newline="") as opened:
            found[workload, track] = list(csv.DictReader(opened))
    return found


def _accuracies(rows: Iterable[Row], framework: str | None) -> dict[tuple[str, str], float]:
    """Those of the runs whose learning counts, by framework and seed."""
    counted = [row for row in rows if framework in {None, row["framework"]} and STATUSES[Status(row["status"])].learning_counts]
    return {(row["framework"], row["seed"]): float(row["test_accuracy"]) for row in counted}


def _reference(workload: str, track: str, framework: str | None, rows: Sequence[Row]) -> dict[str, object]:
    mine = [row for row in rows if framework in {None, row["framework"]}]
    many = {"studies": "study", "machines": "machine", "levelfield_versions": "levelfield_version", "data_fingerprints": "data_fingerprint"}
    return {
        "workload": workload,
        "track": track,
        "framework": framework,
        "accuracies": list(_accuracies(rows, framework).values()),
        "seeds": len({seed for _, seed in _accuracies(rows, framework)}),
        **{name: sorted({row[column] for row in mine if row[column]}) for name, column in many.items()},
    }


def _cells(workload: str, track: str, rows: Sequence[Row]) -> Iterable[tuple[str, ...]]:
    frameworks = list(dict.fromkeys(row["framework"] for row in rows))
    data = ", ".join(
        sorted({f"{row['data_source'] or 'not recorded'} ({row['data_fingerprint'][:12]})" for row in rows if row["epochs"] != "0"})
    )
    for at, framework in enumerate(frameworks):
        found = describe(list(_accuracies(rows, framework).values()))
        if found.mean is None or found.min is None or found.max is None:
            yield workload, track, framework, "0", "", "", "", "", data
            continue
        mean, sd = f"{found.mean:.2%}".rstrip("%"), ""
        if found.sd is not None:
            half = half_width(found.n, found.sd, LEVEL)
            mean, sd = f"{mean} {_ends(Interval(found.mean - half, found.mean + half))}", f"{found.sd * 100:.2f}"
        versus = _versus(rows) if at == 0 else ""
        yield workload, track, framework, str(found.n), mean, sd, f"{found.min * 100:.2f} to {found.max * 100:.2f}", versus, data


def _versus(rows: Sequence[Row]) -> str:
    """The mean paired difference in points, over seeds, with its 95% t interval."""
    known = _accuracies(rows, None)
    seeds = sorted({seed for _, seed in known}, key=int)
    effect = difference(*([known.get((name, seed)) for seed in seeds] for name in ("tensorflow", "torch")))
    if effect.estimate is None or effect.interval is None:
        return ""
    return f"{fixed(effect.estimate * 100, 2, sign=True)} {_ends(effect.interval, sign=True)}, {effect.n} pairs"


def _ends(interval: Interval, *, sign: bool = False) -> str:
    decimals = max(2, decimals_for((interval.high - interval.low) * 100))
    return f"\\[{', '.join(fixed(end * 100, decimals, sign=sign) for end in (interval.low, interval.high))}\\]"


if __name__ == "__main__":
    main()
