"""Energy from counters."""

import pytest

from levelfield.measure.energy import DeviceEnergy, energy
from levelfield.measure.gpu import GpuSample
from tests.measure.fakes import S, sample


def at(seconds, gpu_mj=None, package_uj=None, **more):
    rapl = None if package_uj is None else {"package-0": package_uj}
    return sample(seconds, gpus={"GPU-a": GpuSample(energy_mj=gpu_mj)}, rapl_uj=rapl, **more)


def test_joules_by_device_with_the_idle_power_beside_them():
    found = energy(at(10, 1_000_000, 5_000_000), at(20, 4_000_000, 505_000_000), idle=(at(5, 100_000, 0), at(7, 200_000, 40_000_000)))
    assert found == {
        "GPU-a": DeviceEnergy(joules=3000, wall_ns=10 * S, idle_watts=50),
        "package-0": DeviceEnergy(joules=500, wall_ns=10 * S, idle_watts=20),
    }
    assert (found["GPU-a"].watts, found["GPU-a"].above_idle_joules) == (300, 2500)
    assert found["GPU-a"].to_dict() == {"joules": 3000, "wall_ns": 10 * S, "idle_watts": 50}


def test_missing_is_missing():
    assert energy(at(0), at(10)) == {}
    found = energy(at(0, package_uj=0), at(10, package_uj=10), idle=(at(0), at(2)))
    assert found["package-0"].idle_watts is None
    assert found["package-0"].above_idle_joules is None
    assert energy(at(0, 0), at(10, 0))["GPU-a"].joules == 0  # measured


def test_short_windows_tell_nothing():
    assert energy(at(0, 0), at(4.9, 1000)) == {}
    assert energy(at(0, 0), at(10, 1000), idle=(at(0, 0), at(0.5, 10)))["GPU-a"].idle_watts is None


def test_a_counter_that_began_anew_is_left_out():
    assert energy(at(0, 1000, 0), at(10, 5, 10)).keys() == {"package-0"}


def test_one_host_only():
    with pytest.raises(ValueError, match="one host"):
        energy(at(0), at(10, host="other"))
