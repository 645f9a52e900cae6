"""What a pair is measured on."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from levelfield.leases import Device
from orchestrator.interfaces import Process
from orchestrator.leases import Seated
from orchestrator.seats import has_cores_twice, like_devices


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a pair is measured on: where its sides sit, its live processes by side, and what ends them."""

    seated: Seated
    live: dict[str, Process]
    stack: ExitStack

    @property
    def hosts(self) -> set[str]:
        """Those that the sides sit on."""
        return {seat.host for seats in self.seated.seats.values() for seat in seats}

    def used(self, sides: Iterable[str]) -> set[Device]:
        """The devices that the processes of these sides really have."""
        members = ((seat, who) for side in sides for seat, who in zip(self.seated.seats[side], self.live[side].members(), strict=False))
        return {device for seat, who in members for device in seat.used(who)}

    @property
    def no_duel(self) -> str | None:
        """Why these sides cannot take turns; None where they can."""
        if like_devices(self.seated.seats):
            return "the sides have no device in common: they ran on different devices of one model"
        if any(map(has_cores_twice, self.seated.seats.values())):
            return "more ranks than cores: that tests what is computed, and says nothing about speed"
        return None
