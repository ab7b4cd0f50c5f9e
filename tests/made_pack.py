"""A patrol made by hand: two teams in the middle of Xincheng, and the ground under them. All names are invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import geopandas
import pandas as pd
import shapely

from pingan_geo.model.patrol import Halt, LeftOut, Patrol, Route, Stop, Team
from pingan_geo.outputs.patrol_sheet import Ground

SINCE, UNTIL = datetime(2025, 8, 1, 19, 0), datetime(2025, 8, 1, 22, 0)
#: Texts that are markup, formulas or programs to one of the formats.
HOSTILE = (
    "<script>window.hit=1</script>",
    "</script><img src=x onerror=window.hit=1>",
    '#import "x.typ": * $x^2$ *b* _i_ `c` \\ @ref <lab> // c',
    '=HYPERLINK("http://evil.invalid","x")',
    "@SUM(1+1)|cmd",
    "]]><![CDATA[<b>&amp;",
    "A" * 90,
    "quote \" apostrophe ' and }}{{ ${x}",
)
CATEGORIES = {
    "FW1": "私拉电线/飞线充电(沿街店铺)",
    "FW3": "电动自行车进楼入户",
    "RD1": "道路破损",
    "TH3": "拉车门/可疑人员",
}
OFFICES = {"FW1": "应急消防站", "FW3": "村社/物业(平安岗)", "RD1": "镇建设条线"}
_PLACES = (
    # name, lon, lat, kind, level, category, count, hours, checks
    ("新塍大道88号便民超市", 120.6187, 30.8012, "hotspot", "red", "FW1", 6, "18-23时", "插座线/充电桩断电/灭火器"),
    ("月波苑3幢架空层", 120.6201, 30.8021, "hotspot", "orange", "FW3", 4, "20-24时", "楼道停车/飞线"),
    ("月波苑5幢门厅", 120.62015, 30.80205, "hotspot", "yellow", "FW3", 2, "20-24时", "楼道停车/疏散通道"),
    ("北街老供销社旧址东侧沿街店铺(原五金门市部与隔壁快递点之间)", 120.6152, 30.8022, "must", "red", "FW1", 9, "17-22时",
     "插座线/疏散通道/充电桩断电/灭火器/后门是否上锁"),
    ("秀水瑞苑平安岗", 120.6188, 30.8040, "post", "", "", 0, "", "签到"),
    ("问松苑东门停车场", 120.6166, 30.8048, "hotspot", "orange", "TH3", 3, "21-2时", "车门/路灯"),
    ("运河桥头休息点", 120.6139, 30.8041, "break", "", "", 0, "", ""),
    ("西塘浜12号", 120.6118, 30.8029, "control", "", "", 0, "", "顺路看一眼"),
    ("虹桥花苑北门充电棚", 120.6143, 30.7995, "hotspot", "yellow", "FW1", 2, "19-23时", "自动断电/灭火器"),
    ("康泰苑南侧支路", 120.6126, 30.7978, "hotspot", "blue", "RD1", 1, "", "坑槽/围护"),
    ("南街小区2幢", 120.6146, 30.7963, "control", "", "", 0, "", "顺路看一眼"),
    ("虹景苑沿街餐饮(灶台煤气改电)", 120.6163, 30.7982, "must", "orange", "FW1", 5, "10-14时", "插座线/排烟管/灭火器"),
)  # fmt: skip


def made_patrol(*, hostile: bool = False, stops: int = 12, synthetic: bool = True) -> Patrol:
    """A patrol of two teams; with ``hostile`` every text of a person is markup for somebody."""
    places = [_PLACES[number % len(_PLACES)] for number in range(stops)]
    routes = (
        _route(Team("1", "北街步巡队", "walk", _halt(0), _halt(0), SINCE, UNTIL, 10), places),
        _route(Team("2", "电动车机动队", "ebike", _halt(0), _halt(1), SINCE, UNTIL), places[::-3]),
    )
    patrol = Patrol(
        patrol_id="XC-XL-20250801-003",
        title="夜间消防与治安巡查",
        since=SINCE,
        until=UNTIL,
        routes=routes,
        left_out=(LeftOut("h:9", "hotspot", "圣塘浜路口", 120.63, 30.81, 0.2, "time"),),
        expected_all=9.0,
        roads="roads",
        seed=7,
        made_at=datetime(2025, 8, 1, 9, 30),
        synthetic=synthetic,
        town="新塍镇",
        notes=(
            "路线沿镇里的道路图层;桥和小区大门以现场为准。",
            "清单上的点位过去8周应验约三成,没有发现同样是有用的结果。",
        ),
    )
    return _spoilt(patrol) if hostile else patrol


def _halt(number: int) -> Halt:
    return (Halt("平安驿", 120.6170, 30.8003), Halt("应急消防站", 120.6205, 30.7989))[number]


def _route(team: Team, places: list) -> Route:
    clock, made, line = SINCE, [], [(team.start.lon, team.start.lat)]
    for number, (name, lon, lat, kind, level, category, count, hours, checks) in enumerate(places, 1):
        lap = (number - 1) // len(_PLACES) * 0.0007
        lon, lat = lon + lap, lat - lap
        line += [(lon, line[-1][1]), (lon, lat)]
        arrive = clock + timedelta(minutes=4)
        clock = arrive + timedelta(minutes=10)
        made.append(
            Stop(
                number=number,
                stop_id=f"8a309e{number:08x}f" if kind != "post" else f"posts:{number}",
                kind=kind,
                name=name,
                lon=lon,
                lat=lat,
                arrive=arrive,
                leave=clock,
                travel_min=4.0,
                travel_m=280.0 + number,
                cell=f"8a309e{number:08x}f",
                grid_id=f"330411104{number:06d}" if kind != "break" else "",
                grid="月波社区第二网格" if kind != "break" else "",
                village="月波社区" if kind != "break" else "",
                category=category,
                level=level,
                expected=count / 10,
                count_30d=count,
                main_hours=hours,
                last_visit=datetime(2025, 7, 20 + number % 9, 20, 0) if count > 2 else None,
                checks=checks,
                reason=f"近30天 {count} 件,多在晚上" if count else "",
            )
        )
    line += [(team.end.lon, line[-1][1]), (team.end.lon, team.end.lat)]
    return Route(team, tuple(made), 5.0, 350.0, clock + timedelta(minutes=5), tuple(line))


def _spoilt(patrol: Patrol) -> Patrol:
    def text(number: int) -> str:
        return HOSTILE[number % len(HOSTILE)]

    routes = []
    for route in patrol.routes:
        stops = tuple(
            replace(
                stop,
                name=text(stop.number),
                grid=text(stop.number + 1),
                village="",
                checks=text(stop.number + 2),
                reason=text(stop.number + 3),
                main_hours=text(stop.number + 4)[:30],
            )
            for stop in route.stops
        )
        halt = replace(route.team.start, name=text(5))
        team = replace(route.team, name=text(int(route.team.code)), start=halt, end=halt)
        routes.append(replace(route, stops=stops, team=team))
    return replace(
        patrol,
        title=text(0),
        notes=HOSTILE,
        town=text(2),
        routes=tuple(routes),
    )


def made_past(patrol: Patrol) -> dict[str, str]:
    """What became of last time's finds at two of the stops."""
    first = patrol.routes[0].stops
    return {
        first[0].stop_id: "上次您报的 3 处:2 处已办,1 处今天到期",
        first[3].stop_id: "上次发现后门上锁,已整改",
    }


def made_ground() -> Ground:
    """A few streets, a river and a pond, two villages and the border."""
    west, south, east, north = 120.605, 30.790, 120.632, 30.812
    streets = [
        shapely.LineString([(west, lat), (east, lat + 0.0006)])
        for lat in (30.7965, 30.8001, 30.8030, 30.8052)
    ]
    streets += [
        shapely.LineString([(lon, south), (lon + 0.0005, north)]) for lon in (120.6125, 120.6160, 120.6196)
    ]
    roads = _layer(
        streets,
        name=["虹桥路", "新塍大道", "北街", "问松路", "康泰路", "秀水路", "月波路"],
        kind=["street", "main", "street", "lane", "lane", "secondary", "street"],
        width_m=[8.0, 24.0, 7.0, 5.0, 5.0, 12.0, 8.0],
    )
    river = shapely.LineString([(120.6105, south), (120.6135, 30.800), (120.6128, north)])
    pond = shapely.Point(120.6225, 30.7985).buffer(0.0012)
    waters = _layer([river, pond], name=["市河", "荷花池"], kind=["river", "lake"], width_m=[28.0, 0.0])
    half = (west + east) / 2
    villages = _layer(
        [shapely.box(west, south, half, north), shapely.box(half, south, east, north)],
        name=["虹桥社区", "月波社区"],
    )
    return Ground(roads, waters, _layer([shapely.box(west, south, east, north)], name=["新塍镇"]), villages)


def empty_ground() -> Ground:
    """A town that has no layers."""
    nothing = _layer([], name=[])
    return Ground(nothing, nothing, nothing, nothing)


def _layer(shapes: list, **columns: list):
    return geopandas.GeoDataFrame(pd.DataFrame(columns), geometry=shapes, crs="EPSG:4326")
