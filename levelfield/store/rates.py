"""The throughput of a case, over all studies of a store."""

from collections.abc import Sequence

from sqlalchemy import select

from levelfield.result import Status
from levelfield.spec import Case
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import runs, step_summaries


def rates(store: Store, case: Case, *, track: str, device: str) -> Sequence[AnyRow]:
    """Framework, mode, precision, spec and steady examples/s of the runs of a case that ended well."""
    columns = runs.c.framework, runs.c.mode, runs.c.precision, runs.c.spec, step_summaries.c.steady_rate
    query = select(*columns).join(step_summaries, step_summaries.c.run_id == runs.c.id)
    alike = runs.c.workload == case.workload, runs.c.workers == case.workers, runs.c.track == track, runs.c.device == device
    return store.read(query.where(*alike, runs.c.status == Status.OK.value).order_by(runs.c.id))[0]
