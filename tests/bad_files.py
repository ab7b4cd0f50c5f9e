"""Ledgers with one fault each, written by libraries that the package does not read them with.

Numbers of rows in the ``Bad input`` table are those of the functions here. People and numbers are invented.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.datetime import CALENDAR_MAC_1904

HEADINGS = ("编号", "类别", "时间", "经度", "纬度", "地址", "描述")
WEST, SOUTH, STEP_LON, STEP_LAT = 120.60, 30.78, 0.0105, 0.009

#: Planted in texts; none may be found in any file that the package writes.
PHONES = ("13812345678", "139 0571 2233", "0573-83412345", "１３７９８７６５４３２")
ID_NUMBERS = ("330411199001011234", "33041119850607123X")
PEOPLE = ("钱多多", "孙小圣")

_FIRST = ("锦绣", "广源", "金穗", "长虹", "泰丰", "永兴", "和顺", "宝林", "春晖", "鸿运", "聚贤", "玉泉")
_KIND = ("面馆", "超市", "药店")
PLACE_NAMES = tuple(first + kind for first, kind in itertools.product(_FIRST, _KIND))


def places() -> list[tuple[str, str, float, float]]:
    """Return (number, name, longitude, latitude) of 36 named places, 400 m or more within the border."""
    found = []
    for number, name in enumerate(PLACE_NAMES):
        column, row = number % 6, number // 6
        lon, lat = WEST + (0.9 + 0.25 * column) * STEP_LON, SOUTH + (0.9 + 0.25 * row) * STEP_LAT
        found.append((f"L{number:02d}", name, round(lon, 6), round(lat, 6)))
    return found


def row(number: int, **changes: Any) -> dict[str, Any]:
    """Return a row that can be accepted; no two of them look like one incident."""
    day = datetime(2024, 1, 1, 9) + timedelta(days=5 * number, minutes=number)
    plain = {
        "编号": f"A{number}",
        "类别": "FW1",
        "时间": f"{day:%Y-%m-%d %H:%M:%S}",
        "经度": "120.612",
        "纬度": "30.792",
    }
    return plain | {"地址": "", "描述": f"第{number}件"} | changes


def write_csv(
    path: Path,
    rows: Iterable[Mapping[str, Any]],
    *,
    encoding: str = "utf-8-sig",
    headings: Sequence[str] = (),
) -> Path:
    """Write rows as a text table."""
    rows = list(rows)
    headings = headings or list(rows[0])
    with path.open("w", encoding=encoding, newline="") as stream:
        out = csv.writer(stream)
        out.writerow(headings)
        out.writerows([one.get(heading, "") for heading in headings] for one in rows)
    return path


def clean_rows(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return rows spread over the town."""
    draw = random.Random(seed)
    return [
        row(
            number,
            经度=f"{WEST + draw.uniform(0.1, 2.9) * STEP_LON:.6f}",
            纬度=f"{SOUTH + draw.uniform(0.1, 2.9) * STEP_LAT:.6f}",
        )
        for number in range(1, count + 1)
    ]


def known_place_rows(count: int = 72, seed: int = 2) -> list[dict[str, Any]]:
    """Return rows that name a known place and lie within 25 m of it, in WGS-84; every sixth names none."""
    draw, known = random.Random(seed), places()
    rows = []
    for number in range(1, count + 1):
        _, name, lon, lat = known[number % len(known)]
        words = "" if number % 6 == 0 else name
        rows.append(
            row(
                number, 经度=lon + draw.uniform(-2e-4, 2e-4), 纬度=lat + draw.uniform(-2e-4, 2e-4), 地址=words
            )
        )
    return rows


def in_datum(rows: Iterable[Mapping[str, Any]], convert: Any) -> list[dict[str, Any]]:
    """Return rows with coordinates as ``convert(lon, lat)`` gives them (both lists), at seven decimals."""
    rows = list(rows)
    lon, lat = convert([float(one["经度"]) for one in rows], [float(one["纬度"]) for one in rows])
    return [{**one, "经度": f"{x:.7f}", "纬度": f"{y:.7f}"} for one, x, y in zip(rows, lon, lat, strict=True)]


def printed_ledger(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a ledger as it is printed: merged title, headings over two rows, a blank column, a sum, a signature."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "七月"
    sheet.append(["新塍镇隐患排查台账（7月）"])
    sheet.merge_cells("A1:H1")
    sheet.append(["编号", "类别", "时间", "位置", None, None, "地址", "描述"])
    sheet.append([None, None, None, "经度", "纬度", None, None, None])
    for span in ("A2:A3", "B2:B3", "C2:C3", "D2:E2", "G2:G3", "H2:H3"):
        sheet.merge_cells(span)
    for one in rows:
        when = datetime.strptime(str(one["时间"]), "%Y-%m-%d %H:%M:%S")
        cells = [one["编号"], one["类别"], when, float(one["经度"]), float(one["纬度"]), None]
        sheet.append([*cells, one["地址"], one["描述"]])
    sheet.append(["合计", None, f"{len(rows)}条"])
    sheet.append(["制表人：", None, None, "审核："])
    book.save(path)
    return path


def serial_ledger(path: Path, rows: Sequence[Mapping[str, Any]], system: str) -> Path:
    """Write a workbook whose times are bare numbers of days, without a date format."""
    book = openpyxl.Workbook()
    if system == "1904":
        book.epoch = CALENDAR_MAC_1904
    zero = datetime(1904, 1, 1) if system == "1904" else datetime(1899, 12, 30)
    sheet = book.active
    sheet.append(list(HEADINGS))
    for one in rows:
        when = datetime.strptime(str(one["时间"]), "%Y-%m-%d %H:%M:%S")
        serial = (when - zero).total_seconds() / 86400
        sheet.append(
            [one["编号"], one["类别"], serial, float(one["经度"]), float(one["纬度"]), "", one["描述"]]
        )
    book.save(path)
    return path


def month_sheets(path: Path, months: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Write one sheet for each month, and one that holds something else."""
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["本台账按月填写"])
    for name, rows in months.items():
        sheet = book.create_sheet(name)
        sheet.append(list(HEADINGS))
        for one in rows:
            sheet.append([one[heading] for heading in HEADINGS])
    book.save(path)
    return path


def photo(lon: float, lat: float, when: str = "2025:07:03 14:05:00", colour: int = 0) -> bytes:
    """Return a JPEG whose EXIF says where and when, and whose."""
    from PIL import ExifTags, Image

    def angle(value: float) -> tuple[float, float, float]:
        whole = int(value)
        minutes = (value - whole) * 60
        return float(whole), float(int(minutes)), round((minutes - int(minutes)) * 60, 4)

    picture = Image.effect_noise((160, 120), 40 + colour).convert("RGB")
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = PEOPLE[0]
    exif[ExifTags.Base.Model] = "PLANTED-CAMERA"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps.update({1: "N", 2: angle(lat), 3: "E", 4: angle(lon)})
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = when
    packed = io.BytesIO()
    picture.save(packed, "JPEG", exif=exif)
    return packed.getvalue()


def packed(path: Path, files: Mapping[str, bytes], *, squeeze: bool = False) -> Path:
    """Write a ZIP archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def zip_bomb(path: Path) -> Path:
    """Write an XLSX of less than 2 MB that would unpack to 320 MB of blanks."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as stream:
            block = b" " * (16 << 20)
            for _ in range(20):
                stream.write(block)
    return path


def grids(path: Path, rings: Mapping[int, Sequence[Sequence[float]]] | None = None) -> Path:
    """Write the grids XC-07-1 … XC-07-9 that tile the town column by column; ``rings`` stand in for some."""
    features = []
    for number, (across, up) in enumerate(itertools.product(range(3), range(3)), 1):
        left, low = WEST + across * STEP_LON, SOUTH + up * STEP_LAT
        right, high = left + STEP_LON, low + STEP_LAT
        ring = [[left, low], [right, low], [right, high], [left, high], [left, low]]
        ring = [[round(x, 7), round(y, 7)] for x, y in (rings or {}).get(number, ring)]
        features.append(
            {
                "type": "Feature",
                "properties": {"code": f"XC-07-{number}", "name": f"第{number}网格", "parent": ""},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return path


def crossed_grids(path: Path) -> Path:
    """Write grids of which two overlap, one leaves a gap, and one is a bow-tie."""

    def box(left: float, low: float, right: float, high: float) -> list[list[float]]:
        return [[left, low], [right, low], [right, high], [left, high], [left, low]]

    x, y = (
        [first + step * place for place in range(4)] for first, step in ((WEST, STEP_LON), (SOUTH, STEP_LAT))
    )
    return grids(
        path,
        {
            2: box(x[0], y[1] - 0.0004, x[1], y[2]),  # over the one below
            4: box(x[1], y[0], x[2] - 0.0003, y[1]),  # a strip that belongs to none
            9: [[x[2], y[2]], [x[3], y[3]], [x[3], y[2]], [x[2], y[3]], [x[2], y[2]]],
        },
    )
