"""A town is a folder: its settings, layers and database; made whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import tomlkit
from numpy.typing import NDArray

from pingan_geo.coords import parse_datum, to_wgs84
from pingan_geo.errors import (
    BadChoiceError,
    DatabaseWriteError,
    EmptyFileError,
    FileMissingError,
    NoPlacesError,
    OutsideTownError,
    PinganError,
    SettingsError,
    TownExistsError,
)
from pingan_geo.i18n import translator
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.layers import LAYER_SUFFIXES, read_layer
from pingan_geo.intake.texts import arrow_text, parse_numbers
from pingan_geo.model.tables import POLYGONS
from pingan_geo.settings import DATABASE_FILE, LANGUAGES, LAYER_FILES, TOWN_FILE, Settings, read_settings
from pingan_geo.spatial.cells import cells_of, centres, disk, neighbour_pairs, outlines
from pingan_geo.spatial.grids import mend_polygons
from pingan_geo.storage.database import Store, open_store
from pingan_geo.workflow.file_swaps import finish_swaps

BACKUPS = "backups"
#: Of an area made from points: H3 resolution of its cells (5 km²), and rings added around them.
AREA_RESOLUTION = 7
AREA_RINGS = 1
#: A group of cells is left out of such an area when it is both this far from the middle of the points and
#: holds less than this share of them: misplaced points must not make a town of two continents.
STRAY_KM = 100.0
STRAY_SHARE = 0.01
#: Digits behind the point of stored degrees: a centimetre.
LAYER_DIGITS = 7


@dataclass(frozen=True)
class Town:
    """An open town.

    Parameters
    ----------
    folder
        Where it stands.
    settings
        What ``town.toml`` says.
    store
        Its database.
    """

    folder: Path
    settings: Settings
    store: Store
    _layers: dict[str, tuple[tuple[int, int], Any]] = field(default_factory=dict, repr=False, compare=False)

    def layer(self, name: str) -> Any:
        """Return a layer of ``LAYER_FILES``, read anew only when its file has changed.

        Parameters
        ----------
        name
            ``area``, ``grids``, ``villages``, ``beats``, ``estates``, ``roads`` or ``waters``.

        Returns
        -------
        GeoDataFrame
            POLYGONS columns, the layer's own and ``geometry`` (WGS-84); no rows when the town has no such
            layer. It is shared: do not change it.

        Raises
        ------
        BadChoiceError
            If there is no such kind of layer.
        PinganError
            If the file cannot be used, as :func:`pingan_geo.intake.layers.read_layer` says.
        """
        file = _layer_path(self.settings, name)
        if not file.is_file():
            return empty_layer()
        about = file.stat()
        stamp = (about.st_mtime_ns, about.st_size)
        known = self._layers.get(name)
        if known is None or known[0] != stamp:
            known = (stamp, read_layer(file, kind=name))
            self._layers[name] = known
        return known[1]

    @property
    def area(self) -> Any:
        """The town's area as one shapely geometry, WGS-84 degrees; empty when the town has no area layer."""
        frame = self.layer("area")
        known = self._layers.get("area of")
        stamp = self._layers["area"][0] if len(frame) else (0, 0)
        if known is None or known[0] != stamp:
            known = (stamp, shapely.union_all(frame.geometry.to_numpy()))
            self._layers["area of"] = known
        return known[1]

    def now(self, clock: datetime) -> datetime:
        """Return the town's wall-clock time.

        Parameters
        ----------
        clock
            The real instant, with its time zone.

        Returns
        -------
        datetime
            Naive, whole seconds. In a made-up town the day is the one that ``town.today`` names.

        Raises
        ------
        SettingsError
            If ``town.today`` is not a date.
        """
        local = clock.astimezone(ZoneInfo(self.settings.timezone)).replace(tzinfo=None, microsecond=0)
        if not self.settings.today:
            return local
        try:
            day = date.fromisoformat(self.settings.today)
        except ValueError as error:
            raise SettingsError(
                file=TOWN_FILE, key="town.today", value=self.settings.today, expected="a date like 2025-07-31"
            ) from error
        return datetime.combine(day, local.time())

    def close(self) -> None:
        """Close the database."""
        self.store.close()


def open_town(folder: Path) -> Town:
    """Open a town; a database of an older version is migrated after a backup copy into ``backups/``.

    Parameters
    ----------
    folder
        Holds ``town.toml``.

    Raises
    ------
    TownNotFoundError, SettingsError
        If there is no town, or its settings cannot be used.
    DatabaseTooNewError, DatabaseDamagedError, DatabaseWriteError, DatabaseBusyError
        If its database cannot be used.
    """
    settings = read_settings(folder)
    store = open_store(settings.database_url, backups=folder / BACKUPS)
    if finish_swaps(folder, store):  # an import was killed after its commit: its files take their places now
        settings = read_settings(folder)
    return Town(folder, settings, store)


def create_town(
    folder: Path,
    *,
    area: Path,
    grids: Path | None = None,
    name: str = "",
    timezone: str = "Asia/Shanghai",
    language: str = "zh",
    datum: str = "",
) -> Town:
    """Make an empty town, whole or not at all.

    Parameters
    ----------
    folder
        To be made; it must be absent or empty.
    area
        Any file of polygons, whose union is the town; or a table of points (columns like ``lon``, ``lat``):
        then the area is the H3 cells of resolution 7 that hold them and one ring around, and the town's
        notice says so.
    grids
        Polygons of responsibility (网格) with codes of their own.
    name
        Of the town; the folder's name when empty.
    timezone
        IANA name.
    language
        ``zh``: with the Chinese taxonomy and its three boards. ``en``: without categories. New categories are
        taken as they come in both.
    datum
        Of the files, when they do not say it.

    Returns
    -------
    Town
        Open.

    Raises
    ------
    TownExistsError
        If the folder holds something.
    BadChoiceError
        If the language or time zone is not known.
    FileMissingError, UnreadableFileError, EmptyFileError, MissingColumnsError, NoCrsError, UnknownDatumError,
    GeometryKindError, BrokenPolygonsError, DuplicateCodesError, EmptyCodesError, LayerChoiceError
        If a file cannot be used.
    NoPlacesError
        If no point of a table has a place.
    OutsideTownError
        If no grid touches the area.
    DatabaseWriteError
        If the folder cannot be written.
    """
    if language not in LANGUAGES:
        raise BadChoiceError(name="language", value=language, expected=" / ".join(LANGUAGES))
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError) as error:
        raise BadChoiceError(name="timezone", value=timezone, expected="an IANA time zone") from error
    folder = folder.resolve()
    name = name or folder.name
    with new_folder(folder) as making:
        shape, notice = _read_area(area, datum, language)
        layers = {"area": _one_polygon(shape, name)}
        if grids is not None:
            layers["grids"] = _read_grids(grids, datum, shape)
        for layer, frame in layers.items():
            (making / LAYER_FILES[layer]).write_bytes(layer_bytes(frame))
        text = town_text(
            language, {"town": {"name": name, "timezone": timezone, "language": language, "notice": notice}}
        )
        (making / TOWN_FILE).write_text(text, encoding="utf-8", newline="\n")
        open_store(f"sqlite:///{(making / DATABASE_FILE).as_posix()}", backups=None, create=True).close()
    settings = read_settings(folder)
    return Town(folder, settings, open_store(settings.database_url, backups=folder / BACKUPS, create=True))


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder whole or not at all: it is filled beside its place and renamed at the end.

    Parameters
    ----------
    folder
        Absolute; absent or empty.

    Yields
    ------
    Path
        The folder to fill. It is deleted if an exception ends the block; what a killed process left behind is
        deleted at the next try.

    Raises
    ------
    TownExistsError
        If the folder holds something.
    DatabaseWriteError
        If the place cannot be written.
    """
    making = folder.with_name(f".{folder.name}.new")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TownExistsError(folder=folder)
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
    except OSError as error:
        raise DatabaseWriteError(file=folder, detail=error.strerror or str(error)) from error
    try:
        yield making
        if folder.exists():
            folder.rmdir()
        making.rename(folder)
    except OSError as error:
        if isinstance(error, PinganError):  # some of ours are OSErrors too
            raise
        raise DatabaseWriteError(file=folder, detail=error.strerror or str(error)) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def town_text(language: str, values: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of a ``town.toml`` with its explaining comments.

    Parameters
    ----------
    language
        ``zh`` adds the Chinese taxonomy and its boards.
    values
        Table → key → value, over the defaults, e.g. ``{"town": {"name": "新塍镇"}}``.
    """
    packaged = resources.files("pingan_geo.workflow")
    document = tomlkit.parse(packaged.joinpath("town_template.toml").read_text(encoding="utf-8"))
    for table, keys in values.items():
        for key, value in keys.items():
            document[table][key] = value
    text = tomlkit.dumps(document)
    if language == "zh":
        text += packaged.joinpath("taxonomy_zh.toml").read_text(encoding="utf-8")
    return text


# -- layers ------------------------------------------------------------------------------------------


def write_layer(town: Town, name: str, frame: Any) -> None:
    """Write a layer of the town in one step: readers see the old file or the new one.

    Parameters
    ----------
    town
        The town.
    name
        Of ``LAYER_FILES``.
    frame
        GeoDataFrame with POLYGONS columns, more columns if need be, and WGS-84 geometry.

    Raises
    ------
    BadChoiceError
        If there is no such kind of layer.
    DatabaseWriteError
        If the file cannot be written.
    """
    file = _layer_path(town.settings, name)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            stream.write(layer_bytes(frame))
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        raise DatabaseWriteError(file=file, detail=error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def layer_bytes(frame: Any) -> bytes:
    """Return a layer as GeoJSON: sorted by code, one line per shape, seven digits; same layer, same bytes."""
    table = POLYGONS.check(frame)
    rows = np.argsort(table["code"].to_numpy(dtype=object), kind="stable")
    geometry = table.geometry.to_numpy()[rows]
    geometry = shapely.transform(geometry, lambda xy: np.round(xy, LAYER_DIGITS) + 0.0)  # no -0.0
    geometry = shapely.orient_polygons(geometry, exterior_cw=False)  # as RFC 7946 wants it
    names = [column for column in table.columns if column != table.geometry.name]
    columns = [
        [_json_value(value) for value in table[column].to_numpy(dtype=object)[rows]] for column in names
    ]
    lines = [
        json.dumps(
            {
                "type": "Feature",
                "properties": dict(zip(names, values, strict=True)),
                "geometry": shapely.geometry.mapping(shape),
            },
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )
        for shape, *values in zip(geometry, *columns, strict=True)
    ]
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n").encode()


def empty_layer() -> Any:
    """Return a layer without shapes."""
    return gpd.GeoDataFrame(POLYGONS.empty(), geometry=gpd.GeoSeries([], crs=4326))


def _layer_path(settings: Settings, name: str) -> Path:
    if name not in LAYER_FILES:
        raise BadChoiceError(name="layer", value=name, expected=" / ".join(LAYER_FILES))
    return settings.layer_path(name)


def _json_value(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date | pd.Timestamp):
        return None if pd.isna(value) else value.isoformat()
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


def _read_grids(file: Path, datum: str, area: Any) -> Any:
    frame, _ = mend_polygons(read_layer(file, kind="grids", datum=datum), file.name)
    if not shapely.intersects(area, frame.geometry.to_numpy()).any():
        raise OutsideTownError(file=file.name, datum=datum or "wgs84")
    return frame


# -- the area ----------------------------------------------------------------------------------------


def _read_area(file: Path, datum: str, language: str) -> tuple[Any, str]:
    """Return the area as one shape, and the notice that says how it was made."""
    if not file.is_file():
        raise FileMissingError(file=file)
    if file.suffix.lower() in LAYER_SUFFIXES:
        frame = read_layer(file, kind="area", datum=datum)
        frame["code"] = pd.array(
            np.arange(1, len(frame) + 1).astype(str), dtype="str"
        )  # only the union counts
        frame, _ = mend_polygons(frame, file.name)
        return shapely.union_all(frame.geometry.to_numpy()), ""
    cells, points, unusable = _cells_of_table(file, datum)
    kept = _without_strays(cells, points)
    rings = np.unique(np.concatenate([disk(cell, AREA_RINGS) for cell in cells[kept]]))
    shape = _join(outlines(rings))
    t = translator(language)
    notice = t(
        "Area made of the H3 cells (resolution {resolution}) around {points} points of {file}; not a border.",
        file=file.name,
        resolution=AREA_RESOLUTION,
        points=int(points[kept].sum()),
    )
    left_out = unusable + int(points[~kept].sum())
    if left_out:
        notice += " " + t(
            "{points} points without a usable place or far away were left out.", points=left_out
        )
    return shape, notice


def _join(shapes: NDArray[np.object_]) -> Any:
    """Return the union of neighbouring cells without cracks: their common corners are made one first.

    They agree but for the last digits of a float. Rounding alone would part the two where a corner lies
    between two rounded numbers.
    """
    # Late: only making a town needs them, and they cost the first page of the app a good part of a second.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    corners = shapely.get_coordinates(shapes)
    one, other = cKDTree(corners).query_pairs(10.0 ** -(LAYER_DIGITS + 2), output_type="ndarray").T
    links = coo_array((np.ones(one.size), (one, other)), shape=(len(corners), len(corners)))
    corner = connected_components(links, directed=False)[1]
    first = np.unique(corner, return_index=True)[1]
    common = np.round(corners[first], LAYER_DIGITS)[corner]
    return shapely.union_all(shapely.set_coordinates(shapes.copy(), common))


def _cells_of_table(file: Path, datum: str) -> tuple[NDArray[np.uint64], NDArray[np.int64], int]:
    """Return the cells that hold points, how many each holds, and how many points have no place."""
    table = open_table(file, datum=datum)
    columns = map_columns(table.headings, "points", file=file.name, datum=datum, crs=table.crs)
    known_datum = parse_datum(datum if datum not in {"", "auto"} else columns.datum or "wgs84")
    headings = [columns.fields["lon"], columns.fields["lat"]]
    parts, rows = [], 0
    for chunk in read_rows(table, headings):
        x, y = (
            parse_numbers(arrow_text(chunk.rows[name]), decimal_comma=table.separator == ";")[0]
            for name in headings
        )
        nowhere = (x == 0.0) & (y == 0.0)
        if not known_datum.startswith("EPSG:"):
            nowhere |= ~((np.abs(x) <= 180.0) & (np.abs(y) <= 90.0))
        lon, lat = to_wgs84(np.where(nowhere, np.nan, x), np.where(nowhere, np.nan, y), known_datum)
        parts.append(np.unique(cells_of(lon, lat, AREA_RESOLUTION), return_counts=True))
        rows += len(x)
    if rows == 0:
        raise EmptyFileError(file=file.name)
    cells, place = np.unique(np.concatenate([found for found, _ in parts]), return_inverse=True)
    points = np.bincount(place, np.concatenate([counts for _, counts in parts])).astype(np.int64)
    cells, points = cells[cells != 0], points[cells != 0]
    if not cells.size:
        raise NoPlacesError(file=file.name, columns=", ".join(headings), datum=known_datum)
    return cells, points, rows - int(points.sum())


def _without_strays(cells: NDArray[np.uint64], points: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which cells belong to the town: not those of small groups far from the middle of the points."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ringed = np.unique(np.concatenate([disk(cell, AREA_RINGS) for cell in cells]))
    one, other = neighbour_pairs(ringed)
    links = coo_array((np.ones(one.size), (one, other)), shape=(ringed.size, ringed.size))
    group = connected_components(links, directed=False)[1][np.searchsorted(ringed, cells)]
    lon, lat = centres(cells)
    middle_lon, middle_lat = _weighted_median(lon, points), _weighted_median(lat, points)
    far = _distance_km(lon, lat, middle_lon, middle_lat) > STRAY_KM
    share = np.bincount(group, points)[group] / points.sum()
    nearest_is_far = np.ones(group.max() + 1, dtype=bool)
    np.logical_and.at(nearest_is_far, group, far)
    kept = ~((share < STRAY_SHARE) & nearest_is_far[group])
    return kept if kept.any() else np.ones(cells.size, dtype=bool)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(passed, passed[-1] / 2.0)])


def _distance_km(
    lon: NDArray[np.float64], lat: NDArray[np.float64], to_lon: float, to_lat: float
) -> NDArray[np.float64]:
    """Great-circle distance on a sphere, right to 0.5 %."""
    lon, lat, to_lon, to_lat = np.radians(lon), np.radians(lat), np.radians(to_lon), np.radians(to_lat)
    half = np.sin((lat - to_lat) / 2) ** 2 + np.cos(lat) * np.cos(to_lat) * np.sin((lon - to_lon) / 2) ** 2
    return np.asarray(2.0 * 6371.0088 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


def _one_polygon(shape: Any, name: str) -> Any:
    table = pd.DataFrame({"code": ["1"], "name": [name], "parent": [""]}, dtype="str")
    return gpd.GeoDataFrame(table, geometry=[shape], crs=4326)
