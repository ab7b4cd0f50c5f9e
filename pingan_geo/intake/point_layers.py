"""Layers of points (GeoJSON, GPKG, Shapefile, KML) → the same chunks of rows as a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely

from pingan_geo.errors import EmptyFileError, GeometryKindError, LayerChoiceError, NoCrsError, PinganError
from pingan_geo.intake.raw import (
    ACCEPTED,
    CHUNK_ROWS,
    RawChunk,
    TableFile,
    broken_frame,
    distinct_headings,
    file_sha256,
    refuse,
    text_frame,
)
from pingan_geo.intake.shapefiles import table_encodings, unpack_shapefile

#: What readers raise for files that are not what they seem.
_DAMAGE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.GeometryError,
    pyogrio.errors.FeatureError,
    ValueError,  # a date in the year -25, a layer's name that is not text
    UnboundLocalError,  # pyogrio, for a coordinate system that cannot be written down
)
#: What KML readers add to every placemark; the number is the drawing program's and changes with each saving.
_KML_EXTRAS = (
    "id", "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility", "drawOrder",
    "icon",
)  # fmt: skip


def open_layer(path: Path, kind: str, datum: str) -> TableFile:
    """Read a layer of points; its coordinates become the last two columns."""
    try:
        with warnings.catch_warnings(), unpack_shapefile(path, kind, ACCEPTED) as file:
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL thinks aloud about damage; we say it once
            frame = _read_layer(file, _point_layer(file, kind))
    except PinganError:
        raise
    except _DAMAGE as error:
        raise refuse(path, "damaged, or of another kind than its name says") from error
    if not len(frame):
        raise EmptyFileError(file=path.name)
    if path.suffix.lower() in {".kml", ".kmz"}:
        frame = frame.drop(columns=[name for name in _KML_EXTRAS if name in frame.columns])
    crs = _crs_name(path, frame.crs, datum)
    attributes = {str(name): _attribute_text(frame[name]) for name in frame.columns if name != "geometry"}
    x, y = _point_coordinates(path, frame.geometry.to_numpy())
    cells = dict(zip(distinct_headings(attributes), attributes.values(), strict=True))
    cells |= {f"x ({crs})": _number_text(x), f"y ({crs})": _number_text(y)}
    return TableFile(
        path=path,
        sha256=file_sha256(path),
        size=path.stat().st_size,
        kind="layer",
        headings=tuple(cells),
        heading_row=0,
        crs=crs,
        total=len(frame),
        held_open=cells,
    )


def _point_layer(path: Path, kind: str) -> str:
    layers = [str(name) for name, shape in pyogrio.list_layers(path) if shape is not None]
    if not layers:
        raise GeometryKindError(file=path.name, found="no shapes", expected="points")
    if len(layers) == 1 or kind in layers:
        return kind if kind in layers else layers[0]
    points = [str(name) for name, shape in pyogrio.list_layers(path) if "Point" in str(shape)]
    if len(points) == 1:
        return points[0]
    raise LayerChoiceError(file=path.name, layers=", ".join(points or layers), kind=kind or "points")


def _read_layer(path: Path, layer: str) -> Any:
    for encoding in table_encodings(path):
        ways = (
            (_read_as_it_is, _read_with_cut_headings) if path.suffix.lower() == ".shp" else (_read_as_it_is,)
        )
        for read in ways:
            try:
                return read(path, layer, encoding)
            except UnicodeDecodeError:
                continue
    raise refuse(path, "a layer whose table is in an encoding that is neither UTF-8 nor GB18030")


def _read_as_it_is(path: Path, layer: str, encoding: str | None) -> Any:
    return pyogrio.read_dataframe(path, layer=layer, encoding=encoding, datetime_as_string=True)


def _read_with_cut_headings(path: Path, layer: str, encoding: str | None) -> Any:
    """Read a Shapefile whose headings were cut after ten bytes, in the middle of a Chinese character."""
    frame = pyogrio.read_dataframe(path, layer=layer, encoding="ISO-8859-1", datetime_as_string=True)
    encoding = encoding or "UTF-8"
    for name in frame.columns:
        if name != "geometry" and pd.api.types.is_string_dtype(frame[name].dtype):
            texts = frame[name].fillna("").to_numpy(dtype=object)
            frame[name] = [text.encode("ISO-8859-1").decode(encoding) for text in texts]
    return frame.rename(columns=lambda name: name.encode("ISO-8859-1").decode(encoding, "ignore"))


def _crs_name(path: Path, crs: Any, datum: str) -> str:
    if crs is None or not (crs.is_geographic or crs.is_projected):
        if datum:
            return datum
        raise NoCrsError(file=path.name)
    number = crs.to_epsg(min_confidence=25)
    if number is None:
        raise NoCrsError(file=path.name)
    return f"EPSG:{number}"


def _point_coordinates(path: Path, shapes: Any) -> tuple[Any, Any]:
    kinds = shapely.get_type_id(shapes)
    several = (kinds == 4) & (shapely.get_num_geometries(shapes) == 1)
    if several.any():
        shapes = np.where(several, shapely.get_geometry(shapes, 0), shapes)
        kinds = shapely.get_type_id(shapes)
    if (kinds > 0).any():
        raise GeometryKindError(file=path.name, found="lines or polygons", expected="points")
    return shapely.get_x(shapes), shapely.get_y(shapes)


def _number_text(numbers: Any) -> Any:
    text = pa.array(numbers, pa.float64()).cast(pa.large_string())
    return pc.if_else(pc.is_nan(pa.array(numbers, pa.float64())), pa.scalar("", pa.large_string()), text)


def _attribute_text(column: Any) -> Any:
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.notna() & (column % 1 == 0) & (column.abs() < 1e15)
        text = pd.Series(
            _number_text(column.to_numpy("float64", na_value=np.nan)), dtype="str", index=column.index
        )
        text[whole] = column[whole].astype("int64").astype("str")
    else:
        text = column.astype("str").where(column.notna(), "")
    return pa.array(text.fillna("").to_numpy(object), pa.large_string())


def layer_rows(table: TableFile) -> Iterator[RawChunk]:
    """Yield the rows of a layer."""
    for start in range(0, table.total, CHUNK_ROWS):
        cells = {name: column.slice(start, CHUNK_ROWS) for name, column in table.held_open.items()}
        count = min(CHUNK_ROWS, table.total - start)
        numbers = np.arange(start + 1, start + 1 + count, dtype="int64")
        yield RawChunk(text_frame(cells, numbers), broken_frame(), 0, start + count)
