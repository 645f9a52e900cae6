"""``levelfield run``, ``duel`` and ``resume``: what trains."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape

from levelfield.duel import ROUNDS
from levelfield.result import Status
from levelfield.services import discover
from levelfield.study import read_study
from orchestrator import data_commands, duel_command
from orchestrator.connect import UsageError
from orchestrator.data_commands import DataDir
from orchestrator.options import (
    MAXIMUM_PAIRS,
    RESULTS,
    Address,
    Certify,
    Detach,
    Gate,
    MaxRuns,
    Priority,
    Results,
    Shares,
    StoreUrl,
    StudyFile,
    StudyId,
    UntilDecided,
    WaitForScheduler,
    store_url,
)
from orchestrator.report_command import print_report
from orchestrator.stored import stored_study

if TYPE_CHECKING:
    from levelfield.store import StudyRecord

console = Console()
# Beside what went well, what is the machine's fault, what has been mended, and what nobody can do; the report tells of all of it.
NO_FAILURE = {Status.OK, Status.INVALID, Status.RESTARTED, Status.UNSUPPORTED}


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
    priority: Priority = 0,
    detach: Detach = None,
    wait_for_scheduler: WaitForScheduler = None,
) -> None:
    """Run a study and report what differs. Where `levelfield serve` serves the store, it does so, and this follows it."""
    from levelfield.planning.record import new_record

    if wait_for_scheduler is not None:
        from orchestrator.following import wait_until_served

        wait_until_served(store_url(results, store), wait_for_scheduler)

    data_commands.use_data_dir(data_dir)
    services = discover()
    changes: dict[str, Any] = {"until_decided": True, "seeds": max_runs or MAXIMUM_PAIRS} if until_decided else {}
    if shares:
        changes["shares"] = shares
    if max_runs and not until_decided:
        raise typer.BadParameter("--max-runs is the maximum of --until-decided")
    record = new_record(read_study(study, services, changes))
    _run(record, results, store, address=address, is_new=True, certify=certify, gate=gate, priority=priority, detach=bool(detach))


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
    from levelfield.planning.record import new_record

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
    _run(record, results, store, address=address, is_new=True, certify=certify, gate=gate)


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
    record = stored_study(study_id, store_url(results, store))
    if record.source_hash != source_hash():
        console.print("[yellow]note:[/] the sources have changed since this study was begun; every run records which it ran")
    _run(record, results, store, address=address, is_new=False, certify=certify, gate=gate)


def _run(  # noqa: PLR0913 - each is an option of the command line
    record: "StudyRecord",
    results: Path,
    store: str | None,
    *,
    address: str | None,
    is_new: bool,
    certify: bool | None,
    gate: bool | None,
    priority: int = 0,
    detach: bool = False,
) -> None:
    """By the scheduler that serves the store; where there is none, or a cluster is named, here."""
    certifies = certify is not False
    if not address and _serve(record, results, store, priority=priority, certify=certifies, detach=detach, gate=gate):
        return
    if priority or detach:
        raise UsageError("--priority and --detach ask `levelfield serve`: nobody serves this store, or --address names a cluster")
    _execute(record, results, store, address=address, is_new=is_new, certify=certifies, gate=gate is not False)


def _execute(record: "StudyRecord", results: Path, store: str | None, *, is_new: bool, **session_options: Any) -> None:
    from orchestrator.session import execute
    from orchestrator.site import Session

    url = store_url(results, store)
    session = Session(services=discover(), results=results, store_url=url, console=console, **session_options)
    statuses = execute(session, record, is_new=is_new)
    if not statuses:
        console.print(f"Nothing to do: every run of {record.id} is done.")
    _tell(record, results, store)
    if not set(statuses) <= NO_FAILURE:
        raise typer.Exit(1)


def _serve(  # noqa: PLR0913 - each is an option of the command line
    record: "StudyRecord",
    results: Path,
    store: str | None,
    *,
    certify: bool,
    gate: bool | None,
    priority: int,
    detach: bool,
) -> bool:
    """Have the scheduler of the store run it, and follow it; False where there is none. Raises UsageError where it refuses."""
    from levelfield.store import Store
    from orchestrator.following import ask, follow, is_served

    url = store_url(results, store)
    if not is_served(url):
        return False
    if gate is False:
        console.print("[yellow]note:[/] whether the machine is watched is the scheduler's to decide: `levelfield serve --no-gate`")
    with Store.open(url) as opened:
        request = ask(opened, record, console, priority=priority, certify=certify)
        if detach:
            return True
        outcome = follow(opened, request, console)
        duels = [attempts[-1][1] for attempts in opened.duel_attempts(record.id).values()]
        ended = {*opened.counts().get(record.id, {}), *duels}
    if outcome.startswith("refused"):
        raise UsageError(outcome)
    console.print(outcome, highlight=False)
    if ended:
        _tell(record, results, store)
    if not outcome.startswith("done") or not ended <= NO_FAILURE:
        raise typer.Exit(1)
    return True


def _tell(record: "StudyRecord", results: Path, store: str | None) -> None:
    from levelfield.store.address import parse, shown

    url = store_url(results, store)
    place = shown(parse(url)) if "://" in url else url  # a path as the user gave it; a URL without its password
    print_report(console, record.id, url)
    console.print(f"\nReport in the browser: [bold]make ui[/]    Stored: {escape(place)}, study {record.id}", soft_wrap=True)
