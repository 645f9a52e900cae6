"""``levelfield parity``: do two workers compute the same function?"""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console

from levelfield import data, workloads
from levelfield.parity.comparison import ParityError
from levelfield.parity.experiment import STEPS
from levelfield.services import discover
from levelfield.spec import RunSpec
from levelfield.store import Store
from orchestrator import certificates, data_commands
from orchestrator.certificates import Contender
from orchestrator.connect import UsageError, check_before_start, cluster, places_of
from orchestrator.data_commands import DataDir
from orchestrator.leases import Lessor
from orchestrator.options import RESULTS, Address, Results, Shares, StoreUrl, store_url
from orchestrator.progress import WaitingLines


class Form(StrEnum):
    """How the certificate is written."""

    TABLE = "table"
    JSON = "json"


def parity(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    workload: Annotated[str, typer.Argument(help="A workload; `levelfield frameworks` lists them.")],
    frameworks: Annotated[str, typer.Option(help="Two of FRAMEWORK[:MODE][@DEVICE], separated by a comma.")] = "tensorflow,torch",
    precision: Annotated[str, typer.Option(help="A precision that both offer.")] = "fp32",
    track: Annotated[str, typer.Option(help="matched or tuned.")] = "matched",
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Optimizer steps in each part.")] = STEPS,
    seed: Annotated[int | None, typer.Option(min=0, help="Of weights, batches and masks; default: the workload's.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=4096, help="Ranks of each side, which train together.")] = 1,
    form: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TABLE,
    address: Address = None,
    results: Results = RESULTS,
    store: StoreUrl = None,
    data_dir: DataDir = None,
    shares: Shares = None,
) -> None:
    """Feed two workers the same weights, batches and dropout masks; compare every tensor of every step. Exit status 1 if they differ."""
    console = Console(stderr=form is Form.JSON)
    data_commands.use_data_dir(data_dir)
    services = discover()
    contenders = [Contender.read(text.strip(), services) for text in frameworks.split(",")]
    certificates.check(workload, track, precision, contenders, services)
    first = workloads.get(workload).parity_seed if seed is None else seed
    common: dict[str, Any] = {"workload": workload, "precision": precision, "track": track, "seed": first, "workers": workers}
    a, b = (RunSpec(framework=c.framework, mode=c.mode, device=c.device, **common) for c in contenders)
    data.load(workloads.get(workload).dataset)
    needed = list({c.framework: services[c.framework] for c in contenders}.values())
    check_before_start(address, needed, results)
    logs = (results / "logs" / "parity").absolute()
    with Store.open(store_url(results, store)) as opened:
        # Nothing is timed, but both sides are as busy as in a run: whoever measures on their devices goes first.
        lessor = Lessor(store=opened, study_id=f"parity {workload}", waiting=WaitingLines(console))
        with cluster(address, needed, console, lessor):
            try:
                certificate = certificates.certify_one(
                    (a, b), lessor, places_of(address, shares or 1), steps=steps, console=console, logs=logs
                )
            except ParityError as error:
                raise UsageError(f"{workload}: {error}; see {logs}") from error
        opened.add_certificate(certificate)
    if form is Form.JSON:
        typer.echo(json.dumps(certificate.to_dict(), indent=1))
    else:
        console.print(certificates.shown(certificate))
    raise typer.Exit(int(not certificate.passed))
