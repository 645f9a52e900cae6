"""A study that somebody else runs: asked for, and followed in the store until it is over."""

import time
from functools import partial
from textwrap import shorten

from rich.console import Console
from rich.markup import escape

from levelfield.result import Status
from levelfield.store import Store, StoreError, StudyRecord, requesting, serving
from levelfield.store.reading import newest_run, runs_since
from orchestrator.connect import UsageError
from orchestrator.desk import user
from orchestrator.patience import Patience
from orchestrator.progress import MARKS

POLL_S = 1.0


def is_served(url: str) -> bool:
    """Whether a scheduler serves the store; not one that is not there yet, or cannot be read."""
    try:
        with Store.open(url, read_only=True) as store:
            return serving.scheduler(store) is not None
    except StoreError:
        return False  # whoever opens it for writing says why


def wait_until_served(url: str, seconds: float) -> None:
    """Wait until a scheduler serves the store. Raises UsageError where none does within so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_served(url):
        if time.monotonic() >= deadline:
            raise UsageError(f"no scheduler has served this store within {seconds:.0f} s: `levelfield serve`")
        time.sleep(POLL_S)


def ask(store: Store, record: StudyRecord, console: Console, *, priority: int, certify: bool) -> requesting.Request:
    """Ask the scheduler of this store for a study."""
    request = requesting.submit(store, record, asked_by=user(), priority=priority, options={"certify": certify})
    console.print(f"[bold]{record.id}[/] is asked for; `levelfield queue` shows where it stands", highlight=False)
    return request


def follow(store: Store, request: requesting.Request, console: Console) -> str:
    """Print each run as it is recorded, until the request is over; returns how it ended. Leaving does not stop it."""
    patience = Patience(tell=lambda line: console.print(f"[yellow]note:[/] {escape(line)}", highlight=False, soft_wrap=True))
    last = patience(lambda: newest_run(store, request.study_id))
    try:
        while True:
            now = patience(lambda: requesting.of(store, request.id))
            last = patience(partial(_print_new, store, request.study_id, last, console))
            if now is None:
                return "removed: its study has been deleted"
            if now.finished_at:
                return str(now.outcome)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        console.print(f"\nIt goes on; [bold]levelfield cancel {request.study_id}[/] stops it.")
        raise


def _print_new(store: Store, study_id: str, last: int, console: Console) -> int:
    for row in runs_since(store, study_id, last):
        workers = f", {row.workers} workers" if row.workers > 1 else ""
        again = f", attempt {row.attempt}" if row.attempt > 1 else ""
        name = f"{row.side}, {row.workload}{workers}, seed {row.seed}{again}"
        told = MARKS.get(Status(row.status), f"[bold red]{row.status}[/]")
        why = f": {escape(shorten(row.failure['reason'], 300, placeholder=' ...'))}" if row.failure else ""
        console.print(f"  {escape(f'{name:<36}')} {told}{why}", highlight=False)
        last = row.id
    return last
