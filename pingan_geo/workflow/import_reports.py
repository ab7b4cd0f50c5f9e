"""A file of reports → rows in the town's database, and a receipt that accounts for every row.

One transaction: a process that is cancelled or killed leaves the town as it was. Rows pass in chunks, so
memory stays bounded whatever the size of the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import tomlkit

from pingan_geo.errors import EmptyFileError
from pingan_geo.intake.files import read_rows
from pingan_geo.intake.identity import Occurrences, SeenKeys, content_keys, report_ids, source_keys
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.raw import RawChunk
from pingan_geo.intake.times import SERIAL_SYSTEMS, parse_times
from pingan_geo.intake.values import CleanedChunk, clean_reports, held_rows
from pingan_geo.model.receipt import OnProgress, Progress, Receipt
from pingan_geo.model.tables import CORRECTIONS, HELD_ROWS, REPORTS
from pingan_geo.settings import TOWN_FILE
from pingan_geo.spatial.nearest import border_distance_m
from pingan_geo.storage.records import (
    existing_keys,
    find_batch_by_sha256,
    finish_batch,
    insert_batch,
    insert_held,
    insert_reports,
)
from pingan_geo.storage.review import insert_corrections, read_layout, save_layout
from pingan_geo.workflow.duplicates import MOST_AT_IMPORT, Search, describe_search, queue_duplicates
from pingan_geo.workflow.file_swaps import finish_swaps, note_swaps, settle_swaps, stage_file
from pingan_geo.workflow.notes import Note, describe_columns, describe_datum, describe_file, describe_skipped
from pingan_geo.workflow.photos import PhotoKeeper, sweep_media
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.reading import Reading, ReadingOptions, begin_reading, describe_guesses, tell
from pingan_geo.workflow.reread import options_json
from pingan_geo.workflow.stated_grids import CONFLICT, judge_grids
from pingan_geo.workflow.towns import Town

_KIND = "reports"
#: With so few decimals, a place is known no better than some 50 m.
_COARSE_DIGITS = 3
_DEGREE_M = 111_000.0
_NAMED = 5


def import_reports(
    town: Town,
    file: Path,
    *,
    datum: str = "",
    source: str = "",
    layout: str | LedgerLayout = "",
    date_order: str = "",
    year: int | None = None,
    swap: str = "",
    dry_run: bool = False,
    now: datetime,
    on_progress: OnProgress | None = None,
) -> Receipt:
    """Read a ledger of reports into a town.

    Rows are known again by what they say: the same file, or an overlapping one, brings only what is new. A
    row with the number of a stored report but other content is held, as are all rows that cannot be placed in
    the town, in time or in its taxonomy. Rows without coordinates are placed by their words where these name
    a place of the town exactly.

    Parameters
    ----------
    town
        The town.
    file
        CSV, workbook, JSON, layer of points, or photos (a folder, a ZIP or one picture).
    datum
        Of the coordinates: ``wgs84``, ``gcj02``, ``bd09``, ``cgcs2000``, ``EPSG:n``; ``""``: what the file
        says, else what its rows show, else the town's setting. A stated datum wins over the file's.
    source
        Name of the ledger; numbers of reports are compared within one ledger. ``""``: the file's own column.
    layout
        Name of the layout that the ledger has; it is remembered at the first import. Or the layout itself.
    date_order
        ``mdy`` or ``dmy`` where the file's dates have the year last and do not show their order.
    year
        Of times that name none, such as 7月31日下午; without it they are held.
    swap
        ``yes``: rows that lie in the town only with latitude and longitude exchanged are exchanged.
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
    FileMissingError, UnreadableFileError, EmptyFileError, UnclosedQuoteError, TooLargeInsideError
        If the file is not a table with rows.
    MissingColumnsError, AmbiguousColumnsError, LayoutMismatchError
        If a field has no column, or two, or the file has another layout than was said.
    AmbiguousDatesError, AmbiguousSerialsError, TooManyCategoriesError, UnknownDatumError, DatumUnclearError, NoCrsError,
    GeometryKindError
        If dates, categories or coordinates cannot be understood without guessing.
    """
    asked = ReadingOptions(datum, source, layout, date_order, year, swap)
    reading = begin_reading(town, Path(file), asked, now=now, on_progress=on_progress)
    with town.store.read() as connection:
        earlier = find_batch_by_sha256(connection, _KIND, reading.table.sha256)
    if earlier is not None:
        return _repeat(reading, earlier, dry_run=dry_run)
    with _transaction(town, dry_run=dry_run) as connection, PhotoKeeper(town.folder, reading.table) as photos:
        work = _Work(town, Placer.of(town), connection, reading, photos, now, dry_run=dry_run)
        for chunk in read_rows(reading.table):
            work.take(chunk)
            tell(on_progress, Progress("Importing reports", chunk.done, reading.table.total, work.read))
        receipt = work.finish()
    if not dry_run:
        finish_swaps(town.folder, town.store)
    return receipt


@contextmanager
def _transaction(town: Town, *, dry_run: bool) -> Iterator[Any]:
    if dry_run:
        with town.store.read() as connection:
            yield connection
        return
    with town.store.begin() as connection:
        settle_swaps(connection, town.folder)
        sweep_media(connection, town.folder)  # what an import left that was killed
        yield connection


def _repeat(reading: Reading, earlier: Any, *, dry_run: bool) -> Receipt:
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
        file=reading.table.name,
        batch_id=None,
        read=rows,
        accepted=0,
        repeated=rows,
        notes=tuple(notes),
        columns=reading.columns.fields,
        dry_run=dry_run,
    )


@dataclass
class _Work:
    """An import under way: what was taken so far."""

    town: Town
    placer: Placer
    connection: Any
    reading: Reading
    photos: PhotoKeeper
    now: datetime
    dry_run: bool = field(kw_only=True)
    batch_id: int | None = None
    read: int = 0
    accepted: int = 0
    corrected: int = 0
    repeated: int = 0
    blank: int = 0
    held: Counter[str] = field(default_factory=Counter)
    used_categories: set[str] = field(default_factory=set)
    unknown_categories: Counter[str] = field(default_factory=Counter)
    unknown_grids: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    search: Search = field(default_factory=Search)
    swapped: str = ""
    outside_m: list[tuple[float, float]] = field(default_factory=list)
    conflicts_m: list[tuple[float, float]] = field(default_factory=list)
    skipped: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        reports, numbers = existing_keys(self.connection)
        self.reports_seen, self.numbers_seen = SeenKeys(reports), SeenKeys(numbers)
        self.occurrences = Occurrences()
        self.again = pd.DataFrame({"row_number": [], "report_id": []}, dtype="int64")

    def take(self, chunk: RawChunk) -> None:
        """Clean, compare, place and store one chunk."""
        reading = self.reading
        cleaned = clean_reports(chunk, reading.columns, reading.rules)
        self.read += len(chunk.rows) + len(chunk.broken)
        self.blank += chunk.blank
        self.skipped += [
            (chunk.sheet, number, what) for number, what in zip(chunk.skipped, chunk.skipped_as, strict=True)
        ]
        self._count(cleaned)
        placed = self._place(cleaned.reports)
        placed, conflicts = self._judge_grids(chunk, placed)
        reports, doubles = self._compare(chunk, placed)
        held = pd.concat([cleaned.held, conflicts, doubles], ignore_index=True)
        reading.returned.take(chunk, reports, self.again, held)
        corrections = cleaned.corrections
        corrections = corrections[corrections["row_number"].isin(reports["row_number"])]
        corrected = corrections["row_number"].nunique()
        self.held.update(held["reason"].tolist())
        if not self.swapped and self.held["swapped_place"]:
            self.swapped = str(held["detail"][held["reason"] == "swapped_place"].iloc[0])
        self.accepted += len(reports) - corrected
        self.corrected += corrected
        self.used_categories.update(reports["category"].unique())
        if self.dry_run:
            return
        if len(reports):
            reports["batch_id"] = np.int64(self._batch())
            insert_reports(self.connection, REPORTS.check(reports))
        if len(held):
            insert_held(self.connection, self._batch(), held.sort_values("row_number", kind="stable"))
        if len(corrections):
            insert_corrections(self.connection, self._batch(), CORRECTIONS.check(corrections))
        if self.photos.wanted and (len(reports) or len(held)):
            self.photos.keep(self.connection, self._batch(), reports, held)

    def _count(self, cleaned: CleanedChunk) -> None:
        for name in ("phones", "id_numbers", "reporters_left_out", "days_only", "zoned", "located"):
            self.counts[name] += getattr(cleaned, name)
        self.unknown_categories.update(cleaned.unknown_categories)
        self.unknown_grids.update(cleaned.unknown_grids)
        if len(cleaned.outside_lon) and not self.town.area.is_empty:
            away_m = border_distance_m(self.town.area, cleaned.outside_lon, cleaned.outside_lat)
            self.counts["outside"] += len(away_m)
            self.outside_m.append((float(away_m.min()), float(away_m.max())))

    def _place(self, reports: pd.DataFrame) -> pd.DataFrame:
        lon, lat = reports["lon"].to_numpy(), reports["lat"].to_numpy()
        return reports.assign(
            batch_id=np.zeros(len(reports), dtype="int64"),
            cell=self.placer.cells(lon, lat),
            merged_into=np.zeros(len(reports), dtype="int64"),
            **self.placer.zones(lon, lat),
        )

    def _judge_grids(self, chunk: RawChunk, placed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows that stay, and HELD_ROWS of those whose stated grid is not the one they lie in."""
        conflicts = judge_grids(self.town, self.placer, placed, self.reports_seen.stored)
        if not conflicts.rows.any():
            return placed, HELD_ROWS.empty()
        self.counts["grid_conflicts"] += len(conflicts.away_m)
        self.conflicts_m.append((float(conflicts.away_m.min()), float(conflicts.away_m.max())))
        if not conflicts.held:
            return placed, HELD_ROWS.empty()
        reasons = [CONFLICT] * len(conflicts.details)
        held = self._hold(chunk, placed, conflicts.rows, reasons, conflicts.details)
        return placed[~conflicts.rows].reset_index(drop=True), held

    def _hold(
        self, chunk: RawChunk, reports: pd.DataFrame, rows: Any, reasons: list[str], details: list[str]
    ) -> pd.DataFrame:
        of_chunk = np.isin(chunk.rows.index, reports["row_number"].to_numpy()[rows])
        columns = self.reading.columns
        return held_rows(chunk, of_chunk, reasons, details, columns.left_out, fields=columns.fields)

    def _compare(self, chunk: RawChunk, reports: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows that are new, with their keys, and HELD_ROWS of those whose number is another's."""
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
        self.again = reports.loc[again, ["row_number"]].assign(report_id=ids[again])
        self.reports_seen.add(ids[new])
        self.numbers_seen.add(numbers[new & (numbers != 0)])
        apart = conflict | doubled
        held = self._hold(
            chunk,
            reports,
            apart,
            np.where(conflict[apart], "id_conflict", "duplicate_id").tolist(),
            reports["source_id"].to_numpy(dtype=object)[apart].tolist(),
        )
        accepted = reports.assign(report_id=ids, source_key=numbers)[new].reset_index(drop=True)
        return accepted, held

    def _batch(self) -> int:
        if self.batch_id is None:
            reading = self.reading
            self.batch_id = insert_batch(
                self.connection,
                kind=_KIND,
                source=reading.rules.source,
                file_name=reading.table.name,
                file_sha256=reading.table.sha256,
                datum=reading.rules.datum,
                layout=reading.layout_name,
                imported_at=self.now,
                options=options_json(reading.rules, reading.columns),
            )
        return self.batch_id

    def finish(self) -> Receipt:
        """Store the receipt, new categories, the layout and what may be told twice."""
        reading = self.reading
        if not self.read:
            raise EmptyFileError(file=reading.table.name)
        book = reading.rules.categories
        added = {code: name for code, name in book.added.items() if code in self.used_categories}
        if reading.returned.became and not self.dry_run:
            reading.returned.settle(self.connection, self._batch())
        if self.batch_id is not None:
            stored = self.accepted + self.corrected
            if stored > MOST_AT_IMPORT:  # a million rows are not read back only to be counted
                self.search = Search(not_searched=stored)
            else:
                self.search = queue_duplicates(self.town, self.connection, self.batch_id)
        receipt = Receipt(
            kind=_KIND,
            file=reading.table.name,
            batch_id=self.batch_id,
            read=self.read,
            accepted=self.accepted,
            corrected=self.corrected,
            held=self.held.total(),
            repeated=self.repeated,
            held_by_reason=dict(sorted(self.held.items())),
            notes=tuple(self._notes(added)),
            columns=reading.columns.fields,
            dry_run=self.dry_run,
            questions=self._questions(),
        )
        if self.batch_id is not None:
            finish_batch(self.connection, self.batch_id, json.dumps(receipt.as_dict(), ensure_ascii=False))
            self._keep_layout()
            if added:
                content = _with_categories(self.town.folder, added)
                note_swaps(self.connection, stage_file(self.town.folder / TOWN_FILE, content))
        return receipt

    def _questions(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """Return what one answer for the whole file would settle."""
        asked = (
            ("year", self.held["no_year"], self.reading.survey.yearless_example),
            ("swap", self.held["swapped_place"], self.swapped),
        )
        return tuple((code, {"count": count, "example": example}) for code, count, example in asked if count)

    def _keep_layout(self) -> None:
        """Remember a layout that was confirmed, or named for the first time."""
        reading = self.reading
        name, layout = reading.layout_name, reading.layout
        if not name or read_layout(self.connection, name) is not None:
            return
        layout = layout or LedgerLayout(
            kind=_KIND,
            headings=reading.table.headings,
            heading_rows=reading.table.heading_rows,
            title_rows=reading.table.title_rows,
            fields=reading.columns.fields,
            datum=reading.rules.datum if reading.rules.datum_known_by in {"stated", "column"} else "",
            date_order=reading.rules.date_order,
            swapped=reading.rules.swap == "yes",
        )
        save_layout(self.connection, name, _KIND, replace(layout, name=name).to_json(), self.now)

    def _notes(self, added: dict[str, str]) -> Iterator[Note]:
        reading, counts = self.reading, self.counts
        rules = reading.rules
        yield from describe_file(reading.table)
        yield from describe_skipped(self.skipped)
        if reading.table.kind != "photos" or rules.datum_known_by == "stated":
            yield from describe_datum(
                rules.datum,
                rules.datum_known_by,
                reading.columns.datum,
                by_source=bool(rules.datum_by_source),
            )
        yield from describe_guesses(reading.guesses)
        yield from self._time_notes()
        if not rules.datum.startswith("EPSG:") and (digits := reading.survey.usual_digits) <= _COARSE_DIGITS:
            yield (
                "Coordinates show {digits} decimals: places are known to some {radius_m} m at best.",
                {"digits": digits, "radius_m": round(0.5 * 10.0**-digits * _DEGREE_M)},
            )
        if counts["located"]:
            yield (
                "{count} rows without coordinates were placed by their words, from the town's gazetteer.",
                {"count": counts["located"]},
            )
        if self.corrected:
            yield (
                "{count} rows had latitude and longitude exchanged and were put right.",
                {"count": self.corrected},
            )
        if added:
            yield ("New categories: {names}.", {"names": list(added.values())})
        if self.unknown_categories:
            yield ("Unknown categories: {names}.", {"names": _most(self.unknown_categories)})
        if self.unknown_grids:
            yield ("Unknown grid codes: {names}.", {"names": _most(self.unknown_grids)})
        yield from self._place_notes()
        yield from reading.returned.describe()
        yield from describe_search(self.search)
        yield from self._person_notes()
        yield from describe_columns(reading.columns, self.blank, keeps_unused=rules.keep_extra)

    def _place_notes(self) -> Iterator[Note]:
        if self.outside_m:
            near, far = _span(self.outside_m)
            yield (
                "{count} rows lie outside the town, {near} to {far} km from its border; they are held and not counted.",
                {"count": self.counts["outside"], "near": _km(near), "far": _km(far)},
            )
        if self.conflicts_m and self.town.settings.grid_conflict != "hold":
            near, far = _span(self.conflicts_m)
            yield (
                "{count} rows name another grid than the one they lie in, {near} to {far} m away; their place counts, both are kept.",
                {"count": self.counts["grid_conflicts"], "near": round(near), "far": round(far)},
            )

    def _time_notes(self) -> Iterator[Note]:
        rules, survey = self.reading.rules, self.reading.survey
        if rules.date_order:
            order = "month/day/year" if rules.date_order == "mdy" else "day/month/year"
            shown = survey.month_first if rules.date_order == "mdy" else survey.day_first
            if shown:
                yield (
                    "Dates are read as {expected}: {example} can only be that.",
                    {"expected": order, "example": shown},
                )
            else:
                yield ("Dates are read as {expected}, as was stated.", {"expected": order})
        if rules.dates_only:
            yield ("No row gives a time of day: each report counts for its whole day and has no hour.", {})
        elif self.counts["days_only"]:
            yield (
                "{count} reports are known to the day only and have no hour.",
                {"count": self.counts["days_only"]},
            )
        if rules.serials and survey.numbered:
            read = parse_times(pa.array([survey.serial]), timezone=rules.timezone, serials=rules.serials)
            yield (
                "{count} times are numbers of days, as a spreadsheet counts from {since}: {example} is read as {read}.",
                {
                    "count": survey.numbered,
                    "since": rules.serials,
                    "example": survey.serial,
                    "read": str(read.instant[0]).replace("T", " ").removesuffix(" 00:00:00"),
                },
            )
            if not self.reading.table.serials and not self.reading.returned.rules:
                yield (
                    "Counted from {other} they would lie in the future, or far from the other dates.",
                    {"other": next(each for each in SERIAL_SYSTEMS if each != rules.serials)},
                )
        if survey.yearless:
            values = {"count": survey.yearless, "example": survey.yearless_example, "year": rules.year}
            if rules.year:
                yield ("{count} times name no year, such as {example}; they are taken for {year}.", values)
            else:
                yield ("{count} times name no year, such as {example}. Say which (--year).", values)
        if self.counts["zoned"]:
            yield (
                "{count} times named a time zone and were turned into that of {timezone}.",
                {"count": self.counts["zoned"], "timezone": rules.timezone},
            )

    def _person_notes(self) -> Iterator[Note]:
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


def _span(spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return min(near for near, _ in spans), max(far for _, far in spans)


def _km(metres: float) -> float:
    return round(metres / 1000.0, 1 if metres >= 1000.0 else 2)


def _most(counted: Counter[str]) -> list[str]:
    """Return the commonest words with their numbers."""
    shown = [f"{word} ({count})" for word, count in counted.most_common(_NAMED)]
    return [*shown, *(["…"] if len(counted) > _NAMED else [])]


def _with_categories(folder: Path, added: dict[str, str]) -> bytes:
    """Return ``town.toml`` with more categories, all else as it was."""
    document = tomlkit.parse((folder / TOWN_FILE).read_text(encoding="utf-8"))
    if "categories" not in document:
        document.add(tomlkit.nl())
        document.add("categories", tomlkit.aot())
    for code, name in added.items():
        document["categories"].append(tomlkit.item({"code": code, "name": name, "name_en": "", "board": ""}))
    return tomlkit.dumps(document).encode("utf-8")
