"""The little HTML and CSS that the page is made of. Nothing is fetched from elsewhere."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

MARKS = {"found": "\u2713", "equivalent": "=", "described": "\u2248", "open": "?"}
CSS = """<style>
.stMainBlockContainer { max-width: 1280px; padding-top: 1.6rem; padding-bottom: 4rem; }
.lf { line-height: 1.5; overflow-wrap: anywhere; }
.lf-brand { font-weight: 700; letter-spacing: .02em; font-size: 1.15rem; }
.lf-soft, .lf small { opacity: .72; font-size: .86rem; font-weight: 400; }
.lf-title { font-size: 1rem; opacity: .8; }
.lf-study { font-size: 1.15rem; font-weight: 650; margin-top: .6rem; }
.lf-verdict { font-size: clamp(1.25rem, 2.1vw, 1.75rem); line-height: 1.32; font-weight: 650; margin: .1rem 0 .7rem; text-wrap: pretty; }
.lf-verdict.lf-next { font-size: 1.1rem; }
.lf-label { display: flex; gap: .7rem; align-items: baseline; margin: .3rem 0; font-size: .92rem; }
.lf-badge { flex: 0 0 5.4rem; text-align: center; border-radius: .3rem; color: #fff; font-size: .78rem; font-weight: 600; }
.lf-warn { background: #a85908; } .lf-info { background: #1f6fb2; } .lf-good { background: #0b6b52; }
.lf-chips { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .86rem; margin-bottom: .5rem; }
.lf-h2 { font-size: 1.2rem; font-weight: 650; margin-top: 1.4rem; padding-top: 1rem; border-top: 1px solid rgba(128,128,128,.3); }
.lf-scroll { overflow-x: auto; }
.lf table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.lf th, .lf td { text-align: left; vertical-align: top; padding: .5rem 1.1rem .5rem 0; border-bottom: 1px solid rgba(128,128,128,.25); }
.lf th { font-weight: 600; } .lf thead th { white-space: nowrap; border-bottom-width: 2px; }
.lf td b { font-size: 1.08rem; font-weight: 600; } .lf td small { display: block; }
.lf-answers th { white-space: nowrap; width: 11rem; } .lf-answers td { font-size: 1.04rem; }
.lf-answers tr:first-child > * { font-size: 1.22rem; font-weight: 650; }
@media (max-width: 640px) {
.lf-answers th, .lf-answers td { display: block; width: auto; border: 0; padding: .1rem 0; }
.lf-answers td { padding-bottom: .8rem; } }
.lf-mark { display: inline-block; width: 1.15em; font-weight: 700; opacity: .8; }
.lf-figures td { white-space: nowrap; } .lf-figures tbody th { min-width: 11rem; }
.lf-dot { display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .45em; }
.lf-facts td { overflow-wrap: anywhere; }
.lf-facts td, .lf-facts th { font-size: .9rem; padding: .32rem 1.1rem .32rem 0; min-width: 7.5rem; }
.lf-differs { background: rgba(217,119,6,.14); } .lf-differs th::before { content: "\\2260\\00a0"; color: #d97706; font-weight: 700; }
.lf-trouble { border-left: 3px solid #d1242f; padding-left: .6rem; font-size: .88rem; }
.lf code { font-size: .88em; padding: .1em .35em; border-radius: .3em; background: rgba(128,128,128,.16); }
</style>"""


def div(kind: str, text: str) -> str:
    """A block of text that may hold anything."""
    return f'<div class="lf {kind}">{escape(text)}</div>'


def listed(lines: Iterable[str]) -> str:
    """A list of lines that may hold anything."""
    return f'<div class="lf lf-soft"><ul>{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul></div>'


def with_code(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def mark(outcome: str) -> str:
    """A sign for how an answer turned out, which the words beside it say, too."""
    return f'<span class="lf-mark" aria-hidden="true">{MARKS[outcome]}</span>'


def table(kind: str, header: Sequence[str], rows: Iterable[str]) -> str:
    """A table that scrolls within itself where the window is too narrow. Header and rows are HTML."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<div class="lf lf-scroll"><table class="{kind}">{head}<tbody>{"".join(rows)}</tbody></table></div>'


def row(name: str, cells: Iterable[str], *, kind: str = "") -> str:
    """A row of `table`; its parts are HTML."""
    return f'<tr class="{kind}"><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def dot(name: str, colour: str) -> str:
    """A name, which is HTML, behind a dot of its colour."""
    return f'<span><span class="lf-dot" style="background:{colour}"></span>{name}</span>'


def chips(colours: Mapping[str, str]) -> str:
    """A chart's legend that wraps as text does; the colours by name."""
    return f'<div class="lf lf-chips">{"".join(dot(escape(name), colour) for name, colour in colours.items())}</div>'


def plain(text: str) -> str:
    """Text for a place where Streamlit reads Markdown: every punctuation mark stands for itself."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))
