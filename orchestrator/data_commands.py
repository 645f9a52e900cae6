"""``levelfield data``: the data sets and their cache."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from levelfield import data
from levelfield.data import DataError, Dataset
from levelfield.data.sources.locate import VARIABLE
from levelfield.problems import StudyError, choice

app = typer.Typer(help="The data sets and their cache.", no_args_is_help=True)
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar=VARIABLE, help="Folder with the data sets' files; what is not there is downloaded.", metavar="FOLDER"
    ),
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Data sets; see `levelfield data list`.")]
SOURCES = {
    "official": "the checksums of the official files matched",
    "unverified": "not the official files, though of their structure",
    "embedded": "comes with a library",
    "own": "from a folder of your own",
    "synthetic": "made up",
}


def use_data_dir(folder: Path | None) -> None:
    """Let this process look for the data sets' files there."""
    if folder and not folder.is_dir():
        raise DataError(f"--data-dir {folder}: there is no such folder")
    if folder:
        os.environ[VARIABLE] = str(folder.absolute())


@app.command("list")
def list_() -> None:
    """List the data sets, and what is in this machine's cache."""
    table = Table("data set", "examples", "in the cache", "source", "fingerprint", "official file")
    for name in data.names():
        about = data.about(name)
        official = escape(str(about.official)) if about.official else f"none: {about.origin}"
        table.add_row(f"{name}\n[dim]{escape(about.title)}[/]", *_cells(name), official)
    Console().print(table)


@app.command()
def fetch(
    names: Names = None, *, every: Annotated[bool, typer.Option("--all", help="Every data set.")] = False, data_dir: DataDir = None
) -> None:
    """Put data sets in this machine's cache; with a folder they are read from it again, whatever the cache holds."""
    use_data_dir(data_dir)
    if bool(names) == every:
        raise typer.BadParameter("give the names of data sets, or --all")
    failed = False
    for name in _known(names):
        try:
            typer.echo(f"{name}: {_told((data.prepare if data_dir else data.load)(name))}")
        except DataError as error:
            failed = True  # the others can still be fetched
            typer.echo(f"error: {error}", err=True)
    if failed:
        raise typer.Exit(2)


@app.command()
def verify(names: Names = None) -> None:
    """Read every byte of the cached data sets again; exit status 1 if one is not what was written."""
    damaged = False
    for name in _known(names):
        try:
            cached = data.read_cache(name)
            typer.echo(f"{name}: {_told(cached) if cached else 'not in the cache'}")
        except DataError as error:
            damaged = True
            typer.echo(f"{name}: damaged: {error}")
    raise typer.Exit(int(damaged))


def _known(names: list[str] | None) -> list[str]:
    """The named data sets, or all. Raises StudyError for an unknown name."""
    if problems := [problem for name in names or [] if (problem := choice("NAME", name, data.names()))]:
        raise StudyError("data", problems)
    return list(dict.fromkeys(names or data.names()))


def _told(dataset: Dataset) -> str:
    examples = f"{len(dataset.x_train)} training and {len(dataset.x_test)} test examples"
    return f"{examples}, fingerprint {dataset.fingerprint[:16]}, {dataset.source} ({SOURCES[dataset.source]})"


def _cells(name: str) -> tuple[str, str, str, str]:
    """Examples, size in the cache, source and the beginning of the fingerprint."""
    try:
        cached = data.read_cache(name)
    except DataError:
        return "", "damaged", "", ""
    if cached is None:
        return "", "no", "", ""
    size = sum(array.nbytes for array in cached.arrays().values())
    return f"{len(cached.x_train)} + {len(cached.x_test)}", f"{size / 1e6:.1f} MB", cached.source, cached.fingerprint[:16]
