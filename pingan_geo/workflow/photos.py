"""Photos that came with reports, kept in the town's ``media`` folder without a trace of where and when.

A file is written before the rows that name it are committed, and deleted after the rows that named it are
gone: at any moment, each photo that the database names is there, whole. What a killed process leaves behind is
a file that nothing names, and the next import removes it.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd

from pingan_geo.intake.photos import UNFIT, Photo, publish_photo
from pingan_geo.intake.raw import TableFile
from pingan_geo.storage.photos import (
    insert_photos,
    is_photo_named,
    photo_files,
    photos_of_report,
    photos_of_row,
)
from pingan_geo.workflow.towns import Town

MEDIA = "media"
#: What we write there: the name is the content. Anything else in the folder is somebody else's.
_OURS = re.compile(r"[0-9a-f]{64}\.jpg")
_PART = ".part"


class PhotoKeeper:
    """Writes the photos of an import; what it wrote goes again when the import fails.

    Parameters
    ----------
    folder
        The town's folder.
    table
        The file that is imported; nothing is kept when it is not of photos.
    """

    def __init__(self, folder: Path, table: TableFile) -> None:
        self.wanted = table.kind == "photos"
        self._folder = folder / MEDIA
        self._table = table
        self._written: list[Path] = []

    def __enter__(self) -> PhotoKeeper:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            for file in self._written:
                file.unlink(missing_ok=True)

    def keep(self, connection: Any, batch: int, reports: pd.DataFrame, held: pd.DataFrame) -> None:
        """Keep the photos of stored and of held rows.

        Parameters
        ----------
        connection
            That writes.
        batch
            Number of the import.
        reports, held
            REPORTS and HELD_ROWS of this chunk.
        """
        stored = dict(zip(reports["row_number"], reports["report_id"], strict=True))
        held_rows = held.loc[~held["reason"].isin(UNFIT), "row_number"]
        self._folder.mkdir(exist_ok=True)
        rows = []
        for row in [*stored, *held_rows]:
            name, photo = self.keep_one(int(row))
            rows.append((int(row), int(stored.get(row, 0)), name, photo.sha256, photo.likeness))
        if rows:
            names = ["row_number", "report_id", "file", "sha256", "likeness"]
            insert_photos(connection, batch, pd.DataFrame(rows, columns=names))

    def keep_one(self, row: int, *, write: bool = True) -> tuple[str, Photo]:
        """Keep the photo of a row, and return its name in ``media/`` and the copy; unless ``write``, only these.

        Raises
        ------
        UnreadableFileError
            If it cannot be opened.
        """
        photo = publish_photo(self._table, row)
        name = f"{hashlib.sha256(photo.jpeg).hexdigest()}.jpg"
        if write:
            self._folder.mkdir(exist_ok=True)
            self._write(self._folder / name, photo.jpeg)
        return name, photo

    def _write(self, file: Path, jpeg: bytes) -> None:
        if file.exists():
            return
        part = file.with_suffix(_PART)
        self._written += [part, file]
        with part.open("wb") as stream:
            stream.write(jpeg)
            stream.flush()
            os.fsync(stream.fileno())  # the rows that name it survive a power cut, so must it
        part.replace(file)


def sweep_media(connection: Any, folder: Path) -> int:
    """Remove photos that no import names, and return how many.

    Parameters
    ----------
    connection
        That holds the lock for writing, so that no import is on the way whose rows are not committed yet, and
        has deleted no row itself that named a photo.
    folder
        The town's folder.
    """
    media = folder / MEDIA
    if not media.is_dir():
        return 0
    named = photo_files(connection)
    ours = [file for file in media.iterdir() if _OURS.fullmatch(file.with_suffix(".jpg").name)]
    strays = [file for file in ours if file.name not in named and file.suffix in {".jpg", _PART}]
    for file in strays:
        file.unlink(missing_ok=True)
    return len(strays)


def photo_path(town: Town, name: str) -> Path | None:
    """Return where a photo lies, ``None`` unless it is one of ours, an import names it, and it is there.

    Parameters
    ----------
    town
        The town.
    name
        From anywhere, e.g. an address that was asked for.
    """
    if not _OURS.fullmatch(name):
        return None
    with town.store.read() as connection:
        if not is_photo_named(connection, name):
            return None
    file = town.folder / MEDIA / name
    return file if file.is_file() and not file.is_symlink() else None


def row_photos(town: Town, batch: int, row_number: int) -> list[str]:
    """Return the names of the photos that came with a row of an import, held or stored."""
    with town.store.read() as connection:
        return list(dict.fromkeys(photos_of_row(connection, batch, row_number)["file"].tolist()))


def report_photos(town: Town, report_id: int) -> list[str]:
    """Return the names of the photos of a report and of those merged into it."""
    with town.store.read() as connection:
        return list(dict.fromkeys(photos_of_report(connection, report_id)["file"].tolist()))
