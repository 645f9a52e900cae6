"""``levelfield replay``: run a stored run again here, and say whether what comes of it lies where the old runs let it be expected."""

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from levelfield import data, workloads
from levelfield.planning.plan import plan
from levelfield.result import Status
from levelfield.services import Service, discover
from levelfield.store import Store, StoredRun, StudyRecord
from levelfield.study import Study, check_study
from orchestrator import data_commands
from orchestrator.connect import UsageError
from orchestrator.data_commands import DataDir
from orchestrator.options import RESULTS, Address, Gate, Results, Shares, StoreUrl, store_url

if TYPE_CHECKING:  # it imports scipy, for which the other commands should not wait
    from orchestrator.site import Session

HASH_DIGITS = 12


class Form(StrEnum):
    """How the comparison is written."""

    TABLE = "table"
    JSON = "json"


def replay(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    run_id: Annotated[int, typer.Argument(metavar="RUN_ID", help="A stored run; `levelfield runs` lists them.")],
    number: Annotated[int, typer.Option("--runs", min=1, max=100, help="How often, in fresh processes.")] = 1,
    form: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TABLE,
    address: Address = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    data_dir: DataDir = None,
    gate: Gate = None,
    shares: Shares = None,
) -> None:
    """Run a stored run again here: are the new values where the old ones let them be expected? Exit status 1 if one is not."""
    from levelfield.planning.record import new_record
    from orchestrator.site import Session

    console, url = Console(stderr=form is Form.JSON), store_url(results, store)
    data_commands.use_data_dir(data_dir)
    services = discover()
    with Store.open(url, read_only=True) as opened:
        old = opened.run(run_id)
    record = new_record(study_of(old, number, services, shares=shares or 1))
    _check_data(old)
    session = Session(
        services=services, results=results, store_url=url, address=address, console=console, certify=False, gate=gate is not False
    )
    _work(session, record)
    raise typer.Exit(int(not _report(old, record, url, form)))


def study_of(run: StoredRun, number: int, services: dict[str, Service], *, shares: int = 1) -> Study:
    """The study that repeats a run ``number`` times: as many sides, so that each repeat is a run of its own.

    Raises StudyError for what the services do not offer, and UsageError where the run did not train.
    """
    spec, run_id = run.planned.spec, run.run_id
    if not spec.trains:
        raise UsageError(f"run {run_id} was only made ready for a duel, which takes two: `levelfield duel` repeats that")
    content = {
        "name": f"replay-{run_id}",
        "title": f"Replay of run {run_id} ({run.planned.side}, {spec.workload}, seed {spec.seed}) of {run.key.study}",
        "workloads": [spec.workload],
        "frameworks": [{"framework": spec.framework, "mode": spec.mode or None, "precision": spec.precision}] * number,
        "seeds": [spec.seed],
        "bursts": 0,
        "replays": run_id,
        "device": spec.device_model or spec.device,
        "workers": [spec.workers],
        "shares": shares,
        **{name: getattr(spec, name) for name in ("track", "placement", "batch_size", "epochs", "learning_rate", "threads")},
    }
    study = check_study(content, services, source=f"run {run_id}")
    if any(planned.spec != replace(spec, mode=spec.mode or planned.spec.mode) for planned in plan(study, plan_seed=0)):
        raise UsageError(f"run {run_id} cannot be repeated: a study of this version does not express {spec.canonical_json()}")
    return study


def _check_data(run: StoredRun) -> None:
    """Raises UsageError where the data set here is another one than the run was trained on; the orchestrator sends it to every node."""
    dataset = data.load(workloads.get(run.planned.spec.workload).dataset)
    old = run.result.fingerprints.get("data", dataset.fingerprint)
    if old != dataset.fingerprint:
        there, here = old[:HASH_DIGITS], dataset.fingerprint[:HASH_DIGITS]
        why = f"run {run.run_id} was trained on other data: the fingerprint of {dataset.name} was {there}, here it is {here}"
        raise UsageError(f"{why}; `levelfield data list` says where it came from, `--data-dir FOLDER` reads files that you have")


def _work(session: "Session", record: StudyRecord) -> None:
    """Do the repeats; what the machine disturbed is done again, as often as a study may be resumed for it."""
    from orchestrator.session import execute

    statuses = execute(session, record, is_new=True)
    while Status.INVALID in statuses and {*statuses} <= {Status.OK, Status.INVALID}:
        statuses = execute(session, record, is_new=False)


def _report(old: StoredRun, record: StudyRecord, url: str, form: Form) -> bool:
    """Print what was found; returns whether it confirms the old run."""
    from levelfield.report import replayed  # pandas and scipy take a second to import: not for a run that cannot be repeated
    from levelfield.report.replay import compare
    from levelfield.store.frames import load

    with Store.open(url, read_only=True) as opened:
        runs = [old, *opened.runs(record.id)]
    found = compare(load(old.key.study, url), load(record.id, url), old.run_id, {run.run_id: run.result.step_losses for run in runs})
    if form is Form.JSON:
        typer.echo(replayed.to_json(found), nl=False)
    else:
        Console().print(replayed.to_rich(found))
    return found.is_confirmed
