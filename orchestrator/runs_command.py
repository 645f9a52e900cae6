"""``levelfield runs``: the runs of a stored study, with the ids that `levelfield replay` takes."""

from rich.console import Console
from rich.text import Text

from orchestrator.options import RESULTS, Results, StoreUrl, StudyId, store_url
from orchestrator.stored import stored_study


def runs(study_id: StudyId = "latest", results: Results = RESULTS, store: StoreUrl = None) -> None:
    """List the runs of a stored study with their ids, which `levelfield replay` takes."""
    url = store_url(results, store)
    record = stored_study(study_id, url)

    from levelfield.report.runs import read_runs  # pandas takes a second to import: not for a study that is not there
    from levelfield.store.frames import load
    from orchestrator import listing

    console = Console()
    console.print(Text(f"Study {record.id}", style="bold"))
    console.print(listing.runs(read_runs(load(record.id, url))))
