"""The tables as the code sees them. The migrations make them; a test holds the two together. Times are UTC, ``_ns`` is nanoseconds."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

from levelfield.store.types import Float64s, Loss, PlainJson, UtcDateTime

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s", "uq": "uq_%(table_name)s_key"},
)

studies = Table(
    "studies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("study", PlainJson, nullable=False),
    Column("plan_seed", BigInteger, nullable=False),
    Column("planned_runs", Integer, nullable=False),
    Column("levelfield_version", Text, nullable=False),
    Column("source_hash", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Text, ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("spec_hash", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("pair", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("workload", Text, nullable=False),
    Column("framework", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("precision", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("device", Text, nullable=False),
    Column("spec", PlainJson, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("wall_ns", BigInteger, nullable=False),
    Column("phases_ns", PlainJson, nullable=False),
    Column("memory_bytes", PlainJson, nullable=False),
    Column("fingerprints", PlainJson, nullable=False),
    Column("environment", PlainJson, nullable=False),
    Column("description", PlainJson, nullable=False),
    Column("failure", PlainJson),
    Column("step_losses", Float64s, nullable=False),
    Column("workers", Integer, nullable=False, server_default="1"),
    # It begins with the study, so it is also the index by which a study's runs are found.
    UniqueConstraint("study_id", "spec_hash", "side", "attempt"),
    Index("ix_runs_spec_hash", "spec_hash"),
    # Questions about all runs are answered from these alone: a row is long.
    Index("ix_runs_ended", "study_id", "spec_hash", "side", "attempt", "status"),
    Index(
        "ix_runs_browsed",
        *("started_at", "study_id", "workload", "workers", "side", "framework", "track", "status", "precision", "device"),
    ),
    # An id that a deleted run had is not given away again.
    sqlite_autoincrement=True,
)

epochs = Table(
    "epochs",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    # Nullable because NULL is how SQLite holds NaN.
    Column("train_loss", Loss),
    Column("test_loss", Loss),
    Column("test_correct", Integer, nullable=False),
    Column("test_examples", Integer, nullable=False),
    Column("train_ns", BigInteger, nullable=False),
    Column("evaluate_ns", BigInteger, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("first_step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("steady", Boolean, nullable=False),
    Column("device_ns", BigInteger),
)

# What a run's blocks say, in a row (`levelfield.step_summary`): derived from them, and written with them.
step_summaries = Table(
    "step_summaries",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("epochs", Integer, nullable=False),
    Column("blocks", Integer, nullable=False),
    Column("steady_blocks", Integer, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("steady_steps", BigInteger, nullable=False),
    Column("rated_steps", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("warm_samples", BigInteger, nullable=False),
    Column("first_epoch_steps", BigInteger, nullable=False),
    Column("first_epoch_samples", BigInteger, nullable=False),
    Column("steady_rate", Double),
    Column("steady_step_ns", Float64s, nullable=False),
    Column("warm_step_ns", Float64s, nullable=False),
)

# What a run's network took every test example for after the last epoch (`levelfield.predictions`); older runs have none.
predictions = Table(
    "predictions",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("classes", Integer, nullable=False),
    Column("examples", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)

# The columns beside ``content`` say what a certificate is about; ``content`` is all of it (`levelfield.parity.certificate`).
certificates = Table(
    "certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("workload", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("precision", Text, nullable=False),
    Column("framework_a", Text, nullable=False),
    Column("mode_a", Text, nullable=False),
    Column("device_a", Text, nullable=False),
    Column("code_a", Text, nullable=False),
    Column("framework_b", Text, nullable=False),
    Column("mode_b", Text, nullable=False),
    Column("device_b", Text, nullable=False),
    Column("code_b", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("content", PlainJson, nullable=False),
    sqlite_autoincrement=True,
)

# A duel's ``evidence`` is what the noise gate saw; ``members`` says, by side, which process took part.
duels = Table(
    "duels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Text, ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("workload", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("pair", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("target_ns", BigInteger, nullable=False),
    Column("members", PlainJson, nullable=False),
    Column("evidence", PlainJson, nullable=False),
    Column("failure", PlainJson),
    Column("workers", Integer, nullable=False, server_default="1"),
    UniqueConstraint("study_id", "workload", "pair", "attempt"),
    sqlite_autoincrement=True,
)

bursts = Table(
    "bursts",
    metadata,
    Column("duel_id", Integer, ForeignKey("duels.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("round", Integer, nullable=False),
    Column("side", Text, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("discarded_steps", BigInteger, nullable=False),
    Column("discarded_ns", BigInteger, nullable=False),
    Column("cpu_ns", BigInteger, nullable=False),
    Column("idle_cpu_ns", BigInteger, nullable=False),
    Column("idle_ns", BigInteger, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("device_ns", BigInteger),
)

# The tables below are no results: their rows change and go (decisions 10 and 16).
# A claim has a row for each of its devices.
leases = Table(
    "leases",
    metadata,
    Column("token", Text, primary_key=True),
    Column("device", Text, primary_key=True),
    Column("ticket", BigInteger, nullable=False),
    Column("study_id", Text, nullable=False),
    Column("holder", PlainJson, nullable=False),
    Column("tenants", PlainJson, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("acquired_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    # No reference: what is asked for becomes a study when it has been found that it can be run.
    Column("study_id", Text, nullable=False),
    Column("record", PlainJson, nullable=False),
    Column("options", PlainJson, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("taker", PlainJson),
    Column("taken_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("progress", PlainJson, nullable=False),
    Column("stop", PlainJson, nullable=False),
    Column("outcome", Text),
    Index("ix_requests_study_id", "study_id"),
    sqlite_autoincrement=True,
)
