"""What studies run on: a connected cluster with its devices, eyes on its hosts, and the store."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from levelfield.services import Service
from levelfield.store import Store
from orchestrator.connect import cluster, places_of
from orchestrator.leases import Lessor
from orchestrator.raylets import raylets
from orchestrator.watch import Blind, ClusterWatch, Watcher

if TYPE_CHECKING:
    from orchestrator.places import ClusterPlaces


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a run needs from the command line."""

    services: dict[str, Service]
    results: Path
    store_url: str
    address: str | None
    console: Console
    certify: bool = True
    gate: bool = True
    wait_s: float = 0.0  # for nodes that are about to come, or to come back, before what has no place is given up

    @property
    def logs(self) -> Path:
        """The folder of all logs."""
        return (self.results / "logs").absolute()


class Site:
    """A cluster that this process has joined, or will have when anybody asks for its places; the store is open."""

    def __init__(self, session: Session, store: Store) -> None:
        self.session, self.store = session, store
        self.watcher: Watcher = Blind()

    @cached_property
    def _undivided(self) -> "ClusterPlaces":
        return places_of(self.session.address)

    def places(self, shares: int) -> "ClusterPlaces":
        """The devices, with each host's processors in so many shares."""
        return self._undivided.divided(shares)

    def watch(self) -> AbstractContextManager[Watcher]:
        """Eyes on this host, and on every other that a study uses."""
        if not self.session.gate:
            return nullcontext(Blind())
        roots = [os.getpid(), *raylets(self.session.address).values()]
        return ClusterWatch(roots, newcomers=lambda: self._undivided.newcomers())  # noqa: PLW0108 - the cluster is joined later


@contextmanager
def joined(session: Session, store: Store, services: Sequence[Service], lessor: Lessor) -> Iterator[Site]:
    """A site until the block ends. Raises ClusterError where a cluster cannot be joined or started."""
    site = Site(session, store)
    with ExitStack() as stack:
        if session.address:  # the watch can have seen its second by the time that the cluster has been joined
            site.watcher = stack.enter_context(site.watch())
            stack.enter_context(cluster(session.address, services, session.console))
        else:
            stack.enter_context(cluster(None, services, session.console, lessor))
            site.watcher = stack.enter_context(site.watch())
        yield site
