"""Held rows remember the later import in which they came again.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WAITING = "report_id IS NULL AND dismissed_at IS NULL AND again_in IS NULL"


def upgrade() -> None:
    op.add_column("held", sa.Column("again_in", sa.BigInteger))
    op.drop_index("ix_held_batch_id_reason_detail", table_name="held")
    op.create_index(
        "ix_held_batch_id_reason_detail",
        "held",
        ["batch_id", "reason", "detail"],
        sqlite_where=sa.text(_WAITING),
        postgresql_where=sa.text(_WAITING),
    )
