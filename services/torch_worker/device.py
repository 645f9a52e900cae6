"""What is chosen before PyTorch initialises anything, and what it says of it afterwards: the same for every track."""

import os
from typing import Any

import torch
from torch._dynamo import config as dynamo_config

from levelfield.measure.allocator import freed_memory, keep_freed_memory
from levelfield.measure.threads import observe
from levelfield.spec import RunSpec

RECOMPILE_LIMIT = 64  # a run needs four; a process may hold several workers


def choose_device(spec: RunSpec, *, threads: int) -> torch.device:
    """Set threads, random state and numerical switches. Raises RuntimeError where the device is not there."""
    device = torch.device(spec.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("device is cuda, but PyTorch finds no usable NVIDIA GPU on this node")
    torch.set_num_threads(threads)  # OpenMP's and MKL's; the thread that trains is one of them
    # One operation at a time. Outside TorchScript's fork nothing uses this pool, but TensorFlow's graphs run in theirs.
    if torch.get_num_interop_threads() != 1:  # can be set only once in a process
        torch.set_num_interop_threads(1)
    torch.manual_seed(spec.seed)
    # When one function has been compiled too often, PyTorch would go on without compiling and without a word.
    dynamo_config.fail_on_recompile_limit_hit = True
    dynamo_config.recompile_limit = RECOMPILE_LIMIT
    if spec.track == "tuned":
        keep_freed_memory()
    if spec.track != "article":  # whose frameworks are taken as they come
        # TF32 keeps 10 of float32's 23 mantissa bits: not what "fp32" promises.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        # cuDNN's trial runs may choose another algorithm each time: fast, and not for `matched`.
        torch.backends.cudnn.benchmark = spec.track == "tuned"
    if device.type == "cuda":
        torch.cuda.init()
    return device


def synchronize(device: torch.device) -> None:
    """Wait for all that the device was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def mark(device: torch.device) -> torch.cuda.Event | None:
    """Put an event in the device's queue, which it stamps with its own clock when it gets there; None on a CPU."""
    if device.type != "cuda":
        return None
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def elapsed_ns(first: torch.cuda.Event | None, last: torch.cuda.Event | None) -> int | None:
    """Nanoseconds between two events that the device has passed; it counts in steps of about half a microsecond."""
    return round(first.elapsed_time(last) * 1e6) if first and last else None


def peak_memory(device: torch.device) -> dict[str, int]:
    """What PyTorch's allocator held at most; it does not count what it hands out on a CPU."""
    if device.type == "cuda":
        return {"framework_peak": int(torch.cuda.max_memory_allocated(device))}
    return {}


def describe_device(device: torch.device) -> dict[str, Any]:
    """Versions, threads and numerical switches as they stand now."""
    return {
        "framework": "PyTorch",
        "version": str(torch.__version__),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "cores": list(observe(os.getpid()).cores),
        "freed_memory": freed_memory(),
        "tf32": bool(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
        "cudnn_autotune": bool(torch.backends.cudnn.benchmark),
    }
