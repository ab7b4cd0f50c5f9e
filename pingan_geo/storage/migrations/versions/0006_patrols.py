"""Plans of patrols, and what came back from them: visits and finds, apart from reports.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime().with_variant(sqlite.DATETIME(truncate_microseconds=True), "sqlite")


def upgrade() -> None:
    op.create_table(
        "patrol",
        sa.Column("patrol_id", sa.String(80), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("patrol_id", name="pk_patrol"),
    )
    op.create_table(
        "patrol_return",
        sa.Column("return_id", COUNTED, nullable=False),
        sa.Column("patrol_id", sa.String(80), nullable=False),
        sa.Column("team", sa.String(40), nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("returned_at", TIME, nullable=False),
        sa.Column("said_at", TIME, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("return_id", name="pk_patrol_return"),
        sa.ForeignKeyConstraint(
            ["patrol_id"], ["patrol.patrol_id"], name="fk_patrol_return_patrol_id_patrol"
        ),
        sa.UniqueConstraint(
            "patrol_id", "team", "file_sha256", name="uq_patrol_return_patrol_id_team_file_sha256"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "visit",
        sa.Column("visit_id", COUNTED, nullable=False),
        sa.Column("return_id", COUNTED, nullable=False),
        sa.Column("patrol_id", sa.String(80), nullable=False),
        sa.Column("team", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("stop_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("planned_arrive", TIME),
        sa.Column("planned_leave", TIME),
        sa.Column("arrived", TIME),
        sa.Column("left", TIME),
        sa.Column("answer", sa.String(20), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("photos", sa.Text, nullable=False),
        sa.Column("counts", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("visit_id", name="pk_visit"),
        sa.ForeignKeyConstraint(
            ["return_id"], ["patrol_return.return_id"], name="fk_visit_return_id_patrol_return"
        ),
    )
    op.create_index("ix_visit_patrol_id_team", "visit", ["patrol_id", "team"])
    op.create_table(
        "find",
        sa.Column("find_id", COUNTED, nullable=False),
        sa.Column("return_id", COUNTED, nullable=False),
        sa.Column("find_key", sa.String(200), nullable=False),
        sa.Column("patrol_id", sa.String(80), nullable=False),
        sa.Column("team", sa.String(40), nullable=False),
        sa.Column("stop_id", sa.Text, nullable=False),
        sa.Column("time", TIME),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("lon", sa.Float(53), nullable=False),
        sa.Column("lat", sa.Float(53), nullable=False),
        sa.Column("cell", sa.BigInteger, nullable=False),
        sa.Column("grid_id", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("photos", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("due", TIME),
        sa.Column("office", sa.Text, nullable=False),
        sa.Column("state_said", sa.String(20), nullable=False),
        sa.Column("settled_at", TIME),
        sa.Column("counts", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("find_id", name="pk_find"),
        sa.ForeignKeyConstraint(
            ["return_id"], ["patrol_return.return_id"], name="fk_find_return_id_patrol_return"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_find_patrol_id_team", "find", ["patrol_id", "team"])
    op.create_table(
        "patrol_held",
        sa.Column("return_id", COUNTED, nullable=False),
        sa.Column("row_number", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("return_id", "row_number", name="pk_patrol_held"),
        sa.ForeignKeyConstraint(
            ["return_id"], ["patrol_return.return_id"], name="fk_patrol_held_return_id_patrol_return"
        ),
    )
    op.create_table(
        "patrol_photo",
        sa.Column("return_id", COUNTED, nullable=False),
        sa.Column("file", sa.String(80), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("likeness", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("return_id", "file", name="pk_patrol_photo"),
        sa.ForeignKeyConstraint(
            ["return_id"], ["patrol_return.return_id"], name="fk_patrol_photo_return_id_patrol_return"
        ),
    )
