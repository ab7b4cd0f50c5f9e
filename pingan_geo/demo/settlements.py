"""Where people live, shop, work and meet in the demo town: estates, hamlets, shops, plants, named places.

All in metres from the seat of the town, all made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from pingan_geo.demo import names
from pingan_geo.demo.lines import Line
from pingan_geo.demo.mesh import Floats, Ints

#: Household heads are not named: hamlets carry the commonest family names of the country and a kind of place.
_FAMILIES = "张王李沈陆徐吴朱钱周顾孙姚俞金许潘陈汤施计费曹屠夏唐蒋杨"
_HAMLET_ENDINGS = ("家埭", "家浜", "家桥", "家汇", "家圩", "家湾", "家门", "家角", "家村", "家荡")
#: Kinds of places that are left open: nothing is built on them.
_OPEN_AIR = ("park", "square")
SHOP_COUNT = 420
PLANT_COUNT = 597


@dataclass(frozen=True)
class Estate:
    """A residential estate (小区)."""

    name: str
    village: int
    households: int
    shape: shapely.Polygon


@dataclass(frozen=True)
class Hamlets:
    """Hamlets (自然村) as arrays: metres, number of the village, households, name."""

    xy: Floats
    village: Ints
    households: Floats
    names: list[str]


@dataclass(frozen=True)
class Shops:
    """Shops along streets: metres, number of the road, house number."""

    xy: Floats
    road: Ints
    number: Ints


@dataclass(frozen=True)
class Place:
    """A named place of the gazetteer."""

    name: str
    kind: str
    x: float
    y: float


def build_estates(
    villages: Sequence[shapely.Polygon],
    hearts: Floats,
    roads: Sequence[Line],
    waters: Sequence[Line],
    rng: np.random.Generator,
) -> list[Estate]:
    """Return the estates: rectangles beside the streets, clear of roads, waters, borders and each other.

    Raises
    ------
    ValueError
        If there is no room for an estate.
    """
    taken = shapely.union_all(
        [road.line.buffer(road.width_m / 2 + 9) for road in roads if road.kind != "lane"]
        + [water.line.buffer(water.width_m / 2 + 12) for water in waters]
        + [shapely.Point(x * 1000, y * 1000).buffer(85) for _, kind, x, y in _SET_PLACES if kind in _OPEN_AIR]
    )
    numbers = {village.code: number for number, village in enumerate(names.VILLAGES)}
    estates: list[Estate] = []
    # The largest first: small ones fit between them.
    for code, name, households in sorted(names.ESTATES, key=lambda estate: -estate[2]):
        number = numbers[code]
        room = villages[number].buffer(-45).difference(taken)
        shapely.prepare(room)
        shape = _fit_rectangle(room, _estate_core(number, hearts), households, rng)
        if shape is None:
            raise ValueError(f"there is no room for {name}")
        taken = taken.union(shape.buffer(22))
        estates.append(Estate(name, number, households, shape))
    return sorted(estates, key=lambda estate: (estate.village, estate.name))


def _estate_core(village: int, hearts: Floats) -> Floats:
    """Return about where a village's estates are: towards the seat, but in the village."""
    heart = hearts[village]
    return np.asarray(heart * (0.8 if names.VILLAGES[village].kind == "社区" else 0.9))


def _fit_rectangle(
    room: shapely.Geometry, core: Floats, households: int, rng: np.random.Generator
) -> shapely.Polygon | None:
    """Return a rectangle with about ``households`` in a free place, the nearer the core the likelier."""
    area = 105.0 * households
    for attempt in range(5):
        spread_m = 380.0 * 1.4**attempt
        # Later attempts build higher.
        size = area * 0.86**attempt
        tries = 400
        middle = core + rng.normal(0, spread_m, (tries, 2))
        ratio = rng.uniform(0.75, 1.45, tries)
        angle = np.radians(rng.normal(0, 5, tries))
        half = np.sqrt(size)[..., None] / 2 * np.column_stack([np.sqrt(ratio), 1 / np.sqrt(ratio)])
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half[:, None, :]
        turned = np.stack(
            [
                corners[..., 0] * np.cos(angle)[:, None] - corners[..., 1] * np.sin(angle)[:, None],
                corners[..., 0] * np.sin(angle)[:, None] + corners[..., 1] * np.cos(angle)[:, None],
            ],
            axis=-1,
        )
        shapes = shapely.polygons(turned + middle[:, None, :])
        fits = np.flatnonzero(shapely.contains_properly(room, shapes))
        if len(fits):
            # The nearest of a few: compact, but not packed.
            few = fits[:9]
            return shapes[few[np.argmin(np.hypot(*(middle[few] - core).T))]]
    return None


def scatter_in(shape: shapely.Geometry, number: int, rng: np.random.Generator) -> Floats:
    """Return ``number`` random points in a shape, (n, 2)."""
    shapely.prepare(shape)
    west, south, east, north = shape.bounds
    found = np.empty((0, 2))
    while len(found) < number:
        trial = rng.uniform((west, south), (east, north), (4 * number + 16, 2))
        found = np.vstack([found, trial[shapely.contains_xy(shape, trial[:, 0], trial[:, 1])]])
    return found[:number]


def build_hamlets(
    villages: Sequence[shapely.Polygon],
    estates: Sequence[Estate],
    roads: Sequence[Line],
    waters: Sequence[Line],
    rng: np.random.Generator,
) -> Hamlets:
    """Return the hamlets of the villages and the old quarters of the communities.

    They lie along waters and roads, 300 m or more from each other (old quarters 90 m).
    """
    beside = shapely.union_all([line.line for line in [*roads, *waters] if line.kind != "motorway"])
    shapely.prepare(beside)
    housed = np.zeros(len(villages))
    for estate in estates:
        housed[estate.village] += estate.households
    all_xy, all_village, all_households, all_names = [], [], [], []
    for number, (shape, village) in enumerate(zip(villages, names.VILLAGES, strict=True)):
        rest = max(village.households - housed[number], 60.0)
        community = village.kind == "社区"
        trial = scatter_in(shape.buffer(-60), 500, rng)
        ways = shapely.distance(beside, shapely.points(trial))
        likely = np.exp(-np.abs(ways - 45) / 90)
        if community:
            likely *= np.exp(-np.hypot(trial[:, 0], trial[:, 1]) / 700)
        order = np.argsort(-np.log(rng.uniform(size=len(trial))) / likely)
        wanted = max(3, round(rest / (45 if community else 58)))
        apart = 90.0 if community else 290.0
        chosen: list[int] = []
        for candidate in order:
            if len(chosen) == wanted:
                break
            if all(np.hypot(*(trial[candidate] - trial[other])) > apart for other in chosen):
                chosen.append(int(candidate))
        size = np.exp(rng.normal(0, 0.45, len(chosen)))
        all_xy.append(trial[chosen])
        all_village.append(np.full(len(chosen), number))
        all_households.append(size / size.sum() * rest)
        words = [family + ending for ending in _HAMLET_ENDINGS for family in _FAMILIES]
        picked = rng.choice(len(words), len(chosen), replace=False)
        all_names += ["老街坊" if community else words[pick] for pick in picked]
    return Hamlets(
        np.concatenate(all_xy), np.concatenate(all_village), np.concatenate(all_households), all_names
    )


def build_shops(area: shapely.Polygon, roads: Sequence[Line], rng: np.random.Generator) -> Shops:
    """Return shops along streets, dense in the middle of the town, with even and odd house numbers."""
    lively = {
        "北街": 3.5,
        "新塍大道": 1.6,
        "佳源路": 2.6,
        "蓬莱路": 1.5,
        "南街": 2.0,
        "兴镇路": 1.0,
        "凤鸣路": 1.2,
        "洛东路": 0.9,
    }
    xy, road, number, weight = [], [], [], []
    for index, street in enumerate(roads):
        if street.kind not in ("main", "secondary", "street"):
            continue
        along = np.arange(12.0, street.line.length - 12, 9.0)
        here = shapely.get_coordinates(shapely.line_interpolate_point(street.line, along))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(street.line, along + 3)) - here
        ahead /= np.hypot(ahead[:, 0], ahead[:, 1])[:, None]
        for side in (1, -1):
            xy.append(here + side * (street.width_m / 2 + 7) * np.column_stack([-ahead[:, 1], ahead[:, 0]]))
            road.append(np.full(len(along), index))
            number.append(2 * np.arange(1, len(along) + 1) - (side == 1))
            default = 0.25 if street.kind == "main" else 1.0
            weight.append(np.full(len(along), lively.get(street.name, default)))
    all_xy = np.concatenate(xy)
    likely = np.concatenate(weight) * (np.exp(-np.hypot(all_xy[:, 0] - 0.25e3, all_xy[:, 1]) / 850) + 0.06)
    likely *= shapely.contains_xy(area.buffer(-40), all_xy[:, 0], all_xy[:, 1])
    chosen = np.sort(rng.choice(len(all_xy), SHOP_COUNT, replace=False, p=likely / likely.sum()))
    return Shops(all_xy[chosen], np.concatenate(road)[chosen], np.concatenate(number)[chosen])


def build_plants(
    area: shapely.Polygon,
    hearts: Floats,
    estates: Sequence[Estate],
    waters: Sequence[Line],
    rng: np.random.Generator,
) -> Floats:
    """Return where the enterprises are, (n, 2): mostly in four works areas, the rest in the villages."""
    works = np.array([(3.55, -1.15), (0.75, 2.95), (-1.45, -2.35), (2.05, -2.75)]) * 1000
    size = np.array([(560, 300), (520, 330), (380, 320), (300, 360)], dtype=float)
    number = 4 * PLANT_COUNT
    which = rng.choice(len(works), number, p=[0.42, 0.27, 0.18, 0.13])
    in_works = works[which] + rng.uniform(-1, 1, (number, 2)) * size[which]
    # Plots of 56 m, as works areas are laid out.
    in_works = np.round(in_works / 56) * 56 + rng.normal(0, 5, (number, 2))
    village = rng.choice(len(hearts), number)
    scattered = hearts[village] + rng.normal(0, 520, (number, 2))
    xy = np.where((rng.uniform(size=number) < 0.62)[:, None], in_works, scattered)
    closed = shapely.union_all(
        [water.line.buffer(water.width_m) for water in waters]
        + [estate.shape.buffer(40) for estate in estates]
    )
    free = area.buffer(-80).difference(closed)
    shapely.prepare(free)
    xy = xy[shapely.contains_xy(free, xy[:, 0], xy[:, 1])]
    # No two on the same spot: the first of each 28 m square stays.
    _, first = np.unique(np.floor(xy / 28).astype(np.int64), axis=0, return_index=True)
    xy = xy[np.sort(first)]
    if len(xy) < PLANT_COUNT:
        raise ValueError("there is no room for the enterprises")
    return np.asarray(xy[:PLANT_COUNT])


#: Places with a thought-out site, kilometres.
#: 佳源广场, 蓬莱公园, 北街老供销社, 财神庙, 问松桥 and 月波桥 stand in print, their sites do not.
_SET_PLACES = (
    ("佳源广场", "square", 1.10, -0.15),
    ("蓬莱公园", "park", 1.34, -1.02),
    ("北街老供销社", "shop", 0.06, 0.425),
    ("财神庙", "temple", -0.74, 0.47),
    ("问松桥", "bridge", -0.08, 0.165),
    ("月波桥", "bridge", 0.41, 0.19),
    ("新塍镇便民服务中心", "office", -0.42, -0.22),
    ("新塍派出所", "police", -0.56, -0.45),
    ("新塍应急消防站", "fire", 0.56, -0.52),
    ("新塍镇综合行政执法队", "office", -0.36, -0.48),
    ("新塍司法所", "office", -0.48, -0.34),
    ("新塍镇中心卫生院", "clinic", 1.45, -0.55),
    ("新塍中学", "school", -1.25, -0.32),
    ("新塍小学", "school", -0.45, 0.60),
    ("蓬莱小学", "school", 2.02, -1.10),
    ("洛东小学", "school", 0.30, 2.10),
    ("陡门小学", "school", -1.50, -6.60),
    ("富园幼儿园", "kindergarten", -1.05, -1.85),
    ("秀水幼儿园", "kindergarten", 0.20, 0.60),
    ("凤舞幼儿园", "kindergarten", -1.75, 0.32),
    ("蓬莱幼儿园", "kindergarten", 0.72, -1.10),
    ("新塍菜市场", "market", -0.50, 0.28),
    ("蓬莱农贸市场", "market", 1.88, -0.66),
    ("凤舞菜场", "market", -1.42, 0.22),
    ("洛东集贸市场", "market", 0.62, 2.05),
    ("市河公园", "park", 0.66, 0.38),
    ("凤舞公园", "park", -1.95, -0.15),
    ("富园文化公园", "park", -1.70, -1.62),
    ("洛溪湿地公园", "park", -0.40, 2.95),
    ("人民广场", "square", -0.62, -0.12),
    ("北街文化礼堂", "hall", 0.24, 0.50),
    ("新塍公交站", "bus", 0.88, -0.08),
    ("洛东公交站", "bus", 1.12, 2.02),
    ("老汽车站", "bus", -0.92, 0.10),
    ("虹桥停车场", "parking", -0.34, -0.82),
    ("佳源广场停车场", "parking", 1.22, -0.24),
    ("凤鸣路充电站", "charging", -1.46, -0.45),
    ("民心路充电站", "charging", 1.78, -1.22),
    ("洛东路充电站", "charging", 0.85, 1.80),
)
_SHOP_KINDS = (
    "便利店",
    "面馆",
    "超市",
    "电动车行",
    "水果店",
    "药店",
    "理发店",
    "五金店",
    "快递驿站",
    "早餐店",
    "网吧",
    "手机店",
    "烟酒店",
    "小吃店",
)


def build_places(
    area: shapely.Polygon,
    hearts: Floats,
    roads: Sequence[Line],
    waters: Sequence[Line],
    shops: Shops,
    rng: np.random.Generator,
) -> list[Place]:
    """Return the gazetteer: offices, schools, markets, parks, bridges, shops, a hall in each village."""
    places = [Place(name, kind, x * 1000, y * 1000) for name, kind, x, y in _SET_PLACES]
    for heart, village in zip(hearts, names.VILLAGES, strict=True):
        hall = "居委会" if village.kind == "社区" else "村委会"
        x, y = heart + rng.normal(0, 45, 2)
        places.append(Place(village.name + hall, "village hall", float(x), float(y)))
    places += _bridges(area, roads, waters)
    lively = np.flatnonzero([roads[index].kind in ("secondary", "street") for index in shops.road])
    used: set[str] = set()
    for index in rng.permutation(lively):
        road = roads[shops.road[index]].name
        kind = _SHOP_KINDS[int(rng.integers(len(_SHOP_KINDS)))]
        if road + kind not in used and len(used) < 58:
            used.add(road + kind)
            places.append(Place(road + kind, "shop", *map(float, shops.xy[index])))
    inside = shapely.contains_xy(area, [place.x for place in places], [place.y for place in places])
    return [place for place, within in zip(places, inside, strict=True) if within]


def _bridges(area: shapely.Polygon, roads: Sequence[Line], waters: Sequence[Line]) -> list[Place]:
    """Return a bridge wherever a named road crosses a water."""
    found: dict[str, Place] = {}
    within = area.buffer(-80)
    for road in roads:
        for water in waters:
            if road.kind in ("motorway", "lane"):
                continue
            for x, y in shapely.get_coordinates(road.line.intersection(water.line))[:1]:
                name = f"{road.name}{water.name.removesuffix('河').removesuffix('港')}桥"
                if shapely.contains_xy(within, x, y) and name not in found:
                    found[name] = Place(name, "bridge", float(x), float(y))
    return list(found.values())
