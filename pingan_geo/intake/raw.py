"""Rows as received, and the file that they come from, before anything is interpreted."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from pingan_geo.errors import UnreadableFileError
from pingan_geo.persons import mask_name

ACCEPTED = "CSV, XLSX, XLS, ET, ODS, GeoJSON, GeoPackage, Shapefile, KML, Open311 JSON, JPEG, HEIC"
#: Rows that a workbook or a layer hands out at a time.
CHUNK_ROWS = 50_000
#: Rows looked at to find the heading.
HEADING_SEARCH = 20


@dataclass(frozen=True)
class RawChunk:
    """Rows as received.

    Parameters
    ----------
    rows
        One text column per heading (``""`` where empty); the index is the row number.
    broken
        Rows with another number of cells than the heading: ``row_number``, ``detail``, ``values`` (JSON).
    blank
        Rows without a single filled cell, left out.
    done
        Bytes of the file (rows of a workbook or layer) read so far.
    sheet
        Where the rows stand, when several sheets are read; a chunk never spans sheets.
    skipped
        Numbers of the rows that are put aside because they are no reports.
    skipped_as
        What each of these is: ``total``, ``heading``, ``title`` or ``note``.
    """

    rows: pd.DataFrame
    broken: pd.DataFrame
    blank: int
    done: int
    sheet: str = ""
    skipped: tuple[int, ...] = ()
    skipped_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableFile:
    """A file found to be a table.

    Parameters
    ----------
    path, sha256, size
        The file, and its bytes.
    kind
        ``csv``, ``workbook``, ``json``, ``layer`` or ``photos``.
    headings
        Made distinct: a second ``备注`` is ``备注 (2)``, a column without heading ``#3``. Columns that are
        wholly blank are left out.
    heading_row
        Number of the last row that holds the headings, as a spreadsheet counts; 0 where there is none.
    encoding, separator
        Of a text table.
    sheet, other_sheets
        The sheet whose heading was taken, and the visible ones that are not read.
    serials
        ``1900`` or ``1904`` where bare numbers may be dates (workbooks), else ``""``.
    crs
        ``EPSG:n`` of a layer; its coordinates are then the columns ``x (EPSG:n)`` and ``y (EPSG:n)``.
    total
        Of :attr:`RawChunk.done`.
    lines_above
        Physical lines of a text above the last row of its heading.
    sheets
        All sheets read, in order; empty for what has no sheets.
    title_rows, heading_rows
        Numbers of the rows above the heading that say something, and of the one to three rows of it.
    all_headings
        With those of the blank columns, one for each column of the file.
    blank_columns
        Numbers of the columns without heading and without a filled cell, counted from 1.
    layout
        Name of the layout by which the heading was found.
    fields
        Field to heading, as confirmed in that layout; headings as this file has them.
    asides
        Knows the rows that are no reports.
    """

    path: Path
    sha256: str
    size: int
    kind: str
    headings: tuple[str, ...]
    heading_row: int = 1
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()
    serials: str = ""
    crs: str = ""
    total: int = 0
    lines_above: int = 0
    sheets: tuple[str, ...] = ()
    title_rows: tuple[int, ...] = ()
    heading_rows: tuple[int, ...] = ()
    all_headings: tuple[str, ...] = ()
    blank_columns: tuple[int, ...] = ()
    layout: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    asides: Any = field(default=None, repr=False, compare=False)
    held_open: Any = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return mask_name(self.path.name)

    @property
    def has_short_headings(self) -> bool:
        """Whether headings may be cut after ten bytes, as the table of a Shapefile does."""
        return self.kind == "layer" and self.path.suffix.lower() in {".shp", ".zip"}


def as_json(headings: Sequence[str], cells: Sequence[str]) -> str:
    """Return a row as a JSON object of heading to text; further cells are named ``+1``, ``+2`` …."""
    extra = (f"+{number}" for number in itertools.count(1))
    names = itertools.chain(headings, extra)
    return json.dumps(dict(zip(names, cells, strict=False)), ensure_ascii=False)


def refuse(path: Path, found: str) -> UnreadableFileError:
    """Return the error for a file that is something else; ``found`` is a msgid."""
    return UnreadableFileError(file=path.name, found=found, accepted=ACCEPTED)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def filled(cells: Iterable[object]) -> int:
    """Count the cells that say something."""
    return sum(1 for cell in cells if str(cell).strip().strip("\ufeff"))


def distinct_headings(cells: Iterable[object], first: int = 1) -> tuple[str, ...]:
    """Return headings trimmed and made distinct, without changing those that are already.

    ``first`` is the number of the first column, by which one without heading is called.
    """
    headings: dict[str, None] = {}
    next_count: dict[str, int] = {}  # a thousand columns of one name are not counted through each time
    for number, cell in enumerate(cells, first):
        plain = " ".join(str(cell).strip("\ufeff").split()) or f"#{number}"
        name, count = plain, next_count.get(plain, 2)
        while name in headings:
            name, count = f"{plain} ({count})", count + 1
        headings[name], next_count[plain] = None, count
    return tuple(headings)


def text_frame(cells: dict[str, Any], numbers: Any) -> pd.DataFrame:
    """Return the cells as a table of text whose index is the row number."""
    return pd.DataFrame(
        {name: pd.array(column, dtype="str") for name, column in cells.items()},
        index=pd.Index(numbers, dtype="int64", name="row_number"),
    )


def broken_frame(broken: Sequence[tuple[int, str, str]] = ()) -> pd.DataFrame:
    """Return :attr:`RawChunk.broken` from (row number, detail, JSON) of each row."""
    return pd.DataFrame(
        {
            "row_number": pd.Series([row[0] for row in broken], dtype="int64"),
            "detail": pd.Series([row[1] for row in broken], dtype="str"),
            "values": pd.Series([row[2] for row in broken], dtype="str"),
        }
    )


def all_blank(cells: dict[str, Any], count: int) -> Any:
    """Say which rows have no filled cell; looks at further columns only for rows blank so far."""
    blank = np.ones(count, dtype=bool)
    for column in cells.values():
        if not blank.any():
            break
        empty = np.asarray(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0)) if count else blank
        blank &= empty
    return blank
