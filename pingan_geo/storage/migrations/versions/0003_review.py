"""Room for what is asked of people: layouts, aliases, corrections, duplicates, photos.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime().with_variant(sqlite.DATETIME(truncate_microseconds=True), "sqlite")


def upgrade() -> None:
    op.add_column("batch", sa.Column("options", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("report", sa.Column("stated_grid", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("report", sa.Column("extra", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column(
        "report", sa.Column("merged_into", sa.BigInteger, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("held", sa.Column("sheet", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("held", sa.Column("dismissed_at", TIME))
    op.add_column("held", sa.Column("report_id", sa.BigInteger))
    for table, names, some in (
        ("report", ["merged_into"], "merged_into != 0"),
        ("report", ["stated_grid"], "stated_grid != ''"),
        ("held", ["batch_id", "reason", "detail"], "report_id IS NULL AND dismissed_at IS NULL"),
    ):
        op.create_index(
            f"ix_{table}_{'_'.join(names)}",
            table,
            names,
            sqlite_where=sa.text(some),
            postgresql_where=sa.text(some),
        )
    op.create_table(
        "layout",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("saved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_layout"),
    )
    op.create_table(
        "alias",
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("spelling", sa.String(400), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("lon", sa.Float(53)),
        sa.Column("lat", sa.Float(53)),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("radius_m", sa.Float(53)),
        sa.Column("learned_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("kind", "spelling", name="pk_alias"),
    )
    op.create_table(
        "answer",
        sa.Column("answer_id", COUNTED, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("answered_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("answer_id", name="pk_answer"),
    )
    op.create_table(
        "correction",
        sa.Column("correction_id", COUNTED, nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("sheet", sa.Text, nullable=False),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("correction_id", name="pk_correction"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_correction_batch_id_batch"),
    )
    op.create_table(
        "duplicate",
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("second", sa.BigInteger, nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("distance_m", sa.Float(53), nullable=False),
        sa.Column("gap_h", sa.Float(53), nullable=False),
        sa.Column("text_likeness", sa.Float(53)),
        sa.Column("photo_likeness", sa.Float(53)),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decision", sa.String(40), nullable=False),
        sa.Column("decided_at", TIME),
        sa.PrimaryKeyConstraint("first", "second", name="pk_duplicate"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_duplicate_batch_id_batch"),
    )
    op.create_table(
        "photo",
        sa.Column("photo_id", COUNTED, nullable=False),
        sa.Column("batch_id", COUNTED, nullable=False),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("report_id", sa.BigInteger),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("likeness", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", name="pk_photo"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_photo_batch_id_batch"),
    )
