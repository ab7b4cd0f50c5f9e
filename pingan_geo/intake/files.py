"""A file of any usual kind → its headings and chunks of rows as text.

What a file is, its bytes say and not its name. Text tables are streamed, so memory stays bounded; workbooks
and layers are held by the library that reads them. Nothing is interpreted here: every cell leaves as the
text that a person would see, every row with the number that a spreadsheet would show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pingan_geo.errors import EmptyFileError, FileMissingError
from pingan_geo.intake.point_layers import layer_rows, open_layer
from pingan_geo.intake.raw import RawChunk, TableFile
from pingan_geo.intake.sniffing import family_of
from pingan_geo.intake.text_tables import open_text, text_rows
from pingan_geo.intake.workbooks import open_workbook, workbook_rows


def open_table(path: Path, *, kind: str = "", datum: str = "") -> TableFile:
    """Find out what a file is, and where its heading stands.

    Parameters
    ----------
    path
        The file.
    kind
        Layer to prefer where a file has several, e.g. ``reports``.
    datum
        Datum stated by the person, for a layer that does not say its own.

    Returns
    -------
    TableFile
        For :func:`read_rows`.

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError
        If there is no such file, it is not a table, or it has no rows.
    NoCrsError, GeometryKindError, LayerChoiceError
        If it is a layer without coordinates stated, not of points, or has several fitting layers.
    """
    if not path.is_file():
        raise FileMissingError(file=path)
    with path.open("rb") as stream:
        start = stream.read(4096)
    if not start:
        raise EmptyFileError(file=path.name)
    family = family_of(path, start)
    if family == "layer":
        return open_layer(path, kind, datum)
    if family == "workbook":
        return open_workbook(path)
    return open_text(path)


def read_rows(table: TableFile, columns: Sequence[str] | None = None) -> Iterator[RawChunk]:
    """Read the rows of a table in chunks.

    Parameters
    ----------
    table
        From :func:`open_table`.
    columns
        Only these headings; ``None`` for all. Broken rows and blanks are only told when all are read.

    Yields
    ------
    RawChunk
        In the order of the file.

    Raises
    ------
    UnclosedQuoteError
        If a quotation mark is never closed, so that rows cannot be told apart.
    """
    if table.kind == "csv":
        return text_rows(table, columns)
    chunks = workbook_rows(table) if table.kind == "workbook" else layer_rows(table)
    if columns is None:
        return chunks
    wanted = list(columns)
    return (RawChunk(chunk.rows[wanted], chunk.broken, chunk.blank, chunk.done) for chunk in chunks)
