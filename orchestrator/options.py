"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="What is compared with what; see docs/studies.md.")]
Results = Annotated[Path, typer.Option("--results", envvar="LEVELFIELD_RESULTS", help="Folder for results and logs.", metavar="DIR")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="LEVELFIELD_STORE",
        help="Database URL or SQLite file; default: levelfield.db in the results folder.",
        metavar="URL",
    ),
]
Address = Annotated[str | None, typer.Option(help="A running Ray cluster; default: start one here.", metavar="HOST:PORT")]
StudyId = Annotated[str, typer.Argument(metavar="STUDY_ID", help="A study's id, the beginning of it, or 'latest'.")]
# None stands for yes: a command line's flag is a boolean with a default, which a function should not have.
Certify = Annotated[
    bool | None,
    typer.Option("--certify/--no-certify", envvar="LEVELFIELD_CERTIFY", help="Make the parity certificates that the study lacks."),
]
Gate = Annotated[
    bool | None,
    typer.Option("--gate/--no-gate", envvar="LEVELFIELD_GATE", help="Watch the machine; what it disturbed does not count and is repeated."),
]
Shares = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=4096,
        help="Divide each host's processors into so many sets of cores, each a device. More of them than cores: correctness only.",
    ),
]
UntilDecided = Annotated[
    bool, typer.Option("--until-decided", help="Add pairs, at fixed looks, until every verdict is decided or the maximum is reached.")
]
MaxRuns = Annotated[int | None, typer.Option(min=5, max=10_000, help="That maximum, in pairs; it cannot be raised later. Default: 30.")]
Priority = Annotated[int, typer.Option(min=-100, max=100, help="For a scheduler: studies of a higher priority come first.")]
Detach = Annotated[bool | None, typer.Option("--detach", help="Ask the scheduler for it, and do not follow it.")]
WaitForScheduler = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Have a scheduler run it and nobody else, and wait so long until one serves the store."),
]
MAXIMUM_PAIRS = 30
RESULTS = Path("results")


def store_url(results: Path, store: str | None) -> str:
    """The store that ``--store`` names, or the one in the results folder."""
    return store or str(results / "levelfield.db")
