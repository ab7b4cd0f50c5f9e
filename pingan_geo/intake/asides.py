"""Rows that stand among the reports of a ledger and are none: totals, repeated headings, notes below.

They are not dropped but put aside, with their numbers. A row is put aside only when nothing in it could be a
report: one with a date, a place or words of its own is handed on, whatever its first cell says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.intake.headings import Heading, tidy

_UNIT = r"(?:条|件|起|个|户|宗|次|例|人|元|处|辆|项|家|栋|间|平方米|㎡)"
_TOTAL_WORD = r"(?:[合总小共累]\s*计|sub-?\s?total|grand\s+total|total)"
_LABEL = (
    r"(?:制表|填表|填报|审核|复核|审批|负责|经办|统计|报送|记录|打印|导出|分管|主管|单位|部门)"
    r"(?:人员|人|员|单位|部门|领导|负责人|日期|时间)?(?:签[字名]|\((?:签字|签名|签章|盖章)\))?\s*:"
)
_TOTAL = re.compile(
    rf".{{0,12}}?{_TOTAL_WORD}\s*(?:\({_UNIT}?[^)]{{0,8}}\))?\s*:?\s*[\d,.]*\s*{_UNIT}?|共\s*[\d,]+\s*{_UNIT}.?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"[-+]?[¥$]?\d[\d,]*(?:\.\d+)?\s*%?\s*{_UNIT}?|[-/—–]+|#[A-Z/0]+[!?]?|{_TOTAL_WORD}:?|{_UNIT}",
    re.IGNORECASE,
)
_PLACED = re.compile(r"\d{1,3}\.\d{4,}")
_NUMBERED = re.compile(r"\d{10,}")  # a telephone, an identity number, the number of a case
_WORDS = re.compile(r"[^\W\d_年月日时分秒]{2}")
_SIGNED = re.compile(_LABEL)
_REMARK = re.compile(
    r"(?:注|备注|说明|附注|注意|填表说明|note|remark)s?\s*[\d一二三]?\s*[:.、]", re.IGNORECASE
)
#: What the first filled cell of such a row looks like, in a pattern that Arrow's engine is quick at.
_START = (
    r"(?i)[合总小共累][\s\x{3000}\x{a0}]*[计\d]|total|^\s*(?:制表|填表|填报|审核|复核|审批|负责|经办|统计|报送|记录|打印|导出|分管"
    r"|主管|单位|部门)[^:：]{0,12}[:：]|^\s*(?:注|备注|说明|附注|注意|填表说明|note|remark)"
)


def is_total(cells: Sequence[str]) -> bool:
    """Whether a row is a sum: it says so in its first or second cell, and else holds only counts."""
    said = [unicodedata.normalize("NFKC", tidy(cell)) for cell in cells]
    said = [cell for cell in said if cell]
    place = next((place for place, cell in enumerate(said[:2]) if _TOTAL.fullmatch(cell)), None)
    if place is None:
        return False
    others = said[:place] + said[place + 1 :]
    return not any(_PLACED.fullmatch(cell) or _NUMBERED.search(cell) for cell in others) and all(
        _COUNTED.fullmatch(cell) or _SIGNED.match(cell) for cell in others
    )


def is_note(cells: Sequence[str]) -> bool:
    """Whether a row is a note under a table: signed (制表人：…), or a remark that stands alone."""
    said = [unicodedata.normalize("NFKC", tidy(cell)) for cell in cells]
    said = [cell for cell in said if cell]
    if not said or any(_PLACED.fullmatch(cell) for cell in said):
        return False
    return _SIGNED.match(said[0]) is not None or (len(said) == 1 and _REMARK.match(said[0]) is not None)


@dataclass(frozen=True)
class Asides:
    """Knows the rows of one table that are no reports.

    Parameters
    ----------
    levels
        The rows of its heading, without blanks at their end.
    titles
        What stands above its heading.
    """

    levels: frozenset[tuple[str, ...]]
    titles: frozenset[str]

    @classmethod
    def of(cls, heading: Heading, columns: Sequence[int] | None = None) -> Asides:
        """Return those of a table, of which only some columns are read."""
        chosen = range(len(heading.cells)) if columns is None else columns
        levels = (
            tuple(level[place] if place < len(level) else "" for place in chosen) for level in heading.levels
        )
        # a bare number or day above the heading may well be a row's only value below it
        said = (cell for cell in heading.title_cells if _WORDS.search(cell))
        return cls(frozenset(map(_trimmed, levels)), frozenset(said))

    def kind_of(self, cells: Sequence[str]) -> str:
        """Return ``heading``, ``title``, ``total``, ``note``, or ``""`` for a row that may be a report."""
        row = _trimmed([tidy(cell) for cell in cells])
        said = [cell for cell in row if cell]
        if len(said) > 1 and row in self.levels:
            return "heading"
        if len(said) == 1 and said[0] in self.titles:
            return "title"
        if is_total(row):
            return "total"
        return "note" if is_note(row) else ""

    def find(self, cells: Mapping[str, Any], count: int) -> tuple[NDArray[np.bool_], dict[int, str]]:
        """Look through a chunk of rows.

        Parameters
        ----------
        cells
            Heading to column of text, all of the table.
        count
            Rows.

        Returns
        -------
        blank
            Which rows have no filled cell.
        found
            Place of a row that is put aside → what it is.
        """
        starts = [next((cell for cell in level if cell), "") for level in self.levels]
        known = pa.array([*starts, *self.titles], pa.large_string())
        blank = np.ones(count, dtype=bool)
        likely: list[NDArray[np.int64]] = []
        for number, column in enumerate(cells.values()):
            if not count or not (blank.any() or number == 1):
                break
            left = np.flatnonzero(blank)
            whole = left.size == count
            part = pc.utf8_trim_whitespace(column if whole else column.take(pa.array(left)))
            says = np.asarray(pc.greater(pc.binary_length(part), 0))
            looks = pc.or_(pc.match_substring_regex(part, _START), pc.is_in(part, known))
            likely.append(left[says & np.asarray(looks)])
            blank[left[says]] = False
            if number == 1:  # 合计 may stand beside a running number
                likely.append(
                    np.flatnonzero(np.asarray(pc.match_substring_regex(column, r"^.{0,16}计.{0,10}$")))
                )
        columns = list(cells.values())
        found: dict[int, str] = {}
        for place in np.unique(np.concatenate(likely)) if likely else ():
            row = [column[int(place)].as_py() for column in columns]
            if kind := self.kind_of(row):
                found[int(place)] = kind
        return blank, found


def _trimmed(cells: Sequence[str]) -> tuple[str, ...]:
    """Leave out blanks at the end: trailing commas come and go."""
    last = max((place for place, cell in enumerate(cells) if cell), default=-1)
    return tuple(cells[: last + 1])
