"""``levelfield export`` and ``levelfield import``: a study as one file, from the store of one machine into that of another."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestrator.connect import UsageError
from orchestrator.options import RESULTS, Results, StoreUrl, StudyId, store_url
from orchestrator.stored import stored_study

SUFFIX = ".levelfield.zip"
Out = Annotated[Path | None, typer.Option(metavar="FILE", help=f"Where to write it; default: STUDY_ID{SUFFIX} here.")]
Bundle = Annotated[Path, typer.Argument(metavar="FILE", help="What `levelfield export` wrote.")]
Digest = Annotated[
    str | None,
    typer.Option("--sha256", metavar="DIGEST", help="Import the file only if it has this SHA-256, which `levelfield export` printed."),
]


def export_study(study_id: StudyId = "latest", out: Out = None, results: Results = RESULTS, store: StoreUrl = None) -> None:
    """Write a stored study as one file, a bundle, which `levelfield import` takes into another store."""
    from levelfield.store import Store, bundle

    url = store_url(results, store)
    record = stored_study(study_id, url)
    name = Path(f"{record.id}{SUFFIX}")
    file = name if out is None else out / name if out.is_dir() else out
    with Store.open(url, read_only=True) as opened:
        written = bundle.write(opened, record.id, file)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"{file}: study {written.study} with {_counted(written.rows)}; {written.bytes:,} bytes")
    console.print(f"SHA-256 {written.sha256}")


def import_study(file: Bundle, sha256: Digest = None, results: Results = RESULTS, store: StoreUrl = None) -> None:
    """Take a study that `levelfield export` wrote into this store: all of it, or nothing."""
    from levelfield.store import bundle

    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256.strip()):
        raise UsageError("--sha256 takes the 64 hexadecimal digits that `levelfield export` printed")
    merged = bundle.merge(file, store_url(results, store), sha256=sha256)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    new = _number(merged.certificates, "certificate")
    if merged.was_there:
        done = f"{new} added" if merged.certificates else "nothing was changed"
        console.print(f"study {merged.study} is there already, the same in everything: {done}")
        return
    known = f" ({merged.certificates_there} more were there already)" if merged.certificates_there else ""
    found = f"{_number(merged.runs, 'run')}, {_number(merged.duels, 'duel')} and {new}{known}"
    console.print(f"imported study {merged.study} with {found}; `levelfield report {merged.study}` says what it found")


def _counted(rows: Mapping[str, int]) -> str:
    return f"{_number(rows['runs'], 'run')}, {_number(rows['duels'], 'duel')} and {_number(rows['certificates'], 'certificate')}"


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
