"""Made reports of known incidents, for the benchmark of duplicates.

An incident has facts (place, time, colour, storey, thing lost …). One to four people tell of it, each in
other words and with a part of the facts, each with a place and a time of their own. Beside them stand
honest near misses: other incidents that a careless rule takes for the same. All invented, and written
without looking at the matcher.

Near misses (:data:`NEAR_MISSES`)
    ``neighbour``: the same kind of thing next door, 25–100 m away, within days, other facts.
    ``same night``: neighbours' e-bikes, batteries, cars in one night, other facts.
    ``again``: the same spot 60 to 400 days later, often in the same words.
    ``one round``: one person tells of several things along a street within minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_town import lon_lat_many, words

START = datetime(2025, 3, 1)
NEAR_MISSES = ("neighbour", "same night", "again", "one round")
#: How many people tell of one incident.
TELLERS = {1: 0.60, 2: 0.25, 3: 0.10, 4: 0.05}
_FACTS = {
    "colour": words("红色 黑色 白色 蓝色 灰色 绿色 银色"),
    "brand": words("雅迪 爱玛 台铃 小牛 绿源 新日"),
    "floor": words("二楼 三楼 四楼 五楼 六楼"),
    "unit": words("1单元 2单元 3单元 4单元"),
    "where": words("车棚 楼下 门口 地下车库 围墙边 绿化带旁"),
    "shop": words("水果店 理发店 快餐店 修车铺 奶茶店 五金店"),
    "size": words("半米 三十公分 脸盆大 一米多 碗口大"),
    "side": words("东侧 西侧 南侧 北侧"),
    "item": words("手提包 钱包 手机 钥匙 身份证 书包 雨伞 公文包"),
    "thing": words("垃圾桶 厨房 电动车 仓库 草堆 配电箱"),
    "why": words("停车位 漏水 噪音 装修 养狗 围墙"),
    "number": words("2 3 4 5 6"),
    "cover": words("污水 雨水 通信 电力 自来水"),
    "line": words("电线 光缆 网线 电话线"),
}


@dataclass(frozen=True)
class Kind:
    """How incidents of a category are told.

    Parameters
    ----------
    tellings
        Ways to say it; names in braces are facts.
    apart_m
        Standard deviation of where people place it.
    gap_h
        Median hours between the first telling and another.
    longest_h
        No telling comes later than this.
    at_road
        Whether places are house numbers of roads rather than buildings of estates.
    sibling
        Category that some take it for; ``""`` none.
    """

    tellings: tuple[str, ...]
    apart_m: float
    gap_h: float
    longest_h: float
    at_road: bool = False
    sibling: str = ""


KINDS: Mapping[str, Kind] = {
    "FW2": Kind(
        (
            "飞线充电", "{floor}窗户拉出电线给电瓶车充电", "楼上有人从家里放线下来,{colour}电动车在充", "私拉电线充电,{unit}{floor}住户",
            "有住户飞线给电动自行车充电,线从{floor}挂下来,很危险", "楼道口电线乱拉,插座露在外面", "插线板从{floor}阳台吊下来充车",
            "居民私自拉接电线,存在安全隐患", "{unit}有人拉线充{colour}电瓶车", "空中飞线,担心着火",
        ),
        15, 20, 168, sibling="FW1",
    ),
    "FW1": Kind(
        (
            "店门口拉插线板给电瓶车充电", "{shop}从店里接线出来充电", "沿街店铺飞线充电", "人行道上电线横着,给外卖车充电", "{shop}私拉电线",
            "商户把电线拉到路边给{colour}电动车充电", "飞线充电", "{shop}门前乱接电线,容易绊倒人",
        ),
        15, 20, 168, at_road=True, sibling="FW2",
    ),
    "FW3": Kind(
        (
            "电动车推进楼道停放,堵住消防通道", "{unit}楼梯口停满电瓶车", "楼道里停了{number}辆电瓶车,走不过去", "消防通道被占用",
            "有人把电动车推上{floor}", "过道堆放杂物和电动车,逃生通道不通", "{unit}门厅停车充电", "占道,消防车进不来",
        ),
        15, 24, 168,
    ),
    "RD1": Kind(
        (
            "路面有坑", "路面坑洼,{size}一个洞", "车道中间坑槽,电瓶车容易摔", "道路破损严重", "柏油路面破了一块,{size}",
            "马路上有个大坑,晚上看不见", "{side}车道路面破损", "路面龟裂凹陷", "{side}路边塌了一块,{size}", "骑车经过差点摔倒,地面不平",
        ),
        22, 48, 336, at_road=True,
    ),
    "RD3": Kind(
        (
            "积水很深", "下雨后积水到小腿", "{side}道路积水,车辆熄火", "水漫上来了过不去", "下水道不通,路上全是水", "低洼处水排不掉",
            "{side}淹了一大片", "路面积水",
        ),
        40, 1.5, 24, at_road=True,
    ),
    "RD5": Kind(
        (
            "井盖不见了", "窨井盖缺失,有人差点掉下去", "{cover}井盖没了,只剩一个洞", "缺一只{cover}井盖", "路上窨井敞开着,危险",
            "{side}人行道井盖丢失", "井口没有盖子,小孩在旁边玩", "下水道盖子被人拿走",
        ),
        14, 8, 96, at_road=True,
    ),
    "RD4": Kind(
        (
            "{line}掉下来了", "{line}垂得很低,拦住路", "架空{line}断了一根", "{side}杆子上的线散落在地", "车子把{line}刮断了", "头顶线缆脱落",
        ),
        25, 3, 48, at_road=True,
    ),
    "TH1": Kind(
        (
            "停在{where}的{colour}{brand}电动车被偷", "电动车不见了,{brand}牌,{colour}", "电瓶车被盗,昨晚停{where}",
            "早上起来发现{where}的车没了", "{brand}电动车被盗", "业主反映{where}电动自行车被盗一辆", "{colour}电动车失窃,已报警",
        ),
        20, 4, 48, sibling="TH2",
    ),
    "TH2": Kind(
        (
            "电瓶被偷,车还在", "{brand}电动车电瓶被盗", "停{where}的电瓶车电池被人撬走", "车子的电瓶没了,{where}", "{colour}电动车坐垫被撬,电瓶丢失",
            "{brand}车电池失窃", "小偷把{colour}车的电瓶拆走了",
        ),
        20, 4, 48, sibling="TH1",
    ),
    "TH3": Kind(
        (
            "夜里有人拉车门", "车窗被砸,丢失{item}", "{colour}轿车里的{item}被偷", "有可疑男子挨个拉车门", "车内财物被盗,{item}不见",
            "车门没锁,{item}被翻走", "{colour}车被撬",
        ),
        30, 4, 48,
    ),
    "LF1": Kind(
        (
            "丢失{colour}{item}一个", "{item}不见了,可能掉在{where}", "在{where}遗失{item}", "捡到{colour}{item}", "有人拾到一个{item},交到门卫",
            "寻找失主,{colour}{item}", "我的{item}丢了,{colour}的", "拾金不昧,{where}拾得{item}",
        ),
        55, 6, 72,
    ),
    "FR1": Kind(
        (
            "着火了", "冒黑烟,看不清", "{thing}起火", "{thing}烧起来了,快来", "有浓烟,闻到焦味", "看到火光,好像是{thing}", "{where}有明火",
            "{thing}着火,烟很大",
        ),
        60, 0.15, 3,
    ),
    "CF1": Kind(
        (
            "邻居吵架", "两家因{why}争吵", "因{why}发生纠纷", "有人打架", "两户为{why}争执,要求调解", "吵得很厉害,影响休息", "{why}问题闹矛盾",
        ),
        25, 3, 48,
    ),
}  # fmt: skip
SHARES = {
    "FW2": 0.16, "FW1": 0.09, "FW3": 0.10, "RD1": 0.13, "RD3": 0.04, "RD5": 0.07, "RD4": 0.03, "TH1": 0.10, "TH2": 0.07,
    "TH3": 0.05, "LF1": 0.07, "FR1": 0.03, "CF1": 0.06,
}  # fmt: skip
_THEFTS = ("TH1", "TH2", "TH3")
_ROADS = words("兴镇路 洛东路 虹桥路 秀水路 蓬莱路 新塍大道 问松街 月波路 康和路 火炬路 天福路 桃园路")
_ESTATES = words(
    "锦绣花苑 秀水瑞苑 阳光小区 碧水家园 望湖公寓 蓬莱一村 蓬莱二村 江南名邸 福临嘉苑 月河小区 兴隆新村 海棠花园"
)
_OPENINGS = ("", "", "", "", "群众反映", "居民反映", "网格员上报:", "路过看到", "您好,", "投诉,")
_CLOSINGS = ("", "", "", "", "请处理", ",望尽快解决", ",谢谢", "。", ",好几天了", ",麻烦来看一下")


@dataclass(frozen=True)
class Incident:
    """What happened; ``born_of`` is the number of the incident that it is a near miss of, -1 none."""

    number: int
    category: str
    x: float
    y: float
    time: datetime
    name: str
    door: int
    facts: Mapping[str, str]
    born_of: int = -1
    near_miss: str = ""
    reporter: str = ""


def make_reports(
    seed: int = 1, incidents: int = 3_000, days: int = 120, extent_m: float = 2_500
) -> pd.DataFrame:
    """Return reports with ``incident`` (the truth), ``near_miss`` and ``born_of``; the same for the same seed.

    The columns of a report are ``report_id, category, time, time_until, lon, lat, radius_m, place, description,
    reporter, origin``, in the types of ``REPORTS``, ordered by time of telling.
    """
    rng = np.random.default_rng(seed)
    spots = rng.uniform(-extent_m, extent_m, (30, 2))
    happened: list[Incident] = []
    while len(happened) < incidents:
        first = _incident(rng, len(happened), spots, days, extent_m)
        happened.append(first)
        if rng.random() < 0.35:
            happened += _near_misses(rng, first, len(happened))
    rows: list[dict[str, object]] = []
    for incident in happened[:incidents]:
        rows += _tell(rng, incident)
    table = (
        pd.DataFrame(rows)
        .sort_values(["told", "incident"], kind="stable", ignore_index=True)
        .drop(columns="told")
    )
    table["lon"], table["lat"] = lon_lat_many(table.pop("x").to_numpy(), table.pop("y").to_numpy())
    table.insert(0, "report_id", rng.permutation(len(table)).astype("int64") + 1_000_000)
    for name in ("time", "time_until"):
        table[name] = table[name].astype("datetime64[s]")
    for name in ("category", "place", "description", "reporter", "origin", "near_miss"):
        table[name] = table[name].astype("str")
    return table


def true_pairs(reports: pd.DataFrame) -> set[tuple[int, int]]:
    """Return every pair of reports of one incident, the smaller number first."""
    pairs = set()
    for _, ids in reports.groupby("incident")["report_id"]:
        told = sorted(ids.tolist())
        pairs |= {(one, other) for place, one in enumerate(told) for other in told[place + 1 :]}
    return pairs


def near_miss_pairs(reports: pd.DataFrame) -> dict[tuple[int, int], str]:
    """Return the pairs of an incident's reports and those of the incident it is a near miss of."""
    of_incident = reports.groupby("incident")["report_id"].apply(list)
    kinds = reports.drop_duplicates("incident").set_index("incident")
    pairs = {}
    for number, row in kinds[kinds["near_miss"] != ""].iterrows():
        for one in of_incident[number]:
            for other in of_incident.get(row["born_of"], []):
                pairs[min(one, other), max(one, other)] = row["near_miss"]
    return pairs


# -- what happens --------------------------------------------------------------------------------------


def _one(rng: np.random.Generator, pool: tuple[str, ...]) -> str:
    return pool[int(rng.integers(len(pool)))]


def _facts(rng: np.random.Generator, unlike: Mapping[str, str] | None = None) -> dict[str, str]:
    """Draw facts; all of them other than those given."""
    return {
        name: _one(rng, tuple(word for word in pool if unlike is None or word != unlike[name]))
        for name, pool in _FACTS.items()
    }


def _incident(
    rng: np.random.Generator, number: int, spots: np.ndarray, days: int, extent_m: float
) -> Incident:
    category = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    if rng.random() < 0.45:
        x, y = spots[int(rng.integers(len(spots)))] + rng.normal(0, 150, 2)
    else:
        x, y = rng.uniform(-extent_m, extent_m, 2)
    name = _one(rng, _ROADS if KINDS[category].at_road else _ESTATES)
    time = START + timedelta(minutes=float(rng.integers(0, days * 1440)))
    return Incident(number, category, x, y, time, name, int(rng.integers(1, 60)), _facts(rng))


def _near_misses(rng: np.random.Generator, first: Incident, number: int) -> list[Incident]:
    """Return one near miss of an incident, or the two or three further things of one person's round."""
    kind = KINDS[first.category]
    style = str(rng.choice(NEAR_MISSES, p=[0.45, 0.15, 0.2, 0.2]))
    if style == "same night" and first.category not in _THEFTS:
        style = "neighbour"
    angle = rng.uniform(0, 2 * np.pi)
    if style == "again":
        later = first.time + timedelta(days=float(rng.uniform(60, 400)))
        return [replace(first, number=number, time=later, born_of=first.number, near_miss=style,
                        facts=_facts(rng, first.facts) if rng.random() < 0.5 else first.facts)]  # fmt: skip
    if style == "one round":
        reporter = f"round{first.number}"
        found = []
        for step in range(1, int(rng.integers(2, 4))):
            away = step * rng.uniform(35, 80)
            found.append(
                replace(first, number=number + step - 1, born_of=first.number, near_miss=style, reporter=reporter,
                        x=first.x + away * np.cos(angle), y=first.y + away * np.sin(angle), door=first.door + 2 * step,
                        time=first.time + timedelta(minutes=float(rng.uniform(2, 10) * step)), facts=_facts(rng, first.facts))
            )  # fmt: skip
        return found
    away = rng.uniform(25, 100)
    hours = (
        rng.uniform(0, 6) if style == "same night" else min(rng.exponential(kind.gap_h * 2), kind.longest_h)
    )
    step = 2 if kind.at_road else 1
    return [
        replace(first, number=number, born_of=first.number, near_miss=style, door=first.door + step * int(rng.integers(1, 4)),
                x=first.x + away * np.cos(angle), y=first.y + away * np.sin(angle),
                time=first.time + timedelta(hours=float(hours)), facts=_facts(rng, first.facts))
    ]  # fmt: skip


# -- how it is told ------------------------------------------------------------------------------------


def _tell(rng: np.random.Generator, incident: Incident) -> list[dict[str, object]]:
    kind = KINDS[incident.category]
    people = 1 if incident.reporter else int(rng.choice(list(TELLERS), p=list(TELLERS.values())))
    ways = rng.permutation(len(kind.tellings))
    rows: list[dict[str, object]] = []
    for person in range(people):
        telling = kind.tellings[int(ways[person % len(ways)])]
        told = incident.time
        if person:
            told += timedelta(hours=float(min(rng.lognormal(np.log(kind.gap_h), 0.9), kind.longest_h)))
        category = kind.sibling if person and kind.sibling and rng.random() < 0.06 else incident.category
        roughly = rng.random() < 0.15  # only the estate or the stretch of road is known
        scatter_m = 65.0 if roughly else kind.apart_m
        x, y = np.array([incident.x, incident.y]) + rng.normal(0, scatter_m / np.sqrt(2), 2)
        time, until = _time_said(rng, told)
        reporter = incident.reporter or ("" if rng.random() < 0.3 else f"p{rng.integers(1, 10**9)}")
        if person and rows[0]["reporter"] and rng.random() < 0.06:
            reporter = str(rows[0]["reporter"])  # tells it once more
        rows.append(
            {
                "category": category, "time": time, "time_until": until, "x": x, "y": y,
                "radius_m": float(rng.uniform(100, 160) if roughly else rng.choice([15.0, 25.0, 30.0, 40.0, np.nan])),
                "place": _place(rng, incident, kind, roughly=roughly), "description": _words(rng, telling, incident),
                "reporter": reporter, "origin": "reported", "incident": incident.number, "near_miss": incident.near_miss,
                "born_of": incident.born_of, "told": told,
            }
        )  # fmt: skip
    return rows


def _time_said(rng: np.random.Generator, told: datetime) -> tuple[datetime, datetime | None]:
    """Return an instant, or the day or the half day that the ledger gives."""
    told = told.replace(second=0, microsecond=0)
    day = told.replace(hour=0, minute=0)
    style = rng.random()
    if style < 0.12:
        return day, day + timedelta(days=1)
    if style < 0.22:
        half = day + timedelta(hours=12 if told.hour >= 12 else 0)
        return half, half + timedelta(hours=12)
    return told, None


def _place(rng: np.random.Generator, incident: Incident, kind: Kind, *, roughly: bool) -> str:
    if rng.random() < 0.2:
        return ""
    if roughly:
        return incident.name
    door = incident.door
    if rng.random() < (
        0.25 if kind.at_road else 0.04
    ):  # of a thing in the road people name the next door they see
        door = max(1, door + int(rng.choice([-4, -2, 2, 4]) if kind.at_road else rng.choice([-1, 1])))
    if kind.at_road:
        return incident.name + _one(rng, ("{}号", "{}号门口", "{}号附近", "{}号对面")).format(door)
    return incident.name + _one(rng, ("{}幢", "{}号楼", "{}幢楼下", "{}栋")).format(door)


def _words(rng: np.random.Generator, telling: str, incident: Incident) -> str:
    if rng.random() < 0.08:
        return ""
    said = telling.format(**incident.facts)
    if rng.random() < 0.1:  # part of the place inside the words
        said = f"{incident.name}{said}"
    return _one(rng, _OPENINGS) + said + _one(rng, _CLOSINGS)
