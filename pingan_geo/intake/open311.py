"""JSON lists of objects, such as the service requests of Open311 (GeoReport v2) → the same rows as a table.

A value keeps its digits as they stand in the file. An object inside an object becomes columns joined with a
dot (``address.street``); a list inside one stays JSON text. A JSON file is read as a whole.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pingan_geo.errors import EmptyFileError
from pingan_geo.intake.raw import (
    CHUNK_ROWS,
    RawChunk,
    TableFile,
    all_blank,
    as_json,
    broken_frame,
    distinct_headings,
    refuse,
    text_frame,
)
from pingan_geo.intake.text_tables import scan_text

#: Larger files are asked for as CSV, which is streamed.
MOST_BYTES = 200 << 20
#: More names than this, or nesting deeper than this, is no table.
MOST_COLUMNS = 1_000
_DEEPEST = 20


def open_json(path: Path) -> TableFile:
    """Read a JSON list of objects, or an object that holds one such list.

    Raises
    ------
    UnreadableFileError
        If it is damaged, too large, or holds no list of objects.
    EmptyFileError
        If the list is empty.
    """
    if path.stat().st_size > MOST_BYTES:
        raise refuse(path, "a JSON file of more than 200 MB; save it as CSV")
    digest, encoding = scan_text(path)
    try:
        content = json.loads(
            path.read_text(encoding=encoding), parse_float=str, parse_int=str, parse_constant=lambda _: ""
        )
    except (ValueError, RecursionError) as error:
        raise refuse(path, "a damaged JSON file") from error
    rows = _list_of_rows(content)
    if rows is None:
        raise refuse(path, "a JSON file without a list of rows")
    if not rows:
        raise EmptyFileError(file=path.name)
    flat = [_flat(row, path) if isinstance(row, dict) else None for row in rows]
    keys = list(dict.fromkeys(itertools.chain.from_iterable(row for row in flat if row)))
    if not keys or len(keys) > MOST_COLUMNS:
        raise refuse(path, "a JSON file without a list of rows")
    headings = distinct_headings(keys)
    return TableFile(
        path=path,
        sha256=digest,
        size=path.stat().st_size,
        kind="json",
        headings=headings,
        heading_row=0,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
        total=len(rows),
        all_headings=headings,
        held_open=(keys, flat, rows),
    )


def _list_of_rows(content: Any) -> list[Any] | None:
    if isinstance(content, list):
        return content if not content or any(isinstance(row, dict) for row in content) else None
    if isinstance(content, dict):
        lists = [
            value
            for value in content.values()
            if isinstance(value, list) and (not value or any(isinstance(row, dict) for row in value))
        ]
        filled = [value for value in lists if value]
        if len(filled) == 1:
            return filled[0]
        return lists[0] if len(lists) == 1 else None
    return None


def _flat(row: dict[str, Any], path: Path) -> dict[str, str]:
    """Return a row with the names of nested objects joined by dots."""
    cells: dict[str, str] = {}
    left: list[tuple[str, Any, int]] = [("", row, 0)]
    while left:
        name, value, depth = left.pop()
        name = _unbroken(name)
        if isinstance(value, dict):
            if depth > _DEEPEST:
                raise refuse(path, "a JSON file without a list of rows")
            below = [(f"{name}.{key}" if name else key, each, depth + 1) for key, each in value.items()]
            left += reversed(below)
        else:
            cells[name] = _cell(value)
    return cells


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return _unbroken(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "" if value is None else _unbroken(json.dumps(value, ensure_ascii=False))


def _unbroken(text: str) -> str:
    """Return a text without halves of signs, which JSON can spell and no table can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def json_rows(table: TableFile) -> Iterator[RawChunk]:
    """Yield the rows of a JSON list; what is no object is a broken row."""
    keys, flat, rows = table.held_open
    for start in range(0, table.total, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, table.total)
        good = [place for place in range(start, stop) if flat[place] is not None]
        numbers = np.array(good, "int64") + 1
        cells = {
            heading: pa.array([flat[place].get(key, "") for place in good], pa.large_string())
            for heading, key in zip(table.headings, keys, strict=True)
        }
        blank = all_blank(cells, len(good))
        broken = [
            (place + 1, f"1 ≠ {len(keys)}", as_json(table.headings, [_cell(rows[place])]))
            for place in range(start, stop)
            if flat[place] is None
        ]
        yield RawChunk(text_frame(cells, numbers)[~blank], broken_frame(broken), int(blank.sum()), stop)
