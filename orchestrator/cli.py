"""The command line: ``levelfield --help``."""

import sys
from typing import Annotated

import typer
from rich.console import Console

import levelfield
from levelfield.data import DataError
from levelfield.problems import StudyError
from levelfield.services import ServiceError, discover
from orchestrator import (
    data_commands,
    exchange_commands,
    explain_command,
    parity_command,
    plan_command,
    queue_commands,
    replay_command,
    report_command,
    run_commands,
    runs_command,
)
from orchestrator.options import RESULTS, Address, Results, StoreUrl, store_url

app = typer.Typer(
    help="Compares deep-learning frameworks on a level field.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(data_commands.app, name="data")
for command in (
    run_commands.run,
    run_commands.duel,
    run_commands.resume,
    report_command.report,
    runs_command.runs,
    explain_command.explain,
    plan_command.plan,
    parity_command.parity,
    replay_command.replay,
    queue_commands.serve,
    queue_commands.queue,
    queue_commands.cancel,
    queue_commands.logs,
    queue_commands.delete,
):
    app.command()(command)
app.command("export")(exchange_commands.export_study)
app.command("import")(exchange_commands.import_study)
console = Console()


def main() -> None:
    """The entry point: what the user can mend ends with one message and exit status 2."""
    from levelfield.store import StoreError
    from orchestrator.connect import UsageError
    from orchestrator.nodes import ClusterError

    try:
        app(standalone_mode=True)
    except (StudyError, ServiceError, DataError, StoreError, UsageError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(levelfield.__version__)
        raise typer.Exit


@app.command()
def studies(results: Results = RESULTS, store: StoreUrl = None) -> None:
    """List the stored studies, newest first."""
    from levelfield.store import Store
    from orchestrator import listing

    with Store.open(store_url(results, store), read_only=True) as opened:
        console.print(listing.studies(opened.studies(), opened.counts()))


@app.command()
def frameworks() -> None:
    """List what each service offers, read from its service.toml."""
    from orchestrator import listing

    console.print(listing.frameworks(discover().values()))


@app.command()
def doctor(address: Address = None, results: Results = RESULTS) -> None:
    """Check this machine, or every node of a cluster, and say what to do about each failure."""
    from orchestrator import listing
    from orchestrator.doctor import examine

    found = examine(discover(), address=address, results=results)
    console.print(listing.findings(found))
    raise typer.Exit(int(any(finding.good is False for finding in found)))


if __name__ == "__main__":
    main()
