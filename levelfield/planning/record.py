"""A study that is to be run for the first time: its id, and the seed of its order."""

import secrets
from datetime import UTC, datetime

import levelfield
from levelfield.measure.environment import source_hash
from levelfield.store.records import StudyRecord
from levelfield.study import Study


def new_record(study: Study) -> StudyRecord:
    """A new study with an id of its own and a random order for its runs; not stored yet."""
    seed = secrets.randbelow(2**31)
    now = datetime.now(UTC)
    return StudyRecord(
        id=f"{study.name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        name=study.name,
        created_at=now,
        study=study.model_dump(mode="json"),
        plan_seed=seed,
        planned_runs=study.planned_runs,
        levelfield_version=levelfield.__version__,
        source_hash=source_hash(),
    )
