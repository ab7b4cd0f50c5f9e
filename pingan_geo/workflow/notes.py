"""Notes of a receipt: what a file was taken to be. Each is a msgid and its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pingan_geo.intake.columns import ColumnMap
from pingan_geo.intake.raw import TableFile
from pingan_geo.intake.texts import mask_words
from pingan_geo.persons import mask_name

Note = tuple[str, Mapping[str, Any]]

_ENCODINGS = {"utf-8": "UTF-8", "gb18030": "GB18030", "utf-16": "UTF-16"}
_SHOWN = 20


def describe_file(table: TableFile) -> Iterator[Note]:
    """Say how the file was read."""
    if table.kind == "csv":
        yield ("Read as a text table in {encoding}.", {"encoding": _ENCODINGS[table.encoding]})
    elif table.kind == "json":
        yield ("Read as a list of rows in JSON.", {})
    elif table.kind == "workbook":
        if len(table.sheets) > 1:
            shown = _shown(table.sheets)
            yield ("Read {count} sheets: {sheets}.", {"count": len(table.sheets), "sheets": shown})
        else:
            yield ("Read the sheet {sheet}.", {"sheet": mask_name(table.sheet)})
        if table.other_sheets:
            yield ("Not read: the sheets {sheets}.", {"sheets": _shown(table.other_sheets)})
    elif table.kind == "photos":
        yield (
            "Place and time are those that the cameras wrote into the {count} photos; the copies kept carry none of it.",
            {"count": table.total},
        )
    yield from _describe_heading(table)


def _describe_heading(table: TableFile) -> Iterator[Note]:
    if table.layout:
        yield ("The headings were found by the layout {layout}.", {"layout": table.layout})
    if len(table.heading_rows) > 1:
        if table.title_rows:
            yield ("Above the headings, as a title: row {rows}.", {"rows": list(table.title_rows)})
        joined = next((name for name in table.headings if "-" in name), table.headings[0])
        yield (
            "The headings stand in rows {first} to {last} and were joined, as in {example}.",
            {"first": table.heading_rows[0], "last": table.heading_rows[-1], "example": joined},
        )
    elif table.heading_row > 1:
        yield ("The headings stand in row {row}; what is above was not read.", {"row": table.heading_row})
    if table.blank_columns:
        yield ("Blank columns were left out: {columns}.", {"columns": list(map(str, table.blank_columns))})
    if twice := [name for name in table.headings if _is_again(name, table.headings)]:
        yield ("Headings that stand twice were told apart: {columns}.", {"columns": _shown(twice)})


def describe_skipped(skipped: Sequence[tuple[str, int, str]]) -> Iterator[Note]:
    """Say which rows were put aside because they are no reports: (sheet, row, what it is) of each."""
    rows: dict[str, list[str]] = {}
    for sheet, number, what in skipped:
        kind = "heading" if what == "title" else what
        rows.setdefault(kind, []).append(f"{sheet}:{number}" if sheet else str(number))
    if "total" in rows:
        yield ("Totals were skipped: row {rows}.", {"rows": _shown(rows["total"])})
    if "heading" in rows:
        yield ("Headings that stand there again were skipped: row {rows}.", {"rows": _shown(rows["heading"])})
    if "note" in rows:
        yield ("Notes about the table were skipped: row {rows}.", {"rows": _shown(rows["note"])})


def _is_again(name: str, headings: Sequence[str]) -> bool:
    """Whether a heading was made distinct from the same one before it; see ``distinct_headings``."""
    before, _, number = name.removesuffix(")").rpartition(" (")
    return name.endswith(")") and number.isdigit() and before in headings[: headings.index(name)]


def _shown(names: Sequence[str]) -> list[str]:
    shown = mask_words(names[:_SHOWN])  # a heading may hold the telephone of its office
    return [*shown, "…"] if len(names) > _SHOWN else shown


def describe_datum(datum: str, known_by: str, named: str, *, by_source: bool = False) -> Iterator[Note]:
    """Say in which datum the coordinates were taken to be, and why; ``by_source``: some sources have another."""
    shown = {"datum": datum}
    if known_by == "stated":
        yield ("Coordinates are taken as {datum}, as was stated.", shown)
        if named and named.lower() != datum.lower():
            yield ("But the file itself says {datum}.", {"datum": named})
    elif known_by == "column":
        yield ("Coordinates are taken as {datum}, as their headings say.", shown)
    elif known_by == "crs":
        yield ("Coordinates are taken as {datum}, as the layer says.", shown)
    elif known_by == "guessed":
        yield ("Coordinates are taken as {datum}, as the rows that name a known place show.", shown)
    elif by_source:
        yield ("Coordinates of all other sources are taken as {datum}, the town's setting.", shown)
    else:
        yield ("Coordinates are taken as {datum}, the town's setting, because the file does not say.", shown)


def describe_columns(columns: ColumnMap, blank: int, *, keeps_unused: bool = False) -> Iterator[Note]:
    """Say which columns were not stored, and why; ``keeps_unused``: those without a field are kept."""
    if columns.left_out:
        yield ("Columns about persons were not stored: {columns}.", {"columns": _shown(columns.left_out)})
    if columns.unused and not keeps_unused:
        yield ("Columns that were not used: {columns}.", {"columns": _shown(columns.unused)})
    if blank:
        yield ("{count} blank rows were skipped.", {"count": blank})
