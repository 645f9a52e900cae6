"""The page: a study as one file of HTML that holds all that it needs, and is forbidden to fetch anything."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from html import unescape
from importlib.resources import files
from string import Template

from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

import levelfield
from levelfield.charts.style import looks
from levelfield.report import badges
from levelfield.report.failures import nothing_counts
from levelfield.report.html import certified, learned, outcomes, sections, timed
from levelfield.report.html.chart import Chart, Drawn
from levelfield.report.html.markup import Html, html, tag
from levelfield.report.model import Analysis
from levelfield.report.quantities import ACCURACY
from levelfield.report.runs import Frames
from levelfield.report.scaled import TITLE as SCALING
from levelfield.report.tables import overall_lines, subtitle, track_line

# Only these very scripts run, styles stand in the page, and nothing is fetched; images are those that are being saved.
POLICY = "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
CURVES = "A thin line is one seed, the bold line the mean over seeds, the band its 95% interval at each point."
FORMATS = {"png": "PNG", "svg": "SVG", "csv": "CSV"}


def to_html(frames: Frames, analysis: Analysis) -> str:
    """The whole study as an HTML document. It can be written as UTF-8, and asks for nothing when it is opened."""
    album = Album(analysis.study_id)
    body = html([_head(analysis), tag("main", _main(frames, analysis, album)), _foot(analysis)])
    plotly, script = _script(get_plotlyjs()), _script(_own("page.js"))
    allowed = " ".join(_source(one) for one in (plotly, script))
    return Template(_own("template.html")).substitute(
        policy=POLICY.format(scripts=allowed),
        generator=html(f"Levelfield {levelfield.__version__}"),
        title=html(analysis.title),
        style=_own("style.css"),
        body=body,
        charts=album.to_json(),
        plotly=plotly,
        script=script,
    )


class Album:
    """The charts of the page: each is drawn in the browser from what stands in one place, and can be saved."""

    def __init__(self, study: str) -> None:
        self._study, self._charts = study, list[Chart]()

    def figure(self, chart: Chart, *, hidden: bool = False) -> Html:
        """A chart with its title, the buttons that save it, and what it rests on."""
        self._charts.append(chart)
        title = unescape(chart.figure.layout.title.text or chart.key)
        told = {"type": "button", "data_of": chart.key}
        buttons = [
            tag("button", shown, data_save=form, title=f"Save {'the data' if form == 'csv' else 'the chart'} as {shown}", **told)
            for form, shown in FORMATS.items()
        ]
        height = (chart.figure.layout.height or 360) - 34
        return tag(
            "figure",
            tag("figcaption", tag("b", title), tag("span", buttons, class_="save")),
            tag("div", class_="plot", data_chart=chart.key, style=f"min-height:{height:g}px", role="img", aria_label=title),
            sections.chips(chart.legend) if chart.legend else "",
            sections.soft(" ".join(filter(None, (unescape(chart.basis), chart.note)))),
            hidden=hidden,
            data_choices="|".join(chart.choices) or None,
        )

    def group(self, found: Sequence[Chart]) -> Html:
        """Charts of which one is shown, with the switches that choose it; a choice between one thing has none."""
        options = [list(dict.fromkeys(column)) for column in zip(*(chart.choices for chart in found), strict=True)]
        switches = [_switch(several) for several in options]
        shown = [self.figure(chart, hidden=at > 0) for at, chart in enumerate(found)]
        return tag("div", switches, shown, class_="group")

    def to_json(self) -> Html:
        """All of them, so that no text in them can end the script element."""
        plain = [self._plain(chart) for chart in self._charts]
        return Html(re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", f"[{','.join(plain)}]"))

    def _plain(self, chart: Chart) -> str:
        figure = chart.figure.to_dict()
        figure["layout"].pop("template", None)  # the page has its own, light and dark
        told = {
            "key": chart.key,
            "file": re.sub(r"[^\w.-]+", "-", f"levelfield-{self._study}-{chart.key}", flags=re.ASCII),
            "basis": chart.basis,
            "csv": chart.data.to_csv(index=False),
        }
        drawn = to_json_plotly({"data": figure["data"], "layout": figure["layout"]}, engine="json")
        return f"{json.dumps(told)[:-1]},{drawn[1:]}"


def _head(analysis: Analysis) -> Html:
    links = [tag("a", one.title, href=f"#{_place(at)}") for at, one in enumerate(analysis.workloads)]
    links += [tag("a", SCALING, href="#scaling")] if analysis.scaling else []
    return tag(
        "header",
        tag("p", "Levelfield", tag("span", "frameworks compared on a level field"), class_="brand"),
        tag("h1", analysis.title),
        tag("p", f"{track_line(analysis)}"),
        sections.soft(subtitle(analysis)),
        sections.badge_list(found) if (found := badges.of_study(analysis)) and not _compares(analysis) else "",
        tag("nav", links, aria_label="Parts of the study") if len(links) > 1 else "",
    )


def _compares(analysis: Analysis) -> bool:
    """Whether there is a comparison, beside which the study's own badges stand."""
    return any(workload.comparisons for workload in analysis.workloads)


def _main(frames: Frames, analysis: Analysis, album: Album) -> Iterable[Html]:
    yield tag("noscript", tag("p", "The charts need JavaScript, which is off here. Every figure stands in the tables as well."))
    why, *reasons = nothing_counts(analysis) or ([] if analysis.recorded else ["No run has ended yet."]) or [""]
    if why:
        yield html([tag("p", why, class_="verdict"), sections.listing(reasons)])
    yield from (tag("p", line, class_="verdict next") for line in overall_lines(analysis))
    look = looks(side.side for side in analysis.workloads[0].sides)
    yield from map(album.figure, outcomes.every_case(analysis, look))
    predictions = frames.predictions() if any(one.trained for case in analysis.workloads for one in case.comparisons) else {}
    for at, workload in enumerate(analysis.workloads):
        drawn = Drawn(frames=frames, analysis=analysis, workload=workload, look=look, predictions=predictions)
        yield tag("section", _case(drawn, album), id=_place(at))
    if scaled := sections.scaling(analysis):
        figures = map(album.figure, outcomes.scaled(analysis, look))
        yield tag("section", sections.heading(SCALING, level=2), scaled, figures, id="scaling")


def _case(drawn: Drawn, album: Album) -> Iterable[Html]:
    """A workload with a number of workers: the answer first, then what it rests on."""
    workload = drawn.workload
    yield tag("h2", workload.title, class_="only" if len(drawn.analysis.workloads) == 1 else None)
    yield from _answers(drawn, album) if workload.comparisons else [sections.alone(workload)]
    yield sections.heading("In figures")
    yield sections.figures(drawn)
    yield from map(album.figure, outcomes.taken(drawn))
    yield from _learning(drawn, album)
    yield from _timing(drawn, album)
    yield sections.heading("What was not equal")
    yield sections.inequality(drawn)
    yield from _parity(drawn, album)
    yield sections.heading("What did not go well")
    yield sections.troubles(drawn)
    yield sections.heading("What was compared")
    yield sections.compared(drawn)


def _answers(drawn: Drawn, album: Album) -> Iterable[Html]:
    """Of every two sides: the answer, what weakens it, question by question, and the ratios."""
    several, explained = len(drawn.workload.comparisons) > 1, set[str]()
    for at, comparison in enumerate(drawn.workload.comparisons):
        yield sections.heading(f"{comparison.a.title} / {comparison.b.title}") if several else html("")
        yield sections.verdict(comparison, drawn.workload, first=at == 0)
        found = badges.badges(comparison, drawn.analysis)
        yield sections.badge_list(found, explained)
        explained |= {one.name for one in found}
        yield sections.questions(comparison, drawn)
        yield from map(album.figure, outcomes.ratios(drawn, at))


def _learning(drawn: Drawn, album: Album) -> Iterable[Html]:
    if ACCURACY.name not in drawn.analysis.quantities:
        return  # the study does not train
    yield sections.heading("How they learn", CURVES)
    found = list(learned.curves(drawn))
    yield album.group(found) if found else tag("p", "No run that counts has completed an epoch.")
    networks = [_predicted(drawn, at, album) for at in range(len(drawn.workload.comparisons))]
    if any(networks):
        yield sections.heading("What the trained networks take the test examples for")
        yield from networks


def _predicted(drawn: Drawn, at: int, album: Album) -> Html:
    try:
        found = list(learned.predicted(drawn, at))
    except ValueError as error:
        return tag("p", f"The networks cannot be compared: {error}.")
    return html([sections.networks(drawn, at), album.group(found)]) if found else html("")


def _timing(drawn: Drawn, album: Album) -> Iterable[Html]:
    yield sections.heading("Where the time goes")
    before = list(timed.rounds(drawn))
    groups = list(timed.step_times(drawn))
    after = [*timed.phases(drawn), *timed.break_even(drawn)]
    yield from map(album.figure, before)
    yield album.group(groups) if groups else html("")
    yield from map(album.figure, after)
    yield sections.pays(drawn.workload)
    if not after:
        yield tag("p", "No run counts for timing.")


def _parity(drawn: Drawn, album: Album) -> Iterable[Html]:
    yield sections.heading("Parity", "Whether both sides compute the same function, step by step and tensor by tensor.")
    for at, comparison in enumerate(drawn.workload.comparisons):
        maps = list(certified.heat_maps(drawn, at))
        yield sections.certificate(comparison, album.group(maps) if maps else html(""))
    if not any(one.certificate for one in drawn.workload.comparisons):
        yield tag("p", "No certificate speaks of the code that ran.")


def _foot(analysis: Analysis) -> Html:
    return tag(
        "footer",
        sections.soft(
            f"Written by Levelfield {levelfield.__version__} from study {analysis.study_id}. This file fetches nothing from anywhere. "
            "A click on a name in a chart's legend hides it, dragging zooms in, a double click shows all again."
        ),
    )


def _switch(options: Sequence[str]) -> Html:
    if len(options) < 2:
        return html([tag("button", option, hidden=True, aria_pressed="true", data_choice=option) for option in options])
    buttons = [
        tag("button", option, type="button", data_choice=option, aria_pressed="true" if at == 0 else "false")
        for at, option in enumerate(options)
    ]
    return tag("div", buttons, class_="switch", role="group", aria_label="What the chart shows")


def _place(at: int) -> str:
    return f"case-{at + 1}"


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _script(text: str) -> Html:
    """Text that may stand in a script element: nothing in it ends the element, and it is what a browser takes the hash of."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return Html(text)


def _source(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
