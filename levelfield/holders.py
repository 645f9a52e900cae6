"""Who holds something in the store, such as a lease or a request: this process, and whether another one still lives."""

import os
import socket

from levelfield.leases import Holder
from levelfield.measure.host import host_id
from levelfield.measure.monitor import pid_namespace
from levelfield.measure.processes import PROC, read


def myself() -> Holder:
    """Who we are, as one who holds leases."""
    pid = os.getpid()
    state = _state(pid)
    assert state  # noqa: S101 - we are alive
    return Holder(hostname=socket.gethostname(), host=host_id(), pid_namespace=pid_namespace(), pid=pid, started=state[1])


def is_gone(holder: Holder) -> bool:
    """Whether the holder has certainly ended: we can see his process ids, and there is none, a corpse, or a later process with his id."""
    if (holder.host, holder.pid_namespace) != (host_id(), pid_namespace()):
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # another user's: where /proc is hidden from us it still counts as alive
    state = _state(holder.pid)
    return state is not None and (state[0] in {"Z", "X"} or state[1] != holder.started)


def _state(pid: int) -> tuple[str, int] | None:
    """Its state and when it began, in clock ticks after the host did (proc_pid_stat(5)); None where that cannot be seen."""
    text = read(PROC / str(pid) / "stat")
    if not text:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return fields[0].decode(), int(fields[19])
