"""Workbooks (XLSX, XLS, ODS) → chunks of rows: the first sheet that is shown."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import python_calamine

from pingan_geo.errors import EmptyFileError
from pingan_geo.intake.raw import (
    CHUNK_ROWS,
    HEADING_SEARCH,
    RawChunk,
    TableFile,
    all_blank,
    broken_frame,
    distinct_headings,
    file_sha256,
    filled,
    heading_place,
    refuse,
    text_frame,
)


def open_workbook(path: Path) -> TableFile:
    """Find the sheet and the heading of a workbook."""
    try:
        book = python_calamine.load_workbook(path)
        sheets = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            and sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        if not sheets:
            raise EmptyFileError(file=path.name)
        sheet = book.get_sheet_by_name(sheets[0])
    except python_calamine.PasswordError as error:
        raise refuse(path, "a workbook protected by a password; save it without one") from error
    except (python_calamine.CalamineError, OSError) as error:
        raise refuse(path, "a damaged workbook") from error
    first = list(itertools.islice(_sheet_rows(sheet), HEADING_SEARCH))
    place = heading_place([row for _, row in first])
    if not first or not filled(first[place][1]):
        raise EmptyFileError(file=path.name)
    return TableFile(
        path=path,
        sha256=file_sha256(path),
        size=path.stat().st_size,
        kind="workbook",
        headings=distinct_headings(_text_cell(cell) for cell in first[place][1]),
        heading_row=first[place][0],
        sheet=sheets[0],
        other_sheets=tuple(sheets[1:]),
        serials="1904" if _counts_from_1904(path) else "1900",
        total=sheet.total_height,
        held_open=sheet,
    )


def _counts_from_1904(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed, packed.open("xl/workbook.xml") as stream:
            return re.search(rb'date1904="(?:1|true)"', stream.read(1 << 20)) is not None
    except (zipfile.BadZipFile, KeyError):  # an older format, or one that only the other reader can mend
        return False


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the row number and cells; trailing columns without any content are not there."""
    return enumerate(sheet.iter_rows(), 1)


def workbook_rows(table: TableFile) -> Iterator[RawChunk]:
    """Yield the rows of a workbook."""
    width = len(table.headings)
    rows = itertools.dropwhile(lambda row: row[0] <= table.heading_row, _sheet_rows(table.held_open))
    while chunk := list(itertools.islice(rows, CHUNK_ROWS)):
        numbers = np.array([number for number, _ in chunk], "int64")
        columns = list(zip(*(row for _, row in chunk), strict=True))
        cells = {
            name: pa.array([_text_cell(cell) for cell in columns[place]], pa.large_string())
            for place, name in enumerate(table.headings[: min(width, len(columns))])
        }
        blank = all_blank(cells, len(numbers))
        yield RawChunk(text_frame(cells, numbers)[~blank], broken_frame(), int(blank.sum()), int(numbers[-1]))


def _text_cell(cell: Any) -> str:
    """Return a cell as text: whole numbers without ``.0``, dates as ISO."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        whole = cell.replace(microsecond=0) + dt.timedelta(seconds=cell.microsecond >= 500_000)
        return whole.isoformat()
    if isinstance(cell, dt.date):  # the reader cannot tell a day from its midnight; the whole column will
        return f"{cell.isoformat()}T00:00:00"
    return "" if cell is None else str(cell)
