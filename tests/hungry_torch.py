"""PyTorch's worker, which asks for more memory than there is."""

import torch

from services.torch_worker.worker import TorchWorker


class Hungry(TorchWorker):
    """In its first step."""

    def train_steps(self, n):
        torch.empty(2**55)
