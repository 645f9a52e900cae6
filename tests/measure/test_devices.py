"""What a measurement took of its devices."""

from levelfield.measure.devices import taken
from levelfield.measure.gpu import GpuSample
from tests.measure.fakes import S, sample


def gpus(at_s, *, energy_mj=None, used=None, other=None):
    return sample(at_s, gpus={"GPU-a": GpuSample(energy_mj=energy_mj, used_bytes=used), "GPU-b": GpuSample(used_bytes=other)})


def test_energy_over_the_whole_time_and_the_most_memory_of_any_look():
    samples = [gpus(10, energy_mj=0, used=5), gpus(12, energy_mj=7, used=50, other=1), gpus(20, energy_mj=3_000_000, used=9)]
    assert taken(samples, (gpus(7, energy_mj=0), gpus(9, energy_mj=100_000))) == {
        "energy": {"GPU-a": {"joules": 3000, "wall_ns": 10 * S, "idle_watts": 50}},
        "device_peak_bytes": {"GPU-a": 50, "GPU-b": 1},
    }


def test_what_nothing_tells_is_left_out():
    assert taken([sample(0), sample(10)]) == {}
    assert taken([gpus(0, energy_mj=0), gpus(2, energy_mj=5)]) == {}, "too short for energy"
