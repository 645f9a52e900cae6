"""What is chosen before TensorFlow initialises anything, and what it says of it afterwards: the same for every track."""

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from levelfield.measure.allocator import freed_memory, keep_freed_memory
from levelfield.measure.threads import observe
from levelfield.spec import RunSpec

# Parameters and, in mixed precision (bf16), what layers compute in.
FLOATX = {"fp32": "float32", "fp64": "float64", "bf16": "float32"}
POLICIES = FLOATX | {"bf16": "mixed_bfloat16"}
DEVICES = {"cpu": "/CPU:0", "cuda": "/GPU:0"}


def choose_device(spec: RunSpec, *, threads: int) -> str:
    """Set threads, random state and numerical switches; returns TensorFlow's name of the device. Raises RuntimeError without it."""
    # Eigen's pool; the thread that runs the graph computes with it, in turns. Not obeyed by tf.data (in Keras' `fit`): it takes what the
    # process may run on, and so do XLA's compilers.
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)  # one operation of a graph at a time
    gpus = tf.config.list_physical_devices("GPU")
    if spec.device == "cuda" and not gpus:
        raise RuntimeError("device is cuda, but TensorFlow finds no usable NVIDIA GPU on this node")
    if spec.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # otherwise TensorFlow takes the whole card at once
    if spec.track == "tuned":
        keep_freed_memory()
    if spec.track != "article":  # whose frameworks are taken as they come
        # TF32 keeps 10 of float32's 23 mantissa bits: not what "fp32" promises.
        tf.config.experimental.enable_tensor_float_32_execution(False)
    if spec.track == "matched":  # cuDNN's trial runs may choose another algorithm each time; read when the first convolution is made
        os.environ["TF_CUDNN_USE_AUTOTUNE"] = "0"
    keras.utils.set_random_seed(spec.seed)
    keras.config.set_floatx(FLOATX[spec.precision])
    # Keras keeps the policy of the first layer ever made in a process, whatever floatx becomes later.
    keras.config.set_dtype_policy(POLICIES[spec.precision])
    return DEVICES[spec.device]


def on_device(array: NDArray[Any], device: str) -> tf.Tensor:
    """An array as it is stored; on a CPU a mapped one stays where it is mapped, so that ten workers hold one copy."""
    if device == DEVICES["cuda"]:
        # TensorFlow keeps int32 in the host's memory, and gathers from bytes there, even when it computes on a GPU.
        return tf.constant(array, {np.dtype(np.int32): tf.int64, np.dtype(np.uint8): tf.float32}.get(array.dtype))
    if isinstance(array, np.memmap) and array.flags.c_contiguous:
        # DLPack wants memory that may be written to. Mapped copy-on-write it may be, and no write would reach the file.
        writable = np.load(array.filename, mmap_mode="c", allow_pickle=False)
        if (writable.shape, writable.dtype) == (array.shape, array.dtype):  # not only a part of the file
            return tf.experimental.dlpack.from_dlpack(np.asarray(writable).__dlpack__())
    return tf.constant(array)


def peak_memory(device: str) -> dict[str, int]:
    """What TensorFlow's allocator held at most; it does not count what it hands out on a CPU."""
    if device == DEVICES["cuda"]:
        return {"framework_peak": int(tf.config.experimental.get_memory_info("GPU:0")["peak"])}
    return {}


def describe_device(device: str) -> dict[str, Any]:
    """Versions, threads and numerical switches as they stand now."""
    gpus = tf.config.list_physical_devices("GPU") if device == DEVICES["cuda"] else []
    return {
        "framework": "TensorFlow",
        "version": str(tf.__version__),
        "keras_version": str(keras.__version__),
        "device": str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")) if gpus else "cpu",
        "threads": int(tf.config.threading.get_intra_op_parallelism_threads()),
        "interop_threads": int(tf.config.threading.get_inter_op_parallelism_threads()),
        "cores": list(observe(os.getpid()).cores),
        "freed_memory": freed_memory(),
        "tf32": bool(tf.config.experimental.tensor_float_32_execution_enabled()),
        # TensorFlow tries cuDNN's algorithms out unless this variable forbids it.
        "cudnn_autotune": bool(gpus) and os.environ.get("TF_CUDNN_USE_AUTOTUNE", "1") != "0",
    }
