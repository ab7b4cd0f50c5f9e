"""A file of shapes or named points → the town's layers and features; and any import taken back.

Layers of polygons and lines are files that an import replaces as a whole; features are rows that it adds to
or changes. Reports and features that are stored are placed anew in the same step, so that no number on a map
ever belongs to polygons that are gone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from pingan_geo.coords import parse_datum
from pingan_geo.errors import (
    BadChoiceError,
    BatchNotFoundError,
    EmptyFileError,
    OutsideTownError,
    UndoOrderError,
)
from pingan_geo.intake.columns import FEATURE_KINDS, map_columns
from pingan_geo.intake.features import clean_features
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.layers import households_of, read_layer
from pingan_geo.intake.places import PlaceRules
from pingan_geo.intake.raw import TableFile, file_sha256
from pingan_geo.intake.values import held_rows
from pingan_geo.model.receipt import OnProgress, Progress, Receipt
from pingan_geo.model.tables import CORRECTIONS, FEATURES
from pingan_geo.persons import mask_name
from pingan_geo.settings import LAYER_FILES
from pingan_geo.spatial.grids import PolygonReport, check_polygons, mend_polygons
from pingan_geo.storage.records import (
    finish_batch,
    insert_batch,
    insert_features,
    insert_held,
    read_batches,
    read_features,
    read_reports,
    undo_batch,
    update_feature_placing,
    update_placing,
)
from pingan_geo.storage.review import insert_corrections
from pingan_geo.workflow.file_swaps import finish_swaps, note_swaps, settle_swaps, stage_file
from pingan_geo.workflow.notes import Note, describe_columns, describe_datum, describe_file, describe_skipped
from pingan_geo.workflow.photos import sweep_media
from pingan_geo.workflow.placing import ZONES, Placer, choose_datum
from pingan_geo.workflow.road_network import describe_roads, is_extract, read_extract
from pingan_geo.workflow.towns import BACKUPS, Town, empty_layer, layer_bytes

#: Layers that an import replaces, and of these the ones whose polygons are checked.
LAYER_KINDS = ("grids", "villages", "beats", "estates", "roads", "waters")
_POLYGONS = ("grids", "villages", "beats", "estates")
#: Of these it is told where they leave gaps in the town.
_FILLING = ("grids", "villages", "beats")
_LISTED = 10


class _WrittenForNothing(Exception):  # noqa: N818 - no fault: the transaction is not wanted
    """Rolls a transaction back."""


def import_layer(
    town: Town,
    kind: str,
    file: Path,
    *,
    datum: str = "",
    dry_run: bool = False,
    now: datetime,
    on_progress: OnProgress | None = None,
) -> Receipt:
    """Read a layer, or a list of named points, into a town.

    ``grids, villages, beats, estates, roads, waters`` are replaced as a whole: a shape that was there before
    is *repeated*, one with other content under the same code *merged*, one that crossed itself and was mended
    *corrected*. ``posts, stations, enterprises, places, volunteers`` are added to: a row with the number of a
    stored one and other content replaces it and is *merged*.

    Parameters
    ----------
    town
        The town.
    kind
        One of the above.
    file
        A layer; for named points also a table, for roads also an extract of OpenStreetMap (PBF, XML), of which
        the roads in and around the town are kept.
    datum
        As for :func:`pingan_geo.workflow.import_reports.import_reports`.
    dry_run
        Everything but the writing.
    now
        Wall-clock time of the town.
    on_progress
        Called at each step; an exception from it cancels the import as a whole.

    Returns
    -------
    Receipt
        With overlaps, gaps and mended shapes among its notes.

    Raises
    ------
    BadChoiceError
        If there is no such kind.
    OutsideTownError
        If nothing of a layer lies in the town.
    PinganError
        As :func:`pingan_geo.intake.layers.read_layer`, :func:`pingan_geo.spatial.grids.mend_polygons` and
        :func:`pingan_geo.intake.files.open_table` say.
    """
    stated = "" if datum in {"", "auto"} else parse_datum(datum)
    if kind in LAYER_KINDS:
        return _import_shapes(town, kind, Path(file), stated, now, on_progress, dry_run=dry_run)
    if kind in FEATURE_KINDS:
        return _import_points(town, kind, Path(file), stated, now, on_progress, dry_run=dry_run)
    raise BadChoiceError(name="kind", value=kind, expected=" / ".join((*LAYER_KINDS, *FEATURE_KINDS)))


def undo_import(town: Town, batch: int, now: datetime) -> int:
    """Take an import back: its reports, held rows, photos and features go, a layer is as it was before.

    Parameters
    ----------
    town
        The town.
    batch
        Number of the import.
    now
        Wall-clock time of the town.

    Returns
    -------
    int
        Rows taken back, and shapes of a layer restored.

    Raises
    ------
    BatchNotFoundError
        If there is no such import, or it was taken back before.
    UndoOrderError
        If the layer was imported again since.
    """
    with town.store.begin() as connection:
        settle_swaps(connection, town.folder)
        batches = read_batches(connection)
        found = batches[(batches["batch_id"] == batch) & batches["undone_at"].isna()]
        if found.empty:
            raise BatchNotFoundError(batch=batch)
        kind = str(found["kind"].iloc[0])
        rows = undo_batch(connection, batch, now)
        if kind in LAYER_KINDS:
            later = batches[
                (batches["kind"] == kind) & batches["undone_at"].isna() & (batches["batch_id"] > batch)
            ]
            if len(later):
                raise UndoOrderError(batch=batch, later=int(later["batch_id"].max()))
            rows += _restore_layer(town, connection, kind, batch)
    finish_swaps(town.folder, town.store)
    with town.store.begin() as connection:  # only now that it is certain that nothing names its photos
        sweep_media(connection, town.folder)
    return rows


def _tell(on_progress: OnProgress | None, step: Progress) -> None:
    if on_progress is not None:
        on_progress(step)


@contextmanager
def _writing(town: Town) -> Iterator[Any]:
    """Open a transaction that ends without a trace when :class:`_WrittenForNothing` is raised inside."""
    try:
        with town.store.begin() as connection:
            settle_swaps(connection, town.folder)
            yield connection
    except _WrittenForNothing:
        return


def _start_batch(connection: Any, kind: str, file: Path, sha256: str, datum: str, now: datetime) -> int:
    return insert_batch(
        connection,
        kind=kind,
        source="",
        file_name=mask_name(file.name),
        file_sha256=sha256,
        datum=datum,
        layout="",
        imported_at=now,
    )


# -- shapes ------------------------------------------------------------------------------------------


def _import_shapes(
    town: Town,
    kind: str,
    file: Path,
    stated: str,
    now: datetime,
    on_progress: OnProgress | None,
    *,
    dry_run: bool,
) -> Receipt:
    _tell(on_progress, Progress("Reading the layer", 0, 4, 0))
    frame, notes = _read_shapes(town, kind, file, stated)
    rows = len(frame)
    if not shapely.intersects(town.area, frame.geometry.to_numpy()).any():
        raise OutsideTownError(file=file.name, datum=stated or "wgs84")
    if kind == "roads":
        notes += describe_roads(frame)
    mended: tuple[str, ...] = ()
    if kind in _POLYGONS:
        _tell(on_progress, Progress("Checking the polygons", 1, 4, rows))
        frame, mended = mend_polygons(frame, file.name)
        notes += _describe_polygons(
            check_polygons(frame, town.area if kind in _FILLING else None), mended, kind
        )
        if known := int(np.isfinite(households_of(frame)).sum()):
            notes.append(("Households are known of {known} of {count}.", {"known": known, "count": rows}))
    old = town.layer(kind)
    content = layer_bytes(frame)
    outcome = _compare_shapes(old, frame, mended)
    gone = sorted(set(old["code"]) - set(frame["code"]))
    if gone and kind in _POLYGONS:
        notes.append(
            ("{count} of the old layer are gone: {codes}.", {"count": len(gone), "codes": _listed(gone)})
        )
    receipt = Receipt(
        kind=kind,
        file=mask_name(file.name),
        batch_id=None,
        read=rows,
        accepted=outcome["new"],
        merged=outcome["changed"],
        corrected=outcome["mended"],
        repeated=outcome["same"],
        notes=tuple(notes),
        dry_run=dry_run,
    )
    if dry_run or (town.settings.layer_path(kind).is_file() and outcome["same"] == rows and not gone):
        return receipt
    with town.store.begin() as connection:
        settle_swaps(connection, town.folder)
        batch = _start_batch(connection, kind, file, file_sha256(file), stated, now)
        _keep_old_layer(town, kind, batch)
        _tell(on_progress, Progress("Placing the reports anew", 2, 4, rows))
        if kind in ZONES.values() and (moved := _place_anew(connection, Placer.of(town, **{kind: frame}))):
            notes.append(("{count} stored reports now lie in another polygon.", {"count": moved}))
        receipt = replace(receipt, batch_id=batch, notes=tuple(notes))
        finish_batch(connection, batch, json.dumps(receipt.as_dict(), ensure_ascii=False))
        note_swaps(connection, stage_file(town.settings.layer_path(kind), content))
        _tell(on_progress, Progress("Placing the reports anew", 4, 4, rows))
    finish_swaps(town.folder, town.store)
    return receipt


def _read_shapes(town: Town, kind: str, file: Path, stated: str) -> tuple[Any, list[Note]]:
    """Return the shapes of a file, and what is to be said of how it was read."""
    if kind == "roads" and is_extract(file):
        return read_extract(file, town.area)
    return read_layer(file, kind=kind, datum=stated), []


def _compare_shapes(old: Any, new: Any, mended: tuple[str, ...]) -> Counter[str]:
    """Count shapes that are new, changed, mended and the same as before."""
    before, after = _lines_by_code(old), _lines_by_code(new)
    outcome: Counter[str] = Counter()
    for code, lines in after.items():
        if code in before and before[code] == lines:
            outcome["same"] += len(lines)
        elif code in mended:
            outcome["mended"] += len(lines)
        elif code in before:
            outcome["changed"] += len(lines)
        else:
            outcome["new"] += len(lines)
    return outcome


def _lines_by_code(frame: Any) -> dict[str, list[bytes]]:
    """Return each shape as it stands in the layer's file, by code; roads may share one."""
    if not len(frame):
        return {}
    lines = [line.rstrip(b",") for line in layer_bytes(frame).splitlines()[1:-1]]
    grouped: dict[str, list[bytes]] = {}
    for line in lines:
        grouped.setdefault(json.loads(line)["properties"]["code"], []).append(line)
    return grouped


def _describe_polygons(report: PolygonReport, mended: tuple[str, ...], kind: str) -> Iterator[Note]:
    if mended:
        yield ("Mended, because they crossed themselves: {codes}.", {"codes": _listed(mended)})
    if len(report.overlaps):
        first = report.overlaps.iloc[0]
        yield (
            "{count} overlaps, {area_m2} m² in all, most between {one} and {other}; the smaller code wins.",
            {
                "count": len(report.overlaps),
                "area_m2": round(report.overlap_m2),
                "one": str(first["code_a"]),
                "other": str(first["code_b"]),
            },
        )
    if kind in _FILLING and len(report.gaps):
        first = report.gaps.iloc[0]
        yield (
            "{count} gaps, {area_m2} m² in all, the largest at {lon}, {lat}.",
            {
                "count": len(report.gaps),
                "area_m2": round(report.gap_m2),
                "lon": f"{first['lon']:.5f}",
                "lat": f"{first['lat']:.5f}",
            },
        )
    if len(report.outside):
        yield (
            "{count} polygons reach {area_m2} m² beyond the town.",
            {"count": len(report.outside), "area_m2": round(float(report.outside["area_m2"].sum()))},
        )


def _listed(codes: Any) -> list[str]:
    return [*list(codes)[:_LISTED], *(["…"] if len(codes) > _LISTED else [])]


def _place_anew(connection: Any, placer: Placer) -> int:
    """Place stored reports and features in new polygons; returns how many reports moved."""
    reports = read_reports(connection, ["report_id", "lon", "lat", *ZONES], merged=True)
    zones = placer.zones(reports["lon"].to_numpy(), reports["lat"].to_numpy())
    moved = np.zeros(len(reports), dtype=bool)
    for column, codes in zones.items():
        moved |= np.asarray(reports[column].array != codes, dtype=bool)
    if moved.any():
        update_placing(
            connection,
            reports["report_id"].to_numpy()[moved],
            *(zones[column][moved] for column in ("grid_id", "village_id", "beat_id")),
        )
    for kind in FEATURE_KINDS:
        features = read_features(connection, kind)
        placed = placer.zones(features["lon"].to_numpy(), features["lat"].to_numpy())
        changed = np.zeros(len(features), dtype=bool)
        for column in ("grid_id", "village_id"):
            changed |= np.asarray(features[column].array != placed[column], dtype=bool)
        if changed.any():
            update_feature_placing(
                connection,
                kind,
                features["feature_id"].array[changed],
                placed["grid_id"][changed],
                placed["village_id"][changed],
            )
    return int(moved.sum())


def _old_layer_file(town: Town, kind: str, batch: int) -> Path:
    file = Path(LAYER_FILES[kind])
    return town.folder / BACKUPS / f"{file.stem}-before-import-{batch}{file.suffix}"


def _keep_old_layer(town: Town, kind: str, batch: int) -> None:
    """Keep the layer that is about to be replaced, so that the import can be taken back."""
    kept = _old_layer_file(town, kind, batch)
    kept.parent.mkdir(exist_ok=True)
    current = town.settings.layer_path(kind)
    kept.write_bytes(current.read_bytes() if current.is_file() else b"")


def _restore_layer(town: Town, connection: Any, kind: str, batch: int) -> int:
    kept = _old_layer_file(town, kind, batch)
    target = town.settings.layer_path(kind)
    content = kept.read_bytes() if kept.is_file() else b""
    frame = read_layer(kept, kind=kind) if content else empty_layer()
    if kind in ZONES.values():
        _place_anew(connection, Placer.of(town, **{kind: frame}))
    note_swaps(connection, stage_file(target, content) if content else {target.name: ""})
    return len(frame)


# -- named points ------------------------------------------------------------------------------------


def _import_points(
    town: Town,
    kind: str,
    file: Path,
    stated: str,
    now: datetime,
    on_progress: OnProgress | None,
    *,
    dry_run: bool,
) -> Receipt:
    table = open_table(file, kind=kind, datum=stated)
    columns = map_columns(
        table.headings,
        kind,
        file=table.name,
        datum=stated,
        crs=table.crs,
        short=table.has_short_headings,
    )
    datum, known_by = choose_datum(stated, table, columns, town.settings.datum)
    placer = Placer.of(town)
    rules = PlaceRules(
        datum=datum, datum_known_by=known_by, inside=placer.inside, decimal_comma=table.separator == ";"
    )
    kept: list[pd.DataFrame] = []
    held: list[pd.DataFrame] = []
    corrections: list[pd.DataFrame] = []
    seen: dict[str, tuple[Any, ...]] = {}
    counts: Counter[str] = Counter()
    skipped: list[tuple[str, int, str]] = []
    for chunk in read_rows(table):
        cleaned = clean_features(chunk, kind, columns, rules)
        first, apart = _first_of_each(cleaned.features, seen)
        doubled = np.isin(chunk.rows.index, cleaned.features["row_number"].to_numpy()[apart])
        numbers = cleaned.features["feature_id"].to_numpy(dtype=object)[apart].tolist()
        reasons = ["duplicate_id"] * len(numbers)
        held += [cleaned.held, held_rows(chunk, doubled, reasons, numbers, columns.left_out)]
        kept.append(cleaned.features[first])
        corrections.append(cleaned.corrections)
        counts["read"] += len(chunk.rows) + len(chunk.broken)
        counts["blank"] += chunk.blank
        skipped += [(chunk.sheet, *each) for each in zip(chunk.skipped, chunk.skipped_as, strict=True)]
        counts["repeated"] += len(cleaned.features) - int(first.sum()) - int(apart.sum())
        counts["phones"] += cleaned.phones
        counts["id_numbers"] += cleaned.id_numbers
        _tell(on_progress, Progress("Reading named points", chunk.done, table.total, counts["read"]))
    if not counts["read"]:
        raise EmptyFileError(file=table.name)
    whole = pd.concat(kept, ignore_index=True)
    corrected = pd.concat(corrections, ignore_index=True).merge(
        whole[["row_number", "feature_id"]], on="row_number"
    )
    features = _place_features(whole, placer)
    rows_held = pd.concat(held, ignore_index=True).sort_values("row_number", kind="stable")
    notes = (
        *describe_file(table),
        *describe_skipped(skipped),
        *(
            describe_datum(datum, known_by, columns.datum)
            if {"lon", "lonlat"} & columns.fields.keys()
            else ()
        ),
        *_describe_masked(counts),
        *describe_columns(columns, counts["blank"], keeps_unused=True),
    )
    receipt = Receipt(
        kind=kind,
        file=table.name,
        batch_id=None,
        read=counts["read"],
        accepted=0,
        held=len(rows_held),
        held_by_reason=dict(sorted(Counter(rows_held["reason"]).items())),
        notes=notes,
        columns=columns.fields,
        dry_run=dry_run,
    )
    return _store_points(town, table, receipt, features, rows_held, corrected, counts["repeated"], datum, now)


def _first_of_each(features: pd.DataFrame, seen: dict[str, tuple[Any, ...]]) -> tuple[Any, Any]:
    """Return which rows are the first with their number, and which bear the number of another one.

    Lists of named points are short (hundreds of rows), so they may be walked.
    """
    first, apart = np.zeros(len(features), dtype=bool), np.zeros(len(features), dtype=bool)
    for place, row in enumerate(features.drop(columns="row_number").itertuples(index=False)):
        content = tuple("" if value != value else value for value in row)  # NaN is not equal to itself
        if row.feature_id not in seen:
            seen[row.feature_id] = content
            first[place] = True
        else:
            apart[place] = seen[row.feature_id] != content
    return first, apart


def _place_features(features: pd.DataFrame, placer: Placer) -> pd.DataFrame:
    lon, lat = features["lon"].to_numpy(), features["lat"].to_numpy()
    zones = placer.zones(lon, lat)
    return FEATURES.check(
        features.assign(
            cell=placer.cells(lon, lat), grid_id=zones["grid_id"], village_id=zones["village_id"]
        ).drop(columns="row_number")
    )


def _describe_masked(counts: Counter[str]) -> Iterator[Note]:
    if counts["phones"] or counts["id_numbers"]:
        yield (
            "{phones} telephone numbers and {ids} identity numbers in texts were masked.",
            {"phones": counts["phones"], "ids": counts["id_numbers"]},
        )


def _store_points(
    town: Town,
    table: TableFile,
    receipt: Receipt,
    features: pd.DataFrame,
    held: pd.DataFrame,
    corrections: pd.DataFrame,
    repeated: int,
    datum: str,
    now: datetime,
) -> Receipt:
    with _writing(town) as connection:
        known = read_features(connection, receipt.kind)["feature_id"]
        corrections = corrections[~corrections["feature_id"].isin(known)].drop(columns="feature_id")
        batch = _start_batch(connection, receipt.kind, table.path, table.sha256, datum, now)
        added, changed, same = insert_features(connection, receipt.kind, batch, features)
        receipt = replace(
            receipt,
            accepted=added - len(corrections),
            corrected=len(corrections),
            merged=changed,
            repeated=repeated + same,
        )
        if receipt.dry_run or not (added or changed or len(held)):
            raise _WrittenForNothing
        receipt = replace(receipt, batch_id=batch)
        if len(held):
            insert_held(connection, batch, held)
        if len(corrections):
            insert_corrections(connection, batch, CORRECTIONS.check(corrections))
        finish_batch(connection, batch, json.dumps(receipt.as_dict(), ensure_ascii=False))
    return receipt
