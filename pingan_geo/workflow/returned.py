"""Held rows that come in again, mended by the sender, under the numbers that they were sent back with.

A row that comes again is read as the import that held it was: in its datum, its year, its source. It counts in
the import that brings it now, as what it becomes there; the import that held it counts it as repeated from then
on, so that both receipts add up and no row waits twice. Taking the new import back lets the old rows wait again.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.errors import MixedHeldRowsError
from pingan_geo.intake.columns import held_heading
from pingan_geo.intake.files import read_rows
from pingan_geo.intake.raw import RawChunk, TableFile
from pingan_geo.intake.values import ReportRules
from pingan_geo.storage.records import batch_options, read_batches, read_held, settle_held
from pingan_geo.workflow.notes import Note
from pingan_geo.workflow.towns import Town

#: No vowels, so that no spreadsheet takes 3-mrch for a day in March.
_LETTERS = "bcdfghjkmnpqrstvwxz"
_NUMBER = re.compile(rf"(\d{{1,18}})-([{_LETTERS}]{{4}})")
_SLAB = 2_000


def held_numbers(held: pd.DataFrame) -> list[str]:
    """Return the number that each held row is sent back with.

    Four letters that depend on the row follow its number, so that a cell that was dragged down, a file of
    another town, or a number that was given anew after an import was taken back is not mistaken for it.

    Parameters
    ----------
    held
        Rows of :func:`pingan_geo.storage.records.read_held`.
    """
    rows = zip(
        held["held_id"], held["batch_id"], held["sheet"], held["row_number"], held["values"], strict=True
    )
    numbers = []
    for held_id, *rest in rows:
        digest = hashlib.sha256("\x1f".join(map(str, [held_id, *rest])).encode()).digest()
        letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:4])
        numbers.append(f"{held_id}-{letters}")
    return numbers


@dataclass
class Returned:
    """What a file says of rows that are held.

    Parameters
    ----------
    heading
        Of the column with their numbers; ``""`` when the file has none.
    waiting
        Number as it is compared → ``held_id`` of a row that waits, or was put aside.
    batches
        The imports that hold these rows.
    fields, rules, layout
        How they were read: field to heading, values of :class:`ReportRules`, name of the layout.
    became
        ``held_id`` → the report that the row became, 0: it is held again. Filled by :meth:`take`.
    unknown
        Numbers met that are of no row that waits here.
    """

    heading: str = ""
    waiting: Mapping[str, int] = field(default_factory=dict)
    batches: tuple[int, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    layout: str = ""
    became: dict[int, int] = field(default_factory=dict)
    unknown: int = 0

    def read_alike(self, rules: ReportRules) -> ReportRules:
        """Return the rules of the file, with what the whole of the old file showed and a few rows cannot."""
        said = self.rules
        shown = {name: said[name] for name in ("dates_only", "digits") if said.get(name) is not None}
        rules = replace(rules, **shown)
        if rules.datum_known_by != "setting" or not said.get("datum"):
            return rules
        return replace(
            rules,
            datum=said["datum"],
            datum_known_by=said["datum_known_by"],
            datum_by_source={source: tuple(known) for source, known in said["datum_by_source"].items()},
        )

    def take(self, chunk: RawChunk, reports: pd.DataFrame, again: pd.DataFrame, held: pd.DataFrame) -> None:
        """Note what became of the rows of a chunk.

        Parameters
        ----------
        chunk
            As received.
        reports, again
            ``row_number, report_id`` of the rows that are stored now, and of those stored before.
        held
            HELD_ROWS of the others.
        """
        if not self.heading:
            return
        stored = pd.concat([table[["row_number", "report_id"]] for table in (reports, again)])
        ids = dict(zip(stored["row_number"].tolist(), stored["report_id"].tolist(), strict=True))
        ids |= dict.fromkeys(held["row_number"].tolist(), 0)
        numbers = [*chunk.rows.index.tolist(), *chunk.broken["row_number"].tolist()]
        for row, text in zip(
            numbers, [*chunk.rows[self.heading].tolist(), *_broken_cells(chunk, self.heading)], strict=True
        ):
            if not text.strip():
                continue
            held_id = self.waiting.get(_plain(text))
            if held_id is None or held_id in self.became or row not in ids:
                self.unknown += 1
            else:
                self.became[held_id] = ids[row]

    def settle(self, connection: Any, batch: int) -> None:
        """Let the rows wait no longer in the imports that held them."""
        if self.became:
            settle_held(connection, list(self.became), list(self.became.values()), again_in=batch)

    def describe(self) -> Iterator[Note]:
        """Say how rows that came again are counted."""
        if self.became:
            yield (
                "{count} rows came back under their held numbers and were read as import {batches} was. They count here, and there as repeated.",
                {"count": len(self.became), "batches": [str(batch) for batch in self.batches]},
            )
        if self.unknown:
            yield (
                "{count} held numbers are not of rows that wait here; these rows were read as any others.",
                {"count": self.unknown},
            )


def find_returned(town: Town, table: TableFile) -> Returned:
    """Return what a file says of held rows, before its other columns are understood.

    Raises
    ------
    MixedHeldRowsError
        If its rows were held by imports that were read differently, so that no one rule fits them all.
    """
    heading = held_heading(table.headings)
    if not heading:
        return Returned()
    said = {
        _plain(text)
        for chunk in read_rows(table)  # all columns: only then rows with a cell too many are told
        for text in [*chunk.rows[heading].unique(), *_broken_cells(chunk, heading)]
        if text.strip()
    }
    ids = sorted({int(match[1]) for match in map(_NUMBER.fullmatch, said) if match})
    with town.store.read() as connection:
        parts = [
            read_held(connection, dismissed=True, held_ids=ids[start : start + _SLAB])
            for start in range(0, max(len(ids), 1), _SLAB)
        ]
        held = pd.concat(parts, ignore_index=True)
        held = held[held["kind"] == "reports"]
        known = np.array([number in said for number in held_numbers(held)], dtype=bool)
        held = held[known]
        batches = tuple(int(batch) for batch in held["batch_id"].unique())
        options = [batch_options(connection, batch) for batch in batches]
        names = read_batches(connection).set_index("batch_id")["layout"]
    waiting = dict(zip(held_numbers(held), held["held_id"].tolist(), strict=True))
    fields, rules = _agreed(table.name, [one for one in options if "rules" in one])
    layouts = {str(names[batch]) for batch in batches}
    layout = layouts.pop() if len(layouts) == 1 else ""
    return Returned(heading, waiting, batches, fields, rules, layout)


def _agreed(file: str, options: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return how all of the imports were read."""
    if not options:
        return {}, {}
    rules = [one["rules"] for one in options]
    agreed: dict[str, Any] = {"datum_known_by": rules[0]["datum_known_by"]}
    for name in ("datum", "datum_by_source", "source"):
        agreed[name] = _one_of(file, name, [one.get(name) or None for one in rules])
    agreed["datum_by_source"] = agreed["datum_by_source"] or {}
    agreed["source"] = agreed["source"] or ""
    for name in ("date_order", "year", "swap", "serials"):  # an import that did not need it has no say
        agreed[name] = _one_of(file, name, [one[name] for one in rules if one.get(name)] or [None]) or ""
    agreed["year"] = agreed["year"] or None
    if all(one.get(name) == rules[0].get(name) for one in rules for name in ("dates_only", "digits")):
        agreed["dates_only"] = rules[0].get("dates_only")
        agreed["digits"] = {int(number): int(meant) for number, meant in rules[0].get("digits", {}).items()}
    headings: dict[str, list[str]] = {}
    for one in options:
        for name, heading in one["columns"]["fields"].items():
            if name != "held_id":
                headings.setdefault(name, []).append(heading)
    return {name: _one_of(file, name, known) for name, known in headings.items()}, agreed


def _one_of(file: str, name: str, values: list[Any]) -> Any:
    if any(value != values[0] for value in values):
        shown = " ≠ ".join(dict.fromkeys(json.dumps(value, ensure_ascii=False) for value in values))
        raise MixedHeldRowsError(file=file, detail=f"{name}: {shown}")
    return values[0]


def _broken_cells(chunk: RawChunk, heading: str) -> list[str]:
    """Return the cells of rows with another number of cells; a cell too many may stand behind the number."""
    return [str(json.loads(values).get(heading, "")) for values in chunk.broken["values"]]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
