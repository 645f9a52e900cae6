"""The PyTorch worker of the track ``article``: a plain loop over a `DataLoader`, as PyTorch's own tutorials write it."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch._dynamo  # the first optimizer would import it: this is time to import, not to build
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from levelfield.data import Dataset
from levelfield.spec import RunSpec
from levelfield.workloads.base import Workload
from services.torch_worker.describe import describe_initialisers, describe_network, describe_optimizer
from services.torch_worker.device import choose_device, describe_device, peak_memory, synchronize
from services.torch_worker.optimizer import make_usual_optimizer


@dataclass(frozen=True, kw_only=True)
class Article:
    """A workload as PyTorch's documentation would write it: PyTorch's own initial weights, data sets with their transforms."""

    network: nn.Module
    loss: nn.Module
    train: TorchDataset
    test: TorchDataset
    preprocessing: str
    initialiser: str | None = None  # where the model's own code draws otherwise than its layers do


def channels_first(images: NDArray[np.float32]) -> torch.Tensor:
    """(n, height, width, channels) to (n, channels, height, width), as `nn.Conv2d` expects it."""
    return torch.tensor(images).permute(0, 3, 1, 2).contiguous()


class ArticleWorker:
    """PyTorch draws weights, order and dropout; the seed makes them the same again. Precision is float32, as it comes."""

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        if spec.precision != "fp32":
            raise ValueError(f"the track article is float32, as the framework comes; asked was {spec.precision}")
        self.device, self.mode = choose_device(spec, threads=threads), spec.mode

    def load(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def build(self, spec: RunSpec, workload: Workload) -> None:
        article = importlib.import_module(f"{__package__}.{workload.name}").article(self.dataset)
        self.article, self.workload = article, workload
        self.network = article.network.to(self.device)
        self.forward = torch.compile(self.network) if self.mode == "compile" else self.network
        self.optimizer = make_usual_optimizer(self.network, workload.optimizer, spec.learning_rate)
        batch_size = spec.batch_size or workload.batch_size
        self.train_loader = DataLoader(article.train, batch_size=batch_size, shuffle=True)
        self.test_loader = DataLoader(article.test, batch_size=batch_size, shuffle=False)

    def fit(self, epochs: int) -> Iterator[float]:
        for _ in range(epochs):
            self.network.train()
            running_loss = 0.0
            for inputs, labels in self.train_loader:
                self.optimizer.zero_grad()
                loss = self.article.loss(self.forward(inputs.to(self.device)), labels.to(self.device))
                loss.backward()
                self.optimizer.step()
                running_loss += loss.item() * len(labels)
            yield running_loss / len(self.article.train)

    def synchronize(self) -> None:
        synchronize(self.device)

    def predict(self) -> NDArray[np.floating[Any]]:
        self.network.eval()
        with torch.no_grad():
            logits = torch.cat([self.forward(inputs.to(self.device)) for inputs, _ in self.test_loader])
        return logits.reshape(len(logits), self.workload.outputs).cpu().numpy()

    def memory(self) -> dict[str, int]:
        return peak_memory(self.device)

    def describe(self) -> dict[str, Any]:
        return {
            **describe_device(self.device),
            **describe_network(self.network),
            **describe_optimizer(self.optimizer),
            "mode": self.mode,
            "precision": "fp32",
            **describe_initialisers(self.network),
            **({"initialiser": self.article.initialiser} if self.article.initialiser else {}),
            "loss": f"{type(self.article.loss).__name__} of logits",
            "batch_size": self.train_loader.batch_size,
            "last_batch": "dropped" if self.train_loader.drop_last else "smaller, kept",
            "layout": "channels first" if len(self.workload.input_shape) == 3 else "no images",
            "input_pipeline": f"DataLoader, {self.train_loader.num_workers} worker processes, shuffled by PyTorch, loss read at every step",
            "input_threads": f"{self.train_loader.num_workers} processes beside the thread that trains",
            "preprocessing": self.article.preprocessing,
            "steps_per_call": 1,
        }
