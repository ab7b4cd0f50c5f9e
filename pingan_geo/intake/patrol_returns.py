"""What a patrol brings back → rows: the phone's file, the lines of its QR codes, or the filled list.

Nothing is compared with a plan here: who went where is said by the file, and checked where the plan is known. A
row that cannot be read is kept as it came, with its reason.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa

from pingan_geo.coords import to_wgs84
from pingan_geo.errors import (
    FileMissingError,
    MissingColumnsError,
    PatrolReturnError,
    QrPartsError,
)
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.texts import spelling
from pingan_geo.intake.times import parse_times
from pingan_geo.model.patrol import ANSWERS
from pingan_geo.persons import mask_name

PHONE_FORMAT: Final = "pingan-patrol-return/1"
MOST_BYTES: Final = 300 << 20
#: What the text of QR codes may unpack to.
MOST_PACKED: Final = 8 << 20
MOST_PHOTO_BYTES: Final = 30 << 20
MOST_STOPS: Final = 5_000
_LINE: Final = re.compile(r"PG1/([^/\s]+)/([^/\s]+)/(\d{1,4})/(\d{1,4})/([^\s/]*)")
_CLOCK: Final = re.compile(
    r"\s*(\d{1,2})\s*[:：时点.]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2})(?:\.\d+)?)?\s*[分秒]?\s*"
)

#: Column of the list to the headings that it has: in Chinese, in English, and as people shorten them.
HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "task": ("任务单号", "Task no."),
    "number": ("点位序号", "Stop no.", "序号"),
    "place": ("点位名称/地址", "Place or address"),
    "lon": ("经度(GCJ-02)", "Longitude (GCJ-02)", "经度"),
    "lat": ("纬度(GCJ-02)", "Latitude (GCJ-02)", "纬度"),
    "datum": ("坐标系", "Coordinate system"),
    "cell": ("H3单元", "H3 cell", "H3单元(res9)", "H3单元(res10)"),
    "arrived": ("到点签到时间", "Arrived at"),
    "found": ("是否发现问题", "Anything found"),
    "problem": ("问题描述(不写当事人姓名电话)", "What is wrong (no names, no telephones)", "问题描述"),
    "photos": ("照片编号", "Photo nos."),
    "action": ("现场处置", "Done on the spot"),
    "office": ("转办部门", "Passed to"),
    "due": ("整改期限", "To be mended by"),
    "recheck": ("复查结果", "Recheck"),
    "person": ("巡查人(工号)", "Patrolled by (staff no.)", "巡查人"),
    "remarks": ("备注", "Remarks"),
}
_NEEDED: Final = ("task", "number", "found")
#: What people write under "anything found".
ANSWER_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("否", "无", "没有", "未发现", "正常", "n", "no", "none", "0", "×", "x", "nothing found"), "none"
    ),
    **dict.fromkeys(("是", "有", "发现", "已发现", "y", "yes", "1", "√", "✓", "something found"), "found"),
    **dict.fromkeys(
        ("已处置", "当场处置", "现场处置", "已整改", "settled", "settled on the spot"), "settled"
    ),
    **dict.fromkeys(("进不去", "无法进入", "未能进入", "no entry", "could not get in"), "no_entry"),
}
#: What people write under "recheck" when the matter is settled.
_SETTLED_WORDS: Final = frozenset(
    {"合格", "通过", "已整改", "整改到位", "已处置", "已解决", "settled", "done", "ok"}
)
_DATUM_WORDS: Final[Mapping[str, str]] = {
    "gcj02": "gcj02", "wgs84": "wgs84", "bd09": "bd09", "cgcs2000": "cgcs2000", "高德": "gcj02", "百度": "bd09",
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A photo as it came: its name in the file and its bytes."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class StopAnswer:
    """What one row says of a stop.

    Parameters
    ----------
    row
        Of the file, from 1; of a sheet as a spreadsheet counts.
    number, stop_id, cell
        Of the stop; ``""`` where the file does not say.
    arrived, left
        Wall clock; ``None``: not said. A sheet may give the hour only: then its ``clock_only`` is true and the day
        is 1900-01-01.
    answer
        Of ANSWERS, or ``""``.
    note, office
        As written.
    due
        Day until which it has to be mended.
    photos
        Pictures.
    settled
        The recheck says that it is settled.
    received
        The row as JSON.
    """

    row: int
    number: int
    received: str = field(repr=False)
    stop_id: str = ""
    cell: str = ""
    arrived: datetime | None = None
    left: datetime | None = None
    clock_only: bool = False
    answer: str = ""
    note: str = ""
    office: str = ""
    due: datetime | None = None
    photos: tuple[Picture, ...] = ()
    remarks: str = ""


@dataclass(frozen=True)
class NewFind:
    """Something found that is not at a stop of the plan, or said by itself. WGS-84 degrees.

    Parameters
    ----------
    row, received
        As for :class:`StopAnswer`.
    key
        The same find has the same key in every file of its team.
    time, clock_only
        As :attr:`StopAnswer.arrived`.
    stop_id
        At which stop, ``""`` on the way.
    category
        Code, ``""`` not sure.
    lon, lat, note, office, due, photos
        As written.
    state
        ``open`` or ``settled``.
    """

    row: int
    key: str
    received: str = field(repr=False)
    time: datetime | None
    lon: float
    lat: float
    stop_id: str = ""
    category: str = ""
    note: str = ""
    office: str = ""
    due: datetime | None = None
    photos: tuple[Picture, ...] = ()
    state: str = "open"
    clock_only: bool = False


@dataclass(frozen=True)
class BrokenRow:
    """A row that cannot be taken: its number, a code of HOLD_REASONS, the value at fault, the row as JSON."""

    row: int
    reason: str
    detail: str
    received: str = field(repr=False)


@dataclass(frozen=True)
class ReturnFile:
    """One file that a team brought back.

    Parameters
    ----------
    file, sha256
        Its name, and the hash of its content.
    kind
        ``phone``, ``qr`` or ``sheet``.
    patrol_id, team, person
        As it says.
    made_at
        When it was written; ``None``: not said.
    stops, finds, broken
        Its rows; every row is one of them.
    photos_kept
        Photos that stayed on the phone.
    photos_lost
        Photos in the file that cannot be decoded.
    """

    file: str
    sha256: str
    kind: str
    patrol_id: str
    team: str
    person: str = ""
    made_at: datetime | None = None
    stops: tuple[StopAnswer, ...] = ()
    finds: tuple[NewFind, ...] = ()
    broken: tuple[BrokenRow, ...] = ()
    photos_kept: int = 0
    photos_lost: int = 0

    @property
    def read(self) -> int:
        """How many rows there are."""
        return len(self.stops) + len(self.finds) + len(self.broken)


def read_return(files: Sequence[Path], *, timezone: str = "Asia/Shanghai") -> ReturnFile:
    """Read what a team brought back.

    Parameters
    ----------
    files
        One file of the phone, one filled list (XLSX, CSV …), or one or more texts with the lines of scanned QR
        codes, in any order.
    timezone
        IANA name of the town's, for times in a list that carry one.

    Returns
    -------
    ReturnFile

    Raises
    ------
    FileMissingError, UnreadableFileError, EmptyFileError
        If a file is not there, not readable or empty.
    PatrolReturnError
        If it is not what a patrol brings back, is damaged, or mixes patrols or teams.
    QrPartsError
        If parts of the QR codes are missing.
    MissingColumnsError
        If a list lacks the columns of its task, stops or answers.
    """
    first = files[0]
    if not first.is_file():
        raise FileMissingError(file=first)
    name = mask_name(first.name)
    if first.stat().st_size > MOST_BYTES:
        raise PatrolReturnError(file=name, detail="it is larger than 300 MB")
    content = first.read_bytes()
    start = content.lstrip(b"\xef\xbb\xbf \r\n\t")[:4]
    if start[:1] == b"{" or start.startswith(b"PG1/") or (len(files) > 1 and b"PG1/" in content):
        texts = [content, *(_other(file) for file in files[1:])]
        if start[:1] == b"{":
            if len(files) > 1:
                raise PatrolReturnError(file=name, detail="files of the phone are taken in one at a time")
            return _of_phone(name, content, _sha256(content), "phone")
        return _of_lines(name, "\n".join(text.decode("utf-8-sig", "replace") for text in texts))
    if b"PG1/" in content[:4096] and b"\0" not in content[:4096]:
        return _of_lines(name, content.decode("utf-8-sig", "replace"))
    if len(files) > 1:
        raise PatrolReturnError(file=name, detail="lists are taken in one at a time")
    return _of_sheet(first, name, timezone)


def _other(file: Path) -> bytes:
    """Return a further text with lines of QR codes."""
    if not file.is_file():
        raise FileMissingError(file=file)
    content = file.read_bytes()[:MOST_PACKED]
    if b"PG1/" not in content:
        raise PatrolReturnError(file=mask_name(file.name), detail="a line of a QR code is damaged")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# -- the phone -----------------------------------------------------------------------------------------


def _of_phone(name: str, content: bytes, sha256: str, kind: str) -> ReturnFile:
    try:
        read = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise PatrolReturnError(file=name, detail="the file is cut short or damaged") from error
    if not isinstance(read, dict) or read.get("format") != PHONE_FORMAT:
        raise PatrolReturnError(file=name, detail="it is not a file of the phone page")
    patrol_id, team = read.get("patrol_id"), read.get("team")
    stops, finds = read.get("stops"), read.get("finds", [])
    if not (isinstance(patrol_id, str) and isinstance(team, str) and isinstance(stops, list)):
        raise PatrolReturnError(file=name, detail="it does not say which patrol and team it is of")
    if not isinstance(finds, list) or len(stops) + len(finds) > MOST_STOPS:
        raise PatrolReturnError(file=name, detail="it is not a file of the phone page")
    made = ReturnFile(
        name,
        sha256,
        kind,
        patrol_id,
        team,
        _words(read.get("person"), 40),
        _instant_or_none(read.get("made_at")),
        photos_kept=_whole(read.get("photos_kept")),
    )
    answers: list[StopAnswer] = []
    found: list[NewFind] = []
    broken: list[BrokenRow] = []
    lost = 0
    for row, one in enumerate([*stops, *finds], 1):
        received = _as_received(one)
        try:
            photos, bad = _pictures(one.get("photos", []) if isinstance(one, dict) else [])
            if row <= len(stops):
                answers.append(_answer_of(row, one, photos, received))
            else:
                found.append(_find_of(row, one, photos, received))
            lost += bad
        except _UnreadError as unread:
            broken.append(BrokenRow(row, unread.reason, unread.detail, received))
    return replace(made, stops=tuple(answers), finds=tuple(found), broken=tuple(broken), photos_lost=lost)


class _UnreadError(Exception):
    """A row that cannot be read."""

    def __init__(self, reason: str, detail: object) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, str(detail)[:80]


def _answer_of(row: int, one: Any, photos: tuple[Picture, ...], received: str) -> StopAnswer:
    if not isinstance(one, dict) or not isinstance(one.get("number"), int) or isinstance(one["number"], bool):
        raise _UnreadError("broken_row", "")
    answer = one.get("answer", "")
    if not isinstance(answer, str) or answer not in {"", *ANSWERS}:
        raise _UnreadError("unknown_answer", answer)
    return StopAnswer(
        row,
        one["number"],
        received,
        stop_id=_words(one.get("stop_id"), 200),
        arrived=_instant(one.get("arrived")),
        left=_instant(one.get("left")),
        answer=answer,
        note=_words(one.get("note"), 5_000),
        photos=photos,
    )


def _find_of(row: int, one: Any, photos: tuple[Picture, ...], received: str) -> NewFind:
    if not isinstance(one, dict) or not isinstance(one.get("key"), str) or not one["key"]:
        raise _UnreadError("broken_row", "")
    lon, lat = _number(one.get("lon")), _number(one.get("lat"))
    if lon is None or lat is None:
        raise _UnreadError("no_place", f"{one.get('lon')}, {one.get('lat')}")
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise _UnreadError("bad_place", f"{lon}, {lat}")
    if one.get("datum", "wgs84") != "wgs84":
        raise _UnreadError("unknown_datum", one["datum"])
    time = _instant(one.get("time"))
    if time is None:
        raise _UnreadError("no_time", "")
    return NewFind(
        row,
        one["key"][:64],
        received,
        time,
        lon,
        lat,
        stop_id=_words(one.get("stop_id"), 200),
        category=_words(one.get("category"), 100),
        note=_words(one.get("note"), 5_000),
        photos=photos,
    )


def _pictures(listed: Any) -> tuple[tuple[Picture, ...], int]:
    """Return the pictures of a row, and how many cannot be decoded."""
    found, lost = [], 0
    for one in listed if isinstance(listed, list) else []:
        try:
            packed = one["jpeg_base64"]
            content = base64.b64decode(packed, validate=True)
        except (TypeError, KeyError, ValueError, binascii.Error):
            lost += 1
            continue
        if not content or len(content) > MOST_PHOTO_BYTES:
            lost += 1
            continue
        found.append(Picture(mask_name(_words(one.get("name"), 100)), content))
    return tuple(found), lost


def _as_received(one: Any) -> str:
    """Return a row as JSON without its pictures."""
    if isinstance(one, dict) and isinstance(one.get("photos"), list):
        one = {**one, "photos": len(one["photos"])}
    return json.dumps(one, ensure_ascii=False)[:10_000]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _words(value: Any, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _instant(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    found = _instant_or_none(value)
    if found is None:
        raise _UnreadError("bad_time", value)
    return found


def _instant_or_none(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return None if found.tzinfo else found.replace(microsecond=0)


# -- QR codes --------------------------------------------------------------------------------------------


def _of_lines(name: str, text: str) -> ReturnFile:
    """Put the parts of QR codes together, in whatever order they were scanned."""
    parts: dict[int, str] = {}
    heads: set[tuple[str, str, int]] = set()
    for found in _LINE.finditer(text):
        part, whole, payload = int(found[3]), int(found[4]), found[5]
        if not 1 <= part <= whole:
            raise PatrolReturnError(file=name, detail="a line of a QR code is damaged")
        heads.add((unquote(found[1]), unquote(found[2]), whole))
        if parts.setdefault(part, payload) != payload:
            raise PatrolReturnError(
                file=name, detail="it holds the QR codes of two returns: give one at a time"
            )
    if not parts:
        raise PatrolReturnError(file=name, detail="a line of a QR code is damaged")
    if len(heads) > 1:
        raise PatrolReturnError(file=name, detail="it holds the QR codes of two returns: give one at a time")
    patrol_id, team, whole = heads.pop()
    missing = [number for number in range(1, whole + 1) if number not in parts]
    if missing:
        raise QrPartsError(file=name, missing=missing, parts=whole)
    content = _unpacked(name, "".join(parts[number] for number in range(1, whole + 1)))
    read = _of_phone(name, content, _sha256(content), "qr")
    if (read.patrol_id, read.team) != (patrol_id, team):
        raise PatrolReturnError(file=name, detail="a line of a QR code is damaged")
    return read


def _unpacked(name: str, word: str) -> bytes:
    damaged = PatrolReturnError(file=name, detail="a QR code was not read rightly: scan them again")
    packing, check, payload = word[:1], word[1:9], word[9:]
    try:
        content = base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True)
        if packing == "d":
            inflate = zlib.decompressobj(-15)
            content = inflate.decompress(content, MOST_PACKED)
            if inflate.unconsumed_tail or not inflate.eof:
                raise damaged
        elif packing != "j":
            raise damaged
        if f"{zlib.crc32(content):08x}" != check:
            raise damaged
    except (ValueError, zlib.error, binascii.Error) as error:
        if isinstance(error, PatrolReturnError):
            raise
        raise damaged from error
    return content


# -- the list --------------------------------------------------------------------------------------------


def _of_sheet(path: Path, name: str, timezone: str) -> ReturnFile:
    table = open_table(path)
    known = {spelling(word): column for column, words in HEADINGS.items() for word in words}
    columns: dict[str, str] = {}
    for heading in table.headings:
        column = known.get(spelling(heading))
        if column is not None:
            columns.setdefault(column, heading)
    missing = [HEADINGS[column][0] for column in _NEEDED if column not in columns]
    if missing:
        raise MissingColumnsError(
            file=name, fields=missing, columns=list(table.headings), examples=HEADINGS[_NEEDED[0]][0]
        )
    stops: list[StopAnswer] = []
    finds: list[NewFind] = []
    broken: list[BrokenRow] = []
    rows = list(_sheet_rows(table, columns))
    task, person = (_most([cells[column] for _, cells, _ in rows]) for column in ("task", "person"))
    patrol_id, _, team = task.rpartition("-")
    if not patrol_id:
        raise PatrolReturnError(file=name, detail="it does not say which patrol and team it is of")
    for number, cells, received in rows:
        try:
            one = _row_of_sheet(number, cells, received, timezone, table.serials, task)
        except _UnreadError as unread:
            broken.append(BrokenRow(number, unread.reason, unread.detail, received))
            continue
        if isinstance(one, StopAnswer):
            stops.append(one)
        else:
            finds.append(one)
    made = ReturnFile(name, table.sha256, "sheet", patrol_id, team, person[:40])
    return replace(made, stops=tuple(stops), finds=tuple(finds), broken=tuple(broken))


def _most(words: Sequence[str]) -> str:
    """Return what is written most often, ``""`` when nothing is."""
    return max(filter(None, words), key=words.count, default="")


def _sheet_rows(table: Any, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str], str]]:
    """Yield row number, column to text, and the row as JSON; rows without any number or answer are passed over."""
    for chunk in read_rows(table):
        texts = {
            column: chunk.rows[heading].fillna("").astype(str).str.strip()
            for column, heading in columns.items()
        }
        for place, number in enumerate(chunk.rows.index.tolist()):
            cells = {column: str(texts[column].iloc[place]) if column in texts else "" for column in HEADINGS}
            if not any(cells[column] for column in ("number", "arrived", "found", "problem", "action")):
                continue
            received = json.dumps({columns[one]: cells[one] for one in columns}, ensure_ascii=False)
            yield int(number), cells, received
        for number, detail, received in chunk.broken[["row_number", "detail", "values"]].itertuples(
            index=False
        ):
            yield int(number), {**dict.fromkeys(HEADINGS, ""), "broken": str(detail)}, str(received)


def _row_of_sheet(
    row: int, cells: Mapping[str, str], received: str, timezone: str, serials: str, task: str
) -> StopAnswer | NewFind:
    if "broken" in cells:
        raise _UnreadError("broken_row", cells["broken"])
    if cells["task"] not in {"", task}:
        raise _UnreadError("wrong_patrol", cells["task"])
    arrived, clock_only = _written_time(cells["arrived"], timezone, serials)
    due = _written_day(cells["due"], timezone, serials)
    word = cells["found"].strip().strip("。.").lower()
    filled = bool(cells["problem"] or cells["action"])
    if word in ANSWER_WORDS:
        answer = ANSWER_WORDS[word]
    elif word in {"", "是/否", "yes/no"}:
        answer = "found" if filled else ""
    else:
        raise _UnreadError("unknown_answer", cells["found"])
    if answer == "found" and cells["recheck"].strip().lower() in _SETTLED_WORDS:
        answer = "settled"
    note = "；".join(
        part
        for part in (
            cells["problem"],
            f"现场处置：{cells['action']}" if cells["action"] else "",
            f"照片编号：{cells['photos']}" if cells["photos"] else "",
            f"复查结果：{cells['recheck']}" if cells["recheck"] else "",
        )
        if part
    )
    number = cells["number"].removesuffix(".0")
    if number.isdigit() and len(number) < 6:
        return StopAnswer(
            row, int(number), received, cell=cells["cell"].lower(), arrived=arrived, clock_only=clock_only,
            answer=answer, note=note, office=cells["office"], due=due, remarks=cells["remarks"],
        )  # fmt: skip
    if number:
        raise _UnreadError("wrong_stop", cells["number"])
    lon, lat = _written_place(cells)
    key = hashlib.sha256(
        "\x1f".join((f"{lon:.6f}", f"{lat:.6f}", cells["arrived"], note)).encode()
    ).hexdigest()[:16]
    return NewFind(
        row, key, received, arrived, lon, lat, note=note, office=cells["office"], due=due,
        state="settled" if answer == "settled" else "open", clock_only=clock_only,
    )  # fmt: skip


def _written_time(text: str, timezone: str, serials: str) -> tuple[datetime | None, bool]:
    """Return when, and whether only the hour is said (the day is then 1900-01-01)."""
    if not text:
        return None, False
    if clock := _CLOCK.fullmatch(text):
        hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
        if hour > 24 or minute > 59 or second > 59 or (hour == 24 and minute):
            raise _UnreadError("bad_time", text)
        return datetime(1900, 1, 1) + timedelta(hours=hour % 24, minutes=minute, seconds=second), True
    found = parse_times(pa.array([text]), timezone=timezone, serials=serials)
    if bool(found.instant[0] != found.instant[0]):
        raise _UnreadError("bad_time", text)
    at: datetime = found.instant[0].astype("datetime64[s]").item()
    return at, False


def _written_day(text: str, timezone: str, serials: str) -> datetime | None:
    """Return the end of a term; a day alone ends with it."""
    if not text:
        return None
    found = parse_times(pa.array([text]), timezone=timezone, serials=serials)
    if bool(found.instant[0] != found.instant[0]):
        raise _UnreadError("bad_time", text)
    at: datetime = found.instant[0].astype("datetime64[s]").item()
    return at if at.time() != datetime.min.time() else at + timedelta(hours=23, minutes=59)


def _written_place(cells: Mapping[str, str]) -> tuple[float, float]:
    """Return a place in WGS-84 degrees."""
    try:
        x, y = float(cells["lon"]), float(cells["lat"])
    except ValueError as error:
        raise _UnreadError("no_place", f"{cells['lon']}, {cells['lat']}") from error
    if not (abs(x) <= 180 and abs(y) <= 90):
        raise _UnreadError("bad_place", f"{x}, {y}")
    word = re.sub(r"[\s_-]", "", cells["datum"].lower()) or "gcj02"
    datum = next((known for name, known in _DATUM_WORDS.items() if name in word), "")
    if not datum:
        raise _UnreadError("unknown_datum", cells["datum"])
    lon, lat = to_wgs84(x, y, datum)
    return float(lon), float(lat)
