"""The layout of a file is proposed, with all that a person needs to confirm or to change it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pingan_geo.errors import AmbiguousColumnsError, MissingColumnsError, PinganError
from pingan_geo.intake.asides import Asides
from pingan_geo.intake.columns import ColumnMap, map_columns
from pingan_geo.intake.files import open_with, read_rows
from pingan_geo.intake.headings import HeadingAt, Seeker
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.raw import HEADING_SEARCH, TableFile, filled
from pingan_geo.intake.text_tables import first_text_records
from pingan_geo.intake.texts import mask_words
from pingan_geo.intake.workbooks import first_records

#: First rows shown, among them the heading.
PREVIEW_ROWS = HEADING_SEARCH
SAMPLES = 3
#: Of a larger file, only the first rows are looked at for a proposal.
_READ_WHOLE_BYTES = 20 << 20
_FIRST_ROWS = 50_000
_BLANKED = "***"
#: Word for a field that is missing (see FIELD_NAMES) → a heading that would be taken for it.
_STAND_INS = {
    "longitude": "lon",
    "latitude": "lat",
    "time": "datetime",
    "category": "category",
    "name": "name",
    "place": "address",
}
_NUMBERED = re.compile(r" \(\d+\)$")
_LABELLED = re.compile(r"^([^:：]*[:：]).*$", re.DOTALL)


@dataclass(frozen=True)
class PreviewRow:
    """One of the first rows of a sheet as it stands.

    Parameters
    ----------
    number
        As a spreadsheet shows it.
    cells
        As text; those about persons are blanked.
    role
        ``title``, ``heading``, ``row``, ``total``, ``note`` or ``blank``.
    """

    number: int
    cells: tuple[str, ...]
    role: str


@dataclass(frozen=True)
class HeadingSample:
    """A column, for a person to say what it is.

    Parameters
    ----------
    heading
        Distinct.
    samples
        Up to three different values; none of a column about persons.
    field
        What it was taken for, ``""`` for nothing.
    personal
        It is about persons and is not stored.
    same_as
        The first column with the same heading in the file, ``""`` where it is the only one.
    """

    heading: str
    samples: tuple[str, ...]
    field: str = ""
    personal: bool = False
    same_as: str = ""


@dataclass(frozen=True)
class SheetSummary:
    """A sheet of a workbook that is shown: its name, its data rows where it is read, and whether it is."""

    name: str
    rows: int
    is_read: bool


@dataclass(frozen=True)
class LayoutProposal:
    """How a file would be read, and what a person needs to judge that.

    Parameters
    ----------
    path
        The file.
    layout
        As proposed; its name is for the person to give.
    family
        What its bytes say: ``csv``, ``workbook``, ``json``, ``layer``, ``photos``.
    encoding
        Of a text table.
    sheets
        Of a workbook, all that are shown.
    preview
        The first rows of the chosen sheet.
    columns
        One for each column that is read.
    blank_columns
        Numbers of columns that hold nothing.
    put_aside
        (sheet, row, what it is) of titles, totals, repeated headings and notes among or under the rows.
    rows
        Data rows seen.
    is_whole
        The whole file was seen, and not only its first rows.
    problem
        Why it cannot be imported as proposed, ``None`` when it can.
    """

    path: Path
    layout: LedgerLayout
    family: str
    encoding: str = ""
    sheets: tuple[SheetSummary, ...] = ()
    preview: tuple[PreviewRow, ...] = ()
    columns: tuple[HeadingSample, ...] = ()
    blank_columns: tuple[int, ...] = ()
    put_aside: tuple[tuple[str, int, str], ...] = ()
    rows: int = 0
    is_whole: bool = True
    problem: PinganError | None = field(default=None, compare=False)


def propose_layout(path: Path, *, kind: str = "reports", datum: str = "") -> LayoutProposal:
    """Propose how a file is to be read.

    Parameters
    ----------
    path
        The file.
    kind
        What it holds: ``reports``, ``posts`` …
    datum
        Stated by the person.

    Returns
    -------
    LayoutProposal

    Raises
    ------
    PinganError
        As :func:`pingan_geo.intake.files.open_table`, if the file is no table at all.
    """
    return _propose(path, kind, datum)


def with_heading(
    proposed: LayoutProposal, sheet: str = "", first_row: int = 0, last_row: int = 0
) -> LayoutProposal:
    """Return the proposal with its heading moved.

    Parameters
    ----------
    proposed
        As it was.
    sheet
        In which the heading stands; ``""`` for the same.
    first_row, last_row
        Its rows; 0 lets them be found in another sheet.

    Returns
    -------
    LayoutProposal

    Raises
    ------
    EmptyFileError
        If these rows say nothing.
    SheetMissingError
        If there is no such sheet.
    """
    layout = proposed.layout
    seeker = HeadingAt(first_row, last_row or first_row) if first_row else None
    named = sheet or next((each.name for each in proposed.sheets if each.is_read), "")
    moved = _propose(proposed.path, layout.kind, layout.datum, seeker, named)
    kept = replace(moved.layout, name=layout.name, date_order=layout.date_order, year=layout.year, swapped=layout.swapped)  # fmt: skip
    return replace(moved, layout=kept)


def _propose(
    path: Path, kind: str, datum: str, seeker: Seeker | None = None, sheet: str = ""
) -> LayoutProposal:
    table = open_with(path, kind=kind, datum=datum, seeker=seeker, sheet=sheet)
    columns, problem = _map(table, kind, datum)
    personal = set(columns.left_out)
    samples: dict[str, dict[str, None]] = {name: {} for name in table.headings}
    put_aside: list[tuple[str, int, str]] = []
    rows_of: dict[str, int] = {}
    rows = 0
    is_whole = True
    for chunk in read_rows(table):
        rows += len(chunk.rows) + len(chunk.broken)
        where = chunk.sheet or table.sheet
        rows_of[where] = rows_of.get(where, 0) + len(chunk.rows)
        put_aside += [(chunk.sheet, *each) for each in zip(chunk.skipped, chunk.skipped_as, strict=True)]
        for name, seen in samples.items():
            if name not in personal and len(seen) < SAMPLES:
                _take_samples(seen, chunk.rows[name])
        if table.kind == "csv" and table.size > _READ_WHOLE_BYTES and rows >= _FIRST_ROWS:
            is_whole = False
            break
    taken = {heading: name for name, heading in columns.fields.items()}
    layout = LedgerLayout(
        kind=kind,
        headings=table.headings,
        title_rows=table.title_rows,
        heading_rows=table.heading_rows,
        fields=dict(columns.fields),
        datum=datum,
    )
    shown = dict.fromkeys((*table.sheets, *table.other_sheets))
    return LayoutProposal(
        path=path,
        layout=layout,
        family=table.kind,
        encoding=table.encoding,
        sheets=tuple(SheetSummary(name, rows_of.get(name, 0), name in table.sheets) for name in shown),
        preview=_preview(table, personal),
        columns=tuple(
            HeadingSample(
                heading=name,
                samples=tuple(samples[name]),
                field=taken.get(name, ""),
                personal=name in personal,
                same_as=_twin(name, table.headings),
            )
            for name in table.headings
        ),
        blank_columns=table.blank_columns,
        put_aside=tuple(put_aside),
        rows=rows,
        is_whole=is_whole,
        problem=problem,
    )


def _map(table: TableFile, kind: str, datum: str) -> tuple[ColumnMap, PinganError | None]:
    """Return what the headings were understood as, also where a field is missing or in doubt."""
    headings, stand_ins = list(table.headings), list[str]()
    problem: PinganError | None = None
    for _ in range(len(_STAND_INS) + len(headings)):
        try:
            found = map_columns(
                [*stand_ins, *headings],
                kind,
                file=table.name,
                datum=datum,
                crs=table.crs,
                short=table.has_short_headings,
            )
        except MissingColumnsError as error:
            problem = problem or error
            missing = [_STAND_INS[name] for name in error.values["fields"] if name in _STAND_INS]
            if not set(missing) - set(stand_ins):
                break
            stand_ins += [name for name in missing if name not in stand_ins]
        except AmbiguousColumnsError as error:
            problem = problem or error
            doubtful = set(error.values["columns"].split(", "))
            left = [name for name in headings if name not in doubtful]
            if len(left) == len(headings):
                break
            headings = left
        else:
            fields = {name: heading for name, heading in found.fields.items() if heading not in stand_ins}
            return replace(found, fields=fields), problem
    return ColumnMap({}, left_out=table.headings), problem


def _take_samples(seen: dict[str, None], column: Any) -> None:
    """Add the first different values of a column, without what would tell a person."""
    values = itertools.islice(column[column != ""].drop_duplicates(), SAMPLES - len(seen))
    seen |= dict.fromkeys(mask_words(list(values)))


def _twin(heading: str, headings: Sequence[str]) -> str:
    """Return the first column that bore the same heading before it was made distinct."""
    bare = _NUMBERED.sub("", heading)
    return bare if bare != heading and bare in headings else ""


def _preview(table: TableFile, personal: set[str]) -> tuple[PreviewRow, ...]:
    """Return the first rows as they stand, each with what it was taken for."""
    if table.kind == "workbook":
        part = next(part for part in table.held_open if part.name == table.sheet)
        records, asides = first_records(part.sheet)[0], part.asides
        kept = sorted(part.places.values())
    elif table.kind == "csv":
        records, asides = first_text_records(table), table.asides
        kept = [place for place, name in enumerate(table.all_headings) if name in set(table.headings)]
    else:
        first = next(read_rows(table))
        return tuple(
            PreviewRow(int(number), _shown(cells, table.headings, personal), "row")
            for number, cells in itertools.islice(
                zip(first.rows.index, first.rows.itertuples(index=False), strict=True), PREVIEW_ROWS
            )
        )
    rows = []
    for number, record in enumerate(records[:PREVIEW_ROWS], 1):
        role = _role(table, asides, number, [record[place] for place in kept if place < len(record)])
        hidden = personal if role == "row" else set()
        cells = _shown(record, table.all_headings, hidden)
        if role == "note":  # names stand there
            cells = tuple(_LABELLED.sub(r"\1***", cell) if ":" in cell or "：" in cell else "***" if cell else "" for cell in cells)  # fmt: skip
        rows.append(PreviewRow(number, cells, role))
    return tuple(rows)


def _role(table: TableFile, asides: Asides, number: int, cells: Sequence[str]) -> str:
    if number in table.heading_rows:
        return "heading"
    if number in table.title_rows:
        return "title"
    if number < table.heading_row or not filled(cells):
        return "blank"
    return asides.kind_of(cells) or "row"


def _shown(cells: Sequence[str], headings: Sequence[str], hidden: set[str]) -> tuple[str, ...]:
    # a whole row at a time: cell by cell, ten thousand columns take minutes
    return tuple(
        _BLANKED if cell and place < len(headings) and headings[place] in hidden else masked
        for place, (cell, masked) in enumerate(zip(cells, mask_words(cells), strict=True))
    )
