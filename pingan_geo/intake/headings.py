"""The heading of a ledger: one to three rows, under titles, with cells that span others.

Printed ledgers bear a title over the whole width, group headings over several columns (位置 over 经度 and
纬度), and cells that reach down over two rows. The rows of a heading are joined to one name for each column:
``位置-经度``. Where a file says which cells are merged, that is believed; where it cannot (CSV), blanks tell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pingan_geo.errors import EmptyFileError, LayoutMismatchError, PinganError
from pingan_geo.intake.columns import plain
from pingan_geo.intake.raw import distinct_headings, filled

#: First rows of a table as text; the place in the list is the row number less one.
Records = Sequence[Sequence[str]]
#: Merged cells: ((row, column), (last row, last column)), counted from 0 as in the records.
Merges = Sequence[tuple[tuple[int, int], tuple[int, int]]]

#: Rows that a heading has at most.
MOST_LEVELS = 3
_LONGEST_HEADING = 40
#: What a cell is, its beginning says; the patterns take the square of the length.
_LOOKED_AT = 200
_GROUP_LENGTH = 8
_TITLE_WORDS = re.compile(r"表$|台账|清单|统计|汇总|记录|登记|明细|情况|\d{2,4}\s*年")
_SAYS_VALUE = re.compile(r"[^:：]+[:：]\s*\S")
_BRACKETED = re.compile(r"[(（\[【〔][^)）\]】〕]*[)）\]】〕]")
_CAPTION_LABEL = re.compile(
    r"(?:填报|填表|制表|统计|报送|上报|编制)?(?:单位|部门|日期|时间|人)(?:\s*[(（](?:盖章|签字|公章)[)）])?[:：]?$"
)
_MEASURED = re.compile(
    r"[-+]?[\d,]+(?:\.\d+)?\s*[%°]?$"  # a number
    r"|.*\d{4}\s*[-/.年]\s*\d{1,2}|.*\d{1,2}月\d{1,2}日|.*\d:\d\d"  # a date or a time
    r"|.*\d{3,}\.\d|.*\d{5,}"  # a coordinate, a telephone or another long number
)


@dataclass(frozen=True)
class Heading:
    """Where the heading of a table stands, and what it says.

    Parameters
    ----------
    first, last
        Places of its rows among the records.
    cells
        One for each column, levels joined with ``-``; ``""`` where nothing is written.
    levels
        Its rows as they stand.
    titles
        Places of the rows above it that say something.
    title_cells
        What those say.
    """

    first: int
    last: int
    cells: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    titles: tuple[int, ...]
    title_cells: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The cells made distinct."""
        return distinct_headings(self.cells)


class Seeker(Protocol):
    """Finds the heading among the first rows of a table, and says why it did not."""

    def find(self, records: Records, merges: Merges = ()) -> Heading | None:
        """Return the heading, or ``None`` when the rows hold none."""

    def failure(self, path: Path) -> PinganError:
        """Return the error for a file in which nothing was found."""


@dataclass(frozen=True)
class UsualHeading:
    """Seeks a heading by how headings look."""

    def find(self, records: Records, merges: Merges = ()) -> Heading | None:
        """Return the first row that is wide enough, with the rows of the heading around it."""
        return find_heading(records, merges)

    def failure(self, path: Path) -> PinganError:
        """Say that there are no rows."""
        return EmptyFileError(file=path.name)


@dataclass(frozen=True)
class HeadingAt:
    """Takes the rows that a person pointed at.

    Parameters
    ----------
    first_row, last_row
        Numbers as a spreadsheet shows them.
    """

    first_row: int
    last_row: int

    def find(self, records: Records, merges: Merges = ()) -> Heading | None:
        """Return the heading at these rows, ``None`` when they say nothing."""
        first, last = self.first_row - 1, self.last_row - 1
        if not 0 <= first <= last < min(len(records), first + MOST_LEVELS):
            return None
        heading = heading_at(records, first, last, merges)
        return heading if any(heading.cells) else None

    def failure(self, path: Path) -> PinganError:
        """Say that there are no rows."""
        return EmptyFileError(file=path.name)


class KnownHeading:
    """Seeks headings that are known from a layout, wherever they stand now.

    Parameters
    ----------
    wanted
        Headings that must be there.
    levels
        Rows that the heading had; other numbers are tried too.
    layout
        Name of the layout, for the message.
    only
        No other headings may stand beside them.
    """

    def __init__(self, wanted: Iterable[str], levels: int, layout: str = "", *, only: bool = False) -> None:
        self.wanted = {plain(name): name for name in wanted}
        self.levels = levels
        self.layout = layout
        self.only = only
        self.missing = list(self.wanted.values())

    def find(self, records: Records, merges: Merges = ()) -> Heading | None:
        """Return the heading that bears them all."""
        counts = sorted(range(1, MOST_LEVELS + 1), key=lambda count: (count != self.levels, count))
        for count in counts:
            for first in range(len(records) - count + 1):
                heading = heading_at(records, first, first + count - 1, merges)
                found = {plain(name) for name, cell in zip(heading.names, heading.cells, strict=True) if cell}
                missing = [name for key, name in self.wanted.items() if key not in found]
                if not missing and not (self.only and found - set(self.wanted)):
                    return heading
                if len(missing) < len(self.missing):
                    self.missing = missing
        return None

    def failure(self, path: Path) -> PinganError:
        """Name the headings that are not there."""
        return LayoutMismatchError(file=path.name, layout=self.layout, headings=self.missing)


def tidy(cell: object) -> str:
    """Return a cell on one line, without blanks around it."""
    return " ".join(str(cell).strip("\ufeff").split())


def is_measured(text: str) -> bool:
    """Whether a cell is a number, a date or a time, as headings are not."""
    return _MEASURED.match(unicodedata.normalize("NFKC", text[:_LOOKED_AT])) is not None


def find_heading(records: Records, merges: Merges = ()) -> Heading | None:
    """Find the heading among the first rows of a table.

    The first row that fills at least half of the widest one, and two cells, is part of it, unless it is a
    caption (``单位：… 日期：…``). Rows around it join when its cells reach into them.

    Parameters
    ----------
    records
        The first rows as text.
    merges
        Merged cells, where the file tells them.

    Returns
    -------
    Heading or None
        ``None`` when no cell is filled.
    """
    rows = [[tidy(cell) for cell in record] for record in records]
    counts = [filled(row) for row in rows]
    widest = max(counts, default=0)
    if not widest:
        return None
    enough = max(min(2, widest), -(-widest // 2))
    wide = [place for place, count in enumerate(counts) if count >= enough]
    plain_rows = (
        place for place in wide if not (_is_caption(rows[place]) and any(c > counts[place] for c in counts))
    )
    first = last = next(plain_rows, wide[0])
    while last - first + 1 < MOST_LEVELS and _goes_on_below(rows, first, last, merges):
        last += 1
    while last - first + 1 < MOST_LEVELS and _is_group_row(rows, first - 1, last, merges):
        first -= 1
    return heading_at(rows, first, last, merges)


def heading_at(records: Records, first: int, last: int, merges: Merges = ()) -> Heading:
    """Return the heading that these rows make."""
    rows = [[tidy(cell) for cell in record] for record in records[: last + 1]]
    width = max((len(row) for row in rows[first:]), default=0)
    levels = [row + [""] * (width - len(row)) for row in rows[first:]]
    spread = [_spread(levels, level, first, merges) for level in range(len(levels))]
    cells = tuple(_join(column) for column in zip(*spread, strict=True))
    titles = tuple(place for place, row in enumerate(rows[:first]) if filled(row))
    return Heading(
        first=first,
        last=last,
        cells=cells,
        levels=tuple(map(tuple, levels)),
        titles=titles,
        title_cells=tuple(cell for place in titles for cell in rows[place] if cell),
    )


def _join(parts: Sequence[str]) -> str:
    name = ""
    last = ""
    for part in parts:
        if not part or part == last:
            continue
        name += part if not name or _BRACKETED.fullmatch(part) else f"-{part}"
        last = part
    return name


def _spread(levels: list[list[str]], level: int, first: int, merges: Merges) -> list[str]:
    """Write the cells of one row of a heading into the columns that they span."""
    row = list(levels[level])
    below = [any(other[column] for other in levels[level + 1 :]) for column in range(len(row))]
    spans = _spans(merges, first + level, len(row))
    for left, right in spans:
        row[left : right + 1] = [levels[level][left]] * (right - left + 1)
    if spans or level == len(levels) - 1:
        return row
    for column in range(1, len(row)):
        if not row[column] and row[column - 1] and below[column] and below[column - 1]:
            row[column] = row[column - 1]
    return row


def _spans(merges: Merges, place: int, width: int) -> list[tuple[int, int]]:
    """Return first and last column of the cells of a row that are merged over several columns."""
    return [
        (left, min(right, width - 1))
        for (top, left), (_, right) in merges
        if top == place and left < min(right, width - 1)
    ]


def _is_caption(row: list[str]) -> bool:
    """Whether a row says a value with its label, as 单位：新塍镇 does; headings do not."""
    said = [_BRACKETED.sub("", cell[:_LOOKED_AT]) for cell in row if cell]
    if any(_SAYS_VALUE.match(cell) for cell in said):
        return True
    return len(said) > 1 and any(_CAPTION_LABEL.match(said[place]) and is_measured(said[place + 1]) for place in range(len(said) - 1))  # fmt: skip


def _could_be_heading(cell: str) -> bool:
    return len(cell) <= _LONGEST_HEADING and not is_measured(_BRACKETED.sub("", cell) or cell)


def _goes_on_below(rows: list[list[str]], first: int, last: int, merges: Merges) -> bool:
    """Whether the row below belongs to the heading."""
    if last + 1 >= len(rows):
        return False
    width = max(len(row) for row in rows[first : last + 2])
    below = rows[last + 1] + [""] * (width - len(rows[last + 1]))
    names = [cell for cell in below if cell]
    if not names or not all(map(_could_be_heading, names)):
        return False
    if any(first <= top <= last < bottom for (top, _), (bottom, _) in merges):
        return True
    top = rows[last] + [""] * (width - len(rows[last]))
    above = [
        "".join(row[column] for row in rows[first : last + 1] if column < len(row)) for column in range(width)
    ]
    spans = _spans(merges, last, width)
    grouped = _grouped(top, below, spans)
    if not grouped:
        return False
    after = rows[last + 2] if last + 2 < len(rows) else []
    data_follow = any(is_measured(after[column]) for column in grouped if column < len(after))
    if spans and data_follow:
        return True
    alone = [column for column in range(width) if above[column] and column not in grouped]
    if any(
        below[column] not in {"", above[column]} and not _BRACKETED.fullmatch(below[column])
        for column in alone
    ):
        return False
    return bool(alone) or data_follow


def _grouped(top: list[str], below: list[str], spans: list[tuple[int, int]]) -> set[int]:
    """Return the columns that stand under a cell of several columns."""
    if spans:
        return {
            column
            for left, right in spans
            if any(below[left : right + 1])
            for column in range(left, right + 1)
        }
    grouped: set[int] = set()
    for column in range(1, len(top)):
        before = column - 1
        if not top[column] and below[column] and below[before] and (top[before] or before in grouped):
            grouped |= {before, column}
    return grouped


def _is_group_row(rows: list[list[str]], place: int, last: int, merges: Merges) -> bool:
    """Whether the row above the heading names groups of its columns, and is not a title."""
    if place < 0:
        return False
    width = max(len(row) for row in rows[place : last + 1])
    row = rows[place] + [""] * (width - len(rows[place]))
    below = rows[place + 1] + [""] * (width - len(rows[place + 1]))
    named = [column for column in range(width) if row[column]]
    if not named or _is_caption(row) or not all(_could_be_heading(row[column]) for column in named):
        return False
    if any(_CAPTION_LABEL.match(row[column]) and "单位" in row[column] for column in named):
        return False
    columns = [column for column in range(width) if below[column]]
    spans = _spans(merges, place, width)
    if not columns or any(left <= columns[0] and right >= columns[-1] for left, right in spans):
        return False
    if len(named) == 1:  # a title may stand over some of the columns only
        text, column = row[named[0]], named[0]
        is_title = len(text) > _GROUP_LENGTH or _TITLE_WORDS.search(text) is not None
        return bool(spans) and column > columns[0] and not is_title
    return bool(_grouped(row, below, spans)) and all(
        below[column] or any(top <= place < bottom and left <= column <= right for (top, left), (bottom, right) in merges)
        for column in named
    )  # fmt: skip
