"""A certificate without Ray: two modes or devices of one framework, in its own environment.

    services/torch_worker/.venv/bin/python -m levelfield.parity torch cifar10_cnn eager@cpu eager@cuda

Says whether a GPU, or a compiler, computes what the CPU does. Needs NumPy and the service's framework. Exit status 1 where they differ.
"""

import argparse
import json
import sys
from dataclasses import replace

from levelfield import workloads
from levelfield.parity.attempts import SEEDS, first_passed
from levelfield.parity.certificate import Certificate
from levelfield.parity.experiment import STEPS
from levelfield.parity.session import RecordingSession, certificate_of, extent
from levelfield.services import Service, discover
from levelfield.spec import RunSpec


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the two compute the same, 1 when they do not, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m levelfield.parity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("framework", choices=sorted(discover()))
    parser.add_argument("workload", choices=workloads.names())
    parser.add_argument("sides", nargs=2, metavar="MODE@DEVICE")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--track", default="matched", choices=["matched", "tuned"])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--json", action="store_true", help="the whole certificate")
    options = parser.parse_args(arguments)
    service = discover()[options.framework]
    try:
        certificate = _certify(service, [_spec(service, side, options) for side in options.sides], options.steps)
    except Exception as error:  # noqa: BLE001 - a framework may raise anything, where a device is missing for one
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(certificate.to_dict(), indent=1) if options.json else certificate.verdict)
    return 0 if certificate.passed else 1


def _spec(service: Service, side: str, options: argparse.Namespace) -> RunSpec:
    """Raises ValueError for a mode, device or precision that the service does not offer."""
    mode, _, device = side.partition("@")
    asked = ((mode, tuple(service.modes)), (device, service.devices), (options.precision, service.precisions))
    for given, offered in asked:
        if given not in offered:
            raise ValueError(f"{service.name} does not offer {given!r}; it offers {', '.join(offered)}")
    return RunSpec(
        workload=options.workload,
        framework=service.name,
        mode=mode,
        device=device,
        precision=options.precision,
        track=options.track,
        seed=workloads.get(options.workload).parity_seed,
    )


def _certify(service: Service, specs: list[RunSpec], steps: int) -> Certificate:
    def one(seed: int) -> Certificate:
        recorded, draws = extent(specs[0].precision, steps)
        sessions = [RecordingSession(service, replace(spec, seed=seed), steps=recorded, draws=draws) for spec in specs]
        return certificate_of(sessions[0].experiment, [s.header for s in sessions], [s.records for s in sessions])

    return first_passed(one, range(specs[0].seed, specs[0].seed + SEEDS))


if __name__ == "__main__":
    sys.exit(main())
