"""Workbooks (XLSX, XLSM, XLSB, XLS, ET, ODS) → chunks of rows, from every sheet that bears the same headings."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import python_calamine

from pingan_geo.errors import AmbiguousColumnsError, EmptyFileError, PinganError, SheetMissingError
from pingan_geo.intake.archives import ZIP_DAMAGE
from pingan_geo.intake.asides import Asides
from pingan_geo.intake.columns import map_columns, plain
from pingan_geo.intake.headings import Heading, KnownHeading, Merges, Seeker, UsualHeading
from pingan_geo.intake.raw import (
    CHUNK_ROWS,
    HEADING_SEARCH,
    RawChunk,
    TableFile,
    broken_frame,
    distinct_headings,
    file_sha256,
    filled,
    refuse,
    text_frame,
)
from pingan_geo.persons import mask_name

#: Cells of the rectangle of a sheet: some 2 GB in the library.
_MOST_CELLS = 60_000_000
_SHEET_PART = re.compile(r"(?i)sheets?/[^/]*\.xml$")
#: A reference beyond column Z or row 999,999; without one, a sheet is never too wide.
_FAR = re.compile(rb"""r\s*=\s*["'](?:[A-Za-z]{2,9}\d|[A-Za-z]?\d{7})""")
_CORNER = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,9})(\d{1,19})""")
#: Opens every sheet with little memory; what the library raises is said later, by the one who asked.
_PROBE_S = 300
_PROBE = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, OSError, ValueError):
    pass
try:
    import io, python_calamine
    with open(sys.argv[1], "rb") as stream:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
    for sheet in book.sheets_metadata:
        book.get_sheet_by_name(sheet.name)
except BaseException:
    sys.exit(1)
"""


@dataclass(frozen=True)
class Part:
    """One sheet that is read.

    Parameters
    ----------
    name, sheet
        The sheet.
    heading
        Where its heading stands.
    places
        Heading to its column in this sheet.
    blank_columns
        Numbers of columns without heading and without a filled cell, counted from 1 as a spreadsheet does.
    asides
        Knows its rows that are no reports.
    """

    name: str
    sheet: Any
    heading: Heading
    places: dict[str, int]
    blank_columns: tuple[int, ...]
    asides: Asides

    @property
    def height(self) -> int:
        """Number of the last row."""
        return int(self.sheet.end[0]) + 1 if self.sheet.end else 0


def open_workbook(
    path: Path, kind: str = "", seeker: Seeker | None = None, sheets: Sequence[str] = (), first: str = ""
) -> TableFile:
    """Find the sheets and the heading of a workbook.

    Parameters
    ----------
    path
        The file.
    kind
        Of several sheets with other headings, the first whose headings fit this kind is taken.
    seeker
        How the heading is found.
    sheets
        Stated by the person: these and no others are read.
    first
        Stated by the person: the heading is sought in this sheet, and in others alike.
    """
    seeker = seeker or UsualHeading()
    shown, sheet_of = _shown_sheets(path)
    if unknown := [name for name in (*sheets, *filter(None, [first])) if name not in shown]:
        raise SheetMissingError(file=path.name, sheets=unknown, known=shown)
    candidates = [first] if first else list(sheets) or shown
    found: list[tuple[str, Any, Heading]] = []
    for name in candidates:
        sheet = sheet_of(name)
        heading = seeker.find(*first_records(sheet))
        if heading is None:
            continue
        found.append((name, sheet, heading))
        if len(candidates) == 1 or _fits(heading, kind, path):
            break
    if not found:
        raise seeker.failure(path)
    fitting = [each for each in found if _fits(each[2], kind, path)]
    # a sheet that only says what the others hold is passed over, where another one bears a table
    main = next(iter(fitting), next((each for each in found if filled(each[2].cells) > 1), found[0]))
    alike = _alike(path, main, list(sheets) or shown, sheet_of, stated=bool(sheets))
    parts, headings = _with_columns(alike)
    return TableFile(
        path=path,
        sha256=file_sha256(path),
        size=path.stat().st_size,
        kind="workbook",
        headings=headings,
        heading_row=main[2].last + 1,
        sheet=main[0],
        other_sheets=tuple(name for name in shown if name not in {part.name for part in parts}),
        serials="1904" if _counts_from_1904(path) else "1900",
        total=sum(part.height for part in parts),
        sheets=tuple(part.name for part in parts),
        title_rows=tuple(place + 1 for place in main[2].titles),
        heading_rows=tuple(range(main[2].first + 1, main[2].last + 2)),
        all_headings=_names(main[2], main[1]),
        blank_columns=next(part.blank_columns for part in parts if part.name == main[0]),
        held_open=parts,
    )


def _shown_sheets(path: Path) -> tuple[list[str], Any]:
    """Return the names of the sheets that are shown, and how to get one."""
    _refuse_wide(path)
    with _reading(path):
        # by its bytes: given a path, the library would believe the name
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
        shown = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            and sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
    if not shown:
        raise EmptyFileError(file=path.name)
    held: dict[str, Any] = {}

    def sheet_of(name: str) -> Any:
        if name not in held:
            with _reading(path):
                held[name] = book.get_sheet_by_name(name)
        return held[name]

    return shown, sheet_of


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the library raises into one sentence."""
    try:
        yield
    except python_calamine.PasswordError as error:
        raise refuse(path, "a workbook protected by a password; save it without one") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise refuse(path, "a damaged workbook") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how a library in Rust stumbles; it has no other name
            raise
        raise refuse(path, "a damaged workbook") from error


def _refuse_wide(path: Path) -> None:
    """Refuse a workbook whose cells lie so far apart that the library would end the whole process.

    It makes room for every cell of the rectangle that holds all of them. In an XLSX the corners are looked
    for; any other workbook is opened by a process of its own first.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            sheets = [name for name in packed.namelist() if _SHEET_PART.search(name)]
            if "xl/workbook.xml" in packed.namelist():
                if any(_is_wide(packed, name) for name in sheets):
                    raise refuse(
                        path,
                        "a workbook with a cell far outside its table; delete that cell and save it again",
                    )
                return
    except PinganError:
        raise
    except (*ZIP_DAMAGE, KeyError):
        pass  # no archive, or a damaged one
    try:
        ended = subprocess.run(  # noqa: S603 - our own interpreter, our own words
            [sys.executable, "-P", "-c", _PROBE, str(path.resolve())],
            check=False,
            capture_output=True,
            timeout=_PROBE_S,
        ).returncode
    except subprocess.TimeoutExpired:
        ended = -1
    if ended not in {0, 1}:
        raise refuse(path, "a damaged workbook")


def _is_wide(packed: zipfile.ZipFile, name: str) -> bool:
    """Whether the cells of a sheet span more than can be held."""
    row = column = 0
    rest = b""
    with packed.open(name) as stream:
        while block := stream.read(1 << 20):
            block = rest + block
            rest = block[-40:]
            if not _FAR.search(block):
                continue
            for found in _CORNER.finditer(block):
                row = max(row, int(found[2]))
                column = max(column, _column_number(found[1]))
            if max(row, 1) * max(column, 26) > _MOST_CELLS:
                return True
    return False


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def first_records(sheet: Any, count: int = HEADING_SEARCH) -> tuple[list[list[str]], Merges]:
    """Return the first rows of a sheet as text, and its merged cells; columns count from its first used one."""
    records = [[cell_text(cell) for cell in row] for row in itertools.islice(sheet.iter_rows(), count)]
    left = sheet.start[1] if sheet.start else 0
    merges = [
        ((top, first - left), (bottom, last - left))
        for (top, first), (bottom, last) in sheet.merged_cell_ranges or ()
        if first >= left
    ]
    return records, merges


def _fits(heading: Heading, kind: str, path: Path) -> bool:
    """Whether a kind of table can be read from these headings."""
    if not kind:
        return filled(heading.cells) > 1
    try:
        map_columns(heading.names, kind, file=path.name)
    except AmbiguousColumnsError:
        return True
    except PinganError:
        return False
    return True


def _alike(
    path: Path, main: tuple[str, Any, Heading], names: Sequence[str], sheet_of: Any, *, stated: bool
) -> list[tuple[str, Any, Heading]]:
    """Return the sheets that bear the headings of the main one, in whatever order and row."""
    wanted = [name for name, cell in zip(main[2].names, main[2].cells, strict=True) if cell]
    parts = []
    for name in names:
        if name == main[0]:
            parts.append(main)
            continue
        seeker = KnownHeading(wanted, len(main[2].levels), main[0], only=True)
        sheet = sheet_of(name)
        heading = seeker.find(*first_records(sheet))
        if heading is not None:
            parts.append((name, sheet, heading))
        elif stated:
            raise seeker.failure(path)
    return parts


def _names(heading: Heading, sheet: Any) -> tuple[str, ...]:
    return distinct_headings(heading.cells, 1 + (sheet.start[1] if sheet.start else 0))


def _with_columns(found: list[tuple[str, Any, Heading]]) -> tuple[list[Part], tuple[str, ...]]:
    """Say which columns are read: all with a heading, and those without one that hold something."""
    headings: dict[str, None] = {}
    parts = []
    for name, sheet, heading in found:
        names = _names(heading, sheet)
        bare = [place for place, cell in enumerate(heading.cells) if not cell]
        blank = _blank_columns(sheet, heading.last + 1, bare)
        places = {called: place for place, called in enumerate(names) if place not in blank}
        left = sheet.start[1] if sheet.start else 0
        parts.append(
            Part(
                name=name,
                sheet=sheet,
                heading=heading,
                places=places,
                blank_columns=tuple(place + left + 1 for place in blank),
                asides=Asides.of(heading, list(places.values())),
            )
        )
        headings |= dict.fromkeys(places)
    if len(parts) > 1:  # the headings of the others are those of the first, spelt perhaps with other blanks
        parts = [replace(part, places=_renamed(part.places, parts[0].places)) for part in parts]
        headings = dict.fromkeys(itertools.chain.from_iterable(part.places for part in parts))
    return parts, tuple(headings)


def _renamed(places: dict[str, int], known: dict[str, int]) -> dict[str, int]:
    names = {plain(name): name for name in known}
    return {names.get(plain(name), name): place for name, place in places.items()}


def _blank_columns(sheet: Any, start: int, bare: Sequence[int]) -> list[int]:
    """Return which of these columns hold nothing below the heading."""
    left = list(bare)
    if left:
        for row in itertools.islice(sheet.iter_rows(), start, None):
            left = [place for place in left if not str(row[place]).strip()]
            if not left:
                break
    return left


def _counts_from_1904(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed, packed.open("xl/workbook.xml") as stream:
            return re.search(rb'date1904="(?:1|true)"', stream.read(1 << 20)) is not None
    except (*ZIP_DAMAGE, KeyError):  # an older format, or one that only the other reader can mend
        return False


def workbook_rows(table: TableFile) -> Iterator[RawChunk]:
    """Yield the rows of a workbook, sheet after sheet."""
    done = 0
    several = len(table.sheets) > 1
    for part in table.held_open:
        for chunk in _part_rows(part, table.headings):
            yield replace(chunk, done=done + chunk.done, sheet=mask_name(part.name) if several else "")
        done += part.height


def _part_rows(part: Part, headings: Sequence[str]) -> Iterator[RawChunk]:
    rows = itertools.islice(enumerate(part.sheet.iter_rows(), 1), part.heading.last + 1, None)
    while chunk := list(itertools.islice(rows, CHUNK_ROWS)):
        numbers = np.array([number for number, _ in chunk], "int64")
        columns = list(zip(*(row for _, row in chunk), strict=True))
        own = {name: _text_column(columns[place]) for name, place in part.places.items()}
        blank, aside = part.asides.find(own, len(numbers))
        nothing = pa.array([""] * len(numbers), pa.large_string()) if len(own) < len(headings) else None
        cells = {name: own.get(name, nothing) for name in headings}
        left_out = blank.copy()
        left_out[list(aside)] = True
        yield RawChunk(
            text_frame(cells, numbers)[~left_out],
            broken_frame(),
            int(blank.sum()),
            int(numbers[-1]),
            skipped=tuple(int(numbers[place]) for place in aside),
            skipped_as=tuple(aside.values()),
        )


def _text_column(cells: Sequence[Any]) -> Any:
    return pa.array([cell if type(cell) is str else cell_text(cell) for cell in cells], pa.large_string())


def cell_text(cell: Any) -> str:
    """Return a cell as text: whole numbers without ``.0``, dates as ISO."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        whole = cell.replace(microsecond=0)
        if cell.microsecond >= 500_000 and whole < dt.datetime(9999, 12, 31, 23, 59, 59):
            whole += dt.timedelta(seconds=1)
        return whole.isoformat()
    if isinstance(cell, dt.date):  # the reader cannot tell a day from its midnight; the whole column will
        return f"{cell.isoformat()}T00:00:00"
    return "" if cell is None else str(cell)
