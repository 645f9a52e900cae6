"""`levelfield parity`, and the certificates that a study needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from levelfield import workloads
from levelfield.parity.certificate import Certificate, Row
from levelfield.parity.comparison import ParityError
from levelfield.parity.experiment import Part
from levelfield.parity.recording import Record
from levelfield.parity.scope import Scope
from levelfield.problems import Problem, StudyError, choice
from levelfield.services import Service
from levelfield.spec import Case, RunSpec
from levelfield.store import Store
from levelfield.study import Side, Study
from levelfield.tracks import TRACKS
from orchestrator.leases import Lessor, Places
from orchestrator.stopping import Stop


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A framework in a mode on a device, as the command line writes it: FRAMEWORK[:MODE][@DEVICE]."""

    framework: str
    mode: str
    device: str

    @classmethod
    def read(cls, text: str, services: dict[str, Service]) -> "Contender":
        """Raises StudyError where there is no such framework, mode or device."""
        rest, _, device = text.partition("@")
        name, _, mode = rest.partition(":")
        if problem := choice("--frameworks", name, sorted(services)):
            raise StudyError("parity", [problem])
        service = services[name]
        contender = cls(framework=name, mode=mode or service.default_mode, device=device or "cpu")
        asked = ((contender.mode, list(service.modes)), (contender.device, service.devices))
        if problems := [problem for given, allowed in asked if (problem := choice(f"--frameworks {text}", given, allowed))]:
            raise StudyError("parity", problems)
        return contender


def needed(study: Study) -> Iterator[tuple[RunSpec, RunSpec]]:
    """The two sides of every comparison of a study that can be certified: its track promises it, and the precisions are equal."""
    if not TRACKS[study.track].certified:
        return
    for case in study.cases:
        for a, b in combinations(study.frameworks, 2):
            if a.precision == b.precision:
                yield _spec(study, case, a), _spec(study, case, b)


def _spec(study: Study, case: Case, side: Side) -> RunSpec:
    return RunSpec(
        workload=case.workload,
        workers=case.workers,
        placement=study.placement,
        framework=side.framework,
        mode=str(side.mode),
        seed=workloads.get(case.workload).parity_seed,
        track=study.track,
        precision=str(side.precision),
        device=study.device_kind,
        device_model=study.device_model,
        batch_size=study.batch_size_of(case),
        learning_rate=study.learning_rate,
        threads=study.threads,
    )


def certify_one(specs: tuple[RunSpec, RunSpec], lessor: Lessor, places: Places, *, steps: int, console: Console, logs: Path) -> Certificate:
    """The certificate of two sides, on the connected cluster. Raises ParityError where they cannot be compared."""
    from orchestrator.actors import Actors  # imports Ray
    from orchestrator.parity import Certifier, seated_pair

    with seated_pair(lessor, places, specs) as seated, stepping(console, specs[0]) as on_step:
        certifier = Certifier(actors=Actors(), logs=logs, on_step=on_step)
        with certifier.pair(specs, seated) as pair:
            return certifier.certify(pair, steps=steps)


def certify_study(study: Study, lessor: Lessor, places: Places, *, console: Console, logs: Path, stop: Stop) -> None:
    """Make the certificates that a study lacks and store them; what cannot be certified is told, and its label stays.

    Raises KeyboardInterrupt where it is stopped.
    """
    from orchestrator.actors import Actors  # imports Ray
    from orchestrator.parity import Certifier, seated_pair

    store = lessor.store

    actors, done = Actors(), set[tuple[str, ...]]()
    for a, b in needed(study):
        same = (a.workload, str(a.workers), a.precision, *sorted([f"{a.framework} {a.mode}", f"{b.framework} {b.mode}"]))
        if same in done:
            continue
        done.add(same)
        with stepping(console, a) as on_step:
            certifier = Certifier(actors=actors, logs=logs, on_step=on_step, stop=stop)
            try:
                stop.check()
                with seated_pair(lessor, places, (a, b)) as seated, certifier.pair((a, b), seated) as pair:
                    if _is_stored(store, Scope.of((a, b), (pair[0].code, pair[1].code), actors.dataset(a.workload).fingerprint)):
                        continue
                    certificate = certifier.certify(pair)
            except ParityError as error:
                stop.check()  # which has ended its processes
                console.print(f"[bold red]no certificate[/] for {a.workload}: {escape(str(error))}")
                continue
        lessor.patience(partial(store.add_certificate, certificate))
        console.print(f"[{'green' if certificate.passed else 'bold red'}]parity:[/] {escape(certificate.verdict)}")


def _is_stored(store: Store, scope: Scope) -> bool:
    """Whether the store has a certificate, passed or not, that a report will judge this comparison by."""
    return scope.deciding(store.certificates(scope.workload)) is not None


@contextmanager
def stepping(console: Console, spec: RunSpec) -> Iterator[Callable[[Record], None]]:
    """A line that says how far a certificate is."""
    title = f"certifying {spec.workload} in {spec.precision}" + (f" with {spec.workers} workers" if spec.workers > 1 else "")
    with console.status(title) as status:
        yield lambda record: status.update(f"{title}: {record.part}, step {record.step + 1}")


def shown(certificate: Certificate) -> RenderableType:
    """The certificate for a terminal: a table for each part, one row a layer."""
    head = Text(certificate.verdict, style="bold green" if certificate.passed else "bold red")
    tables = [table for part in Part if (table := _table(certificate, part)).row_count]
    limits = [f"  {kind}: {t.value:.0e} ({t.reason})" for kind, t in certificate.tolerances.items()]
    facts = (
        f"{certificate.steps} optimizer steps, batch {certificate.batch_size}, seed {certificate.seed}, {certificate.track}, "
        f"data {certificate.data_fingerprint[:12]} ({certificate.data_source})"
    )
    earlier = [Text(f"before: {line}", style="yellow") for line in certificate.earlier]
    sides = [f"  {s.framework} ({s.mode}) on {s.device}: {', '.join(f'{k} {v}' for k, v in s.versions.items())}" for s in certificate.sides]
    return Group(*tables, Text("\n".join([facts, *sides, "widest tolerances, max|a - b| / max|a|:", *limits]), style="dim"), *earlier, head)


def _table(certificate: Certificate, part: Part) -> Table:
    """One row a layer and kind: the tensor of it that came nearest to its tolerance."""
    table = Table(
        "layer", "", "largest difference", "relative", "allowed", "at step", "", title=str(part), title_justify="left", box=box.SIMPLE_HEAD
    )
    rows: dict[tuple[str, str], Row] = {}
    for row in (row for row in certificate.rows if row.part is part):
        key = (row.layer or "loss", f"{row.kind}, in fp64" if row.exact else row.kind)
        if key not in rows or row.relative / row.tolerance > rows[key].relative / rows[key].tolerance:
            rows[key] = row
    names = workloads.get(certificate.workload).layer_names()
    for (layer, kind), row in sorted(rows.items(), key=lambda item: names.index(item[0][0]) if item[0][0] in names else len(names)):
        mark = "[green]ok[/]" if row.failed_at is None else f"[bold red]from step {row.failed_at + 1}[/]"
        table.add_row(layer, kind, f"{row.absolute:.1e}", f"{row.relative:.1e}", f"{row.tolerance:.0e}", str(row.step + 1), mark)
    return table


def check(workload: str, track: str, precision: str, contenders: list[Contender], services: dict[str, Service]) -> None:
    """Raises StudyError for what cannot be certified."""
    problems = [choice("WORKLOAD", workload, workloads.names()), choice("--track", track, [t.name for t in TRACKS.values() if t.certified])]
    problems += [choice("--precision", precision, services[c.framework].precisions) for c in contenders]
    problems += [choice("WORKLOAD", workload, services[c.framework].workloads) for c in contenders]
    if len(contenders) != 2:
        problems.append(Problem(field="--frameworks", given=len(contenders), allowed="exactly two, separated by a comma"))
    if found := [problem for problem in problems if problem]:
        raise StudyError("parity", dict.fromkeys(map(str, found)))
