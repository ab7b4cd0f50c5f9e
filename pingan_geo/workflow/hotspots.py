"""The ranked hotspot list: cells, how many reports, where that is, and why it stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError, MixedOriginsError, NoReportsError
from pingan_geo.i18n import Translator, mark, translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.model.tables import HOTSPOTS
from pingan_geo.outputs.exports import write_table
from pingan_geo.spatial.cells import (
    areas_m2,
    cells_covering,
    centres,
    neighbour_pairs,
    parents,
    shares_inside,
    to_text,
)
from pingan_geo.spatial.grids import PolygonIndex
from pingan_geo.spatial.nearest import nearest_named
from pingan_geo.stats.breaks import fixed_breaks
from pingan_geo.stats.counts import count_positions
from pingan_geo.stats.density import density_at
from pingan_geo.stats.filters import hour_spans, select, within_hours
from pingan_geo.stats.main_hours import count_spans, main_hours
from pingan_geo.storage.records import read_features, read_reports
from pingan_geo.workflow.courses import (
    CHANGE_WORDS,
    LIFE_WORDS,
    Courses,
    follow_courses,
    say_courses,
    say_word,
)
from pingan_geo.workflow.explore import EXPLORED, ReportIndex, index_reports
from pingan_geo.workflow.hotspot_methods import (
    Options,
    Scored,
    score_by_alerts,
    score_by_density,
    score_by_scan,
)
from pingan_geo.workflow.said import say_filter, town_notice
from pingan_geo.workflow.set_against import SetAgainst, find_exposure
from pingan_geo.workflow.stated_categories import check_categories
from pingan_geo.workflow.towns import Town
from pingan_geo.workflow.verdicts import (
    CORRECTIONS,
    LEAST_NEAR,
    LEAST_REPORTS,
    LEVEL,
    name_place,
    say_too_few,
    say_verdict,
)

METHODS = ("count", "density", "gi", "scan", "near_repeat", "forecast")
#: More permutations would take minutes and say nothing more.
MOST_PERMUTATIONS = 1_000_000
#: By so many the share of recounts is known to about 3 %.
MOST_RECOUNTS = 300
AUDIENCES = ("analyst", "patrol", "leader")
DEFAULT_TOP = 20
#: A kernel about as wide as the cell that it ranks: metres by resolution.
BANDWIDTH_M: Mapping[int, float] = {
    5: 8000,
    6: 3000,
    7: 1200,
    8: 500,
    9: 200,
    10: 100,
    11: 50,
    12: 25,
    13: 15,
}
#: Below so many reports the list says that chance alone may have put the cell there.
FEW_REPORTS = 5
_NAMED_FEATURES = ("places", "posts", "stations")
_NEVER = np.datetime64("NaT", "s")


@dataclass(frozen=True, eq=False)
class Hotspots:
    """A ranked list and the numbers that show nothing was lost.

    ``total == in_listed + in_other + unassigned`` and ``in_cells == in_listed + in_other``.

    Parameters
    ----------
    table
        HOTSPOTS, in order of rank.
    total
        Reports that fit the question.
    in_cells, in_listed, in_other
        Of these: in any cell of the town; in the cells listed; in the cells that are not.
    unassigned
        Of these: in no cell of the town.
    cells_listed, cells_all
        Cells in the list, and in the town: all that touch its area.
    covered_m2, area_m2
        Area of the cells listed, and of all of the town's cells.
    method, resolution, audience
        As used: for an audience the resolution may be coarser than was asked.
    bandwidth_m
        Of the kernel; NaN for ``count``.
    breaks
        Ascending counts at which the colour changes.
    hours_unknown
        Reports that fit but are known by their day only.
    in_intervals
        Reports that fit and are known as an interval of more than an hour.
    hours_left_out
        Reports that would fit but for the hours asked for: these may hold theirs, but no one can say.
    notice
        What must stand on everything made from this.
    about
        (label, text) pairs in the language asked for.
    tests
        One row a row of ``table``: what Gi* says of the cell and its neighbours, whatever the method.
        ``z``, of :func:`pingan_geo.stats.gi_star.gi_star_of_excess` against the cell's area inside the town;
        ``p_gi``, one-sided, of the normal curve or of the permutations; ``p_scatter``, of
        :func:`pingan_geo.stats.scatter.scatter_p`; ``p_value``, corrected (NaN: no verdict); ``observed`` and ``expected`` reports in the cell and its neighbours, ``cells`` of them that there are;
        ``verdict``, one sentence. All NaN where nothing was tested. ``stability``, the share of recounts that
        list the cell again (see :func:`pingan_geo.stats.stability.stability`), NaN without recounts.
    significant
        Cells of the town, listed or not, whose corrected p-value of Gi* is below 0.05; of ``scan``, cells in
        clusters that stand out.
    correction, permutations
        As used; 0 permutations: the p-value is that of the normal curve.
    verdict
        One sentence on the whole list; empty when nothing was tested.
    courses
        How the listed cells came to be hot: without a dated series for leaders.
    options
        As asked.
    clusters
        Of ``scan``: :func:`pingan_geo.workflow.clusters.cluster_table`, also those that may be chance;
        ``tests`` then has the number of each cell's ``cluster``. Empty otherwise.
    """

    table: pd.DataFrame
    total: int
    in_cells: int
    in_listed: int
    in_other: int
    unassigned: int
    cells_listed: int
    cells_all: int
    covered_m2: float
    area_m2: float
    method: str
    resolution: int
    audience: str
    bandwidth_m: float
    breaks: NDArray[np.int64]
    hours_unknown: int
    asked: ReportFilter
    notice: str = ""
    about: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tests: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    significant: int = 0
    correction: str = "bh"
    permutations: int = 0
    verdict: str = ""
    courses: Courses = field(default_factory=Courses, repr=False)
    options: Options = field(default_factory=Options)
    clusters: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    in_intervals: int = 0
    hours_left_out: int = 0


def find_hotspots(
    town: Town,
    report_filter: ReportFilter,
    *,
    method: str = "count",
    resolution: int = 9,
    coverage: float | None = None,
    top: int | None = None,
    audience: str = "analyst",
    language: str = "",
    bandwidth_m: float | None = None,
    reports: pd.DataFrame | None = None,
    reporters: NDArray[np.object_] | None = None,
    correction: str = "bh",
    permutations: int = 0,
    recounts: int = 0,
    seed: int = 0,
    options: Options | None = None,
    index: ReportIndex | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Hotspots:
    """Rank every cell of the town and list the first ones.

    Cells are all that touch the town's area. They are ordered by score, then by the last report (later
    first), then by cell number, so that the same reports give the same list.

    Parameters
    ----------
    town
        The town.
    report_filter
        Which reports count.
    method
        ``count``: the score is the number of reports in the cell; ``density``: reports per km² at the cell's
        centre, by a Gaussian kernel. Neither is a test: a high rank may be chance, and says more about where
        people look than about where things happen when few look elsewhere. ``gi``: the score is the z-value
        of Gi*, how far the cell and its neighbours stand above the mean of all cells, empty ones too, and
        ``p_value`` is how seldom chance would do this, corrected: the larger of the normal curve's and that of
        reports scattered at random, since the curve alone is far too small where reports are few. A cell counts by
        its area inside the town, with or without people, so where people live stands out in a town with much
        open land, whatever happens there; against something else it asks for more than its share of that.
        ``scan``: the score is that of the space-time cluster that the cell belongs to, and ``p_value`` counts
        in that all places and days were tried; a place that is bad all the time is none. ``near_repeat``: the
        cells near a recent report of the categories asked for, as long as others follow it more often than
        by chance; no test of the cell. ``forecast``: reports to expect in the next 28 days, by our forecast where
        it has earned it on the town's past, else by the best plain method (:mod:`pingan_geo.workflow.forecasts`).
    resolution
        H3 resolution, not finer than the town stores.
    coverage
        Share of the town's cells to list, above 0, at most 1; at least one cell, also cells without reports.
    top
        How many cells to list, of those with a score above 0. When neither is given 20, and with ``gi`` all
        cells with a corrected p-value below 0.05 and no other, perhaps none; so it is with the clusters of
        ``scan``, and ``near_repeat`` lists all cells under an alert.
    audience
        ``leader``: cells no finer than the town's leader resolution and no time of the last report;
        ``patrol``: where private categories count, cells no finer than the patrol resolution;
        ``analyst``: as asked.
    language
        Of hours, reasons and ``about``; the town's when empty.
    bandwidth_m
        Standard deviation of the kernel; by default about the size of a cell.
    reports
        REPORTS table, when it is at hand; else all of the town's are read.
    reporters
        Pseudonym of who sent each of ``reports``, when these have no such column; without either, newcomers
        are not told apart in the change of a hotspot.
    correction
        Of the p-values for the number of cells tested: ``bh`` (of the cells listed 5 % are false at most, on
        average), ``by`` (the same, whatever hangs together), ``bonferroni`` (any false one in 5 %), ``none``.
    permutations
        How often the counts are dealt anew to the other cells for a p-value that needs no normal curve; 0:
        the curve and the scattering. Permutations ask of the neighbours only and leave each cell its own
        count. With fewer than 20 times as many as there are cells hardly a p-value survives the correction.
    recounts
        How often reports are counted anew with cells moved, and as often with reports drawn anew, besides
        once with larger and once with smaller cells, to see how stable the list is; 0: not at all.
    seed
        Of the permutations, the recounts, and the random data sets of ``scan``.
    options
        What one method takes and others do not.
    index
        Of ``reports``, when it is at hand; ``near_repeat`` needs it.
    on_progress
        Told how many random data sets of ``scan``, or trials of ``forecast``, are done, of how many.

    Returns
    -------
    Hotspots

    Raises
    ------
    BadChoiceError
        If an argument is not offered.
    UnknownCategoryError
        If a category is neither in the town's list nor in any report.
    NoReportsError
        If no report fits.
    MixedOriginsError
        If ``gi``, ``scan``, ``near_repeat`` or ``forecast`` is asked of reports and finds of patrols together.
    NoExposureError, NoBandwidthError
        If the town does not have what reports are to be set against, or too few reports for a bandwidth.
    """
    settings = town.settings
    options = Options() if options is None else options
    if bandwidth_m is not None:
        options = replace(options, bandwidth_m=bandwidth_m)
    _check(method, resolution, coverage, top, audience, settings.finest, correction, permutations)
    options.check(method)
    if not 0 <= recounts <= MOST_RECOUNTS:
        raise BadChoiceError(name="recounts", value=recounts, expected=f"0-{MOST_RECOUNTS}")
    t = translator(language or settings.language)
    if reports is None:
        with town.store.read() as connection:
            whole = method in {"near_repeat", "forecast"}
            wanted = (*_COLUMNS, *EXPLORED.columns) if whole else _COLUMNS
            reports = read_reports(connection, tuple(dict.fromkeys(wanted)))
    if reporters is None and "reporter" in reports.columns:
        reporters = reports["reporter"].to_numpy(dtype=object)
    check_categories(town, report_filter.categories, reports)
    fitting = reports[select(reports, report_filter, settings.board_of)]
    if not len(fitting):
        raise NoReportsError
    mixed = not report_filter.origin and len(fitting["origin"].unique()) > 1
    if mixed and method in {"gi", "scan", "near_repeat", "forecast"}:
        raise MixedOriginsError
    resolution = _resolution_for(town, audience, resolution, fitting)
    cells = cells_covering(town.area, resolution)
    placed = _Placed.of(fitting, cells, resolution)
    lon, lat = centres(cells)
    shape = _asked_area(town, report_filter)
    share = _share_inside(shape, cells, resolution, settings.finest)
    # A report whose stated grid is not the one it lies in is counted where it was asked for.
    share = np.where((share == 0) & (placed.counts > 0), 1.0, share)
    set_against = (
        find_exposure(town, options.against, report_filter, reports, shape, len(fitting))
        if options.against
        else None
    )
    by_share = set_against if method == "gi" else None
    exposure = by_share.by_cell(cells, resolution) if by_share else share * (not mixed)
    labels = by_share is not None and by_share.code == "all"
    tested = _Tested.of(cells, placed.counts, exposure, correction, permutations, seed, labels=labels)
    if method == "gi":
        scored = _score_gi(tested, set_against, int(placed.counts[exposure <= 0].sum()), t)
    elif method == "density":
        places = (fitting, cells, lon, lat, shape)
        scored = _score_density(*places, options, BANDWIDTH_M[resolution], set_against, t)
    elif method == "scan":
        reported = (fitting, placed.position, cells)
        scored = score_by_scan(town, *reported, report_filter, options, seed, on_progress, t)
    elif method == "near_repeat":
        known = index or index_reports(reports, settings.board_of)
        scored = score_by_alerts(town, known, cells, report_filter, resolution, seed, t)
    elif method == "forecast":
        from pingan_geo.workflow.forecasts import score_by_forecast

        kept = {"resolution": resolution, "seed": seed, "reports": reports, "on_progress": on_progress}
        scored = score_by_forecast(town, report_filter, cells, t=t, **kept)
    else:
        scored = _score_counts(placed.counts, t)
    listed = _listed(scored, placed.last, cells, coverage, top)
    areas = areas_m2(cells)
    courses = follow_courses(
        *(reports, report_filter, cells, resolution),
        exposure=exposure,
        p_value=tested.p_value,
        listed=listed,
        board_of=settings.board_of,
        correction=correction,
        reporters=reporters,
        seed=seed,
    )
    part = bool(report_filter.villages or report_filter.grids)
    found = _Found(
        *(town, fitting, placed, cells, lon, lat, scored, areas, listed, method, audience, t),
        tested=tested,
        stable=_stability(fitting, cells, resolution, cells[listed], recounts, seed),
        courses=courses,
        scope=t("the chosen area") if part else t("the town"),
        exposure=by_share.name(t) if by_share else "",
    )
    table, tests = found.tables()
    unassigned = int((placed.position < 0).sum())
    in_cells, in_listed = len(fitting) - unassigned, int(placed.counts[listed].sum())
    significant = (tested.p_value < LEVEL).sum()
    result = Hotspots(
        table=table,
        total=len(fitting),
        in_cells=in_cells,
        in_listed=in_listed,
        in_other=in_cells - in_listed,
        unassigned=unassigned,
        cells_listed=len(listed),
        cells_all=len(cells),
        covered_m2=float(areas[listed].sum()),
        area_m2=float(areas.sum()),
        method=method,
        resolution=resolution,
        audience=audience,
        bandwidth_m=scored.bandwidth_m,
        breaks=np.asarray(fixed_breaks(placed.counts), dtype=np.int64),
        hours_unknown=int((placed.hours_touched == 0).sum()),
        in_intervals=int((placed.hours_touched > 1).sum()),
        hours_left_out=_hours_left_out(reports, report_filter, settings.board_of),
        asked=report_filter,
        notice=town_notice(settings, t),
        tests=tests,
        significant=int(scored.usual.sum() if method == "scan" and scored.usual is not None else significant),
        correction=correction,
        permutations=permutations,
        verdict=found.verdict(),
        courses=courses.shown_to(audience),
        options=options,
        clusters=scored.clusters,
    )
    return _with_about(result, scored, town, t)


def _score_density(
    fitting: Any,
    cells: NDArray[np.uint64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    shape: Any,
    options: Options,
    usual_m: float,
    set_against: SetAgainst | None,
    t: Translator,
) -> Scored:
    """Score cells by density: from a surface as the map has it, unless more is asked for."""
    if replace(options, bandwidth_m=None) != Options():
        return score_by_density(fitting, cells, lon, lat, shape, options, usual_m, set_against, t)
    bandwidth_m = usual_m if options.bandwidth_m is None else float(options.bandwidth_m)
    score = density_at(fitting["lon"].to_numpy(), fitting["lat"].to_numpy(), lon, lat, bandwidth_m)
    said = t(
        "reports per km² at the cell's centre, Gaussian kernel of {bandwidth_m} m",
        bandwidth_m=t.number(bandwidth_m),
    )
    nothing = np.full(len(cells), np.nan)
    return Scored(score, nothing, [""] * len(cells), bandwidth_m=bandwidth_m, score_words=said)


def _score_counts(counts: NDArray[np.int64], t: Translator) -> Scored:
    """Score cells by the reports in them."""
    words = [""] * len(counts)
    said = t("number of reports in the cell")
    return Scored(counts.astype(np.float64), np.full(len(counts), np.nan), words, score_words=said)


def _score_gi(tested: _Tested, set_against: SetAgainst | None, without: int, t: Translator) -> Scored:
    """Score cells by Gi*."""
    said = t("z of Gi*: how far the cell and its neighbours stand above the mean of all cells")
    about: tuple[tuple[str, str], ...] = ()
    if set_against is not None:
        name = set_against.name(t)
        said = t(
            "z of Gi*: how far the cell and its neighbours stand above their share of {exposure}",
            exposure=name,
        )
        about = ((t("Set against"), name),)
        if without:
            left = t("{count} reports in cells without {exposure}: not tested", count=without, exposure=name)
            about = ((t("Set against"), f"{name} · {left}"),)
    words = [""] * len(tested.z)
    usual = tested.p_value < LEVEL
    return Scored(tested.z, tested.p_value, words, usual, score_words=said, about=about)


def export_hotspots(
    found: Hotspots, file: Path, *, language: str = "zh", headings: Mapping[str, str] | None = None
) -> Path:
    """Write a hotspot list as CSV, XLSX, GeoJSON, GPKG or KML; cells are hexagons in the layer formats.

    Parameters
    ----------
    found
        Of :func:`find_hotspots`.
    file
        Its ending says the format.
    language
        Of titles.
    headings
        For people, in XLSX; else the column names.

    Raises
    ------
    ExportFormatError, FolderMissingError
        If the file cannot be written.
    """
    t = translator(language)
    names = [
        f"{rank}. {place or cell}"
        for rank, place, cell in found.table[["rank", "nearest_place", "cell"]].itertuples(index=False)
    ]
    table = found.table
    if headings is not None and file.suffix.lower() == ".xlsx":
        worded = {"life": LIFE_WORDS, "change": CHANGE_WORDS}
        table = table.assign(
            **{
                name: pd.Series([say_word(code, words, t) for code in table[name]], dtype="str")
                for name, words in worded.items()
            }
        )
    return write_table(
        table,
        file,
        notice=found.notice,
        title=t("Hotspots"),
        geometry="cell",
        about=found.about,
        headings=headings,
        names=names,
        sheet_names=(t("Data"), t("About")),
    )


_COLUMNS = (
    "report_id",
    "batch_id",
    "source",
    "category",
    "time",
    "time_until",
    "lon",
    "lat",
    "origin",
    "reporter",
    "cell",
    "grid_id",
    "village_id",
)


def _check(
    method: str,
    resolution: int,
    coverage: float | None,
    top: int | None,
    audience: str,
    finest: int,
    correction: str,
    permutations: int,
) -> None:
    if method not in METHODS:
        raise BadChoiceError(name="method", value=method, expected=" / ".join(METHODS))
    if audience not in AUDIENCES:
        raise BadChoiceError(name="audience", value=audience, expected=" / ".join(AUDIENCES))
    if not min(BANDWIDTH_M) <= resolution <= finest:
        raise BadChoiceError(name="resolution", value=resolution, expected=f"{min(BANDWIDTH_M)}-{finest}")
    if coverage is not None and top is not None:
        raise BadChoiceError(name="top", value=top, expected="left out when coverage is given")
    if coverage is not None and not 0 < coverage <= 1:
        raise BadChoiceError(name="coverage", value=coverage, expected="a share above 0, at most 1")
    if top is not None and top < 1:
        raise BadChoiceError(name="top", value=top, expected="1 or more")
    if correction not in CORRECTIONS:
        raise BadChoiceError(name="correction", value=correction, expected=" / ".join(CORRECTIONS))
    if not 0 <= permutations <= MOST_PERMUTATIONS:
        raise BadChoiceError(name="permutations", value=permutations, expected=f"0-{MOST_PERMUTATIONS}")


def _resolution_for(town: Town, audience: str, resolution: int, fitting: Any) -> int:
    settings = town.settings
    if audience == "leader":
        return min(resolution, settings.leader_resolution)
    private = [category.code for category in settings.categories if category.private]
    if audience == "patrol" and bool(fitting["category"].isin(private).any()):
        return min(resolution, settings.patrol_resolution)
    return resolution


@dataclass(frozen=True, eq=False)
class _Placed:
    """Which of the town's cells each report lies in, and what that makes of the cells."""

    position: NDArray[np.int64]  # per report: place in the cells, -1 in none
    hour: NDArray[np.int64]  # per report: the first it may lie in, -1 unknown
    hours_touched: NDArray[np.int64]  # per report: 1 where the hour is known, 0 unknown
    counts: NDArray[np.int64]  # per cell
    last: NDArray[np.datetime64]  # per cell: start of the last report, NaT without one

    @classmethod
    def of(cls, fitting: Any, cells: NDArray[np.uint64], resolution: int) -> _Placed:
        own = parents(fitting["cell"].to_numpy(dtype=np.uint64), resolution)
        near = np.minimum(np.searchsorted(cells, own), max(len(cells) - 1, 0))
        inside = cells[near] == own if len(cells) else np.zeros(len(own), dtype=bool)
        position = np.where(inside, near, -1)
        time = fitting["time"].to_numpy(dtype="datetime64[s]")
        hour, hours_touched = hour_spans(time, fitting["time_until"].to_numpy(dtype="datetime64[s]"))
        last = np.full(len(cells), np.iinfo(np.int64).min, dtype=np.int64)
        np.maximum.at(last, position[inside], time[inside].astype(np.int64))
        return cls(
            position=position,
            hour=hour,
            hours_touched=hours_touched,
            counts=count_positions(position, len(cells))[0],
            last=last.astype("datetime64[s]"),
        )


def _listed(
    scored: Scored,
    last: NDArray[np.datetime64],
    cells: NDArray[np.uint64],
    coverage: float | None,
    top: int | None,
) -> NDArray[np.int64]:
    """Return places of the cells listed, best first."""
    score, usual = scored.score, scored.usual
    if usual is not None and coverage is None and top is None:
        score, top = np.where(usual, score, -1.0), max(len(cells), 1)
    # NaT is the smallest whole number, so cells without a report come last among equals
    order = np.lexsort((cells, -np.maximum(last.astype(np.int64), -(2**62)), -np.round(score, 9)))
    order = order[~np.isnan(score[order])]  # cells outside the villages or grids asked for have no z
    if coverage is not None:
        return order[: max(1, int(np.floor(coverage * len(cells) + 1e-9)))]
    return order[score[order] > 0][: DEFAULT_TOP if top is None else top]


def _asked_area(town: Town, asked: ReportFilter) -> Any:
    """Return the part of the town that lies in the villages and grids asked for.

    Against cells whose reports were left out by the question, every cell asked for would stand out.
    """
    shape = town.area
    for layer, codes in (("villages", asked.villages), ("grids", asked.grids)):
        frame = town.layer(layer)
        if codes and len(frame):
            chosen = frame.geometry[frame["code"].isin(codes)].to_numpy()
            shape = shapely.intersection(shape, shapely.union_all(chosen))
    return shape


def _share_inside(shape: Any, cells: NDArray[np.uint64], resolution: int, finest: int) -> NDArray[np.float64]:
    """Return the share of each cell that lies in an area.

    A cell on the border that is counted as a whole makes all others stand out a little.
    """
    within, share = _shares_inside(shape, resolution, finest)
    found = np.zeros(len(cells))
    place = np.minimum(np.searchsorted(within, cells), max(len(within) - 1, 0))
    known = within[place] == cells if len(within) else np.zeros(len(cells), dtype=bool)
    found[known] = share[place[known]]
    return found


@lru_cache(maxsize=32)
def _shares_inside(
    shape: Any, resolution: int, finest: int
) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Return :func:`shares_inside`, kept: half a second for a large town, and the same for each question."""
    return shares_inside(shape, resolution, finest)


@dataclass(frozen=True, eq=False)
class _Tested:
    """What Gi* says of each cell and its neighbours; NaN in a cell without exposure."""

    z: NDArray[np.float64]
    p_gi: NDArray[np.float64]
    p_scatter: NDArray[np.float64]
    p_value: NDArray[np.float64]  # corrected; NaN also where there are too few reports for a verdict
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    cells: NDArray[np.float64]
    total: int  # reports in the cells tested
    corrected: bool

    @classmethod
    def of(
        cls,
        cells: NDArray[np.uint64],
        counts: NDArray[np.int64],
        exposure: NDArray[np.float64],
        correction: str,
        permutations: int,
        seed: int,
        *,
        labels: bool = False,
    ) -> _Tested:
        """Test counts against an exposure: the cells' area inside the town, or what else there is.

        ``labels``: the exposure is the number of reports of all kinds, those tested among them.
        """
        from scipy.special import ndtr

        from pingan_geo.stats.gi_star import (
            expected_counts,
            gi_star_of_excess,
            gi_star_test,
            standardised_excess,
        )
        from pingan_geo.stats.neighbours import count_beside, sum_beside
        from pingan_geo.stats.scatter import label_p, scatter_p
        from pingan_geo.stats.significance import adjust

        def spread(values: NDArray[Any]) -> NDArray[np.float64]:
            whole = np.full(len(cells), np.nan)
            whole[inside] = values
            return whole

        corrected = correction != "none"
        inside = exposure > 0
        if not inside.any():
            nothing = spread(np.zeros(0))
            return cls(nothing, nothing, nothing, nothing, nothing, nothing, nothing, 0, corrected)
        own, exposed = counts[inside].astype(np.float64), exposure[inside]
        left, right = neighbour_pairs(cells[inside])
        total, in_all = int(own.sum()), float(exposed.sum())
        observed = own + sum_beside(own, left, right)
        around = exposed + sum_beside(exposed, left, right)
        z = gi_star_of_excess(own, exposed, left, right)
        if labels:
            p_scatter = label_p(observed, around, total, int(in_all))
        else:
            p_scatter = scatter_p(observed, total, np.minimum(around / in_all, 1.0))
        p_gi = ndtr(-z)
        if permutations:
            even = own if np.ptp(exposed) == 0 else standardised_excess(own, exposed)
            rng = np.random.default_rng(seed)
            p_gi = gi_star_test(even, left, right, permutations=permutations, rng=rng).p_permuted
        # Every cell takes part in the correction, also one that gets no verdict: leaving those out for their
        # counts would make the others seem rarer than they are.
        p_value = adjust(p_gi if permutations else np.maximum(p_gi, p_scatter), correction)
        few = (observed < LEAST_NEAR) | (total < LEAST_REPORTS)
        expected = expected_counts(own, exposed)
        return cls(
            z=spread(z),
            p_gi=spread(p_gi),
            p_scatter=spread(p_scatter),
            p_value=spread(np.where(few, np.nan, p_value)),
            observed=spread(observed),
            expected=spread(expected + sum_beside(expected, left, right)),
            cells=spread(count_beside(len(own), left, right) + 1),
            total=total,
            corrected=corrected,
        )


def _stability(
    fitting: Any,
    cells: NDArray[np.uint64],
    resolution: int,
    listed: NDArray[np.uint64],
    recounts: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return the share of recounts that list each cell again, NaN without recounts."""
    if not recounts or not len(listed):
        return np.full(len(listed), np.nan)
    from pingan_geo.stats.stability import stability

    return stability(
        fitting["lon"].to_numpy(np.float64),
        fitting["lat"].to_numpy(np.float64),
        cells,
        resolution,
        listed=listed,
        shifts=recounts,
        bootstraps=recounts,
        other_resolutions=(resolution - 1, resolution + 1),
        rng=np.random.default_rng(seed),
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What the table of the list is made of."""

    town: Town
    fitting: Any
    placed: _Placed
    cells: NDArray[np.uint64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    scored: Scored
    areas: NDArray[np.float64]
    listed: NDArray[np.int64]
    method: str
    audience: str
    t: Translator
    tested: _Tested
    stable: NDArray[np.float64]  # per listed cell; NaN where nothing was recounted
    courses: Courses
    scope: str
    exposure: str  # in words, what the test sets the reports against instead of the area

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the HOTSPOTS table, and what Gi* says of each of its rows."""
        rows, count = len(self.listed), self.placed.counts[self.listed]
        grid_id, village_id = self._zone("grids", "grid_id"), self._zone("villages", "village_id")
        share = count / len(self.fitting)
        nearest, metres = self._nearest()
        hours = self._hours()
        last = self.placed.last[self.listed]
        grids, villages = self._named("grids", grid_id), self._named("villages", village_id)
        cells = to_text(self.cells[self.listed])
        change = self.courses.change
        verdicts = self._verdicts(nearest, metres, grids, villages, cells)
        p_value = self.scored.p_value[self.listed]
        table = pd.DataFrame(
            {
                "rank": np.arange(1, rows + 1, dtype=np.int64),
                "cell": pd.Series(cells, dtype="str"),
                "grid_id": pd.Series(grid_id, dtype="str"),
                "grid": pd.Series(grids, dtype="str"),
                "village": pd.Series(villages, dtype="str"),
                "lon": np.round(self.lon[self.listed], 7),
                "lat": np.round(self.lat[self.listed], 7),
                "score": np.round(self.scored.score[self.listed], 6),
                "count": count,
                "p_value": p_value,
                "share": share,
                "cumulative_share": np.cumsum(count) / len(self.fitting),
                "nearest_place": pd.Series(nearest, dtype="str"),
                "nearest_place_m": np.round(metres),
                "main_hours": pd.Series(hours, dtype="str"),
                "last_time": np.full(rows, _NEVER) if self.audience == "leader" else last,
                "life": pd.Series(self.courses.life, dtype="str"),
                "change": change["change"],
                "near": change["after"],
                "near_before": change["before"],
                "near_newcomers": change["newcomers"],
                "change_p": change["p_value"],
                "reason": pd.Series(self._reasons(count, share, hours, last, verdicts), dtype="str"),
            }
        )
        columns = ("z", "p_gi", "p_scatter", "p_value", "observed", "expected", "cells")
        tests = pd.DataFrame({name: getattr(self.tested, name)[self.listed] for name in columns})
        verdict = pd.Series(verdicts, dtype="str")
        tests = tests.assign(verdict=verdict, stability=self.stable, moran=self.courses.moran)
        if self.scored.cluster is not None:
            tests["cluster"] = self.scored.cluster[self.listed]
        return HOTSPOTS.check(table), tests.join(change.drop(columns="change").add_prefix("change_"))

    def verdict(self) -> str:
        """Return one sentence on the whole list, ``""`` when nothing was tested."""
        t, tested = self.t, self.tested
        if self.scored.verdict is not None:
            return self.scored.verdict
        if tested.total < LEAST_REPORTS:
            return say_too_few(tested.total, LEAST_REPORTS, t) if np.isfinite(tested.z).any() else ""
        found = int((tested.p_value < LEVEL).sum())
        if self.exposure and not found:
            return t(
                "No cell has more than its share of {exposure} gives by more than chance would bring.",
                exposure=self.exposure,
            )
        if not found:
            return t(
                "No cell stands out from the mean of {scope} by more than chance would bring.",
                scope=self.scope,
            )
        cells = int(np.isfinite(tested.z).sum())
        if self.exposure:
            return t(
                "{found} of {cells} cells have more than their share of {exposure} gives, their neighbours "
                "included, by more than chance would bring.",
                found=found,
                cells=cells,
                exposure=self.exposure,
            )
        return t(
            "{found} of {cells} cells stand out from the mean of {scope}, their neighbours included, by more "
            "than chance would bring.",
            found=found,
            cells=cells,
            scope=self.scope,
        )

    def _verdicts(
        self,
        nearest: Sequence[str],
        metres: Sequence[float] | NDArray[np.float64],
        grids: Sequence[str],
        villages: Sequence[str],
        cells: Sequence[str] | NDArray[np.object_],
    ) -> list[str]:
        """Return one sentence a listed cell, ``""`` where nothing was tested."""
        tested, t = self.tested, self.t
        return [
            ""
            if np.isnan(tested.z[row])
            else say_verdict(
                name_place(*names),
                float(tested.observed[row]),
                float(tested.expected[row]),
                float(tested.p_value[row]),
                t,
                total=tested.total,
                scope=self.scope,
                corrected=tested.corrected,
                exposure=self.exposure,
            )
            for row, *names in zip(self.listed, nearest, metres, grids, villages, cells, strict=True)
        ]

    def _zone(self, layer: str, column: str) -> NDArray[np.object_]:
        """Return the polygon of most of a cell's reports (of equals the smallest code), else its centre's."""
        frame = self.town.layer(layer)
        if not len(frame):
            return np.full(len(self.listed), "", dtype=object)
        index = PolygonIndex(frame["code"].to_numpy(dtype=object), frame.geometry.to_numpy())
        codes = index.assign(self.lon[self.listed], self.lat[self.listed])
        place = np.full(len(self.cells) + 1, -1, dtype=np.int64)
        place[self.listed] = np.arange(len(self.listed))
        row = place[self.placed.position]  # -1 picks the last, which is in no list
        zones = self.fitting[column].to_numpy(dtype=object)
        known = (row >= 0) & (zones != "")
        votes = (
            pd.DataFrame({"row": row[known], "zone": zones[known]})
            .value_counts(["row", "zone"])
            .reset_index()
        )
        votes = votes.sort_values(["row", "count", "zone"], ascending=[True, False, True]).drop_duplicates(
            "row"
        )
        codes[votes["row"].to_numpy()] = votes["zone"].to_numpy(dtype=object)
        return codes

    def _named(self, layer: str, codes: NDArray[np.object_]) -> list[str]:
        frame = self.town.layer(layer)
        names = dict(zip(frame["code"], frame["name"], strict=True))
        return [names.get(code) or code for code in codes]

    def _nearest(self) -> tuple[list[str], NDArray[np.float64]]:
        """Return the nearest named place of each cell's centre, and how far it is."""
        with self.town.store.read() as connection:
            features = [read_features(connection, kind) for kind in _NAMED_FEATURES]
        estates = self.town.layer("estates")
        middle = estates.geometry.representative_point()
        names = np.concatenate(
            [*(one["name"].to_numpy(dtype=object) for one in features), estates["name"].to_numpy(object)]
        )
        lon = np.concatenate(
            [*(one["lon"].to_numpy(np.float64) for one in features), middle.x.to_numpy(np.float64)]
        )
        lat = np.concatenate(
            [*(one["lat"].to_numpy(np.float64) for one in features), middle.y.to_numpy(np.float64)]
        )
        named = names != ""
        names = np.append(names[named], "")  # the last stands for "none"
        index, metres = nearest_named(self.lon[self.listed], self.lat[self.listed], lon[named], lat[named])
        return [str(name) for name in names[index]], metres

    def _hours(self) -> list[str]:
        place = np.full(len(self.cells) + 1, -1, dtype=np.int64)
        place[self.listed] = np.arange(len(self.listed))
        row = place[self.placed.position]
        counts = count_spans(row, self.placed.hour, self.placed.hours_touched, len(self.listed))
        t = self.t
        return [
            "" if start < 0 else t("{start}–{end} h", start=int(start), end=int(end))
            for start, end in zip(*main_hours(counts), strict=True)
        ]

    def _reasons(
        self,
        count: NDArray[np.int64],
        share: NDArray[np.float64],
        hours: list[str],
        last: NDArray[np.datetime64],
        verdicts: Sequence[str],
    ) -> list[str]:
        area = self.areas[self.listed] / self.areas.sum()
        score = self.scored.score[self.listed]
        days = last.astype("datetime64[D]").astype(object)
        return [
            self._reason(
                *(int(count[row]), float(share[row]), float(area[row]), float(score[row])),
                *(hours[row], days[row], verdicts[row], float(self.stable[row])),
                self.scored.words[self.listed[row]],
            )
            for row in range(len(count))
        ]

    def _reason(
        self,
        count: int,
        share: float,
        area: float,
        score: float,
        hours: str,
        day: Any,
        verdict: str,
        stable: float,
        words: str,
    ) -> str:
        """Return why a cell stands on the list: the numbers, and what they do not show."""
        t = self.t
        parts = [words] if words else []
        if self.method == "density" and not words:
            parts.append(t("{score} reports per km² around its centre", score=t.number(score, 1)))
        if self.method == "gi":
            parts += [verdict, t("Gi* z {score}", score=t.number(score, 2))]
        if count:
            parts.append(
                t.plural(
                    "{count} report, {share} of all in {area} of the area",
                    "{count} reports, {share} of all in {area} of the area",
                    count,
                    share=_percent(t, share, 1),
                    area=_percent(t, area, 2),
                )
            )
        else:
            parts.append(t("no report in the cell itself"))
        if hours:
            parts.append(t("mostly {hours}", hours=hours))
        if count and self.audience != "leader":
            parts.append(t("last on {day}", day=day.isoformat()))
        if self.method in {"count", "density"}:
            untested = t("so few may be chance") if count < FEW_REPORTS else t("not tested for chance")
            parts.append(verdict or untested)
        if not np.isnan(stable):
            parts.append(t("listed again in {share} of recounts", share=t.percent(stable, 0)))
        return t("; ").join(parts)


def _percent(t: Translator, share: float, digits: int) -> str:
    """Return a share with so many decimals, or more where it would seem to be nothing."""
    while 0 < share * 100 < 0.5 * 10.0**-digits:
        digits += 1
    return t.percent(share, digits)


def _with_about(found: Hotspots, scored: Scored, town: Town, t: Translator) -> Hotspots:
    lines = [
        (t("Town"), t.pick(town.settings.name, town.settings.name_en)),
        *say_filter(town.settings, found.asked, t),
        (t("Score"), scored.score_words),
        *scored.about,
        (
            t("Cell size"),
            t("H3 resolution {resolution}: all that touch the town's area", resolution=found.resolution),
        ),
        (t("Order"), t("by score, then by the last report, then by cell number")),
        (
            t("Reports"),
            t(
                "{total} fit = {listed} in listed cells + {other} in other cells + {unassigned} in no cell",
                total=found.total,
                listed=found.in_listed,
                other=found.in_other,
                unassigned=found.unassigned,
            ),
        ),
        (
            t("Area"),
            t(
                "{listed} of {all} cells, {share} of their area",
                listed=found.cells_listed,
                all=found.cells_all,
                share=_percent(t, found.covered_m2 / found.area_m2, 2),
            ),
        ),
        *_say_test(found, t),
        *say_courses(found.courses, t),
        (t("Main hours"), _say_hours(found, t)),
        (t("Audience"), t(_AUDIENCE_WORDS[found.audience])),
    ]
    return replace(found, about=tuple(lines))


def _hours_left_out(reports: Any, asked: ReportFilter, board_of: Mapping[str, str]) -> int:
    """Return how many reports fit all but the hours, and may lie in them: known by the day, or by a part of it."""
    if not asked.hours:
        return 0
    others = reports[select(reports, replace(asked, hours=()), board_of)]
    times = others["time"].to_numpy(dtype="datetime64[s]")
    until = others["time_until"].to_numpy(dtype="datetime64[s]")
    first, touched = hour_spans(times, until)
    wanted = np.isin(np.arange(24), asked.hours)
    reach = np.array([[wanted[np.arange(at, at + n) % 24].any() for n in range(26)] for at in range(24)])
    may = (touched == 0) | reach[first, touched]
    return int((may & ~within_hours(times, until, asked.hours)).sum())


def _say_hours(found: Hotspots, t: Translator) -> str:
    """Return how reports without an exact hour count."""
    said = [t("{count} reports have no known hour and count for none", count=found.hours_unknown)]
    if found.in_intervals:
        said.append(
            t(
                "{count} are known as an interval and count where the main hours hold all of it",
                count=found.in_intervals,
            )
        )
    if found.hours_left_out:
        said.append(
            t(
                "{count} more may lie in the hours asked for, but are known by the day or a longer interval "
                "only: not counted",
                count=found.hours_left_out,
            )
        )
    return t("; ").join(said)


def _say_test(found: Hotspots, t: Translator) -> list[tuple[str, str]]:
    """Return how the p-values came about, and what they are not."""
    if found.method == "gi":
        curve = t("the larger of Gi* against the normal curve and of reports scattered at random")
        dealt = t("Gi* against {count} random deals of the counts", count=found.permutations)
        p_value = t(
            "{test}, one-sided, corrected for the number of cells: {correction}",
            test=dealt if found.permutations else curve,
            correction=t(CORRECTIONS[found.correction]),
        )
    elif found.method == "scan":
        p_value = t("of the cluster, all places and days counted in")
    else:
        p_value = t("empty: the order is not a test, and a rank may be chance")
    lines = [(t("p value"), p_value)]
    if found.method in {"scan", "near_repeat"}:  # they say themselves what they are not
        return [*lines, (t("Verdict"), found.verdict)]
    if not found.verdict:
        lines.append((t("Verdict"), t("none: reports and finds of patrols are not tested together")))
        return lines
    return [
        *lines,
        (t("Verdict"), found.verdict),
        (
            t("Verdicts"),
            t(
                "Gi* on each cell and its neighbours, below {level}; none under {all} reports in all or {near} "
                "in the cell and its neighbours",
                level=t.percent(LEVEL, 0),
                all=LEAST_REPORTS,
                near=LEAST_NEAR,
            ),
        ),
        (
            t("Not meant"),
            t("It is as good as what the reports are set against, and no hotspot does not mean safe.")
            if found.method == "gi" and found.options.against
            else t(
                "Every cell counts alike, fields too: where people live and report, more stands out. No "
                "hotspot does not mean safe."
            ),
        ),
    ]


_AUDIENCE_WORDS: Mapping[str, str] = {
    "analyst": mark("analysts: nothing is coarsened"),
    "patrol": mark("patrols: private categories no finer than the patrol resolution"),
    "leader": mark("leaders: cells no finer than the leader resolution, no time of the last report"),
}
