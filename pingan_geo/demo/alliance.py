"""The demo town's safety alliance: posts, the station, volunteers, enterprises and named places.

The numbers that the town published are met: 22 posts of 10 property firms, one station with three functions,
more than 550 volunteers, some fifteen couriers who send pictures, ten first-batch enterprises of 597. Nobody
has a name here, only a role and a code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.demo import names
from pingan_geo.demo.geography import Ground
from pingan_geo.demo.mesh import Floats, Ints
from pingan_geo.model.tables import FEATURES

POST_COUNT = 22
COURIERS_SENDING = 15
#: Kind of volunteer to how many there are, at the end.
VOLUNTEERS = {
    "居民志愿者": 232,
    "保洁员": 108,
    "楼道长": 76,
    "沿街店主": 62,
    "快递外卖骑手": 54,
    "环卫工": 32,
    "退役军人": 24,
}
COURIER = "快递外卖骑手"
STATION_FUNCTIONS = ("便民服务站", "隐患中转站", "体验站")
STATION_OPENED = "2026-06-12"
#: Hazard classes of the ten first-batch enterprises, then of all the others with their shares.
FIRST_BATCH = ("有限空间作业",) * 4 + ("危化品使用",) * 3 + ("喷涂",) * 3
_OTHER_CLASSES = {
    "一般": 0.55,
    "粉尘涉爆": 0.07,
    "危化品使用": 0.09,
    "有限空间作业": 0.10,
    "喷涂": 0.08,
    "涉氨制冷": 0.02,
    "动火作业多": 0.05,
    "用电负荷高": 0.04,
}
_GRADE_OF_CLASS = {"一般": ("蓝", "黄"), "用电负荷高": ("黄", "蓝"), "动火作业多": ("黄", "橙")}
_TRADES = (
    "纺织",
    "化纤",
    "喷织",
    "五金",
    "塑料制品",
    "木业",
    "家具",
    "机械配件",
    "电子",
    "包装",
    "印染",
    "食品",
    "建材",
    "纸制品",
    "服饰",
    "金属表面处理",
)
_FIRST_SIGNS, _SECOND_SIGNS = "禾锦恒瑞泰盛宏联正永兴诚创嘉润丰华", "达源隆昌鑫祥利茂凯欣和顺通成辉佳"


@dataclass(frozen=True)
class Alliance:
    """The alliance's lists, and what reporting depends on.

    Parameters
    ----------
    features
        ``posts``, ``stations``, ``enterprises``, ``places``, ``volunteers``: tables of
        :data:`pingan_geo.model.tables.FEATURES`. Cell, grid and village are not yet known (0 and ``""``),
        but for volunteers, whose place is a village.
    post_xy, post_opened
        (22, 2) metres; date of opening.
    station_xy, station_opened
        The same of the station.
    volunteer_village, volunteer_joined, volunteer_sends
        Number of the village, date of joining, whether a courier who sends pictures.
    """

    features: Mapping[str, pd.DataFrame]
    post_xy: Floats
    post_opened: NDArray[np.datetime64]
    station_xy: Floats
    station_opened: np.datetime64
    volunteer_village: Ints
    volunteer_joined: NDArray[np.datetime64]
    volunteer_sends: NDArray[np.bool_]


def build_alliance(ground: Ground, rng: np.random.Generator) -> Alliance:
    """Return who keeps watch where.

    Parameters
    ----------
    ground
        The ground they stand on.
    rng
        Chooses firms, dates, classes.
    """
    post_rng, volunteer_rng, plant_rng = rng.spawn(3)
    posts, post_xy, opened = _build_posts(ground, post_rng)
    square = next(place for place in ground.places if place.name == "佳源广场")
    station_xy = np.array([[square.x + 18, square.y - 12]])
    station = _features(
        ground,
        ["YZ01"],
        ["佳源广场平安驿"],
        ["平安驿"],
        station_xy,
        [
            {
                "启用日期": STATION_OPENED,
                "功能": list(STATION_FUNCTIONS),
                "驿长": "驿长01",
                "开放时间": "08:00-21:00",
            }
        ],
    )
    volunteers, village, joined, sends = _build_volunteers(volunteer_rng)
    places = _features(
        ground,
        [f"DD{number:03d}" for number in range(1, len(ground.places) + 1)],
        [place.name for place in ground.places],
        [place.kind for place in ground.places],
        np.array([(place.x, place.y) for place in ground.places]),
        [{} for _ in ground.places],
    )
    return Alliance(
        {
            "posts": posts,
            "stations": station,
            "enterprises": _build_enterprises(ground, plant_rng),
            "places": places,
            "volunteers": volunteers,
        },
        post_xy,
        opened,
        station_xy,
        np.datetime64(STATION_OPENED),
        village,
        joined,
        sends,
    )


def _build_posts(
    ground: Ground, rng: np.random.Generator
) -> tuple[pd.DataFrame, Floats, NDArray[np.datetime64]]:
    """Return 22 posts: every estate has one, eight posts watch over two neighbouring estates."""
    centres = np.array([estate.shape.centroid.coords[0] for estate in ground.estates])
    village = np.array([estate.village for estate in ground.estates])
    groups: list[list[int]] = [[number] for number in range(len(centres))]
    while len(groups) > POST_COUNT:
        # Join the nearest two single estates of one village.
        single = [group for group in groups if len(group) == 1]
        pairs = [
            (float(np.hypot(*(centres[a[0]] - centres[b[0]]))), a, b)
            for place, a in enumerate(single)
            for b in single[place + 1 :]
            if village[a[0]] == village[b[0]]
        ]
        _, first, second = min(pairs, key=lambda pair: pair[0])
        groups[groups.index(first)] = first + second
        groups.remove(second)
    # The gate of the first estate of each group.
    xy = np.array([_gate(ground.estates[group[0]].shape) for group in groups])
    firms = np.resize(np.arange(len(names.PROPERTY_FIRMS)), len(groups))
    firms = firms[np.argsort(rng.uniform(size=len(groups)))]
    # Four pilot posts, then more and more, all by the end of July 2026.
    months = [
        "2025-10",
        "2025-10",
        "2025-11",
        "2026-01",
        *["2026-03"] * 2,
        *["2026-04"] * 3,
        *["2026-05"] * 3,
        *["2026-06"] * 4,
        *["2026-07"] * 6,
    ]
    first_days = np.array(months, dtype="datetime64[M]").astype("datetime64[D]")
    opened: NDArray[np.datetime64] = first_days + rng.integers(0, 27, len(months)).astype("timedelta64[D]")
    opened = opened[np.argsort(rng.uniform(size=len(opened)))]
    codes = [f"GW{number:02d}" for number in range(1, len(groups) + 1)]
    attributes = []
    for code, group, firm, day in zip(codes, groups, firms, opened, strict=True):
        attributes.append(
            {
                "物业公司": names.PROPERTY_FIRMS[firm],
                "小区": [ground.estates[number].name for number in group],
                "户数": sum(ground.estates[number].households for number in group),
                "启用日期": str(day),
                "岗长": f"物业负责人-{code}",
                "民警": f"民警-{1 + firm % 6:02d}",
                "580队员": f"580队员-{code[2:]}",
                "网格长": f"网格长-{code[2:]}",
                "保安人数": int(rng.integers(3, 9)),
                "最近培训": str(day + rng.integers(0, 20)),
            }
        )
    table = _features(
        ground,
        codes,
        [f"{ground.estates[group[0]].name}平安岗" for group in groups],
        ["平安岗"] * len(groups),
        xy,
        attributes,
    )
    return table, np.asarray(xy), opened


def _gate(shape: Any) -> tuple[float, float]:
    """Return a point just inside the southern side of an estate."""
    corners = np.array(shape.exterior.coords)[:2]
    side = corners.mean(axis=0)
    x, y = side + (np.array(shape.centroid.coords[0]) - side) * 0.12
    return float(x), float(y)


def _build_volunteers(
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, Ints, NDArray[np.datetime64], NDArray[np.bool_]]:
    kinds = np.repeat(list(VOLUNTEERS), list(VOLUNTEERS.values()))
    number = len(kinds)
    households = np.array([village.households for village in names.VILLAGES], dtype=float)
    community = np.array([village.kind == "社区" for village in names.VILLAGES])
    likely = households * np.where(community, 2.6, 1.0)
    village = rng.choice(len(likely), number, p=likely / likely.sum())
    # In every village three from the first day on.
    at_first = np.repeat(np.arange(len(likely)), 3)
    homely = np.flatnonzero(kinds == "居民志愿者")[: len(at_first)]
    village[homely] = at_first
    courier = kinds == COURIER
    village[courier] = rng.choice(np.flatnonzero(community), int(courier.sum()))
    first, last = np.datetime64("2025-03-01"), np.datetime64("2026-08-20")
    share = rng.beta(2.6, 1.0, number)
    joined = first + (share * (last - first).astype(int)).astype("timedelta64[D]")
    early = rng.uniform(size=number) < 0.2
    early[homely] = True
    joined[early] = first
    sends = np.zeros(number, dtype=bool)
    sends[np.flatnonzero(courier)[:COURIERS_SENDING]] = True
    # Couriers came in the weeks after the station had opened.
    joined[courier] = np.datetime64("2026-06-05") + rng.integers(0, 55, int(courier.sum())).astype(
        "timedelta64[D]"
    )
    codes = [f"V{count:04d}" for count in range(1, number + 1)]
    order: dict[str, int] = {}
    titles = []
    for kind in kinds:
        order[kind] = order.get(kind, 0) + 1
        titles.append(f"{kind}{order[kind]:03d}")
    attributes = [
        {"加入日期": str(day), "随手拍": "是" if sending else "否"}
        for day, sending in zip(joined, sends, strict=True)
    ]
    table = pd.DataFrame(
        {
            "feature_id": codes,
            "name": titles,
            "kind": kinds,
            "lon": np.nan,
            "lat": np.nan,
            "cell": np.zeros(number, dtype=np.uint64),
            "grid_id": "",
            "village_id": [names.VILLAGES[home].code for home in village],
            "attributes": [_json(extra) for extra in attributes],
        }
    )
    return FEATURES.check(table.astype(dict(FEATURES.columns))), village, joined, sends


def _build_enterprises(ground: Ground, rng: np.random.Generator) -> pd.DataFrame:
    number = len(ground.plants)
    classes = rng.choice(list(_OTHER_CLASSES), number, p=list(_OTHER_CLASSES.values()))
    classes[: len(FIRST_BATCH)] = FIRST_BATCH
    grades = []
    for kind, draw in zip(classes.tolist(), rng.uniform(size=number).tolist(), strict=True):
        usual, other = _GRADE_OF_CLASS.get(kind, ("橙", "红"))
        grades.append(usual if draw < 0.8 else other)
    staff = np.maximum(3, np.exp(rng.normal(3.1, 0.9, number)).astype(int))
    # The 74 largest are above the statistical scale.
    large = np.argsort(np.argsort(-staff, kind="stable"), kind="stable") < 74
    attributes = [
        {
            "批次": "第一批" if place < len(FIRST_BATCH) else "",
            "风险等级": grade,
            "从业人数": int(people),
            "规上企业": "是" if above else "否",
        }
        for place, (grade, people, above) in enumerate(zip(grades, staff, large, strict=True))
    ]
    return _features(
        ground,
        [f"QY{count:04d}" for count in range(1, number + 1)],
        _enterprise_names(number, rng),
        classes.tolist(),
        ground.plants,
        attributes,
    )


def _enterprise_names(number: int, rng: np.random.Generator) -> list[str]:
    """Return made-up names, each once; the first is the one enterprise that stands in print."""
    every = [
        first + second + trade for first in _FIRST_SIGNS for second in _SECOND_SIGNS for trade in _TRADES
    ]
    picked = rng.choice(len(every), number - 1, replace=False)
    return ["瑞旭过滤（示意）", *(f"{every[pick]}厂" for pick in picked)]


def _features(
    ground: Ground,
    codes: Sequence[str],
    titles: Sequence[str],
    kinds: Sequence[str],
    xy: Floats,
    attributes: Sequence[Mapping[str, Any]],
) -> pd.DataFrame:
    lon, lat = ground.degrees(xy)
    table = pd.DataFrame(
        {
            "feature_id": list(codes),
            "name": list(titles),
            "kind": list(kinds),
            "lon": lon,
            "lat": lat,
            "cell": np.zeros(len(codes), dtype=np.uint64),
            "grid_id": "",
            "village_id": "",
            "attributes": [_json(extra) for extra in attributes],
        }
    )
    return FEATURES.check(table.astype(dict(FEATURES.columns)))


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
