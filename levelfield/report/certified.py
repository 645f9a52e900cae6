"""What readers see of a parity certificate: its verdict, and how far each layer was apart."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from levelfield.parity.certificate import Certificate, Row

KINDS = ("output", "gradient", "parameter")
LOSS = "loss"  # belongs to no layer; it has a line of its own


@dataclass(frozen=True, kw_only=True)
class Furthest:
    """The tensor of a layer and kind that came nearest to its tolerance or went furthest beyond it: max|a - b| / max|a|.

    ``step`` counts from 0. A difference or tolerance that is not finite is None: shapes that differ, or values that are not numbers.
    """

    tensor: str
    part: str
    step: int
    relative: float | None
    tolerance: float | None
    within: bool


@dataclass(frozen=True, kw_only=True)
class LayerParity:
    """A layer, or "loss"; ``furthest`` by kind: output, loss, gradient, parameter."""

    layer: str
    furthest: dict[str, Furthest]


@dataclass(frozen=True, kw_only=True)
class CertificateSummary:
    """A parity certificate as plain data. ``created_at`` is ISO 8601 in UTC; layers stand in the order of the network.

    ``tolerances`` says by kind what was allowed at most and why; ``diverged`` is the first layer that left its tolerance.
    """

    verdict: str
    passed: bool
    created_at: str
    steps: int
    precision: str
    batch_size: int
    seed: int
    sides: tuple[str, str]
    data_source: str
    data_fingerprint: str
    layers: tuple[LayerParity, ...]
    tolerances: dict[str, str]
    diverged: str | None
    earlier: tuple[str, ...]


def summarise(certificate: Certificate) -> CertificateSummary:
    """The furthest of each layer and kind, over all parts and steps."""
    found: dict[str, dict[str, Row]] = {}
    for row in certificate.rows:
        kinds = found.setdefault(row.layer or LOSS, {})
        if row.kind not in kinds or _strain(row) > _strain(kinds[row.kind]):
            kinds[row.kind] = row
    a, b = (f"{side.framework} ({side.mode})" for side in certificate.sides)
    first = certificate.first_divergence
    return CertificateSummary(
        **{name: getattr(certificate, name) for name in ("verdict", "passed", "created_at", "steps", "precision", "batch_size", "seed")},
        sides=(a, b),
        data_source=certificate.data_source,
        data_fingerprint=certificate.data_fingerprint,
        layers=tuple(
            LayerParity(layer=layer, furthest={kind: _furthest(row) for kind, row in kinds.items()}) for layer, kinds in found.items()
        ),
        tolerances={kind: f"{tolerance.value:.1e}: {tolerance.reason}" for kind, tolerance in certificate.tolerances.items()},
        diverged=(first.layer or LOSS) if first else None,
        earlier=certificate.earlier,
    )


def when(created_at: str) -> str:
    """A certificate's time for readers."""
    return f"{created_at[:16].replace('T', ' ')} UTC"


def note(summary: CertificateSummary) -> str:
    """One line for a certificate that passed."""
    others = f"; other seeds were tried before: {'; '.join(summary.earlier)}" if summary.earlier else ""
    return f"Certified: {summary.verdict} (certificate of {when(summary.created_at)}{others})."


def layer_table(summary: CertificateSummary) -> tuple[tuple[str, ...], list[tuple[str, tuple[tuple[str, str], ...]]]]:
    """Header and rows: by layer the furthest of its output (or the loss), its gradients and its parameters, and what was allowed."""
    rows = [(one.layer, tuple(_cell(one.furthest.get(kind) or _loss(one, kind)) for kind in KINDS)) for one in summary.layers]
    return ("layer", *KINDS), rows


def _strain(row: Row) -> float:
    """How much of its tolerance a difference takes; a first one beyond it counts more than any within."""
    share = row.relative / row.tolerance if row.tolerance else math.inf
    return math.inf if row.failed_at is not None or math.isnan(share) else share


def _furthest(row: Row) -> Furthest:
    return Furthest(
        tensor=row.tensor.partition("/")[2],
        part=row.where,
        step=row.step,
        relative=_finite(row.relative),
        tolerance=_finite(row.tolerance),
        within=row.failed_at is None,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _loss(one: LayerParity, kind: str) -> Furthest | None:
    return one.furthest.get(LOSS) if kind == "output" else None


def _cell(found: Furthest | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    relative = "not finite" if found.relative is None else f"{found.relative:.1e}"
    allowed = "anything" if found.tolerance is None else f"{found.tolerance:.1e}"
    return relative, f"allowed {allowed} at step {found.step + 1}, {found.part}{'' if found.within else '; BEYOND'}"


def command(workload: str, programs: Sequence[tuple[str, str | None, str]], *, precision: str | None, track: str, workers: int) -> str:
    """The command line that makes a certificate of two ``programs``: framework, mode and device of each."""
    sides = ",".join(f"{name}{f':{mode}' if mode else ''}{'' if device == 'cpu' else f'@{device}'}" for name, mode, device in programs)
    options = [("--frameworks", sides), ("--precision", precision or "fp32"), ("--track", track), ("--workers", str(workers))]
    usual = {"--precision": "fp32", "--track": "matched", "--workers": "1"}
    return shlex.join(
        ["levelfield", "parity", workload, *(word for name, value in options if usual.get(name) != value for word in (name, value))]
    )
