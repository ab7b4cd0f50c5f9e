"""How a file of reports is to be read: everything that is decided before its rows are.

What a person stated wins over what the layout remembers, this over what the file says of itself, this over
what its rows show (a datum from rows that also name a known place), and this over the town's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.coords import parse_datum
from pingan_geo.errors import BadChoiceError, DatumUnclearError
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import ColumnMap, map_columns, pair_order
from pingan_geo.intake.datum_guess import DatumGuess, guess_datum
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.places import PLACE_PARTS, Verdicts, place_words, read_places
from pingan_geo.intake.raw import TableFile
from pingan_geo.intake.survey import Survey
from pingan_geo.intake.texts import arrow_text
from pingan_geo.intake.values import ReportRules
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.settings import Settings, read_settings
from pingan_geo.storage.review import read_aliases
from pingan_geo.workflow.gazetteer import locate_later
from pingan_geo.workflow.layouts import find_layout, list_layouts
from pingan_geo.workflow.notes import Note
from pingan_geo.workflow.placing import Placer, choose_datum
from pingan_geo.workflow.reread import grid_codes
from pingan_geo.workflow.returned import Returned, find_returned
from pingan_geo.workflow.towns import Town

DATE_ORDERS = ("", "mdy", "dmy")
SWAPS = ("", "yes")
#: Places that are fine enough to tell datums apart, which lie some 500 m from each other.
_FINE = ("door", "building", "place", "estate", "crossing")
_FINE_M = 250.0
#: Rows with a place and words that are looked at; more change nothing.
_EVIDENCE_ROWS = 600
_EVIDENCE_CHUNKS = 20


@dataclass(frozen=True)
class ReadingOptions:
    """What a person says of a file; empty means that it is found out.

    Parameters
    ----------
    datum
        ``wgs84``, ``gcj02``, ``bd09``, ``cgcs2000``, ``EPSG:n``; ``auto`` is the same as empty.
    source
        Name of the ledger; numbers of reports are compared within one ledger.
    layout
        Name of a layout that is remembered, or the layout itself.
    date_order
        ``mdy`` or ``dmy`` where the year comes last.
    year
        Of times that name none.
    swap
        ``yes``: rows that lie in the town only with latitude and longitude exchanged are exchanged.
    sheets
        Of a workbook; empty: all that are alike.
    """

    datum: str = ""
    source: str = ""
    layout: str | LedgerLayout = ""
    date_order: str = ""
    year: int | None = None
    swap: str = ""
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceGuess:
    """What the rows of one source say about their datum.

    Parameters
    ----------
    source
        As the file's own column names it; ``""`` for the whole file.
    guess
        The judgement.
    points
        ``x, y`` as written, ``known_lon, known_lat, known_radius_m`` of the place that the row names, ``words``.
    """

    source: str
    guess: DatumGuess
    points: pd.DataFrame = field(repr=False, compare=False)


@dataclass(frozen=True)
class Reading:
    """A file and how it is read."""

    table: TableFile
    columns: ColumnMap
    rules: ReportRules
    survey: Survey
    layout: LedgerLayout | None = None
    layout_name: str = ""
    guesses: tuple[SourceGuess, ...] = ()
    returned: Returned = field(default_factory=Returned)


def begin_reading(
    town: Town,
    file: Path,
    asked: ReadingOptions,
    *,
    now: datetime,
    on_progress: OnProgress | None = None,
) -> Reading:
    """Look through a file of reports and decide how it is read; nothing is written.

    Parameters
    ----------
    town
        The town.
    file
        CSV, workbook, JSON, layer of points, or photos.
    asked
        What the person says of it.
    now
        Wall-clock time of the town.
    on_progress
        Called after each chunk.

    Returns
    -------
    Reading

    Raises
    ------
    PinganError
        If the file cannot be read without guessing; see :func:`pingan_geo.workflow.import_reports`.
    DatumUnclearError
        If nobody states the datum and the rows that also name a known place contradict each other.
    MixedHeldRowsError
        If it brings back rows of imports that were read differently.
    """
    layout, layout_name = _layout(town, asked)
    asked = _with_layout(asked, layout)
    for name, value, offered in (("date_order", asked.date_order, DATE_ORDERS), ("swap", asked.swap, SWAPS)):
        if value not in offered:
            raise BadChoiceError(name=name, value=value, expected=" / ".join(filter(None, offered)))
    stated = "" if asked.datum in {"", "auto"} else parse_datum(asked.datum)
    tell(on_progress, Progress("Looking through the file", 0, None, 0))
    table = open_table(file, kind="reports", datum=stated, layout=layout)
    returned = find_returned(town, table)
    asked, layout_name = _with_returned(asked, returned), layout_name or returned.layout
    columns = _map(table, stated, returned.fields)
    serials = str(returned.rules.get("serials") or table.serials)  # as at first, whatever the new file counts
    survey = _look_through(table, columns, serials, on_progress)
    settings = read_settings(town.folder)
    rules = _rules(town, settings, table, columns, survey, asked, stated, now, serials)
    rules = replace(rules, keep_extra=bool(layout_name))
    guesses: tuple[SourceGuess, ...] = ()
    if returned.waiting:
        rules = returned.read_alike(rules)
    elif rules.datum_known_by == "setting":
        guesses = tuple(_guess_datums(table, columns, rules))
        rules = _believe(rules, guesses, table)
    return Reading(table, columns, rules, survey, layout, layout_name, guesses, returned)


def look_at_datum(town: Town, file: Path, asked: ReadingOptions, *, now: datetime) -> tuple[SourceGuess, ...]:
    """Return what the rows of a file say of its datum, whatever is stated; for a person to judge by a map.

    Parameters
    ----------
    town, file, asked, now
        As of :func:`begin_reading`; the datum of ``asked`` only says what is read besides.

    Returns
    -------
    tuple
        One for the file, or one for each of its sources when these differ; none when no row names a place.
    """
    layout, _ = _layout(town, asked)
    table = open_table(file, kind="reports", datum=asked.datum, layout=layout)
    columns = _map(table, "")
    rules = _rules(
        town,
        read_settings(town.folder),
        table,
        columns,
        Survey(),
        replace(asked, date_order=""),
        "wgs84",
        now,
    )
    return tuple(_guess_datums(table, columns, rules))


def tell(on_progress: OnProgress | None, step: Progress) -> None:
    """Report progress where somebody listens."""
    if on_progress is not None:
        on_progress(step)


def _map(table: TableFile, stated: str, known: Mapping[str, str] | None = None) -> ColumnMap:
    return map_columns(
        table.headings,
        "reports",
        file=table.name,
        datum=stated,
        crs=table.crs,
        short=table.has_short_headings,
        chosen=table.fields,
        known=known,
    )


def _layout(town: Town, asked: ReadingOptions) -> tuple[LedgerLayout | None, str]:
    """Return the layout, and the name under which it is or will be known."""
    if isinstance(asked.layout, LedgerLayout):
        return asked.layout, asked.layout.name
    name = " ".join(asked.layout.split())
    if not name:
        return None, ""
    known = name in set(list_layouts(town)["name"])
    return find_layout(town, name) if known else None, name  # an unknown one is remembered by this import


def _with_layout(asked: ReadingOptions, layout: LedgerLayout | None) -> ReadingOptions:
    """Return the options, with what the layout remembers where the person says nothing."""
    if layout is None:
        return asked
    return replace(
        asked,
        datum=asked.datum or layout.datum,
        date_order=asked.date_order or layout.date_order,
        year=asked.year or layout.year or None,
        swap=asked.swap or ("yes" if layout.swapped else ""),
    )


def _with_returned(asked: ReadingOptions, returned: Returned) -> ReadingOptions:
    """Return the options, with what was said at the import that held the rows where the person says nothing."""
    said = returned.rules
    return replace(
        asked,
        source=asked.source or said.get("source", ""),
        date_order=asked.date_order or said.get("date_order", ""),
        year=asked.year or said.get("year"),
        swap=asked.swap or said.get("swap", ""),
    )


def _look_through(
    table: TableFile, columns: ColumnMap, serials: str, on_progress: OnProgress | None
) -> Survey:
    survey = Survey()
    wanted = Survey.headings(columns)
    for chunk in read_rows(table, wanted):
        survey.add(chunk, columns, serials=serials)
        tell(on_progress, Progress("Looking through the file", chunk.done, table.total, survey.rows))
    return survey


def _rules(
    town: Town,
    settings: Settings,
    table: TableFile,
    columns: ColumnMap,
    survey: Survey,
    asked: ReadingOptions,
    stated: str,
    now: datetime,
    serials: str = "",
) -> ReportRules:
    datum, known_by = choose_datum(stated, table, columns, settings.datum)
    with town.store.read() as connection:
        grid_code = grid_codes(town, connection)
    return ReportRules(
        categories=category_book(town, settings, table.name),
        timezone=settings.timezone,
        now=now,
        datum=datum,
        datum_known_by=known_by,
        inside=Placer.of(town).inside,
        source=asked.source,
        date_order=survey.date_order(asked.date_order, table.name),
        dates_only=survey.dates_only,
        digits=survey.digits(),
        serials=survey.serial_system(serials, now=now, file=table.name),
        decimal_comma=table.separator == ";",
        year=asked.year,
        swap=asked.swap,
        locate=locate_later(town),
        grid_code=grid_code,
    )


def category_book(town: Town, settings: Settings, file: str = "") -> CategoryBook:
    """Return the town's categories with the spellings that it has learned."""
    with town.store.read() as connection:
        aliases = read_aliases(connection, "category")
    learned = dict(zip(aliases["spelling"], aliases["target"], strict=True))
    return CategoryBook.of(settings.categories, is_open=settings.open_taxonomy, file=file, aliases=learned)


# -- the datum, where nobody states it -----------------------------------------------------------------


def _guess_datums(table: TableFile, columns: ColumnMap, rules: ReportRules) -> Iterator[SourceGuess]:
    """Judge the datum of the whole file, and of each of its sources when these differ."""
    if "place" not in columns.fields or rules.locate is None or rules.datum.startswith("EPSG:"):
        return
    points = _evidence(table, columns, rules, rules.locate)
    whole = SourceGuess("", _judge(points), points)
    sources = points["source"].unique() if "source" in columns.fields and not rules.source else []
    if len(sources) > 1:
        each = [
            SourceGuess(
                str(source), _judge(points[points["source"] == source]), points[points["source"] == source]
            )
            for source in sources
        ]
        chosen = {one.guess.datum for one in each if one.guess.clear}
        if len(chosen) > 1 or not whole.guess.clear:
            yield from each
            return
    yield whole


def _judge(points: pd.DataFrame) -> DatumGuess:
    return guess_datum(
        *(points[name].to_numpy("float64") for name in ("x", "y", "known_lon", "known_lat", "known_radius_m"))
    )


def _evidence(
    table: TableFile, columns: ColumnMap, rules: ReportRules, locate: Callable[[Sequence[str]], Any]
) -> pd.DataFrame:
    """Return rows that give coordinates and also name a place that is known exactly."""
    names = ("lon", "lat", "lonlat", "place", "source", *PLACE_PARTS)
    wanted = {name: columns.fields[name] for name in names if name in columns.fields}
    as_written = replace(
        rules, datum="wgs84", datum_known_by="stated", inside=_anywhere, locate=None, datum_by_source={}
    )
    found: list[pd.DataFrame] = []
    count = 0
    for number, chunk in enumerate(read_rows(table, list(dict.fromkeys(wanted.values())))):
        texts = {name: arrow_text(chunk.rows[heading]) for name, heading in wanted.items()}
        verdicts = Verdicts(len(chunk.rows))
        order = pair_order(columns.fields["lonlat"]) if "lonlat" in texts else ""
        coordinates = {name: text for name, text in texts.items() if name != "place"}
        read = read_places(coordinates, as_written, verdicts, count=len(chunk.rows), order=order)
        rows = pd.DataFrame(
            {
                "x": read.lon,
                "y": read.lat,
                "words": place_words(texts).to_pylist(),
                "source": texts["source"].to_pylist() if "source" in texts else "",
            }
        )
        rows = rows[
            verdicts.good & (rows["words"] != "") & (rows["x"].abs() <= 180) & (rows["y"].abs() <= 90)
        ]
        rows = rows.drop_duplicates(["x", "y", "words"]).groupby("source").head(_EVIDENCE_ROWS)
        located = locate(rows["words"].tolist())
        fine = (
            (located["status"] == "accepted")
            & located["level"].isin(_FINE)
            & (located["radius_m"] <= _FINE_M)
        ).to_numpy()
        rows = rows.assign(
            known_lon=located["lon"].to_numpy(),
            known_lat=located["lat"].to_numpy(),
            known_radius_m=located["radius_m"].to_numpy(),
        )[fine]
        found.append(rows)
        count += len(rows)
        if count >= _EVIDENCE_ROWS or number >= _EVIDENCE_CHUNKS:
            break
    return (
        pd.concat(found, ignore_index=True)
        if found
        else pd.DataFrame(columns=["x", "y", "words", "source", "known_lon", "known_lat", "known_radius_m"])
    )


def _anywhere(lon: Any, lat: Any) -> Any:  # noqa: ARG001 - as Placer.inside
    return np.ones(len(lon), dtype=bool)


def _believe(rules: ReportRules, guesses: Sequence[SourceGuess], table: TableFile) -> ReportRules:
    """Return the rules with the datum that the rows show, if they do.

    Raises
    ------
    DatumUnclearError
        If there are enough rows and they disagree. With too few the town's setting stands, and is said.
    """
    by_source: dict[str, tuple[str, str]] = {}
    for one in guesses:
        if one.guess.clear:
            if not one.source:
                rules = replace(rules, datum=one.guess.datum, datum_known_by="guessed")
            else:
                by_source[one.source] = (one.guess.datum, "guessed")
        elif one.guess.reason not in {"too_few", "none_fits"}:
            raise DatumUnclearError(
                file=f"{table.name} ({one.source})" if one.source else table.name,
                source=one.source,
                rows=one.guess.usable,
                fits=say_fits(one.guess),
            )
    return replace(rules, datum_by_source=by_source)


def say_fits(guess: DatumGuess) -> str:
    """Return how many rows fit each datum, e.g. ``GCJ-02 46, WGS-84 5, BD-09 0``."""
    names = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}
    return ", ".join(f"{names.get(fit.datum, fit.datum)} {fit.rows}" for fit in guess.fits)


def describe_guesses(guesses: Sequence[SourceGuess]) -> Iterator[Note]:
    """Say what the rows showed of their datum."""
    for one in guesses:
        values: Mapping[str, Any] = {
            "fits": say_fits(one.guess),
            "rows": one.guess.usable,
            "source": one.source,
            "datum": one.guess.datum,
        }
        if one.guess.reason == "too_few":
            if one.guess.usable:
                yield (
                    "Only {rows} rows also name a place that is known: too few to check the datum by ({fits}).",
                    values,
                )
        elif one.source and one.guess.clear:
            yield (
                "Source {source} is taken as {datum}: of {rows} rows that also name a known place, so many fit: {fits}.",
                values,
            )
        elif one.source:
            yield (
                "Source {source}: of {rows} rows that also name a known place, so many fit: {fits}.",
                values,
            )
        else:
            yield ("Of {rows} rows that also name a known place, so many fit: {fits}.", values)
