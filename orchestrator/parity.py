"""Certificates on the connected Ray cluster: two workers, each in an actor of its own, through one experiment."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from levelfield import workloads
from levelfield.parity.attempts import SEEDS, first_passed
from levelfield.parity.certificate import Certificate
from levelfield.parity.comparison import ParityError
from levelfield.parity.experiment import STEPS, Experiment
from levelfield.parity.recording import Record
from levelfield.parity.session import certificate_of, extent
from levelfield.spec import RunSpec
from orchestrator.actors import Actors, NotStartedError, end

Specs = tuple[RunSpec, RunSpec]
SHARE = 0.5  # both sides may be the same framework, on one node


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One side's actor, ready to record."""

    actor: Any
    spec: RunSpec
    code: str


@dataclass(frozen=True, kw_only=True)
class Certifier:
    """Makes certificates. ``logs`` is where workers' output goes; ``on_step`` hears of every step that has been compared."""

    actors: Actors
    logs: Path
    on_step: Callable[[Record], None]

    @contextmanager
    def pair(self, specs: Specs) -> Iterator[tuple[Recording, Recording]]:
        """Both sides in actors of their own. Raises ParityError where one does not start, ClusterError where it runs other sources."""
        with ExitStack() as stack:
            a, b = (stack.enter_context(self._recording(spec, f"{at}-{spec.framework}")) for at, spec in enumerate(specs))
            yield a, b

    def certify(self, pair: tuple[Recording, Recording], *, steps: int = STEPS, seeds: int = SEEDS) -> Certificate:
        """Compare the two, by another seed where the first leaves it open. Raises ParityError where they cannot be compared."""
        first = pair[0].spec.seed
        return first_passed(lambda seed: self._one(pair, seed=seed, steps=steps), range(first, first + seeds))

    @contextmanager
    def _recording(self, spec: RunSpec, name: str) -> Iterator[Recording]:
        actor = self.actors.start(spec, self.logs / f"{spec.workload}-{spec.precision}-{name}.log", share=SHARE)
        who: dict[str, Any] = {}
        try:
            who = self.actors.greet(actor, spec)
            self.actors.check_sources(spec.framework, who)
            self.actors.send_data(actor, spec)
            yield Recording(actor=actor, spec=spec, code=who["worker_code"])
        except NotStartedError as error:
            raise ParityError(f"{spec.framework}: {error}") from error
        finally:
            end(actor, who)

    def _one(self, pair: tuple[Recording, Recording], *, seed: int, steps: int) -> Certificate:
        specs = [replace(side.spec, seed=seed) for side in pair]
        steps, draws = extent(specs[0].precision, steps)
        begun = [side.actor.begin_recording.remote(spec.to_dict(), steps, draws) for side, spec in zip(pair, specs, strict=True)]
        headers = [_answer(reference, spec) for reference, spec in zip(begun, specs, strict=True)]
        experiment = Experiment(specs[0], workloads.get(specs[0].workload), steps=steps)
        return certificate_of(experiment, headers, [self._records(side) for side in pair])

    def _records(self, side: Recording) -> Iterator[Record]:
        """The next step is computed while the last one is compared."""
        pending = side.actor.next_record.remote()
        while (data := _answer(pending, side.spec)) is not None:
            pending = side.actor.next_record.remote()
            record = Record.from_dict(data)
            self.on_step(record)
            yield record


def _answer(reference: Any, spec: RunSpec) -> Any:
    try:
        answer = ray.get(reference)
    except RayError as error:
        raise ParityError(f"{spec.framework} ({spec.mode}): its process ended: {str(error).strip().splitlines()[-1]}") from error
    if answer and "failure" in answer:
        raise ParityError(f"{spec.framework} ({spec.mode}): {answer['failure']}")
    return answer
