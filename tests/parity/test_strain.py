"""What a certificate keeps of every step: where it says that something diverges, how large it may become, and older ones without it."""

import json
from math import inf, nan
from pathlib import Path

import pytest

from levelfield.parity.certificate import Certificate
from levelfield.parity.comparison import Difference
from levelfield.parity.experiment import Part
from levelfield.parity.strain import COLUMNS, share_of, strains
from levelfield.parity.tensors import KINDS
from tests.fake_worker import NumpyWorker
from tests.parity.registry import BROKEN
from tests.parity.small import IMAGES, STEPS, TEXTS, certificate, experiment
from tests.parity.test_broken_workers import name

DOCS = Path(__file__).parents[2] / "docs" / "parity"


def difference(step, tensor="output/conv1", relative=0.5, part=Part.OFF):
    return Difference(part=part, step=step, tensor=tensor, absolute=0.0, relative=relative)


def beyond(found, layers):
    """Every cell beyond its tolerance as (part, step, kind, layer), in the order in which a step computes them."""
    cells = [(strain, cell) for strain in found.strains for cell in strain.cells() if not cell.within]

    def turn(one):
        strain, cell = one
        layer = layers.index(cell.layer) if cell.layer else len(layers)
        return (
            not strain.exact,
            list(Part).index(strain.part),
            cell.step,
            KINDS.index(strain.kind),
            -layer if strain.kind == "gradient" else layer,
        )

    return [(strain.part, cell.step, strain.kind, cell.layer) for strain, cell in sorted(cells, key=turn)]


@pytest.mark.parametrize("precision", ["fp64", "fp32"])
@pytest.mark.parametrize("broken", [one for one in BROKEN if not one.within_rounding], ids=name)
def test_the_map_diverges_first_where_the_verdict_says(broken, precision):
    found = certificate(broken.worker, experiment(broken.workload, precision))
    first = found.first_divergence
    assert beyond(found, broken.workload.layer_names())[0] == (first.part, first.failed_at, first.kind, first.layer), found.verdict


@pytest.mark.parametrize("workload", [IMAGES, TEXTS], ids=lambda workload: workload.name)
def test_every_tensor_of_every_step_is_there(workload):
    found = certificate(NumpyWorker, experiment(workload, "fp32"))
    assert not beyond(found, workload.layer_names())
    by_name = {(strain.part, strain.kind): strain for strain in found.strains}
    outputs = by_name[Part.OFF, "output"]
    assert [one.layer for one in outputs.layers] == workload.layer_names(), "in the order of the network"
    assert {(cell.step, cell.first, cell.last) for cell in outputs.cells()} == {(step, step, step) for step in range(STEPS)}
    parameters = by_name[Part.OFF, "parameter"]
    assert {tensor for one in parameters.layers for tensor in one.tensors} == {f"parameter/{name}" for name, _ in workload.parameters()}
    assert {one.layer for one in by_name[Part.ON, "loss"].layers} == {None}
    # The timed steps are one call for one step, and one for the rest of the epoch.
    timed = by_name[Part.TIMED, "parameter"]
    assert {cell.step for cell in timed.cells()} == {0, STEPS // 2 - 1, STEPS // 2, STEPS - 1}


def test_the_map_and_the_rows_of_a_certificate_agree():
    found = certificate(BROKEN[0].worker, experiment(BROKEN[0].workload, "fp64"))
    largest = {}
    for strain in found.strains:
        for cell in strain.cells():
            key = strain.part, strain.kind, cell.layer
            largest[key] = max(largest.get(key, 0.0), cell.share)
    rows = {}
    for row in found.rows:
        key = row.part, row.kind, row.layer
        rows[key] = max(rows.get(key, 0.0), share_of(row.relative, row.tolerance))
    assert largest == pytest.approx(rows, rel=0.01)


def test_of_a_layer_s_tensors_the_one_that_took_most_is_kept():
    judged = [
        (difference(0, "gradient/conv1/kernel", 3.0), 10.0),
        (difference(0, "gradient/conv1/bias", 4.0), 10.0),
        (difference(1, "gradient/conv1/kernel", 2.0), 10.0),
        (difference(1, "gradient/conv1/bias", 2.0), 10.0),
    ]
    (strain,) = strains(judged, ["conv1"], 2)
    assert [(cell.step, cell.tensor, cell.share) for cell in strain.cells()] == [
        (0, "gradient/conv1/bias", 0.4),
        (1, "gradient/conv1/kernel", 0.2),
    ]


def test_many_steps_share_columns_and_the_worst_of_each_is_kept():
    judged = [(difference(step, relative=2.0 if step == 417 else 1e-3 * (step % 7)), 1.0 + step) for step in range(1000)]
    (strain,) = strains(judged, ["conv1"], 1000)
    cells = list(strain.cells())
    assert len(cells) == COLUMNS
    assert [(cell.first, cell.last) for cell in cells[:2]] == [(0, 24), (25, 49)]
    (worst,) = [cell for cell in cells if cell.step == 417]
    assert (worst.first, worst.last, worst.relative, worst.tolerance) == (400, 424, 2.0, 418.0)
    back = json.loads(json.dumps(strain.to_dict(), allow_nan=False))
    assert type(strain).from_dict(back) == strain


def test_a_large_network_stays_small():
    """ResNet-50 has about 160 layers with some of them without parameters; twenty steps, two parts, three kinds of tensors."""
    layers = [f"stage{n // 10}_conv{n % 10}" for n in range(160)]
    names = [f"output/{layer}" for layer in layers] + [f"{kind}/{layer}/kernel" for layer in layers for kind in ("gradient", "parameter")]
    judged = [
        (difference(step, tensor, 1.2345678e-7 * (1 + step), part), 1e-5)
        for part in (Part.OFF, Part.ON)
        for step in range(20)
        for tensor in names
    ]
    found = strains(judged, layers, 20)
    assert len(json.dumps([strain.to_dict() for strain in found])) < 320_000


@pytest.mark.parametrize(("relative", "limit"), [(1.0004e-12, 1e-12), (0.99996e-12, 0.99997e-12), (1e-12, 1e-12)])
def test_three_digits_never_cross_a_tolerance(relative, limit):
    (strain,) = strains([(difference(0, relative=relative), limit)], ["conv1"], 1)
    (cell,) = strain.cells()
    assert cell.within == (relative <= limit)
    assert cell.relative == pytest.approx(relative, rel=5e-3)


@pytest.mark.parametrize("bad", [inf, nan])
def test_what_is_not_finite_is_beyond_and_survives_json(bad):
    (strain,) = strains([(difference(0, relative=1e-9), 1e-12), (difference(0, "output/conv1", bad), 1e-12)], ["conv1"], 1)
    (cell,) = type(strain).from_dict(json.loads(json.dumps(strain.to_dict(), allow_nan=False))).cells()
    assert not cell.within
    assert cell.share == inf


def test_a_certificate_from_before_the_map_is_still_read():
    found = certificate(NumpyWorker, experiment(IMAGES, "fp64"))
    old = json.loads(json.dumps(found.to_dict()))
    assert old.pop("strains")
    back = Certificate.from_dict(old)
    assert back.strains == ()
    assert (back.rows, back.verdict) == (found.rows, found.verdict)


@pytest.mark.parametrize("file", sorted(DOCS.glob("*.json")), ids=lambda file: file.stem)
def test_the_published_certificates_are_still_read(file):
    found = Certificate.from_dict(json.loads(file.read_text()))
    assert found.passed
    assert found.workload in file.stem
