"""Opened, migrated, written and killed: the database is as before or as after, never between."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pingan_geo.errors import (
    DatabaseBusyError,
    DatabaseDamagedError,
    DatabaseTooNewError,
    DatabaseWriteError,
    SettingsError,
)
from pingan_geo.storage import database, records
from pingan_geo.storage.database import backup_to, open_store
from pingan_geo.storage.tables import HEAD, METADATA


def make_old(file: Path, revision: str) -> None:
    """Make a database as an older version of the software left it, with rows in it."""
    engine = database._make_engine(file, migrating=True)
    with engine.connect() as plain:
        connection = plain.execution_options(pingan_begin="BEGIN IMMEDIATE")
        with connection.begin():
            database._upgrade(connection, revision)
            for statement in OLD_ROWS:
                connection.exec_driver_sql(statement)
    engine.dispose()


OLD_ROWS = (
    "INSERT INTO meta VALUES ('data_version', '12')",
    """INSERT INTO batch
        (batch_id, kind, source, file_name, file_sha256, datum, layout, imported_at, undone_at, receipt)
        VALUES (1, 'reports', '', 'a.csv', '', 'wgs84', '', '2025-01-02 03:04:05', NULL, '')""",
    "INSERT INTO provenance VALUES (1, '平安驿', 'wgs84', 'setting', 'point', 'reported')",
    "INSERT INTO zone VALUES (1, 'G1', 'V1', '')",
    """INSERT INTO report
        (arrival, report_id, source_key, batch_id, provenance_id, zone_id, row_number, time, time_until, lon, lat,
        radius_m, cell, category, source_id, reporter, place, description) VALUES
        (1, 77, 0, 1, 1, 1, 2, '2025-01-01 00:00:00', NULL, 1, 2, NULL, 5, 'FW1', '', '', '北街', '')""",
    "INSERT INTO held (held_id, batch_id, row_number, reason, detail, received) VALUES (1, 1, 3, 'no_place', '', '{}')",
    """INSERT INTO feature
        (layer, feature_id, batch_id, name, kind, lon, lat, cell, grid_id, village_id, attributes)
        VALUES ('posts', 'P1', 1, '秀水岗', '', 120.6, 30.8, 5, 'G1', 'V1', '{}')""",
)


def count_reports(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT count(*) FROM report").fetchone()[0]


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "sqlite:///", "postgresql://host/town", "town.sqlite"])
def test_address_of_another_kind_is_refused(url):
    with pytest.raises(SettingsError):
        open_store(url, backups=None, create=True)


def test_absent_database_is_not_made_unasked(url, tmp_path):
    with pytest.raises(DatabaseDamagedError, match="missing"):
        open_store(url, backups=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_emptied_file_is_damaged(url, tmp_path):
    (tmp_path / "town.sqlite").touch()
    with pytest.raises(DatabaseDamagedError, match="empty"):
        open_store(url, backups=tmp_path / "backups")


def test_other_file_is_damaged(url, tmp_path):
    (tmp_path / "town.sqlite").write_text("经度,纬度\n" * 1000, encoding="utf-8")
    with pytest.raises(DatabaseDamagedError, match="backups"):
        open_store(url, backups=tmp_path / "backups")


def test_database_of_another_program_is_left_alone(url, tmp_path):
    with closing(sqlite3.connect(tmp_path / "town.sqlite")) as connection:
        connection.execute("CREATE TABLE photos (id)")
    with pytest.raises(DatabaseDamagedError, match="another program"):
        open_store(url, backups=tmp_path / "backups", create=True)


def test_database_cut_short_is_damaged(store, url, tmp_path, begin_batch, make_reports):
    with store.begin() as connection:
        records.insert_reports(connection, make_reports(5_000, batch_id=begin_batch(connection)))
    store.close()
    file = tmp_path / "town.sqlite"
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2)
    with pytest.raises(DatabaseDamagedError, match="backups"):
        open_store(url, backups=tmp_path / "backups")


def test_damage_inside_is_told_when_it_is_met(store, url, tmp_path, begin_batch, make_reports):
    with store.begin() as connection:
        records.insert_reports(connection, make_reports(5_000, batch_id=begin_batch(connection)))
    store.close()
    file = tmp_path / "town.sqlite"
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(b"\xa5" * 40_000)
    again = open_store(url, backups=tmp_path / "backups")
    with pytest.raises(DatabaseDamagedError), again.read() as connection:
        records.read_reports(connection)
    again.close()


def test_newer_database_is_refused_and_left_alone(store, url, tmp_path):
    store.close()
    file = tmp_path / "town.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9001'")
        connection.commit()
    before = file.read_bytes()
    with pytest.raises(DatabaseTooNewError, match="9001"):
        open_store(url, backups=tmp_path / "backups")
    assert file.read_bytes() == before
    assert not (tmp_path / "backups").exists()


def test_read_only_place_is_one_clear_error():
    """As nobody: root may write anywhere, so the check runs in a child that is not root."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        place.chmod(0o755)
        open_store(f"sqlite:///{place / 'town.sqlite'}", backups=None, create=True).close()
        place.chmod(0o555)
        (place / "town.sqlite").chmod(0o444)

        def try_it() -> str:
            try:
                open_store(f"sqlite:///{place / 'town.sqlite'}", backups=None)
            except DatabaseWriteError as error:
                return str(error)
            return "it was opened"

        try:
            assert "cannot be written" in as_nobody(try_it)
        finally:
            place.chmod(0o755)


def as_nobody(action) -> str:
    if os.getuid():
        return action()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # forking beside threads: the child only asks a file
        child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, action().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


def test_second_writer_gives_up_with_a_sentence(store, url, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    other = open_store(url, backups=None)
    with store.begin() as connection:
        records.meta_set(connection, "a", "1")
        with pytest.raises(DatabaseBusyError), other.begin():
            pass
    with other.begin() as connection:
        assert records.meta_get(connection, "a") == "1"
    other.close()


# -- transactions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_any_exception_takes_everything_back(store, stop, begin_batch, make_reports):
    def write_and_stop():
        with store.begin() as connection:
            records.insert_reports(connection, make_reports(100, batch_id=begin_batch(connection)))
            raise stop

    with pytest.raises(stop):
        write_and_stop()
    with store.read() as connection:
        assert len(records.read_reports(connection)) == 0
        assert len(records.read_batches(connection)) == 0
        assert records.data_version(connection) == 1


def test_reader_sees_one_moment_while_another_writes(store, url):
    other = open_store(url, backups=None)
    with other.read() as reading:
        assert records.meta_get(reading, "a") is None
        with store.begin() as writing:
            records.meta_set(writing, "a", "1")
            assert records.meta_get(reading, "a") is None
        assert records.meta_get(reading, "a") is None
    with other.read() as reading:
        assert records.meta_get(reading, "a") == "1"
    other.close()


def test_foreign_keys_are_watched(store, make_reports):
    with pytest.raises(Exception, match="FOREIGN KEY"), store.begin() as connection:
        records.insert_reports(connection, make_reports(3, batch_id=99))


def test_data_version_grows_with_every_change_and_only_then(store, begin_batch):
    def version():
        with store.read() as connection:
            return records.data_version(connection)

    seen = [version()]
    with store.begin() as connection:
        batch = begin_batch(connection)
    seen.append(version())
    with store.begin() as connection:
        records.undo_batch(connection, batch, datetime(2025, 7, 2))
    seen.append(version())
    with store.begin() as connection:
        records.meta_set(connection, "a", "1")
    seen.append(version())
    assert seen == sorted(set(seen))
    with store.begin() as connection:
        records.read_batches(connection)
    assert version() == seen[-1]


def test_wal_is_on_and_folded_in_at_the_end(store, url, tmp_path):
    with store.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        records.meta_set(connection, "a", "1")
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["town.sqlite"]


def test_odd_folder_names_are_paths_and_not_addresses(tmp_path):
    folder = tmp_path / "镇 50%?x=1#a"
    folder.mkdir()
    open_store(f"sqlite:///{folder / 'town.sqlite'}", backups=None, create=True).close()
    assert (folder / "town.sqlite").is_file()


# -- killed ------------------------------------------------------------------------------------------

KILLED = textwrap.dedent("""
    import os, sys
    from datetime import datetime
    import numpy as np
    import pandas as pd
    from pingan_geo.model.tables import REPORTS
    from pingan_geo.storage import database, records
    from pingan_geo.storage.database import open_store

    database._CACHE_KIB = 200  # so small that rows reach the disk long before they are committed
    rows, url = int(sys.argv[1]), sys.argv[2]
    table = REPORTS.empty().reindex(range(rows))
    for name, dtype in REPORTS.columns.items():
        plain = {"str": "新塍", "float64": 1.5, "datetime64[s]": "2025-01-01"}.get(dtype, 7)
        table[name] = pd.Series([plain] * rows).astype(dtype)
    table["source_key"] = np.zeros(rows, dtype=np.int64)

    def insert_for_ever():
        store = open_store(url, backups=None)
        while True:
            with store.begin() as connection:
                batch = records.insert_batch(
                    connection, kind="reports", source="", file_name="", file_sha256="", datum="", layout="",
                    imported_at=datetime(2025, 1, 1),
                )
                table["batch_id"] = batch
                table["report_id"] = np.arange(rows, dtype=np.int64) + batch * rows
                records.insert_reports(connection, table)
                records.finish_batch(connection, batch, "{}")

    for line in sys.stdin:  # imports once, is killed often
        child = os.fork()
        if not child:
            insert_for_ever()
        print(child, flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)
""")


def test_killed_at_any_moment_it_is_as_before(store, url, tmp_path):
    rows, kills = 5_000, 12
    store.close()
    moments = random.Random(7)
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(rows), url]
    counts = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as mother:
        while len(counts) < kills or (counts[-1] == 0 and len(counts) < 5 * kills):
            mother.stdin.write("again\n")
            mother.stdin.flush()
            child = int(mother.stdout.readline())
            time.sleep(moments.uniform(0.01, 0.5))
            os.kill(child, signal.SIGKILL)
            assert mother.stdout.readline() == "gone\n"
            with closing(sqlite3.connect(tmp_path / "town.sqlite")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
                batches = connection.execute("SELECT count(*) FROM batch WHERE receipt = '{}'").fetchone()[0]
                assert batches == connection.execute("SELECT count(*) FROM batch").fetchone()[0]
            counts.append(count_reports(tmp_path / "town.sqlite"))
            assert counts[-1] == batches * rows
        mother.stdin.close()
    assert counts == sorted(counts)
    assert counts[-1] > 0  # some inserts did finish, so there was something to be killed


# -- migrated ----------------------------------------------------------------------------------------


def test_newest_migration_is_the_head_and_the_tables_are_as_it_leaves_them(store):
    config = Config()
    config.set_main_option("script_location", "pingan_geo.storage:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert len(list(script.walk_revisions())) >= 2
    with store.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_older_database_is_copied_and_migrated_with_its_rows(url, tmp_path, revision):
    make_old(tmp_path / "town.sqlite", revision)
    store = open_store(url, backups=tmp_path / "backups")
    with store.read() as connection:
        reports = records.read_reports(connection)
        assert reports[["report_id", "category", "place", "grid_id", "source"]].to_numpy().tolist() == [
            [77, "FW1", "北街", "G1", "平安驿"]
        ]
        assert reports["time"].tolist() == [pd.Timestamp(2025, 1, 1)]
        assert records.read_held(connection)["reason"].tolist() == ["no_place"]
        assert records.read_features(connection, "posts")["name"].tolist() == ["秀水岗"]
        assert records.data_version(connection) == 13
        assert records.batch_options(connection, 1) == {}
        assert records.read_reports(connection, ["stated_grid", "extra", "merged_into"]).iloc[0].tolist() == [
            "",
            "",
            0,
        ]
    store.close()
    copies = list((tmp_path / "backups").iterdir())
    assert [copy.name for copy in copies] == [f"town-{revision}-v12.sqlite"]
    with closing(sqlite3.connect(copies[0])) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
        assert copy.execute("SELECT report_id FROM report").fetchall() == [(77,)]
        assert copy.execute("SELECT name FROM feature").fetchall() == [("秀水岗",)]


def test_copy_can_be_put_back_and_opened(url, tmp_path):
    make_old(tmp_path / "town.sqlite", "0001")
    open_store(url, backups=tmp_path / "backups").close()
    (tmp_path / "backups" / "town-0001-v12.sqlite").replace(tmp_path / "town.sqlite")
    open_store(url, backups=tmp_path / "backups").close()
    assert count_reports(tmp_path / "town.sqlite") == 1


def test_migration_that_fails_leaves_the_older_database(url, tmp_path):
    file = tmp_path / "town.sqlite"
    make_old(file, "0001")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE feature DROP COLUMN attributes")  # the second step cannot copy it
        before = list(connection.iterdump())
    with pytest.raises(DatabaseDamagedError, match="attributes"):
        open_store(url, backups=tmp_path / "backups")
    with closing(sqlite3.connect(file)) as connection:
        assert list(connection.iterdump()) == before


def test_several_processes_open_an_older_database_at_once(url, tmp_path):
    make_old(tmp_path / "town.sqlite", "0001")
    code = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from pingan_geo.storage.database import open_store
        import alembic.command
        print("ready", flush=True)
        sys.stdin.readline()
        store = open_store({url!r}, backups=Path({str(tmp_path / "backups")!r}))
        with store.read() as connection:
            print(connection.exec_driver_sql("SELECT count(*) FROM feature WHERE NOT gone").scalar())
        store.close()
    """)
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.communicate()[0] for child in children] == ["1\n"] * 3
    assert [child.returncode for child in children] == [0] * 3
    assert [copy.name for copy in (tmp_path / "backups").iterdir()] == ["town-0001-v12.sqlite"]


def test_opening_twice_changes_nothing(store, url, tmp_path):
    store.close()
    before = (tmp_path / "town.sqlite").read_bytes()
    open_store(url, backups=tmp_path / "backups").close()
    assert (tmp_path / "town.sqlite").read_bytes() == before


# -- copies ------------------------------------------------------------------------------------------


def test_copy_is_whole_while_another_writes(store, tmp_path, begin_batch, make_reports):
    with store.begin() as connection:
        records.insert_reports(connection, make_reports(1_000, batch_id=begin_batch(connection)))
    with store.begin() as connection:
        records.insert_reports(connection, make_reports(1_000, batch_id=begin_batch(connection), seed=2))
        backup_to(store, tmp_path / "copies" / "town.sqlite")
    assert count_reports(tmp_path / "copies" / "town.sqlite") == 1_000
    copy = open_store(f"sqlite:///{tmp_path / 'copies' / 'town.sqlite'}", backups=None)
    with copy.read() as connection:
        assert len(records.read_reports(connection)) == 1_000
    copy.close()
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["town.sqlite"]


def test_copy_that_cannot_be_written_is_one_sentence(store, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseWriteError):
        backup_to(store, tmp_path / "file" / "copy.sqlite")
