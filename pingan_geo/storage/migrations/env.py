"""Run the migrations on the connection that :mod:`pingan_geo.storage.database` hands over.

The caller has begun the transaction and ends it: all steps of an upgrade take effect together or not at all.
"""

from __future__ import annotations

from alembic import context

from pingan_geo.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
