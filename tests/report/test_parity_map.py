"""A certificate as a map of layers against steps."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from levelfield import workloads
from levelfield.charts import parity
from levelfield.parity.experiment import Part
from levelfield.report.certified import LOSS, command
from tests.certificates import certificate, with_map
from tests.parity.broken_workers import SamePadding
from tests.parity.registry import BROKEN
from tests.parity.small import certificate as made
from tests.parity.small import experiment

FAILS = ("gradient/conv1/kernel", 2)


def failed():
    return with_map(certificate(beyond=FAILS[0]), fails=FAILS)


def heat(figure):
    cells, crosses, _ = figure.data
    return pd.DataFrame(cells.z), set(zip(crosses.x, crosses.y, strict=True))


def test_rows_are_layers_in_their_order_and_columns_steps():
    data = parity.points(with_map(certificate()))
    assert parity.parts(data) == {"off": "dropout off", "timed": "timed step"}
    cells = parity.of_part(data, "off", "all")
    assert list(dict.fromkeys(cells["row"])) == ["conv1", "output", LOSS]
    assert cells.groupby("row")["step"].apply(list).to_dict() == {row: list(range(1, 21)) for row in ("conv1", "output", LOSS)}
    last = cells[(cells["row"] == "conv1") & (cells["step"] == 20)].iloc[0]
    assert (last["tensor"], last["relative"], last["tolerance"], last["share"]) == (
        "parameter/conv1/kernel",
        6e-7,
        1e-6,
        pytest.approx(0.6),
    )
    assert set(parity.of_part(data, "off", "gradient")["tensor"]) == {"gradient/conv1/kernel", "gradient/output/kernel"}
    assert set(parity.of_part(data, "off", "output")["row"]) == {"conv1", "output", LOSS}
    assert parity.points(certificate()).empty


def test_what_is_beyond_is_marked_without_colour_too_and_the_first_is_framed():
    figure = parity.heat_map(parity.of_part(parity.points(failed()), "off", "all"), title="map", first=("conv1", 3))
    z, crosses = heat(figure)
    assert crosses == {(column, 0) for column in range(2, 20)}
    assert (z.iloc[0, 2:] > 0).all()
    assert (z.iloc[0, :2] < 0).all()
    assert (z.iloc[1:] < 0).all().all()
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, -0.5, 0.5)
    assert "gradient/conv1/kernel" in figure.data[0].customdata[0][2][0]
    assert figure.data[0].customdata[0][2][1] == "step 3"


@pytest.mark.parametrize("broken", [one for one in BROKEN if one.worker is SamePadding], ids=lambda one: one.worker.__name__)
def test_a_broken_worker_s_map_begins_where_its_verdict_does(broken):
    found = made(broken.worker, experiment(broken.workload, "fp64"))
    first = found.first_divergence
    data = parity.points(found)
    cells = parity.of_part(data, parity.place(first), first.kind)
    figure = parity.heat_map(cells, title="map", first=(first.layer, first.failed_at + 1))
    _, crosses = heat(figure)
    row = list(dict.fromkeys(cells["row"])).index(first.layer)
    assert (first.failed_at, row) == min(crosses)
    assert figure.layout.shapes[0].y0 == row - 0.5


@pytest.mark.parametrize(("share", "within"), [(0.0, True), (1.0, True), (1.0000001, False), (5e7, False), (math.inf, False)])
def test_the_break_of_the_colours_is_the_tolerance(share, within):
    shade = parity._shade(share, within=within)
    assert parity.LOW <= shade <= parity.HIGH
    assert (shade < 0) == within


def test_only_what_was_compared_has_a_cell():
    data = parity.of_part(parity.points(with_map(certificate())), "timed", "all")
    z, _ = heat(parity.heat_map(data, title="map"))
    assert z.shape == (3, 20)
    assert z.iloc[2].notna().all(), "the loss of every step"
    assert z.iloc[0].notna().sum() == 2


def test_steps_that_share_a_column_are_named_together():
    figure = parity.heat_map(parity.of_part(parity.points(with_map(certificate(steps=90))), "off", "all"), title="map")
    assert figure.layout.xaxis.title.text == "optimizer step, 3 in each column"
    assert figure.layout.xaxis.ticktext[:2] == ("1", "13")
    assert len(figure.data[0].z[0]) == 30
    assert parity.points(with_map(certificate(steps=41)))["last_step"].max() == 41


def test_steps_in_fp64_are_a_part_of_their_own():
    found = with_map(certificate())
    both = replace(found, strains=(*(replace(one, exact=True) for one in found.strains if one.part is Part.OFF), *found.strains))
    data = parity.points(both)
    assert list(parity.parts(data)) == ["off", "timed", "off-fp64"]
    assert parity.parts(data)["off-fp64"] == "dropout off, in fp64"
    assert parity.of_part(data, "off-fp64", "all")["in_fp64"].all()


def test_a_large_network_has_blocks():
    layers = workloads.get("resnet50").layer_names()
    blocks = parity.groups(layers)
    assert list(blocks) == layers
    rows = list(dict.fromkeys(blocks.values()))
    assert len(rows) == 19
    assert rows[:2] == ["stem", "stage1_block1"]
    assert rows[-2:] == ["pool", "logits"]
    assert blocks["stage3_block6_3_conv"] == blocks["stage3_block6"] == "stage3_block6"
    assert parity.groups(["conv1", "conv2", "flatten"]) == {"conv1": "conv1", "conv2": "conv2", "flatten": "flatten"}
    assert parity.groups(["a_1", "b", "a_2", "a_3"]) == {"a_1": "a_1", "b": "b", "a_2": "a", "a_3": "a"}


def test_a_block_shows_the_worst_of_its_layers():
    data = parity.of_part(parity.points(failed()), "off", "all")
    cells = parity.grouped(data, {"conv1": "all of it", "output": "all of it", LOSS: LOSS})
    assert list(dict.fromkeys(cells["row"])) == ["all of it", LOSS]
    assert cells[cells["row"] == "all of it"]["tensor"].tolist()[2:] == ["gradient/conv1/kernel"] * 18


def test_names_are_text_in_the_figure():
    data = parity.of_part(parity.points(with_map(certificate())), "off", "all").replace("conv1", "<b>conv1</b>")
    figure = parity.heat_map(data, title="map")
    assert figure.layout.yaxis.ticktext[0] == "&lt;b&gt;conv1&lt;/b&gt;"


def test_the_command_that_makes_a_certificate():
    programs = [("tensorflow", "graph", "cpu"), ("torch", None, "cuda")]
    assert command("digits_cnn", programs, precision="fp32", track="matched", workers=1) == (
        "levelfield parity digits_cnn --frameworks tensorflow:graph,torch@cuda"
    )
    assert command("digits_cnn", programs[:1] * 2, precision="bf16", track="tuned", workers=2).endswith(
        " --precision bf16 --track tuned --workers 2"
    )
    assert "'$(x)'" in command("$(x)", programs, precision=None, track="matched", workers=1)
