"""What a study found, in words and tables, as HTML."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from html import unescape

from levelfield.charts.style import Look
from levelfield.report import badges, break_even, facts, predictions, scaled
from levelfield.report.answers import answers
from levelfield.report.certified import CertificateSummary, layer_table, when
from levelfield.report.html.chart import Drawn
from levelfield.report.html.markup import Content, Html, folded, html, row, table, tag, with_code
from levelfield.report.model import Analysis, Comparison, Incident, WorkloadAnalysis
from levelfield.report.tables import CAPTION, Cell, Table, notes, workload_tables
from levelfield.report.unequal import counted, listed, summary, unknown

MARKS = {"found": "\u2713", "equivalent": "=", "described": "\u2248", "open": "?"}
OPENABLE, LISTED = 20, 300  # failures that can be opened, and that are listed
LOG_LINES = 40
SHOWN_AT_ONCE = 12  # differences between two sides; more stand behind a line
FINGERPRINT_DIGITS = 12


def heading(text: str, caption: str = "", level: int = 3) -> Html:
    """The beginning of a section."""
    return html([tag(f"h{level}", text), soft(caption) if caption else ""])


def soft(*content: Content) -> Html:
    """What is said in passing."""
    return tag("p", *content, class_="soft")


def listing(lines: Sequence[str]) -> Html:
    """A list of lines, or nothing."""
    return tag("ul", [tag("li", line) for line in lines]) if lines else html("")


def alone(workload: WorkloadAnalysis) -> Html:
    """In the place of a verdict, where there is nothing to compare with."""
    names = listed([side.side.title for side in workload.sides])
    return tag("p", f"{names} alone. A verdict needs a second side.", class_="verdict")


def verdict(comparison: Comparison, workload: WorkloadAnalysis, *, first: bool) -> Html:
    """The answer in a sentence; the heading above it names the workload."""
    return tag("p", comparison.sentence.removeprefix(f"{workload.title}: "), class_="verdict" if first else "verdict next")


def badge_list(found: Sequence[badges.Badge], explained: Iterable[str] = ()) -> Html:
    """What weakens an answer, and why; and that a certificate stands behind it. What has been ``explained`` is not explained again."""
    known = set(explained)
    told = [
        tag("li", _badge(one), tag("span", one.why, " ", tag("small", with_code("" if one.name in known else one.meaning))))
        for one in found
    ]
    return tag("ul", told, class_="badges") if told else html("")


def questions(comparison: Comparison, drawn: Drawn) -> Html:
    """One sentence for each question that the study can be asked of two sides."""
    found = answers(comparison, drawn.analysis, drawn.workload.case)
    return table("answers", [], (row(one.question, [[_mark(one.outcome), one.sentence]]) for one in found))


def figures(drawn: Drawn) -> Html:
    """The tables: a column for each side, every figure with its spread, and how the sides compare."""
    found = workload_tables(drawn.workload)
    if not found:
        return tag("p", "No run has given a figure yet.")
    return html([*(words(one, drawn.look) for one in found), folded("What these figures are", soft(CAPTION))])


def words(one: Table, look: Mapping[str, Look]) -> Html:
    """A table of the report; a side's name has its colour."""
    dots = dict(_titles(look))
    header = [dot(name, dots[name]) if name in dots else name for name in one.header]
    return table("figures", header, (row(name, map(_cell, cells)) for name, cells in one.rows))


def networks(drawn: Drawn, at: int) -> Html:
    """The two networks of each seed of a comparison, test example by test example."""
    given = drawn.workload.comparisons[at]
    comparison = replace(given, networks=predictions.compare(given.trained, drawn.predictions))
    said = [tag("p", line) for line in predictions.told(comparison)]
    if comparison.networks:
        shown = words(predictions.table(comparison, comparison.networks), {})
        said.append(folded("Seed by seed", shown, soft(predictions.CAPTION)))
    return html(said)


def pays(workload: WorkloadAnalysis) -> Html:
    """Where a slow start pays. The answers say who is at the target first."""
    found = ((one, one.break_even) for one in workload.comparisons)
    lines = (break_even.told(pays, (one.a.title, one.b.title)) for one, pays in found if pays)
    return html(tag("p", line) for line in lines if line)


def inequality(drawn: Drawn) -> Html:
    """What was not equal between the sides, from what their runs say."""
    return _by_comparison(drawn.workload, lambda comparison: _audit(comparison, drawn.look))


def certificate(comparison: Comparison, maps: Html) -> Html:
    """The parity certificate behind a comparison, passed or failed, with its maps; nothing where there is none."""
    if (found := comparison.certificate) is None:
        return html("")
    outcome = "passed" if found.passed else "FAILED"
    header, rows = layer_table(found)
    cells = (row(name, map(_cell, one), kind="differs" if name == found.diverged else None) for name, one in rows)
    first = [tag("p", f"First diverging layer: {found.diverged}.")] if found.diverged else []
    line = f"{comparison.a.title} and {comparison.b.title}: {outcome}, {found.steps} steps in {found.precision}, layer by layer"
    furthest = folded(line, table("figures", list(header), cells), *map(soft, _small_print(found)))
    return html([tag("p", f"{found.verdict}."), *first, maps, furthest])


def troubles(drawn: Drawn) -> Html:
    """Every run that did not end well, with the end of its log, and all that did not go as planned."""
    workload, found = drawn.workload, drawn.workload.incidents
    lines = [line for line in notes(workload) if not any(_is_about(line, incident) for incident in found)]
    if not found and not lines:
        return tag("p", "Every recorded run ended well.")
    rest = [row(_incident(one), [one.reason]) for one in found[OPENABLE:LISTED]]
    others = [table("facts", ["run", "reason"], rest)] if rest else []
    if (more := len(found) - LISTED) > 0:
        others.append(soft(f"... and {more:,} more; JSON and CSV have them all."))
    return html([listing(lines), *map(_failure, found[:OPENABLE]), *others])


def compared(drawn: Drawn) -> Html:
    """Settings, versions, machine and fingerprints; what each worker says, side by side."""
    own = table("facts", [], (row(name, [value]) for name, value in facts.facts(drawn.workload.case, drawn.frames, drawn.analysis)))
    parts = [own]
    for title, part in (("What each worker says of itself", "description"), ("Where each side ran", "environment")):
        if told := facts.side_by_side(drawn.workload.case, drawn.frames.runs, drawn.look, part):
            header = ["", *(dot(_plain(drawn.look[label]), drawn.look[label].colour) for label in told)]
            parts.append(folded(title, table("facts", header, _side_by_side(told))))
    return html(parts)


def scaling(analysis: Analysis) -> Html:
    """How each side scales, and which of them scales better; nothing for a study with one number of workers."""
    tables = [words(one, {}) for one in scaled.tables(analysis)]
    if not tables:
        return html("")
    return html([*(tag("p", line) for line in scaled.lines(analysis)), *tables, soft(scaled.caption(analysis))])


def dot(name: str, colour: str) -> Html:
    """A name behind a dot of its colour."""
    return html([tag("span", class_="dot", style=f"background:{colour}"), name])


def chips(colours: Mapping[str, str]) -> Html:
    """A chart's legend that wraps as text does; the colours by name."""
    return tag("p", [tag("span", dot(name, colour)) for name, colour in colours.items()], class_="chips")


def _by_comparison(workload: WorkloadAnalysis, told: Callable[[Comparison], Html]) -> Html:
    """The same of every two sides, under their names where there are several."""
    several = len(workload.comparisons) > 1
    return html([soft(f"{one.a.title} / {one.b.title}") if several else "", told(one)] for one in workload.comparisons)


def _plain(side: Look) -> str:
    return unescape(side.name)


def _titles(look: Mapping[str, Look]) -> Iterable[tuple[str, str]]:
    return ((_plain(side), side.colour) for side in look.values())


def _badge(one: badges.Badge) -> Html:
    return tag("span", one.name, class_=f"badge {one.tone}")


def _mark(outcome: str) -> Html:
    """A sign for how an answer turned out, which the words beside it say, too."""
    return tag("span", MARKS[outcome], class_="mark", aria_hidden="true")


def _cell(cell: Cell) -> Html:
    main, detail = cell
    return html([tag("b", main) if main else "", tag("small", detail) if detail else ""])


def _audit(comparison: Comparison, look: Mapping[str, Look]) -> Html:
    audit = comparison.audit
    if not audit.known:
        return tag("p", unknown(comparison))
    same = soft(f"{counted(audit).rstrip('.')}: {listed([one.aspect for one in audit.equal])}.") if audit.equal else html("")
    if not audit.differences:
        return html([tag("p", "Nothing that is reported differs."), folded("What is equal", same)])
    sides = [look[side.label] for side in (comparison.a, comparison.b)]
    rows = (row([found.aspect, " ", tag("small", found.group)], [found.a, found.b]) for found in audit.differences)
    shown = table("facts", ["", *(dot(_plain(side), side.colour) for side in sides)], rows)
    number = len(audit.differences)
    return html([folded(f"Not equal: {summary(audit)}", shown, opened=number <= SHOWN_AT_ONCE), folded("What is equal", same)])


def _small_print(found: CertificateSummary) -> Iterable[str]:
    yield "Largest relative difference max|a - b| / max|a| of any tensor of the layer, over all steps, set against what was allowed there."
    for kind, allowed in found.tolerances.items():
        yield f"Allowed at most for {kind}: {allowed}."
    data = f"{found.data_source}, fingerprint {found.data_fingerprint[:FINGERPRINT_DIGITS]}"
    yield f"Made {when(found.created_at)} with batch size {found.batch_size}, seed {found.seed}, data {data}."
    yield from (f"Tried before: {told}." for told in found.earlier)


def _incident(incident: Incident) -> str:
    step = f" at step {incident.step}" if incident.step is not None else ""
    later = ", replaced by a later attempt" if incident.superseded else ""
    return f"{incident.side.title}, seed {incident.seed}, attempt {incident.attempt}: {incident.status}{step}{later}"


def _is_about(line: str, incident: Incident) -> bool:
    """Whether a note is the one on this run, which has a place of its own."""
    return line.startswith(f"{incident.side.title}, seed {incident.seed}, attempt {incident.attempt}: ")


def _failure(incident: Incident) -> Html:
    log = (incident.log_tail or "").splitlines()[-LOG_LINES:]
    shown = [soft("Last lines of its log"), tag("pre", "\n".join(log))] if log else [soft("No log was recorded for it.")]
    first = next(iter(incident.reason.strip().splitlines()), "")
    return folded(f"{_incident(incident)}. {first[:160]}", tag("p", incident.reason), *shown)


def _side_by_side(told: Mapping[str, Mapping[str, str]]) -> Iterable[Html]:
    """A row for each thing that any side tells; marked where they tell different things."""
    for key in dict.fromkeys(key for said in told.values() for key in said):
        cells = [said.get(key, "not told") for said in told.values()]
        yield row(key, cells, kind="differs" if len(set(cells)) > 1 else None)
