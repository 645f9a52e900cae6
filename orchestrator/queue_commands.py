"""``levelfield serve``, ``queue``, ``cancel``, ``logs`` and ``delete``: what is under way, for whom, and how to end or remove it."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.prompt import Confirm

from levelfield.services import discover
from orchestrator import data_commands
from orchestrator.connect import UsageError
from orchestrator.data_commands import DataDir
from orchestrator.options import RESULTS, Address, Gate, Results, StoreUrl, StudyId, store_url

if TYPE_CHECKING:
    from levelfield.store import Store, StudyRecord
    from levelfield.store.requesting import Request

Turn = Annotated[int | None, typer.Argument(min=0, metavar="[TURN]", help="One run of it, by its number in `levelfield queue`.")]
FOLLOW_S = 0.5


Head = Annotated[
    int | None,
    typer.Option(
        "--head", min=1, max=65535, metavar="PORT", help="Start the head of a cluster here, which nodes of the services join there."
    ),
]
WaitForNodes = Annotated[
    float,
    typer.Option(min=0, metavar="SECONDS", help="How long what has no place on a cluster waits for nodes that join, or come back."),
]
WAIT_S = 120.0
Metrics = Annotated[
    int | None,
    typer.Option("--metrics", min=1, max=65535, metavar="PORT", help="Offer /metrics for Prometheus there, and /readyz and /livez."),
]


def serve(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    address: Address = None,
    head: Head = None,
    metrics: Metrics = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    data_dir: DataDir = None,
    gate: Gate = None,
    wait_for_nodes: WaitForNodes = WAIT_S,
) -> None:
    """Run every study that is asked for in this store, of all users, by priority, then in order; until it is stopped."""
    from orchestrator.connect import headed, interruptible
    from orchestrator.metrics import Pulse, offered
    from orchestrator.serve import serve as serve_all
    from orchestrator.site import Session

    if head and address:
        raise UsageError("--head starts a cluster, and --address names one that is there")
    data_commands.use_data_dir(data_dir)
    url, pulse = store_url(results, store), Pulse()
    with interruptible(), offered(metrics, url, pulse), headed(head, address) as found:
        session = Session(
            services=discover(),
            results=results,
            store_url=url,
            address=found,
            console=Console(),
            gate=gate is not False,
            wait_s=wait_for_nodes if found else 0.0,
        )
        serve_all(session, pulse)


def queue(results: Results = RESULTS, store: StoreUrl = None) -> None:
    """Show the studies that are under way or wait, what is at work now, and who holds which devices."""
    from levelfield.holders import is_gone
    from levelfield.store import Store, leasing, requesting
    from orchestrator import queue_listing

    with Store.open(store_url(results, store), read_only=True) as opened:
        found = requesting.unfinished(opened)
        lost = {one.id for one in found if one.taker and not requesting.is_alive(one, is_gone)}
        Console().print(queue_listing.queue(found, lost, opened.counts(), leasing.claims(opened)))


def cancel(study_id: StudyId, turn: Turn = None, results: Results = RESULTS, store: StoreUrl = None) -> None:
    """Stop a study, or one of its runs; what is done stays, and `levelfield resume` goes on with the rest."""
    from levelfield.holders import is_gone
    from levelfield.store import Store, requesting
    from orchestrator.desk import user

    with Store.open(store_url(results, store)) as opened:
        request = _under_way(opened, study_id)
        if turn is not None and turn >= request.record.planned_runs:
            raise UsageError(f"{request.study_id} has no run {turn}: its turns are 0 to {request.record.planned_runs - 1}")
        if turn is not None and (ended := _ended(opened, request, turn)):
            raise UsageError(f"run {turn} of {request.study_id} has ended already: {ended}")
        over = requesting.ask_to_stop(opened, request.id, user(), gone=is_gone, turn=turn)
    what = request.study_id if turn is None else f"run {turn} of {request.study_id}"
    told = "has been cancelled" if over else "is being stopped; `levelfield queue` shows when it is"
    Console().print(f"{what} {told}", highlight=False)


def logs(
    study_id: StudyId = "latest",
    turn: Turn = None,
    follow: Annotated[bool | None, typer.Option("--follow", "-f", help="Go on until the study is over.")] = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
) -> None:
    """Print what a study's workers have written, file by file."""
    from levelfield.store import Store

    with Store.open(store_url(results, store), read_only=True) as opened:
        name = _name_of(opened, study_id)
        folder, seen, last = results / "logs" / name, dict[Path, int](), None
        if not folder.is_dir() and not (follow and _is_under_way(opened, name)):
            raise UsageError(f"{folder} does not exist: the logs lie in the results folder of whoever ran the study (--results)")
        while True:
            ended = not follow or not _is_under_way(opened, name)
            for file in sorted(folder.glob("*.log" if turn is None else f"{turn:03d}-*.log")):
                last = _print_rest(file, seen, last)
            if ended:
                break
            time.sleep(FOLLOW_S)
    if not seen:
        raise UsageError(f"{folder} has no log of run {turn}" if turn is not None else f"{folder} has no logs")


def delete(
    study_id: StudyId,
    run: Annotated[int | None, typer.Option(min=1, metavar="RUN_ID", help="Only this run; `levelfield runs` lists them.")] = None,
    yes: Annotated[bool | None, typer.Option("--yes", "-y", help="Do not ask.")] = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
) -> None:
    """Remove a study with its runs, logs and checkpoints, or one of its runs, for good. Certificates stay."""
    from levelfield.store import Store

    console = Console()
    with Store.open(store_url(results, store)) as opened:
        name = _name_of(opened, study_id)
        if _is_under_way(opened, name):
            raise UsageError(f"{name} is under way; `levelfield cancel {name}` stops it")
        record = opened.study(name)
        what = _what_goes(opened, record, run)
        if not yes and not Confirm.ask(f"Remove {what} for good?", console=console, default=False):
            raise typer.Exit(1)
        if run is not None:
            opened.delete_run(run)
        else:
            opened.delete_study(record.id)
            for kind in ("logs", "checkpoints", "unrecorded"):
                shutil.rmtree(results / kind / record.id, ignore_errors=True)
    console.print(f"removed {what}", highlight=False)


def _what_goes(store: "Store", record: "StudyRecord", run: int | None) -> str:
    if run is None:
        return f"study {record.id} with {sum(store.counts()[record.id].values())} runs"
    if (found := store.run(run)).key.study != record.id:
        raise UsageError(f"run {run} belongs to {found.key.study}, not to {record.id}")
    return f"run {run} ({found.planned.side}, seed {found.planned.spec.seed}, attempt {found.key.attempt}) of {record.id}"


def _ended(store: "Store", request: "Request", turn: int) -> str | None:
    """How a run has ended that is not at work again; one that had ended before it was asked for again waits to be repeated."""
    from levelfield.store import reading

    if any(entry.get("turn") == turn for entry in request.progress):
        return None
    return reading.outcome_of(store, request.study_id, turn, request.asked_at)


def _under_way(store: "Store", study_id: str) -> "Request":
    """Raises UsageError where it is not."""
    from levelfield.store import requesting

    request = requesting.latest(store, _name_of(store, study_id))
    if request is None or request.finished_at is not None:
        raise UsageError(f"{study_id} is not under way; `levelfield queue` lists what is")
    return request


def _is_under_way(store: "Store", study_id: str) -> bool:
    """Whether it waits for a scheduler, or somebody who lives runs it."""
    from levelfield.holders import is_gone
    from levelfield.store import requesting

    request = requesting.latest(store, study_id)
    return request is not None and request.finished_at is None and (request.taker is None or requesting.is_alive(request, is_gone))


def _name_of(store: "Store", study_id: str) -> str:
    """The id of a study, or of one that waits and is in the store only as a request. Raises StoreError as `Store.study` does."""
    from levelfield.store import requesting

    records = {record.id: record for record in [*store.studies(), *(one.record for one in requesting.unfinished(store))]}
    if study_id == "latest" and records:
        return max(records.values(), key=lambda record: record.created_at).id
    matches = [name for name in records if name.startswith(study_id)]
    return study_id if study_id in records else matches[0] if len(matches) == 1 else store.study(study_id).id


def _print_rest(file: Path, seen: dict[Path, int], last: Path | None) -> Path | None:
    """What has been written to it since the last time, after its name where the ``last`` lines were another's; gives whose they are."""
    with file.open("rb") as opened:
        opened.seek(seen.get(file, 0))
        text = opened.read()
    is_new, seen[file] = file not in seen, seen.get(file, 0) + len(text)
    if not text and not is_new:
        return last
    if file != last:
        typer.secho(f"==> {file.name}", bold=True)
    typer.echo(text.decode(errors="replace"), nl=bool(text) and not text.endswith(b"\n"))
    return file
