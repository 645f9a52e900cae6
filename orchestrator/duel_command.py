"""``levelfield duel``: which of two is faster? Bursts alone, without training to the end."""

from typing import Annotated, Any

import typer

from levelfield.services import Service
from levelfield.study import Study, check_study
from orchestrator.certificates import Contender

Framework = Annotated[str, typer.Argument(metavar="FRAMEWORK[:MODE]", help="A side; the same framework twice shows the noise.")]
Workload = Annotated[str, typer.Option("--workload", help="A workload; `levelfield frameworks` lists them.")]
Pairs = Annotated[int, typer.Option(min=1, max=1000, help="Pairs of fresh processes: the unit that the interval counts.")]
Bursts = Annotated[int, typer.Option(min=1, max=10_000, help="Bursts of each side in a pair.")]
Track = Annotated[str, typer.Option(help="matched or tuned.")]
Precision = Annotated[str, typer.Option(help="A precision that both offer.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of each side; default: every core that it may use.")]
PAIRS = 10  # fewer are preliminary


def study_of(sides: tuple[str, str], services: dict[str, Service], **options: Any) -> Study:
    """The study that a duel is. Raises StudyError for what the services do not offer."""
    contenders = [Contender.read(side, services) for side in sides]
    content = {
        "name": "duel",
        "title": f"Duel: {sides[0]} against {sides[1]}, {options['workload']}",
        "workloads": [options["workload"]],
        "frameworks": [{"framework": one.framework, "mode": one.mode} for one in contenders],
        "seeds": options["pairs"],
        "train": False,
        "device": contenders[0].device,
        **{name: options[name] for name in ("bursts", "track", "precision", "threads")},
        "shares": options["shares"] or 1,
    }
    return check_study(content, services, source="duel")
