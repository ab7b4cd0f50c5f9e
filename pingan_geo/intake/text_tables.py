"""Text tables (CSV and its relatives) → chunks of rows, streamed, so that memory stays bounded."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pingan_geo.errors import EmptyFileError, UnclosedQuoteError
from pingan_geo.intake.raw import (
    HEADING_SEARCH,
    RawChunk,
    TableFile,
    all_blank,
    as_json,
    broken_frame,
    distinct_headings,
    filled,
    heading_place,
    refuse,
    text_frame,
)

#: Bytes that a text table is parsed in at a time; about 80,000 rows of a usual ledger.
BLOCK_BYTES = 8 << 20
_SAMPLE_BYTES = 256 << 10
_SEPARATORS = (",", ";", "\t")


def open_text(path: Path) -> TableFile:
    """Find encoding, separator and heading of a text table."""
    digest, encoding = _scan_text(path)
    with path.open("rb") as stream:
        raw = stream.read(_SAMPLE_BYTES)
    whole = len(raw) < _SAMPLE_BYTES
    sample = codecs.getincrementaldecoder(encoding)("strict").decode(raw, final=False)
    if not whole:
        sample = sample[: sample.rfind("\n") + 1] or sample
    if not sample.strip(" \t\r\n,;\ufeff"):
        raise EmptyFileError(file=path.name)
    separator, records, lines = _best_separator(sample)
    place = heading_place(records)
    size = path.stat().st_size
    return TableFile(
        path=path,
        sha256=digest,
        size=size,
        kind="csv",
        headings=distinct_headings(records[place]),
        heading_row=place + 1,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
        separator=separator,
        total=size,
        lines_above=lines[place],
    )


def _scan_text(path: Path) -> tuple[str, str]:
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
    best: tuple[int, str, list[list[str]], list[int]] = (-1, ",", [], [])
    for separator in _SEPARATORS:
        records, lines = _records(sample, separator)
        if records and (width := filled(records[heading_place(records)])) > best[0]:
            best = (width, separator, records, lines)
    return best[1:]


def text_rows(table: TableFile, columns: Sequence[str] | None) -> Iterator[RawChunk]:
    """Yield the rows of a text table; see :func:`pingan_geo.intake.files.read_rows`."""
    odd: list[tuple[int, str]] = []

    def note_odd(row: Any) -> str:
        odd.append((row.number, row.text))
        return "skip"

    names = list(table.headings)
    wanted = names if columns is None else list(columns)
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
            if "Empty CSV" in str(error):
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
            yield _text_chunk(table, wanted, batch, numbers, odd_now, stream.tell())
        if odd:
            yield _text_chunk(table, wanted, None, np.empty(0, "int64"), number.rest(odd), table.size)


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
    table: TableFile, columns: Sequence[str], batch: Any, numbers: Any, odd: list[tuple[int, str]], done: int
) -> RawChunk:
    cells = {name: batch.column(place) for place, name in enumerate(columns)} if batch is not None else {}
    if not cells:
        cells = {name: pa.array([], pa.large_string()) for name in columns}
    blank = all_blank(cells, len(numbers))
    swallowed = _swallows_rows(cells, len(numbers), table.separator, len(table.headings))
    rows = text_frame(cells, numbers)
    broken = [_odd_row(table, number, text) for number, text in odd]
    if swallowed.any():
        broken += [
            (int(number), "a quotation mark that is never closed", as_json(columns, list(row)))
            for number, row in zip(numbers[swallowed], rows[swallowed].itertuples(index=False), strict=True)
        ]
    return RawChunk(rows[~(blank | swallowed)], broken_frame(broken), int(blank.sum()), done)


def _odd_row(table: TableFile, number: int, text: str) -> tuple[int, str, str]:
    found = next(csv.reader([text], delimiter=table.separator), [])
    return number, f"{len(found)} ≠ {len(table.headings)}", as_json(table.headings, found)


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
