"""Held rows read again by the rules of their own file, after a person has said what was missing.

``batch.options`` holds what the file was known to be (:func:`options_json`); the row stands as it was
received. So a mended row becomes the very report that it would have become at its import, and is known again
if the mended file is imported as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import RereadError
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import ColumnMap
from pingan_geo.intake.identity import content_keys, report_ids, source_keys
from pingan_geo.intake.places import Locate
from pingan_geo.intake.raw import RawChunk, broken_frame, text_frame
from pingan_geo.intake.texts import arrow_text, mask_persons, spelling
from pingan_geo.intake.values import ReportRules, clean_reports
from pingan_geo.model.tables import CORRECTIONS, REPORTS
from pingan_geo.settings import Category, read_settings
from pingan_geo.storage.records import (
    batch_options,
    find_stored,
    insert_reports,
    settle_held,
    update_held,
)
from pingan_geo.storage.review import insert_corrections, read_aliases
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.stated_grids import CONFLICT, judge_grids
from pingan_geo.workflow.towns import Town

#: Of the rules of a file, what is the town's and is taken from it anew.
_OF_TOWN = ("categories", "timezone", "now", "inside", "locate", "grid_code")
#: Headings for coordinates that a ledger does not have; no file can have them.
_LON, _LAT = "\x00lon", "\x00lat"


@dataclass(frozen=True)
class Point:
    """Where a person, or an alias, says that a row is.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees.
    level
        Of :data:`pingan_geo.model.place.LEVELS`.
    radius_m
        The true place lies within this; NaN unknown.
    known_by
        As ``datum_known_by`` of a report: ``stated`` by a person, ``gazetteer`` for words.
    """

    lon: float
    lat: float
    level: str = "point"
    radius_m: float = np.nan
    known_by: str = "stated"


@dataclass(frozen=True)
class Reread:
    """What became of held rows that were read again.

    Parameters
    ----------
    reports
        REPORTS that are new, with ``source_key`` and ``held_id``.
    corrections
        CORRECTIONS with ``held_id`` and ``batch_id``: what a person or a rule changed in rows that are stored now.
    repeated
        ``held_id`` and the ``report_id`` of the stored report that says the same.
    held
        ``held_id, batch_id, reason, detail`` of the rows that are held still.
    before
        ``held_id, batch_id, row_number, reason, detail`` of all rows, as they were.
    """

    reports: pd.DataFrame
    corrections: pd.DataFrame
    repeated: pd.DataFrame
    held: pd.DataFrame
    before: pd.DataFrame


@dataclass
class Stored:
    """What :func:`store_reread` wrote, so that it can be taken back.

    Parameters
    ----------
    accepted, corrected, repeated, held
        Rows.
    reports, settled
        Numbers of the reports written, and of the held rows that became reports.
    reasons
        ``(held_id, reason, detail)`` as it was of rows that are held for another reason now.
    corrections
        Numbers of the corrections written.
    """

    accepted: int = 0
    corrected: int = 0
    repeated: int = 0
    held: int = 0
    reports: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    reasons: list[tuple[int, str, str]] = field(default_factory=list)
    corrections: list[int] = field(default_factory=list)


def options_json(rules: ReportRules, columns: ColumnMap, **more: Any) -> str:
    """Return what ``batch.options`` must hold so that rows of the file can be read again.

    Parameters
    ----------
    rules
        Of the file. What the town knows (taxonomy, area, gazetteer, grids) is taken anew when rows are read.
    columns
        Of the file.
    **more
        Further plain values to keep beside them.
    """
    stated = {each.name: getattr(rules, each.name) for each in fields(rules) if each.name not in _OF_TOWN}
    plain = {name: value for name, value in stated.items() if value is not None}
    return json.dumps({"rules": plain, "columns": asdict(columns), **more}, ensure_ascii=False)


def rules_of(
    town: Town,
    connection: Any,
    options: Mapping[str, Any],
    placer: Placer,
    now: datetime,
    locate: Locate | None = None,
    new_categories: Sequence[Category] = (),
    **over: Any,
) -> ReportRules:
    """Return the rules of a file again, with the town's taxonomy and aliases as they are now.

    Parameters
    ----------
    town, connection, placer
        The town, a snapshot of its database, and where places lie in it.
    options
        From :func:`pingan_geo.storage.records.batch_options`.
    now
        Wall-clock time of the town.
    locate
        Finds places for words.
    new_categories
        That the same transaction adds to the town.
    **over
        Rules that a person has stated since.
    """
    settings = read_settings(town.folder)  # a category may have been added since the town was opened
    categories = [*settings.categories, *new_categories]
    aliases = read_aliases(connection, "category")
    book = CategoryBook.of(categories, aliases=dict(zip(aliases["spelling"], aliases["target"], strict=True)))
    known = {each.name for each in fields(ReportRules)}
    plain = {name: value for name, value in {**options["rules"], **over}.items() if name in known}
    plain["digits"] = {int(number): int(meant) for number, meant in plain.get("digits", {}).items()}
    return ReportRules(
        categories=book,
        timezone=settings.timezone,
        now=now,
        inside=placer.inside,
        locate=locate,
        grid_code=grid_codes(town, connection),
        **plain,
    )


def grid_codes(town: Town, connection: Any) -> Callable[[Sequence[str]], list[str]]:
    """Return what finds the town's grid for each spelling: by code, name or learned alias; ``""`` unknown.

    A name that several grids bear finds none.
    """
    grids = town.layer("grids")
    names = Counter(map(spelling, grids["name"]))
    known = {
        plain: code
        for plain, code in zip(map(spelling, grids["name"]), grids["code"], strict=True)
        if names[plain] == 1
    }
    aliases = read_aliases(connection, "grid")
    known |= dict(zip(aliases["spelling"], aliases["target"], strict=True))
    known |= {spelling(code): code for code in grids["code"]}
    return lambda texts: [known.get(spelling(text), "") for text in texts]


def columns_of(options: Mapping[str, Any]) -> ColumnMap:
    """Return how the headings of a file were understood."""
    known = {each.name for each in fields(ColumnMap)}
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options["columns"].items()
        if name in known
    }
    return ColumnMap(**plain)


def reread_held(
    town: Town,
    connection: Any,
    held: Any,
    *,
    cells: Mapping[int, Mapping[str, str]] | None = None,
    points: Mapping[int, Point] | None = None,
    now: datetime,
    locate: Locate | None = None,
    new_categories: Sequence[Category] = (),
    keep_grids: Collection[int] = (),
    **over: Any,
) -> Reread:
    """Read held rows again, without writing anything.

    Parameters
    ----------
    town, connection
        The town, and its database.
    held
        Rows of :func:`pingan_geo.storage.records.read_held`, of imports of reports.
    cells
        ``held_id`` to changed cells: heading to text.
    points
        ``held_id`` to the place of the row, over what its cells say.
    now
        Wall-clock time of the town.
    locate
        Finds places for words; without it a row without coordinates stays held.
    new_categories
        That the same transaction adds to the town.
    keep_grids
        ``held_id`` of rows of which a person says that the stated grid stays, although they lie in another.
    **over
        Rules of the file that a person has stated since, e.g. ``year``.

    Returns
    -------
    Reread

    Raises
    ------
    RereadError
        If an older version imported the file and did not note how it was read.
    """
    placer = Placer.of(town)
    over = {**over, "locate": locate, "new_categories": new_categories}
    parts = [
        _reread_batch(
            town, connection, placer, int(batch), rows, cells or {}, points or {}, keep_grids, now, over
        )
        for batch, rows in held.groupby("batch_id", sort=True)
    ]
    return Reread(
        **{
            each.name: pd.concat([getattr(part, each.name) for part in parts], ignore_index=True)
            for each in fields(Reread)
        }
    )


def store_reread(connection: Any, reread: Reread) -> Stored:
    """Write what became of held rows, and keep the receipts of their imports true.

    Parameters
    ----------
    connection
        That writes.
    reread
        From :func:`reread_held`, in the same transaction.
    """
    stored = Stored(
        corrected=reread.corrections["held_id"].nunique(),
        repeated=len(reread.repeated),
        held=len(reread.held),
        reports=reread.reports["report_id"].tolist(),
    )
    stored.accepted = len(reread.reports) - stored.corrected
    if len(reread.reports):
        insert_reports(connection, reread.reports)
    for batch, rows in reread.corrections.groupby("batch_id"):
        stored.corrections += insert_corrections(connection, int(batch), rows.reset_index(drop=True))
    settled = pd.concat([reread.reports[["held_id", "report_id"]], reread.repeated], ignore_index=True)
    settle_held(connection, settled["held_id"], settled["report_id"])
    stored.settled = settled["held_id"].tolist()
    again = reread.held.merge(reread.before, on="held_id", suffixes=("", "_before"))
    other = again[(again["reason"] != again["reason_before"]) | (again["detail"] != again["detail_before"])]
    update_held(connection, other["held_id"], other["reason"], other["detail"])
    stored.reasons = [
        (int(number), str(reason), str(detail))
        for number, reason, detail in zip(
            other["held_id"], other["reason_before"], other["detail_before"], strict=True
        )
    ]
    return stored


# -- one import --------------------------------------------------------------------------------------


def _reread_batch(
    town: Town,
    connection: Any,
    placer: Placer,
    batch: int,
    held: pd.DataFrame,
    cells: Mapping[int, Mapping[str, str]],
    points: Mapping[int, Point],
    keep_grids: Collection[int],
    now: datetime,
    over: Mapping[str, Any],
) -> Reread:
    options = batch_options(connection, batch)
    if "rules" not in options:
        raise RereadError(batch=batch)
    columns, rules = columns_of(options), rules_of(town, connection, options, placer, now, **over)
    numbers = held["held_id"].tolist()
    received = [json.loads(values) for values in held["values"]]
    changed = [
        {
            heading: text
            for heading, text in cells.get(number, {}).items()
            if heading not in columns.left_out and text != row.get(heading, "")
        }
        for number, row in zip(numbers, received, strict=True)
    ]
    rows = [{**row, **change} for row, change in zip(received, changed, strict=True)]
    columns = _point_cells(rows, numbers, points, columns, rules.datum)
    headings = dict.fromkeys([*(name for row in rows for name in row), *columns.fields.values()])
    frame = text_frame({name: [row.get(name, "") for row in rows] for name in headings}, numbers)
    cleaned = clean_reports(RawChunk(frame, broken_frame(), 0, 0), columns, rules)
    reports = _with_points(cleaned.reports, points).rename(columns={"row_number": "held_id"})
    before = held[["held_id", "batch_id", "row_number", "reason", "detail"]]
    sheets = held.set_index("held_id")["sheet"]
    reports["row_number"] = (
        before.set_index("held_id")["row_number"].loc[reports["held_id"]].to_numpy(dtype="int64")
    )
    lon, lat = reports["lon"].to_numpy(), reports["lat"].to_numpy()
    reports = reports.assign(
        batch_id=np.full(len(reports), batch, dtype="int64"),
        cell=placer.cells(lon, lat),
        merged_into=np.zeros(len(reports), dtype="int64"),
        **placer.zones(lon, lat),
    )
    reports, misplaced = _judge(town, connection, placer, reports, keep_grids)
    reports, repeated, conflicts = _compare(connection, batch, reports)
    still = cleaned.held.rename(columns={"row_number": "held_id"})[["held_id", "reason", "detail"]]
    still = pd.concat([still, misplaced, conflicts], ignore_index=True)
    place_of = {number: place for place, number in enumerate(numbers)}
    corrections = [
        (
            sheets[number],
            row_number,
            "mended",
            *_say_change(received[place_of[number]], changed[place_of[number]], points.get(number)),
            number,
        )
        for number, row_number in zip(reports["held_id"], reports["row_number"], strict=True)
        if changed[place_of[number]] or _is_stated(points.get(number))
    ]
    numbers_of = dict(zip(reports["held_id"], reports["row_number"], strict=True))
    corrections += [
        (
            sheets[each.row_number],
            numbers_of[each.row_number],
            each.what,
            each.before,
            each.after,
            each.row_number,
        )
        for each in cleaned.corrections.itertuples()
        if each.row_number in numbers_of and each.row_number not in points
    ]
    return Reread(
        reports=REPORTS.check(reports),
        corrections=_corrections(corrections).assign(batch_id=batch),
        repeated=repeated,
        held=still.assign(batch_id=batch),
        before=before,
    )


def _point_cells(
    rows: list[dict[str, str]],
    numbers: Sequence[int],
    points: Mapping[int, Point],
    columns: ColumnMap,
    datum: str,
) -> ColumnMap:
    """Write the places that were said into the rows, in the file's datum, and return where they stand."""
    said = [place for place, number in enumerate(numbers) if number in points]
    if not said:
        return columns
    names = {"lon": columns.fields.get("lon", _LON), "lat": columns.fields.get("lat", _LAT)}
    at = [points[numbers[place]] for place in said]
    x, y = from_wgs84(np.array([point.lon for point in at]), np.array([point.lat for point in at]), datum)
    for place, east, north in zip(said, x.tolist(), y.tolist(), strict=True):
        rows[place] |= {names["lon"]: repr(east), names["lat"]: repr(north)}
        for other in ("datum", "lonlat"):  # the cells are in the file's datum now, and no pair may disagree
            if other in columns.fields:
                rows[place][columns.fields[other]] = ""
    return ColumnMap(**{**vars(columns), "fields": {**columns.fields, **names}})


def _with_points(reports: pd.DataFrame, points: Mapping[int, Point]) -> pd.DataFrame:
    """Put the places that were said in full precision, with how they are known."""
    said = reports["row_number"].isin(list(points)).to_numpy()
    if not said.any():
        return reports
    at = [points[number] for number in reports["row_number"][said]]
    reports = reports.copy()
    for name in ("lon", "lat", "radius_m"):
        reports.loc[said, name] = [float(getattr(point, name)) for point in at]
    reports.loc[said, "datum"] = "wgs84"
    reports.loc[said, "datum_known_by"] = [point.known_by for point in at]
    reports.loc[said, "level"] = [point.level for point in at]
    return reports


def _judge(
    town: Town, connection: Any, placer: Placer, reports: pd.DataFrame, keep_grids: Collection[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that stay, and those that are held as the import would hold them for their stated grid."""
    none = np.empty(0, dtype=np.int64)
    conflicts = judge_grids(
        town,
        placer,
        reports,
        lambda ids: np.isin(ids, find_stored(connection, ids, none)["report_id"]),
    )
    kept = reports["held_id"].isin(list(keep_grids)).to_numpy()
    apart = conflicts.rows & ~kept & conflicts.held
    held = pd.DataFrame(
        {
            "held_id": reports["held_id"].to_numpy()[apart],
            "reason": pd.array([CONFLICT] * int(apart.sum()), dtype="str"),
            "detail": pd.array(np.array(conflicts.details, dtype=object)[apart[conflicts.rows]], dtype="str"),
        }
    )
    return reports[~apart].reset_index(drop=True), held


def _compare(
    connection: Any, batch: int, reports: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows that are new, those that say what is stored already, and those with another's number.

    A row without a number of its own that says the same as a row of its own file is another one, as it is at
    the import; one that says the same as a row of another file is the same.
    """
    keys, numbers = content_keys(reports), source_keys(reports)
    ids = report_ids(keys, _occurrence(connection, batch, keys, numbers))
    stored = find_stored(connection, ids, numbers[numbers != 0])
    again = np.isin(ids, stored["report_id"])
    conflict = ~again & (numbers != 0) & np.isin(numbers, stored["source_key"])
    rest = np.flatnonzero(~again & ~conflict & (numbers != 0))
    doubled = np.zeros(len(ids), dtype=bool)
    doubled[rest[pd.Index(numbers[rest]).duplicated()]] = True
    apart = conflict | doubled
    held = pd.DataFrame(
        {
            "held_id": reports["held_id"].to_numpy()[apart],
            "reason": pd.array(np.where(conflict[apart], "id_conflict", "duplicate_id"), dtype="str"),
            "detail": reports["source_id"].array[apart],
        }
    )
    repeated = pd.DataFrame({"held_id": reports["held_id"].to_numpy()[again], "report_id": ids[again]})
    new = reports.assign(report_id=ids, source_key=numbers)[~again & ~apart].reset_index(drop=True)
    return new, repeated, held


def _occurrence(
    connection: Any, batch: int, keys: NDArray[np.uint64], numbers: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many rows of the same file say the same, stored or read again here; 0 with a number."""
    plain = numbers == 0
    occurrence = np.zeros(len(keys), dtype=np.int64)
    occurrence[plain] = pd.Series(keys[plain]).groupby(keys[plain], sort=False).cumcount().to_numpy()
    while True:
        stored = find_stored(connection, report_ids(keys, occurrence)[plain], np.empty(0, dtype=np.int64))
        own = stored["report_id"][stored["batch_id"] == batch]
        taken = plain & np.isin(report_ids(keys, occurrence), own)
        if not taken.any():
            return occurrence
        # Later rows of equal content move on with the one whose place is taken.
        occurrence[plain & np.isin(keys, keys[taken])] += 1


def _say_change(
    received: Mapping[str, str], changed: Mapping[str, str], point: Point | None
) -> tuple[str, str]:
    """Return the changed cells before and after, telephone and identity numbers masked."""
    before = "; ".join(f"{heading}: {received.get(heading, '')}" for heading in changed)
    after = "; ".join(f"{heading}: {text}" for heading, text in changed.items())
    if point is not None and _is_stated(point):
        after = "; ".join(filter(None, [after, f"{point.lon:.6f}, {point.lat:.6f} (WGS-84)"]))
    masked = mask_persons(arrow_text(pd.array([before, after], dtype="str")))[0].to_pylist()
    return masked[0], masked[1]


def _is_stated(point: Point | None) -> bool:
    return point is not None and point.known_by == "stated"


def _corrections(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    types = {**CORRECTIONS.columns, "held_id": "int64"}
    return pd.DataFrame(list(rows), columns=list(types)).astype(types)
