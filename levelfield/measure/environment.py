"""Where a run took place: the record that makes a figure comparable with another one. Standard library only: workers write it."""

import hashlib
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from levelfield.measure.counters import host_id

ROOT = Path(__file__).resolve().parents[2]
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # cgroup v2, as a container sees its own
SOURCES = ("levelfield", "services")  # what a worker runs
# Environment variables that change speed. TF_ alone would also record Terraform's, which may hold secrets.
LIBRARIES = (
    "OMP_",
    "KMP_",
    "GOMP_",
    "MKL_",
    "ONEDNN_",
    "DNNL_",
    "CUDA_",
    "NVIDIA_",
    "NCCL_",
    "MALLOC_",
    "GLIBC_TUNABLES",
    "OPENBLAS_",
    "LD_PRELOAD",
)
FRAMEWORKS = ("TORCH_", "PYTORCH_", "KERAS_", "XLA_")
TENSORFLOW = tuple(f"TF_{word}_" for word in ("CPP", "CUDNN", "DETERMINISTIC", "DISABLE", "ENABLE", "FORCE", "GPU", "NUM", "USE", "XLA"))
VARIABLES = LIBRARIES + FRAMEWORKS + TENSORFLOW


def describe_environment(packages: Iterable[str]) -> dict[str, Any]:
    """Host, processor, versions of ``packages``, sources and environment variables, as JSON can hold them.

    What is not known is left out.
    """
    record: dict[str, Any] = {
        "hostname": socket.gethostname(),
        "host": host_id(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "kernel": platform.release(),
        "cpu_model": cpu_model(),
        "cores": sorted(os.sched_getaffinity(0)),
        "usable_cores": usable_cores(),
        "niceness": os.nice(0),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "memory_available_bytes": _kib("/proc/meminfo", "MemAvailable"),
        "shared_memory_free_bytes": _free_bytes("/dev/shm"),
        "gpus": gpus() or None,
        "packages": package_versions(packages),
        "source_hash": source_hash(),
        "variables": {name: value for name, value in sorted(os.environ.items()) if name.startswith(VARIABLES)},
        **image(),
        **git_state(),
    }
    return {name: value for name, value in record.items() if value is not None}


def cpu_model() -> str | None:
    """What the processor calls itself; None where the kernel does not tell."""
    return _proc_field("/proc/cpuinfo", "model name")


def usable_cores() -> int:
    """The cores that this process may use at once: its affinity, or a container's smaller quota (cgroup v2, cpu.max), rounded up."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = CPU_QUOTA.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else min(cores, max(1, -(-int(quota) // int(period))))


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package; one that is not installed is left out."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def source_hash(root: Path = ROOT) -> str:
    """SHA-256 over the paths and contents of the Python files and service descriptions that a worker runs, without its environment."""
    digest = hashlib.sha256()
    for path in sorted(_source_files(root)):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _source_files(root: Path) -> Iterator[Path]:
    for top in SOURCES:
        for folder, subfolders, files in os.walk(root / top):
            # An environment holds tens of thousands of files: walking through one takes seconds.
            subfolders[:] = [name for name in subfolders if not name.startswith((".", "__pycache__"))]
            yield from (Path(folder, name) for name in files if name.endswith((".py", ".toml")))


def image() -> dict[str, str]:
    """Name and digest of the container's image, as far as whoever started it has said them.

    A container cannot see either: LEVELFIELD_IMAGE holds the reference, which may end with the digest, or LEVELFIELD_IMAGE_DIGEST has that.
    """
    reference, digest = os.environ.get("LEVELFIELD_IMAGE", ""), os.environ.get("LEVELFIELD_IMAGE_DIGEST")
    name, _, by_digest = reference.partition("@")
    return {key: value for key, value in {"image": name, "image_digest": digest or by_digest}.items() if value}


def git_state(root: Path = ROOT) -> dict[str, Any]:
    """The commit of the sources and whether the tree had no changes.

    Outside a git checkout, as in an image, what LEVELFIELD_GIT_COMMIT and LEVELFIELD_GIT_CLEAN ("true" or "false") say; empty without.
    """
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return {"git_commit": commit, "git_clean": not _git(root, "status", "--porcelain", "--untracked-files=no")}
    except (OSError, subprocess.SubprocessError):
        return _told_of_git()


def _told_of_git() -> dict[str, Any]:
    commit, clean = os.environ.get("LEVELFIELD_GIT_COMMIT"), os.environ.get("LEVELFIELD_GIT_CLEAN")
    if not commit:
        return {}
    return {"git_commit": commit, **({"git_clean": clean == "true"} if clean else {})}


def gpus() -> list[dict[str, str]]:
    """Name, UUID, driver version and memory of each NVIDIA GPU, as nvidia-smi tells them; empty where there is no driver."""
    fields = ("name", "uuid", "driver_version", "memory.total")
    try:
        command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"]
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [dict(zip(fields, map(str.strip, line.split(",")), strict=True)) for line in output.splitlines() if line]


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _proc_field(path: str, field: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), None)


def _free_bytes(folder: str) -> int | None:
    """None where the folder is missing or cannot be written."""
    return shutil.disk_usage(folder).free if os.access(folder, os.W_OK) else None


def _kib(path: str, field: str) -> int | None:
    value = _proc_field(path, field)
    return int(value.split()[0]) * 1024 if value else None


if __name__ == "__main__":  # `levelfield doctor` asks each environment this way
    print(json.dumps(describe_environment(sys.argv[1:])))  # noqa: T201
