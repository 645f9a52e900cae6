"""What NVML tells, through a stand-in for pynvml."""

import sys
from pathlib import Path

import pytest

from levelfield.measure import gpu
from levelfield.measure.gpu import Gpus, GpuSample, device_peak_bytes, device_used_bytes, load_nvml
from tests.measure.fakes import Nvml, NVMLError


def test_without_nvml_there_is_nothing_and_no_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if it were not installed
    assert load_nvml() is None
    assert Gpus(None).sample() == {}
    assert device_used_bytes("GPU-a") is None
    with pytest.raises(LookupError, match="GPU-a"):
        Gpus(None, ["GPU-a"])


def test_a_machine_without_a_driver_has_no_nvml(monkeypatch):
    class Broken:
        @staticmethod
        def nvmlInit():  # noqa: N802 - NVML's name
            raise NVMLError("Driver Not Loaded")

    monkeypatch.setitem(sys.modules, "pynvml", Broken)
    assert load_nvml() is None


def test_every_figure_of_a_device_and_none_of_one_that_offers_none(monkeypatch):
    monkeypatch.setattr(gpu, "in_first_namespace", lambda _: True)
    nvml = Nvml(pids=(7, 8, 9), reasons=0x1 | 0x2 | 0x4 | 0x40, energy_mj=5000, used=123, busy=25)
    first, second = Gpus(nvml).sample(frozenset({8, 9, 10})).values()
    throttle = ("sw_power_cap", "hw_thermal_slowdown")
    assert first == GpuSample(processes=3, own_processes=2, throttle=throttle, energy_mj=5000, used_bytes=123, busy_share=0.25)
    assert second == GpuSample()
    assert GpuSample.from_dict(vars(first) | {"throttle": list(throttle)}) == first


def test_only_the_devices_in_use_are_read():
    assert Gpus(Nvml(), ["GPU-b"]).uuids == ("GPU-b",)
    assert Gpus(Nvml()).uuids == ("GPU-a", "GPU-b")
    with pytest.raises(LookupError, match="GPU-c"):
        Gpus(Nvml(), ["GPU-c"])


def test_older_drivers_and_packages():
    old = Nvml(reasons=0x8, used=123, lacks=("nvmlDeviceGetCurrentClocksEventReasons",))
    assert Gpus(old).sample()["GPU-a"].throttle == ("hw_slowdown",)
    old.nvmlMemory_v2 = None
    assert device_used_bytes("GPU-a", old) == 523
    assert device_used_bytes("GPU-b", old) is None
    assert device_used_bytes("GPU-c", old) is None


def test_in_a_container_own_processes_are_found_by_their_open_devices(tmp_path, monkeypatch):
    """NVML's ids are the host's. Who only asks NVML holds no unified memory device."""
    held = {1: ("/dev/nvidia0", "/dev/nvidia-uvm", "/dev/null"), 2: ("/dev/nvidia0",), 3: ("/dev/nvidia1", "/dev/nvidia-uvm")}
    for pid, links in held.items():
        (tmp_path / f"{pid}/fd").mkdir(parents=True)
        for number, target in enumerate(links):
            (tmp_path / f"{pid}/fd/{number}").symlink_to(target)
    monkeypatch.setattr(gpu, "in_first_namespace", lambda _: False)
    sample = Gpus(Nvml(pids=(70001, 70002)), proc=tmp_path).sample(frozenset({1, 2, 3, 4}))["GPU-a"]
    assert (sample.processes, sample.own_processes) == (2, 1)


def test_open_files_are_looked_through_only_when_something_changed(monkeypatch):
    looks = []
    monkeypatch.setattr(gpu, "in_first_namespace", lambda _: False)
    monkeypatch.setattr(gpu, "cuda_processes", lambda pids, device, **_: looks.append(device) or len(pids))
    nvml = Nvml(pids=(7,))
    gpus = Gpus(nvml)
    for own, expected in (({1}, 1), ({1}, 1), ({1, 2}, 2), ({1, 2}, 2)):
        assert gpus.sample(frozenset(own))["GPU-a"].own_processes == expected
    nvml.pids = (7, 8)
    gpus.sample(frozenset({1, 2}))
    assert looks == ["/dev/nvidia0"] * 3


def test_what_may_not_be_seen_is_not_counted_as_nothing(tmp_path, monkeypatch):
    def forbidden(_):
        raise PermissionError

    monkeypatch.setattr(gpu, "_open_files", forbidden)
    assert gpu.cuda_processes([1], "/dev/nvidia0", proc=tmp_path) is None


def test_the_first_namespace_is_told_by_its_number(tmp_path):
    assert gpu.in_first_namespace(tmp_path) is False
    assert gpu.in_first_namespace() == (Path("/proc/self/ns/pid").stat().st_ino == 4026531836)


def test_the_peak_is_the_largest_that_was_seen():
    samples = [{"a": GpuSample(used_bytes=used), "b": GpuSample()} for used in (5, 9, None, 7)]
    assert device_peak_bytes(samples) == {"a": 9}
