"""A file of shapes → polygons or lines with code, name and parent, in WGS-84.

The file says in which coordinates it is; where it does not, the person must. Nothing is mended here and no
shape is left out: what cannot be used is refused by name.
"""

from __future__ import annotations

import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import parse_datum, to_wgs84
from pingan_geo.errors import (
    AmbiguousColumnsError,
    EmptyCodesError,
    EmptyFileError,
    FileMissingError,
    GeometryKindError,
    LayerChoiceError,
    MissingColumnsError,
    NoCrsError,
    UnknownDatumError,
    UnreadableFileError,
)
from pingan_geo.intake.shapefiles import table_encodings, unpack_shapefile
from pingan_geo.model.tables import POLYGONS

#: Endings of files that may hold shapes.
LAYER_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".zip", ".kml", ".kmz", ".fgb")
ACCEPTED = "GeoJSON, GeoPackage (.gpkg), Shapefile (.shp, .zip), KML (.kml, .kmz), FlatGeobuf (.fgb)"
#: What KML readers add to every placemark.
_KML_EXTRAS = frozenset(
    {"timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon"}
)
#: GDAL would open far more (also files that point at others, or at the network); these are enough.
_DRIVERS = {"GeoJSON", "GeoJSONSeq", "GPKG", "ESRI Shapefile", "KML", "LIBKML", "FlatGeobuf"}

#: Layer → the shapes that it may hold, and whether each needs a code of its own.
_POLYGONS, _LINES = frozenset({3, 6}), frozenset({1, 2, 5})
_SHAPES: Mapping[str, frozenset[int]] = {"roads": _LINES, "waters": _POLYGONS | _LINES}
_WITHOUT_CODES = frozenset({"area", "roads", "waters"})
_KIND_OF_SHAPE = {0: "points", 4: "points", 1: "lines", 2: "lines", 5: "lines", 3: "polygons", 6: "polygons"}

#: Headings of the code column in the order in which they are believed; a layer's own come first.
_OWN_CODE: Mapping[str, tuple[str, ...]] = {
    "grids": (
        "网格编码",
        "网格编号",
        "网格代码",
        "网格id",
        "网格号",
        "网格编",
        "gridcode",
        "gridid",
        "gridno",
    ),
    "villages": (
        "村社编码",
        "村社代码",
        "村社编",
        "村编码",
        "村代码",
        "社区编码",
        "社区代码",
        "行政区划代码",
        "区划代码",
        "统计用区划代码",
        "villagecode",
        "villageid",
        "code12",
    ),
    "beats": (
        "警格编码",
        "警格编号",
        "警格代码",
        "警格id",
        "beatcode",
        "beatid",
        "beatnum",
        "beatno",
        "beat",
    ),
    "estates": ("小区编码", "小区编号", "小区代码", "estatecode", "estateid"),
}
_ANY_CODE = ("code", "编码", "代码", "编号", "id", "geoid", "objectid", "fid")
_OWN_NAME: Mapping[str, tuple[str, ...]] = {
    "grids": ("网格名称", "网格名", "网格", "gridname"),
    "villages": (
        "村社名称",
        "村社",
        "村名称",
        "村名",
        "社区名称",
        "社区",
        "行政村",
        "villagename",
        "shortname",
    ),
    "beats": ("警格名称", "警格", "beatname"),
    "estates": ("小区名称", "小区", "estatename"),
    "roads": ("道路名称", "路名", "roadname", "street"),
    "waters": ("河道名称", "河流名称", "水系名称", "watername"),
}
_ANY_NAME = ("name", "名称", "名字", "title", "label")
_OWN_PARENT: Mapping[str, tuple[str, ...]] = {
    "grids": (
        "村社编码",
        "村社代码",
        "所属村社编码",
        "所属村社",
        "所属村编码",
        "村编码",
        "村代码",
        "社区编码",
        "社区代码",
        "villagecode",
        "villageid",
        "code12",
    ),
}
_ANY_PARENT = ("parent", "parentcode", "parentid", "上级编码", "上级代码", "上级")
#: Column of a layer of polygons that says how many households live in each.
HOUSEHOLDS = "households"
#: Its headings, in the order in which they are believed: who lives there comes before who is registered.
_HOUSEHOLDS = (
    "households",
    "常住户数",
    "实有户数",
    "居民户数",
    "住户数",
    "总户数",
    "户数",
    "户籍户数",
    "householdcount",
    "householdnumber",
    "hhcount",
)
_HOUSED = frozenset({"grids", "villages", "beats", "estates"})


def read_layer(file: Path, *, kind: str, datum: str = "") -> Any:
    """Read a layer of the town from any file of shapes.

    Parameters
    ----------
    file
        GeoJSON, GPKG, Shapefile (also zipped), KML or FlatGeobuf.
    kind
        ``area``, ``grids``, ``villages``, ``beats``, ``estates`` (polygons), ``roads`` (lines) or ``waters``
        (lines or polygons). It decides which headings are taken for the code, the name and the parent.
    datum
        ``""`` or ``auto``: what the file says. ``gcj02`` and ``bd09``: the file's numbers are degrees of that
        datum, whatever it says. ``EPSG:n``, ``wgs84``, ``cgcs2000``: for a file that does not say.

    Returns
    -------
    GeoDataFrame
        Columns ``code, name, parent`` (text, ``""`` where the file has none), then the file's other
        columns, and ``geometry`` in EPSG:4326, without heights. A column of households (户数 …) of grids,
        villages, beats and estates comes as ``households``, see :func:`households_of`; where a value of it is
        no number the file's own column stays too. One row per shape of the file, in its order.
        Layers that need no codes (area, roads, waters) are numbered from 1 when the file has none. Shapes
        are as the file has them: crossing, empty and doubled ones are for :mod:`pingan_geo.spatial.grids`.

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError
        If there is nothing to read.
    LayerChoiceError
        If several layers of the file would fit.
    GeometryKindError
        If a shape is of another kind, e.g. points where polygons are needed.
    MissingColumnsError, AmbiguousColumnsError, EmptyCodesError
        If there is no code column, two that mean the same, or a shape without code.
    NoCrsError
        If the file does not say which coordinates it uses, or its numbers are not what it says.
    UnknownDatumError
        If the stated datum is not known.
    """
    stated = "" if datum in {"", "auto"} else parse_datum(datum)
    frame = _read_shapes(file, kind)
    _check_kinds(frame, kind, file)
    frame = frame.set_geometry(shapely.force_2d(frame.geometry.array), crs=frame.crs)
    return _to_wgs84(_name_columns(frame, kind, file), stated, file)


def _read_shapes(file: Path, kind: str) -> Any:
    if not file.is_file():
        raise FileMissingError(file=file)
    suffix = file.suffix.lower()
    if suffix not in LAYER_SUFFIXES:
        raise UnreadableFileError(
            file=file.name, found=f"a file ending in {suffix or 'nothing'}", accepted=ACCEPTED
        )
    try:
        with warnings.catch_warnings(), unpack_shapefile(file, kind, ACCEPTED) as unpacked:
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL thinks aloud about damage; we say it once
            parts = _read_parts(unpacked, kind)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.GeometryError,
        pyogrio.errors.FeatureError,
        zipfile.BadZipFile,
        RuntimeError,  # how zipfile says that an archive needs a password
        zlib.error,
    ) as error:
        raise UnreadableFileError(
            file=file.name, found="damaged or of another kind", accepted=ACCEPTED
        ) from error
    parts = [part for part in parts if len(part) and part.geometry.notna().any()]
    if not parts:
        raise EmptyFileError(file=file.name)
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _read_parts(file: Path, kind: str) -> list[Any]:
    layers = [name for name, shape in pyogrio.list_layers(file) if shape is not None]
    if layers and pyogrio.read_info(file, layer=layers[0])["driver"] not in _DRIVERS:
        raise UnreadableFileError(
            file=file.name, found="of another kind than its name says", accepted=ACCEPTED
        )
    return [_read_one(file, name) for name in _choose_layers(file, layers, kind)]


def _choose_layers(file: Path, layers: list[str], kind: str) -> list[str]:
    if len(layers) <= 1 or file.suffix.lower() in {".kml", ".kmz"}:  # folders of one KML belong together
        return layers
    if kind in layers:
        return [kind]
    fitting = [
        name for name, shape in pyogrio.list_layers(file) if name in layers and _might_fit(str(shape), kind)
    ]
    if len(fitting) == 1:
        return fitting
    raise LayerChoiceError(file=file.name, layers=", ".join(fitting or layers), kind=kind)


def _might_fit(shape: str, kind: str) -> bool:
    allowed = {_KIND_OF_SHAPE[number] for number in _SHAPES.get(kind, _POLYGONS)}
    return "Unknown" in shape or any(word[:-1].title() in shape for word in allowed)


def _read_one(file: Path, layer: str) -> Any:
    for encoding in table_encodings(file):
        try:
            return pyogrio.read_dataframe(file, layer=layer, encoding=encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFileError(
        file=file.name, found="a table in an unknown encoding", accepted="UTF-8, GB18030"
    )


def _check_kinds(frame: Any, kind: str, file: Path) -> None:
    allowed = _SHAPES.get(kind, _POLYGONS)
    shapes = shapely.get_type_id(frame.geometry.to_numpy())
    wrong = shapes[
        (shapes >= 0) & ~np.isin(shapes, list(allowed))
    ]  # -1 is an empty row: judged later, by code
    if wrong.size:
        found = sorted({_KIND_OF_SHAPE.get(int(shape), "mixed shapes") for shape in wrong})
        expected = sorted({_KIND_OF_SHAPE[shape] for shape in allowed}, reverse=True)
        raise GeometryKindError(file=file.name, found=found, expected=expected)


# -- columns -----------------------------------------------------------------------------------------


def _plain(heading: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", heading).casefold() if sign.isalnum())


def _find(headings: Mapping[str, list[str]], wanted: Iterable[str], field: str, file: Path) -> str | None:
    for name in wanted:
        found = headings.get(name, [])
        if len(found) > 1:
            raise AmbiguousColumnsError(file=file.name, columns=", ".join(found), field=field)
        if found:
            return found[0]
    return None


def _name_columns(frame: Any, kind: str, file: Path) -> Any:
    kml = file.suffix.lower() in {".kml", ".kmz"}
    without = {"geometry", *(_KML_EXTRAS if kml else ())}
    own = [str(column) for column in frame.columns if column not in without]
    headings: dict[str, list[str]] = {}
    for column in own:
        if frame[column].notna().any():  # KML readers invent columns that are empty throughout
            headings.setdefault(_plain(column), []).append(column)
    code: str | None
    name: str | None
    parent: str | None
    if set(POLYGONS.columns) <= set(own):  # a layer of a town, as we write it
        code, name, parent = POLYGONS.columns
    else:
        code = _find(headings, (*_OWN_CODE.get(kind, ()), *_ANY_CODE), "code", file)
        name = _find(headings, (*_OWN_NAME.get(kind, ()), *_ANY_NAME), "name", file)
        parent = _find(headings, (*_OWN_PARENT.get(kind, ()), *_ANY_PARENT), "parent", file)
    if kml and name is not None and (code is None or (code == "id" and frame[name].is_unique)):
        code = name  # a placemark drawn by hand has nothing but its name; its id is of the drawing program
    if code is None and kind not in _WITHOUT_CODES:
        raise MissingColumnsError(
            file=file.name,
            fields="code",
            columns=", ".join(own) or "-",
            examples=" / ".join(("code", *_OWN_CODE.get(kind, ())[:1])),
        )
    named = {
        "code": _numbered(len(frame)) if code is None else _as_text(frame[code]),
        "name": "" if name is None else _as_text(frame[name]),
        "parent": "" if parent is None else _as_text(frame[parent]),
    }
    if code is not None and kind in _WITHOUT_CODES and (named["code"] == "").any():
        named["code"] = _numbered(len(frame))
    empty = np.flatnonzero(np.asarray(named["code"] == ""))
    if empty.size:
        shown = ", ".join(str(row + 1) for row in empty[:10]) + (" …" if empty.size > 10 else "")
        raise EmptyCodesError(file=file.name, rows=shown)
    used = {code, name, parent}
    rest = frame[[column for column in own if column not in used]]
    rest = _with_households(rest, headings, used) if kind in _HOUSED else rest
    rest = rest.rename(
        columns={column: f"original_{column}" for column in rest.columns if column in POLYGONS.columns}
    )
    table = pd.DataFrame(
        {key: pd.Series(value, index=frame.index, dtype="str") for key, value in named.items()}
    )
    return gpd.GeoDataFrame(pd.concat([table, rest], axis=1), geometry=frame.geometry.array, crs=frame.crs)


def households_of(layer: Any) -> NDArray[np.float64]:
    """Return how many households each polygon of a layer holds.

    Parameters
    ----------
    layer
        Of :func:`read_layer`.

    Returns
    -------
    numpy.ndarray
        One number per row; NaN where it is not known, which is not the same as 0. They are as the sender of
        the layer counted them, and on the day on which that was.
    """
    if HOUSEHOLDS not in layer.columns:
        return np.full(len(layer), np.nan)
    number = pd.to_numeric(layer[HOUSEHOLDS], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(number) & (number >= 0), number, np.nan)


def _with_households(rest: Any, headings: Mapping[str, list[str]], used: set[str | None]) -> Any:
    """Return the further columns with the households under one name; nothing that the file says is lost."""
    heading = next((names[0] for name in _HOUSEHOLDS if len(names := headings.get(name, [])) == 1), None)
    if heading is None or heading in used:
        return rest
    if heading != HOUSEHOLDS and HOUSEHOLDS in rest.columns:  # empty, or one of two of that name
        empty = bool(rest[HOUSEHOLDS].isna().all())
        kept = {HOUSEHOLDS: f"original_{HOUSEHOLDS}"}
        rest = rest.drop(columns=HOUSEHOLDS) if empty else rest.rename(columns=kept)
    told = rest[heading]
    if not pd.api.types.is_numeric_dtype(told.dtype):
        text = told.astype("str").where(told.notna(), "").map(lambda one: unicodedata.normalize("NFKC", one))
        text = text.str.replace(r"[,\s]|户$", "", regex=True)
        number = pd.to_numeric(text.where(text != ""), errors="coerce")
        if number.isna().to_numpy()[np.asarray(text != "")].any():
            rest = rest.rename(columns={heading: f"original_{heading}"}) if heading == HOUSEHOLDS else rest
            return rest.assign(**{HOUSEHOLDS: number})
        told = number
    return rest.assign(**{heading: told}).rename(columns={heading: HOUSEHOLDS})


def _numbered(rows: int) -> Any:
    return pd.Series(np.arange(1, rows + 1).astype(str), dtype="str").to_numpy()


def _as_text(column: Any) -> Any:
    """Codes that a table kept as numbers, as people write them: no ``.0``, no exponent."""
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.notna() & (column % 1 == 0) & (column.abs() < 2**63)
        text = column.astype("str").where(column.notna(), "")
        text[whole] = column[whole].astype("int64").astype("str")
    else:
        text = column.astype("str").where(column.notna(), "")
    return text.str.strip().to_numpy(dtype=object)


# -- coordinates -------------------------------------------------------------------------------------


def _to_wgs84(frame: Any, stated: str, file: Path) -> Any:
    shifted = stated in {"gcj02", "bd09"}
    crs = frame.crs
    if crs is not None and not (crs.is_geographic or crs.is_projected):  # GPKG's "undefined", local drawings
        crs = None
    if stated.startswith("EPSG:"):
        crs = _crs(stated)
    elif crs is None:
        if not stated:
            raise NoCrsError(file=file.name)
        crs = pyproj.CRS.from_epsg(4490 if stated == "cgcs2000" else 4326)
    if crs.is_geographic and not _are_degrees(frame):
        raise NoCrsError(file=file.name)
    frame = frame.set_crs(crs, allow_override=True).to_crs(4326)
    if shifted:
        moved = shapely.transform(
            frame.geometry.to_numpy(), lambda xy: np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], stated))
        )
        frame = frame.set_geometry(moved, crs=4326)
    if not _are_degrees(frame):
        raise NoCrsError(file=file.name)
    return frame


def _crs(stated: str) -> Any:
    try:
        return pyproj.CRS.from_user_input(stated)
    except pyproj.exceptions.CRSError as error:
        raise UnknownDatumError(datum=stated) from error


def _are_degrees(frame: Any) -> bool:
    west, south, east, north = frame.total_bounds
    return bool(-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0)
