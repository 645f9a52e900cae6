"""Small networks with the layers of the real ones, made-up data for them, and certificates of NumPy workers, made in this process."""

import functools
from dataclasses import replace

import numpy as np

from levelfield.data import Dataset, from_arrays
from levelfield.parity.certificate import Certificate, CertifiedSide
from levelfield.parity.comparison import compare
from levelfield.parity.experiment import Experiment
from levelfield.parity.judge import certify
from levelfield.parity.recording import DRAWS, MakeWorker, Record, Recorder
from levelfield.spec import RunSpec
from levelfield.workloads.base import Adam, Workload
from levelfield.workloads.layers import LSTM, Conv2D, Dense, Dropout, Embedding, Flatten, MaxPool2D
from tests.fake_worker import NumpyWorker

STEPS = 6  # two epochs of two whole batches and half of one
VOCABULARY = 50
COMMON = {"dataset": "made up", "optimizer": Adam(), "batch_size": 8, "epochs": 1, "block_steps": 1, "target_accuracy": 0.5}
# Windows of 3 drop the remainder: with "same" padding the 8 columns of conv1 give 2 as well, so that all later shapes are right.
IMAGES = Workload(
    name="images",
    title="A small CNN",
    input_shape=(8, 8, 2),
    input_scale=255.0,
    classes=3,
    layers=(
        Conv2D(name="conv1", filters=4, kernel=3, activation="relu"),
        MaxPool2D(name="pool1", size=3),
        Flatten(name="flatten"),
        Dense(name="dense1", units=8, activation="relu"),
        Dropout(name="dropout1", rate=0.5),
        Dense(name="logits", units=3),
    ),
    **COMMON,
)
WIDE = replace(  # so many elements that a share of them is no luck
    IMAGES,
    name="wide images",
    layers=tuple(replace(layer, units=256) if layer.name == "dense1" else layer for layer in IMAGES.layers),
)
TEXTS = Workload(
    name="texts",
    title="A small LSTM",
    input_shape=(12,),
    classes=2,
    layers=(
        Embedding(name="embedding", vocabulary=VOCABULARY, units=8),
        Dropout(name="dropout1", rate=0.2, per_sequence=True),
        LSTM(name="lstm", units=8),
        Dense(name="logit", units=1),
    ),
    loss="binary_cross_entropy",
    **COMMON,
)


@functools.cache
def dataset(workload: Workload) -> Dataset:
    rng = np.random.Generator(np.random.PCG64(7))
    high, dtype = (VOCABULARY, np.int32) if workload.takes_tokens else (256, np.uint8)
    arrays = {}
    for part, examples in (("train", 40), ("test", 70)):
        arrays[f"x_{part}"] = rng.integers(0, high, (examples, *workload.input_shape)).astype(dtype)
        arrays[f"y_{part}"] = rng.integers(0, workload.classes, examples)
    return from_arrays("made up", arrays)


def experiment(workload: Workload, precision: str, *, seed: int = 0, steps: int = STEPS, **spec) -> Experiment:
    values = {"workload": workload.name, "framework": "numpy", "mode": "plain", "seed": seed, "precision": precision}
    return Experiment(RunSpec(**values | spec), workload, steps=steps)


def record(make: MakeWorker, of: Experiment, *, draws: int | None = None) -> list[Record]:
    """As a service's process records: in fp64 without draws."""
    draws = (DRAWS if of.spec.precision == "fp32" else 0) if draws is None else draws
    return list(Recorder(make, of, dataset(of.workload), threads=1, draws=draws, draw_mode=of.spec.mode).records())


@functools.cache
def honest(of: Experiment) -> list[Record]:
    return record(NumpyWorker, of)


def certificate(make: MakeWorker, of: Experiment) -> Certificate:
    """``make``'s workers against the honest ones."""
    sides = side("honest"), side(getattr(make, "__name__", "other"))
    return certify(of, compare(honest(of), record(make, of)), sides, fingerprint=dataset(of.workload).fingerprint, source="embedded")


def side(framework: str) -> CertifiedSide:
    return CertifiedSide(framework=framework, mode="plain", device="cpu", versions={"numpy": np.__version__}, code=framework)
