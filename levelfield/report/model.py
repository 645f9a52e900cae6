"""An analysed study as plain data. Values stand in base units (seconds, bytes, shares of 1, examples/s); `formats` writes them."""

from dataclasses import dataclass

from levelfield.report.audit import Audit
from levelfield.report.certified import CertificateSummary
from levelfield.spec import Case
from levelfield.stats import Effect, GeometricMean, Interval, NetworkComparison, Summary, TimeComparison, Verdict


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of the comparison: its label in the study, and the title that readers see."""

    label: str
    title: str
    framework: str
    mode: str | None = None
    precision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Missing:
    """``runs`` of the latest runs of a side lack a quantity, for one reason."""

    quantity: str
    reason: str
    runs: int


@dataclass(frozen=True, kw_only=True)
class SideSummary:
    """What one side did on one workload. ``runs`` counts the latest attempts; ``statuses`` and ``earlier_attempts`` tell how they went.

    ``run_ids`` are the store's, of the latest attempts; ``quantities`` holds a summary by the name of each quantity.
    """

    side: Side
    runs: int
    run_ids: tuple[int, ...]
    statuses: dict[str, int]
    earlier_attempts: int
    quantities: dict[str, Summary]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A run whose status is not ``ok``. ``superseded`` by a later attempt, or the latest word. ``log_tail``: its log's last lines."""

    side: Side
    run_id: int
    seed: int
    attempt: int
    status: str
    reason: str
    step: int | None
    log_tail: str | None
    superseded: bool


@dataclass(frozen=True, kw_only=True)
class DuelIncident:
    """An attempt at a pair's duel whose status is not ``ok``; a later one may have replaced it."""

    seed: int
    attempt: int
    status: str
    reason: str
    superseded: bool


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A pair that some quantities could not use. ``seed`` is that of the member that is there."""

    pair: int
    seed: int
    reason: str
    quantities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OutsideReference:
    """A run whose final accuracy lies outside ``low`` to ``high``, where ``reference_runs`` runs of the same kind let it be expected."""

    side: Side
    seed: int
    attempt: int
    accuracy: float
    low: float
    high: float
    reference_runs: int
    track: str
    same_data: bool


@dataclass(frozen=True, kw_only=True)
class Label:
    """A word that a comparison carries wherever it is shown, and why."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """The side that the verdict calls faster starts ``later_s`` seconds later; after ``epochs`` epochs it has caught up.

    ``epochs`` is 0 where it starts first as well.
    """

    faster: str
    later_s: float
    epochs: float


@dataclass(frozen=True, kw_only=True)
class TrainedPair:
    """The runs, by the store's ids, that trained the two networks of a seed whose accuracies are compared."""

    seed: int
    a: int
    b: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Side ``a`` against side ``b`` on one workload, over ``pairs`` recorded pairs, complete or not.

    ``effects`` holds, by the name of the quantity, a/b or a - b with intervals that are not adjusted for their number; ``speed_from`` is
    the name of the one that the verdict on speed rests on; ``accuracy`` is None where nothing was trained. ``audit`` says what is not
    equal, ``sentence`` what was found. ``certificate`` is the one that decides about parity, passed or failed, if one was made with the
    code that ran. ``networks`` sets the two that were trained with each seed against each other, None where no predictions are stored;
    ``trained`` names the runs of all pairs whose accuracies are compared, whether they have predictions or not.
    """

    a: Side
    b: Side
    pairs: int
    effects: dict[str, Effect]
    speed_from: str
    speed: Verdict
    accuracy: Verdict | None
    break_even: BreakEven | None
    to_target: TimeComparison | None
    networks: NetworkComparison | None
    trained: tuple[TrainedPair, ...]
    excluded: tuple[Exclusion, ...]
    audit: Audit
    labels: tuple[Label, ...]
    certificate: CertificateSummary | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Overall:
    """Side ``a`` against side ``b`` over all workloads of a study, with so many workers: the geometric mean of their speed ratios."""

    a: Side
    b: Side
    workers: int
    workloads: int
    speed: GeometricMean


@dataclass(frozen=True, kw_only=True)
class WorkloadAnalysis:
    """One workload of a study, trained by so many workers: every side by itself, and every two sides against each other."""

    name: str
    workers: int
    title: str
    sides: tuple[SideSummary, ...]
    comparisons: tuple[Comparison, ...]
    incidents: tuple[Incident, ...]
    duel_incidents: tuple[DuelIncident, ...]
    outside: tuple[OutsideReference, ...]

    @property
    def case(self) -> Case:
        """What its runs are runs of."""
        return Case(workload=self.name, workers=self.workers)


@dataclass(frozen=True, kw_only=True)
class ScalingStep:
    """``workers`` workers against the fewest that the study has: by how much faster, over pairs of one seed.

    ``efficiency`` is the speedup divided by how many times more workers they are, with its 95% interval; 1 is ideal.
    """

    workers: int
    throughput: Summary
    speedup: Effect
    efficiency: float | None
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How one side's training scales on a workload, from ``base`` workers on."""

    workload: str
    title: str
    side: Side
    base: int
    steps: tuple[ScalingStep, ...]


@dataclass(frozen=True, kw_only=True)
class ScalingComparison:
    """Which of two sides scales better on a workload, from ``base`` to ``workers`` workers.

    ``effect`` is the ratio of their efficiencies, which is that of their speedups, over seeds of which all four runs are there.
    """

    workload: str
    title: str
    a: Side
    b: Side
    base: int
    workers: int
    effect: Effect


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A whole study, of one track, which asks one ``question``.

    ``created_at`` is ISO 8601 in UTC; ``recorded`` of ``planned`` runs have a result, whatever it is. ``prices`` is the study's list in
    words; ``quantities`` names what every run should give. ``workloads`` holds each workload with each number of workers. ``overall``:
    every two sides over several workloads, empty where there is only one; ``scaling``: each side on each workload, and
    ``scaling_compared``: every two of them, both empty where all runs have one number of workers; ``scheme``: strong or weak.
    """

    study_id: str
    name: str
    title: str
    track: str
    question: str
    created_at: str
    levelfield_version: str
    source_hash: str
    planned: int
    recorded: int
    margin: float
    accuracy_margin: float
    prices: str | None
    quantities: tuple[str, ...]
    labels: tuple[Label, ...]
    workloads: tuple[WorkloadAnalysis, ...]
    overall: tuple[Overall, ...]
    scaling: tuple[Scaling, ...]
    scaling_compared: tuple[ScalingComparison, ...]
    scheme: str
