"""The names of a town's places, made ready to be found by words that are not quite them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import LocalMetres, local_metres
from pingan_geo.errors import BadTableError
from pingan_geo.geocoding.addresses import (
    Crossing,
    crossing,
    districts,
    in_digits,
    is_spelt_out,
    normalise,
    parse,
    plain,
    rank,
    stem,
)
from pingan_geo.geocoding.spellings import Shortlist, Spellings, is_misspelt, sound
from pingan_geo.model.place import GAZETTEER, LEVELS

#: The true place lies within this of an entry of the level, metres, where nothing better is known.
USUAL_RADIUS_M = {
    "point": 10.0,
    "door": 25.0,
    "building": 30.0,
    "place": 40.0,
    "estate": 150.0,
    "crossing": 30.0,
    "segment": 100.0,
    "road": 300.0,
    "village": 800.0,
}
#: The same for a group of a village (组), metres.
GROUP_RADIUS_M = 250.0
#: An entry this near to one that names a district may lie in that district, metres.
DISTRICT_M = 2000.0
#: Lines of two roads that come nearer than this cross, metres.
SNAP_M = 30.0
#: Doors of two roads that come nearer than this stand at their crossing, metres.
CORNER_M = 80.0

#: Misspellings of a town that neither sound nor dictionary catch; used only where the right one is at home.
_MISSPELT = dict.fromkeys(("新滕", "新藤", "新腾", "新塖", "新膝"), "新塍")

_KINDS = {
    "door": "door", "门牌": "door", "门牌号": "door", "building": "building", "楼栋": "building", "幢": "building",
    "estate": "estate", "小区": "estate", "住宅小区": "estate", "crossing": "crossing", "路口": "crossing",
    "road": "road", "道路": "road", "village": "village", "村": "village", "社区": "village", "行政村": "village",
}  # fmt: skip
_ROAD_NAME = re.compile(r"(?:路|街|大道|公路|国道|省道|县道|巷|胡同|[^\d]弄|塘路|高速)$")
_ESTATE_NAME = re.compile(
    r"(?:小区|花园|花苑|公寓|家园|新村|佳苑|[名嘉雅佳锦华兰桂馨金景水丽悦逸]苑|苑|名邸|华庭|花城|新城|[^农乡山]庄园"
    r"|[1-9]\d?村|[1-9]区|[1-9]期|别墅|公馆|府邸|雅居|名都|人家|住宅区|生活区|里)$"
)
_VILLAGE_NAME = re.compile(r"(?:[^新\d]村|社区|居委会|自然村|[^\d]队|\d+组|\d+队)$")
_IN_PARENTHESES = re.compile(r"\([^()]*\)?")
_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class Street:
    """What is known of a name that numbers belong to: a road, an estate, a village.

    Parameters
    ----------
    doors
        Chain of numbers (``118号``, ``1881弄79号``) to the entries that bear it.
    """

    doors: dict[str, list[int]] = field(default_factory=dict)
    _numbers: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def add(self, chain: str, entry: int) -> None:
        """Take up an entry."""
        self.doors.setdefault(chain, []).append(entry)

    def numbers(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the plain house numbers along it, sorted, and the entry at each (弄 and 号 alike)."""
        if self._numbers is None:
            plain_numbers = [
                (int(found.group(1)), entries[0])
                for chain, entries in self.doors.items()
                if (found := re.fullmatch(r"(\d{1,5})(?:号|弄)", chain))
            ]
            table = np.array(sorted(plain_numbers), dtype=np.int64).reshape(-1, 2)
            self._numbers = (table[:, 0], table[:, 1])
        return self._numbers

    def entries(self) -> list[int]:
        """Return every entry along it."""
        return [entry for entries in self.doors.values() for entry in entries]


class Gazetteer:
    """Names, house numbers, roads and villages of one town, indexed for look-up. Make it with :meth:`of`.

    Attributes
    ----------
    names
        As written, one per entry; ``lon``, ``lat`` (WGS-84), ``x``, ``y`` (metres of ``plane``), ``levels``,
        ``radii`` (metres), ``sources``, ``entry_ids``, ``village_ids`` stand beside it.
    exact
        Normalised name without punctuation to the entries that bear it, with and without their districts.
    weak
        The same for names from which a district was taken that may matter; not a match for sure.
    streets
        Name of a road, estate or village to what stands along it.
    named
        Normalised names without numbers, districts taken away, to their entries.
    """

    def __init__(self, entries: Any, plane: LocalMetres) -> None:
        self.names: list[str] = entries["name"].tolist()
        self.kinds: list[str] = entries["kind"].tolist()
        self.sources: list[str] = entries["source"].tolist()
        self.entry_ids: list[str] = entries["entry_id"].tolist()
        self.village_ids: list[str] = entries["village_id"].tolist()
        self.lon: NDArray[np.float64] = entries["lon"].to_numpy(dtype=np.float64)
        self.lat: NDArray[np.float64] = entries["lat"].to_numpy(dtype=np.float64)
        self.plane = plane
        self.x, self.y = plane.forward(self.lon, self.lat)
        self.levels: list[str] = [""] * len(self.names)
        self.radii = np.full(len(self.names), np.nan)
        self.stated_radii = entries["radius_m"].to_numpy(dtype=np.float64)
        self.districts: list[tuple[str, ...]] = [()] * len(self.names)
        self.aliases: dict[str, list[int]] = {}
        self.exact: dict[str, list[int]] = {}
        self.weak: dict[str, list[int]] = {}
        self.streets: dict[str, Street] = {}
        self.named: dict[str, list[int]] = {}
        self.named_crossings: dict[tuple[str, str], list[int]] = {}
        self.road_lines: dict[str, Any] = {}
        self.villages: dict[str, tuple[str, Any]] = {}
        self.own: set[str] = set()
        self.own_ranks: set[str] = set()
        self.elsewhere: re.Pattern[str] | None = None
        self._own_in_a_row: re.Pattern[str] | None = None
        self.misspelt: dict[str, str] = {}
        self.area: Any = None
        self._crossings: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        self._known: dict[str, bool] = {}
        self._middles: dict[str, tuple[float, float, float] | None] = {}
        self._crossing_roads: set[str] = set()
        self.chains: list[str] = [""] * len(self.names)
        self.normal: list[str] = []
        self.joined = ""

    @classmethod
    def of(
        cls,
        entries: Any,
        *,
        roads: Any = None,
        area: Any = None,
        villages: Any = None,
        town_names: Sequence[str] = (),
        other_places: Sequence[str] = (),
    ) -> Gazetteer:
        """Make the gazetteer of a town.

        Parameters
        ----------
        entries
            GAZETTEER, or any table with ``name``, ``lon``, ``lat`` (WGS-84) and perhaps ``kind`` and the
            rest. What is a house number is told by the name, whatever the kind. Rows of the source
            ``alias`` hold a confirmed text in ``name``. Rows without a name or a place cannot be found.
        roads
            Lines (EPSG:4326) with ``name``; those without a name are left aside.
        area
            Shape of the town, WGS-84: what is found outside it is not accepted unasked.
        villages
            Polygons (EPSG:4326) with ``code`` and ``name``.
        town_names
            The town and what it lies in: 浙江省, 嘉兴市, 秀洲区, 新塍镇.
        other_places
            Names of the neighbours: a text that names one is elsewhere.

        Raises
        ------
        BadTableError
            If a column is missing, or longitudes and latitudes are not numbers.
        """
        table = _as_gazetteer(entries)
        usable = np.isfinite(table["lon"].to_numpy()) & np.isfinite(table["lat"].to_numpy())
        usable &= (table["lat"].abs() <= 90).to_numpy() & (table["lon"].abs() <= 180).to_numpy()
        table = table[usable].reset_index(drop=True)
        middle = (table["lon"].median(), table["lat"].median()) if len(table) else (0.0, 0.0)
        found = cls(table, local_metres(*middle))
        found.area = area
        found._take_districts(town_names, other_places)
        found._take_entries()
        found._take_roads(roads)
        found._take_crossings()
        found._take_villages(villages)
        found._take_radii()
        return found

    # -- making ----------------------------------------------------------------------------------------

    def _take_districts(self, town_names: Sequence[str], other_places: Sequence[str]) -> None:
        own = [name for name in normalise(list(town_names)) if name]
        self.own = {*own, *(stem(name) for name in own)}
        self.own_ranks = {rank(name) for name in own}
        if own:
            names = "|".join(sorted(map(re.escape, {"中国", *self.own}), key=lambda name: (-len(name), name)))
            # 浙江嘉兴秀洲区: each without its kind but the last
            self._own_in_a_row = re.compile(f"(?:{names})+(?:省|市|区|县|镇|乡|街道)?")
        # a stem alone is no neighbour: 桃源小区 is not in 桃源镇
        others = {name for name in normalise(list(other_places)) if len(name) > 1} - self.own
        if others:
            road = r"(?!(?:[东西南北中]?(?:路|街|大道|大街|公路|线|桥|港|塘|河|方向)))"
            whole = "|".join(sorted(map(re.escape, others), key=lambda name: (-len(name), name)))
            self.elsewhere = re.compile(f"(?:{whole}){road}")
        self.joined = "\n".join([*own, *normalise(self.names)])
        self.misspelt = {
            wrong: right
            for wrong, right in _MISSPELT.items()
            if right in self.joined and wrong not in self.joined
        }
        self.normal = self.joined.split("\n")[len(own) :] if self.names else []

    def spell(self, normal: str) -> str:
        """Return a normalised text with the known misspellings of the town put right."""
        for wrong, right in self.misspelt.items():
            if wrong in normal:
                normal = normal.replace(wrong, right)
        return normal

    def _take_entries(self) -> None:
        for entry, normal in enumerate(self.normal):
            if not plain(normal):
                continue
            if self.sources[entry] == "alias":
                self.aliases.setdefault(plain(normal), []).append(entry)
                self.levels[entry] = self.kinds[entry] if self.kinds[entry] in LEVELS else "place"
                continue
            self._take_name(entry, normal)
            for part in normal.split(",")[1:] if "," in normal else ():
                if len(part) > 3 and part[-1].isalnum() and parse(districts(part)[1]).numbers:
                    self._take_name(entry, part)

    def _take_weak(self, entry: int, rest: str, tail: str) -> None:
        """Take up what is written beside a name: 东方路1881弄 *东方城市花园*, 东方城市花园 *(东方路1881弄)*."""
        parts = [tail] if len(tail) > 2 else []
        if "(" in rest:
            parts += [_IN_PARENTHESES.sub("", rest), *_IN_PARENTHESES.findall(rest)]
        for part in parts:
            if len(plain(part)) > 1:
                _append(self.weak, plain(part), entry)

    def _take_name(self, entry: int, normal: str) -> None:
        whole = plain(normal)
        prefix, rest = districts(normal)
        address = parse(rest)
        self.chains[entry] = self.chains[entry] or address.chain
        self.districts[entry] = self.districts[entry] or prefix
        self.levels[entry] = self.levels[entry] or _level(
            address.base, address.numbers, rest, self.kinds[entry]
        )
        _append(self.exact, whole, entry)
        if prefix:
            # 青浦区人民医院 is not the only 人民医院, but 青浦区人民路12号 is 人民路12号 unless another is known
            is_sure = bool(address.numbers) or all(self.is_own(name) for name in prefix)
            _append(self.exact if is_sure else self.weak, plain(rest), entry)
        self._take_weak(entry, rest, address.tail if address.numbers else "")
        if not address.numbers:
            # of 沙县大酒店 nothing but 大酒店 would be left
            if not prefix or len(plain(rest)) > 3 or all(self.is_own(name) for name in prefix):
                _append(self.named, plain(rest), entry)
            if prefix and whole != plain(rest):
                _append(self.named, whole, entry)
            return
        street = self.streets.setdefault(plain(address.base), Street())
        if entry not in street.doors.get(address.chain, ()):
            street.add(address.chain, entry)
        if address.inner:
            inside = "".join(value + unit for value, unit in address.numbers if unit not in {"弄", "支弄"})
            self.streets.setdefault(address.inner, Street()).add(inside, entry)

    def _take_crossings(self) -> None:
        """Take up which two roads an entry is the crossing of; after all streets are known."""
        for entry, level in enumerate(self.levels):
            roads = crossing(districts(self.normal[entry])[1]) if level == "crossing" else None
            pairs = self.road_pairs(roads) if roads is not None else []
            if pairs:
                one, other = sorted(pairs[0])
                self.named_crossings.setdefault((one, other), []).append(entry)
        # known only by where they cross; not before all are taken, so that the order of the entries is nothing
        self._crossing_roads = {name for pair in self.named_crossings for name in pair}

    def road_pairs(self, roads: Crossing) -> list[tuple[str, str]]:
        """Return the two names that a crossing may be of, known roads first."""
        ends = ("", "路") if roads.ends_in_road else ("",)
        joined, is_road = roads.joined or roads.first, self.is_road
        split = [
            (joined[:cut], joined[cut:] + end)
            for end in ends
            for cut in range(2, len(joined) if joined else 0)
            if is_road(joined[:cut]) and is_road(joined[cut:] + end)
        ]
        if not roads.second:
            return split
        said = [
            (first, second + end)
            for end in ends
            for first, second in ((roads.first, roads.second), *roads.others)
        ]
        known = [pair for pair in said if is_road(pair[0]) and is_road(pair[1])]
        return [*known, *split, *(pair for pair in said if pair not in known)]

    def _take_roads(self, roads: Any) -> None:
        if roads is None or len(roads) == 0:
            return
        lines: dict[str, list[Any]] = defaultdict(list)
        names = [plain(name) for name in normalise(["" if each is None else each for each in roads["name"]])]
        for name, line in zip(names, roads.geometry.to_numpy(), strict=True):
            if name and line is not None and not line.is_empty:
                lines[name].append(line)
        for name, parts in lines.items():
            self.road_lines[name] = self.in_metres(shapely.union_all(parts))

    def _take_villages(self, villages: Any) -> None:
        if villages is None or len(villages) == 0:
            return
        names = normalise([str(each) for each in villages["name"]])
        for code, name, shape in zip(
            villages["code"].astype(str), names, villages.geometry.to_numpy(), strict=True
        ):
            if name and shape is not None and not shape.is_empty:
                self.villages[plain(name)] = (code, shape)

    def _take_radii(self) -> None:
        for entry, level in enumerate(self.levels):
            self.radii[entry] = USUAL_RADIUS_M.get(level, 40.0)
            if np.isfinite(self.stated_radii[entry]):
                self.radii[entry] = self.stated_radii[entry]
                continue
            if level not in {"estate", "road", "village"}:
                continue
            name = self.bare(entry)
            if level == "village" and name[-1:] in {"组", "队"}:
                self.radii[entry] = GROUP_RADIUS_M
                continue
            if level == "village" and name in self.villages:
                self.radii[entry] = self.village_radius(name)
            elif level == "road" and name in self.road_lines:
                self.radii[entry] = max(self.road_lines[name].length / 2, 30.0)
            else:
                self.radii[entry] = self._reach(entry, name, self.radii[entry])

    def _reach(self, entry: int, name: str, usual: float) -> float:
        """Return how far the doors of an estate or a road lie from its entry, nine times of ten."""
        address = parse(name)
        if address.numbers:
            outer = address.chain
            street = self.streets.get(plain(address.base))
            doors = [
                door
                for chain, entries in (street.doors.items() if street else ())
                if chain.startswith(outer) and chain != outer
                for door in entries
            ]
        else:
            doors = self.streets[name].entries() if name in self.streets else []
        if len(doors) < 3:
            return usual
        away = np.hypot(self.x[doors] - self.x[entry], self.y[doors] - self.y[entry])
        return float(max(np.quantile(away, 0.9), 30.0))

    # -- asking ----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.names)

    def bare(self, entry: int) -> str:
        """Return the normalised name of an entry without its districts and punctuation."""
        return plain(districts(self.normal[entry])[1])

    def is_own(self, district: str) -> bool:
        """Say whether a district is the town itself or what it lies in."""
        if district in self.own or stem(district) in self.own:
            return True
        return self._own_in_a_row is not None and self._own_in_a_row.fullmatch(district) is not None

    def is_at_home(self, district: str) -> bool:
        """Say whether a district is the town's own, also slightly misspelt, or is named by an entry."""
        if district not in self._known:
            self._known[district] = (
                self.is_own(district) or district in self.joined or self._is_own_misspelt(district)
            )
        return self._known[district]

    def _is_own_misspelt(self, district: str) -> bool:
        """Say whether a district is the town's own with one character that sounds or looks like the right one."""
        short = stem(district)
        return any(
            sound(short) == sound(name) or is_misspelt(short, name) or is_misspelt(district, name)
            for name in self.own
            if len(name) > 1
        )

    def prepare(self) -> None:
        """Make what is otherwise made at the first text that needs it, so that no text has to wait."""
        _ = self.lexicon, self.spellings, self.by_numbers, self.spelt_out, self.in_district, self.inside
        for street in self.streets.values():
            street.numbers()

    @cached_property
    def spellings(self) -> Spellings:
        """Every name, for look-up by a misspelt one."""
        return Spellings({*self.named, *self.streets, *self.road_lines, *self.weak, *self.aliases})

    @cached_property
    def by_numbers(self) -> dict[tuple[str, ...], Shortlist]:
        """The numbers of a name in a row, whatever they belong to, to the names and entries that have them.

        What is found by it has every number of the text, so only words can differ.
        """
        found: dict[tuple[str, ...], Shortlist] = defaultdict(Shortlist)
        for entry, normal in enumerate(self.normal):
            if self.sources[entry] == "alias" or not normal:
                continue
            name = self.bare(entry)
            spelt = in_digits(name)
            # 五一路12号 is looked for by 51, 12 and by 12, 民星1村12号 by 1, 12 and by 12
            keys = {
                (numbers_of(spelt), without_digits(spelt)),
                (numbers_of(self.chains[entry]), without_digits(name)),
            }
            for numbers, words in sorted(keys):
                if numbers:
                    found[numbers].add(words, entry)
        for shortlist in found.values():
            shortlist.close()
        return dict(found)

    @cached_property
    def spelt_out(self) -> tuple[Spellings, dict[str, list[int]]]:
        """The names with a number in words, as written, and their entries: a slip may be in the number itself."""
        found: dict[str, list[int]] = defaultdict(list)
        rows = [entry for entry, name in enumerate(self.names) if is_spelt_out(name) and self.normal[entry]]
        written = normalise([self.names[entry] for entry in rows], numerals=False)
        for entry, name in zip(rows, written, strict=True):
            if self.sources[entry] != "alias":
                found[plain(districts(name)[1])].append(entry)
        return Spellings(found, in_words=True), dict(found)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Which entries lie in the town, or within about 300 m of it."""
        if self.area is None:
            return np.ones(len(self.names), dtype=bool)
        return np.asarray(shapely.contains_xy(self.area.buffer(0.003), self.lon, self.lat))

    @cached_property
    def in_district(self) -> dict[str, NDArray[np.float64]]:
        """Stem of a district to where the entries lie that name it: metres east and north."""
        found: dict[str, list[int]] = defaultdict(list)
        for entry, names in enumerate(self.districts):
            for name in names:
                found[stem(name)].append(entry)
        return {name: np.column_stack((self.x[rows], self.y[rows])) for name, rows in found.items()}

    def is_near_district(self, district: str, entry: int) -> bool:
        """Say whether an entry lies where those of a district do; True for one that no entry names."""
        there = self.in_district.get(stem(district))
        if there is None:
            return True
        away = np.hypot(there[:, 0] - self.x[entry], there[:, 1] - self.y[entry])
        return bool(away.min() <= DISTRICT_M)

    def is_road(self, name: str) -> bool:
        """Say whether a normalised name is that of a known road."""
        if name in self.road_lines or name in self._crossing_roads:
            return True
        return name in self.streets and _ROAD_NAME.search(name) is not None

    def village_radius(self, name: str) -> float:
        """Return the radius of the circle that has the area of a village, metres."""
        return float(np.sqrt(self.in_metres(self.villages[name][1]).area / np.pi))

    def in_metres(self, shape: Any) -> Any:
        """Return a shape in WGS-84 degrees as one in metres of the plane."""
        return shapely.transform(shape, lambda at: np.column_stack(self.plane.forward(at[:, 0], at[:, 1])))

    def crossings(self, first: str, second: str) -> list[tuple[float, float, float]]:
        """Return where two roads cross: metres east, metres north, radius; one for each crossing.

        From the lines of the roads (those that come within :data:`SNAP_M` cross), else from their doors.
        """
        pair = (first, second) if first <= second else (second, first)
        if pair not in self._crossings:
            if first in self.road_lines and second in self.road_lines:
                found = _lines_cross(self.road_lines[pair[0]], self.road_lines[pair[1]])
            else:
                found = self._doors_meet(*pair)
            self._crossings[pair] = found
        return self._crossings[pair]

    @cached_property
    def all_crossings(self) -> list[tuple[str, float, float]]:
        """Every crossing of the roads whose lines are given: name, metres east, metres north."""
        names, lines = sorted(self.road_lines), [self.road_lines[name] for name in sorted(self.road_lines)]
        if not lines:
            return []
        one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=SNAP_M)
        return [
            (f"{names[first]}与{names[second]}交叉口", x, y)
            for first, second in sorted(zip(one.tolist(), other.tolist(), strict=True))
            if first < second
            for x, y, _ in self.crossings(names[first], names[second])
        ]

    def _doors_meet(self, first: str, second: str) -> list[tuple[float, float, float]]:
        here, there = self._points(first), self._points(second)
        if not len(here) or not len(there):
            return []
        shortest = shapely.shortest_line(shapely.multipoints(here), shapely.multipoints(there))
        if shortest.length > CORNER_M:
            return []
        middle = shapely.get_coordinates(shortest).mean(axis=0)
        return [(float(middle[0]), float(middle[1]), max(50.0, float(shortest.length)))]

    def _points(self, name: str) -> NDArray[np.float64]:
        if name in self.road_lines:
            return np.asarray(shapely.get_coordinates(shapely.segmentize(self.road_lines[name], 20.0)))
        doors = self.streets[name].entries() if name in self.streets else []
        return np.column_stack((self.x[doors], self.y[doors]))

    def road_point(self, name: str) -> tuple[float, float, float] | None:
        """Return the middle of a road and how far it reaches from there: metres east, north, radius."""
        if name not in self._middles:
            self._middles[name] = self._road_point(name)
        return self._middles[name]

    def _road_point(self, name: str) -> tuple[float, float, float] | None:
        if name in self.road_lines:
            line = self.road_lines[name]
            middle = shapely.line_interpolate_point(
                line if line.geom_type == "LineString" else max(line.geoms, key=lambda part: part.length),
                0.5,
                normalized=True,
            )
            return float(middle.x), float(middle.y), max(float(line.length) / 2, 30.0)
        points = self._points(name)
        if not len(points):
            return None
        x, y = np.median(points, axis=0)
        reach = np.quantile(np.hypot(points[:, 0] - x, points[:, 1] - y), 0.9)
        return float(x), float(y), max(float(reach), 50.0)

    @cached_property
    def lexicon(self) -> Any:
        """The names without numbers and the aliases, to be found inside a longer text."""
        import ahocorasick

        words = ahocorasick.Automaton()
        for name in (*self.named, *self.streets, *self.road_lines, *self.aliases, *self.villages):
            if len(name) > 1:
                words.add_word(name, name)
        words.make_automaton()
        return words

    def names_in(self, text: str) -> list[tuple[int, str]]:
        """Return the names that occur in a normalised text and do not lie in a longer one: start, name."""
        if not len(self.lexicon):
            return []
        found = [(end - len(name) + 1, name) for end, name in self.lexicon.iter(text)]
        found.sort(key=lambda each: (each[0], -len(each[1])))
        kept: list[tuple[int, str]] = []
        reached = 0
        for start, name in found:
            if start + len(name) > reached:
                kept.append((start, name))
                reached = start + len(name)
        return kept


def numbers_of(name: str) -> tuple[str, ...]:
    """Return the numbers of a name in their order: 东方路1881弄79号 → ``("1881", "79")``."""
    return tuple(_DIGITS.findall(name))


def without_digits(name: str) -> str:
    """Return a name without the numbers in it."""
    return _DIGITS.sub("", name)


def _append(index: dict[str, list[int]], key: str, entry: int) -> None:
    entries = index.setdefault(key, [])
    if entry not in entries[-1:]:
        entries.append(entry)


def _level(base: str, numbers: Iterable[tuple[str, str]], name: str, kind: str) -> str:
    """Return the level of an entry, told by its name, and by its kind where the name does not say it."""
    units = [unit for _, unit in numbers]
    if units:
        if units[-1] in {"弄", "支弄"}:
            return "estate"
        if units[-1] in {"组", "队"}:
            return "village"
        is_along_road = len(units) == 1 and (units[0] != "幢") and not _ESTATE_NAME.search(base)
        return "door" if is_along_road or (units[-1] == "号" and units[0] == "弄") else "building"
    said = _KINDS.get(kind.strip().lower(), "")
    if said in {"estate", "road", "village", "crossing"}:
        return said
    if re.search(r"(?:交叉口|路口|交汇处)$", name):
        return "crossing"
    for pattern, level in ((_ESTATE_NAME, "estate"), (_VILLAGE_NAME, "village"), (_ROAD_NAME, "road")):
        if pattern.search(plain(name)):
            return level
    return "place"


def _as_gazetteer(entries: Any) -> Any:
    """Return a table as GAZETTEER: what is missing is empty."""
    for column in ("name", "lon", "lat"):
        if column not in entries.columns:
            raise BadTableError(table="gazetteer", detail=f"column {column} is missing")
    table = pd.DataFrame(index=pd.RangeIndex(len(entries)))
    for column, dtype in GAZETTEER.columns.items():
        if column == "radius_m" and column not in entries.columns:
            table[column] = np.nan
        elif dtype == "float64":
            try:
                table[column] = np.asarray(entries[column], dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise BadTableError(table="gazetteer", detail=f"column {column} is not numbers") from error
        elif column in entries.columns:
            values = ["" if pd.isna(value) else str(value) for value in entries[column]]
            table[column] = pd.array(values, dtype="str")
        else:
            values = (
                [str(row) for row in range(len(entries))] if column == "entry_id" else [""] * len(entries)
            )
            table[column] = pd.array(values, dtype="str")
    return table


def _lines_cross(first: Any, second: Any) -> list[tuple[float, float, float]]:
    """Return the places where two lines cross or nearly meet; places within twice the snap are one."""
    from scipy.cluster.hierarchy import fcluster, linkage

    shared = shapely.intersection(first, second)
    points = shapely.get_coordinates(
        [
            part.centroid
            for part in (shared.geoms if hasattr(shared, "geoms") else [shared])
            if not part.is_empty
        ]
    )
    if not len(points):
        if shapely.distance(first, second) > SNAP_M:
            return []
        nearest = shapely.get_coordinates(shapely.shortest_line(first, second))
        points = nearest.mean(axis=0, keepdims=True)
    groups = (
        fcluster(linkage(points, "single"), 2 * SNAP_M, "distance")
        if len(points) > 1
        else np.ones(1, dtype=int)
    )
    found = []
    for group in np.unique(groups):
        members = points[groups == group]
        x, y = members.mean(axis=0)
        spread = float(np.hypot(members[:, 0] - x, members[:, 1] - y).max())
        found.append((float(x), float(y), USUAL_RADIUS_M["crossing"] + spread))
    return found
