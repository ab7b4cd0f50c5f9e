"""What is incomplete or inconsistent in a town, and where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.errors import AssetsMissingError, BadChoiceError, OutsideAddressError
from pingan_geo.geocoding.lint import check_gazetteer
from pingan_geo.i18n import mark, translator
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.outputs import assets
from pingan_geo.spatial.nearest import nearest_named
from pingan_geo.storage.records import read_features, read_held, read_reports
from pingan_geo.workflow.gazetteer import gazetteer_of
from pingan_geo.workflow.inventory import FILLING_LAYERS, check_layers
from pingan_geo.workflow.placing import ZONES, Placer
from pingan_geo.workflow.towns import Town

SUBJECTS = ("polygons", "posts", "enterprises", "gazetteer", "data", "airgap")
#: Two posts nearer than this are probably one.
SAME_SPOT_M = 1.0
_REQUIRED = ("grids",)


@dataclass(frozen=True)
class Finding:
    """One thing that is incomplete or inconsistent.

    Parameters
    ----------
    subject
        One of :data:`SUBJECTS`.
    code
        Stable, for scripts.
    message, values
        msgid and what it needs.
    where
        Code or name of what is meant; ``""`` for the town as a whole.
    lon, lat
        WGS-84; NaN where it has no place.
    problem
        ``False`` for what is only worth knowing.
    """

    subject: str
    code: str
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    lon: float = float("nan")
    lat: float = float("nan")
    problem: bool = True


def check_town(town: Town, subject: str = "") -> tuple[Finding, ...]:
    """Return what is incomplete or inconsistent, by subject; nothing is changed.

    Parameters
    ----------
    town
        The town.
    subject
        One of :data:`SUBJECTS`; ``""``: all.

    Raises
    ------
    BadChoiceError
        If there is no such subject.
    """
    if subject and subject not in SUBJECTS:
        raise BadChoiceError(name="subject", value=subject, expected=" / ".join(SUBJECTS))
    return tuple(finding for name in SUBJECTS if subject in {"", name} for finding in _CHECKS[name](town))


# -- polygons ----------------------------------------------------------------------------------------


def _check_polygons(town: Town) -> Iterator[Finding]:
    for check in check_layers(town):
        if check.layer in _REQUIRED and not check.shapes:
            yield Finding(
                "polygons",
                "no_layer",
                mark("The town has no {kind}."),
                {"kind": check.layer},
                check.layer,
                problem=False,
            )
        if check.report is not None:
            yield from _polygon_faults(check.layer, check.report)
    yield from _unknown_parents(town)


def _polygon_faults(layer: str, report: Any) -> Iterator[Finding]:
    for row in report.overlaps.itertuples():
        yield Finding(
            "polygons",
            "overlap",
            mark("{kind}: {one} and {other} overlap by {area_m2} m²; places there belong to {one}."),
            {"kind": layer, "one": row.code_a, "other": row.code_b, "area_m2": round(row.area_m2)},
            f"{row.code_a}, {row.code_b}",
            row.lon,
            row.lat,
        )
    for row in report.gaps.itertuples():
        values = {"kind": layer, "area_m2": round(row.area_m2)}
        yield Finding(
            "polygons",
            "gap",
            mark("{kind}: {area_m2} m² of the town lie in none."),
            values,
            "",
            row.lon,
            row.lat,
        )
    for row in report.outside.itertuples():
        yield Finding(
            "polygons",
            "outside",
            mark("{kind}: {one} reaches {area_m2} m² beyond the town."),
            {"kind": layer, "one": row.code, "area_m2": round(row.area_m2)},
            row.code,
            row.lon,
            row.lat,
        )
    for code in report.broken:
        yield Finding(
            "polygons",
            "broken",
            mark("{kind}: {one} crosses itself or is empty."),
            {"kind": layer, "one": code},
            code,
        )
    for code in report.duplicates:
        yield Finding(
            "polygons",
            "duplicate",
            mark("{kind}: {one} stands more than once."),
            {"kind": layer, "one": code},
            code,
        )


def _unknown_parents(town: Town) -> Iterator[Finding]:
    grids, villages = town.layer("grids"), town.layer("villages")
    if not len(grids) or not len(villages):
        return
    known = set(villages["code"])
    for code, parent in zip(grids["code"], grids["parent"], strict=True):
        if parent and parent not in known:
            yield Finding(
                "polygons",
                "unknown_parent",
                mark("{kind}: {one} names {other}, which is no village of the town."),
                {"kind": "grids", "one": code, "other": parent},
                code,
            )


# -- features ----------------------------------------------------------------------------------------


def _check_posts(town: Town) -> Iterator[Finding]:
    return _check_features(town, "posts")


def _check_enterprises(town: Town) -> Iterator[Finding]:
    return _check_features(town, "enterprises")


def _check_features(town: Town, kind: str) -> Iterator[Finding]:
    with town.store.read() as connection:
        table = read_features(connection, kind)
    if not len(table):
        yield Finding(kind, "none", mark("The town has no {kind}."), {"kind": kind}, problem=False)
        return
    names = [name or code for name, code in zip(table["name"], table["feature_id"], strict=True)]
    lon, lat = table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    placed = np.isfinite(lon) & np.isfinite(lat)
    inside = np.zeros(len(table), dtype=bool)
    inside[placed] = Placer.of(town).inside(lon[placed], lat[placed])
    has_grids = len(town.layer("grids")) > 0

    def each(rows: Any, code: str, message: str, *, problem: bool = True) -> Iterator[Finding]:
        for row in np.flatnonzero(rows):
            yield Finding(
                kind,
                code,
                message,
                {"name": names[row]},
                table["feature_id"].iloc[row],
                lon[row],
                lat[row],
                problem,
            )

    yield from each(table["name"].to_numpy(dtype=object) == "", "no_name", mark("{name} has no name."))
    yield from each(~placed, "no_place", mark("{name} has no place."))
    yield from each(placed & ~inside, "outside_town", mark("{name} lies outside the town."))
    if has_grids:
        nowhere = inside & (table["grid_id"].to_numpy(dtype=object) == "")
        yield from each(nowhere, "no_grid", mark("{name} lies in no grid."))
    twice = table["name"].duplicated(keep=False).to_numpy() & (table["name"] != "").to_numpy()
    yield from each(twice, "same_name", mark("{name} is the name of more than one."))
    yield from _same_spot(kind, table, names, lon, lat)
    yield from _blank_columns(kind, table, names)


def _same_spot(kind: str, table: Any, names: Sequence[str], lon: Any, lat: Any) -> Iterator[Finding]:
    """Name each feature that stands where one before it stands."""
    spots = pd.DataFrame({"lon": lon, "lat": lat}).round(5)
    again = spots.duplicated(keep="first").to_numpy() & np.isfinite(lon)
    first = np.flatnonzero(~again)
    index, metres = nearest_named(lon[again], lat[again], lon[first], lat[first])
    for row, other, distance in zip(np.flatnonzero(again).tolist(), index.tolist(), metres, strict=True):
        if distance <= SAME_SPOT_M:
            yield Finding(
                kind,
                "same_place",
                mark("{name} stands on the same spot as {other}."),
                {"name": names[row], "other": names[int(first[other])]},
                table["feature_id"].iloc[row],
                lon[row],
                lat[row],
            )


def _blank_columns(kind: str, table: Any, names: Sequence[str]) -> Iterator[Finding]:
    """Name what most have filled in and a few have not: someone is missing there."""
    rows = [json.loads(text or "{}") for text in table["attributes"]]
    filled = Counter(heading for row in rows for heading, value in row.items() if value not in ("", None, []))
    for heading, number in filled.items():
        if number == len(rows) or number < 0.8 * len(rows):
            continue
        for row, values in enumerate(rows):
            if values.get(heading) in ("", None, []):
                yield Finding(
                    kind,
                    "blank",
                    mark("{name} says nothing under {heading}."),
                    {"name": names[row], "heading": heading},
                    table["feature_id"].iloc[row],
                    float(table["lon"].iloc[row]),
                    float(table["lat"].iloc[row]),
                )


# -- gazetteer ---------------------------------------------------------------------------------------

_GAZETTEER_MESSAGES: Mapping[str, str] = {
    "no_name": mark("An entry has no name."),
    "only_number": mark("{name} is only a number; it needs its road or estate."),
    "unknown_level": mark("{name} has the level {detail}, which is not known."),
    "twins": mark("{name} stands for places {detail} m apart."),
    "outside_town": mark("{name} lies {detail} m outside the town."),
    "outside_village": mark("{name} does not lie in its village ({detail} m)."),
    "out_of_sequence": mark("{name} lies {detail} m from where the numbers beside it put it."),
}


def _check_gazetteer(town: Town) -> Iterator[Finding]:
    """Names and places that would lead somebody to a wrong place."""
    for row in check_gazetteer(gazetteer_of(town)).itertuples():
        values = {"name": row.name, "detail": row.detail}
        yield Finding(
            "gazetteer",
            row.problem,
            _GAZETTEER_MESSAGES[row.problem],
            values,
            row.entry_ids,
            row.lon,
            row.lat,
        )


# -- data --------------------------------------------------------------------------------------------


def _check_data(town: Town) -> Iterator[Finding]:
    with town.store.read() as connection:
        columns = ["report_id", "category", "lon", "lat", "cell", *ZONES]
        reports = read_reports(connection, columns, merged=True)  # of one incident too
        held = read_held(connection)
    for reason, number in sorted(Counter(held["reason"]).items()):
        yield Finding(
            "data",
            "held",
            mark("{count} rows are held: {reason}."),
            {"count": number, "reason": HOLD_REASONS.get(reason, reason)},
            reason,
        )
    if not len(reports):
        yield Finding("data", "no_reports", mark("The town has no reports yet."), problem=False)
        return
    yield from _unknown_categories(town, reports)
    yield from _misplaced(town, reports)


def _unknown_categories(town: Town, reports: Any) -> Iterator[Finding]:
    known = set(town.settings.category_names)
    for category, number in reports["category"].value_counts(sort=False).sort_index().items():
        if category not in known:
            yield Finding(
                "data",
                "unknown_category",
                mark("{count} reports have the category {name}, which is not in the town's list."),
                {"count": int(number), "name": category},
                str(category),
            )


def _misplaced(town: Town, reports: Any) -> Iterator[Finding]:
    """Compare what is stored with what the layers say now."""
    lon, lat = reports["lon"].to_numpy(np.float64), reports["lat"].to_numpy(np.float64)
    placer = Placer.of(town)
    inside = placer.inside(lon, lat)

    def first(rows: Any, code: str, message: str, layer: str, *, problem: bool = True) -> Iterator[Finding]:
        chosen = np.flatnonzero(rows)
        if len(chosen):
            values = {"count": len(chosen), "kind": layer}
            yield Finding("data", code, message, values, layer, lon[chosen[0]], lat[chosen[0]], problem)

    yield from first(
        ~inside, "outside_town", mark("{count} reports lie outside the town; the first is shown."), "area"
    )
    wrong = placer.cells(lon, lat) != reports["cell"].to_numpy(np.uint64)
    yield from first(
        wrong,
        "other_cell",
        mark("{count} reports are stored in another cell than they lie in; the first is shown."),
        "cells",
    )
    for column, codes in placer.zones(lon, lat).items():
        layer = ZONES[column]
        if not len(town.layer(layer)):
            continue
        stored, now = reports[column].to_numpy(dtype=object), np.asarray(codes, dtype=object)
        yield from first(
            stored != now,
            "other_polygon",
            mark("{count} reports are stored in other {kind} than they lie in; import these again."),
            layer,
        )
        yield from first(
            inside & (now == ""),
            "in_no_polygon",
            mark("{count} reports of the town lie in none of its {kind}; the first is shown."),
            layer,
            problem=layer in FILLING_LAYERS,
        )


# -- without internet --------------------------------------------------------------------------------


def _check_airgap(town: Town) -> Iterator[Finding]:
    from pingan_geo.outputs.maps import check_addresses, town_map

    wanted = {local for local in assets.OUTSIDE.values() if local} | {
        value
        for name, value in vars(assets).items()
        if name.isupper() and str(value).startswith(assets.PREFIX)
    }
    for address in sorted(wanted - {assets.PREFIX}):
        try:
            assets.asset_file(address)
        except (AssetsMissingError, OutsideAddressError):
            yield Finding(
                "airgap", "no_asset", mark("The browser file {file} is missing."), {"file": address}, address
            )
    base = town_map(bounds=town.area.bounds, t=translator("en"))
    try:
        check_addresses(base)
    except OutsideAddressError as error:
        yield Finding("airgap", "outside_address", error.message, error.values, str(error.values["address"]))
    tiles = town.settings.tiles
    if tiles.kind == "pmtiles" and "://" not in tiles.url and not (town.folder / tiles.url).is_file():
        yield Finding(
            "airgap",
            "no_tiles",
            mark("The base map {file} is not in the town's folder."),
            {"file": tiles.url},
            tiles.url,
        )
    elif "://" in tiles.url:
        yield Finding(
            "airgap",
            "tile_server",
            mark("Base maps come from {url}: the browser must reach it, and nothing else outside."),
            {"url": tiles.url},
            tiles.url,
            problem=False,
        )


_CHECKS: Mapping[str, Callable[[Town], Iterator[Finding]]] = {
    "polygons": _check_polygons,
    "posts": _check_posts,
    "enterprises": _check_enterprises,
    "gazetteer": _check_gazetteer,
    "data": _check_data,
    "airgap": _check_airgap,
}
