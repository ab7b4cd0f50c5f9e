"""Where people look: effort per cell, cells with people and no eyes, and the list corrected for effort.

Told from the mix of ledgers: the pictures, posts and desks are set against the channels that anyone reaches
anywhere, the police and the hotlines. It is relative to the town and rough; the counts stand beside it always.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import Translator, translator
from pingan_geo.intake.layers import households_of
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import cells_covering, cells_of, centres, neighbour_pairs, parents, to_text
from pingan_geo.spatial.grids import PolygonIndex
from pingan_geo.workflow.explore import ReportIndex, day_of, whole_seconds
from pingan_geo.workflow.inventory import load_features
from pingan_geo.workflow.towns import Town

#: Fewer reports than these, and nothing is said: of the kind asked for (for its list), of all other kinds, and
#: of these by the police or a hotline.
LEAST_OWN, LEAST_OTHERS, LEAST_STEADY = 50, 200, 50
#: A cell whose logarithm of effort is known no better than this gets no verdict: within a factor of 4.
MOST_DOUBT: Final = 0.7
#: Lower edges of the classes of relative effort; -1 stands for no verdict.
EFFORT_CLASSES: Final = (-1.0, 0.0, 0.5, 0.8, 1.25, 2.0)
#: Effort is a habit: told from a year, or from the period asked for when that is longer.
WINDOW: Final = timedelta(days=365)
#: A leaders' cell is dark when so many households live there and nothing at all was seen in it and beside it,
#: although by its households so many reports were to be expected: of so few none comes by chance in 5 %.
LEAST_HOUSEHOLDS, LEAST_EXPECTED = 10.0, 3.0
#: A cell is dark too when its effort is below this.
DARK_SHARE: Final = 0.5
#: A source with one of these in its name is taken for a channel that anyone reaches anywhere.
STEADY_NAMES: Final = ("派出所", "公安", "110", "12345", "热线", "police", "hotline")
#: Ledgers, and families of categories, beyond these are taken together.
MOST_CHANNELS, MOST_FAMILIES = 12, 20
#: How far a post and a station see, and how densely roads are measured, metres.
_POST_M, _STATION_M = 250.0, 800.0
_ROAD_STEP_DEG: Final = 0.0002
_HOUSE_RESOLUTION: Final = 11
_NO_VERDICT: Final = -1.0


@dataclass(frozen=True, eq=False)
class Seen:
    """Where people look, for one kind of report.

    Parameters
    ----------
    table
        A row for each of the town's cells in the villages and grids asked for: ``cell`` (hexadecimal),
        ``village_id`` and ``grid_id`` (of its centre), ``effort`` (1 is the town's mean; NaN: no verdict),
        ``uncertainty`` (standard deviation of its logarithm), ``households`` (NaN when no layer tells),
        ``dark`` (people live there and nobody looks, see below), ``count`` (reports of the kind asked for in
        its period), ``count_rank`` by these (equal counts share one; NaN without reports), ``corrected_risk``
        (reports expected if it was looked at as the town is on average), ``corrected_low`` and
        ``corrected_high`` (of the model, see :func:`pingan_geo.stats.exposure.corrected_risk`),
        ``corrected_rank``, ``lon``, ``lat``. Most reports first, then by ``corrected_risk``, then by cell. No rows
        where nothing can be said; without a list, its columns are NaN.
    cells
        ``uint64``, as the rows of ``table``.
    own, others, steady
        Reports that this rests on: of the kind asked for, of other kinds, and of these by steady channels.
    resolution
        As used: no finer than the patrols' where private categories are among the kind.
    housed
        Whether a layer tells where people live; without it no cell is dark.
    by_people
        Whether no steady channel was there, so that reports were set against households: much weaker.
    listed
        Whether ``table`` has the corrected list.
    sentences
        Whole sentences for people: what there is, or why there is none.
    """

    table: pd.DataFrame
    cells: NDArray[np.uint64] = field(repr=False)
    own: int
    others: int
    steady: int
    resolution: int
    housed: bool
    by_people: bool
    listed: bool
    sentences: tuple[str, ...]

    @property
    def told(self) -> bool:
        """Whether anything is said of effort at all."""
        return bool(len(self.table))

    @property
    def classed(self) -> NDArray[np.float64]:
        """Effort of each row, -1 where there is no verdict: what a map colours by :data:`EFFORT_CLASSES`."""
        effort = self.table["effort"].to_numpy(dtype=np.float64)
        return np.where(np.isnan(effort), _NO_VERDICT, effort)


def see_effort(
    town: Town, index: ReportIndex, asked: ReportFilter, *, resolution: int, language: str = ""
) -> Seen:
    """Return how much is seen in each of the town's cells of one kind of report, relative to the town.

    Parameters
    ----------
    asked
        Its categories or boards are the kind of report that is meant. Their families (leading letters of the
        codes) never enter the estimate of their own effort cell by cell. Without any it is the effort of
        all kinds together, and there is no corrected list. Its period is that of the counts; effort is told
        from the year that ends with it, or from all of it when it is longer. Hours, weekdays and sources do not
        count, since the mix of all sources is what tells; villages and grids choose the rows.
    resolution
        H3 resolution, at most the finest stored.
    language
        Of the sentences; the town's when empty.

    Returns
    -------
    Seen
        Effort is relative: how much of everything is seen nobody knows. Dark means that in that year nothing of
        any kind was seen in a leaders' cell with people and in those beside it, though some was to be expected,
        or that effort is below half of the town's mean; a weak hint, a reason to go and look, and
        neither safe nor dangerous. The corrected list is a little nearer to the truth than
        the counts on demo towns, mostly by smoothing, and for enterprises it is not; never instead of counts.

    Raises
    ------
    BadChoiceError
        If there are no cells of that resolution.
    """
    settings = town.settings
    t = translator(language or settings.language)
    if not 0 <= resolution <= settings.finest:
        raise BadChoiceError(name="resolution", value=resolution, expected=f"0-{settings.finest}")
    kinds = _kinds(town, index, asked)
    private = {category.code for category in settings.categories if category.private}
    if private.intersection(kinds):
        resolution = min(resolution, settings.patrol_resolution)
    masks = _Masks.of(index, asked, kinds)
    cells = cells_covering(town.area, resolution)
    people = households_by_cell(town, cells, resolution)
    own, others = int(masks.chosen.sum()), int(masks.others.sum())
    steady = int((masks.others & masks.by_steady).sum())

    def nothing(sentence: str) -> Seen:
        return Seen(
            _rows(cells[:0], *zones_of_cells(town, cells[:0])),
            cells[:0],
            own,
            others,
            steady,
            resolution,
            people is not None,
            by_people=False,
            listed=False,
            sentences=(sentence,),
        )

    if asked.origin != "reported":
        return nothing(
            t(
                "Where people look is told from what the public reports: choose “Reported by the public” as origin."
            )
        )
    if others < LEAST_OTHERS:
        return nothing(
            t(
                "No verdict, too few reports: {count} of other kinds in that time, {least} are needed.",
                count=others,
                least=LEAST_OTHERS,
            )
        )
    by_people = steady < LEAST_STEADY
    if by_people and people is None:
        return nothing(
            t(
                "No verdict, too few reports: {count} of other kinds came by the police or a hotline (a source with "
                "one of these words in its name: {names}), {least} are needed.",
                count=steady,
                least=LEAST_STEADY,
                names=t(", ").join(STEADY_NAMES),
            )
        )
    table = _told(town, index, cells, resolution, people, masks, by_people=by_people)
    table, kept = _asked_rows(table, cells, asked)
    listed = own >= LEAST_OWN
    seen = Seen(
        table=table,
        cells=kept,
        own=own,
        others=others,
        steady=steady,
        resolution=resolution,
        housed=people is not None,
        by_people=by_people,
        listed=listed,
        sentences=(),
    )
    times = index.time[masks.others]
    days = day_of(int(times.min())), day_of(int(times.max()))
    return replace(seen, sentences=tuple(_sentences(seen, asked, days, t)))


def households_by_cell(town: Town, cells: NDArray[np.uint64], resolution: int) -> NDArray[np.float64] | None:
    """Return about how many households live in each cell, ``None`` when no layer of the town tells.

    Those of an estate are spread evenly over it, those of a grid or village that are in no estate over
    the rest of it. Nobody knows in which houses they live: where fields and a hamlet share a grid, the fields
    seem inhabited and the hamlet thinly so.

    Parameters
    ----------
    cells
        Of one resolution, ascending.
    """
    resolution_of_houses = max(resolution, min(town.settings.finest, _HOUSE_RESOLUTION))
    estates, zones = (_housed(town, names) for names in (("estates",), ("grids", "villages")))
    if estates is None and zones is None:
        return None
    fine = cells_covering(town.area, resolution_of_houses)
    lon, lat = centres(fine)
    living = np.zeros(len(fine))
    in_estate = np.zeros(len(fine), dtype=bool)
    if estates is not None:
        at = _rows_of(estates, lon, lat)
        # One too small for the centre of any cell is in the cell of its middle.
        lost = np.setdiff1d(np.arange(len(estates)), at)
        middle = shapely.point_on_surface(estates.geometry.to_numpy()[lost])
        own = cells_of(shapely.get_x(middle), shapely.get_y(middle), resolution_of_houses)
        where = np.minimum(np.searchsorted(fine, own), max(len(fine) - 1, 0))
        there = fine[where] == own if len(fine) else np.zeros(0, dtype=bool)
        households = households_of(estates)
        living += _spread_over(at, households)
        np.add.at(living, where[there], households[lost][there])
        in_estate = at >= 0
        in_estate[where[there]] = True
    if zones is not None:
        at = _rows_of(zones, lon, lat)
        here = at >= 0
        housed = np.bincount(at[here], weights=living[here], minlength=len(zones))
        left = np.maximum(households_of(zones) - housed, 0.0)
        free = np.where(in_estate, -1, at)
        living += _spread_over(free, left)
    own = parents(fine, resolution)
    where = np.minimum(np.searchsorted(cells, own), max(len(cells) - 1, 0))
    inside = cells[where] == own if len(cells) else np.zeros(len(own), dtype=bool)
    return np.bincount(where[inside], weights=living[inside], minlength=len(cells)).astype(np.float64)


def index_cells(index: ReportIndex, cells: NDArray[np.uint64], resolution: int) -> NDArray[np.int64]:
    """Return the place in ``cells`` (ascending) of each report of an index, -1 in none of them."""
    level = index.cells(resolution)
    near = np.minimum(np.searchsorted(cells, level.cells), max(len(cells) - 1, 0))
    at = np.where(cells[near] == level.cells, near, -1) if len(cells) else np.full(len(level.cells), -1)
    return np.append(at, -1)[level.code].astype(np.int64)  # code -1, no cell, picks the last


def zones_of_cells(town: Town, cells: NDArray[np.uint64]) -> tuple[Any, Any, Any, Any]:
    """Return village and grid of each cell's centre (``""`` in none), and its longitude and latitude, WGS-84 degrees."""
    lon, lat = centres(cells)
    codes = []
    for layer in ("villages", "grids"):
        frame = town.layer(layer)
        index = PolygonIndex(frame["code"].to_numpy(dtype=object), frame.geometry.to_numpy())
        codes.append(index.assign(lon, lat))
    return codes[0], codes[1], lon, lat


# -- parts -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Masks:
    """Which reports of an index are what."""

    reported: NDArray[np.bool_]  # by the public, in the time that effort is told from
    found: NDArray[np.bool_]  # by patrols, in that time
    others: NDArray[np.bool_]  # reported, of families that are not asked for
    chosen: NDArray[np.bool_]  # of the kinds asked for, in the period asked for; none where all are
    by_steady: NDArray[np.bool_]
    family: NDArray[np.object_]  # per category of the index
    own: frozenset[str]  # families asked for

    @classmethod
    def of(cls, index: ReportIndex, asked: ReportFilter, kinds: Sequence[str]) -> _Masks:
        all_kinds = not asked.categories and not asked.boards
        own = frozenset() if all_kinds else frozenset(map(_family, kinds))
        family = np.array([_family(code) for code in index.category.names], dtype=object)
        window = _window(index, asked.period)
        reported = index.select(ReportFilter(period=window))
        chosen = index.select(ReportFilter(period=asked.period)) & index.category.among(kinds)
        return cls(
            reported=reported,
            found=index.select(ReportFilter(period=window, origin="found")),
            others=reported & ~np.isin(family, list(own))[index.category.code],
            chosen=chosen & (not all_kinds),
            by_steady=index.source.among([name for name in index.source.names if _is_steady(name)]),
            family=family,
            own=own,
        )


def _family(code: str) -> str:
    """Return the leading letters of a category's code: FW1 and FW2 are one family; else the code itself."""
    found = re.match(r"[A-Za-z]+", code)
    return found[0] if found else code


def _is_steady(source: str) -> bool:
    return any(name in source.lower() for name in STEADY_NAMES)


def _kinds(town: Town, index: ReportIndex, asked: ReportFilter) -> list[str]:
    """Return the categories that are asked for and that any report has."""
    board_of = town.settings.board_of
    return [
        code
        for code in index.category.names
        if (not asked.categories or code in asked.categories)
        and (not asked.boards or board_of.get(code, "") in asked.boards)
    ]


def _housed(town: Town, layers: Sequence[str]) -> Any:
    """Return the first of the layers in which some polygon's households are known, ``None`` without one."""
    for name in layers:
        frame = town.layer(name)
        known = np.isfinite(households_of(frame))
        if known.any():
            return frame[known].sort_values("code", kind="stable").reset_index(drop=True)
    return None


def _rows_of(frame: Any, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the row of the polygon that holds each place, -1 where none does."""
    index = PolygonIndex([f"{row:09d}" for row in range(len(frame))], frame.geometry.to_numpy())
    rows = np.array([*(int(code) for code in index.codes), -1], dtype=np.int64)
    return rows[index.positions(lon, lat)]


def _spread_over(at: NDArray[np.int64], amount: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row's amount shared out evenly over the places that are in it; 0 in none."""
    share = amount / np.maximum(np.bincount(at[at >= 0], minlength=len(amount)), 1)
    return np.append(share, 0.0)[at]


def _channels(index: ReportIndex, mask: NDArray[np.bool_], by_steady: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the channel of each report: 0 the steady ones, then the sources with most reports, then the rest."""
    counts = index.source.counts(mask & ~by_steady)
    number = np.full(len(counts), MOST_CHANNELS - 1, dtype=np.int64)
    order = np.argsort(-counts, kind="stable")[: MOST_CHANNELS - 2]
    number[order] = np.arange(1, len(order) + 1)
    return np.where(by_steady, 0, number[index.source.code])


def _tensor(
    index: ReportIndex, masks: _Masks, place: NDArray[np.int64], cells: int, *, by_people: bool
) -> NDArray[np.float64]:
    """Return counts by family, channel and cell; row 0 is the kind asked for, empty when all are.

    Channel 0 is that of the steady sources, empty when they are too few to count as such.
    """
    family = masks.family
    rest = sorted(set(family) - masks.own)
    sizes = index.category.counts(masks.others)
    total = {name: int(sizes[family == name].sum()) for name in rest}
    big = sorted(rest, key=lambda name: -total[name])[: MOST_FAMILIES - 2]
    number = {name: row for row, name in enumerate(big, 1)}
    row = np.array([0 if name in masks.own else number.get(name, MOST_FAMILIES - 1) for name in family])
    channel = _channels(index, masks.reported, masks.by_steady & (not by_people))
    taken = masks.reported & (place >= 0)
    at = (row[index.category.code[taken]] * MOST_CHANNELS + channel[taken]) * cells + place[taken]
    flat = np.bincount(at, minlength=MOST_FAMILIES * MOST_CHANNELS * cells)
    counts = flat.reshape(MOST_FAMILIES, MOST_CHANNELS, cells).astype(np.float64)
    rows, channels = counts.sum(axis=(1, 2)) > 0, counts.sum(axis=(0, 2)) > 0
    rows[0] = channels[0] = True
    kept: NDArray[np.float64] = counts[rows][:, channels]
    return kept


def _told(
    town: Town,
    index: ReportIndex,
    cells: NDArray[np.uint64],
    resolution: int,
    people: NDArray[np.float64] | None,
    masks: _Masks,
    *,
    by_people: bool,
) -> pd.DataFrame:
    """Return all that is told of the town's cells."""
    from pingan_geo.stats.exposure import corrected_risk, effort

    place = index_cells(index, cells, resolution)

    def count(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(place[mask & (place >= 0)], minlength=len(cells)).astype(np.float64)

    left, right = neighbour_pairs(cells)
    own, finds = count(masks.chosen), count(masks.found)
    estimate = effort(
        _tensor(index, masks, place, len(cells), by_people=by_people),
        0,
        left,
        right,
        steady=() if by_people else (0,),
        people=people if by_people else None,
        traces=_traces(town, cells, finds, left, right),
    )
    told = estimate.uncertainty <= MOST_DOUBT
    table = _rows(cells, *zones_of_cells(town, cells))
    table["effort"] = np.where(told, estimate.share, np.nan)
    table["uncertainty"] = estimate.uncertainty
    table["count"] = own.astype(np.int64)
    if people is not None:
        leaders = min(resolution, town.settings.leader_resolution)
        low = told & (estimate.share < DARK_SHARE) & (people >= LEAST_HOUSEHOLDS)
        table["households"] = people
        table["dark"] = low | _unseen(cells, people, count(masks.reported) + finds, leaders)
    if own.sum() >= LEAST_OWN:
        risk = corrected_risk(
            own,
            estimate,
            left,
            right,
            others=count(masks.others),
            places=_places(town, cells, resolution, people),
        )
        table["count_rank"] = pd.Series(np.where(own > 0, own, np.nan)).rank(ascending=False, method="min")
        for name, column in (
            ("corrected_risk", "corrected"),
            ("corrected_low", "low"),
            ("corrected_high", "high"),
        ):
            table[name] = risk[column].to_numpy()
        table["corrected_rank"] = risk["corrected"].rank(ascending=False, method="first").to_numpy()
    return table


def _window(index: ReportIndex, period: Period) -> Period:
    """Return the time that effort is told from."""
    until = period.until
    if until is None:
        newest = index.newest
        until = None if newest is None else day_of(whole_seconds(newest)) + timedelta(days=1)
    if period.since is None or until is None:
        return Period(None, until)
    return Period(min(period.since, until - WINDOW), until)


def _unseen(
    cells: NDArray[np.uint64], people: NDArray[np.float64], observed: NDArray[np.float64], resolution: int
) -> NDArray[np.bool_]:
    """Return the cells in whose parent of a resolution people live, and nothing was seen in it and beside it."""
    from pingan_geo.stats.exposure import Effort, dark_cells
    from pingan_geo.stats.neighbours import sum_beside

    coarse, at = np.unique(parents(cells, resolution), return_inverse=True)
    living, seen = (np.bincount(at.ravel(), weights=each).astype(np.float64) for each in (people, observed))
    left, right = neighbour_pairs(coarse)
    around = living + sum_beside(living, left, right)
    expected = around * seen.sum() / max(float(living.sum()), 1.0)
    # no effort enters: a fact, and not an estimate
    known = Effort(np.ones(len(coarse)), np.zeros(len(coarse)))
    unseen = dark_cells(living, known, seen, left, right, least_people=LEAST_HOUSEHOLDS, most_share=0.0)
    dark: NDArray[np.bool_] = (unseen & (expected >= LEAST_EXPECTED))[at.ravel()]
    return dark


def _traces(
    town: Town,
    cells: NDArray[np.uint64],
    finds: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.float64] | None:
    """Return what shows where somebody looks: posts, stations, finds of patrols; ``None`` without any."""
    from pingan_geo.stats.exposure import nearness
    from pingan_geo.stats.neighbours import sum_beside

    lon, lat = centres(cells)
    plane = local_metres(float(lon.mean()), float(lat.mean()))
    x_m, y_m = plane.forward(lon, lat)
    traces = []
    for kind, reach_m in (("posts", _POST_M), ("stations", _STATION_M)):
        features = load_features(town, kind)
        if len(features):
            at = plane.forward(features["lon"].to_numpy(np.float64), features["lat"].to_numpy(np.float64))
            traces.append(nearness(*at, x_m, y_m, reach_m))
    if finds.any():
        traces.append(np.log1p(finds + sum_beside(finds, left, right)))
    return np.column_stack(traces) if traces else None


def _places(
    town: Town, cells: NDArray[np.uint64], resolution: int, people: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """Return what stands in each cell: enterprises, named places, roads, households; ``None`` without any."""
    fine = max(resolution, town.settings.finest)

    def count(lon: Any, lat: Any) -> NDArray[np.float64]:
        # placed finely and rolled up, as reports are
        own = parents(cells_of(lon, lat, fine), resolution)
        near = np.minimum(np.searchsorted(cells, own), len(cells) - 1)
        return np.bincount(near[cells[near] == own], minlength=len(cells)).astype(np.float64)

    stands = [] if people is None else [people]
    for kind in ("enterprises", "places"):
        features = load_features(town, kind)
        if len(features):
            stands.append(count(features["lon"].to_numpy(np.float64), features["lat"].to_numpy(np.float64)))
    roads = town.layer("roads")
    if len(roads):
        points = shapely.get_coordinates(shapely.segmentize(roads.geometry.to_numpy(), _ROAD_STEP_DEG))
        stands.append(count(points[:, 0], points[:, 1]))
    return np.column_stack(stands) if stands else None


def _rows(cells: NDArray[np.uint64], villages: Any, grids: Any, lon: Any, lat: Any) -> pd.DataFrame:
    """Return the table of cells before anything is known of them."""
    unknown = np.full(len(cells), np.nan)
    return pd.DataFrame(
        {
            "cell": pd.Series(to_text(cells), dtype="str"),
            "village_id": pd.Series(villages, dtype="str"),
            "grid_id": pd.Series(grids, dtype="str"),
            "effort": unknown,
            "uncertainty": unknown,
            "households": unknown,
            "dark": np.zeros(len(cells), dtype=bool),
            "count": np.zeros(len(cells), dtype=np.int64),
            "count_rank": unknown,
            "corrected_risk": unknown,
            "corrected_low": unknown,
            "corrected_high": unknown,
            "corrected_rank": unknown,
            "lon": lon,
            "lat": lat,
        }
    )


def _asked_rows(
    table: pd.DataFrame, cells: NDArray[np.uint64], asked: ReportFilter
) -> tuple[pd.DataFrame, NDArray[np.uint64]]:
    """Return the rows in the villages and grids asked for, in order, and their cells."""
    kept = np.ones(len(table), dtype=bool)
    for column, wanted in (("village_id", asked.villages), ("grid_id", asked.grids)):
        if wanted:
            kept &= table[column].isin(wanted).to_numpy()
    order = table[kept].sort_values(["count", "corrected_risk", "cell"], ascending=[False, False, True]).index
    return table.loc[order].reset_index(drop=True), cells[order.to_numpy()]


def _sentences(seen: Seen, asked: ReportFilter, days: tuple[date, date], t: Translator) -> list[str]:
    table = seen.table
    said = [
        t(
            "Told from {others} reports of other kinds from {first} to {last}, {steady} of them by the police or a "
            "hotline; {unsure} of {cells} hexagons are too uncertain for a verdict.",
            first=t.date(days[0]),
            last=t.date(days[1]),
            others=seen.others,
            steady=seen.steady,
            unsure=int(table["effort"].isna().sum()),
            cells=len(table),
        )
    ]
    if seen.by_people:
        said.append(
            t(
                "Hardly any report came by the police or a hotline, so they were set against households: where "
                "little happens it then looks as if nobody looks."
            )
        )
    if not seen.housed:
        said.append(t("No layer tells how many households live where, so no hexagon can be called dark."))
    if asked.hours or asked.weekdays or asked.sources:
        said.append(
            t("The filters on hours, weekdays and sources do not count here: the mix of all sources tells.")
        )
    if not asked.categories and not asked.boards:
        said.append(t("Choose a category or a board for the corrected list."))
    elif not seen.listed:
        said.append(
            t(
                "No corrected list, too few reports: {count} of this kind in this period, {least} are needed.",
                count=seen.own,
                least=LEAST_OWN,
            )
        )
    return said
