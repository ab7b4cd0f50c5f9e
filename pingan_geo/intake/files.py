"""A file of any usual kind → its headings and chunks of rows as text.

What a file is, its bytes say and not its name. Text tables are streamed, so memory stays bounded; workbooks
and layers are held by the library that reads them. Nothing is interpreted here: every cell leaves as the
text that a person would see, every row with the number that a spreadsheet would show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pingan_geo.errors import EmptyFileError, FileMissingError
from pingan_geo.intake.headings import KnownHeading, Seeker, UsualHeading
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.open311 import json_rows, open_json
from pingan_geo.intake.point_layers import layer_rows, open_layer
from pingan_geo.intake.raw import RawChunk, TableFile
from pingan_geo.intake.sniffing import family_of
from pingan_geo.intake.text_tables import open_text, text_rows
from pingan_geo.intake.workbooks import open_workbook, workbook_rows


def open_table(
    path: Path, *, kind: str = "", datum: str = "", layout: LedgerLayout | None = None
) -> TableFile:
    """Find out what a file is, and where its heading stands.

    Parameters
    ----------
    path
        The file; or a folder of pictures.
    kind
        Layer or sheet to prefer where a file has several, e.g. ``reports``.
    datum
        Datum stated by the person, for a layer that does not say its own.
    layout
        Confirmed for files of this kind: its headings are looked for, in whatever row they stand.

    Returns
    -------
    TableFile
        For :func:`read_rows`.

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError
        If there is no such file, it is not a table, or it has no rows.
    TooLargeInsideError
        If it is an archive that would unpack to too much.
    NoCrsError, GeometryKindError, LayerChoiceError
        If it is a layer without coordinates stated, not of points, or has several fitting layers.
    LayoutMismatchError, SheetMissingError
        If it lacks headings or sheets that the layout names.
    """
    seeker = UsualHeading() if layout is None else layout.seeker()
    sheets = () if layout is None else layout.sheets
    table = open_with(
        path, kind=kind or (layout.kind if layout else ""), datum=datum, seeker=seeker, sheets=sheets
    )
    if layout is None:
        return table
    if table.heading_row == 0 and isinstance(seeker, KnownHeading):  # its headings stand in no row
        missing = layout.missing(table.headings)
        if missing:
            seeker.missing = missing
            raise seeker.failure(path)
    return replace(table, layout=layout.name, fields=layout.fields_in(table.headings))


def open_with(
    path: Path,
    *,
    kind: str = "",
    datum: str = "",
    seeker: Seeker | None = None,
    sheets: Sequence[str] = (),
    sheet: str = "",
) -> TableFile:
    """Open a table whose heading is found in a given way; see :func:`open_table`.

    ``sheets`` are read and no others; in ``sheet`` the heading is sought.
    """
    if path.is_dir():
        family = "photos"
    elif not path.is_file():
        raise FileMissingError(file=path)
    else:
        with path.open("rb") as stream:
            start = stream.read(4096)
        if not start:
            raise EmptyFileError(file=path.name)
        family = family_of(path, start)
    if family == "photos":
        from pingan_geo.intake.photos import open_photos

        return open_photos(path)
    if family == "layer":
        return open_layer(path, kind, datum)
    if family == "workbook":
        return open_workbook(path, kind, seeker, sheets, sheet)
    if family == "json":
        return open_json(path)
    return open_text(path, seeker)


def read_rows(table: TableFile, columns: Sequence[str] | None = None) -> Iterator[RawChunk]:
    """Read the rows of a table in chunks.

    Parameters
    ----------
    table
        From :func:`open_table`.
    columns
        Only these headings; ``None`` for all. Broken rows, blanks and rows that are put aside are only told
        when all are read.

    Yields
    ------
    RawChunk
        In the order of the file; rows + broken + blank + skipped = rows below the headings.

    Raises
    ------
    UnclosedQuoteError
        If a quotation mark is never closed, so that rows cannot be told apart.
    """
    if table.kind == "csv":
        return text_rows(table, columns)
    if table.kind == "photos":
        from pingan_geo.intake.photos import photo_rows

        chunks = photo_rows(table)
    elif table.kind == "workbook":
        chunks = workbook_rows(table)
    else:
        chunks = json_rows(table) if table.kind == "json" else layer_rows(table)
    if columns is None:
        return chunks
    wanted = list(columns)
    return (replace(chunk, rows=chunk.rows[wanted]) for chunk in chunks)
