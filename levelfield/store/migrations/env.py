"""Run by alembic. The connection, with its transaction and lock, comes from `levelfield.store.schema`, and nowhere else."""

from alembic import context

from levelfield.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
