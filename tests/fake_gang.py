"""How ranks of the NumPy worker add up their arrays: all of them send theirs to rank 0, which sends back the sum."""

import time
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
                met = [listener.accept() for _ in range(gang.size - 1)]
            self.others = [connection for _, connection in sorted(((c.recv(), c) for c in met), key=lambda pair: pair[0])]
        else:
            self.hub = _reach((host, int(port)))
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


def _reach(address: tuple[str, int]) -> Connection:
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    while True:
        try:
            return Client(address, authkey=KEY)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"rank 0 does not listen at {address}") from None
            time.sleep(0.02)
