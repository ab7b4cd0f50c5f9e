"""A synthetic Chinese town for the geocoding benchmark: roads, doors, lanes, estates, villages, places.

Nothing here is a real address. Village and town names are real words of the region, so that texts look
like those of a ledger; every position is drawn. What exists and what the gazetteer lists are kept apart:
some doors, buildings, crossings and roads exist but are not listed, as in any real gazetteer, so that
texts about them have a true place which cannot be looked up.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pingan_geo.coords import local_metres

TOWN = "新塍镇"
#: What a town's settings say of it: what it lies in, and its neighbours.
TOWN_NAMES = ("浙江省", "嘉兴市", "秀洲区", TOWN)
NEIGHBOURS = (
    "王江泾镇",
    "洪合镇",
    "油车港镇",
    "新城街道",
    "高照街道",
    "嘉北街道",
    "乌镇镇",
    "濮院镇",
    "盛泽镇",
    "桃源镇",
)
CENTRE = (120.62, 30.80)  # WGS-84 degrees
#: Of doors, buildings and crossings, how many exist but are not listed.
HIDDEN_DOORS, HIDDEN_BUILDINGS, HIDDEN_CROSSINGS = 0.06, 0.07, 0.25
#: Roads whose ledger writes the town before each door.
PREFIXED_ROADS = 0.08
_FULL_SIZE = 15_000


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list that is written with blanks."""
    return tuple(text.split())


# Two syllables each; pairs that sound alike (富园/福园), look alike (太平/大平) or share a syllable are meant.
_ROAD_STEMS = words(
    "兴镇 洛东 问松 月波 凤舞 蓬莱 虹桥 秀水 康和 思古 陡门 火炬 富园 福园 旗星 桃园 天福 大福 大通 太平 大平 "
    "永乐 永洛 文昌 振兴 镇兴 建设 健康 人民 解放 新农 兴农 龙翔 龙祥 环镇 沿河 塘汇 吉祥 嘉桐 嘉铜 育才 学前 "
    "钱码 观音 西吴 南洋 庙云 金港 乌镇 洪合 明星 民兴 万民 新洲 兴洲 运河 汲水 丰收 和平 友谊 长虹 昌盛 繁荣 "
    "开源 创新 科创 物流 纺织 毛衫 光明 胜利 东升 西文 来龙 沙家 潘家 新庄 荷花 桂花 梅园 竹园 柳岸 春晖 秋涛 "
    "迎宾 望月 临湖 清河 清和 秀清 秀园 锦绣 锦秀 文桥 思源 思贤 崇文 尚德 厚德 同心 同兴 公园 车站 花园 电力"
)
_SPLIT_ROADS = ("中山", "人民", "建设", "振兴", "蓬莱", "洛东", "秀水", "环镇")
_OLD_LANES = words(
    "北街 南街 东街 西街 中大街 太平弄 谢家弄 书院弄 油车弄 米行弄 染店弄 当铺弄 陈家弄 混堂弄 寺前弄 "
    "河西街 河东街 鱼行街 酱园弄 木桥弄"
)
_ESTATE_STEMS = words(
    "锦绣 秀水 阳光 翡翠 碧水 江南 望湖 东方 金都 瑞景 嘉和 嘉禾 福临 富临 御景 誉景 世纪 清华 紫金 丽景 "
    "丽晶 桃源 蓝庭 兰亭 水岸 香榭 城南 城北 梧桐 月河 兴隆 新隆 凤鸣 凤凰 百合 柏合 星河 新河 永兴 荣华 "
    "景湖 静湖 怡园 宜园 天鹅 大地 春江 枫丹 玉兰 和谐 海棠 盛世 华庭 银杏 金桂 绿洲 云栖 悦府 康乐 安居"
)
_ESTATE_SUFFIXES = ("花苑", "小区", "公寓", "家园", "名邸", "花园", "新村", "瑞苑", "嘉苑", "雅苑")
_VILLAGES = words(
    "来龙桥 沙家浜 南洋 观音桥 西吴 新庄 天福 万民 大通 潘家浜 庙云桥 小金港 桃园 康和桥 钱码头 洛东 西文桥 "
    "洛兴 思古桥 洛西 旗星 陡门 火炬 富园"
)
_COMMUNITIES = ("虹桥", "秀水", "蓬莱", "凤舞")
_HAMLETS = words(
    "西浜 东浜 南港 北港 钱家埭 陆家湾 徐家桥 高墩 庙前 塘南 塘北 荡里 施家角 木桥头 新开河 石灰窑"
)
_CHAINS = (
    ("罗森便利店", "罗森"), ("全家便利店", "全家"), ("联华超市", "联华"), ("华联超市", "华联"),
    ("世纪联华超市", "世纪联华"), ("老百姓大药房", "老百姓药房"), ("益丰大药房", "益丰"),
    ("中国农业银行", "农行"), ("中国工商银行", "工行"), ("嘉兴银行", ""), ("禾城农商银行", "农商行"),
    ("华莱士炸鸡汉堡", "华莱士"), ("绝味鸭脖", "绝味"), ("蜜雪冰城", ""), ("菜鸟驿站", ""), ("妈妈驿站", ""),
    ("中国移动营业厅", "移动营业厅"), ("中国电信营业厅", "电信营业厅"), ("十足便利店", "十足"),
    ("雅迪电动车专卖店", "雅迪电动车"), ("爱玛电动车专卖店", "爱玛电动车"), ("古茗奶茶店", "古茗"),
)  # fmt: skip
#: Written alike at several places, without a word that tells them apart.
_SAME_NAMES = ("沙县小吃", "兰州拉面", "黄焖鸡米饭", "平价副食品店", "公共厕所", "水果店", "早餐店")
#: One of each: name as listed, short forms that people use.
_PUBLIC = (
    ("新塍镇人民政府", ("新塍镇政府", "镇政府")), ("嘉兴市公安局秀洲区分局新塍派出所", ("新塍派出所", "派出所")),
    ("新塍镇综合行政执法队", ("新塍执法队", "综合行政执法队")), ("新塍镇卫生院", ("新塍卫生院", "卫生院")),
    ("新塍镇中心小学", ("新塍小学", "中心小学")), ("新塍镇中心幼儿园", ("中心幼儿园",)),
    ("秀洲区新塍中学", ("新塍中学",)), ("新塍镇成人文化技术学校", ("新塍成校",)),
    ("新塍汽车客运站", ("新塍汽车站", "汽车客运站")), ("小蓬莱公园", ()), ("新塍镇农贸市场", ("新塍农贸市场",)),
    ("洛东农贸市场", ("洛东菜场",)), ("大润发超市", ("大润发",)), ("新塍镇文化活动中心", ("新塍文化中心",)),
    ("新塍镇便民服务中心", ("便民服务中心", "新塍便民中心")), ("新塍应急消防站", ("应急消防站",)),
    ("国网新塍供电所", ("新塍供电所", "供电所")), ("新塍自来水厂", ("自来水厂",)), ("新塍污水处理厂", ("污水厂",)),
    ("中国邮政新塍支局", ("新塍邮局", "新塍邮政支局")), ("中国石化新塍加油站", ("新塍中石化加油站", "中石化新塍加油站")),
    ("新塍镇敬老院", ("新塍敬老院",)), ("新塍图书馆", ()), ("新塍老年活动中心", ()), ("能仁寺", ()),
    ("小蓬莱停车场", ()), ("新塍体育馆", ()), ("新塍殡仪服务站", ()),
)  # fmt: skip
_BRIDGES = words("问松桥 月波桥 虹桥 来龙桥 丰乐桥 永福桥 高家桥 西文桥 思古桥 康和桥 庙云桥 南汇桥")
_SHOP_STEMS = words(
    "鑫达 金泰 永盛 好又多 家家乐 惠民 便民 兴旺 福满 顺发 宏达 鸿达 天天 老地方 小雅 百家 美佳 新世纪 "
    "大众 向阳 春燕 水乡 古镇 桥头 街角 一品 万家 千禧 同福 聚福 聚丰 金牛 大东 五洲 四季 三江"
)
_TRADES = words(
    "五金店 水电安装 副食店 烟酒行 理发店 美发 服装店 童装店 鞋店 棋牌室 网吧 宾馆 旅馆 饭店 面馆 羊肉馆 火锅店 "
    "快餐店 烧烤店 蛋糕店 电动车修理 汽车修理 洗车行 手机店 眼镜店 打印店 诊所 药店 口腔诊所 幼儿园 母婴店 建材店"
)
_FIRM_STEMS = words(
    "鑫达 恒泰 恒太 嘉诚 嘉成 华源 永新 永兴 天成 力天 新纪元 顺昌 宏业 鸿业 万丰 金田 科达 瑞丰 锐锋 明达"
)
_FIRM_TRADES = words("纺织 毛衫 五金制品 塑料制品 喷涂 包装材料 家具 电子科技 印染 机械配件 针织 化工")


@dataclass(frozen=True)
class Entry:
    """A thing with a place.

    Parameters
    ----------
    name
        As the gazetteer writes it.
    kind
        door, lane_door, lane, building, gate, estate, road, crossing, village, hamlet, house, shop,
        public, firm.
    x, y
        Metres east and north of :data:`CENTRE`.
    stem
        The part a person may mistype: road, estate, village, brand.
    tail
        What follows it: ``12号``, ``3幢``, ``(洛东店)``; bare name = stem + tail.
    listed
        Whether the gazetteer has it.
    short_forms
        Other words for the same thing.
    address
        Bare name of the door that a shop stands at.
    roads
        The two roads of a crossing.
    """

    name: str
    kind: str
    x: float
    y: float
    stem: str
    tail: str = ""
    listed: bool = True
    short_forms: tuple[str, ...] = ()
    address: str = ""
    roads: tuple[str, ...] = ()

    @property
    def bare(self) -> str:
        """The name without province, city and town."""
        return self.stem + self.tail


@dataclass(frozen=True)
class Road:
    """A road, its line in metres and the numbers that exist on it, listed or not."""

    name: str
    line: shapely.LineString
    numbers: frozenset[int] = frozenset()


@dataclass
class MadeTown:
    """All that exists, listed or not."""

    entries: list[Entry]
    roads: dict[str, Road]
    #: Estate names whose buildings are listed one by one.
    estates_with_buildings: frozenset[str]
    bare_counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.bare_counts = Counter(entry.bare for entry in self.listed())

    def listed(self) -> Iterator[Entry]:
        """Yield what the gazetteer has."""
        return (entry for entry in self.entries if entry.listed)

    def hidden(self, *kinds: str) -> list[Entry]:
        """Return what exists and is not listed."""
        return [entry for entry in self.entries if not entry.listed and entry.kind in kinds]

    def stems(self) -> set[str]:
        """Return every road, estate, village, brand and name that exists."""
        return {entry.stem for entry in self.entries if entry.stem}


def lon_lat(x: float, y: float) -> tuple[float, float]:
    """Return WGS-84 degrees of metres from the centre."""
    lon, lat = local_metres(*CENTRE).inverse(x, y)
    return round(float(lon), 7), round(float(lat), 7)


def lon_lat_many(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return WGS-84 degrees of many places in metres from the centre."""
    lon, lat = local_metres(*CENTRE).inverse(x, y)
    return np.round(lon, 7), np.round(lat, 7)


def make_town(seed: int = 1, entries: int = _FULL_SIZE) -> MadeTown:
    """Return a town whose gazetteer lists exactly so many entries; the same for the same seed.

    Raises
    ------
    ValueError
        If fewer than 2,000 are asked for: no town of that size has every kind of thing.
    """
    if entries < 2_000:
        raise ValueError(f"a made town needs at least 2,000 entries, not {entries}")
    rng = np.random.default_rng(seed)
    scale = min(1.0, entries / _FULL_SIZE) ** 0.7
    lines = _road_lines(rng, scale)
    estates, with_buildings = _estates(rng, scale)
    villages = _villages(rng, scale)
    crossings = _crossings(rng, lines)
    others = estates + villages + crossings + _road_entries(lines)
    shops_wanted = round(2_300 * scale)
    lanes_wanted = round(1_300 * scale)
    fixed = sum(entry.listed for entry in others)
    doors_wanted = entries - fixed - shops_wanted - lanes_wanted
    doors, roads = _doors(rng, lines, doors_wanted)
    lanes = _lanes(rng, roads, lanes_wanted)
    shops = _shops(rng, [door for door in doors if door.listed], shops_wanted)
    town = MadeTown([*doors, *lanes, *others, *shops], roads, with_buildings)
    listed = sum(1 for _ in town.listed())
    assert listed == entries, (listed, entries)
    return town


# -- roads and doors -----------------------------------------------------------------------------------


def _wavy(
    rng: np.random.Generator, start: tuple[float, float], end: tuple[float, float]
) -> shapely.LineString:
    one, other = np.array(start), np.array(end)
    length = float(np.hypot(*(other - one)))
    share = np.linspace(0, 1, max(3, int(length / 60)))
    across = np.array([-(other - one)[1], (other - one)[0]]) / max(length, 1.0)
    bend = rng.uniform(-0.03, 0.03) * length * np.sin(np.pi * share)
    bend += rng.uniform(0, 6) * np.sin(share * length / 170)
    return shapely.LineString(one + (other - one) * share[:, None] + across * bend[:, None])


def _road_lines(rng: np.random.Generator, scale: float) -> dict[str, shapely.LineString]:
    stems = [str(stem) for stem in rng.permutation(_ROAD_STEMS) if stem not in _SPLIT_ROADS]
    take = iter(stems)
    lines: dict[str, shapely.LineString] = {"新塍大道": _wavy(rng, (-2600, 130), (2600, 180))}
    columns = np.linspace(-1900, 1900, 13) + rng.uniform(-50, 50, 13)
    rows = np.linspace(-1500, 1500, 10) + rng.uniform(-50, 50, 10)
    split = list(_SPLIT_ROADS)
    for place, x in enumerate(columns):  # from south to north
        low, high = rng.uniform(-1700, -900), rng.uniform(900, 1700)
        if place % 3 == 1:
            stem = split.pop()
            lines[f"{stem}南路"] = _wavy(rng, (x, 0), (x, low))
            lines[f"{stem}北路"] = _wavy(rng, (x, 0), (x, high))
        else:
            lines[next(take) + "路"] = _wavy(rng, (x, low), (x, high))
    for place, y in enumerate(rows):  # from west to east
        left, right = rng.uniform(-2100, -1200), rng.uniform(1200, 2100)
        if place % 3 == 1 and split:
            stem = split.pop()
            lines[f"{stem}西路"] = _wavy(rng, (0, y), (left, y))
            lines[f"{stem}东路"] = _wavy(rng, (0, y), (right, y))
        else:
            lines[next(take) + "路"] = _wavy(rng, (left, y), (right, y))
    for number, word in enumerate("一二三四五六"):  # the industrial area, numbered twins
        lines[f"工业{word}路"] = _wavy(
            rng, (2200 + number * 170, -1100), (2200 + number * 170, rng.uniform(-300, 0))
        )
    mains = [name for name in lines if name.endswith("路") and name[-2] not in "东西南北一二三四五六"]
    for name in mains[: round(9 * scale)]:
        at, side = lines[name].interpolate(rng.uniform(0.3, 0.7), normalized=True), rng.choice([-1, 1])
        end = (at.x + side * rng.uniform(120, 260), at.y + side * rng.uniform(120, 260))
        lines[f"{name[:-1]}支路"] = _wavy(rng, (at.x, at.y), end)
    for name in _OLD_LANES[: max(10, round(len(_OLD_LANES) * scale))]:
        x, y = rng.uniform(-600, 600, 2)
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(90, 380)
        lines[name] = _wavy(rng, (x, y), (x + length * np.cos(angle), y + length * np.sin(angle)))
    for stem in take:  # roads between the villages
        if len(lines) >= 66 + 62 * scale:
            break
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(2300, 6500)
        x, y = away * np.cos(angle), away * np.sin(angle)
        turn, length = rng.uniform(0, 2 * np.pi), rng.uniform(400, 1500)
        ending = str(rng.choice(["路", "路", "路", "公路", "街"]))
        lines[stem + ending] = _wavy(rng, (x, y), (x + length * np.cos(turn), y + length * np.sin(turn)))
    return lines


def _beside(line: shapely.LineString, along_m: float, left: bool, away_m: float) -> tuple[float, float]:
    at, ahead = line.interpolate(along_m), line.interpolate(along_m + 1.0)
    if ahead.equals(at):
        at_before = line.interpolate(along_m - 1.0)
        dx, dy = at.x - at_before.x, at.y - at_before.y
    else:
        dx, dy = ahead.x - at.x, ahead.y - at.y
    norm = float(np.hypot(dx, dy)) or 1.0
    turn = 1.0 if left else -1.0
    return at.x - turn * dy / norm * away_m, at.y + turn * dx / norm * away_m


def _doors(
    rng: np.random.Generator, lines: dict[str, shapely.LineString], wanted: int
) -> tuple[list[Entry], dict[str, Road]]:
    """Return doors on both sides, odd on the left, with gaps, exactly ``wanted`` of them listed; and the roads."""
    total_m = sum(line.length for line in lines.values())
    step_m = 2 * total_m * 1.03 * (1 - HIDDEN_DOORS) / wanted
    doors: list[Entry] = []
    roads: dict[str, Road] = {}
    for name, line in lines.items():
        prefix = TOWN if rng.random() < PREFIXED_ROADS else ""
        numbers: set[int] = set()
        for left in (True, False):
            number, along = (1 if left else 2), rng.uniform(5, 15)
            while along < line.length:
                x, y = _beside(line, along, left, rng.uniform(8, 20))
                numbers.add(number)
                tail = f"{number}号"
                doors.append(Entry(prefix + name + tail, "door", x, y, name, tail))
                if rng.random() < 0.03:  # 12-1号 beside 12号
                    extra = f"{number}-1号"
                    doors.append(Entry(prefix + name + extra, "door", x + 4, y + 4, name, extra))
                number += 2 if rng.random() < 0.86 else 2 * int(rng.integers(2, 8))
                along += step_m * rng.uniform(0.55, 1.45)
        roads[name] = Road(name, line, frozenset(numbers))
    order = rng.permutation(len(doors))
    assert len(doors) >= wanted, "too few doors"
    hidden = set(order[wanted:].tolist())
    return [replace(door, listed=place not in hidden) for place, door in enumerate(doors)], roads


def _lanes(rng: np.random.Generator, roads: dict[str, Road], wanted: int) -> list[Entry]:
    """Lanes such as ``兴镇路120弄``, off the road, some with the number of a door; houses inside."""
    long_roads = [road for road in roads.values() if road.line.length > 500]
    lanes: dict[str, list[Entry]] = {}
    made = 0
    while made < wanted:
        road = long_roads[int(rng.integers(len(long_roads)))]
        share = rng.uniform(0.05, 0.95)
        number = max(1, int(share * max(road.numbers)))
        same = number in road.numbers and rng.random() < 0.5
        if not same:
            number = next(n for n in range(number, number + 500) if n not in road.numbers)
        name = f"{road.name}{number}弄"
        if name in lanes:
            continue
        x, y = _beside(road.line, share * road.line.length, number % 2 == 1, rng.uniform(40, 110))
        lane = [Entry(name, "lane", x, y, road.name, f"{number}弄")]
        for house in range(1, int(rng.integers(4, 24))):
            spot = (x + house * 7 * rng.choice([-1, 1]) * 0.4, y + house * 5)
            tail = f"{number}弄{house}号"
            lane.append(Entry(road.name + tail, "lane_door", *spot, road.name, tail))
        lanes[name] = lane[: wanted - made]
        made += len(lanes[name])
    return [entry for lane in lanes.values() for entry in lane]


def _road_entries(lines: dict[str, shapely.LineString]) -> list[Entry]:
    middles = {name: line.interpolate(0.5, normalized=True) for name, line in lines.items()}
    return [Entry(name, "road", middle.x, middle.y, name) for name, middle in middles.items()]


def _crossings(rng: np.random.Generator, lines: dict[str, shapely.LineString]) -> list[Entry]:
    names = list(lines)
    found = []
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            meet = lines[one].intersection(lines[other])
            if meet.is_empty or one[:2] == other[:2]:
                continue
            at = meet.representative_point()
            style = str(rng.choice(["{}与{}交叉口", "{}{}路口", "{}/{}"], p=[0.7, 0.2, 0.1]))
            name = style.format(one, other)
            listed = bool(rng.random() >= HIDDEN_CROSSINGS)
            found.append(Entry(name, "crossing", at.x, at.y, "", name, listed=listed, roads=(one, other)))
    return found


# -- estates and villages ------------------------------------------------------------------------------


def _estates(rng: np.random.Generator, scale: float) -> tuple[list[Entry], frozenset[str]]:
    names = [
        stem + str(rng.choice(_ESTATE_SUFFIXES))
        for stem in rng.permutation(_ESTATE_STEMS)[: round(60 * scale)]
    ]
    # the same first word, another ending: 锦绣花苑 and 锦绣家园
    for stem in rng.permutation(_ESTATE_STEMS)[: round(14 * scale)]:
        again = stem + str(rng.choice(_ESTATE_SUFFIXES))
        names += [] if again in names else [again]
    numbered = {
        f"{stem}{word}村"
        for stem in ("蓬莱", "新丰", "虹桥", "东升")[: max(2, round(4 * scale))]
        for word in "一二三"
    }
    found: list[Entry] = []
    with_buildings = set()
    for name in [*names, *sorted(numbered)]:
        x, y = rng.uniform(-2000, 2000), rng.uniform(-1600, 1600)
        small = rng.random() < 0.2
        prefix = TOWN if rng.random() < PREFIXED_ROADS else ""
        found.append(Entry(prefix + name, "estate", x, y, name))
        if small:  # a small compound, its buildings not listed
            continue
        with_buildings.add(name)
        word, count = str(rng.choice(["幢", "号楼", "栋"])), int(rng.integers(5, 36))
        columns = int(np.ceil(np.sqrt(count)))
        for building in range(1, count + 1):
            row, column = divmod(building - 1, columns)
            spot = (x + (column - (columns - 1) / 2) * 42, y + (row - (columns - 1) / 2) * 34)
            tail = f"{building}{word}"
            listed = bool(rng.random() >= HIDDEN_BUILDINGS)
            found.append(Entry(prefix + name + tail, "building", *spot, name, tail, listed=listed))
        half = columns * 21 + 10
        for gate, east, north in (("东门", 1, 0), ("西门", -1, 0), ("南门", 0, -1), ("北门", 0, 1)):
            if rng.random() < 0.5:
                spot = (x + east * half, y + north * half)
                found.append(Entry(prefix + name + gate, "gate", *spot, name, gate))
    return found, frozenset(with_buildings)


def _villages(rng: np.random.Generator, scale: float) -> list[Entry]:
    found = []
    for place, stem in enumerate(_VILLAGES[: max(12, round(len(_VILLAGES) * scale))]):
        village = f"{stem}村"
        angle, away = place * 2.4 + rng.uniform(-0.3, 0.3), rng.uniform(3000, 7500)
        x, y = away * np.cos(angle), away * np.sin(angle)
        found.append(Entry(village, "village", x, y, village))
        committee = f"{village}村民委员会"
        spot = (x + 60, y - 40)
        found.append(
            Entry(committee, "public", *spot, committee, short_forms=(f"{village}村委会", f"{village}委会"))
        )
        for group in range(1, int(rng.integers(6, 14))):
            middle = (x + rng.uniform(-1100, 1100), y + rng.uniform(-1100, 1100))
            tail = f"{group}组"
            found.append(Entry(village + tail, "hamlet", *middle, village, tail))
            for house in range(1, int(rng.integers(1, 6))):
                near = (middle[0] + rng.uniform(-90, 90), middle[1] + rng.uniform(-90, 90))
                whole = f"{tail}{house * 3}号"
                found.append(Entry(village + whole, "house", *near, village, whole))
        for hamlet in rng.permutation(_HAMLETS)[: int(rng.integers(2, 5))]:
            middle = (x + rng.uniform(-1100, 1100), y + rng.uniform(-1100, 1100))
            found.append(Entry(village + hamlet, "hamlet", *middle, village, str(hamlet)))
    for stem in _COMMUNITIES:
        name = f"{stem}社区居民委员会"
        x, y = rng.uniform(-1200, 1200, 2)
        found.append(Entry(name, "public", x, y, name, short_forms=(f"{stem}社区居委会", f"{stem}居委会")))
    return found


# -- shops, firms, public places -----------------------------------------------------------------------


def _shops(rng: np.random.Generator, doors: list[Entry], wanted: int) -> list[Entry]:
    """Things that stand at a door: public places, chains with branches, twins, shops, firms."""
    made: list[Entry] = []
    taken: set[str] = set()

    def add(kind: str, stem: str, tail: str = "", short_forms: tuple[str, ...] = ()) -> None:
        door = doors[int(rng.integers(len(doors)))]
        tail = tail.format(road=door.stem)
        if stem + tail in taken and kind != "same":
            return
        taken.add(stem + tail)
        x, y = door.x + rng.uniform(-4, 4), door.y + rng.uniform(-4, 4)
        kind = "shop" if kind == "same" else kind
        made.append(Entry(stem + tail, kind, x, y, stem, tail, True, short_forms, door.bare))

    for name, short_forms in _PUBLIC:
        add("public", name, "", short_forms)
    for name in _BRIDGES:
        add("public", name)
    for name, short in _CHAINS:
        bank = name.endswith("银行")
        for _ in range(max(2, round(wanted / 2300 * rng.integers(3, 16)))):
            tail = "新塍{road}支行" if bank else "({road}店)"
            add("shop", name, tail, (short + tail,) if short else ())
    for name in _SAME_NAMES:
        for _ in range(int(rng.integers(3, 7))):
            add("same", name)
    firms = round(wanted * 0.15)
    for _ in range(firms):
        stem = str(rng.choice(_FIRM_STEMS)) + str(rng.choice(_FIRM_TRADES))
        add("firm", f"嘉兴市{stem}有限公司", "", (stem, f"{stem}有限公司"))
    tries = 0
    while len(made) < wanted:
        tries += 1
        stem = str(rng.choice(_SHOP_STEMS)) + str(rng.choice(_TRADES))
        if stem in taken or tries > 6 * wanted:  # when the words run out: named after the road too
            add("shop", stem, "({road})")
        else:
            add("shop", stem)
    return made[:wanted]
