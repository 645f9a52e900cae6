"""The PyTorch worker."""

import importlib
import math
from typing import Any

import numpy as np
import torch
import torch._dynamo  # the first optimizer would import it: this is time to import, not to build
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from levelfield.data import Dataset
from levelfield.spec import RunSpec
from levelfield.workloads.base import Adam, Weights, Workload
from services.torch_worker.export import load_weights, read_weights

DTYPES = {"fp32": torch.float32, "fp64": torch.float64}
PREDICT_BATCH = 1000


class TorchWorker:
    """Trains in the ``matched`` track: the batches are gathered on the device from the arrays that `load` brought there."""

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        self.device = torch.device(spec.device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("device is cuda, but PyTorch finds no usable NVIDIA GPU on this node")
        self.mode, self.precision, self.dtype = spec.mode, spec.precision, DTYPES[spec.precision]
        torch.set_num_threads(threads)
        if torch.get_num_interop_threads() != 1:  # can be set only once in a process
            torch.set_num_interop_threads(1)
        torch.manual_seed(spec.seed)
        # TF32 keeps 10 of float32's 23 mantissa bits: not what "fp32" promises. cuDNN's trial runs may choose another algorithm each time.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        if self.device.type == "cuda":
            torch.cuda.init()

    def load(self, dataset: Dataset) -> None:
        self.x_train, self.x_test = self._images(dataset.x_train), self._images(dataset.x_test)
        self.y_train = torch.tensor(dataset.y_train, device=self.device)

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self.batch_size = spec.batch_size or workload.batch_size
        network = importlib.import_module(f"{__package__}.{workload.name}").Network()
        # Channels-first storage is what `nn.Conv2d` gives by default; channels-last belongs to the tuned track.
        self.network = network.to(self.device, self.dtype)
        load_weights(self.network, workload, weights)
        self.adam, self.step = workload.optimizer, 0
        self.optimizer = _optimizer(self.network, self.adam, spec.learning_rate)
        self.loss = torch.compile(self._loss, dynamic=None) if self.mode == "compile" else self._loss
        self._losses: list[torch.Tensor] = []

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        self.batches = iter(torch.from_numpy(order).to(self.device).split(self.batch_size))

    def train_steps(self, n: int) -> None:
        self.network.train()
        for _ in range(n):
            self._train_step()

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def losses(self) -> NDArray[np.float64]:
        values = torch.stack(self._losses).double().cpu().numpy() if self._losses else np.empty(0)
        self._losses = []
        return values

    def predict(self) -> NDArray[np.floating[Any]]:
        self.network.eval()
        with torch.inference_mode():
            return torch.cat([self.network(batch) for batch in self.x_test.split(PREDICT_BATCH)]).cpu().numpy()

    def weights(self) -> Weights:
        return read_weights(self.network, self.workload)

    def memory(self) -> dict[str, int]:
        if self.device.type == "cuda":
            return {"framework_peak": int(torch.cuda.max_memory_allocated(self.device))}
        return {}  # PyTorch does not count what its CPU allocator hands out

    def describe(self) -> dict[str, Any]:
        options = self.optimizer.defaults
        return {
            "framework": "PyTorch",
            "version": str(torch.__version__),
            "device": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "mode": self.mode,
            "precision": self.precision,
            "parameter_dtype": str(next(self.network.parameters()).dtype).removeprefix("torch."),
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "optimizer": f"torch.optim.{type(self.optimizer).__name__}",
            "learning_rate": options["lr"],
            "epsilon": f"{self.adam.epsilon} before the bias correction (set anew before each step)",
            "layout": "channels first",
            "input_pipeline": "whole data set on the device, batches by index_select",
            "tf32": bool(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
            "cudnn_autotune": bool(torch.backends.cudnn.benchmark),
        }

    def _train_step(self) -> None:
        try:
            index = next(self.batches)
        except StopIteration:
            raise IndexError("train_steps() went past the end of the epoch") from None
        self.optimizer.zero_grad()
        loss = self.loss(self.x_train.index_select(0, index), self.y_train.index_select(0, index))
        loss.backward()
        self._align_epsilon()
        self.optimizer.step()
        self._losses.append(loss.detach())

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(self.network(x), y)

    def _align_epsilon(self) -> None:
        """Make PyTorch's Adam compute the workload's equation: its epsilon comes after the bias correction, ours before (see `Adam`)."""
        self.step += 1
        self.optimizer.param_groups[0]["eps"] = self.adam.epsilon / math.sqrt(1.0 - self.adam.beta_2**self.step)

    def _images(self, images: NDArray[np.float32]) -> torch.Tensor:
        """(n, height, width, channels) to (n, channels, height, width) on the device."""
        return torch.tensor(images, dtype=self.dtype, device=self.device).permute(0, 3, 1, 2).contiguous()


def _optimizer(network: torch.nn.Module, adam: Adam, learning_rate: float | None) -> torch.optim.Adam:
    return torch.optim.Adam(
        network.parameters(), lr=learning_rate or adam.learning_rate, betas=(adam.beta_1, adam.beta_2), eps=adam.epsilon
    )
