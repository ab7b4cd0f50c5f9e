"""A file of reports → rows in the town's database, and a receipt that accounts for every row.

One transaction: a process that is cancelled or killed leaves the town as it was. Rows pass in chunks, so
memory stays bounded whatever the size of the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomlkit

from pingan_geo.coords import parse_datum
from pingan_geo.errors import BadChoiceError, EmptyFileError
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import ColumnMap, map_columns
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.identity import Occurrences, SeenKeys, content_keys, report_ids, source_keys
from pingan_geo.intake.raw import RawChunk, TableFile
from pingan_geo.intake.survey import Survey
from pingan_geo.intake.values import CleanedChunk, ReportRules, clean_reports, held_rows
from pingan_geo.model.receipt import OnProgress, Progress, Receipt
from pingan_geo.model.tables import REPORTS
from pingan_geo.settings import TOWN_FILE, Settings, read_settings
from pingan_geo.storage.records import (
    existing_keys,
    find_batch_by_sha256,
    finish_batch,
    insert_batch,
    insert_held,
    insert_reports,
)
from pingan_geo.workflow.file_swaps import finish_swaps, note_swaps, settle_swaps, stage_file
from pingan_geo.workflow.notes import Note, describe_columns, describe_datum, describe_file, describe_skipped
from pingan_geo.workflow.placing import Placer, choose_datum
from pingan_geo.workflow.reread import options_json
from pingan_geo.workflow.towns import Town

_KIND = "reports"
#: With so few decimals, a place is known no better than some 50 m.
_COARSE_DIGITS = 3
_DEGREE_M = 111_000.0
_DATE_ORDERS = ("", "mdy", "dmy")


def import_reports(
    town: Town,
    file: Path,
    *,
    datum: str = "",
    source: str = "",
    layout: str = "",
    date_order: str = "",
    dry_run: bool = False,
    now: datetime,
    on_progress: OnProgress | None = None,
) -> Receipt:
    """Read a ledger of reports into a town.

    Rows are known again by what they say: the same file, or an overlapping one, brings only what is new. A
    row with the number of a stored report but other content is held, as are all rows that cannot be placed in
    the town, in time or in its taxonomy.

    Parameters
    ----------
    town
        The town.
    file
        CSV, workbook, or layer of points.
    datum
        Of the coordinates: ``wgs84``, ``gcj02``, ``bd09``, ``cgcs2000``, ``EPSG:n``; ``""`` or ``auto``: what
        the file says, else the town's setting. A stated datum wins over the file's.
    source
        Name of the ledger; numbers of reports are compared within one ledger. ``""``: the file's own column.
    layout
        Name under which the ledger is known; kept with the import.
    date_order
        ``mdy`` or ``dmy`` where the file's dates have the year last and do not show their order.
    dry_run
        Everything but the writing.
    now
        Wall-clock time of the town.
    on_progress
        Called after each chunk; an exception from it cancels the import as a whole.

    Returns
    -------
    Receipt
        ``adds_up()``; with what the file was taken to be among its notes.

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError, UnclosedQuoteError
        If the file is not a table with rows.
    MissingColumnsError, AmbiguousColumnsError
        If a field has no column, or two.
    AmbiguousDatesError, TooManyCategoriesError, UnknownDatumError, NoCrsError, GeometryKindError
        If dates, categories or coordinates cannot be understood without guessing.
    """
    if date_order not in _DATE_ORDERS:
        raise BadChoiceError(name="date_order", value=date_order, expected="mdy / dmy")
    stated = "" if datum in {"", "auto"} else parse_datum(datum)
    _tell(on_progress, Progress("Looking through the file", 0, None, 0))
    table = open_table(Path(file), kind=_KIND, datum=stated)
    columns = map_columns(
        table.headings,
        _KIND,
        file=table.name,
        datum=stated,
        crs=table.crs,
        short=table.has_short_headings,
    )
    with town.store.read() as connection:
        earlier = find_batch_by_sha256(connection, _KIND, table.sha256)
    if earlier is not None:
        return _repeat(table, columns, earlier, dry_run=dry_run)
    survey = _look_through(table, columns, on_progress)
    with _transaction(town, dry_run=dry_run) as connection:
        settings = read_settings(town.folder)
        placer = Placer.of(town)
        rules = _make_rules(placer, settings, table, columns, survey, stated, source, date_order, now)
        work = _Work(town, placer, connection, table, columns, rules, layout, now, dry_run=dry_run)
        for chunk in read_rows(table):
            work.take(chunk)
            _tell(on_progress, Progress("Importing reports", chunk.done, table.total, work.read))
        receipt = work.finish(survey)
    if not dry_run:
        finish_swaps(town.folder, town.store)
    return receipt


def _tell(on_progress: OnProgress | None, step: Progress) -> None:
    if on_progress is not None:
        on_progress(step)


@contextmanager
def _transaction(town: Town, *, dry_run: bool) -> Iterator[Any]:
    if dry_run:
        with town.store.read() as connection:
            yield connection
        return
    with town.store.begin() as connection:
        settle_swaps(connection, town.folder)
        yield connection


def _repeat(table: TableFile, columns: ColumnMap, earlier: Any, *, dry_run: bool) -> Receipt:
    """Return the receipt of a file that was imported before, byte for byte."""
    receipt = json.loads(earlier["receipt"] or "{}")
    rows = int(receipt.get("read", 0))
    notes: list[Note] = [
        (
            "This very file was imported on {date} as import {batch}: nothing is new.",
            {"date": earlier["imported_at"], "batch": int(earlier["batch_id"])},
        )
    ]
    if held := int(receipt.get("held", 0)):
        notes.append(
            (
                "{count} of its rows are held. Mend them, or take import {batch} back and import again.",
                {"count": held, "batch": int(earlier["batch_id"])},
            )
        )
    return Receipt(
        kind=_KIND,
        file=table.name,
        batch_id=None,
        read=rows,
        accepted=0,
        repeated=rows,
        notes=tuple(notes),
        columns=columns.fields,
        dry_run=dry_run,
    )


def _look_through(table: TableFile, columns: ColumnMap, on_progress: OnProgress | None) -> Survey:
    survey = Survey()
    wanted = list(
        dict.fromkeys(
            columns.fields[name] for name in ("time", "clock", "lon", "lat") if name in columns.fields
        )
    )
    for chunk in read_rows(table, wanted):
        survey.add(chunk, columns, serials=table.serials)
        _tell(on_progress, Progress("Looking through the file", chunk.done, table.total, survey.rows))
    return survey


def _make_rules(
    placer: Placer,
    settings: Settings,
    table: TableFile,
    columns: ColumnMap,
    survey: Survey,
    stated: str,
    source: str,
    date_order: str,
    now: datetime,
) -> ReportRules:
    datum, known_by = choose_datum(stated, table, columns, settings.datum)
    return ReportRules(
        categories=CategoryBook.of(settings.categories, is_open=settings.open_taxonomy, file=table.name),
        timezone=settings.timezone,
        now=now,
        datum=datum,
        datum_known_by=known_by,
        inside=placer.inside,
        source=source,
        date_order=survey.date_order(date_order, table.name),
        dates_only=survey.dates_only,
        digits=survey.digits(),
        serials=table.serials,
        decimal_comma=table.separator == ";",
    )


@dataclass
class _Work:
    """An import under way: what was taken so far."""

    town: Town
    placer: Placer
    connection: Any
    table: TableFile
    columns: ColumnMap
    rules: ReportRules
    layout: str
    now: datetime
    dry_run: bool = field(kw_only=True)
    batch_id: int | None = None
    read: int = 0
    accepted: int = 0
    repeated: int = 0
    blank: int = 0
    skipped: list[tuple[str, int, str]] = field(default_factory=list)
    held: Counter[str] = field(default_factory=Counter)
    used_categories: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        reports, numbers = existing_keys(self.connection)
        self.reports_seen, self.numbers_seen = SeenKeys(reports), SeenKeys(numbers)
        self.occurrences = Occurrences()

    def take(self, chunk: RawChunk) -> None:
        """Clean, compare, place and store one chunk."""
        cleaned = clean_reports(chunk, self.columns, self.rules)
        self.read += len(chunk.rows) + len(chunk.broken)
        self.blank += chunk.blank
        self.skipped += [(chunk.sheet, *each) for each in zip(chunk.skipped, chunk.skipped_as, strict=True)]
        reports, conflicts = self._compare(chunk, cleaned)
        held = pd.concat([cleaned.held, conflicts], ignore_index=True)
        for name in ("phones", "id_numbers", "reporters_left_out", "days_only", "zoned"):
            self.counts[name] += getattr(cleaned, name)
        self.held.update(held["reason"].tolist())
        self.accepted += len(reports)
        self.used_categories.update(reports["category"].unique())
        if len(reports):
            reports = self._place(reports)
        if self.dry_run:
            return
        if len(reports):
            insert_reports(self.connection, reports)
        if len(held):
            insert_held(self.connection, self._batch(), held.sort_values("row_number", kind="stable"))

    def _compare(self, chunk: RawChunk, cleaned: CleanedChunk) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows that are new, with their keys, and HELD_ROWS of those whose number is another's."""
        reports = cleaned.reports
        keys, numbers = content_keys(reports), source_keys(reports)
        ids = report_ids(keys, self.occurrences.count(keys, numbers == 0))
        again = self.reports_seen.stored(ids) | self.reports_seen.met(ids) | pd.Index(ids).duplicated()
        numbered = ~again & (numbers != 0)
        conflict = numbered & self.numbers_seen.stored(numbers)
        doubled = numbered & ~conflict & self.numbers_seen.met(numbers)
        rest = np.flatnonzero(numbered & ~conflict & ~doubled)
        doubled[rest[pd.Index(numbers[rest]).duplicated()]] = True
        new = ~(again | conflict | doubled)
        self.repeated += int(again.sum())
        self.reports_seen.add(ids[new])
        self.numbers_seen.add(numbers[new & (numbers != 0)])
        apart = conflict | doubled
        held = held_rows(
            chunk,
            np.isin(chunk.rows.index, reports["row_number"].to_numpy()[apart]),
            np.where(conflict[apart], "id_conflict", "duplicate_id").tolist(),
            reports["source_id"].to_numpy(dtype=object)[apart].tolist(),
            self.columns.left_out,
        )
        accepted = reports.assign(report_id=ids, source_key=numbers)[new].reset_index(drop=True)
        return accepted, held

    def _place(self, reports: pd.DataFrame) -> pd.DataFrame:
        lon, lat = reports["lon"].to_numpy(), reports["lat"].to_numpy()
        batch = 0 if self.dry_run else self._batch()
        placed = reports.assign(
            batch_id=np.full(len(reports), batch, dtype="int64"),
            cell=self.placer.cells(lon, lat),
            merged_into=np.zeros(len(reports), dtype="int64"),
            **self.placer.zones(lon, lat),
        )
        return REPORTS.check(placed)

    def _batch(self) -> int:
        if self.batch_id is None:
            self.batch_id = insert_batch(
                self.connection,
                kind=_KIND,
                source=self.rules.source,
                file_name=self.table.name,
                file_sha256=self.table.sha256,
                datum=self.rules.datum,
                layout=self.layout,
                imported_at=self.now,
                options=options_json(self.rules, self.columns),
            )
        return self.batch_id

    def finish(self, survey: Survey) -> Receipt:
        """Store the receipt and new categories."""
        if not self.read:
            raise EmptyFileError(file=self.table.name)
        added = {
            code: name for code, name in self.rules.categories.added.items() if code in self.used_categories
        }
        receipt = Receipt(
            kind=_KIND,
            file=self.table.name,
            batch_id=self.batch_id,
            read=self.read,
            accepted=self.accepted,
            held=self.held.total(),
            repeated=self.repeated,
            held_by_reason=dict(sorted(self.held.items())),
            notes=tuple(self._notes(survey, added)),
            columns=self.columns.fields,
            dry_run=self.dry_run,
        )
        if self.batch_id is not None:
            finish_batch(self.connection, self.batch_id, json.dumps(receipt.as_dict(), ensure_ascii=False))
            if added:
                content = _with_categories(self.town.folder, added)
                note_swaps(self.connection, stage_file(self.town.folder / TOWN_FILE, content))
        return receipt

    def _notes(self, survey: Survey, added: dict[str, str]) -> Iterator[Note]:
        yield from describe_file(self.table)
        yield from describe_skipped(self.skipped)
        yield from describe_datum(self.rules.datum, self.rules.datum_known_by, self.columns.datum)
        if self.rules.date_order:
            order = "month/day/year" if self.rules.date_order == "mdy" else "day/month/year"
            shown = survey.month_first if self.rules.date_order == "mdy" else survey.day_first
            if shown:
                yield (
                    "Dates are read as {expected}: {example} can only be that.",
                    {"expected": order, "example": shown},
                )
            else:
                yield ("Dates are read as {expected}, as was stated.", {"expected": order})
        if self.rules.dates_only:
            yield ("No row gives a time of day: each report counts for its whole day and has no hour.", {})
        elif self.counts["days_only"]:
            yield (
                "{count} reports are known to the day only and have no hour.",
                {"count": self.counts["days_only"]},
            )
        if not self.rules.datum.startswith("EPSG:") and (digits := survey.usual_digits) <= _COARSE_DIGITS:
            yield (
                "Coordinates show {digits} decimals: places are known to some {radius_m} m at best.",
                {"digits": digits, "radius_m": round(0.5 * 10.0**-digits * _DEGREE_M)},
            )
        if self.counts["zoned"]:
            yield (
                "{count} times named a time zone and were turned into that of {timezone}.",
                {"count": self.counts["zoned"], "timezone": self.rules.timezone},
            )
        if added:
            yield ("New categories: {names}.", {"names": list(added.values())})
        if self.counts["phones"] or self.counts["id_numbers"]:
            yield (
                "{phones} telephone numbers and {ids} identity numbers in texts were masked.",
                {"phones": self.counts["phones"], "ids": self.counts["id_numbers"]},
            )
        if self.counts["reporters_left_out"]:
            yield (
                "{count} reporters are not codes but names or telephones, and were not stored.",
                {"count": self.counts["reporters_left_out"]},
            )
        yield from describe_columns(self.columns, self.blank)


def _with_categories(folder: Path, added: dict[str, str]) -> bytes:
    """Return ``town.toml`` with more categories, all else as it was."""
    document = tomlkit.parse((folder / TOWN_FILE).read_text(encoding="utf-8"))
    if "categories" not in document:
        document.add(tomlkit.nl())
        document.add("categories", tomlkit.aot())
    for code, name in added.items():
        document["categories"].append(tomlkit.item({"code": code, "name": name, "name_en": "", "board": ""}))
    return tomlkit.dumps(document).encode("utf-8")
