"""Makes certificates of the real services one after the other, on one cluster: a new one for each would take longer than many of them do.

A process of its own, since Ray leaves its marks on the one that it runs in. Reads a request in JSON from each line of standard input and
answers on a line of standard output.
"""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from levelfield import workloads
from levelfield.parity.comparison import ParityError
from levelfield.services import discover
from levelfield.spec import RunSpec
from levelfield.store import Store
from orchestrator.certificates import Contender, certify_one
from orchestrator.connect import cluster, places_of
from orchestrator.leases import Lessor


def main(logs: Path) -> None:
    services = {name: service for name, service in discover().items() if name in {"tensorflow", "torch"}}
    console = Console(stderr=True)
    logs.mkdir(parents=True, exist_ok=True)
    with cluster(None, list(services.values()), console), Store.open(str(logs / "leases.db")) as store:
        lessor, places = Lessor(store=store, study_id="parity", waiting=lambda claims: None), places_of(None)
        for line in sys.stdin:
            specs, steps = _read(json.loads(line), services)
            try:
                answer = certify_one(specs, lessor, places, steps=steps, console=console, logs=logs).to_dict()
            except ParityError as error:
                answer = {"error": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def _read(request: dict[str, Any], services: dict[str, Any]) -> tuple[tuple[RunSpec, RunSpec], int]:
    seed = workloads.get(request["workload"]).parity_seed
    a, b = (Contender.read(text, services) for text in request["sides"])
    common = {"workload": request["workload"], "precision": request["precision"], "seed": seed}
    return (
        RunSpec(framework=a.framework, mode=a.mode, device=a.device, **common),
        RunSpec(framework=b.framework, mode=b.mode, device=b.device, **common),
    ), request["steps"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
