"""What happens in the demo town, and what of it is reported.

Incidents are drawn from the true risk of :mod:`pingan_geo.demo.spots` and the rhythm of
:mod:`pingan_geo.demo.rhythm`; thefts bring further thefts nearby within days. A report is an incident that
someone saw: :mod:`pingan_geo.demo.effort` says how likely that is where and when. Some incidents are reported
by several people, and some of what the ledgers hold was found by patrols, not reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from pingan_geo.demo import names
from pingan_geo.demo.alliance import Alliance
from pingan_geo.demo.effort import SOURCES, Effort
from pingan_geo.demo.geography import Geography
from pingan_geo.demo.mesh import Floats, Ints, sums
from pingan_geo.demo.rhythm import (
    DAYS,
    MONTH_OF_DAY,
    MONTHS,
    START,
    WEEKDAY_OF_DAY,
    Rhythm,
    draw_days,
    draw_hours,
)
from pingan_geo.demo.spots import CATEGORIES, KINDS, TRUTH_RESOLUTION, Spots, inner_area
from pingan_geo.demo.words import sentences_of
from pingan_geo.model.tables import CLEAN_REPORTS, TIME
from pingan_geo.spatial import cells as h3_cells

#: Of all reports: further reports of an incident already reported, and finds of patrols.
REPEATED_SHARE, FOUND_SHARE = 0.055, 0.05
#: Reports that the truth is written for when none are wanted.
USUAL_REPORTS = 12_000

#: A theft brings so many more, on average, so near and so soon.
NEAR_REPEATS, REPEAT_M, REPEAT_MAX_M, REPEAT_DAYS, REPEAT_MAX_DAYS = 0.30, 85.0, 200.0, 2.4, 7
_THEFTS = ("TH1", "TH2", "TH3", "TH4")
_FOUND = {"FW1": 0.26, "FW2": 0.22, "FW3": 0.24, "FW4": 0.06, "RD1": 0.10, "RD5": 0.04, "EN1": 0.08}
_PATROL_HOURS = np.array([9, 10, 15, 19, 19, 20, 20, 20, 21, 21])
_SEVERAL_SEE = ("FW", "FR", "RD", "LF")
_DAY_S = 86_400
#: Source to the share of its reports of which only the date is known.
_DATE_ONLY = np.array([0.005, 0.02, 0.05, 0.01, 0.06])
_OVERNIGHT = 0.22
_CODES = tuple(CATEGORIES)


@dataclass(frozen=True)
class Incidents:
    """Incidents as arrays of one length.

    Parameters
    ----------
    category
        Index into :data:`CATEGORIES`.
    spot
        Index into the spots: gives the words for the place.
    xy
        (n, 2) where it is, metres.
    cell
        Index into the cells of the spots.
    day, second
        Days from START, seconds of the day.
    """

    category: Ints
    spot: Ints
    xy: Floats
    cell: Ints
    day: Ints
    second: Ints

    def __len__(self) -> int:
        return len(self.category)

    def take(self, which: Ints) -> Incidents:
        """Return some of them."""
        return Incidents(
            self.category[which],
            self.spot[which],
            self.xy[which],
            self.cell[which],
            self.day[which],
            self.second[which],
        )


def join_incidents(parts: list[Incidents]) -> Incidents:
    """Return several tables as one."""
    fields = ("category", "spot", "xy", "cell", "day", "second")
    return Incidents(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


@dataclass(frozen=True)
class Happenings:
    """Reports, and the risk that they came from.

    Parameters
    ----------
    reports
        Table of CLEAN_REPORTS, ordered by time.
    risk
        (categories, cells) expected incidents a year, reported or not.
    """

    reports: pd.DataFrame
    risk: Floats


@dataclass(frozen=True)
class Stage:
    """All that reports are drawn from."""

    geography: Geography
    alliance: Alliance
    spots: Spots
    spot_risk: dict[str, Floats]
    rhythms: dict[str, Rhythm]
    effort: Effort

    @cached_property
    def inner_area(self) -> Any:
        """The town without its outermost three metres, in degrees."""
        return inner_area(self.geography)


def let_happen(stage: Stage, number: int, rng: np.random.Generator) -> Happenings:
    """Return exactly ``number`` reports of :data:`START` to :data:`END`, and the true risk.

    The rate of incidents is set so that about this many are reported; with 0 reports the risk is that of a
    town with :data:`USUAL_REPORTS`.

    Parameters
    ----------
    stage
        What they are drawn from.
    number
        0 or more.
    rng
        Only the reports depend on it.
    """
    shares = np.array([share for share, _ in CATEGORIES.values()])
    kernel = _repeat_kernel(stage)
    shapes = np.stack([_cell_risk(stage, category, kernel) for category in CATEGORIES])
    visible = np.array(
        [
            shares[index]
            * float((shapes[index] @ stage.effort.seen[category[:2]]) @ stage.rhythms[category].month_share)
            for index, category in enumerate(CATEGORIES)
        ]
    )
    repeated, found = round(REPEATED_SHARE * number), round(FOUND_SHARE * number)
    first = number - repeated - found
    usual = USUAL_REPORTS * (1 - REPEATED_SHARE - FOUND_SHARE)
    risk = shares[:, None] * shapes * (first if number else usual) / visible.sum()
    counts = rng.multinomial(first, visible / visible.sum())
    parts = []
    for index, (category, count) in enumerate(zip(CATEGORIES, counts.tolist(), strict=True)):
        if category in _THEFTS and count:
            seen_share = visible[index] / shares[index] / stage.rhythms[category].month_share.sum()
            parts.append(_thefts(stage, index, count, seen_share, rng))
        else:
            parts.append(_incidents(stage, index, count, rng))
    seen = join_incidents(parts)
    again = _repeats(seen, repeated, rng)
    finds = _finds(stage, found, rng)
    everything = join_incidents([seen, seen.take(again), finds])
    lag = np.zeros(len(everything), dtype=np.int64)
    lag[len(seen) : len(seen) + len(again)] = (
        np.minimum(rng.exponential(5 * 3600, len(again)), 3 * _DAY_S) + 60
    )
    is_find = np.arange(len(everything)) >= len(seen) + len(again)
    return Happenings(_write_down(stage, everything, lag, is_find, rng), risk)


# -- incidents ---------------------------------------------------------------------------------------


def _cell_risk(stage: Stage, category: str, kernel: csr_matrix) -> Floats:
    """Return the share of a category's incidents in every cell, near repeats included."""
    spots = stage.spots
    share = sums(spots.cell, stage.spot_risk[category], len(spots.cells))
    if category not in _THEFTS:
        return share
    total, generation = np.zeros_like(share), share
    for _ in range(8):
        total += generation
        generation = NEAR_REPEATS * (kernel @ generation)
    return np.asarray(total * (1 - NEAR_REPEATS))


def _repeat_kernel(stage: Stage) -> csr_matrix:
    """Return the share of a cell's near repeats that fall into each cell around it (column to row)."""
    centres = np.column_stack(stage.geography.ground.plane.forward(*h3_cells.centres(stage.spots.cells)))
    tree = cKDTree(centres)
    spacing = float(np.median(tree.query(centres, k=2)[0][:, 1]))
    # Numerically: points all over one hexagon, thrown in all directions and to all distances.
    fine = (np.arange(14) + 0.5) / 14
    u, v, turn, throw = (
        axis.ravel() for axis in np.meshgrid(fine, fine, 2 * np.pi * fine, fine, indexing="ij")
    )
    start = np.column_stack([u + v / 2, v * np.sqrt(0.75)]) * spacing
    landed = start + _repeat_distance(throw)[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    steps = np.hypot(*(_lattice_place(landed, spacing) - _lattice_place(start, spacing)).T)
    rings, share = np.unique(np.round(steps, 3), return_counts=True)
    # A hexagon has six others at each distance met here.
    each = share / share.sum() / np.where(rings == 0, 1, 6)
    pairs = tree.sparse_distance_matrix(tree, (rings.max() + 0.1) * spacing, output_type="coo_matrix")
    nearest = np.abs(rings[None, :] - pairs.data[:, None] / spacing).argmin(axis=1)
    number = len(centres)
    return csr_matrix((each[nearest], (pairs.row, pairs.col)), shape=(number, number))


def _lattice_place(xy: Floats, spacing: float) -> Floats:
    """Return the lattice point of a triangular lattice nearest to each point, in units of its spacing."""
    x, y = (xy / spacing).T
    b = y / np.sqrt(0.75)
    a = x - b / 2
    c = -a - b
    near_a, near_b, near_c = np.rint(a), np.rint(b), np.rint(c)
    off_a, off_b, off_c = np.abs(near_a - a), np.abs(near_b - b), np.abs(near_c - c)
    near_a = np.where((off_a > off_b) & (off_a > off_c), -near_b - near_c, near_a)
    near_b = np.where((off_b >= off_a) & (off_b > off_c), -near_a - near_c, near_b)
    return np.column_stack([near_a + near_b / 2, near_b * np.sqrt(0.75)])


def _repeat_distance(drawn: Floats) -> Floats:
    return np.asarray(-REPEAT_M * np.log(1 - drawn * (1 - np.exp(-REPEAT_MAX_M / REPEAT_M))))


def _incidents(stage: Stage, category: int, count: int, rng: np.random.Generator) -> Incidents:
    """Return ``count`` incidents that were seen: risk times season times effort."""
    code = _CODES[category]
    seen = stage.effort.seen[code[:2]][stage.spots.cell]
    risk, rhythm = stage.spot_risk[code], stage.rhythms[code]
    month, spot = _draw_places(risk[:, None] * seen * rhythm.month_share, count, rng)
    day = draw_days(rhythm, month, rng)
    second = _draw_second(rhythm, day, rng)
    return Incidents(
        np.full(count, category), spot, stage.spots.xy[spot], stage.spots.cell[spot], day, second
    )


def _draw_places(weight: Floats, count: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return month and spot of ``count`` draws from weights (spots, months)."""
    by_month = weight.sum(axis=0)
    of_month = rng.multinomial(count, by_month / by_month.sum())
    month = np.repeat(np.arange(len(by_month)), of_month)
    cumulated = np.cumsum(weight, axis=0)
    spots = [
        np.searchsorted(cumulated[:, index], rng.uniform(0, cumulated[-1, index], drawn), side="right")
        for index, drawn in enumerate(of_month)
    ]
    return month, np.minimum(np.concatenate(spots), len(weight) - 1)


def _draw_second(rhythm: Rhythm, day: Ints, rng: np.random.Generator) -> Ints:
    hour = draw_hours(rhythm, WEEKDAY_OF_DAY[day], rng)
    return hour * 3600 + rng.integers(0, 3600, len(day))


def _thefts(
    stage: Stage, category: int, count: int, seen_share: float, rng: np.random.Generator
) -> Incidents:
    """Return ``count`` thefts that were seen, of a process in which each theft brings others nearby.

    All thefts are drawn, seen or not, and then thinned: a near repeat of a theft that nobody reported is
    still a near repeat.

    Parameters
    ----------
    seen_share
        Of all thefts of this category, about.
    """
    code = _CODES[category]
    rhythm, risk = stage.rhythms[code], stage.spot_risk[code]
    seen = stage.effort.seen[code[:2]]
    wanted = int(1.25 * count * (1 - NEAR_REPEATS) / seen_share) + 40
    while True:
        month, spot = _draw_places(risk[:, None] * rhythm.month_share, wanted, rng)
        day = draw_days(rhythm, month, rng)
        generation = Incidents(
            np.full(wanted, category),
            spot,
            stage.spots.xy[spot],
            stage.spots.cell[spot],
            day,
            _draw_second(rhythm, day, rng),
        )
        parts = []
        while len(generation):
            parts.append(generation)
            generation = _next_generation(stage, generation, rhythm, rng)
        everything = join_incidents(parts)
        likely = seen[everything.cell, MONTH_OF_DAY[everything.day]]
        where = np.flatnonzero(rng.uniform(size=len(everything)) < likely)
        if len(where) >= count:
            return everything.take(np.sort(rng.choice(where, count, replace=False)))
        wanted *= 2


def _next_generation(stage: Stage, parents: Incidents, rhythm: Rhythm, rng: np.random.Generator) -> Incidents:
    """Return the near repeats of thefts that fall inside the town and the period."""
    of = np.repeat(np.arange(len(parents)), rng.poisson(NEAR_REPEATS, len(parents)))
    angle = rng.uniform(0, 2 * np.pi, len(of))
    way = _repeat_distance(rng.uniform(size=len(of)))
    xy = parents.xy[of] + way[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    later = -REPEAT_DAYS * np.log(
        1 - rng.uniform(size=len(of)) * (1 - np.exp(-REPEAT_MAX_DAYS / REPEAT_DAYS))
    )
    day = parents.day[of] + np.ceil(later).astype(np.int64)
    cell, inside = _cells_in_town(stage, xy)
    keep = inside & (day < DAYS)
    of, xy, day, cell = of[keep], xy[keep], day[keep], cell[keep]
    spot = _spot_beside(stage, xy)
    return Incidents(parents.category[of], spot, xy, cell, day, _draw_second(rhythm, day, rng))


def _cells_in_town(stage: Stage, xy: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    spots = stage.spots
    lon, lat = stage.geography.ground.degrees(xy)
    at = h3_cells.cells_of(lon, lat, TRUTH_RESOLUTION)
    cell = np.minimum(np.searchsorted(spots.cells, at), len(spots.cells) - 1)
    inside = shapely.contains_xy(stage.inner_area, lon, lat)
    return cell, inside & (spots.cells[cell] == at)


def _spot_beside(stage: Stage, xy: Floats) -> Ints:
    """Return the nearest spot that has words of its own, for the place of a theft."""
    named = np.flatnonzero(stage.spots.kind != KINDS.index("field"))
    return np.asarray(named[cKDTree(stage.spots.xy[named]).query(xy)[1]], dtype=np.int64)


def _repeats(seen: Incidents, number: int, rng: np.random.Generator) -> Ints:
    """Return which incidents someone else reports too; those in public, and one may be drawn twice."""
    public = np.isin(seen.category, [_CODES.index(code) for code in CATEGORIES if code[:2] in _SEVERAL_SEE])
    candidates = np.flatnonzero(public)
    if not len(candidates):
        candidates = np.arange(len(seen))
    return np.asarray(
        rng.choice(candidates, number) if number else np.empty(0, dtype=np.int64), dtype=np.int64
    )


def _finds(stage: Stage, number: int, rng: np.random.Generator) -> Incidents:
    """Return what patrols find: where risk and their own ways meet, in the hours of patrols."""
    counts = rng.multinomial(number, list(_FOUND.values()))
    patrolled = stage.effort.patrolled[stage.spots.cell]
    parts = []
    for code, count in zip(_FOUND, counts.tolist(), strict=True):
        weight = stage.spot_risk[code][:, None] * patrolled * stage.rhythms[code].month_share
        month, spot = _draw_places(weight, count, rng)
        day = draw_days(stage.rhythms[code], month, rng)
        second = rng.choice(_PATROL_HOURS, count) * 3600 + rng.integers(0, 3600, count)
        parts.append(
            Incidents(
                np.full(count, _CODES.index(code)),
                spot,
                stage.spots.xy[spot],
                stage.spots.cell[spot],
                day,
                second,
            )
        )
    return join_incidents(parts)


# -- reports -----------------------------------------------------------------------------------------


def _write_down(
    stage: Stage, told: Incidents, lag: Ints, is_find: NDArray[np.bool_], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the ledger rows of what was told."""
    source_rng, place_rng, time_rng, word_rng = rng.spawn(4)
    source = _choose_source(stage, told, is_find, source_rng)
    level, radius = _choose_level(stage, told, source, place_rng)
    lon, lat = _place_on_map(stage, told, radius, place_rng)
    time, until = _note_time(told, lag, source, time_rng)
    order = np.lexsort((told.spot, told.category, time))
    time, until, source, level = time[order], until[order], source[order], level[order]
    told = told.take(order)
    is_find = is_find[order]
    table = pd.DataFrame(
        {
            "row_number": _numbers_within(source) + 2,
            "source": np.array(SOURCES, dtype=object)[source],
            "source_id": _event_numbers(time),
            "category": np.array(_CODES, dtype=object)[told.category],
            "time": time,
            "time_until": until,
            "lon": lon[order],
            "lat": lat[order],
            "datum": "wgs84",
            "datum_known_by": "stated",
            "level": _LEVELS[level],
            "radius_m": radius[order],
            "origin": np.where(is_find, "found", "reported").astype(object),
            "reporter": _reporters(stage, told, source, word_rng),
            "place": _place_words(stage, told, level, word_rng),
            "description": _descriptions(told, word_rng),
            "stated_grid": "",
            "extra": "",
        }
    )
    return CLEAN_REPORTS.check(table.astype(dict(CLEAN_REPORTS.columns)))


def _choose_source(
    stage: Stage, told: Incidents, is_find: NDArray[np.bool_], rng: np.random.Generator
) -> Ints:
    source = np.zeros(len(told), dtype=np.int64)
    month = MONTH_OF_DAY[told.day]
    drawn = rng.uniform(size=len(told))
    for index, code in enumerate(_CODES):
        here = np.flatnonzero(told.category == index)
        weights = stage.effort.source_weights(code[:2])[:, told.cell[here], month[here]]
        cumulated = np.cumsum(weights, axis=0)
        source[here] = (drawn[here] * cumulated[-1] >= cumulated).sum(axis=0)
    source = np.minimum(source, len(SOURCES) - 1)
    by_patrol = np.where(drawn < 0.75, SOURCES.index("平安岗"), SOURCES.index("派出所"))
    return np.where(is_find, by_patrol, source)


_LEVELS = np.array(["point", "door", "building", "estate", "road", "village"], dtype=object)
_POINT, _DOOR, _BUILDING, _ESTATE, _ROAD, _VILLAGE = range(6)
_RADIUS_M = np.array([15.0, 30.0, 40.0, 120.0, 200.0, 400.0])


def _choose_level(
    stage: Stage, told: Incidents, source: Ints, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Return how finely the place is known, and the radius in metres."""
    kind = stage.spots.kind[told.spot]
    estate = kind == KINDS.index("estate")
    road = np.isin(kind, [KINDS.index(name) for name in ("motorway", "main", "street", "lane")])
    settled = np.isin(kind, [KINDS.index(name) for name in ("old", "hamlet", "field")])
    drawn = rng.uniform(size=len(told))
    level = np.full(len(told), _POINT)
    by_words = source != SOURCES.index("随手拍")
    level[by_words] = _DOOR
    level[by_words & estate] = np.where(drawn < 0.6, _BUILDING, _ESTATE)[by_words & estate]
    level[by_words & road & (drawn < 0.7)] = _ROAD
    level[by_words & settled & (drawn < 0.22)] = _VILLAGE
    # Posts and patrols stand there with a phone as often as not.
    at_hand = (source == SOURCES.index("平安岗")) & (rng.uniform(size=len(told)) < 0.55)
    level[at_hand] = _POINT
    radius = _RADIUS_M[level]
    phone = level == _POINT
    radius[phone] = np.round(rng.uniform(4, 25, int(phone.sum())))
    return level, radius


def _place_on_map(
    stage: Stage, told: Incidents, radius: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return WGS-84 degrees near the true place, within the radius and the town."""
    angle = rng.uniform(0, 2 * np.pi, len(told))
    way = np.minimum(np.abs(rng.normal(0, 0.4, len(told))), 0.98) * radius
    step = way[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    area = stage.geography.layers["area"].geometry.iloc[0]
    shapely.prepare(area)
    lon, lat = stage.geography.ground.degrees(told.xy + step)
    for factor in (0.25, 0.0):
        out = np.flatnonzero(~shapely.contains_xy(area, lon, lat))
        lon[out], lat[out] = stage.geography.ground.degrees(told.xy[out] + factor * step[out])
    return lon, lat


def _note_time(told: Incidents, lag: Ints, source: Ints, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return time and end of interval as ledgers give them."""
    second = told.day * _DAY_S + told.second
    last = DAYS * _DAY_S - 60
    late = second + lag
    late = np.where(
        late > last, second + ((last - second) * rng.uniform(size=len(told))).astype(np.int64), late
    )
    # Phones write seconds, people write minutes, and round them.
    by_phone = source == SOURCES.index("随手拍")
    rounded = np.where(rng.uniform(size=len(told)) < 0.35, late // 300 * 300, late // 60 * 60)
    start = np.where(by_phone, late, rounded)
    end = np.full(len(told), np.datetime64("NaT"), dtype=TIME)
    begin = START.astype(TIME)
    # Found gone in the morning: known only from when to when.
    thefts = np.isin(told.category, [_CODES.index(code) for code in ("TH1", "TH2", "TH4")])
    between = np.flatnonzero(thefts & (rng.uniform(size=len(told)) < _OVERNIGHT))
    before = start[between] - rng.integers(1, 8, len(between)) * 3600
    start[between] = np.maximum(before // 3600 * 3600, 0)
    after = (late[between] // 3600 + rng.integers(1, 4, len(between))) * 3600
    end[between] = begin + np.minimum(after, DAYS * _DAY_S).astype("timedelta64[s]")
    dated = np.flatnonzero((rng.uniform(size=len(told)) < _DATE_ONLY[source]) & np.isnat(end))
    start[dated] = start[dated] // _DAY_S * _DAY_S
    end[dated] = begin + (start[dated] + _DAY_S).astype("timedelta64[s]")
    return begin + start.astype("timedelta64[s]"), end


def _numbers_within(group: Ints) -> Ints:
    """Return 0, 1, 2 … within each group, in the order of the rows."""
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=int(group.max(initial=0)) + 1)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    numbers = np.empty(len(group), dtype=np.int64)
    numbers[order] = np.arange(len(group)) - np.repeat(first, counts)
    return numbers


def _event_numbers(time: Any) -> NDArray[np.object_]:
    """Return event numbers as the region writes them: two letters, W, date, four digits; by time."""
    day = (time.astype("datetime64[D]") - START).astype(np.int64)
    number = _numbers_within(day) + 1
    dates = np.array([f"XCW{str(START + offset).replace('-', '')}" for offset in range(DAYS)], dtype=object)
    digits = np.array([f"{count:04d}" for count in range(int(number.max(initial=0)) + 1)], dtype=object)
    return np.asarray(dates[day] + digits[number], dtype=object)


def _reporters(stage: Stage, told: Incidents, source: Ints, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return pseudonyms: a volunteer or courier who had joined, the post, the station; else ``""``."""
    alliance = stage.alliance
    reporter = np.full(len(told), "", dtype=object)
    codes = alliance.features["volunteers"]["feature_id"].to_numpy(dtype=object)
    pictures = source == SOURCES.index("随手拍")
    joined_month = (alliance.volunteer_joined.astype("datetime64[M]") - MONTHS[0]).astype(np.int64)
    month = MONTH_OF_DAY[told.day]
    village = stage.spots.village[told.spot]
    drawn = rng.uniform(size=len(told)) ** 1.8
    by_courier = pictures & (rng.uniform(size=len(told)) < 0.45) & (month >= 15)
    for members, rows in [(alliance.volunteer_sends, by_courier)] + [
        (
            (alliance.volunteer_village == home) & ~alliance.volunteer_sends,
            pictures & ~by_courier & (village == home),
        )
        for home in range(len(names.VILLAGES))
    ]:
        chosen = np.flatnonzero(rows)
        who = np.flatnonzero(members)
        who = who[np.argsort(joined_month[who], kind="stable")]
        there = np.searchsorted(joined_month[who], month[chosen], side="right")
        chosen, there = chosen[there > 0], there[there > 0]
        reporter[chosen] = codes[who[(drawn[chosen] * there).astype(np.int64)]]
    posts = np.flatnonzero(source == SOURCES.index("平安岗"))
    nearest = cKDTree(alliance.post_xy).query(told.xy[posts])[1]
    reporter[posts] = alliance.features["posts"]["feature_id"].to_numpy(dtype=object)[nearest]
    reporter[source == SOURCES.index("平安驿")] = "YZ01"
    return reporter


def _place_words(stage: Stage, told: Incidents, level: Ints, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return words for the place, as people say them; thefts without the building."""
    spots = stage.spots
    base = spots.place_names[spots.place].copy()
    gazetteer = [place for place in stage.geography.ground.places if place.kind != "parking"]
    away, nearest = cKDTree([(place.x, place.y) for place in gazetteer]).query(spots.xy)
    landmark = np.array([f"近{place.name}" for place in gazetteer], dtype=object)[nearest]
    home = np.array([village.name for village in names.VILLAGES], dtype=object)[spots.village]
    road = np.isin(spots.kind, [KINDS.index(kind) for kind in ("motorway", "main", "street", "lane")])
    near = road & (away < 400)
    base[near] = base[near] + landmark[near]
    far = road & ~near
    base[far] = base[far] + "（" + home[far] + "段）"
    field = spots.kind == KINDS.index("field")
    base[field] = home[field] + base[field]
    shop = spots.kind == KINDS.index("shop")
    numbers = np.array(
        [f"{count}号" if count else "" for count in range(int(spots.number.max()) + 1)], dtype=object
    )
    base[shop] = base[shop] + numbers[spots.number[shop]]
    words = base[told.spot]
    estate = spots.kind[told.spot] == KINDS.index("estate")
    thefts = np.isin(told.category, [_CODES.index(code) for code in _THEFTS])
    exact = np.flatnonzero(estate & ~thefts & np.isin(level, [_POINT, _DOOR, _BUILDING]))
    buildings = np.array([f"{count}幢" for count in range(1, 200)], dtype=object)
    block = (rng.uniform(size=len(exact)) * spots.number[told.spot[exact]]).astype(np.int64)
    words[exact] = words[exact] + buildings[block]
    return words


def _descriptions(told: Incidents, rng: np.random.Generator) -> NDArray[np.object_]:
    drawn = rng.uniform(size=len(told))
    text = np.empty(len(told), dtype=object)
    for index, code in enumerate(_CODES):
        here = np.flatnonzero(told.category == index)
        sentences = sentences_of(code)
        text[here] = sentences[(drawn[here] * len(sentences)).astype(np.int64)]
    return text
