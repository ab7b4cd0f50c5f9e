"""Ledgers to try the import with: as untidy as real ones, and wholly made up.

One was printed, one comes from patrols whose phones give GCJ-02 without saying so, one tells again of what
stands in the other two. What is wrong in each is wrong on purpose; ``README.md`` goes through them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import shapely

from pingan_geo.coords import from_wgs84
from pingan_geo.demo.geography import Geography
from pingan_geo.demo.mesh import Floats
from pingan_geo.demo.words import sentences_of

PRINTED, PATROLS, TOLD_AGAIN = "随手拍台账_7-8月.xlsx", "保安巡逻_高德坐标.csv", "路面病害_二次上报.csv"

_MADE_UP = "合成示例，内容全部虚构"
_FIXED_TIME = datetime(2000, 1, 1)  # the clock must not change the bytes
_DATE = "yyyy-mm-dd"

#: The heading has two rows; what spans both stands in the first.
_HEADING = (
    ("序号", "时间", "隐患类别", "位置", "", "", "上报人", "情况描述", "备注"),
    ("", "", "", "地点", "经度", "纬度", "", "", ""),
)
_SPANNED, _UPRIGHT = (3, 5), (0, 1, 2, 6, 7, 8)

# Time, category, place in words, longitude, latitude, who, what, remark.
_Cell = str | date
_Line = tuple[_Cell, ...]
_JULY: tuple[_Line, ...] = (
    ("7月2日上午", "飞线", "凤舞家园7幢", "", "", "张某", "居民楼从窗口拉线给电动车充电", "已拍照"),
    ("7月3日19:40", "飞线充电", "虹桥花苑3幢", "", "", "李某", "一楼住户拉线到绿化带旁充电", ""),
    ("7月5日下午", "路面坑洼", "新塍大道与洛东路交叉口", "", "", "王某", "路面有坑槽，直径约半米", ""),
    (
        "7月8日8:15",
        "井盖破损",
        "北街与问松路路口往东30米",
        "",
        "",
        "张某",
        "井盖破损，车辆碾压有响声",
        "已放锥桶",
    ),
    ("7月11日晚上", "电瓶车楼道充电", "佳源水岸12幢2单元", "", "", "李某", "电动车停在楼道内充电", ""),
    (date(2026, 7, 15), "道路积水", "新塍菜市场东门", "", "", "赵某", "下水口堵塞，路口积水", "已疏通"),
    ("7月18日上午", "飞线", "老年活动室后面", "", "", "赵某", "楼道口私拉电线，接线板放在地上", ""),
    ("7月21日14:30", "路面坑洼", "北街与问淞路交叉口", "", "", "王某", "非机动车道坑洼积泥", ""),
    ("7月24日下午", "线缆下垂", "王江泾镇南汇集镇口", "", "", "王某", "通信线缆下垂，离地不足三米", ""),
    ("7月28日20:05", "电瓶车楼道充电", "秀水瑞苑5幢", "", "", "张某", "电动车推进单元门，堵住疏散通道", ""),
    (
        *("7月31日下午", "飞线", "月波苑2幢", "", "", "李某", "出租房走廊私接插座"),
        "联系电话 138 0000 0000",
    ),
)
_AUGUST: tuple[_Line, ...] = (
    ("8月1日上午", "飞线", "凤鸣苑4幢", "", "", "张某", "楼栋北侧飞线充电，下雨天未收", ""),
    ("8月3日10:20", "路面坑洼", "兴镇路与佳源路路口", "", "", "王某", "水泥板破碎，边角翘起", "已报建设条线"),
    ("8月6日下午", "私拉电线", "北街老供销社旁", "", "", "赵某", "店铺外墙私拉电线，接头裸露", ""),
    ("8月9日21:10", "电瓶车楼道充电", "富园花苑9幢", "", "", "李某", "楼梯间停放三辆电动车", "=1+2（处）"),
    (date(2026, 8, 12), "充电桩故障", "凤鸣路充电站", "", "", "张某", "充电桩旁没有灭火器", ""),
    ("8月15日上午", "飞线", "老年活动室后面", "", "", "赵某", "接线板仍放在地上", "同7月"),
    ("8月19日18:30", "井盖缺失", "佳源广场对面", "", "", "王某", "窨井盖缺失", ""),
    ("8月23日下午", "飞线", "梧桐苑6幢", "", "", "李某", "二楼窗口拉线到车棚", ""),
    ("8月27日9:00", "路面坑洼", "嘉桐公路康和桥往南50米", "", "", "王某", "桥头接坡处沉陷", ""),
    ("8月30日晚上", "飞线充电", "洛东新苑3幢", "", "", "张某", "楼道内插线板串接使用", ""),
)
_SHEETS = (("7月", _JULY), ("8月", _AUGUST))

_PATROL_HEADING = ("编号", "巡逻时间", "网格编号", "地点", "经度", "纬度", "隐患类型", "描述", "岗哨")
_PATROL_ROWS = 52
_SWAPPED, _NOWHERE, _OUTSIDE, _MISSPELT_GRID = (9, 23, 37), (14, 41), (19, 46), 30
#: As security guards write them, and the category whose sentences they use.
_KINDS = (
    ("路面坑洼", "RD1"),
    ("飞线充电", "FW2"),
    ("电动车进楼", "FW3"),
    ("路面破损", "RD1"),
    ("井盖破损", "RD5"),
    ("充电桩故障", "FW4"),
    ("道路积水", "RD3"),
)
#: What guards write of a road, and how somebody else tells the same.
_ROAD_WORDS = {
    "路面有坑槽，直径约半米": "路上有个坑，半米来宽",
    "路面龟裂，车辆经过颠簸": "路面裂成一片，开过去很颠",
    "水泥板破碎，边角翘起": "水泥板碎了，一角翘起来",
    "人行道地砖松动缺失": "人行道少了几块地砖，踩上去晃",
    "桥头接坡处沉陷": "桥头沉下去一截，跳车",
}
_STAND_OFF_M, _OUTSIDE_M = 12.0, (900.0, 4200.0)
_DEGREE_DIGITS = 6

_AGAIN_HEADING = ("上报时间", "类别", "地点", "经度(GPS)", "纬度(GPS)", "描述", "上报人编号")
_AGAIN_OF_PATROLS, _AGAIN_M = 6, 6.0


@dataclass(frozen=True)
class _Seen:
    """A row of the patrols as it truly was: metres on the ground, before a phone or a hand spoiled it."""

    number: int
    time: datetime
    place: str
    xy: Floats
    kind: str
    category: str
    words: str


def build_samples(geography: Geography, places: pd.DataFrame, rng: np.random.Generator) -> dict[str, bytes]:
    """Return the ledgers of a town: file name to bytes.

    Parameters
    ----------
    geography
        Of the town; estates and roads are named as the printed ledger names them.
    places
        ``name``, ``lon``, ``lat`` (WGS-84 degrees) of its places, each name once.
    rng
        Chooses where guards went and when.
    """
    seen = _walk(geography, places, rng)
    return {
        PRINTED: _printed(),
        PATROLS: _patrols(geography, seen, rng),
        TOLD_AGAIN: _told_again(geography, seen, rng),
    }


# -- a printed workbook ------------------------------------------------------------------------------


def _printed() -> bytes:
    import xlsxwriter

    paper = io.BytesIO()
    book = xlsxwriter.Workbook(
        paper, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": PRINTED, "comments": _MADE_UP, "created": _FIXED_TIME})
    style = {
        "title": book.add_format({"bold": True, "align": "center", "font_size": 16}),
        "heading": book.add_format({"bold": True, "align": "center", "valign": "vcenter", "border": 1}),
        "date": book.add_format({"num_format": _DATE, "border": 1}),
        "cell": book.add_format({"border": 1}),
    }
    for month, lines in _SHEETS:
        _print_sheet(book.add_worksheet(month), month, lines, style)
    book.close()
    return paper.getvalue()


def _print_sheet(sheet: Any, month: str, lines: Sequence[_Line], style: Mapping[str, Any]) -> None:
    last = len(_HEADING[0]) - 1
    sheet.merge_range(0, 0, 0, last, f"新塍镇随手拍隐患台账（2026年{month}，{_MADE_UP}）", style["title"])
    for column in _UPRIGHT:
        sheet.merge_range(1, column, 2, column, _HEADING[0][column], style["heading"])
    first, end = _SPANNED
    sheet.merge_range(1, first, 1, end, _HEADING[0][first], style["heading"])
    for column in range(first, end + 1):
        sheet.write_string(2, column, _HEADING[1][column], style["heading"])
    sheet.set_column(1, last, 18)
    for place, line in enumerate(lines, 1):
        sheet.write_number(2 + place, 0, place, style["cell"])
        for column, cell in enumerate(line, 1):
            if isinstance(cell, str):
                sheet.write_string(2 + place, column, cell, style["cell"])
            else:
                sheet.write_datetime(2 + place, column, datetime(*cell.timetuple()[:3]), style["date"])
    total = 3 + len(lines)
    sheet.write_string(total, 0, "合计", style["cell"])
    sheet.write_number(total, 1, len(lines), style["cell"])
    sheet.write_string(total + 1, 0, "填表人：示例")


# -- patrols -----------------------------------------------------------------------------------------


def _walk(geography: Geography, places: pd.DataFrame, rng: np.random.Generator) -> list[_Seen]:
    """Return what guards saw beside known places, in the order of time."""
    plane = geography.ground.plane
    picked = places.iloc[rng.choice(len(places), _PATROL_ROWS, replace=False)]
    xy = np.column_stack(plane.forward(picked["lon"].to_numpy(), picked["lat"].to_numpy()))
    xy = xy + rng.normal(0, _STAND_OFF_M, xy.shape)
    minutes = np.sort(rng.choice(60 * 24 * 30, _PATROL_ROWS, replace=False))
    kinds = [_KINDS[number] for number in rng.permutation(np.resize(np.arange(len(_KINDS)), _PATROL_ROWS))]
    return [
        _Seen(
            number,
            datetime(2026, 8, 1) + timedelta(minutes=int(minute)),
            place,
            at,
            kind,
            category,
            str(rng.choice(list(_ROAD_WORDS) if category == "RD1" else sentences_of(category))),
        )
        for number, (minute, place, at, (kind, category)) in enumerate(
            zip(minutes, picked["name"], xy, kinds, strict=True), 1
        )
    ]


def _patrols(geography: Geography, seen: Sequence[_Seen], rng: np.random.Generator) -> bytes:
    xy = np.array([each.xy for each in seen])
    grids = _grids_at(geography, xy)
    for number, away_m in zip(_OUTSIDE, _OUTSIDE_M, strict=True):
        xy[number - 1] = _beyond_the_border(geography, away_m, rng)
    x, y = from_wgs84(*geography.ground.plane.inverse(xy[:, 0], xy[:, 1]), "gcj02")
    rows: list[Sequence[object]] = [(f"保安巡逻记录（{_MADE_UP}）", *[""] * (len(_PATROL_HEADING) - 1))]
    rows.append(_PATROL_HEADING)
    for each, grid, lon, lat in zip(seen, grids, x, y, strict=True):
        number, place = each.number, each.place
        first, second = f"{lon:.{_DEGREE_DIGITS}f}", f"{lat:.{_DEGREE_DIGITS}f}"
        if number in _SWAPPED:
            first, second = second, first
        elif number in _NOWHERE:
            first, second = "0", "0"
        elif number in _OUTSIDE:
            grid, place = "", ""
        if number == _MISSPELT_GRID:
            grid = grid[:-3] + grid[-2:]  # a digit was left out
        when, post = f"{each.time:%Y-%m-%d %H:%M}", f"GW{1 + number % 22:02d}"
        told = (each.kind, each.words, post)
        rows.append((f"XL{number:03d}", when, grid, place, first, second, *told))
    return _csv(rows, "gb18030")


def _grids_at(geography: Geography, xy: Floats) -> list[str]:
    """Return the code of the grid at each point."""
    layer, ground = geography.layers["grids"], geography.ground
    points = shapely.points(*ground.plane.inverse(xy[:, 0], xy[:, 1]))
    tree = shapely.STRtree(layer.geometry.to_numpy())
    of = dict(zip(*tree.query(points, predicate="within").tolist(), strict=True))
    codes = layer["code"].tolist()
    return [codes[of[place]] if place in of else "" for place in range(len(xy))]


def _beyond_the_border(geography: Geography, away_m: float, rng: np.random.Generator) -> Floats:
    border = geography.ground.area.buffer(away_m).exterior
    at = border.interpolate(rng.uniform(), normalized=True)
    return np.array([at.x, at.y])


# -- the same, told again ----------------------------------------------------------------------------


def _told_again(geography: Geography, seen: Sequence[_Seen], rng: np.random.Generator) -> bytes:
    """Return reports of damaged roads: most tell of what the others told already, two are new."""
    spoiled = {*_SWAPPED, *_NOWHERE, *_OUTSIDE, _MISSPELT_GRID}
    again = [each for each in seen if each.category == "RD1" and each.number not in spoiled]
    again = again[:_AGAIN_OF_PATROLS]
    xy = np.array([each.xy for each in again]) + rng.normal(0, _AGAIN_M, (len(again), 2))
    lon, lat = geography.ground.plane.inverse(xy[:, 0], xy[:, 1])
    rows: list[Sequence[object]] = [(f"路面病害上报（{_MADE_UP}）", *[""] * (len(_AGAIN_HEADING) - 1))]
    rows.append(_AGAIN_HEADING)
    for number, (each, x, y) in enumerate(zip(again, lon, lat, strict=True), 1):
        later = each.time + timedelta(hours=int(rng.integers(3, 60)))
        degrees = (f"{x:.{_DEGREE_DIGITS}f}", f"{y:.{_DEGREE_DIGITS}f}")
        told = (_ROAD_WORDS[each.words], f"V{number:04d}")
        rows.append((f"{later:%Y-%m-%d %H:%M}", "路面破损", each.place, *degrees, *told))
    rows += [
        ("2026-07-06 07:50", "路面破损", "新塍大道与洛东路交叉口", "", "", "路口有坑槽，半米宽", "V0101"),
        ("2026-08-04 17:15", "路面破损", "兴镇路与佳源路路口", "", "", "水泥板破碎翘起", "V0102"),
        ("2026-08-20 08:30", "路面破损", "洛东小学门口", "", "", "人行道地砖松动缺失", "V0103"),
        ("2026-08-25 12:00", "路面塌陷", "富园文化公园", "", "", "管沟上方路面下沉", "V0104"),
    ]
    return _csv(rows, "utf-8-sig")


def _csv(rows: Sequence[Sequence[object]], encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)
