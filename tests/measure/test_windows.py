"""Windows from the samples of one probe and of several."""

import json
from dataclasses import asdict

import pytest

from levelfield.measure.gpu import GpuSample
from levelfield.measure.windows import Window, join, windows
from tests.measure.fakes import S, sample, window


def test_a_window_is_the_difference_of_two_samples():
    first = sample(10, busy_ns=5 * S, steal_ns=S, own_ns=2 * S, pressure_ns=7, thermal_throttles=3)
    gpu = GpuSample(processes=3, own_processes=1, throttle=("hw_slowdown",), busy_share=0.5)
    last = sample(12, busy_ns=9 * S, steal_ns=2 * S, own_ns=3 * S, pressure_ns=S + 7, thermal_throttles=4, throttled_ns=5, gpus={"a": gpu})
    (found,) = windows([[first, last]])
    assert found == Window(
        start_ns=10 * S, wall_ns=2 * S, cores=2, busy_ns=4 * S, own_ns=S, steal_ns=S, pressure_ns=S, thermal_throttles=1,
        foreign_gpu_processes=2, gpu_throttle=("hw_slowdown",), gpu_busy_share=0.5,
    )  # fmt: skip
    assert (found.foreign_cores, found.steal_share, found.pressure_share, found.throttled_cores) == (1.5, 0.2, 0.5, None)
    assert Window.from_dict(json.loads(json.dumps(asdict(found)))) == found


def test_the_own_time_of_several_probes_is_summed_at_the_first_ones_moments():
    host = [sample(at, busy_ns=at * 2 * S, own_ns=at * S // 2, throttled_ns=0) for at in range(6)]
    other = [sample(0.5 + at, own_ns=S * at * at, throttled_ns=at) for at in range(5)]  # reaches from 0.5 to 4.5
    found = windows([host, other])
    assert [part.start_ns for part in found] == [S, 2 * S, 3 * S]
    assert [part.own_ns for part in found] == [S // 2 + grown * S for grown in (2, 4, 6)]
    assert all(part.throttled_ns == 1 for part in found)


def test_aligned_samples_are_not_interpolated():
    host = [sample(at, busy_ns=at * S) for at in range(4)]
    other = [sample(at, own_ns=own) for at, own in enumerate((0, 0, S, S))]
    assert [part.own_ns for part in windows([host, other])] == [0, S, 0]


def test_windows_of_an_interval_and_none_that_is_too_short():
    samples = [sample(at) for at in (0, 1, 1.2, 2, 3, 3.1)]
    assert [(part.start_ns, part.wall_ns) for part in windows([samples])] == [(0, S), (S, S), (2 * S, 1.1 * S)]
    assert [part.start_ns for part in windows([samples], start_ns=S, end_ns=3 * S)] == [S, 2 * S]
    assert windows([samples], start_ns=50 * S) == []
    assert windows([samples[:1]]) == []


@pytest.mark.parametrize("series", [[], [[]], [[sample(0), sample(1)], []], [[sample(0), sample(1, host="other")]]])
def test_windows_need_one_host_and_samples_of_every_probe(series):
    with pytest.raises(ValueError, match="one host"):
        windows(series)


def gpus(processes, own):
    return {"a": GpuSample(processes=processes, own_processes=own), "b": GpuSample(processes=0, own_processes=0)}


@pytest.mark.parametrize(
    ("ours", "theirs", "foreign"),
    [(gpus(2, 1), gpus(2, 1), 0), (gpus(3, 1), gpus(3, 1), 1), (gpus(1, 1), {}, 0), (gpus(2, 1), gpus(2, None), None)],
)
def test_every_probe_knows_its_own_processes_on_a_shared_device(ours, theirs, foreign):
    series = [[sample(0), sample(1, gpus=ours)], [sample(0), sample(1, gpus=theirs)]]
    assert windows(series)[0].foreign_gpu_processes == foreign


def test_joined_windows_are_sums_and_worst_cases_and_unknown_where_one_is():
    parts = [window(0, foreign=0.5, pressure_ns=3), window(1, wall=3.0, foreign_gpu_processes=2, gpu_throttle=("x",), pressure_ns=4)]
    whole = join(parts)
    assert (whole.start_ns, whole.wall_ns, whole.pressure_ns, whole.foreign_cores) == (0, 4 * S, 7, 0.125)
    assert (whole.foreign_gpu_processes, whole.gpu_throttle, whole.gpu_busy_share) == (2, ("x",), None)
    assert join([parts[0], window(1, pressure_ns=None)]).pressure_ns is None
    with pytest.raises(ValueError, match="no window"):
        join([])


def test_steal_is_a_share_of_what_was_asked_for():
    assert window(0, own=1.9, steal_ns=S // 10).steal_share == pytest.approx(0.05)
    assert window(0, own=0.0, steal_ns=S // 100).steal_share == pytest.approx(0.01)  # not 100% of nearly nothing
