"""One workload in every track, mode and precision of one framework: how fast, how much memory, how well it learns.

    services/torch_worker/.venv/bin/python bench/modes.py torch cifar10_cnn --device cuda [--repetitions 3] [--epochs 3] [--out FILE.json]

Every run is a fresh process without Ray, the variants of a repetition in random order. Needs the standard library, NumPy and the framework.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from levelfield import workloads  # noqa: E402 - a machine without an installation has only the checkout
from levelfield.services import Service, discover  # noqa: E402
from levelfield.spec import RunSpec  # noqa: E402
from levelfield.tracks import TRACKS  # noqa: E402

TIMEOUT_S = 600
Variant: TypeAlias = tuple[str, str, str]  # track, mode, precision
Measured: TypeAlias = dict[str, Any]


def main() -> int:
    """Print a table; exit status 1 where a variant failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=sorted(discover()))
    parser.add_argument("workload", choices=workloads.names())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="the workload's own by default")
    parser.add_argument("--batch-size", type=int, help="the workload's own by default")
    parser.add_argument("--tracks", nargs="+", default=list(TRACKS))
    parser.add_argument("--precisions", nargs="+", help="all by default")
    parser.add_argument("--modes", nargs="+", help="all by default")
    parser.add_argument("--out", type=Path, help="every run's figures, as JSON")
    options = parser.parse_args()
    found = measure(discover()[options.framework], options)
    show(found)
    if options.out:
        options.out.write_text(json.dumps([{"variant": list(key), "runs": runs} for key, runs in found.items()], indent=1) + "\n")
    return int(any("failure" in run for runs in found.values() for run in runs))


def variants(service: Service, options: argparse.Namespace) -> list[Variant]:
    """Article is float32, as the framework comes."""
    tracks = [track for track in service.tracks if track in options.tracks]
    modes = [mode for mode in service.modes if mode in (options.modes or service.modes)]
    precisions = [precision for precision in service.precisions if precision in (options.precisions or service.precisions)]
    all_of_them = ((track, mode, precision) for track in tracks for mode in modes for precision in precisions)
    return [variant for variant in all_of_them if variant[0] != "article" or variant[2] == "fp32"]


def measure(service: Service, options: argparse.Namespace) -> dict[Variant, list[Measured]]:
    """Every variant's runs, one a repetition, on the repetition's seed."""
    found: dict[Variant, list[Measured]] = {variant: [] for variant in variants(service, options)}
    for repetition in range(options.repetitions):
        for track, mode, precision in random.sample(list(found), len(found)):
            spec = RunSpec(
                workload=options.workload,
                framework=service.name,
                track=track,
                mode=mode,
                precision=precision,
                device=options.device,
                seed=repetition,
                epochs=options.epochs,
                batch_size=options.batch_size,
            )
            run = one(service, spec)
            found[track, mode, precision].append(run)
            print(json.dumps({"variant": [track, mode, precision], **run}), file=sys.stderr, flush=True)
    return found


def one(service: Service, spec: RunSpec) -> Measured:
    """A run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("spec.json", "result.json")]
        files[0].write_text(json.dumps(spec.to_dict()))
        words = ["-m", "levelfield.standalone", service.name, str(files[0]), "--out", str(files[1])]
        command = [sys.executable, *words]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:  # the other variants' figures are not lost for it
            return {"failure": str(error)}
        if not files[1].exists():
            return {"failure": done.stderr[-1000:]}
        return figures(json.loads(files[1].read_text()))


def figures(result: dict[str, Any]) -> Measured:
    """What is shown of a result: examples per second by the median steady block, and the rest as it was stored."""
    if result["failure"]:
        return {"failure": result["failure"]["reason"]}
    steady = [block for block in result["blocks"] if block["steady"]] or result["blocks"]
    told = [block["device_ns"] / block["duration_ns"] for block in steady if block["device_ns"]]
    return {
        "samples_per_s": statistics.median(block["samples"] / block["duration_ns"] * 1e9 for block in steady),
        "device_share": statistics.median(told) if told else None,
        "warmup_s": result["phases_ns"]["warmup"] / 1e9,
        "wall_s": result["wall_ns"] / 1e9,
        "test_accuracy": result["epochs"][-1]["test_correct"] / result["epochs"][-1]["test_examples"],
        "memory_bytes": result["memory_bytes"],
        "description": result["description"],
    }


def show(found: dict[Variant, list[Measured]]) -> None:
    """A Markdown table: medians over the repetitions with their extremes; speed against the first variant's, repetition by repetition."""
    print("| track | mode | precision | examples/s | against the first | warm-up s | accuracy | framework's peak MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    first = next((runs for runs in found.values() if not any("failure" in run for run in runs)), [])
    for variant, runs in found.items():
        print("|", " | ".join([*variant, *_cells(runs, first)]), "|")


def _cells(runs: Sequence[Measured], first: Sequence[Measured]) -> list[str]:
    failed = [run["failure"].strip().splitlines()[-1] for run in runs if "failure" in run]
    if failed:
        return [f"failed: {failed[0]}", *[""] * 4]
    speeds = [run["samples_per_s"] for run in runs]
    ratios = [speed / other["samples_per_s"] for speed, other in zip(speeds, first, strict=True)]
    peaks = [run["memory_bytes"]["framework_peak"] / 1e6 for run in runs if "framework_peak" in run["memory_bytes"]]
    return [
        _spread(speeds, ",.0f"),
        _spread(ratios, ".2f"),
        _spread([run["warmup_s"] for run in runs], ".1f"),
        _spread([100 * run["test_accuracy"] for run in runs], ".1f") + "%",
        _spread(peaks, ",.0f") if peaks else "not known",
    ]


def _spread(values: Sequence[float], form: str) -> str:
    middle = format(statistics.median(values), form)
    return middle if len(values) == 1 else f"{middle} [{format(min(values), form)}, {format(max(values), form)}]"


if __name__ == "__main__":
    sys.exit(main())
