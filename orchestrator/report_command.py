"""``levelfield report``: what a stored study found."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from orchestrator.connect import UsageError
from orchestrator.options import RESULTS, Results, StoreUrl, StudyId, store_url
from orchestrator.stored import stored_study

if TYPE_CHECKING:
    from levelfield.report.model import Analysis
    from levelfield.store.frames import StudyFrames


class Format(StrEnum):
    """How `report` writes."""

    TABLE = "table"
    MD = "md"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to a file; html without it: STUDY_ID.html here.")]


def report(
    study_id: StudyId = "latest",
    form: Annotated[Format, typer.Option("--format", help="How to write it; html: one file, which needs no network.")] = Format.TABLE,
    out: Out = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
) -> None:
    """Say what a stored study found."""
    if form is Format.TABLE and out:
        raise UsageError("--out takes a format for files: md, json, csv or html")
    url = store_url(results, store)
    record = stored_study(study_id, url)
    if form is Format.HTML or out:
        _write(record.id, url, form, out or Path(f"{record.id}.{form}"))
    else:
        print_report(Console(), record.id, url, form)


def print_report(console: Console, study_id: str, url: str, form: Format = Format.TABLE) -> None:
    """The report of a study by its whole id."""
    from levelfield.report import render  # pandas and scipy take a second to import: not for a study that is not there

    frames, analysis = _analysed(study_id, url)
    if form is Format.TABLE:
        console.print(render.to_rich(analysis))
    else:
        typer.echo(_text(form, frames, analysis), nl=form is not Format.CSV)


def _write(study_id: str, url: str, form: Format, out: Path) -> None:
    from levelfield.files import appearing

    text = _text(form, *_analysed(study_id, url))
    file = out / f"{study_id}.{form}" if out.is_dir() else out
    try:
        with appearing(file) as opened:
            opened.write(text.encode(errors="replace"))  # a log may hold half a character
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
    typer.echo(f"{file}: the report of {study_id}; {file.stat().st_size:,} bytes")


def _analysed(study_id: str, url: str) -> "tuple[StudyFrames, Analysis]":
    from levelfield.report.analysis import analyse
    from levelfield.store.frames import load

    frames = load(study_id, url)
    return frames, analyse(frames)


def _text(form: Format, frames: "StudyFrames", analysis: "Analysis") -> str:
    from levelfield.report import render

    match form:
        case Format.HTML:
            from levelfield.report.html import to_html  # Plotly takes a while to import: nothing else waits for it

            return to_html(frames, analysis)
        case Format.JSON:
            return render.to_json(analysis)
        case Format.CSV:
            return render.to_csv(frames, analysis)
        case _:
            return render.to_markdown(analysis)
