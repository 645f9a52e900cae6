"""Certificates on the connected Ray cluster: two workers or gangs of them, each in actors of its own, through one experiment."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError

from levelfield.parity.attempts import SEEDS, first_passed
from levelfield.parity.certificate import Certificate
from levelfield.parity.comparison import ParityError
from levelfield.parity.experiment import STEPS, Experiment
from levelfield.parity.recording import Record, joint_record
from levelfield.parity.session import certificate_of, extent
from levelfield.spec import RunSpec
from orchestrator.actor_gang import ActorGang, RankError, answers_of
from orchestrator.actors import Actors, NotStartedError
from orchestrator.leases import Lessor, Places, Seated
from orchestrator.seats import NoSeatError, Seats
from orchestrator.stopping import Stop

Specs = tuple[RunSpec, RunSpec]


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One side's actors, ready to record."""

    gang: ActorGang
    spec: RunSpec

    @property
    def code(self) -> str:
        """The hash of the worker's code."""
        return str(self.gang.who[0]["worker_code"])


@dataclass(frozen=True, kw_only=True)
class Certifier:
    """Makes certificates. ``logs`` is where workers' output goes; ``on_step`` hears of every step that has been compared.

    ``stop`` ends what is at work, from another thread.
    """

    actors: Actors
    logs: Path
    on_step: Callable[[Record], None]
    stop: Stop = field(default_factory=Stop)

    @contextmanager
    def pair(self, specs: Specs, seated: Seated) -> Iterator[tuple[Recording, Recording]]:
        """Both sides in actors of their own, on seats by `sides_of`.

        Raises ParityError where one does not start, ClusterError where it runs other sources.
        """
        with ExitStack() as stack:
            a, b = (stack.enter_context(self._recording(spec, side, seated.seats[side])) for side, spec in sides_of(specs).items())
            yield a, b

    def certify(self, pair: tuple[Recording, Recording], *, steps: int = STEPS, seeds: int = SEEDS) -> Certificate:
        """Compare the two, by another seed where the first leaves it open. Raises ParityError where they cannot be compared."""
        first = pair[0].spec.seed
        return first_passed(lambda seed: self._one(pair, seed=seed, steps=steps), range(first, first + seeds))

    @contextmanager
    def _recording(self, spec: RunSpec, name: str, seats: Seats) -> Iterator[Recording]:
        gang = ActorGang(self.actors, spec, self.logs / f"{spec.workload}-{spec.precision}-{name}.log", seats)
        try:
            with self.stop.ending(gang.end):
                gang.greet()
                gang.send_data()
                yield Recording(gang=gang, spec=spec)
        except NotStartedError as error:
            raise ParityError(f"{spec.framework}: {error}") from error
        except RayError as error:
            raise ParityError(f"{spec.framework} ({spec.mode}): its process ended: {str(error).strip().splitlines()[-1]}") from error
        finally:
            gang.end()

    def _one(self, pair: tuple[Recording, Recording], *, seed: int, steps: int) -> Certificate:
        specs = [replace(side.spec, seed=seed) for side in pair]
        steps, draws = extent(specs[0].precision, steps)
        begun = [_begin(side.gang, spec, steps, draws) for side, spec in zip(pair, specs, strict=True)]
        headers = [_answers(references, spec)[0] for references, spec in zip(begun, specs, strict=True)]
        experiment = Experiment.of(specs[0], steps=steps)
        return certificate_of(experiment, headers, [self._records(side) for side in pair])

    def _records(self, side: Recording) -> Iterator[Record]:
        """The next step is computed while the last one is compared."""
        pending = _next(side.gang)
        while None not in (told := _answers(pending, side.spec)):
            with _failures_of(side.spec):
                parts = [_whole(member, part) for member, part in zip(side.gang.members, told, strict=True)]
            pending = _next(side.gang)
            record = joint_record(parts)
            self.on_step(record)
            yield record


def sides_of(specs: Specs) -> dict[str, RunSpec]:
    """The two by names of their own: both may be the same framework."""
    return {f"{at}-{spec.framework}": spec for at, spec in enumerate(specs)}


@contextmanager
def seated_pair(lessor: Lessor, places: Places, specs: Specs) -> Iterator[Seated]:
    """Seats for a certificate, and the lease on their devices, which are as busy then as in a run, although nothing is timed.

    Raises ParityError where the cluster has no place for them.
    """
    try:
        with lessor.seated(places, sides_of(specs), tenants=[f"certificate of {spec.framework}" for spec in specs]) as seated:
            yield seated
    except NoSeatError as error:
        raise ParityError(str(error)) from error


def _begin(gang: ActorGang, spec: RunSpec, steps: int, draws: int) -> list[Any]:
    peers = gang.peers()
    return [member.begin_recording.remote(spec.to_dict(), steps, draws, rank, peers) for rank, member in enumerate(gang.members)]


def _next(gang: ActorGang) -> list[Any]:
    return [member.next_record.remote() for member in gang.members]


def _whole(member: Any, told: Mapping[str, Any]) -> Record:
    """A rank's record with its tensors, copied out of the shared memory of Ray, which has room for what is on its way alone."""
    tensors: dict[str, NDArray[Any]] = {}
    for at in range(told["pieces"]):
        tensors |= {name: np.array(array) for name, array in ray.get(member.piece.remote(at)).items()}
    return Record.from_dict({**{name: value for name, value in told.items() if name != "pieces"}, "tensors": tensors})


def _answers(references: list[Any], spec: RunSpec) -> list[Any]:
    """What each rank says. Raises ParityError where one cannot."""
    with _failures_of(spec):
        return answers_of(references)


@contextmanager
def _failures_of(spec: RunSpec) -> Iterator[None]:
    """Raises ParityError, which names the side, where its workers fail."""
    try:
        yield
    except RankError as error:
        raise ParityError(f"{spec.framework} ({spec.mode}): {error}") from error
    except RayError as error:
        raise ParityError(f"{spec.framework} ({spec.mode}): its process ended: {str(error).strip().splitlines()[-1]}") from error
