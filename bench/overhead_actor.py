"""The platform's actor, which also trains in the bare loop; imported by name on the framework's node, as `services.actor` is."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bench.bare import Choices
from bench.overhead_process import BareBurster
from services.actor import WorkerActor


class OverheadActor(WorkerActor):
    """`run` and `burst` are the platform's own; the bare loop's bursts are asked for in the same way."""

    _bare: BareBurster | None = None

    def bare(self, steps: int, discarded_steps: int, choices: Mapping[str, Any]) -> dict[str, Any]:
        """One burst of the bare loop on the worker of the last run."""
        return self._plainly(lambda: asdict(self._loop(choices).burst(steps, discarded_steps)))

    def _loop(self, choices: Mapping[str, Any]) -> BareBurster:
        if self._bare is None:
            self._bare = BareBurster(self._service.name, self._session.worker, Choices(**choices))
        return self._bare
