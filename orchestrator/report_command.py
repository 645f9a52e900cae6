"""``levelfield report``: what a stored study found."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.options import RESULTS, Results, StoreUrl, StudyId, store_url
from orchestrator.stored import stored_study


class Format(StrEnum):
    """How `report` writes."""

    TABLE = "table"
    MD = "md"
    JSON = "json"
    CSV = "csv"


def report(
    study_id: StudyId = "latest",
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    results: Results = RESULTS,
    store: StoreUrl = None,
) -> None:
    """Say what a stored study found."""
    url = store_url(results, store)
    record = stored_study(study_id, url)
    print_report(Console(), record.id, url, form)


def print_report(console: Console, study_id: str, url: str, form: Format = Format.TABLE) -> None:
    """The report of a study by its whole id."""
    from levelfield.report import render  # pandas and scipy take a second to import: not for a study that is not there
    from levelfield.report.analysis import analyse
    from levelfield.store.frames import load

    frames = load(study_id, url)
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
