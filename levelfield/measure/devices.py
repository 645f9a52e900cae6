"""What a measurement took of its devices, from the looks at the host that the noise gate took meanwhile."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from levelfield.measure.energy import energy
from levelfield.measure.gpu import device_peak_bytes
from levelfield.measure.host import HostSample


def taken(samples: Sequence[HostSample], idle: tuple[HostSample, HostSample] | None = None) -> dict[str, Any]:
    """``energy``: `DeviceEnergy` by device; ``device_peak_bytes``: by GPU, the most that was seen. What nothing tells is left out.

    ``samples`` come from one probe, in order, two or more; ``idle`` are two of the same probe around an idle second.
    """
    found = {
        "energy": {device: asdict(used) for device, used in energy(samples[0], samples[-1], idle=idle).items()},
        "device_peak_bytes": device_peak_bytes(sample.gpus for sample in samples),
    }
    return {name: by_device for name, by_device in found.items() if by_device}
