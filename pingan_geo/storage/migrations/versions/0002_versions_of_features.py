"""Keep the older versions of a named place, so that taking an import back brings them to light again.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # SQLite cannot change a primary key in place: the table is made anew and filled from the old one.
    op.rename_table("feature", "feature_0001")
    op.create_table(
        "feature",
        sa.Column("layer", sa.String(40), nullable=False),
        sa.Column("feature_id", sa.String(200), nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("lon", sa.Float(53)),
        sa.Column("lat", sa.Float(53)),
        sa.Column("cell", sa.BigInteger, nullable=False),
        sa.Column("grid_id", sa.Text, nullable=False),
        sa.Column("village_id", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("layer", "feature_id", "batch_id", name="pk_feature_versions"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_feature_versions_batch_id_batch"),
    )
    columns = "layer, feature_id, batch_id, name, kind, lon, lat, cell, grid_id, village_id, attributes"
    op.execute(f"INSERT INTO feature ({columns}) SELECT {columns} FROM feature_0001")  # noqa: S608 - own words
    op.drop_table("feature_0001")
