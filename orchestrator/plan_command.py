"""``levelfield plan``: what a study will run, for how long and on how many devices, before anything is started."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from levelfield.services import discover
from levelfield.study import Study, read_study
from orchestrator.options import RESULTS, Address, Results, Shares, StoreUrl, StudyFile, store_url


class Form(StrEnum):
    """How the plan is written."""

    TABLE = "table"
    JSON = "json"


def plan(
    study: StudyFile,
    form: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TABLE,
    address: Address = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    shares: Shares = None,
) -> None:
    """Show what a study will run, for how long and how many device hours; nothing is started. The order within pairs is drawn anew.

    Durations come from runs of the same kind in the store. With --address the cluster is asked whether it has a place for each run.
    """
    from levelfield.planning import estimate
    from levelfield.planning.plan import plan as plan_runs
    from levelfield.store import Store
    from orchestrator import listing

    given = read_study(study, discover(), {"shares": shares} if shares else {})
    runs = plan_runs(given, plan_seed=0)
    if form is Form.JSON:
        typer.echo(json.dumps([run.spec.to_dict() for run in runs], indent=1))
        return
    console = Console()
    console.print(listing.plan(runs))
    known: dict[estimate.Kind, estimate.Past] = {}
    rounds_s: dict[tuple[str, int], float] = {}
    url = store_url(results, store)
    if "://" in url or Path(url).exists():
        with Store.open(url, read_only=True) as opened:
            known, rounds_s = estimate.past(opened, given.workloads), estimate.round_s(opened, given.workloads)
    room = _room(given, address, console) if address else None
    console.print(listing.estimate(estimate.estimate(given, known, rounds_s), room=room))


def _room(study: Study, address: str, console: Console) -> int:
    """How many of its pairs the cluster has at work at once. Raises UsageError where it has no place for one."""
    from orchestrator.connect import cluster, places_of
    from orchestrator.job import offers_of

    services = discover()
    needed = [services[name] for name in dict.fromkeys(side.framework for side in study.frameworks)]
    with cluster(address, needed, console):
        return max(offers.room(study.isolation) for offers in offers_of(study, places_of(address, study.shares)).values())
