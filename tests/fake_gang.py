"""How ranks of the NumPy worker add up their arrays: all of them send theirs to rank 0, which sends back the sum."""

import os
import socket
import time
from functools import cache
from multiprocessing.connection import Client, Connection, Listener

import numpy as np

from levelfield.gang import Gang

KEY = b"ranks of a fake"
JOIN_TIMEOUT_S = 20.0


class Circle:
    """The connections of one rank. Raises TimeoutError where rank 0 does not listen in time."""

    def __init__(self, gang: Gang) -> None:
        self.rank = gang.rank
        host, _, port = gang.peers[0].rpartition(":")
        if gang.rank == 0:
            with Listener((host, int(port)), authkey=KEY, backlog=gang.size) as listener:
                met = [_at_once(listener.accept()) for _ in range(gang.size - 1)]
            self.others = [connection for _, connection in sorted(((c.recv(), c) for c in met), key=lambda pair: pair[0])]
        else:
            self.hub = _at_once(_reach((host, int(port))))
            self.hub.send(gang.rank)

    def add_up(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The sum over the ranks of each of these, always in the order of the ranks. Raises EOFError where one has ended."""
        if self.rank:
            self.hub.send(arrays)
            return self.hub.recv()
        for connection in self.others:
            arrays = {name: arrays[name] + array for name, array in connection.recv().items()}
        for connection in self.others:
            connection.send(arrays)
        return arrays


@cache
def circle(gang: Gang) -> Circle:
    """That of this process, whose workers one after the other are the same rank."""
    return Circle(gang)


def _reach(address: tuple[str, int]) -> Connection:
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    while True:
        try:
            return Client(address, authkey=KEY)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"rank 0 does not listen at {address}") from None
            time.sleep(0.02)


def _at_once(connection: Connection) -> Connection:
    """What is sent does not wait for more: that would be 40 ms in each direction."""
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
