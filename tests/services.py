"""Services for tests: a ``service.toml`` on NumPy workers, which ``LEVELFIELD_SERVICES`` adds to the real ones."""

import json
import sys
from pathlib import Path

from levelfield import workloads
from levelfield.tracks import TRACKS

WORKERS = {"article": "tests.fake_epoch_worker:NumpyEpochWorker"}
EVERYTHING = {"tracks": list(TRACKS), "workloads": workloads.names(), "workers": WORKERS}  # write_service(folder, name, **EVERYTHING)


def write_service(folder: Path, name: str, *, worker="tests.fake_worker:NumpyWorker", python=sys.executable, **overrides) -> Path:
    """Write ``<name>_worker/service.toml`` below ``folder`` and give its path. An override of None leaves the field out."""
    fields = {
        "name": name,
        "title": f"NumPy as {name}",
        "packages": ["numpy"],
        "worker": worker,
        "python": str(python),
        "workloads": ["digits_cnn"],
        "tracks": ["matched"],
        "precisions": ["fp32", "fp64"],
        "devices": ["cpu"],
        "default_mode": "plain",
        "modes": {"plain": "every operation is run as Python reaches it"},
    } | overrides
    file = folder / f"{name}_worker" / "service.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in fields.items() if value is not None))
    return file


def _toml(value) -> str:
    """A TOML value; JSON writes strings, numbers and lists as TOML reads them, but not tables."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
