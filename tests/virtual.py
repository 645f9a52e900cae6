"""The scheduler in virtual time: its own decisions (conductor, seats, leases) on a cluster that consists of numbers.

Events happen at moments that a seed draws; the same seed gives the same history. Processes that schedule are killed and come again, hosts
are lost for good. What must always hold is checked at every moment.
"""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from levelfield.leases import Claim, Device, Holder, admit, next_ticket
from levelfield.spec import RunSpec
from orchestrator.conductor import Agenda, Conductor, Entry
from orchestrator.seats import NoSeatError, Offers, Seat, held

SIDES = ("torch", "tensorflow")


@dataclass
class Study:
    """``pairs`` of so many workers; a number for each."""

    name: str
    pairs: int
    workers: int
    priority: int


@dataclass(eq=False)
class Process:
    """A scheduler with the studies that were asked of it."""

    number: int
    studies: list[Study]
    conductor: Conductor = field(default_factory=Conductor)
    born: int = 0
    is_alive: bool = True

    @property
    def holder(self):
        return Holder(hostname="h", host="h", pid_namespace="p", pid=self.number, started=self.born)


@dataclass(eq=False)
class Pair:
    """A pair at work: its claim, and what it needs."""

    process: Process
    entry: Entry
    pair: object
    claim: Claim
    offers: Offers


class World:
    """A cluster of hosts with GPUs, shared by all processes; ``history`` is what happened, in order."""

    def __init__(self, seed, *, gpus=(2, 2, 4), processes=2, kills=2, losses=2):
        self.rng = random.Random(seed)
        self.hosts = {f"host{n}": [f"GPU-{n}-{m}" for m in range(number)] for n, number in enumerate(gpus)}
        self.now, self.events, self.serial = 0, [], 0
        self.claims, self.at_work, self.recorded, self.unplaced = {}, [], Counter(), Counter()
        self.history = []
        self.processes = [Process(n, [self._study(n, m) for m in range(self.rng.randint(1, 3))]) for n in range(processes)]
        for process in self.processes:
            self._start(process)
        for _ in range(kills):
            self.at(self.rng.randint(1, 150), self._kill)
        for _ in range(losses):
            self.at(self.rng.randint(1, 150), self._lose)

    def run(self):
        """Until nothing happens any more."""
        self._advance()
        while self.events:
            self.now, _, event = heapq.heappop(self.events)
            event()
            self._advance()
            self._check()
        return self

    @property
    def wanted(self):
        return {(study.name, pair) for process in self.processes for study in process.studies for pair in range(study.pairs)}

    def at(self, delay, event):
        self.serial += 1
        heapq.heappush(self.events, (self.now + delay, self.serial, event))

    def _study(self, process, number):
        return Study(f"s{process}-{number}", self.rng.randint(1, 6), self.rng.choice((1, 1, 2, 4)), self.rng.randint(0, 2))

    def _offers(self, workers):
        specs = {side: RunSpec(workload="w", framework=side, mode="m", seed=0, device="cuda", workers=workers) for side in SIDES}
        seats = [
            Seat(node=f"{host}-n", host=host, hostname=host, device=Device(gpu=gpu), model="M")
            for host, gpus in self.hosts.items()
            for gpu in gpus
        ]
        return Offers(specs=specs, by_side=dict.fromkeys(SIDES, seats))

    def _start(self, process):
        """As `levelfield serve` begins: with what is not recorded yet."""
        process.born, process.is_alive, process.conductor = self.now, True, Conductor()
        for order, study in enumerate(process.studies):
            left = [
                SimpleNamespace(pair=pair)
                for pair in range(study.pairs)
                if not self.recorded[study.name, pair] + self.unplaced[study.name, pair]
            ]
            room = self._offers(study.workers).room("device")
            process.conductor.add(Entry(study_id=study.name, agenda=Agenda([left]), room=room, priority=study.priority, order=order))

    def _advance(self):
        """Everything that can begin now does, and whoever waits asks again; until that changes nothing."""
        changed = True
        while changed:
            changed = False
            for process in self.processes:
                while found := process.conductor.next():
                    self._begin(process, *found)
                    changed = True
            waiting = [one for one in self.at_work if not one.claim.acquired_at]
            for one in self.rng.sample(waiting, len(waiting)):  # each looks when its second is over
                changed |= self._ask(one)

    def _begin(self, process, entry, pair):
        waiting = [one for one in process.conductor.entries if one.agenda.has_next and process.conductor.at_work[one.study_id] < one.room]
        assert all(one.priority <= entry.priority for one in waiting), "a study of a higher priority was passed by"
        self.serial += 1
        workers = next(study.workers for study in process.studies if study.name == entry.study_id)
        claim = Claim(token=str(self.serial), study_id=entry.study_id, holder=process.holder, devices=frozenset(), tenants=SIDES)
        self.at_work.append(Pair(process, entry, pair, claim, self._offers(workers)))
        self.history.append((self.now, "begins", entry.study_id, pair.pair))

    def _ask(self, one):
        """Ask for its devices; whether anything has changed by that."""
        others = [claim for claim in self.claims.values() if claim.token != one.claim.token]
        claim = one.claim if one.claim.ticket else replace(one.claim, ticket=next_ticket(list(self.claims.values())))
        try:
            admitted, before = admit(claim, others, lambda claims: held(one.offers.choose(claims), "device"))
        except NoSeatError:
            self._leave(one)
            self.unplaced[one.entry.study_id, one.pair.pair] += 1
            self.history.append((self.now, "has no place", one.entry.study_id, one.pair.pair))
            return True
        changed = admitted != one.claim
        one.claim = self.claims[admitted.token] = admitted if before else replace(admitted, acquired_at=self.now or -1)
        if not before:
            self.history.append((self.now, "holds", one.entry.study_id, one.pair.pair, *sorted(map(str, admitted.devices))))
            self.at(self.rng.randint(1, 30), lambda: self._end(one))
        return changed or not before

    def _end(self, one):
        if one not in self.at_work:
            return  # it was lost before
        self._leave(one)
        self.recorded[one.entry.study_id, one.pair.pair] += 1
        self.history.append((self.now, "is recorded", one.entry.study_id, one.pair.pair))

    def _leave(self, one):
        self.at_work.remove(one)
        self.claims.pop(one.claim.token, None)
        one.process.conductor.done(one.entry)
        one.process.conductor.take_over()

    def _kill(self):
        alive = [process for process in self.processes if process.is_alive]
        if not alive:
            return
        process = self.rng.choice(alive)
        process.is_alive = False
        self.history.append((self.now, "is killed", process.number))
        for one in [one for one in self.at_work if one.process is process]:
            self.at_work.remove(one)
            self.claims.pop(one.claim.token, None)  # whoever asks next sees that its holder is gone
        process.conductor = Conductor()
        self.at(self.rng.randint(1, 20), lambda: self._start(process))

    def _lose(self):
        """A host for good; pairs that were on it, or wanted it, look for another place, and keep what they have done."""
        if len(self.hosts) == 1:
            return
        lost = self.rng.choice(sorted(self.hosts))
        gone = {Device(gpu=gpu) for gpu in self.hosts.pop(lost)}
        self.history.append((self.now, "is lost", lost))
        for one in list(self.at_work):
            one.offers = self._offers(next(iter(one.offers.specs.values())).workers)
            if one.claim.devices & gone:
                self.claims.pop(one.claim.token, None)
                self.at_work.remove(one)
                fresh = Claim(
                    token=f"{one.claim.token}'", study_id=one.claim.study_id, holder=one.claim.holder, devices=frozenset(), tenants=SIDES
                )
                self.at_work.append(Pair(one.process, one.entry, one.pair, fresh, one.offers))

    def _check(self):
        holding = [claim for claim in self.claims.values() if claim.acquired_at]
        for at, claim in enumerate(holding):
            assert not any(claim.conflicts(other) for other in holding[:at]), "two hold the same device"
        there = {Device(gpu=gpu) for gpus in self.hosts.values() for gpu in gpus}
        for claim in holding:
            assert claim.devices <= there
        for one in self.at_work:
            if not one.claim.acquired_at and one.claim.devices and one.claim.ticket:
                assert any(other.ticket < one.claim.ticket for other in self.claims.values()), "it waits for nobody"
        assert max(self.recorded.values(), default=0) <= 1
