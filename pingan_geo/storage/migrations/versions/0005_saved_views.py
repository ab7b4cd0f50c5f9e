"""What somebody asked on a page can be kept under a name.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("page", sa.String(40), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=False), nullable=False),
    )
