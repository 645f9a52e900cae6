"""The noise gate: what it lets pass and what it does not."""

import inspect
import json
from dataclasses import fields, replace

import pytest

from levelfield.measure.noise import Judgement, Limits, judge
from levelfield.measure.windows import Window
from tests.measure.fakes import S, window

LIMITS = Limits()
IDLE = window(0, foreign=0.02, own=0.05, gpu_busy_share=0.0)


def after(*parts):
    """Windows that follow the baseline: each a dictionary of what differs from quiet."""
    return [window(1 + at, **({"foreign": 0.02} | part)) for at, part in enumerate(parts)]


def quiet(seconds):
    return [{}] * seconds


def verdict(parts, baseline=IDLE, limits=LIMITS):
    return judge(after(*parts), baseline, limits)


def test_a_quiet_machine_is_valid_and_shows_its_figures():
    found = verdict(quiet(10))
    assert found.valid
    assert found.reasons == found.unobserved == ()
    assert found.figures["excess_foreign_cores"] == pytest.approx(0)
    assert found.figures["baseline_own_cores"] == pytest.approx(0.05)
    assert found.figures["disturbed_share"] == 0


def test_the_judge_sees_neither_names_nor_outcomes():
    """Rule 9. What it is given holds counters of the host and nothing else."""
    assert list(inspect.signature(judge).parameters) == ["windows", "baseline", "limits"]
    counters = {"start_ns", "wall_ns", "cores", "busy_ns", "own_ns", "steal_ns", "pressure_ns", "throttled_ns", "thermal_throttles"}
    assert {field.name for field in fields(Window)} == counters | {"foreign_gpu_processes", "gpu_throttle", "gpu_busy_share"}


def test_a_burner_on_both_cores_in_half_of_the_windows_is_invalid():
    found = verdict([{"own": 1.0, "foreign": 1.0} if at % 2 else {} for at in range(60)])
    assert not found.valid
    assert "foreign processes took 0.490 cores more than before (limit 0.050)" in found.reasons
    assert "0.500 of the time was disturbed (limit 0.100)" in found.reasons


def test_a_second_of_disturbance_spoils_a_short_measurement_and_not_a_long_one():
    burner = [{"own": 1.0, "foreign": 1.0}]
    assert not verdict(quiet(9) + burner).valid
    assert verdict(quiet(599) + burner).valid


def test_a_little_disturbance_in_many_windows_is_invalid_although_the_mean_is_small():
    found = verdict([{"foreign": 0.35}, *quiet(7)] * 10)
    assert found.figures["excess_foreign_cores"] < LIMITS.foreign_cores
    assert found.reasons == ("0.125 of the time was disturbed (limit 0.100)",)


def test_a_baseline_that_is_not_quiet_is_refused_instead_of_taken_for_normal():
    noisy = window(0, foreign=0.2, own=0.05)
    found = verdict([{"foreign": 0.2}] * 30, baseline=noisy)
    assert found.figures["excess_foreign_cores"] == pytest.approx(0)
    assert found.reasons == ("the machine was not idle before: foreign processes took 0.200 cores (limit 0.100)",)


def test_a_little_background_in_the_baseline_is_subtracted():
    assert verdict([{"foreign": 0.09}] * 30, baseline=window(0, foreign=0.08)).valid
    assert not verdict([{"foreign": 0.09}] * 30).valid


def test_a_baseline_below_zero_by_rounding_allows_no_less():
    assert verdict([{"foreign": 0.04}] * 30, baseline=window(0, foreign=-0.03)).valid


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wall_ns": S // 2}, "lasted 0.50 s"),
        ({"start_ns": -400 * S}, "not taken in the 300 s before"),
        ({"start_ns": 5 * S}, "not taken in the 300 s before"),
        ({"steal_ns": S // 10}, "withheld"),
        ({"pressure_ns": S // 5}, "waited for a processor 0.200"),
        ({"gpu_busy_share": 0.5}, "GPU was busy"),
        ({"foreign_gpu_processes": 1}, "not idle before: foreign processes were on the GPU"),
        ({"gpu_throttle": ("hw_thermal_slowdown",)}, "not idle before: a GPU was throttled (hw_thermal_slowdown)"),
        ({"thermal_throttles": 1}, "not idle before: a processor was throttled by heat"),
    ],
)
def test_a_baseline_must_show_an_idle_machine(change, words):
    found = verdict(quiet(10), baseline=replace(IDLE, **change))
    assert not found.valid
    assert words in found.reasons[0]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"steal_ns": S // 20}, "the hypervisor withheld 0.032"),
        ({"throttled_ns": S // 50}, "the CPU quota held back 0.020 cores"),
        ({"thermal_throttles": 1}, "1.000 of the time was disturbed (limit 0.100), a processor was throttled by heat"),
        ({"gpu_throttle": ("sw_thermal_slowdown", "sw_power_cap")}, "a GPU was throttled (sw_thermal_slowdown)"),
        ({"foreign_gpu_processes": 1}, "foreign processes were on the GPU"),
        ({"foreign": -0.5}, "counted 0.500 cores too high"),
    ],
)
def test_every_kind_of_disturbance_is_found_and_named(part, words):
    found = verdict([part] * 10)
    assert len(found.reasons) == 1
    assert words in found.reasons[0]


def test_events_in_a_few_windows_are_forgiven():
    assert verdict([*quiet(19), {"thermal_throttles": 1}]).valid


def test_what_workers_cause_themselves_is_shown_and_judges_nothing():
    """More threads than cores make pressure, hard work reaches the power cap: a framework must not lose its runs by that."""
    found = verdict([{"pressure_ns": S, "gpu_throttle": ("sw_power_cap",), "gpu_busy_share": 1.0}] * 10)
    assert found.valid
    assert found.figures["pressure_share"] == 1
    assert found.figures["baseline_pressure_share"] == 0


def test_a_large_host_is_judged_on_the_cores_in_use():
    large = {"cores": 128, "own": 8.0, "foreign": 0.5}
    baseline = window(0, cores=128, own=0.0)
    assert verdict([large] * 10, baseline, Limits(used_cores=8)).valid  # half a core spread over 128
    assert verdict([large] * 10, baseline).valid  # 0.5% of the machine: the accounts are not more exact
    assert not verdict([large | {"foreign": 2.0}] * 10, baseline).valid
    assert not verdict([large | {"cores": 8}] * 10, window(0, cores=8, own=0.0)).valid


def test_nobody_watched_is_not_valid():
    found = judge([], IDLE, LIMITS)
    assert found.reasons == ("the machine was not watched",)
    assert "foreign_cores" not in found.figures


def test_missing_evidence_is_named_and_not_taken_for_quiet():
    missing = {"pressure_ns": None, "throttled_ns": None, "thermal_throttles": None, "foreign_gpu_processes": None, "gpu_throttle": None}
    found = verdict([missing] * 5)
    assert found.valid
    assert set(found.unobserved) == missing.keys()
    assert not {"pressure_share", "throttled_cores", "thermal_throttles"} & found.figures.keys()


def test_the_stored_evidence_leads_to_the_same_judgement_again():
    found = verdict([{"foreign": 1.0, "gpu_throttle": ("hw_slowdown",)}, *quiet(3)])
    again = Judgement.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert judge(again.windows, again.baseline, again.limits) == found
    assert judge(again.windows, again.baseline, Limits(foreign_cores=2.0, disturbed_share=0.5)).valid
