"""What runs cost, by a study's prices."""

import pytest

from levelfield.report import render
from levelfield.report.analysis import analyse
from tests.report.study_factory import frames


def priced(prices, **given):
    found = frames(**given)
    found.study.study |= {"prices": prices, "currency": "EUR"}
    return found


def cost_of(found):
    return analyse(found).workloads[0].sides[0].quantities["cost"].median


def test_a_run_costs_its_time_on_each_of_its_devices():
    given = priced({"cpu": 0.36}, noise=0)
    wall = analyse(given).workloads[0].sides[0].quantities["wall"].median
    assert cost_of(given) == pytest.approx(0.36 * wall / 3600)
    given.runs["workers"] = 4
    given.study.study["workers"] = [4]
    assert cost_of(given) == pytest.approx(4 * 0.36 * wall / 3600)


@pytest.mark.parametrize(
    ("prices", "price"), [({"model 7": 2.0, "cpu": 1.0}, 2.0), ({"cpu": 1.0, "Model 7": 2.0}, 1.0), ({"cuda": 3.0}, None), ({}, None)]
)
def test_the_first_price_that_fits_the_device_counts(prices, price):
    given = priced(prices, noise=0)
    wall = analyse(given).workloads[0].sides[0].quantities["wall"].median
    assert cost_of(given) == (None if price is None else pytest.approx(price * wall / 3600))


def test_a_gpu_is_known_by_its_model():
    given = priced({"h100": 3.6}, noise=0)
    given.runs["device"] = "cuda"
    given.runs["description"] = [record | {"device": "NVIDIA H100 80GB HBM3"} for record in given.runs["description"]]
    assert cost_of(given) is not None


def test_the_report_tells_the_prices_and_which_side_is_cheaper():
    given = priced({"cpu": 0.36}, speed=(3000.0, 1000.0))
    text = render.to_markdown(analyse(given))
    assert "prices: cpu 0.36 EUR a device hour" in text
    assert "cost of the run" in text
    assert analyse(given).workloads[0].comparisons[0].effects["cost"].interval.high < 1
    assert "cost of the run" not in render.to_markdown(analyse(frames()))


def test_a_device_without_a_price_is_told():
    assert "no price for its device" in str(analyse(priced({"cuda": 1.0})).workloads[0].sides[0].missing)
