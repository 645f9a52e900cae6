"""What must hold before anything is started, and the Ray cluster that a command runs on."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console

from levelfield.leases import Device
from levelfield.local import write_error
from levelfield.measure.host import host_id
from levelfield.services import Service
from orchestrator.leases import Lessor
from orchestrator.nodes import check_address, check_environments
from orchestrator.raylets import raylets

if TYPE_CHECKING:
    from orchestrator.places import ClusterPlaces


class UsageError(Exception):
    """Something that the user asked for cannot be done as it was asked; nothing has been started or written."""


class NoPlaceError(UsageError):
    """The cluster as it is could never place a run; the message says what is missing."""


def check_before_start(address: str | None, services: Sequence[Service], results: Path) -> None:
    """Raises UsageError or ClusterError where the work could not be done or its results could not be kept."""
    if address:
        check_address(address)
    else:
        check_environments(services)
    if error := write_error(results):
        raise UsageError(f"--results {results}: cannot be written ({error}); give a folder that can")


@contextmanager
def cluster(address: str | None, services: Sequence[Service], console: Console, lessor: Lessor | None = None) -> Iterator[None]:
    """The cluster at ``address``, or one of our own on this machine, until the block ends, whatever ends it.

    Nodes of our own keep every core busy while they come up: with a ``lessor`` they wait for whoever measures on this host.
    """
    from orchestrator.cluster import embedded, running  # imports Ray: the other commands stay quick

    with ExitStack() as stack:
        stack.enter_context(interruptible())
        turn = lessor.lease([Device(host=host_id())], ["start of the Ray nodes"]) if lessor and not address else nullcontext()
        with turn, console.status("starting the Ray nodes"):
            stack.enter_context(running(address, services) if address else embedded(services))
        stack.enter_context(interruptible())  # again: Ray has put its own handlers in place of ours
        yield


@contextmanager
def headed(port: int | None, address: str | None) -> Iterator[str | None]:
    """The address of a cluster whose head runs here, at ``port``, until the block ends; without a port ``address`` itself."""
    if port is None:
        yield address
        return
    from orchestrator.cluster import head  # imports Ray

    with head(port) as own:
        yield own


def places_of(address: str | None, shares: int = 1) -> "ClusterPlaces":
    """The devices of the connected cluster: the one at ``address``, or our own. ``shares``: sets of cores of each host."""
    from orchestrator.places import ClusterPlaces  # imports Ray

    return ClusterPlaces(raylets(address) if address else None, shares=shares)


SAME_S = 0.5  # a terminal and a wrapper both pass on one Ctrl-C


class _Interrupt:
    """What a signal does: the first one ends the work in order, a second one at once; the guard then ends an embedded cluster."""

    def __init__(self) -> None:
        self.depth, self.came = 0, 0.0

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.came:
            if time.monotonic() - self.came < SAME_S:
                return
            os.write(2, b"\nstopped at once\n")
            os._exit(128 + number)
        self.came = time.monotonic()
        raise KeyboardInterrupt(signal.Signals(number).name)


_interrupt = _Interrupt()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as Ctrl-C does: in order, leaving nothing behind; whoever cannot wait sends a second one."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    _interrupt.depth += 1
    try:
        yield
    finally:
        _interrupt.depth -= 1
        if _interrupt.depth:  # Ray's own handlers, which it has put between ours, stay out until the work is over
            before = dict.fromkeys(before, _interrupt)
        else:
            _interrupt.came = 0.0
        for number, handler in before.items():
            signal.signal(number, handler)
