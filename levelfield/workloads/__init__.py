"""The workloads: one file each, with the network and its hyper-parameters as data."""

import importlib
import pkgutil

from levelfield.workloads.base import Workload


def names() -> list[str]:
    """The names of all workloads: the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in {"base", "layers"})


def find(name: str) -> Workload | None:
    """The workload of that name; None where there is none, as for what an earlier or later version has stored."""
    return get(name) if name in names() else None


def get(name: str) -> Workload:
    """The workload of that name. Raises KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    workload: Workload = importlib.import_module(f"{__name__}.{name}").WORKLOAD
    return workload
