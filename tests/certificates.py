"""Parity certificates made by hand."""

from dataclasses import replace

from levelfield.parity.certificate import Certificate, CertifiedSide, Row
from levelfield.parity.comparison import Difference
from levelfield.parity.experiment import Part
from levelfield.parity.strain import strains
from levelfield.parity.tolerance import Tolerance

CODES = {"tensorflow": "tf-code", "torch": "torch-code"}
WITHIN = {
    "output/conv1": 2e-7,
    "output/output": 1e-7,
    "loss/loss": 5e-8,
    "gradient/output/kernel": 3e-7,
    "gradient/conv1/kernel": 4e-7,
    "gradient/conv1/bias": 1e-8,
    "parameter/conv1/kernel": 6e-7,
    "parameter/output/kernel": 7e-7,
}
ALLOWED = 1e-6


def side(framework, **changes):
    values = {"mode": "eager", "device": "cpu", "versions": {framework: "1.0"}, "code": CODES.get(framework, "code")}
    return CertifiedSide(framework=framework, **(values | changes))


def certificate(*, beyond=None, relative=3e-2, **changes):
    """A certificate of TensorFlow and PyTorch on the digits; with ``beyond``, the tensor that leaves its tolerance at the third step."""
    rows = tuple(row(name, relative if name == beyond else value, fails=name == beyond) for name, value in WITHIN.items())
    values = {
        "workload": "digits_cnn",
        "track": "matched",
        "precision": "fp32",
        "batch_size": 32,
        "learning_rate": 1e-3,
        "seed": 0,
        "steps": 20,
        "sides": (side("tensorflow"), side("torch")),
        "data_fingerprint": "d" * 64,
        "data_source": "official",
        "created_at": "2026-03-01T12:00:00+00:00",
        "tolerances": {kind: Tolerance(value=ALLOWED, reason="tried") for kind in ("output", "loss", "gradient", "parameter")},
        "rows": rows,
        "first_divergence": next((one for one in rows if one.failed_at is not None), None),
        "sharp_steps": 20,
    }
    return Certificate(**(values | changes))


def row(tensor, relative, *, fails=False, part=Part.OFF):
    step = 2 if fails else 4
    return Row(
        part=part, tensor=tensor, absolute=relative / 2, relative=relative, step=step, tolerance=ALLOWED, failed_at=step if fails else None
    )


def with_rows(given, *rows):
    """The same certificate with further rows."""
    return replace(given, rows=(*given.rows, *rows))


def with_map(given, *, fails=None, parts=(Part.OFF, Part.TIMED)):
    """The same certificate with what each layer took at each step; ``fails``: a tensor, and from which step on (from 0) it is beyond."""
    tensor_of, first = fails or (None, 0)
    judged = [
        (Difference(part=part, step=step, tensor=tensor, absolute=0.0, relative=value, exact=False), ALLOWED)
        for part in parts
        for step in range(given.steps)
        for tensor, within in WITHIN.items()
        if part is Part.OFF or tensor.startswith("loss") or (tensor.startswith("parameter") and step in {0, given.steps - 1})
        for value in [3e-2 if part is Part.OFF and tensor == tensor_of and step >= first else within * (step + 1) / given.steps]
    ]
    return replace(given, strains=strains(judged, ("conv1", "output"), given.steps))
