"""Photos that came with reports, kept in the town's ``media`` folder without a trace of where and when."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from pingan_geo.intake.photos import UNFIT, publish_photo
from pingan_geo.intake.raw import TableFile
from pingan_geo.storage.photos import insert_photos, read_photos

MEDIA = "media"


class PhotoKeeper:
    """Writes the photos of an import; what it wrote goes again when the import fails.

    Files are named by their content, so a process that is killed leaves at most pictures that nothing names;
    :func:`sweep_media` removes them.

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
            photo = publish_photo(self._table, int(row))
            name = f"{hashlib.sha256(photo.jpeg).hexdigest()}.jpg"
            if not (self._folder / name).exists():
                (self._folder / name).write_bytes(photo.jpeg)
                self._written.append(self._folder / name)
            rows.append((int(row), int(stored.get(row, 0)), name, photo.sha256, photo.likeness))
        if rows:
            names = ["row_number", "report_id", "file", "sha256", "likeness"]
            insert_photos(connection, batch, pd.DataFrame(rows, columns=names))


def sweep_media(connection: Any, folder: Path) -> int:
    """Remove pictures that no import names, and return how many; for a transaction that writes."""
    media = folder / MEDIA
    if not media.is_dir():
        return 0
    named = set(read_photos(connection)["file"])
    strays = [file for file in media.glob("*.jpg") if file.name not in named]
    for file in strays:
        file.unlink(missing_ok=True)
    return len(strays)
