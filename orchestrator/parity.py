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
from levelfield.parity.certificate import Certificate, CertifiedSide, certify
from levelfield.parity.comparison import ParityError, compare, ratio
from levelfield.parity.experiment import STEPS, Experiment
from levelfield.parity.recording import DRAWS, Record
from levelfield.parity.reduced import STEPS as REDUCED_STEPS
from levelfield.parity.reduced import is_reduced
from levelfield.parity.tensors import distance
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
        except (RayError, NotStartedError) as error:
            raise ParityError(f"{spec.framework}: {str(error).strip().splitlines()[-1]}") from error
        finally:
            end(actor, who)

    def _one(self, pair: tuple[Recording, Recording], *, seed: int, steps: int) -> Certificate:
        specs = [replace(side.spec, seed=seed) for side in pair]
        draws = DRAWS if specs[0].precision == "fp32" else 0
        steps = REDUCED_STEPS if is_reduced(specs[0].precision) else steps
        begun = [side.actor.begin_recording.remote(spec.to_dict(), steps, draws) for side, spec in zip(pair, specs, strict=True)]
        a, b = (_answer(reference, spec) for reference, spec in zip(begun, specs, strict=True))
        if a["fingerprint"] != b["fingerprint"]:
            raise ParityError("the two workers hold different data")
        left, right = (self._records(side) for side in pair)
        sides = CertifiedSide(**a["side"]), CertifiedSide(**b["side"])
        experiment = Experiment(specs[0], workloads.get(specs[0].workload), steps=steps)
        measure = ratio if is_reduced(specs[0].precision) else distance
        return certify(experiment, compare(left, right, measure=measure), sides, fingerprint=a["fingerprint"], source=a["source"])

    def _records(self, side: Recording) -> Iterator[Record]:
        """The next step is computed while the last one is compared."""
        pending = side.actor.next_record.remote()
        while (data := _answer(pending, side.spec)) is not None:
            pending = side.actor.next_record.remote()
            record = Record.from_dict(data)
            self.on_step(record)
            yield record


def _answer(reference: Any, spec: RunSpec) -> Any:
    answer = ray.get(reference)
    if answer and "failure" in answer:
        raise ParityError(f"{spec.framework} ({spec.mode}): {answer['failure']}")
    return answer
