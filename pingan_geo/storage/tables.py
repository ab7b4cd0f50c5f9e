"""The tables of a town's database, as the newest migration leaves them.

Words that a whole ledger shares (its name, datum, level) and the polygons that a place lies in stand once,
in ``provenance`` and ``zone``; a report points at them. That makes a million rows a third smaller and the
reading of them as much faster. The tables hold nothing that only SQLite knows: times are ``DateTime`` (text
``YYYY-MM-DD HH:MM:SS`` in SQLite), cells are signed 64-bit numbers (an H3 cell never uses the highest bit).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects import sqlite

#: The newest revision in ``migrations/versions``. Revisions are numbered, so a larger one is a newer one.
HEAD = "0006"

#: Whole seconds: what a report's time is known to, and what numpy can write at once.
TIME = DateTime().with_variant(sqlite.DATETIME(truncate_microseconds=True), "sqlite")  # type: ignore[no-untyped-call]
#: A key that the database counts up by itself; SQLite does that for INTEGER only.
COUNTED = BigInteger().with_variant(Integer(), "sqlite")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

META = Table(
    "meta",
    METADATA,
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

#: One import of one file. An import that was taken back keeps its row, with the time of undoing.
BATCH = Table(
    "batch",
    METADATA,
    Column("batch_id", COUNTED, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("source", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("datum", String(40), nullable=False),
    Column("layout", Text, nullable=False),
    Column("imported_at", TIME, nullable=False),
    Column("undone_at", TIME),
    Column("receipt", Text, nullable=False),
    Column(
        "options", Text, nullable=False, server_default=text("''")
    ),  # JSON: how the file was said to be read
    sqlite_autoincrement=True,  # the number of an import is never given to another
)

PROVENANCE = Table(
    "provenance",
    METADATA,
    Column("provenance_id", COUNTED, primary_key=True),
    Column("source", Text, nullable=False),
    Column("datum", String(40), nullable=False),
    Column("datum_known_by", String(40), nullable=False),
    Column("level", String(40), nullable=False),
    Column("origin", String(40), nullable=False),
    UniqueConstraint("source", "datum", "datum_known_by", "level", "origin"),
)

ZONE = Table(
    "zone",
    METADATA,
    Column("zone_id", COUNTED, primary_key=True),
    Column("grid_id", Text, nullable=False),
    Column("village_id", Text, nullable=False),
    Column("beat_id", Text, nullable=False),
    UniqueConstraint("grid_id", "village_id", "beat_id"),
)

#: ``report_id`` is a hash and would scatter the rows; they lie in the order of arrival, and the one index
#: worth its price is the one that keeps a row from being stored twice.
REPORT = Table(
    "report",
    METADATA,
    Column("arrival", COUNTED, primary_key=True),
    Column("report_id", BigInteger, nullable=False),
    Column(
        "source_key", BigInteger, nullable=False
    ),  # hash of source and source_id; 0: the sender gave no number
    Column("batch_id", COUNTED, ForeignKey("batch.batch_id"), nullable=False),
    Column("provenance_id", COUNTED, ForeignKey("provenance.provenance_id"), nullable=False),
    Column("zone_id", COUNTED, ForeignKey("zone.zone_id"), nullable=False),
    Column("row_number", BigInteger, nullable=False),
    Column("time", TIME, nullable=False),
    Column("time_until", TIME),
    Column("lon", Float(53), nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("radius_m", Float(53)),
    Column("cell", BigInteger, nullable=False),
    Column("category", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("reporter", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("stated_grid", Text, nullable=False, server_default=text("''")),
    Column("extra", Text, nullable=False, server_default=text("''")),
    Column("merged_into", BigInteger, nullable=False, server_default=text("0")),
    Index("uq_report_report_id", "report_id", unique=True),
    # Few reports are merged or name a grid that is not known, and they must be found among a million.
    Index(
        "ix_report_merged_into",
        "merged_into",
        sqlite_where=text("merged_into != 0"),
        postgresql_where=text("merged_into != 0"),
    ),
    Index(
        "ix_report_stated_grid",
        "stated_grid",
        sqlite_where=text("stated_grid != ''"),
        postgresql_where=text("stated_grid != ''"),
    ),
)

HELD = Table(
    "held",
    METADATA,
    Column("held_id", COUNTED, primary_key=True),
    Column("batch_id", COUNTED, ForeignKey("batch.batch_id"), nullable=False),
    Column("row_number", BigInteger, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("received", Text, nullable=False),
    Column("sheet", Text, nullable=False, server_default=text("''")),
    Column("dismissed_at", TIME),  # a person decided that it is not to be stored
    Column("report_id", BigInteger),  # mended: it became this report
    Column("again_in", BigInteger),  # it came again, mended or not, in this later import
    # Of the rows that wait, those that ask the same must be found among a hundred thousand.
    Index(
        "ix_held_batch_id_reason_detail",
        "batch_id",
        "reason",
        "detail",
        sqlite_where=text("report_id IS NULL AND dismissed_at IS NULL AND again_in IS NULL"),
        postgresql_where=text("report_id IS NULL AND dismissed_at IS NULL AND again_in IS NULL"),
    ),
)

#: How a ledger is laid out, confirmed once by a person.
LAYOUT = Table(
    "layout",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("content", Text, nullable=False),  # JSON
    Column("saved_at", TIME, nullable=False),
)

#: What somebody asked on a page, kept under a name: all visitors of the town see the same list.
SAVED_VIEW = Table(
    "saved_view",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("page", String(40), nullable=False),
    Column("address", Text, nullable=False),  # JSON: parameter to its values
    Column("saved_at", TIME, nullable=False),
)

#: Spellings that a person has explained: of categories, grid codes and places.
ALIAS = Table(
    "alias",
    METADATA,
    Column("kind", String(40), primary_key=True),  # category, grid, place
    Column("spelling", String(400), primary_key=True),  # as it is compared
    Column("target", Text, nullable=False),  # code of the category or grid, name of the place
    Column("lon", Float(53)),  # of a place, WGS-84
    Column("lat", Float(53)),
    Column("level", String(40), nullable=False),
    Column("radius_m", Float(53)),
    Column("learned_at", TIME, nullable=False),
)

#: What a person answered in the review, and how to take it back: JSON of what stood there before.
ANSWER = Table(
    "answer",
    METADATA,
    Column("answer_id", COUNTED, primary_key=True),
    Column("item", Text, nullable=False),
    Column("answer", Text, nullable=False),  # JSON
    Column("before", Text, nullable=False),  # JSON
    Column("answered_at", TIME, nullable=False),
)

#: A value that was changed, by a rule or by a person, and why.
CORRECTION = Table(
    "correction",
    METADATA,
    Column("correction_id", COUNTED, primary_key=True),
    Column("batch_id", COUNTED, ForeignKey("batch.batch_id"), nullable=False),
    Column("sheet", Text, nullable=False),
    Column("row_number", BigInteger, nullable=False),
    Column("what", String(40), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
)

#: Pairs of reports that may tell of one incident. A decision of a person stays, so that none is asked twice.
DUPLICATE = Table(
    "duplicate",
    METADATA,
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("second", BigInteger, primary_key=True, autoincrement=False),
    Column("batch_id", COUNTED, ForeignKey("batch.batch_id"), nullable=False),  # that brought the second
    Column("distance_m", Float(53), nullable=False),
    Column("gap_h", Float(53), nullable=False),
    Column("text_likeness", Float(53)),
    Column("photo_likeness", Float(53)),
    Column("score", Float(53), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decision", String(40), nullable=False),  # "", merged, apart
    Column("decided_at", TIME),
)

#: Photos in ``media/``, without their EXIF. ``report_id`` is empty while the row is held.
PHOTO = Table(
    "photo",
    METADATA,
    Column("photo_id", COUNTED, primary_key=True),
    Column("batch_id", COUNTED, ForeignKey("batch.batch_id"), nullable=False),
    Column("row_number", BigInteger, nullable=False),
    Column("report_id", BigInteger),
    Column("file", Text, nullable=False),  # name in media/
    Column("sha256", String(64), nullable=False),  # of the file as received
    Column("likeness", BigInteger, nullable=False),  # 64 bits of a perceptual hash, as a signed number
)

#: Each import that adds or changes a feature writes a version of it; the newest counts, so that taking an
#: import back brings the older version to light again.
FEATURE = Table(
    "feature",
    METADATA,
    Column("layer", String(40), primary_key=True),  # posts, stations, enterprises, places, volunteers
    Column("feature_id", String(200), primary_key=True),
    Column(
        "batch_id",
        COUNTED,
        ForeignKey("batch.batch_id", name="fk_feature_versions_batch_id_batch"),
        primary_key=True,
    ),
    Column("gone", Boolean, nullable=False, server_default=false()),  # no longer in the newest whole list
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lon", Float(53)),
    Column("lat", Float(53)),
    Column("cell", BigInteger, nullable=False),
    Column("grid_id", Text, nullable=False),
    Column("village_id", Text, nullable=False),
    Column("attributes", Text, nullable=False),
)

#: A plan of patrols as it was made (JSON), and what was asked for it (JSON, "" unknown).
PATROL = Table(
    "patrol",
    METADATA,
    Column("patrol_id", String(80), primary_key=True),
    Column("title", Text, nullable=False),
    Column("since", TIME, nullable=False),
    Column("until", TIME, nullable=False),
    Column("made_at", TIME, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),  # see pingan_geo.storage.patrols.PATROL_STATES
    Column("plan", Text, nullable=False),
    Column("request", Text, nullable=False, server_default=text("''")),
)

#: One file that a team brought back. The same file again is known by its content.
PATROL_RETURN = Table(
    "patrol_return",
    METADATA,
    Column("return_id", COUNTED, primary_key=True),
    Column("patrol_id", String(80), ForeignKey("patrol.patrol_id"), nullable=False),
    Column("team", String(40), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("kind", String(20), nullable=False),  # phone, qr, sheet
    Column("person", Text, nullable=False),  # 工号, never a name
    Column("returned_at", TIME, nullable=False),
    Column("said_at", TIME, nullable=False),  # when the phone wrote the file; else when it was taken in
    Column("receipt", Text, nullable=False),
    UniqueConstraint("patrol_id", "team", "file_sha256"),
    sqlite_autoincrement=True,
)

#: What was done at the stops. Of several answers about one stop one counts; the others are kept as history.
VISIT = Table(
    "visit",
    METADATA,
    Column("visit_id", COUNTED, primary_key=True),
    Column("return_id", COUNTED, ForeignKey("patrol_return.return_id"), nullable=False),
    Column("patrol_id", String(80), nullable=False),
    Column("team", String(40), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("stop_id", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("cell", Text, nullable=False),
    Column("planned_arrive", TIME),
    Column("planned_leave", TIME),
    Column("arrived", TIME),
    Column("left", TIME),
    Column("answer", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("photos", Text, nullable=False),
    Column("counts", Boolean, nullable=False),
    Index("ix_visit_patrol_id_team", "patrol_id", "team"),
)

#: What patrols found; never counted as reports. ``find_id`` stays when a later file says it anew.
FIND = Table(
    "find",
    METADATA,
    Column("find_id", COUNTED, primary_key=True),
    Column("return_id", COUNTED, ForeignKey("patrol_return.return_id"), nullable=False),
    Column("find_key", String(200), nullable=False),  # as the phone or the sheet names it
    Column("patrol_id", String(80), nullable=False),
    Column("team", String(40), nullable=False),
    Column("stop_id", Text, nullable=False),
    Column("time", TIME),
    Column("category", Text, nullable=False),
    Column("lon", Float(53), nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("cell", BigInteger, nullable=False),
    Column("grid_id", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("photos", Text, nullable=False),
    Column("state", String(20), nullable=False),  # open, settled: as it is now
    Column("due", TIME),
    Column("office", Text, nullable=False),
    Column("state_said", String(20), nullable=False),  # as the patrol that found it left it
    Column("settled_at", TIME),  # by a later patrol
    Column("counts", Boolean, nullable=False),
    Index("ix_find_patrol_id_team", "patrol_id", "team"),
    sqlite_autoincrement=True,
)

#: Rows of a file brought back that could not be taken, each with its reason.
PATROL_HELD = Table(
    "patrol_held",
    METADATA,
    Column("return_id", COUNTED, ForeignKey("patrol_return.return_id"), primary_key=True),
    Column("row_number", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("received", Text, nullable=False),
)

#: Photos of patrols in ``media/``, without their EXIF.
PATROL_PHOTO = Table(
    "patrol_photo",
    METADATA,
    Column("return_id", COUNTED, ForeignKey("patrol_return.return_id"), primary_key=True),
    Column("file", String(80), primary_key=True),
    Column("sha256", String(64), nullable=False),  # of the file as received
    Column("likeness", BigInteger, nullable=False),
)
