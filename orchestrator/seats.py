"""Where the processes of a pair sit: devices that all of its sides can use, and the nodes of their frameworks that see them. Pure.

Ray's own scheduler counts what nodes advertise, and two nodes on one host advertise its processors and GPUs twice. So a seat is chosen
here and held by a lease, and Ray is told the node (decision 14).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from levelfield.leases import Claim, Device, load_of
from levelfield.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A place for one process: a node of its framework, by its id, and one device of that node's host. ``model`` is the device's.

    ``number`` tells seats on one device apart, of which there are several where a host has more shares than cores.
    """

    node: str
    host: str
    hostname: str
    device: Device
    model: str = ""
    number: int = 0

    @property
    def spot(self) -> tuple[Device, int]:
        """What sides take turns on."""
        return self.device, self.number

    def used(self, who: Mapping[str, Any]) -> frozenset[Device]:
        """The devices that a process, which says who it is, really has; none where it did not start."""
        if not who.get("host"):
            return frozenset()
        if self.device.gpu:
            return frozenset(Device(gpu=uuid) for uuid in who["gpus"])
        return frozenset({Device(host=who["host"], cores=self.device.cores)})


Seats: TypeAlias = tuple[Seat, ...]  # in the order of the ranks
Load = Callable[[Device], int]


@dataclass(frozen=True, kw_only=True)
class Offers:
    """What a cluster has for the sides of a pair: the seats that each of them could sit on, ``by_side``."""

    specs: Mapping[str, RunSpec]
    by_side: Mapping[str, Sequence[Seat]]

    def choose(self, claims: Sequence[Claim] = ()) -> dict[str, Seats]:
        """Seats for each side: of the devices that can be had, those that the fewest of ``claims`` are in the way of.

        Raises NoSeatError where the cluster will never have them.
        """
        load, workers = load_of(claims), next(iter(self.specs.values())).workers
        chosen: dict[str, Seats] = {}
        for kind in dict.fromkeys(spec.device for spec in self.specs.values()):  # a certificate may set a GPU against a CPU
            of_kind = {side: self.by_side[side] for side, spec in self.specs.items() if spec.device == kind}
            chosen |= choose(of_kind, workers, next(iter(self.specs.values())).placement, load)
        return {side: chosen[side] for side in self.specs}

    def room(self, isolation: str) -> int:
        """How many such pairs can be at work at once, at most."""
        everything = {side: tuple(seats) for side, seats in self.by_side.items()}
        devices, workers = held(everything, "device"), next(iter(self.specs.values())).workers
        return max(1, min(len(held(everything, isolation)), len(devices) // workers))


class NoSeatError(Exception):
    """So many devices are not there at all; the message says which are."""


def choose(offered: Mapping[str, Sequence[Seat]], workers: int, placement: str, load: Load = lambda _: 0) -> dict[str, Seats]:
    """Seats for ``workers`` ranks of each side, on the same devices for all sides, the least loaded first.

    ``offered`` holds each side's seats, ``load`` how many others want a device. With the placement ``pack`` the ranks are on as few hosts
    and nodes as can be, with ``spread`` on as many. Where the sides have too few devices in common, each gets its own of one model:
    `like_devices`. Raises NoSeatError where that is not possible either, however long one waits.
    """
    common = set.intersection(*({seat.spot for seat in seats} for seats in offered.values()))
    if len(common) >= workers:
        shared = {side: [seat for seat in seats if seat.spot in common] for side, seats in offered.items()}
        return _on_the_same(shared, workers, placement, load)
    for model in dict.fromkeys(seat.model for seats in offered.values() for seat in seats if seat.model):
        alike = {side: [seat for seat in seats if seat.model == model] for side, seats in offered.items()}
        if all(len({seat.spot for seat in seats}) >= workers for seats in alike.values()):
            return {side: _on_the_same({side: seats}, workers, placement, load)[side] for side, seats in alike.items()}
    raise NoSeatError(_missing(offered, workers))


def like_devices(chosen: Mapping[str, Seats]) -> bool:
    """Whether the sides sit on different devices of one model, so that their processes cannot take turns on one."""
    return len({frozenset(seat.device for seat in seats) for seats in chosen.values()}) > 1


def held(chosen: Mapping[str, Seats], isolation: str) -> frozenset[Device]:
    """The devices that a lease has to hold: with the isolation ``host``, all processors of a host of which some are used."""
    devices = {seat.device for seats in chosen.values() for seat in seats}
    return frozenset(Device(host=device.host) if device.host and isolation == "host" else device for device in devices)


def has_cores_twice(seats: Seats) -> bool:
    """Whether two ranks compute on the same core: such a run tells nothing about speed."""
    devices = [seat.device for seat in seats]
    return any(one.conflicts(other) for at, one in enumerate(devices) for other in devices[:at])


def parts_of(cores: Sequence[Sequence[int]], shares: int) -> list[frozenset[int]]:
    """As many sets of cores, each like any other; ``cores`` are grouped by physical core, whose hyper-threads stay together.

    What cannot be shared equally is left over. With more shares than physical cores they get single hyper-threads, and with more than
    there are of these, some get the same.
    """
    each, size = min(map(len, cores)), len(cores) // shares
    if size:
        return [frozenset(core for group in cores[at * size : (at + 1) * size] for core in group[:each]) for at in range(shares)]
    threads = [core for group in cores for core in group]
    return [frozenset({threads[at % len(threads)]}) for at in range(shares)]


def fits(spec: RunSpec, model: str) -> bool:
    """Whether a device of that model is one that a run asks for."""
    return spec.device_model is None or spec.device_model.lower() in model.lower()


def _on_the_same(offered: Mapping[str, Sequence[Seat]], workers: int, placement: str, load: Load) -> dict[str, Seats]:
    """All sides on one choice of spots, on each of which every side has a seat."""
    first = {seat.spot: seat for seat in reversed(next(iter(offered.values())))}
    hosts: dict[str, list[Seat]] = defaultdict(list)
    for seat in sorted(first.values(), key=lambda seat: (load(seat.device), *_order(seat))):
        hosts[seat.host].append(seat)
    chosen = (_packed if placement == "pack" else _spread)(list(hosts.values()), workers, load)
    spots = [seat.spot for seat in sorted(chosen, key=_order)]
    return {side: _seated(spots, seats, placement) for side, seats in offered.items()}


def _seated(spots: Sequence[tuple[Device, int]], seats: Sequence[Seat], placement: str) -> Seats:
    """A seat on each spot; of several nodes on a host those with the most ranks so far, or, with ``spread``, with the fewest."""
    wanted = [seat for seat in seats if seat.spot in set(spots)]
    ranks, sees = Counter[str](), Counter(seat.node for seat in wanted)
    sign = 1 if placement == "spread" else -1
    taken: list[Seat] = []
    for spot in spots:
        there = [seat for seat in wanted if seat.spot == spot]
        taken.append(min(there, key=lambda seat: (sign * ranks[seat.node], sign * sees[seat.node])))
        ranks[taken[-1].node] += 1
    return tuple(taken)


def _order(seat: Seat) -> tuple[str, str, int]:
    return seat.host, str(seat.device), seat.number


def _packed(hosts: list[list[Seat]], workers: int, load: Load) -> list[Seat]:
    """From as few hosts as can be: the largest ones first, and at last one that has enough for the rest, the least loaded of these."""
    taken: list[Seat] = []
    left = sorted(hosts, key=len, reverse=True)
    while len(taken) < workers:
        need = workers - len(taken)
        enough = [host for host in left if len(host) >= need]
        host = min(enough, key=lambda host: (sum(load(seat.device) for seat in host[:need]), len(host))) if enough else left[0]
        taken += host[:need]
        left.remove(host)
    return taken


def _spread(hosts: list[list[Seat]], workers: int, load: Load) -> list[Seat]:
    """From as many hosts as can be: one of each, beginning with the least loaded, and again."""
    left = sorted(hosts, key=lambda host: load(host[0].device))
    rounds = [[host[at] for host in left if at < len(host)] for at in range(workers)]
    return [seat for seats in rounds for seat in seats][:workers]


def _missing(offered: Mapping[str, Sequence[Seat]], workers: int) -> str:
    there = "; ".join(
        f"{side}: {', '.join(f'{seat.device} on {seat.hostname}' for seat in seats) or 'none'}" for side, seats in offered.items()
    )
    needed = f"{workers} workers need {workers} devices" if workers > 1 else "a device is needed"
    return f"{needed} that every side can use, or as many of one model for each; the cluster has {there}"
