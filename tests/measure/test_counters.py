"""Counters of the host, from recorded texts."""

import pytest

from levelfield.measure import counters
from tests.measure.fakes import host_files, write

TICK = counters.NS_PER_TICK
MOUNTS = """23 1 0:22 / /proc rw - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate
"""


def test_busy_time_is_neither_idle_nor_waiting_nor_stolen(tmp_path):
    host_files(tmp_path)
    assert counters.cpu_time(tmp_path) == ((16967 + 290192 + 40577 + 7 + 150) * TICK, 451 * TICK)
    assert counters.host_cores(tmp_path) == 2
    assert counters.host_id(tmp_path) == "7e57"
    with pytest.raises(FileNotFoundError):
        counters.cpu_time(tmp_path / "nowhere")


def test_pressure_is_nanoseconds_and_missing_where_the_kernel_has_none(tmp_path):
    host_files(tmp_path)
    assert counters.cpu_pressure(tmp_path) == 206790474_000
    (tmp_path / "pressure/cpu").write_text("")
    assert counters.cpu_pressure(tmp_path) is None
    (tmp_path / "pressure/cpu").unlink()
    assert counters.cpu_pressure(tmp_path) is None


def cgroup(tmp_path, own, mounts):
    write(tmp_path / "self/cgroup", own)
    write(tmp_path / "self/mountinfo", mounts.replace("/sys/fs/cgroup", str(tmp_path / "cgroup")))
    files = counters.cgroup_files(tmp_path)
    return [str(file.parent.relative_to(tmp_path / "cgroup")) for file in files], files


def test_a_quota_on_any_cgroup_above_counts(tmp_path):
    folders, files = cgroup(tmp_path, "1:cpu:/old\n0::/kubepods/pod/box\n", MOUNTS)
    assert folders == ["kubepods/pod/box", "kubepods/pod", "kubepods", "."]
    assert counters.throttled(files) is None
    write(files[3], "usage_usec 5\nuser_usec 5\n")  # the root has no quota
    assert counters.throttled(files) is None
    write(files[0], "usage_usec 5\nnr_periods 9\nnr_throttled 1\nthrottled_usec 30\n")
    write(files[1], "throttled_usec 4\n")
    assert counters.throttled(files) == 34_000


def test_cgroups_as_containers_see_them(tmp_path):
    assert cgroup(tmp_path, "0::/\n", MOUNTS)[0] == ["."]
    assert cgroup(tmp_path, "0::/../other\n", MOUNTS)[0] == ["."]
    assert cgroup(tmp_path, "0::/docker/1/in\n", MOUNTS.replace("0:28 / ", "0:28 /docker/1 "))[0] == ["in", "."]
    assert cgroup(tmp_path, "4:cpu:/x\n", MOUNTS)[0] == []  # version 1 alone
    assert cgroup(tmp_path, "0::/\n", "")[0] == []
    assert counters.cgroup_files(tmp_path / "nowhere") == []


def test_heat_is_summed_over_processors_and_missing_in_virtual_machines(tmp_path):
    assert counters.thermal_throttles(counters.thermal_files(tmp_path)) is None
    for cpu, count in (("cpu0", 2), ("cpu11", 5)):
        write(tmp_path / cpu / "thermal_throttle/core_throttle_count", f"{count}\n")
    write(tmp_path / "cpufreq/thermal_throttle/core_throttle_count", "100\n")
    assert counters.thermal_throttles(counters.thermal_files(tmp_path)) == 7


def zone(tmp_path, folder, name, energy_uj):
    for file, text in (("name", name), ("max_energy_range_uj", 1000), ("energy_uj", energy_uj)):
        write(tmp_path / folder / file, f"{text}\n")


def test_rapl_counts_packages_once_and_across_the_end_of_the_counter(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 900)
    zone(tmp_path, "intel-rapl:0:0", "core", 100)
    zone(tmp_path, "intel-rapl:1", "psys", 5000)
    rapl = counters.Rapl(tmp_path)
    assert rapl.energy_uj() == {"package-0": 0}
    for value, expected in ((950, 50), (30, 130), (20, 1120)):
        zone(tmp_path, "intel-rapl:0", "package-0", value)
        assert rapl.energy_uj() == {"package-0": expected}
    (tmp_path / "intel-rapl:0/energy_uj").unlink()  # as for a user who may not read it
    assert rapl.energy_uj() is None
    assert counters.Rapl(tmp_path / "nowhere").energy_uj() is None
