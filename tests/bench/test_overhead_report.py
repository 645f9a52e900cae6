"""The verdict on made-up records."""

import json
import math
from statistics import mean, stdev

import numpy as np
import pytest
from scipy.stats import t

from bench.overhead import JUDGED, findings, main


def record(framework, ratio, *, blocks=1.0, **spec):
    """A process whose platform is ``ratio`` times as fast as the bare loop, in three rounds of differing speed."""
    fields = {"workload": "cifar10_cnn", "track": "matched", "precision": "fp32", "framework": framework} | spec
    turns = []
    for number, speed in enumerate((1.0, 2.0, 0.5)):
        for side, factor, in_blocks in (("platform", ratio, blocks), ("bare", 1.0, 1.0)):
            burst = {"samples": 100, "whole_ns": 1e6 / (speed * factor), "duration_ns": 1e6 / (speed * in_blocks)}
            turns.append({"round": number, "side": side, "burst": burst})
    device = {"device": "cpu", "threads": 2}
    return {"spec": fields, "turns": turns, "description": device, "environment": {}, "choices": {"prepared": False}, "ray": True}


def ratios(centre, processes=8, spread=0.002):
    return centre * np.exp(spread * np.linspace(-1, 1, processes))


def status(tmp_path, records):
    file = tmp_path / "raw.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in records) + "# process 0: platform / bare 0.5\n")
    return main(["report", str(file)])


def test_the_bound_is_the_one_sided_95_percent_bound_over_processes():
    found = ratios(0.995, spread=0.01)
    (one,) = findings(record("torch", ratio) for ratio in found)
    logs = [math.log(ratio) for ratio in found]
    expected = mean(logs) - t.ppf(0.95, 7) * stdev(logs) / math.sqrt(8)
    assert one.bound == pytest.approx(math.exp(expected))
    assert one.effects[JUDGED].estimate == pytest.approx(0.995)


def test_it_holds_where_every_bound_does(tmp_path):
    assert status(tmp_path, [record(name, ratio) for name in ("torch", "tensorflow") for ratio in ratios(0.995)]) == 0


@pytest.mark.parametrize(
    "records",
    [
        [record("torch", ratio) for ratio in ratios(1.0)] + [record("tensorflow", ratio) for ratio in ratios(0.98)],
        [record("torch", ratio) for ratio in ratios(0.995, spread=0.05)],
        [record("torch", ratio) for ratio in ratios(1.0, processes=7)],
        [record("torch", 1.0)],
        [record("torch", ratio, blocks=1.0) for ratio in ratios(0.95)],
        [],
    ],
    ids=["one framework is slower", "too uncertain", "too few processes", "one process", "time lost between blocks", "nothing measured"],
)
def test_it_does_not_hold_otherwise(tmp_path, records):
    assert status(tmp_path, records) == 1


def test_tracks_are_judged_apart(tmp_path, capsys):
    records = [record("torch", ratio, track=track) for track, centre in (("matched", 1.0), ("tuned", 0.9)) for ratio in ratios(centre)]
    assert len(findings(records)) == 2
    assert status(tmp_path, records) == 1
    table = capsys.readouterr().out
    assert next(line for line in table.splitlines() if "matched" in line).rstrip(" │").endswith("yes")
    assert next(line for line in table.splitlines() if "tuned" in line).rstrip(" │").endswith("no")


def test_a_process_that_the_machine_disturbed_is_left_out(tmp_path, capsys):
    quiet = [record("torch", ratio) | {"noise": {"valid": True, "reasons": []}} for ratio in ratios(1.0)]
    disturbed = record("torch", 0.5) | {"noise": {"valid": False, "reasons": ["somebody else computed"]}}
    assert status(tmp_path, [*quiet, disturbed]) == 0
    assert "1 of 9 processes are left out" in capsys.readouterr().out
    assert status(tmp_path, [*quiet[1:], disturbed]) == 1, "it does not count as a process either"
