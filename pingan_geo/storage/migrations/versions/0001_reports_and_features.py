"""Imports, reports, held rows and named places.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not imported from the tables of today: a migration must stay as it was.
TIME = sa.DateTime().with_variant(sqlite.DATETIME(truncate_microseconds=True), "sqlite")
COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "batch",
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("datum", sa.String(40), nullable=False),
        sa.Column("layout", sa.Text, nullable=False),
        sa.Column("imported_at", TIME, nullable=False),
        sa.Column("undone_at", TIME),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batch"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "provenance",
        sa.Column("provenance_id", COUNTED, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("datum", sa.String(40), nullable=False),
        sa.Column("datum_known_by", sa.String(40), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("origin", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("provenance_id", name="pk_provenance"),
        sa.UniqueConstraint(
            "source",
            "datum",
            "datum_known_by",
            "level",
            "origin",
            name="uq_provenance_source_datum_datum_known_by_level_origin",
        ),
    )
    op.create_table(
        "zone",
        sa.Column("zone_id", COUNTED, nullable=False),
        sa.Column("grid_id", sa.Text, nullable=False),
        sa.Column("village_id", sa.Text, nullable=False),
        sa.Column("beat_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("zone_id", name="pk_zone"),
        sa.UniqueConstraint("grid_id", "village_id", "beat_id", name="uq_zone_grid_id_village_id_beat_id"),
    )
    op.create_table(
        "report",
        sa.Column("arrival", COUNTED, nullable=False),
        sa.Column("report_id", sa.BigInteger, nullable=False),
        sa.Column("source_key", sa.BigInteger, nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("provenance_id", COUNTED, nullable=False),
        sa.Column("zone_id", COUNTED, nullable=False),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("time", TIME, nullable=False),
        sa.Column("time_until", TIME),
        sa.Column("lon", sa.Float(53), nullable=False),
        sa.Column("lat", sa.Float(53), nullable=False),
        sa.Column("radius_m", sa.Float(53)),
        sa.Column("cell", sa.BigInteger, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("reporter", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("arrival", name="pk_report"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_report_batch_id_batch"),
        sa.ForeignKeyConstraint(
            ["provenance_id"], ["provenance.provenance_id"], name="fk_report_provenance_id_provenance"
        ),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.zone_id"], name="fk_report_zone_id_zone"),
    )
    op.create_index("uq_report_report_id", "report", ["report_id"], unique=True)
    op.create_table(
        "held",
        sa.Column("held_id", COUNTED, nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("held_id", name="pk_held"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_held_batch_id_batch"),
    )
    op.create_table(
        "feature",
        sa.Column("layer", sa.String(40), nullable=False),
        sa.Column("feature_id", sa.String(200), nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("lon", sa.Float(53)),
        sa.Column("lat", sa.Float(53)),
        sa.Column("cell", sa.BigInteger, nullable=False),
        sa.Column("grid_id", sa.Text, nullable=False),
        sa.Column("village_id", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("layer", "feature_id", name="pk_feature"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_feature_batch_id_batch"),
    )
