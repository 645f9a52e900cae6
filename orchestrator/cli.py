"""The command line: ``levelfield --help``."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

import levelfield
from levelfield.data import DataError
from levelfield.duel import ROUNDS
from levelfield.result import Status
from levelfield.services import ServiceError, discover
from levelfield.study import StudyError, read_study
from orchestrator import data_commands, duel_command, explain_command, parity_command, replay_command, runs_command
from orchestrator.data_commands import DataDir
from orchestrator.options import (
    MAXIMUM_PAIRS,
    RESULTS,
    Address,
    Certify,
    Gate,
    MaxRuns,
    Results,
    Shares,
    StoreUrl,
    StudyFile,
    StudyId,
    UntilDecided,
    store_url,
)

if TYPE_CHECKING:
    from levelfield.store import StudyRecord

app = typer.Typer(
    help="Compares deep-learning frameworks on a level field.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(data_commands.app, name="data")
for command in (parity_command.parity, explain_command.explain, replay_command.replay, runs_command.runs):
    app.command()(command)
console = Console()
# Beside what went well, what is the machine's fault, what has been mended, and what nobody can do; the report tells of all of it.
NO_FAILURE = {Status.OK, Status.INVALID, Status.RESTARTED, Status.UNSUPPORTED}


class Format(StrEnum):
    """How `report` writes."""

    TABLE = "table"
    MD = "md"
    JSON = "json"
    CSV = "csv"


class PlanFormat(StrEnum):
    """How `plan` writes."""

    TABLE = "table"
    JSON = "json"


def main() -> None:
    """The entry point: what the user can mend ends with one message and exit status 2."""
    from levelfield.store import StoreError
    from orchestrator.connect import UsageError
    from orchestrator.nodes import ClusterError

    try:
        app(standalone_mode=True)
    except (StudyError, ServiceError, DataError, StoreError, UsageError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(levelfield.__version__)
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913 - each is an option of the command line
    study: StudyFile,
    *,
    until_decided: UntilDecided = False,
    max_runs: MaxRuns = None,
    address: Address = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    data_dir: DataDir = None,
    certify: Certify = None,
    gate: Gate = None,
    shares: Shares = None,
) -> None:
    """Run a study and report what differs."""
    from orchestrator.session import new_record

    data_commands.use_data_dir(data_dir)
    services = discover()
    changes: dict[str, Any] = {"until_decided": True, "seeds": max_runs or MAXIMUM_PAIRS} if until_decided else {}
    if shares:
        changes["shares"] = shares
    if max_runs and not until_decided:
        raise typer.BadParameter("--max-runs is the maximum of --until-decided")
    record = new_record(read_study(study, services, changes))
    _execute(record, results, store, address=address, is_new=True, certify=certify is not False, gate=gate is not False)


@app.command()
def duel(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    a: duel_command.Framework,
    b: duel_command.Framework,
    workload: duel_command.Workload = "digits_cnn",
    pairs: duel_command.Pairs = duel_command.PAIRS,
    bursts: duel_command.Bursts = ROUNDS,
    track: duel_command.Track = "matched",
    precision: duel_command.Precision = "fp32",
    threads: duel_command.Threads = None,
    address: Address = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    data_dir: DataDir = None,
    certify: Certify = None,
    gate: Gate = None,
    shares: Shares = None,
) -> None:
    """Compare two in speed alone: pairs of fresh processes take turns in bursts of training steps."""
    from orchestrator.session import new_record

    data_commands.use_data_dir(data_dir)
    settings = {
        "workload": workload,
        "pairs": pairs,
        "bursts": bursts,
        "track": track,
        "precision": precision,
        "threads": threads,
        "shares": shares,
    }
    record = new_record(duel_command.study_of((a, b), discover(), **settings))
    _execute(record, results, store, address=address, is_new=True, certify=certify is not False, gate=gate is not False)


@app.command()
def resume(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    study_id: StudyId,
    address: Address = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    data_dir: DataDir = None,
    certify: Certify = None,
    gate: Gate = None,
) -> None:
    """Go on with a study that was interrupted or had failures: what is done is left alone, what is not is done."""
    from levelfield.measure.environment import source_hash

    data_commands.use_data_dir(data_dir)
    record = _find(study_id, store_url(results, store))
    if record.source_hash != source_hash():
        console.print("[yellow]note:[/] the sources have changed since this study was begun; every run records which it ran")
    _execute(record, results, store, address=address, is_new=False, certify=certify is not False, gate=gate is not False)


@app.command()
def report(
    study_id: StudyId = "latest",
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    results: Results = RESULTS,
    store: StoreUrl = None,
) -> None:
    """Say what a stored study found."""
    url = store_url(results, store)
    record = _find(study_id, url)

    from levelfield.report import render  # pandas and scipy take a second to import: not for a study that is not there
    from levelfield.report.analysis import analyse
    from levelfield.store.frames import load

    frames = load(record.id, url)
    analysis = analyse(frames)
    match form:
        case Format.TABLE:
            console.print(render.to_rich(analysis))
        case Format.MD:
            typer.echo(render.to_markdown(analysis))
        case Format.JSON:
            typer.echo(render.to_json(analysis))
        case Format.CSV:
            typer.echo(render.to_csv(frames, analysis), nl=False)


@app.command()
def studies(results: Results = RESULTS, store: StoreUrl = None) -> None:
    """List the stored studies, newest first."""
    from levelfield.store import Store
    from orchestrator import listing

    with Store.open(store_url(results, store), read_only=True) as opened:
        console.print(listing.studies(opened.studies(), opened.counts()))


@app.command()
def frameworks() -> None:
    """List what each service offers, read from its service.toml."""
    from orchestrator import listing

    console.print(listing.frameworks(discover().values()))


@app.command()
def plan(study: StudyFile, form: Annotated[PlanFormat, typer.Option("--format", help="How to write it.")] = PlanFormat.TABLE) -> None:
    """Show the runs of a study without starting anything; the order within pairs is drawn anew for each study."""
    from orchestrator import listing
    from orchestrator.plan import plan as plan_runs

    runs = plan_runs(read_study(study, discover()), plan_seed=0)
    if form is PlanFormat.JSON:
        typer.echo(json.dumps([run.spec.to_dict() for run in runs], indent=1))
    else:
        console.print(listing.plan(runs))


@app.command()
def doctor(address: Address = None, results: Results = RESULTS) -> None:
    """Check this machine, or every node of a cluster, and say what to do about each failure."""
    from orchestrator import listing
    from orchestrator.doctor import examine

    found = examine(discover(), address=address, results=results)
    console.print(listing.findings(found))
    raise typer.Exit(int(any(finding.good is False for finding in found)))


def _execute(record: "StudyRecord", results: Path, store: str | None, *, is_new: bool, **session_options: Any) -> None:
    from levelfield.store.address import parse, shown
    from orchestrator.session import Session, execute

    url = store_url(results, store)
    session = Session(services=discover(), results=results, store_url=url, console=console, **session_options)
    statuses = execute(session, record, is_new=is_new)
    place = shown(parse(url)) if "://" in url else url  # a path as the user gave it; a URL without its password
    if not statuses:
        console.print(f"Nothing to do: every run of {record.id} is done.")
    report(record.id, results=results, store=store)
    console.print(f"\nReport in the browser: [bold]make ui[/]    Stored: {escape(place)}, study {record.id}", soft_wrap=True)
    if not set(statuses) <= NO_FAILURE:
        raise typer.Exit(1)


def _find(study_id: str, url: str) -> "StudyRecord":
    from levelfield.store import Store

    with Store.open(url, read_only=True) as opened:
        return opened.study(study_id)


if __name__ == "__main__":
    main()
