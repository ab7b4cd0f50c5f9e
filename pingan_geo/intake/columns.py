"""Headings of a ledger → the fields of a report, or of a named point.

Headings are compared as people read them: full-width and half-width alike, without case, blanks, brackets
and units. A heading that names a datum (``经度(GCJ-02)``, ``lon_wgs84``, ``百度纬度``) sets it. Each field
has its spellings in the order in which they are believed; two headings of the same rank are not chosen
between, but asked about.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pingan_geo.coords import parse_datum
from pingan_geo.errors import AmbiguousColumnsError, MissingColumnsError, UnknownDatumError
from pingan_geo.intake.texts import mask_words

#: Kinds whose rows are points with a name.
FEATURE_KINDS = ("posts", "stations", "enterprises", "places", "volunteers")

_Ranks = tuple[tuple[str, ...], ...]

_LON: _Ranks = (
    ("经度", "经度坐标", "坐标经度", "东经", "经", "lon", "lng", "long", "longitude"),
    ("地理经度", "x经度", "geolon", "geolng", "pointlon", "locationlon", "gpslon", "gpslng"),
    ("x坐标", "坐标x", "x", "pointx", "coordx", "xcoord", "xcoordinate", "easting"),
)
_LAT: _Ranks = (
    ("纬度", "纬度坐标", "坐标纬度", "北纬", "纬", "lat", "latitude"),
    ("地理纬度", "y纬度", "geolat", "pointlat", "locationlat", "gpslat"),
    ("y坐标", "坐标y", "y", "pointy", "coordy", "ycoord", "ycoordinate", "northing"),
)
_DATUM: _Ranks = (
    ("坐标系", "坐标系统", "坐标系类型", "坐标基准", "坐标类型", "datum"),
    ("crs", "coordinatesystem"),
)


def _one_by_one(*spellings: str) -> _Ranks:
    """Return each spelling as a rank of its own: of a field that may be missing, the first is taken."""
    return tuple((each,) for each in spellings)


_LON_FIRST = ("经纬度", "经纬度坐标", "经纬坐标", "lonlat", "lnglat", "longitudelatitude", "xy坐标", "xy")
_LAT_FIRST = ("纬经度", "latlon", "latlng", "latlong", "latitudelongitude")
_LONLAT: _Ranks = (
    (*_LON_FIRST, *_LAT_FIRST),
    ("坐标", "坐标点", "位置坐标", "地理坐标", "坐标位置", "坐标信息", "定位坐标", "点位坐标", "火星坐标"),
    ("coordinates", "coordinate", "coords", "coord", "gps", "wkt", "geom", "geometry"),
    ("定位", "gps定位", "地理位置"),
)

_POINT_FIELDS: Mapping[str, _Ranks] = {"lon": _LON, "lat": _LAT}

#: Field → spellings, plain (see :func:`plain`), in ranks.
_REPORT_FIELDS: Mapping[str, _Ranks] = {
    "lon": _LON,
    "lat": _LAT,
    "lonlat": _LONLAT,
    "datum": _DATUM,
    "closed": _one_by_one(
        *("办结时间", "办结日期", "结案时间", "结案日期", "处置完成时间", "整改完成时间", "完成时间"),
        *("完成日期", "关闭时间", "closedat", "closeddate", "closedtime", "closetime", "closedate"),
        *("dateclosed", "closeddatetime", "closed"),
    ),
    "until": (("timeuntil",),),  # as our own exports call it
    "time": (
        ("发生时间", "事发时间", "案发时间", "发案时间", "事件发生时间", "事件时间", "发生日期时间"),
        ("occurredat", "occurrencedatetime", "occurrencedate", "occurreddate", "dateofoccurrence"),
        ("incidentdatetime", "eventdatetime", "eventtime", "eventdate", "incidentdate", "occdate"),
        ("发生日期", "事发日期", "案发日期"),
        ("时间", "日期时间", "datetime", "timestamp", "time"),
        ("发现时间", "上报时间", "报告时间", "报案时间", "报警时间", "接警时间", "上报日期"),
        ("reportedat", "reporteddate", "reportdate", "reporttime", "reportdatetime", "requesteddatetime"),
        (
            "登记时间",
            "创建时间",
            "采集时间",
            "录入时间",
            "createdat",
            "createddate",
            "createdtime",
            "createtime",
        ),
        ("受理时间", "登记日期", "创建日期", "openedat", "openeddate", "opened", "opendate"),
        ("日期", "date"),
    ),
    "category": (
        ("隐患类型", "隐患类别", "事件类型", "事件类别", "问题类型", "问题类别", "上报类型", "上报类别"),
        ("警情类别", "案件类型", "案件类别", "事项类别", "巡查类型"),
        ("category", "categorycode"),
        ("类别", "类型", "种类", "分类"),
        ("crimetype", "offense", "offence", "offensetype", "primarytype", "incidenttype", "offensecategory"),
        ("type", "kind", "eventtype", "servicename", "requesttype", "complainttype", "crimecategory"),
        ("小类", "事件小类"),
        ("大类", "事件大类"),
    ),
    "source_id": (
        (
            "事件编号",
            "工单号",
            "工单编号",
            "上报编号",
            "案件编号",
            "隐患编号",
            "任务单号",
            "警情编号",
            "接警单编号",
        ),
        ("eventid", "reportid", "incidentid"),
        ("casenumber", "caseno", "caseid", "incidentnumber", "incidentno", "reportnumber", "reportno"),
        ("servicerequestid", "servicerequestnumber", "srnumber", "requestid", "uniquekey"),
        ("sourceid",),  # our own exports have their own number beside the sender's
        ("编号", "单号", "案号", "id"),
    ),
    "source": (
        ("来源", "数据来源", "信息来源", "事件来源", "上报来源", "source"),
        ("上报渠道", "来源渠道", "渠道", "channel", "methodreceived"),
    ),
    "description": (
        ("描述", "事件描述", "问题描述", "隐患描述", "情况描述", "description"),
        ("内容", "上报内容", "事件内容", "问题内容", "隐患内容", "简要情况", "详情", "事由"),
        ("details", "detail", "narrative", "summary"),
        ("备注", "说明", "notes", "remarks", "comment", "comments"),
    ),
    "place": (
        ("地址", "详细地址", "发生地址", "事发地址", "地点", "发生地点", "事发地点", "案发地点", "具体地点"),
        ("位置", "事发位置", "具体位置", "点位", "点位名称", "地点描述"),
        ("address", "fulladdress", "incidentaddress", "streetaddress", "locationaddress"),
        ("place", "block", "street"),
        *_one_by_one("locationdescription", "location"),
    ),
    "estate": _one_by_one("小区", "小区名称", "所属小区", "所在小区", "楼盘", "estate"),
    "building": _one_by_one("楼栋", "楼栋号", "幢号", "栋号", "楼号", "楼幢", "幢", "栋", "building"),
    "unit": _one_by_one("单元", "单元号"),
    "room": _one_by_one("室", "室号", "房号", "房间号", "房室号"),
    "road": _one_by_one("道路", "道路名称", "路名", "街路", "街路巷"),
    "house_number": _one_by_one("门牌号", "门牌", "门牌号码"),
    "grid": _one_by_one(
        "statedgrid",  # our own exports have the grid of the place beside it
        *("网格编号", "网格编码", "网格代码", "网格号", "所属网格编号", "所属网格", "所在网格", "网格"),
        *("网格名称", "gridid", "gridcode", "gridno", "grid", "gridname"),
    ),
    "reporter": (
        ("上报人编号", "上报人工号", "上报人id", "上报人代码", "报告人编号", "上报员编号"),
        ("志愿者编号", "网格员编号", "工号", "巡查员编号"),
        ("reporterid", "reporterno", "reportercode", "volunteerid"),
        ("reporter",),
    ),
}
_FEATURE_FIELDS: Mapping[str, _Ranks] = {
    "lon": _LON,
    "lat": _LAT,
    "lonlat": _LONLAT,
    "datum": _DATUM,
    "feature_id": (
        ("featureid",),
        (
            "编号",
            "编码",
            "代码",
            "岗位编号",
            "岗号",
            "驿站编号",
            "企业编号",
            "企业编码",
            "地点编号",
            "志愿者编号",
        ),
        ("id", "code", "postid", "stationid", "enterpriseid", "placeid", "volunteerid"),
        ("统一社会信用代码", "信用代码", "社会信用代码", "uscc"),
    ),
    "name": (
        ("名称", "name"),
        (
            "平安岗名称",
            "岗点名称",
            "岗名",
            "平安驿名称",
            "驿站名称",
            "企业名称",
            "单位名称",
            "地点名称",
            "地名",
        ),
        ("平安岗", "平安驿", "企业", "单位", "姓名", "志愿者姓名"),
        ("postname", "stationname", "enterprisename", "companyname", "placename", "company", "title"),
    ),
    "kind": (
        ("类型", "类别", "种类", "kind", "type", "category"),
        ("风险类别", "危险类别", "志愿者类型", "志愿者类别", "地点类型", "行业", "行业类别", "hazard"),
    ),
}
#: Any of these says where a report was made.
_WORDS_FOR_PLACES = ("place", "estate", "road")
#: Of a table of which only the words for places are wanted.
_TEXT_FIELDS: Mapping[str, _Ranks] = {
    **{name: _REPORT_FIELDS[name] for name in ("estate", "building", "unit", "room", "road", "house_number")},
    "place": (*_REPORT_FIELDS["place"], ("text", "文本", "原文", "words", "query")),
}
#: A heading that contains this is taken when no spelling fits.
_PARTS: Mapping[str, re.Pattern[str]] = {
    "lon": re.compile(r"经度|longitude|(?:^|_)(?:lon|lng)(?:_|$)"),
    "lat": re.compile(r"纬度|latitude|(?:^|_)lat(?:_|$)"),
    "time": re.compile(r"时间|datetime|timestamp"),
    "category": re.compile(r"类型|类别|category"),
    "description": re.compile(r"描述|description"),
    "place": re.compile(r"地址|地点|address"),
}
#: Under these, rows that are held are sent back with their number.
_HELD_NUMBER = ("待核号", "heldnumber")
#: These hold such a part, but are fields of their own.
_TELLING = {spelling for name in ("lonlat", "closed") for rank in _REPORT_FIELDS[name] for spelling in rank}
_REQUIRED = {"reports": ("time", "category"), "points": ("lon", "lat")}
#: Field → spellings to suggest.
_EXAMPLES = {
    "lon": "经度 / lon",
    "lat": "纬度 / lat",
    "time": "时间 / datetime",
    "category": "类别 / category",
    "name": "名称 / name",
    "place": "地址 / address",
    "where": "经度 + 纬度 / 坐标 / 地址 / lon + lat / address",
    "point": "经度 + 纬度 / 坐标 / lon + lat",
}
#: Field → word for people, an English msgid.
FIELD_NAMES = {
    "lon": "longitude",
    "lat": "latitude",
    "lonlat": "coordinates",
    "where": "the place (longitude and latitude, both in one column, or words for it)",
    "point": "the place (longitude and latitude, or both in one column)",
    "datum": "datum",
    "closed": "time of closing",
    "estate": "estate",
    "building": "building",
    "unit": "unit",
    "room": "room",
    "road": "road",
    "house_number": "house number",
    "grid": "grid",
    "time": "time",
    "clock": "time of day",
    "until": "end of the time",
    "category": "category",
    "held_id": "held number",
    "source_id": "number",
    "source": "source",
    "description": "description",
    "place": "place",
    "reporter": "reporter",
    "feature_id": "number",
    "name": "name",
    "kind": "kind",
}

_DATUM_WORDS = re.compile(
    r"wgs[\s_\-]*(?:19)?84|gcj[\s_\-]*(?:02)?|bd[\s_\-]*09(?:ll)?|cgcs[\s_\-]*2000|国家2000|2000国家大地坐标系"
    r"|火星(?:坐标)?|高德|腾讯|百度|amap|baidu|epsg\s*:\s*\d{4,6}|(?<![a-z])gps(?![a-z])"
)
_BRACKETS = re.compile(r"[(\[{<【〔][^)\]}>】〕]*[)\]}>】〕]")
#: Columns that hold persons: never stored, wherever they stand.
_PERSONAL = re.compile(
    r"身份证|证件号|公民身份号|电话|手机|联系方式|微信|姓名|联系人|当事人|报案人|报警人|举报人|投诉人"
    r"|phone|mobile|telephone|idcard|identitycard|passport|^ssn$|^tel$|e?mail"
    r"|reportername|callername|complainant|contactname|victim|suspect|ownername|officername"
    r"|(?:户主|业主|房东|租客|住户|民警)(?![数类])|(?:人|员|者)(?:名称|名字|签名|签字)?$"
)
#: Of named points, the name itself is wanted; numbers of persons and telephones are not.
_PERSONAL_NUMBERS = re.compile(
    r"身份证|证件号|公民身份号|电话|手机|联系方式|微信|phone|mobile|telephone|idcard|identitycard|passport|^ssn$|^tel$"
)
#: Of a heading, more is not looked at: it is a text, and the patterns take the square of its length.
_LONGEST = 200
_DBF_NAME = 10  # a Shapefile's table cuts its headings here


@dataclass(frozen=True)
class ColumnMap:
    """How the headings of a file were understood.

    Parameters
    ----------
    fields
        Field to heading. ``clock`` is the time of day where the date has a column of its own.
    datum
        That the coordinates' headings name, ``""`` when none.
    left_out
        Headings of columns that hold persons; they are never stored.
    unused
        Headings that no field was found for.
    """

    fields: Mapping[str, str]
    datum: str = ""
    left_out: tuple[str, ...] = ()
    unused: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Heading:
    text: str  # as received
    core: str  # plain, without datum, brackets and units
    words: str  # the same with words joined by _
    datum: str


def plain(text: str) -> str:
    """Return a heading as it is compared: half-width, lower case, only letters and digits."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def map_columns(
    headings: Sequence[str],
    kind: str,
    *,
    file: str,
    datum: str = "",
    crs: str = "",
    short: bool = False,
    chosen: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> ColumnMap:
    """Find the fields of a ledger among its headings.

    Parameters
    ----------
    headings
        As the file has them, distinct.
    kind
        ``reports``, one of :data:`FEATURE_KINDS`, ``points``: only coordinates are wanted, or ``texts``: only
        words for places.
    file
        Name for messages.
    datum
        Stated by the person; of several columns of coordinates, those in this datum are taken.
    crs
        Of a layer, whose coordinates are its last two columns.
    short
        The headings may be cut after ten bytes (the table of a Shapefile).
    chosen
        Field to heading, as a person confirmed it: then no other field is looked for.
    known
        Field to heading, as rows of this file were read before; other fields are looked for.

    Returns
    -------
    ColumnMap

    Raises
    ------
    MissingColumnsError
        If a field that cannot be done without has no column.
    AmbiguousColumnsError
        If two columns are equally good for a field.
    """
    layer = 2 if crs else 0
    read = [_read_heading(text) for text in headings[: len(headings) - layer]]
    wanted = {"reports": _REPORT_FIELDS, "points": _POINT_FIELDS, "texts": _TEXT_FIELDS}.get(
        kind, _FEATURE_FIELDS
    )
    found: dict[str, str] = {}
    if layer:
        found = {"lon": headings[-2], "lat": headings[-1]}
    personal = _PERSONAL if kind == "reports" else _PERSONAL_NUMBERS
    left_out = tuple(each.text for each in read if personal.search(each.core))
    read = [each for each in read if each.text not in left_out]
    confirmed = {name: text for name, text in (chosen or {}).items() if text in {each.text for each in read}}
    found.update(confirmed)
    found.update({name: text for name, text in (known or {}).items() if text in {each.text for each in read}})
    for name, ranks in wanted.items() if not confirmed else ():
        if name in found or (layer and name in {"datum", "lonlat"}):
            continue
        fitting = _fitting(read, name, ranks, set(found.values()), short=short)
        if name in {"lon", "lat", "lonlat"}:
            fitting = _of_datum(fitting, datum)
        if name == "lonlat" and {"lon", "lat"} <= found.keys():  # only a check, if it is the same kind
            own = {each.datum for each in read if each.text in {found["lon"], found["lat"]}}
            fitting = [each for each in fitting if {each.datum} == own][:1]
        if len(fitting) > 1:
            raise AmbiguousColumnsError(
                file=file, columns=", ".join(each.text for each in fitting), field=FIELD_NAMES[name]
            )
        if fitting:
            found[name] = fitting[0].text
    if kind == "reports" and not layer and not confirmed:
        _join_clock(read, found)
    if kind == "reports" and (number := held_heading([each.text for each in read])):
        found["held_id"] = number
    _check_required(kind, found, headings, file)
    places = {name: found[name] for name in ("lon", "lat", "lonlat") if name in found}
    named = {each.datum for each in read if each.datum and each.text in places.values()}
    if len(named) > 1:
        raise AmbiguousColumnsError(file=file, columns=", ".join(places.values()), field=FIELD_NAMES["datum"])
    used = {*found.values(), *left_out}
    return ColumnMap(
        fields=found,
        datum=crs or next(iter(named), ""),
        left_out=left_out,
        unused=tuple(text for text in headings if text not in used),
    )


def held_heading(headings: Sequence[str]) -> str:
    """Return the heading under which held rows bear their numbers, ``""`` without one.

    Of several the last: it is put behind the sender's own columns.
    """
    return next((text for text in reversed(headings) if plain(text) in _HELD_NUMBER), "")


def _read_heading(text: str) -> _Heading:
    folded = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold()
    words = _DATUM_WORDS.findall(folded)
    datum = ""
    if words:
        try:
            datum = parse_datum("gcj02" if words[0].startswith("gcj") else words[0])
        except UnknownDatumError:
            datum = ""
    bare = _BRACKETS.sub("", _DATUM_WORDS.sub(" ", folded)) if words else _BRACKETS.sub("", folded)
    core = plain(bare) or plain(folded)
    joined = "_".join(re.findall(r"[^\W_]+", bare))
    return _Heading(text, core, joined, datum)


def _fitting(
    read: list[_Heading], name: str, ranks: _Ranks, taken: set[str], *, short: bool
) -> list[_Heading]:
    free = [each for each in read if each.text not in taken]
    for spellings in ranks:
        known = set(spellings)
        if fitting := [each for each in free if each.core in known]:
            return fitting
        cut = {_cut(spelling, encoding) for spelling in spellings for encoding in ("utf-8", "gb18030")}
        if short and (fitting := [each for each in free if each.core in cut]):
            return fitting
    part = _PARTS.get(name)
    return [each for each in free if part.search(each.words) and each.core not in _TELLING] if part else []


def _cut(spelling: str, encoding: str) -> str:
    return spelling.encode(encoding)[:_DBF_NAME].decode(encoding, "ignore")


def _of_datum(fitting: list[_Heading], datum: str) -> list[_Heading]:
    """Of several columns of coordinates, keep those in the stated datum, if there are any."""
    if len(fitting) < 2 or not datum:
        return fitting
    return [each for each in fitting if each.datum == datum] or fitting


def _join_clock(read: list[_Heading], found: dict[str, str]) -> None:
    """Where 日期 and 时间 stand side by side, the second is taken for the time of day of the first."""
    time = next((each for each in read if each.text == found.get("time")), None)
    if time is None or time.core not in {"时间", "time"}:
        return
    dates = [each for each in read if each.core in {"日期", "date"}]
    if len(dates) == 1:
        found["time"], found["clock"] = dates[0].text, time.text


def pair_order(heading: str) -> str:
    """Return ``lonlat`` or ``latlon`` as the heading of a column with both coordinates says, else ``""``."""
    core = _read_heading(heading).core
    return "lonlat" if core in _LON_FIRST else "latlon" if core in _LAT_FIRST else ""


def _check_required(kind: str, found: Mapping[str, str], headings: Sequence[str], file: str) -> None:
    missing = [*_missing_place(kind, found), *(name for name in _REQUIRED.get(kind, ()) if name not in found)]
    if kind in FEATURE_KINDS and "name" not in found and "feature_id" not in found:
        missing.insert(0, "name")
    if missing:
        raise MissingColumnsError(
            file=file,
            fields=[FIELD_NAMES[name] for name in missing],
            columns=", ".join(_presentable(headings)),
            examples=", ".join(_EXAMPLES[name] for name in missing),
        )


def _presentable(headings: Sequence[str]) -> list[str]:
    """Return headings as they may be said: in a file without any, the first row of persons stands there."""
    return list(headings) if mask_words(headings) == list(headings) else ["***"] * len(headings)


def _missing_place(kind: str, found: Mapping[str, str]) -> list[str]:
    """Return what is missing to know where rows lie; half of a pair of coordinates is asked for."""
    halves = [name for name in ("lon", "lat") if name not in found]
    if kind == "points" or "lonlat" in found or not halves:
        return []
    if len(halves) == 1:
        return halves
    if kind in {"reports", "texts"}:
        words = any(name in found for name in _WORDS_FOR_PLACES)
        return [] if words else ["where" if kind == "reports" else "place"]
    return [] if kind == "volunteers" else ["point"]
