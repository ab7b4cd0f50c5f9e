"""Text tables (CSV and its relatives) → chunks of rows, streamed, so that memory stays bounded."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pingan_geo.errors import EmptyFileError, UnclosedQuoteError
from pingan_geo.intake.asides import Asides
from pingan_geo.intake.headings import Heading, Seeker, UsualHeading, find_heading
from pingan_geo.intake.raw import (
    HEADING_SEARCH,
    RawChunk,
    TableFile,
    as_json,
    broken_frame,
    filled,
    refuse,
    text_frame,
)

#: Bytes that a text table is parsed in at a time; about 80,000 rows of a usual ledger.
BLOCK_BYTES = 8 << 20
_SAMPLE_BYTES = 256 << 10
_SEPARATORS = (",", ";", "\t")
#: How the library says that nothing follows the heading; the second where its line has no end.
_NO_ROWS = ("Empty CSV", "Could not skip initial")


def open_text(path: Path, seeker: Seeker | None = None) -> TableFile:
    """Find encoding, separator and heading of a text table."""
    seeker = seeker or UsualHeading()
    digest, encoding = scan_text(path)
    sample = _sample(path, encoding)
    if not sample.strip(" \t\r\n,;\ufeff"):
        raise EmptyFileError(file=path.name)
    separator, records, lines = _best_separator(sample)
    heading = seeker.find(records)
    if heading is None:
        raise seeker.failure(path)
    size = path.stat().st_size
    table = TableFile(
        path=path,
        sha256=digest,
        size=size,
        kind="csv",
        headings=heading.names,
        heading_row=heading.last + 1,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
        separator=separator,
        total=size,
        lines_above=lines[heading.last],
        title_rows=tuple(place + 1 for place in heading.titles),
        heading_rows=tuple(range(heading.first + 1, heading.last + 2)),
        all_headings=heading.names,
        asides=Asides.of(heading),
    )
    return _without_blank_columns(table, heading)


def _without_blank_columns(table: TableFile, heading: Heading) -> TableFile:
    """Leave out columns that have neither a heading nor a filled cell; the file is read only to see that."""
    bare = [name for name, cell in zip(heading.names, heading.cells, strict=True) if not cell]
    if not bare or len(bare) == len(heading.cells):
        return table
    saying: set[str] = set()
    try:
        for chunk in text_rows(table, bare):
            saying |= {name for name in bare if (chunk.rows[name].str.strip() != "").any()}
    except UnclosedQuoteError:  # said with its row when the rows are read
        return table
    kept = [place for place, name in enumerate(heading.names) if name not in bare or name in saying]
    return replace(
        table,
        headings=tuple(heading.names[place] for place in kept),
        blank_columns=tuple(place + 1 for place in range(len(heading.names)) if place not in kept),
        asides=Asides.of(heading, kept),
    )


def _sample(path: Path, encoding: str) -> str:
    """Return the start of a text in whole lines."""
    with path.open("rb") as stream:
        raw = stream.read(_SAMPLE_BYTES)
    text = codecs.getincrementaldecoder(encoding)("strict").decode(raw, final=False)
    if len(raw) == _SAMPLE_BYTES:
        text = text[: text.rfind("\n") + 1] or text
    return text


def first_text_records(table: TableFile) -> list[list[str]]:
    """Return the first rows of an opened text table as they stand."""
    return _records(_sample(table.path, _python_encoding(table)), table.separator)[0]


def scan_text(path: Path) -> tuple[str, str]:
    """Return the SHA-256 and the encoding: byte order mark, else strict UTF-8, else strict GB18030."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        start = stream.read(4)
        utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        stream.seek(0)
        is_utf8 = not utf16
        while block := stream.read(1 << 20):
            digest.update(block)
            if not utf16 and b"\x00" in block:
                raise refuse(path, "a binary file")
            is_utf8 = is_utf8 and _decodes(decoder, block)
        is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    if utf16:
        encoding = "utf-16"
    elif is_utf8:
        encoding = "utf-8-sig"
    else:
        encoding = "gb18030"
    if encoding in {"utf-16", "gb18030"} and not _whole_file_decodes(path, encoding):
        raise refuse(path, "text in an encoding that is neither UTF-8 nor GB18030")
    return digest.hexdigest(), encoding


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _whole_file_decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            if not _decodes(decoder, block):
                return False
    return _decodes(decoder, b"", final=True)


def _records(sample: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """Return the first records that are not wholly empty lines, and the physical lines above each.

    Wholly empty lines are kept as records, because a spreadsheet counts them.
    """
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    records: list[list[str]] = []
    lines: list[int] = []
    above = 0
    try:
        for record in itertools.islice(reader, HEADING_SEARCH):
            records.append(record)
            lines.append(above)
            above = reader.line_num
    except csv.Error:  # a cell longer than the module's limit: what was read so far is enough
        pass
    return records, lines


def _best_separator(sample: str) -> tuple[str, list[list[str]], list[int]]:
    best: tuple[tuple[bool, int], str, list[list[str]], list[int]] = ((False, -1), ",", [], [])
    for separator in _SEPARATORS:
        records, lines = _records(sample, separator)
        heading = find_heading(records)
        width = filled(heading.levels[-1]) if heading else 0
        if records and (rank := (not _tears_quotes(sample, separator, records), width)) > best[0]:
            best = (rank, separator, records, lines)
    return best[1:]


def _tears_quotes(sample: str, separator: str, records: Sequence[Sequence[str]]) -> bool:
    """Whether a separator stands inside quotes that another one closes, and joins lines that way."""
    if not any("\n" in cell for record in records for cell in record):
        return False
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator, strict=True)
    try:
        for _ in itertools.islice(reader, len(records)):
            pass
    except csv.Error as error:
        return "expected after" in str(error)
    return False


def text_rows(table: TableFile, columns: Sequence[str] | None) -> Iterator[RawChunk]:
    """Yield the rows of a text table; see :func:`pingan_geo.intake.files.read_rows`."""
    odd: list[tuple[int, str]] = []

    def note_odd(row: Any) -> str:
        odd.append((row.number, row.text))
        return "skip"

    names = list(table.all_headings)
    wanted = list(table.headings if columns is None else columns)
    with table.path.open("rb") as stream:
        try:
            reader = pyarrow.csv.open_csv(
                pa.PythonFile(stream, mode="r"),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    skip_rows=_lines_through_heading(table),
                    column_names=names,
                    encoding="utf8" if table.encoding == "utf-8" else table.encoding,
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=table.separator,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=note_odd,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.large_string()),
                    include_columns=wanted,
                    strings_can_be_null=False,
                    check_utf8=False,  # the whole file was checked when it was opened
                ),
            )
        except pa.ArrowInvalid as error:
            if any(words in str(error) for words in _NO_ROWS):
                return
            raise UnclosedQuoteError(file=table.name, row=_opened_quote(table)) from error
        number = _RowNumbers(_lines_through_heading(table), table.heading_row)
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                break
            except pa.ArrowInvalid as error:
                raise UnclosedQuoteError(file=table.name, row=_opened_quote(table)) from error
            numbers, odd_now = number.of_rows(batch.num_rows, odd)
            yield _text_chunk(table, wanted, batch, numbers, odd_now, stream.tell(), whole=columns is None)
        if odd:
            rest = number.rest(odd)
            yield _text_chunk(
                table, wanted, None, np.empty(0, "int64"), rest, table.size, whole=columns is None
            )


def _lines_through_heading(table: TableFile) -> int:
    """Physical lines up to and with the heading (its cells hold line breaks at times)."""
    with table.path.open("r", encoding=_python_encoding(table), newline="") as stream:
        for _ in range(table.lines_above):
            stream.readline()
        reader = csv.reader(stream, delimiter=table.separator)
        next(reader, None)
        return table.lines_above + reader.line_num


def _python_encoding(table: TableFile) -> str:
    return "utf-8-sig" if table.encoding == "utf-8" else table.encoding


class _RowNumbers:
    """Gives rows the numbers that a spreadsheet shows, past the broken rows that the parser left out."""

    def __init__(self, lines_skipped: int, heading_row: int) -> None:
        self.shift = heading_row - lines_skipped  # a heading over two lines is one row of a spreadsheet
        self.last = lines_skipped

    def of_rows(self, count: int, odd: list[tuple[int, str]]) -> tuple[Any, list[tuple[int, str]]]:
        odd.sort()
        left_out = np.array([line for line, _ in odd], "int64")
        numbers = np.arange(self.last + 1, self.last + 1 + count + left_out.size, dtype="int64")
        numbers = numbers[~np.isin(numbers, left_out)][:count]
        if count:
            self.last = int(numbers[-1])
        passed = [(line + self.shift, text) for line, text in odd if line < self.last]
        odd[:] = [(line, text) for line, text in odd if line >= self.last]
        return numbers + self.shift, passed

    def rest(self, odd: list[tuple[int, str]]) -> list[tuple[int, str]]:
        return [(line + self.shift, text) for line, text in sorted(odd)]


def _text_chunk(
    table: TableFile,
    columns: Sequence[str],
    batch: Any,
    numbers: Any,
    odd: list[tuple[int, str]],
    done: int,
    *,
    whole: bool,
) -> RawChunk:
    cells = {name: batch.column(place) for place, name in enumerate(columns)} if batch is not None else {}
    if not cells:
        cells = {name: pa.array([], pa.large_string()) for name in columns}
    blank, aside = table.asides.find(cells, len(numbers))
    if not whole:  # what a row is, only all of its cells say
        aside = {}
    swallowed = _swallows_rows(cells, len(numbers), table.separator, len(table.all_headings))
    skipped = {int(numbers[place]): kind for place, kind in aside.items() if not swallowed[place]}
    broken: list[tuple[int, str, str]] = []
    for number, text in odd:
        found = _cells_of(text, table.separator)
        if kind := table.asides.kind_of(found):
            skipped[number] = kind
        else:
            detail = f"{len(found)} ≠ {len(table.all_headings)}"
            broken.append((number, detail, as_json(table.all_headings, found)))
    rows = text_frame(cells, numbers)
    if swallowed.any():
        broken += [
            (int(number), "a quotation mark that is never closed", as_json(columns, list(row)))
            for number, row in zip(numbers[swallowed], rows[swallowed].itertuples(index=False), strict=True)
        ]
    left_out = blank | swallowed
    left_out[list(aside)] = True
    order = sorted(skipped)
    return RawChunk(
        rows[~left_out],
        broken_frame(broken),
        int((blank & ~swallowed).sum()),
        done,
        skipped=tuple(order),
        skipped_as=tuple(skipped[number] for number in order),
    )


def _cells_of(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:  # a cell longer than the module's limit
        return [text]


def _swallows_rows(cells: dict[str, Any], count: int, separator: str, width: int) -> Any:
    """Say which rows have a cell that holds whole lines of the table: a quotation mark was not closed."""
    swallowed = np.zeros(count, dtype=bool)
    if width < 2 or not count:
        return swallowed
    for column in cells.values():
        several = np.asarray(pc.match_substring(column, "\n"))
        for place in np.flatnonzero(several):
            lines = column[int(place)].as_py().splitlines()[1:]
            swallowed[place] |= any(line.count(separator) >= width - 1 for line in lines)
    return swallowed


def _opened_quote(table: TableFile) -> int:
    """Return the line in which a cell begins that never ends."""
    opened = re.compile(rf'(?:^|{re.escape(table.separator)})"')
    inside = 0
    with table.path.open("r", encoding=_python_encoding(table), newline="") as stream:
        for number, line in enumerate(stream, 1):
            if line.count('"') % 2:
                inside = 0 if inside else (number if opened.search(line) else 0)
    return inside or 1
