"""The receipt of an import: what became of every row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

#: Why a row was held: code to English sentence (also the msgid of the Chinese one).
HOLD_REASONS: Mapping[str, str] = {
    "no_place": "no coordinates",
    "bad_place": "the coordinates are not numbers on the earth",
    "null_island": "the coordinates are 0, 0",
    "swapped_place": "latitude and longitude look swapped",
    "outside_town": "the place is outside the town",
    "unknown_datum": "the datum is not known",
    "no_time": "no time",
    "bad_time": "the time cannot be read",
    "future_time": "the time lies in the future",
    "no_category": "no category",
    "unknown_category": "the category is not in the town's list",
    "id_conflict": "another report with the same number but other content exists",
    "broken_row": "the row has another number of columns than the heading",
    "ambiguous_place": "the words for the place fit no place exactly, or several",
    "unknown_place": "the words for the place are not in the town's gazetteer",
    "no_year": "the time names no year",
    "closed_before_opened": "it was closed before it was opened",
    "grid_conflict": "the stated grid and the place disagree",
    "unlike_places": "two columns of the row give different places",
    "no_name": "no name",
    "duplicate_id": "the number stands more than once in the file",
    "broken_photo": "the picture is damaged",
    "large_photo": "the picture is larger than 30 MB or 100 megapixels",
    "no_photo": "the file is not a picture",
    "deep_photo": "the picture lies too many folders deep",
    "wrong_stop": "there is no such stop on the route of this team",
    "wrong_patrol": "the row is of another patrol or team",
    "unknown_answer": "the answer is none of: no, yes, settled, could not get in",
    "wrong_day": "the time lies far from the shift",
}

#: What a value was corrected for: code to English sentence (also the msgid of the Chinese one).
CORRECTION_REASONS: Mapping[str, str] = {
    "swapped_place": "latitude and longitude were exchanged",
    "mended": "mended by hand",
}


@dataclass(frozen=True)
class Receipt:
    """What became of the rows of one imported file.

    ``read == accepted + merged + corrected + held + repeated`` always holds.

    Parameters
    ----------
    kind
        ``reports``, ``posts``, ``grids`` …
    file
        Name of the file, without its folder.
    batch_id
        Number of the import; ``None`` after a dry run or when nothing new was written.
    read, accepted, merged, corrected, held, repeated
        Rows. *accepted*: stored as they were; *merged*: joined to one already stored; *corrected*: stored
        after a stated correction; *held*: kept aside with a reason; *repeated*: stored before.
    held_by_reason
        Reason code to rows.
    notes
        (msgid, values) pairs, said on screen in the reader's language: what the file was taken to be.
    columns
        Field to heading: how the file was understood.
    dry_run
        Nothing was written.
    questions
        (code, values) of what one answer for the whole file would settle: ``year`` (times that name none),
        ``swap`` (rows that lie in the town only with latitude and longitude exchanged); each with ``count``
        and ``example``.
    """

    kind: str
    file: str
    batch_id: int | None
    read: int
    accepted: int
    merged: int = 0
    corrected: int = 0
    held: int = 0
    repeated: int = 0
    held_by_reason: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    questions: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def adds_up(self) -> bool:
        """Whether every row read is accounted for."""
        outcome = self.accepted + self.merged + self.corrected + self.held + self.repeated
        return self.read == outcome and self.held == sum(self.held_by_reason.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; instants of the notes become ISO text."""
        plain: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        plain["held_by_reason"], plain["columns"] = dict(self.held_by_reason), dict(self.columns)
        plain["notes"] = [
            {"text": msgid, "values": {key: _as_plain(value) for key, value in values.items()}}
            for msgid, values in self.notes
        ]
        plain["questions"] = [{"code": code, "values": dict(values)} for code, values in self.questions]
        return plain


def _as_plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True)
class Progress:
    """One step of a long piece of work.

    Parameters
    ----------
    stage
        msgid of what is being done.
    done, total
        In the same unit (bytes or rows); ``total`` is ``None`` when unknown.
    rows
        Rows handled so far.
    """

    stage: str
    done: int
    total: int | None
    rows: int


#: Called at each step of long work; it may raise :class:`pingan_geo.errors.Cancelled` to stop it.
OnProgress = Callable[[Progress], None]
