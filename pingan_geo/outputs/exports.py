r"""Tables to files for people and programs, and back: CSV, XLSX, GeoJSON, GPKG, KML.

One rule for all formats, so that every file of one table says the same:

- line ends inside a text become ``\n``; characters that XML cannot carry (control characters, lone
  surrogates) become U+FFFD; a missing text is ``""``; a missing number or time is an empty cell;
- whole numbers, also beyond 2**53, come back digit by digit; fractions too, but for XLSX, whose cells carry
  16 digits;
- nothing that a user wrote is a formula, a link or markup in any of them;
- the same table gives the same bytes, whatever the clock says;
- a file appears whole or not at all.

KML is written here and not with simplekml because that leaves ``<![CDATA[`` in a text unescaped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd
import shapely

from pingan_geo.errors import (
    BadChoiceError,
    BadTableError,
    ExportFormatError,
    ExportTooLargeError,
    FileMissingError,
    FolderMissingError,
    UnreadableFileError,
)

FORMATS = (".csv", ".xlsx", ".geojson", ".gpkg", ".kml")
GEOMETRIES = ("cell", "point", "shape")
#: Name of the CSV column that carries the notice: a comment line would break every reader.
NOTICE_COLUMN = "notice"

_XLSX_ROWS = 1_048_576
_XLSX_TEXT = 32_767
_SAFE_INTEGER = 2**53 - 1
_KML_INTEGER = 2**31 - 1
#: What a spreadsheet may take for a formula, with full-width twins, after any blanks; and what hides one.
_FORMULA = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")
_NEUTRALISED = re.compile(r"'+(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FIXED_TIME = datetime(2000, 1, 1)
_KML = "{http://www.opengis.net/kml/2.2}"
_GDAL_OPTIONS = threading.Lock()


@dataclass(frozen=True)
class _Sheet:
    """A table made ready for any format."""

    table: Any
    kinds: Mapping[str, str]  # column to text | integer | number | flag | time
    shapes: Any  # object array of shapely geometries (None without a place), or None
    names: Sequence[str]
    notice: str
    title: str
    about: Sequence[tuple[str, str]]
    headings: Mapping[str, str]
    sheet_names: tuple[str, str]
    datum: str


def write_table(
    table: Any,
    file: Path,
    *,
    notice: str,
    title: str = "",
    geometry: str | None = None,
    about: Sequence[tuple[str, str]] = (),
    headings: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    sheet_names: tuple[str, str] = ("数据", "说明"),
    datum: str = "wgs84",
) -> Path:
    """Write a table as the format that the file's name ends in.

    Parameters
    ----------
    table
        Columns of text, whole numbers, finite or missing floats, flags and naive times; with
        ``geometry="shape"`` a GeoDataFrame.
    file
        Ends in one of ``FORMATS``; an existing file is replaced in one step.
    notice
        What the reader must know (synthetic data, how the area was made); ``""`` for none. It stands in
        every format: a column of CSV, the About sheet, a member of GeoJSON, the layer's description.
    title
        Name of the layer or document.
    geometry
        ``cell``: hexagons of the column ``cell``; ``point``: the columns ``lon`` and ``lat``;
        ``shape``: the table's own; ``None``: none, and layer formats hold rows without a place.
    about
        (label, text) pairs for the About sheet and the description: period, filters, totals.
    headings
        Column to heading for people, in XLSX only; the About sheet then gives the column names.
    names
        A name for each row, in KML.
    sheet_names
        Of the table and of the About sheet.
    datum
        Datum of the coordinates; not ``wgs84`` for KML, which has no way to say so.

    Returns
    -------
    Path
        ``file``.

    Raises
    ------
    ExportFormatError
        If the ending is not known.
    FolderMissingError
        If the folder is not there.
    ExportTooLargeError
        If XLSX cannot hold the rows.
    BadTableError
        If a column is of a type that a file cannot carry, or holds an infinite number.
    BadChoiceError
        If the format allows no other datum than WGS-84.
    """
    file = Path(file)
    write = _WRITERS.get(file.suffix.lower())
    if write is None:
        raise ExportFormatError(file=file.name, accepted=", ".join(FORMATS))
    if not file.parent.is_dir():
        raise FolderMissingError(folder=file.parent, file=file.name)
    if datum != "wgs84" and file.suffix.lower() == ".kml":
        raise BadChoiceError(
            name="datum", value=datum, expected="wgs84 (KML allows no other; use .csv or .xlsx)"
        )
    if file.suffix.lower() == ".xlsx" and len(table) >= _XLSX_ROWS:
        raise ExportTooLargeError(file=file.name, rows=len(table), limit=_XLSX_ROWS - 1)
    clean, kinds, shapes = _prepare(table, geometry)
    sheet = _Sheet(
        table=clean,
        kinds=kinds,
        shapes=shapes,
        names=[plain_text(name) for name in names] if names is not None else [],
        notice=plain_text(notice).strip(),
        title=plain_text(title) or file.stem,
        about=[(plain_text(label), plain_text(text)) for label, text in about],
        headings=headings or {},
        sheet_names=sheet_names,
        datum=datum,
    )
    with _whole(file) as unfinished:
        write(sheet, unfinished)
    return file


def table_bytes(table: Any, suffix: str, **options: Any) -> bytes:
    """Return the bytes that :func:`write_table` would write, for a download.

    Parameters
    ----------
    table, **options
        As for :func:`write_table`.
    suffix
        One of ``FORMATS``.
    """
    with tempfile.TemporaryDirectory() as folder:
        return write_table(table, Path(folder) / f"table{suffix}", **options).read_bytes()


def read_back(file: Path, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read the rows of a file that :func:`write_table` wrote.

    Parameters
    ----------
    file
        Ends in one of ``FORMATS``.
    columns
        Column to dtype, as in :class:`pingan_geo.model.tables.TableSpec`. CSV carries no types: without
        this, all of its columns come back as text. The other formats carry their own.

    Returns
    -------
    pandas.DataFrame
        The rows in order, without shapes and without the notice; apostrophes that neutralised a formula
        are taken off again.

    Raises
    ------
    FileMissingError
        If there is no such file.
    ExportFormatError
        If the ending is not known.
    UnreadableFileError
        If the file was not written by :func:`write_table`.
    """
    file = Path(file)
    read = _READERS.get(file.suffix.lower())
    if read is None:
        raise ExportFormatError(file=file.name, accepted=", ".join(FORMATS))
    if not file.is_file():
        raise FileMissingError(file=file)
    try:
        raw, dtypes, _ = read(file)
        return _typed(
            raw, {**dtypes, **{name: kind for name, kind in (columns or {}).items() if name in raw}}
        )
    except Exception as error:  # each library has errors of its own for a file that is not what it seems
        raise UnreadableFileError(
            file=file.name,
            found=f"not an export of this program ({error})",
            accepted="files that `pingan` wrote",
        ) from error


def read_notice(file: Path) -> str:
    """Return the notice that stands in a file written by :func:`write_table`; ``""`` when none does."""
    file = Path(file)
    return _READERS[file.suffix.lower()](file)[2]


# -- making ready ------------------------------------------------------------------------------------


def plain_text(text: object) -> str:
    r"""Return a text with ``\n`` line ends and without what XML cannot carry."""
    return _NOT_XML.sub("\ufffd", str(text).replace("\r\n", "\n").replace("\r", "\n"))


def _prepare(table: Any, geometry: str | None) -> tuple[pd.DataFrame, dict[str, str], Any]:
    shapes: Any = None
    if geometry == "shape":
        shapes = np.asarray(table.geometry.array, dtype=object)
        table = pd.DataFrame(table.drop(columns=table.geometry.name))
    elif geometry == "point":
        shapes = _points(table)
    elif geometry == "cell":
        shapes = _hexagons(table)
    elif geometry is not None:
        raise BadChoiceError(name="geometry", value=geometry, expected=" | ".join(GEOMETRIES))
    if NOTICE_COLUMN in table.columns or table.columns.has_duplicates:
        raise BadTableError(table="export", detail=f"it has a column {NOTICE_COLUMN}, or a column twice")
    prepared = {name: _column(str(name), table[name]) for name in table.columns}
    clean = pd.DataFrame({name: values for name, (_, values) in prepared.items()}).reset_index(drop=True)
    return clean, {name: kind for name, (kind, _) in prepared.items()}, shapes


def _column(name: str, values: Any) -> tuple[str, Any]:
    """Return the kind of a column and its values in that kind's one dtype."""
    types = pd.api.types
    if types.is_bool_dtype(values.dtype):
        return "flag", values.astype(bool)
    if types.is_integer_dtype(values.dtype) and not values.isna().any():
        if len(values) and int(values.max()) > np.iinfo(np.int64).max:
            raise BadTableError(
                table="export", detail=f"column {name} holds whole numbers beyond 63 bits; give text"
            )
        return "integer", values.astype(np.int64)
    if types.is_float_dtype(values.dtype):
        if np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan)).any():
            raise BadTableError(table="export", detail=f"column {name} holds an infinite number")
        return "number", values.astype(np.float64)
    if types.is_datetime64_any_dtype(values.dtype) and getattr(values.dt, "tz", None) is None:
        return "time", values.astype("datetime64[s]")
    if types.is_string_dtype(values.dtype) or types.is_object_dtype(values.dtype):
        texts = pd.Series(
            ["" if missing else plain_text(text) for text, missing in zip(values, values.isna(), strict=True)]
        )
        return "text", texts.astype("str")
    raise BadTableError(table="export", detail=f"column {name} is {values.dtype}, which a file cannot carry")


def _points(table: Any) -> Any:
    lon, lat = table["lon"].to_numpy(dtype=np.float64), table["lat"].to_numpy(dtype=np.float64)
    shapes = np.full(len(table), None, dtype=object)
    known = np.isfinite(lon) & np.isfinite(lat)
    shapes[known] = shapely.points(lon[known], lat[known])
    return shapes


def _hexagons(table: Any) -> Any:
    from pingan_geo.spatial import cells

    texts = table["cell"].to_numpy(dtype=object)
    shapes = np.full(len(table), None, dtype=object)
    known = texts != ""
    shapes[known] = cells.outlines(cells.from_text(texts[known]))
    return shapes


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Give a place to write in; the file takes its name only when all went well."""
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=file.parent))
    try:
        unfinished = folder / file.name
        yield unfinished
        os.replace(unfinished, file)  # noqa: PTH105 - os.replace says what it does
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _time_texts(values: Any) -> Any:
    return values.dt.strftime("%Y-%m-%d %H:%M:%S").where(values.notna(), "").astype(object)


def _description(sheet: _Sheet) -> str:
    lines = [sheet.notice, *(f"{label}: {text}" if text else label for label, text in sheet.about)]
    return "\n".join(line for line in lines if line)


# -- CSV ---------------------------------------------------------------------------------------------


def _neutral(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _restored(text: str) -> str:
    return text[1:] if _NEUTRALISED.match(text) else text


def _write_csv(sheet: _Sheet, file: Path) -> None:
    out = sheet.table.copy()
    for name, kind in sheet.kinds.items():
        if kind == "text":
            out[name] = [_neutral(text) for text in out[name]]
        elif kind == "time":
            out[name] = _time_texts(out[name])
    if sheet.notice:
        out[NOTICE_COLUMN] = _neutral(sheet.notice)
    out.columns = [_neutral(str(name)) for name in out.columns]
    # Excel needs the mark to take UTF-8 for what it is; CRLF is what RFC 4180 asks for.
    out.to_csv(file, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def _read_csv(file: Path) -> tuple[Any, dict[str, str], str]:
    raw = pd.read_csv(file, dtype=str, encoding="utf-8-sig", keep_default_na=False, na_filter=False)
    raw.columns = [_restored(name) for name in raw.columns]
    for name in raw.columns:
        raw[name] = [_restored(text) for text in raw[name]]
    notice = ""
    if NOTICE_COLUMN in raw.columns:
        notice = raw[NOTICE_COLUMN].iloc[0] if len(raw) else ""
        raw = raw.drop(columns=NOTICE_COLUMN)
    return raw, dict.fromkeys(raw.columns, "str"), notice


# -- XLSX --------------------------------------------------------------------------------------------

_XLSX_TIME = "yyyy-mm-dd hh:mm:ss"
_ROWS_MARK = "rows"
_COLUMNS_MARK = ("column", "heading", "type")
_EXCEL_BEGINS = np.datetime64("1900-03-01", "s")


def _write_xlsx(sheet: _Sheet, file: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(file),
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    # Clock-free, so that the same table gives the same bytes.
    book.set_properties({"title": sheet.title, "comments": sheet.notice, "created": _FIXED_TIME})
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#EDEDED"})
    page, about = book.add_worksheet(sheet.sheet_names[0]), book.add_worksheet(sheet.sheet_names[1])
    cut = _write_xlsx_table(sheet, page, head, book.add_format({"num_format": _XLSX_TIME}))
    _write_xlsx_about(sheet, about, head, book.add_format({"text_wrap": True, "valign": "top"}), cut)
    book.close()


def _write_xlsx_table(sheet: _Sheet, page: Any, head: Any, time: Any) -> int:
    columns = [_xlsx_cells(sheet.table[name], kind) for name, kind in sheet.kinds.items()]
    headings = [plain_text(sheet.headings.get(name, name)) for name in sheet.kinds]
    page.freeze_panes(1, 0)
    for place, (heading, column) in enumerate(zip(headings, columns, strict=True)):
        page.set_column(place, place, _width(heading, column))
    for place, heading in enumerate(headings):
        page.write_string(0, place, heading, head)
    if headings and len(sheet.table):
        page.autofilter(0, 0, len(sheet.table), len(headings) - 1)
    cut = 0
    for row, values in enumerate(zip(*columns, strict=True), 1):
        for place, value in enumerate(values):
            if isinstance(value, str):
                if len(value.encode("utf-16-le")) // 2 > _XLSX_TEXT:
                    value, cut = _cut(value), cut + 1
                page.write_string(row, place, value)
            elif isinstance(value, datetime):
                page.write_datetime(row, place, value, time)
            elif isinstance(value, bool):
                page.write_boolean(row, place, value)
            elif value is not None:
                page.write_number(row, place, value)
    return cut


def _cut(text: str) -> str:
    """Return as much of a text as a cell holds, counted as Excel counts, with an ellipsis."""
    return text.encode("utf-16-le")[: 2 * (_XLSX_TEXT - 1)].decode("utf-16-le", "ignore") + "…"


def _xlsx_cells(values: Any, kind: str) -> list[Any]:
    """Return a column as Python values: ``None`` is an empty cell, a ``str`` a text."""
    if kind == "text":
        return [text or None for text in values]
    if kind == "time":
        # Excel has no day before 1900, and a wrong 29 February in that year.
        if (values < _EXCEL_BEGINS).any():
            return [text or None for text in _time_texts(values)]
        return [None if pd.isna(value) else value.to_pydatetime() for value in values]
    if kind == "integer" and len(values) and int(values.abs().max()) > _SAFE_INTEGER // 10:
        return [str(value) for value in values]  # a spreadsheet keeps 15 digits
    if kind == "number":
        return [None if value != value else value for value in values.tolist()]
    return list(values.tolist())


def _width(heading: str, column: list[Any]) -> float:
    """Return a column's width in characters by its first rows; a Chinese character is two wide."""

    def wide(value: Any) -> int:
        if isinstance(value, datetime):
            return 19
        text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
        return max((sum(1 + (ord(sign) > 0x2E7F) for sign in line) for line in text.split("\n")), default=0)

    return float(min(60, 2 + max([wide(heading), *(wide(value) for value in column[:500])])))


def _write_xlsx_about(sheet: _Sheet, page: Any, head: Any, wrap: Any, cut: int) -> None:
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 60)
    lines = [(sheet.title, sheet.notice), *sheet.about]
    if cut:
        lines.append((f"{cut} × …", f"> {_XLSX_TEXT}"))
    row = 0
    for label, text in lines:
        page.write_string(row, 0, label, wrap)
        page.write_string(row, 1, text, wrap)
        row += 1
    row += 1
    # how many rows, because a reader cannot see empty ones at the end
    for place, word in enumerate((_ROWS_MARK, str(len(sheet.table)))):
        page.write_string(row, place, word)
    row += 1
    for place, word in enumerate(_COLUMNS_MARK):
        page.write_string(row, place, word, head)
    for name, kind in sheet.kinds.items():
        row += 1
        for place, word in enumerate((name, plain_text(sheet.headings.get(name, name)), _DTYPES[kind])):
            page.write_string(row, place, word)


def _read_xlsx(file: Path) -> tuple[Any, dict[str, str], str]:
    pages = pd.read_excel(
        file,
        sheet_name=None,
        header=None,
        dtype=object,
        engine="calamine",
        keep_default_na=False,
        na_filter=False,
    )
    if len(pages) != len(_COLUMNS_MARK) - 1:
        raise ValueError("it has no About sheet")
    rows, about = pages.values()
    marks = [row for row in range(len(about)) if tuple(about.iloc[row, :3]) == _COLUMNS_MARK]
    dtypes = {
        str(name): str(dtype) for name, _, dtype in about.iloc[marks[-1] + 1 :, :3].itertuples(index=False)
    }
    count = int(about.iloc[marks[-1] - 1, 1])
    table = rows.iloc[1:].reset_index(drop=True).reindex(range(count), fill_value="")
    table.columns = list(dtypes)
    return table, dtypes, str(about.iloc[0, 1])


# -- GeoJSON -----------------------------------------------------------------------------------------


def _write_geojson(sheet: _Sheet, file: Path) -> None:
    columns: dict[str, list[Any]] = {}
    for name, kind in sheet.kinds.items():
        values = sheet.table[name]
        if kind == "time":
            columns[name] = [text.replace(" ", "T") or None for text in _time_texts(values)]
        elif kind == "number":
            columns[name] = [None if value != value else value for value in values.tolist()]
        elif kind == "integer" and len(values) and int(values.abs().max()) > _SAFE_INTEGER:
            columns[name] = [str(value) for value in values]  # browsers round what is longer
        else:
            columns[name] = values.tolist()
    shapes = _geojson_shapes(sheet)
    head: dict[str, Any] = {"type": "FeatureCollection", "name": sheet.title}
    if sheet.notice:
        head["notice"] = sheet.notice
    if sheet.datum != "wgs84":
        head["datum"] = sheet.datum
    if sheet.about:
        head["about"] = [list(line) for line in sheet.about]
    head["columns"] = {name: _DTYPES[kind] for name, kind in sheet.kinds.items()}
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write(_json(head)[:-1] + ', "features": [')
        names = list(columns)
        rows = zip(*columns.values(), strict=True) if columns else ((),) * len(sheet.table)
        for number, values in enumerate(rows):
            properties = _json(dict(zip(names, values, strict=True)))
            out.write(",\n" if number else "\n")
            out.write(f'{{"type": "Feature", "properties": {properties}, "geometry": {shapes[number]}}}')
        out.write("\n]}\n")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _geojson_shapes(sheet: _Sheet) -> Any:
    """Return each shape as GeoJSON text; outer rings run anticlockwise, as RFC 7946 asks."""
    texts = np.full(len(sheet.table), "null", dtype=object)
    if sheet.shapes is None:
        return texts
    known = np.array([shape is not None for shape in sheet.shapes], dtype=bool)
    texts[known] = shapely.to_geojson(shapely.orient_polygons(sheet.shapes[known]))
    return texts


def _read_geojson(file: Path) -> tuple[Any, dict[str, str], str]:
    collection = json.loads(file.read_text(encoding="utf-8"))
    dtypes: dict[str, str] = collection["columns"]
    rows = [feature["properties"] for feature in collection["features"]]
    raw = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in dtypes})
    return raw, dtypes, str(collection.get("notice", ""))


# -- GPKG --------------------------------------------------------------------------------------------


def _write_gpkg(sheet: _Sheet, file: Path) -> None:
    import geopandas
    import pyogrio

    layer = re.sub(r"\W+", "_", sheet.title).strip("_") or "layer"
    options = {"DESCRIPTION": _description(sheet), "IDENTIFIER": sheet.title}
    metadata = {"notice": sheet.notice} if sheet.notice else None
    if sheet.shapes is None:
        frame, kind = sheet.table, {}
    else:
        # GCJ-02 and BD-09 have no code that a GIS knows: better no reference system than a wrong one.
        crs = "EPSG:4326" if sheet.datum == "wgs84" else None
        frame = geopandas.GeoDataFrame(sheet.table, geometry=sheet.shapes, crs=crs)
        kind = {"geometry_type": _common_kind(sheet.shapes)}
    with _gdal_clock(pyogrio), _quiet_about_crs():
        pyogrio.write_dataframe(
            frame, file, layer=layer, driver="GPKG", layer_options=options, layer_metadata=metadata, **kind
        )


def _common_kind(shapes: Any) -> str:
    kinds = sorted({shape.geom_type for shape in shapes if shape is not None})
    if len(kinds) == 1:
        return str(kinds[0])
    return "MultiPolygon" if kinds == ["MultiPolygon", "Polygon"] else "Unknown"


@contextmanager
def _gdal_clock(pyogrio: Any) -> Iterator[None]:
    """Hold GDAL's clock still, so that the same table gives the same bytes."""
    with _GDAL_OPTIONS:
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


@contextmanager
def _quiet_about_crs() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided", category=UserWarning)
        yield


def _read_gpkg(file: Path) -> tuple[Any, dict[str, str], str]:
    import pyogrio

    layer = str(pyogrio.list_layers(file)[0][0])
    raw = pyogrio.read_dataframe(file, layer=layer, read_geometry=False)
    dtypes = {}
    for name in raw.columns:
        dtype = raw[name].dtype
        if pd.api.types.is_datetime64_any_dtype(dtype):
            dtypes[name] = "datetime64[s]"
        else:
            dtypes[name] = "str" if not (pd.api.types.is_numeric_dtype(dtype)) else str(dtype)
    metadata = pyogrio.read_info(file, layer=layer)["layer_metadata"] or {}
    return raw, dtypes, str(metadata.get("notice", ""))


# -- KML ---------------------------------------------------------------------------------------------


def _write_kml(sheet: _Sheet, file: Path) -> None:
    columns: list[list[str]] = []
    fields: list[str] = []
    for name, kind in sheet.kinds.items():
        values = sheet.table[name]
        small = kind == "integer" and not (len(values) and int(values.abs().max()) > _KML_INTEGER)
        declared = {"number": "double", "flag": "bool"}.get(kind, "int" if small else "string")
        fields.append(f"<SimpleField type={quoteattr(declared)} name={quoteattr(name)}/>")
        columns.append(_kml_texts(values, kind))
    dtypes = _json({name: _DTYPES[kind] for name, kind in sheet.kinds.items()})
    with file.open("w", encoding="utf-8", newline="\n") as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
        )
        out.write(f"<name>{escape(sheet.title)}</name>\n")
        # A viewer shows a description as HTML, so it is escaped for HTML and then for XML.
        out.write(f"<description>{escape(escape(_description(sheet)))}</description>\n")
        out.write(f'<Schema id="columns" name="columns">{"".join(fields)}</Schema>\n<ExtendedData>')
        out.write(f'<Data name="columns"><value>{escape(dtypes)}</value></Data>')
        out.write(f'<Data name="notice"><value>{escape(sheet.notice)}</value></Data></ExtendedData>\n')
        marks = [f"<SimpleData name={quoteattr(name)}>" for name in sheet.kinds]
        for number in range(len(sheet.table)):
            title = f"<name>{escape(sheet.names[number])}</name>" if sheet.names else ""
            values = "".join(
                f"{mark}{escape(column[number])}</SimpleData>"
                for mark, column in zip(marks, columns, strict=True)
            )
            shape = "" if sheet.shapes is None else _kml_shape(sheet.shapes[number])
            out.write(f"<Placemark>{title}<ExtendedData>")
            out.write(
                f'<SchemaData schemaUrl="#columns">{values}</SchemaData></ExtendedData>{shape}</Placemark>\n'
            )
        out.write("</Document></kml>\n")


def _kml_texts(values: Any, kind: str) -> list[str]:
    if kind == "time":
        return [text.replace(" ", "T") for text in _time_texts(values)]
    if kind == "number":
        return ["" if value != value else repr(value) for value in values.tolist()]
    if kind == "flag":
        return ["1" if value else "0" for value in values]
    return [str(value) for value in values]


def _kml_shape(shape: Any) -> str:
    """Return a geometry as KML; ``""`` when there is none."""
    if shape is None or shape.is_empty:
        return ""
    kind = shape.geom_type
    if kind == "Point":
        return f"<Point><coordinates>{_kml_coordinates(shape)}</coordinates></Point>"
    if kind == "LineString":
        return f"<LineString><coordinates>{_kml_coordinates(shape)}</coordinates></LineString>"
    if kind == "Polygon":
        rings = [
            ("outerBoundaryIs", shape.exterior),
            *(("innerBoundaryIs", ring) for ring in shape.interiors),
        ]
        parts = "".join(
            f"<{place}><LinearRing><coordinates>{_kml_coordinates(ring)}</coordinates></LinearRing></{place}>"
            for place, ring in rings
        )
        return f"<Polygon>{parts}</Polygon>"
    return f"<MultiGeometry>{''.join(_kml_shape(part) for part in shape.geoms)}</MultiGeometry>"


def _kml_coordinates(shape: Any) -> str:
    return " ".join(f"{lon!r},{lat!r}" for lon, lat in shapely.get_coordinates(shape).tolist())


def _read_kml(file: Path) -> tuple[Any, dict[str, str], str]:
    from xml.etree import ElementTree as ET

    document = ET.parse(file).getroot().find(f"{_KML}Document")  # noqa: S314 - expat ≥ 2.4 caps expansion
    if document is None:
        raise ValueError("it has no Document")
    notes = {
        part.get("name"): part.findtext(f"{_KML}value") or ""
        for part in document.findall(f"{_KML}ExtendedData/{_KML}Data")
    }
    dtypes: dict[str, str] = json.loads(notes["columns"])
    columns: dict[str, list[str]] = {name: [] for name in dtypes}
    for mark in document.findall(f"{_KML}Placemark"):
        for part in mark.findall(f"{_KML}ExtendedData/{_KML}SchemaData/{_KML}SimpleData"):
            columns[str(part.get("name"))].append(part.text or "")
    raw = pd.DataFrame({name: pd.Series(texts, dtype=object) for name, texts in columns.items()})
    return raw, dtypes, notes["notice"]


# -- types -------------------------------------------------------------------------------------------

_DTYPES = {"text": "str", "integer": "int64", "number": "float64", "flag": "bool", "time": "datetime64[s]"}


def _typed(raw: Any, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Return raw values, texts or already of their type, in the dtypes asked for."""
    return pd.DataFrame(
        {name: _cast(raw[name], dtype) for name, dtype in dtypes.items()}, columns=list(dtypes)
    )


def _cast(values: Any, dtype: str) -> Any:
    missing = values.isna()
    if not pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_datetime64_any_dtype(
        values.dtype
    ):
        missing |= values.astype(object).isin([""])
    if dtype == "str":
        return values.astype(object).where(~missing, "").astype("str")
    if dtype == "bool":
        yes = {True: True, False: False, "1": True, "0": False, "True": True, "False": False}
        return values.map(yes).astype(bool)
    if dtype.startswith("datetime64"):
        return pd.to_datetime(values.where(~missing, None)).astype(dtype)
    if dtype.startswith(("int", "uint")):
        # by way of Python's whole numbers: a float would round what is beyond 2**53
        return pd.Series([int(value) for value in values], index=values.index, dtype=dtype)
    return pd.Series(
        [np.nan if gone else float(value) for value, gone in zip(values, missing, strict=True)],
        index=values.index,
        dtype=dtype,
    )


_Reader = Callable[[Path], tuple[Any, dict[str, str], str]]
_WRITERS: Mapping[str, Callable[[_Sheet, Path], None]] = {
    ".csv": _write_csv,
    ".xlsx": _write_xlsx,
    ".geojson": _write_geojson,
    ".gpkg": _write_gpkg,
    ".kml": _write_kml,
}
_READERS: Mapping[str, _Reader] = {
    ".csv": _read_csv,
    ".xlsx": _read_xlsx,
    ".geojson": _read_geojson,
    ".gpkg": _read_gpkg,
    ".kml": _read_kml,
}
