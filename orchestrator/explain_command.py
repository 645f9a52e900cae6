"""``levelfield explain``: the audit of a stored study."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.options import RESULTS, Results, StoreUrl, StudyId, store_url
from orchestrator.stored import stored_study


class Format(StrEnum):
    """How `explain` writes."""

    TABLE = "table"
    MD = "md"
    JSON = "json"


def explain(
    study_id: StudyId = "latest",
    *,
    everything: Annotated[bool, typer.Option("--all", help="List what is equal, too; JSON always does.")] = False,
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    results: Results = RESULTS,
    store: StoreUrl = None,
) -> None:
    """List everything that is not equal between the sides of a stored study."""
    url = store_url(results, store)
    record = stored_study(study_id, url)

    from levelfield.report import explain as audit  # pandas and scipy take a second to import: not for a study that is not there
    from levelfield.report.analysis import analyse
    from levelfield.store.frames import load

    analysis = analyse(load(record.id, url), networks=False)
    match form:
        case Format.TABLE:
            Console().print(audit.to_rich(analysis, everything=everything))
        case Format.MD:
            typer.echo(audit.to_markdown(analysis, everything=everything))
        case Format.JSON:
            typer.echo(audit.to_json(analysis))
