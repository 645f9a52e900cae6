"""The PyTorch worker of the tracks ``matched`` and ``tuned``."""

import importlib
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo  # the first optimizer would import it: this is time to import, not to build
from numpy.typing import NDArray
from torch.nn import functional

from levelfield.data import Dataset
from levelfield.gang import ALONE, Gang
from levelfield.spec import RunSpec
from levelfield.worker import Drawn, Masks, Trace
from levelfield.workloads.base import Weights, Workload
from services.torch_worker.checkpoint import restore_state, save_state
from services.torch_worker.describe import describe_network
from services.torch_worker.device import choose_device, describe_device, elapsed_ns, mark, peak_memory, synchronize
from services.torch_worker.export import load_weights, read_gradients, read_outputs, read_weights, set_dropout
from services.torch_worker.gang import LossModule, average_buffers, join, sum_over_ranks, together
from services.torch_worker.optimizer import align, describe_aligned, make_optimizer
from services.torch_worker.tracing import run_layers

# In mixed precision (bf16) parameters and updates are float32; matrix products and convolutions are rounded by autocast.
DTYPES = {"fp32": torch.float32, "fp64": torch.float64, "bf16": torch.float32}


class TorchWorker:
    """Batches are gathered on the device from the arrays that `load` brought there; on a CPU they stay where they are mapped."""

    gang, exchanging = ALONE, True

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        self.device = choose_device(spec, threads=threads)
        self.mode, self.precision, self.dtype = spec.mode, spec.precision, DTYPES[spec.precision]
        self.tuned = spec.track == "tuned"

    def join(self, gang: Gang) -> None:
        self.gang = gang
        join(gang, self.device)

    def exchange(self, *, on: bool) -> None:
        self.exchanging = on

    def load(self, dataset: Dataset) -> None:
        self.x_train, self.y_train = self._shared(dataset.x_train), self._shared(dataset.y_train)
        self.x_test = self._shared(dataset.x_test)

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self.batch_size = spec.batch_size or workload.batch_size
        network = importlib.import_module(f"{__package__}.{workload.name}").network()
        # Channels-first storage is what `nn.Conv2d` gives by default.
        self.layout = torch.channels_last if self.tuned else torch.contiguous_format
        self.network = network.to(self.device, self.dtype, memory_format=self.layout)
        load_weights(self.network, workload, weights)
        set_dropout(self.network, workload)
        self.optimizer, self.step = make_optimizer(self.network, workload.optimizer, spec.learning_rate, fused=self.tuned), 0
        losses = LossModule(self.network, self._compiled(self._loss), self._compiled(self._traced_loss))
        self.loss = together(losses, self.gang, self.device)
        self._losses: list[torch.Tensor] = []

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        parts = list(self.gang.parts(order, self.batch_size))
        own = torch.from_numpy(np.concatenate([part.examples for part in parts])).to(self.device)
        self.batches = zip(own.split([len(part.examples) for part in parts]), [part.weight for part in parts], strict=True)

    def train_steps(self, n: int) -> None:
        self.network.train()
        self.first_event = mark(self.device)
        with nullcontext() if self.exchanging else self.loss.no_sync():
            for _ in range(n):
                try:
                    index, weight = next(self.batches)
                except StopIteration:
                    raise IndexError("train_steps() went past the end of the epoch") from None
                self.optimizer.zero_grad()
                self._losses.append(self._learn(self.loss(*self._batch(index)), weight))
        self.last_event = mark(self.device)

    def synchronize(self) -> None:
        synchronize(self.device)

    def losses(self) -> NDArray[np.float64]:
        values = sum_over_ranks(torch.stack(self._losses).double(), self.gang).cpu().numpy() if self._losses else np.empty(0)
        self._losses = []
        return values

    def device_ns(self) -> int | None:
        return elapsed_ns(self.first_event, self.last_event)

    def trace(self, index: NDArray[np.int64], masks: Masks | Drawn | None) -> Trace:
        self.network.train()
        given = isinstance(masks, Mapping)
        kept = {name: torch.from_numpy(self.gang.rows(mask)).to(self.device) for name, mask in masks.items()} if given else masks
        own, weight = self.gang.part(index)
        self.optimizer.zero_grad()
        mean, outputs = self.loss(*self._batch(torch.from_numpy(own).to(self.device)), kept, traced=True)
        loss = sum_over_ranks(self._learn(mean, weight), self.gang)
        gradients = read_gradients(self.network, self.workload)
        return Trace(loss=float(loss), outputs=read_outputs(self.workload, outputs), gradients=gradients, parameters=self.weights())

    def predict(self) -> NDArray[np.floating[Any]]:
        self._average_buffers()
        self.network.eval()
        with torch.inference_mode():
            own = self.x_test[self.gang.share(len(self.x_test))]
            return torch.cat([self._forward(self._inputs(batch)) for batch in own.split(self.workload.predict_batch)]).cpu().numpy()

    def save(self, folder: Path) -> None:
        save_state(folder, self.network, self.optimizer, self.step, self.device)

    def restore(self, folder: Path) -> None:
        self.step = restore_state(folder, self.network, self.optimizer, self.device)

    def weights(self) -> Weights:
        self._average_buffers()
        return read_weights(self.network, self.workload)

    def memory(self) -> dict[str, int]:
        return peak_memory(self.device)

    def describe(self) -> dict[str, Any]:
        scale = self.workload.input_scale
        held = "mapped from the cache" if self.device.type == "cpu" else "copied to the device"
        return {
            **describe_device(self.device),
            **describe_network(self.network),
            **describe_aligned(self.optimizer, self.workload.optimizer),
            "mode": self.mode,
            "precision": self.precision,
            "initialiser": "the workload's",
            "bias_initialiser": "the workload's",
            "loss": self.workload.loss,
            "batch_size": self.batch_size,
            "last_batch": "smaller, kept",
            "layout": self._layout(),
            "data_held": f"{held} as {str(self.x_train.dtype).removeprefix('torch.')}",
            "input_pipeline": "whole data set on the device, each batch gathered from it by index",
            "preprocessing": f"divided by {scale:g} in the step" if scale != 1 else "none",
            "steps_per_call": 1,
        }

    def _average_buffers(self) -> None:
        with torch.no_grad():
            average_buffers(self.network, self.gang)

    def _layout(self) -> str:
        if len(self.workload.input_shape) < 3:
            return "no images"
        return "channels last" if self.tuned else "channels first"

    def _compiled(self, function: Any) -> Any:
        return torch.compile(function, dynamic=None) if self.mode == "compile" else function

    def _batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.x_train.index_select(0, index), self.y_train.index_select(0, index)

    def _inputs(self, x: torch.Tensor) -> torch.Tensor:
        """Examples as they are stored, (batch, ...), to what the first layer takes."""
        if self.workload.takes_tokens:
            return x
        x = x.permute(0, 3, 1, 2).to(self.dtype, memory_format=self.layout) if x.ndim == 4 else x.to(self.dtype)
        return x / self.workload.input_scale if self.workload.input_scale != 1 else x

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            logits = self.network(x)
        return logits.float() if self.precision == "bf16" else logits

    def _autocast(self) -> AbstractContextManager[Any]:
        """For bf16 alone: a context that changes nothing still takes time in every step."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self._mean_loss(self._forward(self._inputs(x)), y)

    def _mean_loss(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if self.workload.loss == "binary_cross_entropy":
            return functional.binary_cross_entropy_with_logits(logits[:, 0], y.to(logits.dtype))
        return functional.cross_entropy(logits, y)

    def _traced_loss(
        self, x: torch.Tensor, y: torch.Tensor, masks: dict[str, torch.Tensor] | Drawn | None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """`_loss` layer by layer; dropout by the given masks, by its own, or off."""
        x, outputs = self._inputs(x), {}
        with self._autocast():
            x = run_layers(self.network, x, masks, outputs)
        return self._mean_loss(x.float() if self.precision == "bf16" else x, y), outputs

    def _learn(self, mean: torch.Tensor, weight: float) -> torch.Tensor:
        """A step on the mean loss of the own examples, which are that share of the batch; what they add to the loss of the batch."""
        share = mean if self.gang.size == 1 else mean * weight
        # Each rank is given the mean of the ranks' gradients, and wants their sum.
        (share if self.gang.size == 1 else share * self.gang.size).backward()
        self.step += 1
        align(self.optimizer, self.workload.optimizer, self.step)
        self.optimizer.step()
        return share.detach()

    def _shared(self, array: NDArray[Any]) -> torch.Tensor:
        """On a CPU the mapped array itself, so that ten workers hold one copy; on a GPU a copy there."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nobody writes to it
            return torch.from_numpy(array).to(self.device)
