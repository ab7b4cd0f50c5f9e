"""Rates: reports of each village, grid, estate or hexagon per household, reporter, km² or find of a patrol.

A rate is observed reports over an exposure; it is not a risk, and the unit with the highest one is seldom the
worst: where exposure is small, chance makes high rates and low ones. So each rate comes with an interval, a
smoothed value and, where chance has limits that can be drawn, a test against the rate of all units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError, NoLayerError, NoReportsError
from pingan_geo.i18n import mark, translator
from pingan_geo.intake.layers import households_of
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.outputs.exports import write_table
from pingan_geo.spatial.cells import areas_m2, cells_covering, centres, to_text
from pingan_geo.spatial.grids import PolygonIndex, area_m2
from pingan_geo.stats.counts import count_positions
from pingan_geo.stats.funnel import funnel_limits, funnel_test
from pingan_geo.stats.lorenz import Lorenz, lorenz
from pingan_geo.stats.rates import active_reporters, rate_interval, smooth_rates
from pingan_geo.workflow.analysis import closed_period
from pingan_geo.workflow.explore import Codes, ReportIndex
from pingan_geo.workflow.towns import Town
from pingan_geo.workflow.verdicts import LEAST_NEAR, LEAST_REPORTS, LEVEL

Floats = NDArray[np.float64]

#: What reports are counted in.
UNITS = ("village", "grid", "estate", "cell")
#: What they are counted per.
EXPOSURES = ("household", "reporter", "km2", "find")
#: Rates are told for so much exposure, so that they are numbers that people can say.
SCALES: Mapping[str, int] = {"household": 100, "reporter": 1, "km2": 1, "find": 1}
#: Limits of the funnel.
LEVELS: Final = (0.95, 0.998)
_LIMIT_POINTS = 60
#: Why nothing is tested, code to msgid.
UNTESTED: Mapping[str, str] = {
    "few": mark("No verdict, too few reports: {count} in all, {least} are needed"),
    "mixed": mark("Not tested: reports and finds of patrols are mixed. Choose one origin in the filters"),
    "reporter": mark(
        "Not tested: who reports once often reports again, and chance has no limits that could be drawn"
    ),
    "find": mark(
        "Not tested: finds are counted by chance themselves; the interval of each rate allows for both"
    ),
    "cell": mark("Not tested here: hexagons are tested, with their neighbours, on the hotspot page (Gi*)"),
    "alone": mark("Not tested: fewer than two of them have a known exposure"),
}


@dataclass(frozen=True, eq=False)
class RateTable:
    """Rates of all units, and the numbers that show nothing was lost.

    ``total == in_units + in_none + without_sender``.

    Parameters
    ----------
    by, per
        Of :data:`UNITS` and :data:`EXPOSURES`.
    asked, period
        The question without its limits on villages and grids; its period closed by the reports.
    table
        GeoDataFrame, a row per unit: ``code``, ``name``, ``count``, ``share`` of all reports in units,
        ``exposure`` (NaN: not known), ``rate`` with its 95 % interval ``low`` and ``high``, ``smoothed``,
        ``ratio`` to the rate of all, ``expected``, ``p_value`` (two-sided, corrected; NaN: no verdict),
        ``outside`` (``above``, ``below`` or empty: beyond what chance brings), ``unusual`` (likewise: beyond
        the usual differences between units). Rates are for ``scale`` of the exposure and NaN where there is
        none, or none is known; per find none is smoothed. Hexagons: those with reports, reporters or finds
        only, named by grid or village, and ``cell`` instead of a geometry.
    total
        Reports that fit.
    in_units, in_none
        Of these in a unit, and in none of them.
    without_sender
        Of these without a known sender, when rates are per reporter: they belong to nobody and are not in
        ``in_units``.
    unrated
        Of ``in_units``: in units without exposure, or of unknown exposure.
    units, unknown, without
        Units; those of unknown exposure, and those known to have none.
    mean
        Rate of all units with exposure together, for ``scale``.
    untested
        Code of :data:`UNTESTED`; empty when there is a test.
    limits
        The funnel: ``exposure``, ``low_0.95``, ``high_0.95``, ``low_0.998``, ``high_0.998`` by chance alone;
        ``low_usual``, ``high_usual``, beyond which a unit is ``unusual``: of towns whose units differ as these
        usually do, 95 % have no unit beyond them.
        For ``scale``; no rows when nothing is tested.
    line
        How concentrated the reports are; scattered over the exposure when ``weighted``, else over units.
    most
        Fewest units that hold 80 % of the reports.
    resolution
        Of the hexagons; 0 for polygons.
    """

    by: str
    per: str
    asked: ReportFilter
    period: Period
    table: Any = field(repr=False)
    total: int
    in_units: int
    in_none: int
    without_sender: int
    unrated: int
    units: int
    unknown: int
    without: int
    mean: float
    scale: int
    untested: str
    limits: pd.DataFrame = field(repr=False)
    line: Lorenz = field(repr=False)
    weighted: bool
    most: int
    resolution: int

    @property
    def tested(self) -> int:
        """Units that were tested."""
        return int(self.table["p_value"].notna().sum())

    def outside(self, column: str, side: str) -> Any:
        """Return the rows that ``outside`` or ``unusual`` says are ``above`` or ``below``."""
        return self.table[self.table[column] == side]


def rate_table(
    town: Town,
    index: ReportIndex,
    asked: ReportFilter,
    *,
    by: str,
    per: str,
    resolution: int = 9,
    reporters: NDArray[np.object_] | None = None,
    seed: int = 0,
) -> RateTable:
    """Return counts and rates of every unit.

    Parameters
    ----------
    town, index
        The town and all its reports.
    asked
        The question; its limits on villages and grids do not count: all units are compared.
    by
        ``village``, ``grid``, ``estate``, or ``cell``: hexagons of ``resolution`` that touch the town.
    per
        ``household``: the number in the column ``households`` of the layer; ``reporter``: different people
        who reported anything there in the period; ``km2``; ``find``: what patrols found there by the same
        question. A patrol that found nothing left no row: finds are not visits.
    resolution
        Of hexagons.
    reporters
        Of :func:`pingan_geo.workflow.analysis.load_reporters`; needed per reporter.
    seed
        Of the scatters of the line of concentration.

    Returns
    -------
    RateTable
        Ordered by the smoothed rate, per find by the lower end of the interval, largest first, units of
        unknown exposure last. The order is no finding: see ``outside``.

    Raises
    ------
    BadChoiceError
        If ``by`` or ``per`` is not offered, hexagons are asked for per household, reporters are not given, or
        finds are asked for beside anything but reports.
    NoLayerError
        If the town has no such polygons.
    NoReportsError
        If no report fits.
    """
    _check(by, per, asked, reporters)
    if by == "cell" and resolution > town.settings.finest:
        raise BadChoiceError(name="resolution", value=resolution, expected=f"0-{town.settings.finest}")
    asked = replace(asked, villages=(), grids=())
    fits = index.select(asked)
    if not fits.any():
        raise NoReportsError
    asked = replace(asked, period=closed_period(index, asked, fits))
    units, place = _units(town, index, by, resolution)
    size = len(units)
    counted = fits
    if per == "reporter" and reporters is not None:
        counted = fits & (reporters != "")
    counts, in_none = count_positions(place[counted], size)
    exposure = _exposure(index, asked, units, place, per, reporters)
    known = np.isfinite(exposure)
    given = np.where(known, exposure, 0.0)
    smooth = smooth_rates(counts, given)
    low, high = _interval(counts, given, per)
    mean = _mean(counts, given)
    mixed = not asked.origin and len(np.unique(index.origin.code[fits])) > 1
    untested = _untested(by, per, int(counts[given > 0].sum()), given, mixed=mixed)
    between = float(smooth.prior_var[0]) if size else 0.0
    scale = SCALES[per]
    table = units.assign(
        count=counts,
        share=counts / max(int(counts.sum()), 1),
        exposure=exposure,
        rate=smooth.rate * scale,
        low=low * scale,
        high=high * scale,
        # Finds are few and counted by chance: as a fixed exposure they would hardly draw a rate to the mean.
        smoothed=np.full(size, np.nan) if per == "find" else smooth.smoothed * scale,
        ratio=np.divide(smooth.rate, mean, out=np.full(size, np.nan), where=mean > 0),
        **_tests(counts, given, between, tested=not untested),
    )
    weighted = per in {"household", "km2"} and bool(known.all()) and bool(given.sum() > 0)
    line = lorenz(counts, np.random.default_rng(seed), weights=given if weighted else None)
    most = _fewest(counts)
    if by == "cell":
        table = table[(table["count"] > 0) | ((table["exposure"] > 0) & (per != "km2"))]
    told = table["low" if per == "find" else "smoothed"].fillna(-1.0)
    order = np.lexsort((table["code"], -table["count"], -told))
    return RateTable(
        by=by,
        per=per,
        asked=asked,
        period=asked.period,
        table=table.iloc[order].reset_index(drop=True),
        total=int(fits.sum()),
        in_units=int(counts.sum()),
        in_none=in_none,
        without_sender=int(fits.sum() - counted.sum()),
        unrated=int(counts[~(given > 0)].sum()),
        units=size,
        unknown=int((~known).sum()),
        without=int((known & ~(given > 0)).sum()),
        mean=mean * scale,
        scale=scale,
        untested=untested,
        limits=_limits(given, mean, between, scale, int((given > 0).sum()))
        if not untested
        else pd.DataFrame(),
        line=line,
        weighted=weighted,
        most=most,
        resolution=resolution if by == "cell" else 0,
    )


def _check(by: str, per: str, asked: ReportFilter, reporters: Any) -> None:
    if by not in UNITS:
        raise BadChoiceError(name="by", value=by, expected=" / ".join(UNITS))
    if per not in EXPOSURES:
        raise BadChoiceError(name="per", value=per, expected=" / ".join(EXPOSURES))
    if by == "cell" and per == "household":
        raise BadChoiceError(name="per", value=per, expected="reporter / km2 / find")
    if per == "reporter" and reporters is None:
        raise BadChoiceError(name="reporters", value="none", expected="one for each report")
    if per == "find" and asked.origin != "reported":
        raise BadChoiceError(name="origin", value=asked.origin or mark("Both"), expected="reported")


# -- units and what they hold ------------------------------------------------------------------------


def _units(town: Town, index: ReportIndex, by: str, resolution: int) -> tuple[Any, NDArray[np.int64]]:
    """Return the units with ``code`` and ``name``, and the position among them of each report, -1 for none."""
    if by == "cell":
        cells = cells_covering(town.area, resolution)
        level = index.cells(resolution)
        at = np.minimum(np.searchsorted(cells, level.cells), max(len(cells) - 1, 0))
        position = np.where(cells[at] == level.cells, at, -1) if len(cells) else np.full(len(at), -1)
        place = np.where(level.code >= 0, np.append(position, -1)[level.code], -1)
        codes = pd.Series(to_text(cells), dtype="str")
        names = pd.Series(_names_of(town, cells), dtype="str")
        names = names.where(names != "", codes)
        table = pd.DataFrame({"code": codes, "name": names, "cell": codes, "m2": areas_m2(cells)})
        return table, place.astype(np.int64)
    layer = town.layer(f"{by}s")
    if not len(layer):
        raise NoLayerError(layer=f"{by}s")
    units = gpd.GeoDataFrame(
        {
            "code": layer["code"].to_numpy(dtype=object),
            "name": layer["name"].where(layer["name"] != "", layer["code"]).to_numpy(dtype=object),
            "households": households_of(layer),
            "m2": area_m2(layer.geometry.to_numpy()),
        },
        geometry=layer.geometry.to_numpy(),
        crs=4326,
    ).astype({"code": "str", "name": "str"})
    codes = pd.Index(units["code"].to_numpy(dtype=object))
    if by == "estate":  # a report is not stored with its estate
        found = PolygonIndex(codes, units.geometry.to_numpy())
        at = found.positions(index.reports["lon"].to_numpy(), index.reports["lat"].to_numpy())
        names = np.append(codes.get_indexer(pd.Index(found.codes, dtype=object)), -1)
        return units, names[at].astype(np.int64)
    held: Codes = index.village if by == "village" else index.grid
    names = np.append(codes.get_indexer(pd.Index(held.names, dtype=object)), -1)
    return units, names[held.code].astype(np.int64)


def _names_of(town: Town, cells: NDArray[np.uint64]) -> NDArray[np.object_]:
    """Return the grid, else the village, that the centre of each cell lies in; empty in neither."""
    named = np.full(len(cells), "", dtype=object)
    lon, lat = centres(cells)
    for layer in ("villages", "grids"):
        frame = town.layer(layer)
        if len(frame):
            found = PolygonIndex(frame["code"].to_numpy(dtype=object), frame.geometry.to_numpy())
            name_of = dict(
                zip(frame["code"], frame["name"].where(frame["name"] != "", frame["code"]), strict=True)
            )
            texts = np.array([*(name_of[code] for code in found.codes), ""], dtype=object)
            here = texts[found.positions(lon, lat)]
            named = np.where(here != "", here, named)
    return named


def _exposure(
    index: ReportIndex,
    asked: ReportFilter,
    units: Any,
    place: NDArray[np.int64],
    per: str,
    reporters: NDArray[np.object_] | None,
) -> Floats:
    """Return the exposure of each unit, NaN where it is not known."""
    if per == "household":
        return np.asarray(units["households"], dtype=np.float64)
    if per == "km2":
        return np.asarray(units["m2"], dtype=np.float64) / 1e6
    if per == "find":
        # A find has a ledger of its own: a limit on the ledgers of reports would leave none.
        found = index.select(replace(asked, origin="found", sources=()))
        return count_positions(place[found], len(units))[0].astype(np.float64)
    # Who looked there for anything, at any hour: by the question alone everybody would have a report.
    there = index.select(replace(asked, categories=(), boards=(), hours=(), weekdays=()))
    there &= place >= 0
    who = np.zeros(0, dtype=object) if reporters is None else reporters[there]
    return active_reporters(np.arange(len(units)), place[there], who).astype(np.float64)


# -- numbers -----------------------------------------------------------------------------------------


def _interval(counts: NDArray[np.int64], exposure: Floats, per: str) -> tuple[Floats, Floats]:
    if per != "find":
        return rate_interval(counts, exposure)
    from pingan_geo.stats.change import compare_periods

    # Reports over finds: both are counts, and the exact interval of their ratio knows it.
    both = compare_periods(exposure.astype(np.int64), counts, length_before_d=1.0, length_after_d=1.0)
    some = exposure > 0
    low, high = (both[side].to_numpy(dtype=np.float64) for side in ("ratio_low", "ratio_high"))
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def _mean(counts: NDArray[np.int64], exposure: Floats) -> float:
    some = exposure > 0
    return float(counts[some].sum() / exposure[some].sum()) if some.any() else float("nan")


def _untested(by: str, per: str, total: int, exposure: Floats, *, mixed: bool) -> str:
    if mixed:
        return "mixed"
    if by == "cell":
        return "cell"
    if per in {"reporter", "find"}:
        return per
    if (exposure > 0).sum() < 2:
        return "alone"
    return "few" if total < LEAST_REPORTS else ""


def _tests(counts: NDArray[np.int64], exposure: Floats, between: float, *, tested: bool) -> dict[str, Any]:
    """Return the columns of the test; a unit in which few reports are, and few would be, gets no verdict."""
    size = len(counts)
    blank = pd.Series([""] * size, dtype="str").to_numpy(dtype=object)
    if not tested:
        nothing = np.full(size, np.nan)
        return {"expected": nothing, "p_value": nothing.copy(), "outside": blank, "unusual": blank.copy()}
    chance = funnel_test(counts, exposure)
    usual = funnel_test(counts, exposure, between=between)
    enough = np.maximum(counts, np.nan_to_num(chance.expected)) >= LEAST_NEAR
    p_value = np.where(enough, chance.p_value, np.nan)
    sides = np.array(["below", "", "above"], dtype=object)[chance.side + 1]
    outside = np.where(p_value < LEVEL, sides, "")
    # Who is within what chance brings cannot be beyond the usual differences, which add to chance.
    unusual = np.where((outside != "") & (usual.p_value < LEVEL), sides, "")
    return {"expected": chance.expected, "p_value": p_value, "outside": outside, "unusual": unusual}


def _limits(exposure: Floats, mean: float, between: float, scale: int, units: int) -> pd.DataFrame:
    some = exposure[exposure > 0]
    if not mean > 0:
        return pd.DataFrame()
    at = np.geomspace(some.min() / 1.1, some.max() * 1.1, _LIMIT_POINTS)
    columns = {"exposure": at}
    for level in LEVELS:
        low, high = funnel_limits(at, mean, level)
        columns |= {f"low_{level}": low * scale, f"high_{level}": high * scale}
    # Corrected like the sentence about them, or of 100 units five would lie beyond with nothing said of it.
    low, high = funnel_limits(at, mean, 1.0 - LEVEL / max(units, 1), between=between)
    return pd.DataFrame(columns | {"low_usual": low * scale, "high_usual": high * scale})


def _fewest(counts: NDArray[np.int64]) -> int:
    from pingan_geo.stats.counts import concentration

    found = concentration(counts, shares=(0.8,))
    return int(found["cells"].iloc[0]) if len(found) else 0


# -- files -------------------------------------------------------------------------------------------


def export_rates(
    found: RateTable,
    file: Path,
    *,
    notice: str,
    about: tuple[tuple[str, str], ...],
    language: str = "zh",
    headings: Mapping[str, str] | None = None,
) -> Path:
    """Write rates as CSV, XLSX, GeoJSON, GPKG or KML, with their shapes in the layer formats.

    Parameters
    ----------
    found
        Of :func:`rate_table`.
    file
        Its ending says the format.
    notice
        Of :func:`pingan_geo.workflow.said.town_notice`.
    about
        Of :func:`pingan_geo.workflow.rate_words.about_rates`.
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
    return write_table(
        listed(found),
        file,
        notice=notice,
        title=t("Rates"),
        geometry="cell" if found.by == "cell" else "shape",
        about=about,
        headings=headings,
        names=[str(name) for name in found.table["name"]],
        sheet_names=(t("Data"), t("About")),
    )


def listed(found: RateTable) -> Any:
    """Return the table of rates as files have it: with what the rates are per, in every row."""
    rest = ["households", "m2"]
    table = found.table.drop(columns=[name for name in rest if name in found.table.columns])
    per = pd.Series([f"{found.scale} {found.per}"] * len(table), dtype="str", index=table.index)
    table.insert(table.columns.get_loc("rate") + 1, "rate_per", per)
    return table
