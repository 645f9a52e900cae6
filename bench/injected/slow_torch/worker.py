"""The PyTorch worker with a slow-down that is known."""

import time

from services.torch_worker.worker import TorchWorker

SLOWER = 0.05


class SlowTorchWorker(TorchWorker):
    """On a CPU, where a step has been done when Python comes back from it."""

    def train_steps(self, n: int) -> None:
        """The same steps; then wait for a twentieth of their time."""
        started = time.perf_counter_ns()
        super().train_steps(n)
        end = started + (time.perf_counter_ns() - started) * (1 + SLOWER)
        while time.perf_counter_ns() < end:  # at work, not asleep: a pause of the processor would change its clock
            pass
