"""A study: the YAML file that a user writes. Everything wrong with it is found here, before anything is started or written."""

import difflib
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, field_validator, model_validator

from levelfield import workloads
from levelfield.duel import ROUNDS
from levelfield.problems import Problem, StudyError, choice
from levelfield.services import Service
from levelfield.spec import Case
from levelfield.tracks import TRACKS, Granularity

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MAX_SEED, MAX_SEEDS, MAX_EPOCHS, MAX_THREADS, MAX_BURSTS, MAX_WORKERS = 2**31 - 1, 100_000, 100_000, 4096, 10_000, 4096
MAX_LISTED, MAX_RUNS = (
    100,
    200_000,
)  # workloads or sides; runs that a scheduler plans in some seconds and holds in 1 GB (bench/scheduler.py)
DEVICES = ("cpu", "cuda")
MINIMUM_PAIRS = 5  # methodology, rule 1: fewer give no verdict
SEEDS = f"a number of seeds, 1 to {MAX_SEEDS}, or a list of distinct seeds, each 0 to {MAX_SEED}"
Text = Annotated[str, Field(min_length=1, max_length=200)]


def _check_seeds(value: Any) -> int | list[int]:
    listed = value if isinstance(value, list) else [value]
    lowest, highest = (0, MAX_SEED) if isinstance(value, list) else (1, MAX_SEEDS)
    if not listed or any(type(seed) is not int or not lowest <= seed <= highest for seed in listed) or len(set(listed)) < len(listed):
        raise ValueError(SEEDS)
    return listed if isinstance(value, list) else listed[0]


Seeds = Annotated[int | list[int], PlainValidator(_check_seeds)]


def _check_workers(value: Any) -> list[int]:
    listed = value if isinstance(value, list) else [value]
    if not listed or any(type(number) is not int or not 1 <= number <= MAX_WORKERS for number in listed) or len(set(listed)) < len(listed):
        raise ValueError(f"a number of workers, 1 to {MAX_WORKERS}, or a list of distinct ones")
    return listed


Workers = Annotated[list[int], PlainValidator(_check_workers)]


class Side(BaseModel):
    """One side of the comparison. ``label`` tells sides of the same framework apart."""

    model_config = ConfigDict(extra="forbid", strict=True)

    framework: str
    mode: str | None = None
    precision: str | None = None
    label: str = Field(default="", pattern=r"^([^\s\x00-\x1f]|[^\s\x00-\x1f][^\x00-\x1f]{0,58}[^\s\x00-\x1f])?$")


class Study(BaseModel):
    """What is compared with what. Unset hyper-parameters are the workload's own. ``replays``: the id of the stored run that it repeats."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    title: Text | None = None
    workloads: list[str] = Field(min_length=1, max_length=MAX_LISTED)
    frameworks: list[Side] = Field(min_length=1, max_length=MAX_LISTED)
    track: str = "matched"
    precision: str = "fp32"
    device: Annotated[str, Field(min_length=1, max_length=60)] = "cpu"
    workers: Workers = [1]
    placement: Literal["pack", "spread"] = "pack"
    scaling: Literal["strong", "weak"] = "strong"
    isolation: Literal["host", "device"] = "host"
    shares: Annotated[int, Field(gt=0, le=MAX_WORKERS)] = 1
    restart: Literal["checkpoint", "scratch"] = "checkpoint"
    silence_limit: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 600.0
    prices: dict[Text, Price] = Field(default_factory=dict)
    currency: Annotated[str, Field(min_length=1, max_length=20)] = "USD"
    seeds: Seeds = 5
    epochs: Annotated[int, Field(gt=0, le=MAX_EPOCHS)] | None = None
    batch_size: Positive | None = None
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    threads: Annotated[int, Field(gt=0, le=MAX_THREADS)] | None = None
    train: bool = True
    replays: Positive | None = None
    until_decided: bool = False
    bursts: Annotated[int, Field(ge=0, le=MAX_BURSTS)] = ROUNDS
    margin: Share = 0.03
    accuracy_margin: Share = 0.005

    @field_validator("frameworks", mode="before")
    @classmethod
    def _names_are_sides(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [{"framework": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator("learning_rate", mode="before")
    @classmethod
    def _yaml_reads_1e_3_as_text(cls, value: Any) -> Any:
        try:
            return float(value) if isinstance(value, str) else value
        except ValueError:
            return value

    @field_validator("workloads")
    @classmethod
    def _no_repeats(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("each may be listed only once")
        return value

    @model_validator(mode="after")
    def _label_sides(self) -> Self:
        """Give each side a name of its own: the framework's; with its mode where that is not enough; numbered where even that is not."""
        given = [side.label for side in self.frameworks if side.label]
        if len(set(given)) < len(given):
            raise ValueError("two sides have the same label")
        labels = [side.label or side.framework for side in self.frameworks]
        if len(set(labels)) < len(labels):
            labels = [side.label or " ".join(filter(None, (side.framework, side.mode, side.precision))) for side in self.frameworks]
        if len(set(labels)) < len(labels):
            labels = [f"{label} #{labels[: at + 1].count(label)}" for at, label in enumerate(labels)]
        for side, label in zip(self.frameworks, labels, strict=True):
            side.label = label
        return self

    @property
    def has_duels(self) -> bool:
        """Whether speed is compared by bursts: not where a framework owns the loop, and not where nobody is there to compare with."""
        return self.bursts > 0 and len(self.frameworks) > 1 and TRACKS[self.track].granularity is Granularity.STEP

    def batch_size_of(self, case: Case) -> int | None:
        """The global batch: the same for every number of workers or, where scaling is weak, so many examples for each worker."""
        if self.scaling == "strong" or case.workers == 1:
            return self.batch_size
        return case.workers * (self.batch_size or workloads.get(case.workload).batch_size)

    @property
    def cases(self) -> list[Case]:
        """What the sides are compared on, each by every seed."""
        return [Case(workload=workload, workers=number) for workload in self.workloads for number in self.workers]

    @property
    def device_kind(self) -> str:
        """Cpu or cuda; a model's name is that of a GPU."""
        return self.device if self.device in DEVICES else "cuda"

    @property
    def device_model(self) -> str | None:
        """The model that is asked for, None for any."""
        return None if self.device in DEVICES else self.device

    @property
    def planned_runs(self) -> int:
        """How many runs it plans."""
        return len(self.seed_list) * len(self.workloads) * len(self.workers) * len(self.frameworks)

    @property
    def seed_list(self) -> list[int]:
        """The seeds themselves; a number n stands for 0 to n - 1."""
        return self.seeds if isinstance(self.seeds, list) else list(range(self.seeds))


def read_study(file: Path, services: Mapping[str, Service], changes: Mapping[str, Any] | None = None) -> Study:
    """Read and check a study; ``changes`` stand in the place of what the file says. Raises StudyError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(str(file), [f"cannot be read: {error}"]) from error
    return parse_study(text, services, name=name_of(file.stem), source=str(file), changes=changes)


def parse_study(text: str, services: Mapping[str, Service], *, name: str, source: str, changes: Mapping[str, Any] | None = None) -> Study:
    """A study from its YAML, as `read_study`; ``name`` is its name where it gives none. Raises StudyError."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # such as a date that no calendar has
        raise StudyError(source, [f"is not YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(content, dict):
        raise StudyError(source, [f"is not a study: expected fields and values, got {type(content).__name__}"])
    return check_study({"name": name} | content | dict(changes or {}), services, source=source)


def name_of(text: str) -> str:
    """A study's name made of any text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "study"


def check_study(content: Mapping[str, Any], services: Mapping[str, Service], *, source: str) -> Study:
    """A study whose every name exists and fits together. Raises StudyError with all problems that could be found."""
    try:
        study = Study.model_validate(dict(content))
    except ValidationError as error:
        raise StudyError(source, [_problem(detail) for detail in error.errors()]) from error
    checks = (
        _unknown_names(study, services),
        _not_offered(study, services),
        _not_in_track(study),
        _too_few_pairs(study),
        _too_many_runs(study),
    )
    if problems := list(chain.from_iterable(checks)):
        raise StudyError(source, problems)
    for side in study.frameworks:
        side.mode = side.mode or services[side.framework].default_mode
        side.precision = side.precision or study.precision
    return study


def _unknown_names(study: Study, services: Mapping[str, Service]) -> Iterable[Problem]:
    for at, name in enumerate(study.workloads):
        if problem := choice(f"workloads[{at}]", name, workloads.names()):
            yield problem
    for at, side in enumerate(study.frameworks):
        if problem := choice(f"frameworks[{at}]", side.framework, sorted(services)):
            yield problem


def _not_offered(study: Study, services: Mapping[str, Service]) -> Iterable[Problem]:
    """What a known service does not offer: modes, precisions, tracks, devices and workloads are its own."""
    for at, side in enumerate(study.frameworks):
        if (service := services.get(side.framework)) is None:
            continue
        asked = [
            (f"frameworks[{at}].mode", side.mode or service.default_mode, list(service.modes)),
            (f"frameworks[{at}].precision" if side.precision else "precision", side.precision or study.precision, service.precisions),
            ("track", study.track, service.tracks),
            ("device", study.device if _is_typing_error(study.device) else study.device_kind, service.devices),
            *((f"workloads[{n}]", name, service.workloads) for n, name in enumerate(study.workloads) if name in workloads.names()),
        ]
        for field, given, allowed in asked:
            if problem := choice(field, given, allowed):
                yield Problem(field=field, given=given, allowed=f"{problem.allowed} ({service.name})", nearest=problem.nearest)


def _is_typing_error(device: str) -> bool:
    """Whether it seems to be meant as cpu or cuda, not as a GPU's model."""
    return device not in DEVICES and bool(difflib.get_close_matches(device.lower(), DEVICES, n=1))


def _not_in_track(study: Study) -> Iterable[Problem]:
    """The track ``article`` takes the frameworks as they come, in float32. A study that does not train has at least duels."""
    if not study.train and not (study.track in TRACKS and study.has_duels):
        why = "a study that does not train needs bursts, two sides and a track other than article"
        yield Problem(field="train", given=study.train, allowed=why)
    if study.track != "article":
        return
    if study.workers != [1]:
        yield Problem(field="workers", given=study.workers, allowed="the track article leaves the loop to the framework: 1 worker")
    for field, given in (
        ("precision", study.precision),
        *((f"frameworks[{at}].precision", s.precision) for at, s in enumerate(study.frameworks)),
    ):
        if given not in {None, "fp32"}:
            yield Problem(field=field, given=given, allowed="the track article is fp32, as the frameworks come")


def _too_few_pairs(study: Study) -> Iterable[Problem]:
    if study.until_decided and len(study.seed_list) < MINIMUM_PAIRS:
        why = f"a study that goes on until it is decided needs a maximum of at least {MINIMUM_PAIRS} pairs"
        yield Problem(field="seeds", given=study.seeds, allowed=why)


def _too_many_runs(study: Study) -> Iterable[Problem]:
    if (number := study.planned_runs) > MAX_RUNS:
        why = f"with these workloads, workers and sides it would have {number:,} runs, and a study has at most {MAX_RUNS:,}"
        yield Problem(field="seeds", given=study.seeds, allowed=why)


def _problem(detail: Any) -> Problem:
    """A pydantic error in the words of the file: dotted path, value and what is allowed."""
    path = detail["loc"]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    if detail["type"] == "extra_forbidden":
        known = list((Side if str(detail["loc"][0]) == "frameworks" else Study).model_fields)
        problem = choice(str(detail["loc"][-1]), str(detail["loc"][-1]), known)
        return Problem(field=field, given=detail["input"], allowed="unknown field", nearest=problem.nearest if problem else None)
    if detail["type"] == "missing":
        return Problem(field=field, given=None, allowed="this field is required")
    return Problem(field=field, given=detail["input"], allowed=detail["msg"].removeprefix("Value error, "))
