"""The layout of a ledger: confirmed by a person once, and used for every later file of the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pingan_geo.errors import LayoutFileError
from pingan_geo.intake.columns import plain
from pingan_geo.intake.headings import MOST_LEVELS, KnownHeading

#: Written into each saved layout; a layout of another version is not guessed at.
VERSION = 1


@dataclass(frozen=True)
class LedgerLayout:
    """How the files of one ledger are laid out, as a person confirmed it.

    Parameters
    ----------
    name
        Under which it is kept; ``""`` for one that is only proposed.
    kind
        ``reports``, ``posts`` …
    headings
        In the order of the columns, as they stood when it was confirmed; rows of a heading joined.
    sheets
        Sheets to read; none: all that bear the same headings.
    title_rows, heading_rows
        Numbers of rows as they stood then. In a later file the headings are found wherever they stand.
    fields
        Field to heading; what it says wins over what :func:`pingan_geo.intake.columns.map_columns` finds.
    datum
        Of the coordinates; ``""``: what the file says, else the town's setting.
    date_order
        ``mdy`` or ``dmy``; ``""``: as the dates show.
    year
        Of times that name none; 0: it is asked.
    swapped
        Latitude and longitude stand in each other's column in the whole file.
    """

    name: str = ""
    kind: str = "reports"
    headings: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    title_rows: tuple[int, ...] = ()
    heading_rows: tuple[int, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    datum: str = ""
    date_order: str = ""
    year: int = 0
    swapped: bool = False

    def to_json(self) -> str:
        """Return the layout as JSON; the same layout gives the same text."""
        content: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        content["fields"] = dict(self.fields)
        return json.dumps({"version": VERSION, **content}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> LedgerLayout:
        """Return the layout that :meth:`to_json` wrote.

        Raises
        ------
        LayoutFileError
            If it is of another version, or names anything unknown or of another type.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise LayoutFileError(detail="JSON") from error
        if not isinstance(content, dict) or content.pop("version", None) != VERSION:
            raise LayoutFileError(detail="version")
        known = {each.name: getattr(cls(), each.name) for each in fields(cls)}
        for name, value in content.items():
            if name not in known or not _is_like(value, known[name], name):
                raise LayoutFileError(detail=name)
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        return cls(**told)

    def seeker(self) -> KnownHeading:
        """Return what finds its heading in a file: all headings with a field, or all if none has one."""
        return KnownHeading(self._wanted(), min(max(len(self.heading_rows), 1), MOST_LEVELS), self.name)

    def missing(self, headings: Iterable[str]) -> list[str]:
        """Return the headings that it needs and these are not."""
        there = set(map(plain, headings))
        return [name for name in self._wanted() if plain(name) not in there]

    def fields_in(self, headings: Sequence[str]) -> dict[str, str]:
        """Return field to heading, as these headings spell it."""
        there = {plain(name): name for name in reversed(headings)}
        return {
            each: heading if heading in headings else there[plain(heading)]
            for each, heading in self.fields.items()
            if heading in headings or plain(heading) in there
        }

    def _wanted(self) -> list[str]:
        wanted = list(dict.fromkeys(self.fields.values())) or list(self.headings)
        return [name for name in wanted if plain(name) and not name.startswith("#")]


def _is_like(value: Any, known: Any, name: str) -> bool:
    """Whether a value read from JSON is of the type that the layout holds."""
    if isinstance(known, tuple):
        inside: type = int if name.endswith("_rows") else str
        return isinstance(value, list) and all(type(each) is inside for each in value)
    if isinstance(known, dict):
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    return type(value) is type(known)
