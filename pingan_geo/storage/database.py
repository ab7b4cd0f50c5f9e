"""A town's database: opened, migrated, written and read behind one door.

SQLite in WAL mode: one writer and any number of readers, who see the state before the writer began. A write
is one transaction from ``BEGIN IMMEDIATE`` to its end, so a process that is killed leaves all as it was.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, exc
from sqlalchemy.engine import URL

from pingan_geo.errors import (
    DatabaseBusyError,
    DatabaseDamagedError,
    DatabaseTooNewError,
    DatabaseWriteError,
    PinganError,
    SettingsError,
)
from pingan_geo.storage.tables import HEAD

#: How long a writer waits for another one before it gives up.
BUSY_S = 30.0
#: Pages kept in memory, in KiB. For a writer the index of a large town's reports fits, so that inserting
#: stays quick; readers pass over the rows once, and there may be many of them.
_CACHE_KIB = 65_536
_READER_CACHE_KIB = 8_192
#: What is kept of the write-ahead log when it has been folded into the file, in bytes.
_LOG_BYTES = 16 << 20
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Store:
    """An open database.

    Parameters
    ----------
    url
        As ``town.toml`` or ``PINGAN_DATABASE_URL`` gave it.
    file
        The database file.
    backups
        Folder of backup copies, named in messages.
    """

    url: str
    file: Path
    backups: Path | None
    _engine: Engine = field(repr=False, compare=False)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open one transaction that writes; it is committed at the end and undone by any exception.

        ``data_version`` grows by one if anything was changed, so no writer can forget it.

        Raises
        ------
        DatabaseBusyError
            If another writer does not finish in time.
        DatabaseWriteError
            If the place is read-only or full.
        DatabaseDamagedError
            If the file turns out to be damaged.
        """
        with _plain_errors(self.file, self.backups), self._engine.connect() as plain:
            connection = plain.execution_options(pingan_begin="BEGIN IMMEDIATE")
            with connection.begin():
                before = _changes(connection)
                yield connection
                if _changes(connection) != before:
                    _raise_data_version(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a snapshot: all that is read inside belongs to one moment, whatever others write meanwhile.

        Raises
        ------
        DatabaseDamagedError
            If the file turns out to be damaged.
        """
        with (
            _plain_errors(self.file, self.backups),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close all connections; the last one to close folds the write-ahead log into the file."""
        self._engine.dispose()


def open_store(url: str, *, backups: Path | None, create: bool = False) -> Store:
    """Open a town's database; an older one is migrated after a backup copy.

    Parameters
    ----------
    url
        ``sqlite:///`` and the path of the file.
    backups
        Folder for the copy taken before a migration, named after the revision and the data version:
        ``town-0001-v12.sqlite``. ``None``: no copy is taken.
    create
        Make the file when it is absent.

    Returns
    -------
    Store
        At the newest revision.

    Raises
    ------
    SettingsError
        If the address is not one of SQLite.
    DatabaseTooNewError
        If a newer version of the software wrote it.
    DatabaseDamagedError
        If the file is absent (without ``create``), empty, damaged or of another program.
    DatabaseWriteError
        If it cannot be written.
    DatabaseBusyError
        If another process migrates or writes for too long.
    """
    if not url.startswith(_SQLITE) or len(url) == len(_SQLITE):
        raise SettingsError(
            file="town.toml / PINGAN_DATABASE_URL",
            key="database.url",
            value=url,
            expected="sqlite:///path/to/file",
        )
    file = Path(url.removeprefix(_SQLITE))
    if not file.is_file() and not create:
        raise _damaged(file, backups, "the file is missing")
    if not os.access(file if file.exists() else file.parent, os.W_OK) or not os.access(file.parent, os.W_OK):
        raise DatabaseWriteError(file=file, detail="the place is read-only or does not exist")
    with _plain_errors(file, backups, opening=True):
        _bring_up_to_date(file, backups, create=create)
        return Store(url, file, backups, _make_engine(file))


def backup_to(store: Store, file: Path) -> None:
    """Write a consistent copy of the database while others use it.

    Parameters
    ----------
    store
        The open database.
    file
        Where the copy goes; an older file there is replaced when the new one is complete.

    Raises
    ------
    DatabaseWriteError
        If the copy cannot be written.
    """
    with _plain_errors(file, store.backups):
        _copy_database(store.file, file)


def compact_store(store: Store) -> None:
    """Rewrite a database that nobody else uses without gaps, and fold its write-ahead log away.

    What was written in the same order is then the same bytes.

    Parameters
    ----------
    store
        Its connections are closed; it can be used again afterwards.

    Raises
    ------
    DatabaseBusyError
        If someone else uses it.
    DatabaseWriteError
        If there is no room for the second copy.
    """
    store.close()
    with (
        _plain_errors(store.file, store.backups),
        closing(sqlite3.connect(store.file, timeout=BUSY_S)) as plain,
    ):
        plain.execute("VACUUM")
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# -- connections -------------------------------------------------------------------------------------


def _make_engine(file: Path, *, migrating: bool = False) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        connect_args={"timeout": BUSY_S},
        **({"poolclass": NullPool} if migrating else {}),
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves: the driver would not wrap DDL
        cursor = connection.cursor()
        _switch_to_wal(cursor, file)
        cursor.execute("PRAGMA synchronous=FULL")  # a receipt that was printed must survive a power cut
        # A migration remakes tables, which foreign keys would take for deleting; it checks them at its end.
        cursor.execute(f"PRAGMA foreign_keys={'OFF' if migrating else 'ON'}")
        cursor.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.get_execution_options().get("pingan_begin", "BEGIN")
        cache_kib = _READER_CACHE_KIB if begin == "BEGIN" else _CACHE_KIB
        connection.exec_driver_sql(f"PRAGMA cache_size=-{cache_kib}")
        connection.exec_driver_sql(begin)

    return engine


def _switch_to_wal(cursor: sqlite3.Cursor, file: Path) -> None:
    """Set WAL mode; changing it needs the file alone, and SQLite does not wait for that by itself."""
    patience = time.monotonic() + BUSY_S
    while True:
        try:
            mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if (
                _code(error) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
                or time.monotonic() > patience
            ):
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise DatabaseWriteError(file=file, detail="the file system does not allow SQLite's WAL mode")
        return


def _changes(connection: Connection) -> int:
    return int(connection.connection.dbapi_connection.total_changes)  # type: ignore[union-attr]


def _raise_data_version(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO meta (key, value) VALUES ('data_version', '1') "
        "ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)"
    )


# -- errors ------------------------------------------------------------------------------------------

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNWRITABLE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


def _code(error: BaseException) -> int:
    """SQLite's primary result code (the lowest eight bits), 0 when there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _damaged(file: Path, backups: Path | None, detail: str) -> DatabaseDamagedError:
    return DatabaseDamagedError(file=file, detail=detail, backups=backups or "-")


@contextmanager
def _plain_errors(file: Path, backups: Path | None, *, opening: bool = False) -> Iterator[None]:
    """Turn what SQLite says about the file into one sentence for people; all else passes as it is.

    While a database is opened, nothing but its own state can be at fault: tables that are not as a migration
    expects them are damage, too.
    """
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        origin = error.orig if isinstance(error, exc.DBAPIError) else error
        told = _told(_code(origin) if origin is not None else 0, file, backups, str(origin))
        if told is None and opening:
            told = _damaged(file, backups, str(origin))
        if told is None:
            raise
        raise told from error


def _told(code: int, file: Path, backups: Path | None, detail: str) -> PinganError | None:
    if code in _DAMAGED:
        return _damaged(file, backups, detail)
    if code in _BUSY:
        return DatabaseBusyError(file=file)
    if code in _UNWRITABLE:
        return DatabaseWriteError(file=file, detail=detail)
    return None


# -- migration ---------------------------------------------------------------------------------------


def _bring_up_to_date(file: Path, backups: Path | None, *, create: bool) -> None:
    """Migrate under the write lock, so that of several processes one does it and the others find it done."""
    engine = _make_engine(file, migrating=True)
    try:
        with engine.connect() as plain:
            with plain.begin():
                revision = _revision(plain, file, backups, create=create)
            if revision == HEAD:
                return
            connection = plain.execution_options(pingan_begin="BEGIN IMMEDIATE")
            with connection.begin():
                revision = _revision(connection, file, backups, create=create)
                if revision == HEAD:
                    return
                if revision and backups is not None:
                    version = _data_version(connection)
                    _copy_database(file, backups / f"{file.stem}-{revision}-v{version}{file.suffix}")
                _upgrade(connection)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    raise _damaged(file, backups, f"{len(broken)} rows point at rows that do not exist")
                _raise_data_version(connection)
    finally:
        engine.dispose()


def _revision(connection: Connection, file: Path, backups: Path | None, *, create: bool) -> str:
    """Return the revision of the database, ``""`` for one that is yet to be made."""
    tables = {
        row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    if not tables and create:
        return ""
    if not tables:
        raise _damaged(file, backups, "it is empty")
    if "alembic_version" not in tables:
        raise _damaged(file, backups, "it was made by another program")
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    if len(found) != 1 or not str(found[0]).isdigit():
        raise _damaged(file, backups, "its revision cannot be read")
    revision = str(found[0])
    if revision > HEAD:
        raise DatabaseTooNewError(found=revision)
    return revision


def _data_version(connection: Connection) -> int:
    found = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'data_version'").scalar()
    return int(found or 0)


def _upgrade(connection: Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "pingan_geo.storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _copy_database(file: Path, copy: Path) -> None:
    """Copy by SQLite's own backup, complete or not at all; others may read and write meanwhile."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_name(f".{copy.name}.{os.getpid()}.part")
        try:
            with (
                closing(sqlite3.connect(file, timeout=BUSY_S)) as source,
                closing(sqlite3.connect(part)) as target,
            ):
                source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            part.replace(copy)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DatabaseWriteError(file=copy, detail=error.strerror or str(error)) from error
