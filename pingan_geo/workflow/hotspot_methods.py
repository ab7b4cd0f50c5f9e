"""How cells are scored by the density, the scan and the near repeats: numbers, p-values and words a cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError, NoBandwidthError
from pingan_geo.i18n import Translator, mark
from pingan_geo.model.report import ReportFilter
from pingan_geo.spatial.cells import outlines, parents
from pingan_geo.workflow.clusters import (
    LONGEST_DAYS,
    RADIUS_M,
    cluster_table,
    name_middle,
    say_cluster,
    scan_cells,
    stands_out,
)
from pingan_geo.workflow.explore import ReportIndex, span_of, whole_seconds
from pingan_geo.workflow.set_against import SetAgainst
from pingan_geo.workflow.towns import Town
from pingan_geo.workflow.verdicts import LEAST_NEAR, LEAST_REPORTS, say_too_few

Floats = NDArray[np.float64]

RULES = ("scott", "cv")
EDGES = ("none", "uniform", "diggle")
REPLICATIONS: Final = 999
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Options:
    """What a method may be told beside the question; each belongs to one or two methods.

    Parameters
    ----------
    bandwidth_m, bandwidth_rule, adaptive, edge
        Of the density: metres, or ``scott`` or ``cv`` to have them worked out (neither: about the size of a
        cell); narrower where reports are many; ``none``, ``uniform`` or ``diggle`` correction at the border.
    against
        Of density and Gi*: ``all``, ``households`` or ``enterprises``; ``""``: nothing.
    radius_m, days, replications, retrospective
        Of the scan: widest circle, most days, random data sets; also clusters that are over.
    """

    bandwidth_m: float | None = None
    bandwidth_rule: str = ""
    adaptive: bool = False
    edge: str = "none"
    against: str = ""
    radius_m: float | None = None
    days: int | None = None
    replications: int | None = None
    retrospective: bool = False

    def check(self, method: str) -> None:
        """Refuse what is not offered, and what another method would take.

        Raises
        ------
        BadChoiceError
            Naming the option.
        """
        usual = Options()
        for names, methods in (
            (("bandwidth_m", "bandwidth_rule", "adaptive", "edge"), ("density",)),
            (("against",), ("density", "gi")),
            (("radius_m", "days", "replications", "retrospective"), ("scan",)),
        ):
            for name in names:
                # a bandwidth has always been taken and left unused by the other methods
                given = name != "bandwidth_m" and getattr(self, name) != getattr(usual, name)
                if given and method not in methods:
                    raise BadChoiceError(
                        name=name,
                        value=getattr(self, name),
                        expected=mark("left out: only the methods density and gi take it")
                        if "gi" in methods
                        else mark("left out: only the method density takes it")
                        if "density" in methods
                        else mark("left out: only the method scan takes it"),
                    )
        if self.bandwidth_rule and self.bandwidth_rule not in RULES:
            raise BadChoiceError(name="bandwidth", value=self.bandwidth_rule, expected=" / ".join(RULES))
        if self.bandwidth_m is not None and not 0 < self.bandwidth_m < math.inf:
            raise BadChoiceError(name="bandwidth", value=self.bandwidth_m, expected="above 0")
        if self.edge not in EDGES:
            raise BadChoiceError(name="edge", value=self.edge, expected=" / ".join(EDGES))


@dataclass(frozen=True, eq=False)
class Scored:
    """Cells as a method scores them.

    Parameters
    ----------
    score
        One per cell; NaN: cannot be told and is not listed.
    p_value
        Of the method's own test; NaN where it makes none.
    words
        Why a cell has its score; ``""`` where the method has no words of its own.
    usual
        The cells listed when no number is asked for; ``None``: the first of all.
    verdict
        One sentence on the list; ``None``: that of Gi*.
    bandwidth_m
        As used; NaN without a kernel.
    clusters, cluster
        Of :func:`pingan_geo.workflow.clusters.cluster_table`; number of each cell's cluster, 0 in none.
    score_words, about
        What the score is; (label, text) pairs that must be known to read it.
    """

    score: Floats
    p_value: Floats
    words: Sequence[str]
    usual: NDArray[np.bool_] | None = None
    verdict: str | None = None
    bandwidth_m: float = math.nan
    clusters: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    cluster: NDArray[np.int64] | None = None
    score_words: str = ""
    about: tuple[tuple[str, str], ...] = ()


# -- density -----------------------------------------------------------------------------------------


def score_by_density(
    fitting: Any,
    cells: NDArray[np.uint64],
    lon: Floats,
    lat: Floats,
    shape: Any,
    options: Options,
    usual_m: float,
    set_against: SetAgainst | None,
    t: Translator,
) -> Scored:
    """Score cells by the density of reports at their centre, as the options say.

    Parameters
    ----------
    fitting
        Reports, ``lon`` and ``lat``.
    cells, lon, lat
        Cells and their centres.
    shape
        The area asked for: the window of an edge correction and of ``cv``.
    usual_m
        Bandwidth when none is asked for.
    set_against
        What the density is divided by.

    Raises
    ------
    NoBandwidthError
        If a rule is asked for and fewer than five reports, or one place only, fit.
    """
    from scipy.spatial import cKDTree

    from pingan_geo.stats.kernel import kernel_density, relative_density, select_bandwidth

    plane = local_metres(float(lon.mean()), float(lat.mean()))
    report_lon, report_lat = (fitting[name].to_numpy(np.float64) for name in ("lon", "lat"))
    x, y = plane.forward(report_lon, report_lat)
    window = shapely.transform(shape, lambda xy: np.column_stack(plane.forward(xy[:, 0], xy[:, 1])))
    about = []
    bandwidth_m = usual_m if options.bandwidth_m is None else float(options.bandwidth_m)
    if options.bandwidth_rule:
        inside = shapely.intersects_xy(window, x, y)
        if inside.sum() < LEAST_NEAR or not (np.ptp(x[inside]) or np.ptp(y[inside])):
            raise NoBandwidthError(count=int(inside.sum()))
        bandwidth_m = select_bandwidth(x, y, options.bandwidth_rule, window=window)
        rules = {
            "scott": t("Scott's rule: for one round cloud of reports, too wide for several quarters"),
            "cv": t(
                "cross-validated: the width by which the reports of one place are likeliest from the others"
            ),
        }
        about.append((t("Bandwidth"), f"{t.number(bandwidth_m)} m · {rules[options.bandwidth_rule]}"))
    at_lon, at_lat = lon, lat
    kept: dict[str, Any] = {"adaptive": options.adaptive, "edge": options.edge}
    if options.edge != "none":
        kept["window"] = window
        at_lon, at_lat = _inside(cells, lon, lat, shape)
        left_out = int((~shapely.intersects_xy(window, x, y)).sum())
        edges = {
            "uniform": t("divided by the share of the kernel at the cell that lies in the area"),
            "diggle": t("each report divided by the share of its own kernel that lies in the area"),
        }
        about.append((t("Border"), edges[options.edge]))
        if left_out:
            about.append((t("Left out"), t("{count} reports outside the area", count=left_out)))
    if options.adaptive:
        words = t(
            "adaptive: narrower where reports are many, wider where they are few, {metres} m in the middle",
            metres=t.number(bandwidth_m),
        )
        about.append((t("Kernel"), words))
    at = plane.forward(at_lon, at_lat)
    nothing, no_words = np.full(len(cells), np.nan), [""] * len(cells)
    metres = t.number(bandwidth_m)
    if set_against is None:
        score = kernel_density(x, y, *at, bandwidth_m, **kept)
        said = t(
            "reports per km² at the cell's centre, Gaussian kernel of {bandwidth_m} m", bandwidth_m=metres
        )
        return Scored(score, nothing, no_words, bandwidth_m=bandwidth_m, score_words=said, about=tuple(about))
    km2 = shapely.area(window) / 1e6
    # Within about the reach of a kernel five of them, and at least a tenth of what the area has on average.
    floor = max(
        LEAST_NEAR / (4 * math.pi * (bandwidth_m / 1000) ** 2), 0.1 * float(set_against.weight.sum()) / km2
    )
    found = relative_density(
        *(x, y, *plane.forward(set_against.lon, set_against.lat), *at, bandwidth_m),
        floor_per_km2=floor,
        exposure_weights=set_against.weight,
        **kept,
    )
    # A kernel has tails: far from all reports two of them still have a ratio, and it means nothing.
    tree = cKDTree(np.column_stack(plane.forward(set_against.lon, set_against.lat)))
    near = tree.query_ball_point(np.column_stack(at), 2 * bandwidth_m, return_length=True)
    ratios = np.where(near < LEAST_NEAR, np.nan, found.ratio)
    name = set_against.name(t)
    said = t(
        "density of the reports over that of {exposure}: 1 is as in the whole area; Gaussian kernels of {bandwidth_m} m",
        exposure=name,
        bandwidth_m=metres,
    )
    thin = t(
        "cells with fewer than {floor} per km² around them, or {least} within {metres} m, are not ranked",
        floor=t.number(floor, 1),
        least=LEAST_NEAR,
        metres=t.number(2 * bandwidth_m),
    )
    about += [(t("Set against"), f"{name} · {thin}")]
    reasons = [
        ""
        if math.isnan(ratio)
        else t(
            "{ratio} times what {exposure} would give around its centre",
            ratio=t.number(ratio, 1),
            exposure=name,
        )
        for ratio in ratios.tolist()
    ]
    return Scored(ratios, nothing, reasons, bandwidth_m=bandwidth_m, score_words=said, about=tuple(about))


def _inside(cells: NDArray[np.uint64], lon: Floats, lat: Floats, shape: Any) -> tuple[Floats, Floats]:
    """Return the centres of cells, and of those whose centre lies outside a shape a point of their part inside."""
    out = np.flatnonzero(~shapely.intersects_xy(shape, lon, lat))
    parts = shapely.intersection(outlines(cells[out]), shape)
    filled = ~shapely.is_empty(parts)
    points = shapely.point_on_surface(parts[filled])
    lon, lat = lon.copy(), lat.copy()
    lon[out[filled]], lat[out[filled]] = shapely.get_x(points), shapely.get_y(points)
    return lon, lat


# -- scan --------------------------------------------------------------------------------------------


def score_by_scan(
    town: Town,
    fitting: Any,
    position: NDArray[np.int64],
    cells: NDArray[np.uint64],
    asked: ReportFilter,
    options: Options,
    seed: int,
    on_progress: Callable[[int, int], None] | None,
    t: Translator,
) -> Scored:
    """Score cells by the space-time cluster that they belong to: its logarithmic likelihood ratio.

    Raises
    ------
    BadChoiceError
        If radius, days or replications are out of their range.
    """
    radius_m = RADIUS_M if options.radius_m is None else options.radius_m
    longest = LONGEST_DAYS if options.days is None else options.days
    replications = REPLICATIONS if options.replications is None else options.replications
    placed = position >= 0
    time = fitting["time"].to_numpy(dtype="datetime64[s]").astype(np.int64)[placed]
    none, nan, total = np.zeros(len(cells)), np.full(len(cells), np.nan), len(time)
    no_words = [""] * len(cells)
    said = t("logarithm of the likelihood ratio of the space-time cluster that the cell belongs to")
    if total < LEAST_REPORTS:
        few = say_too_few(total, LEAST_REPORTS, t)
        return Scored(none, nan, no_words, none > 0, few, score_words=said)
    period = span_of(asked.period, time)
    begin, end = (whole_seconds(one) // _DAY_S for one in (period.since, period.until) if one is not None)
    days = max(end + (whole_seconds(period.until) % _DAY_S > 0 if period.until else 0) - begin, 1)
    used, place = np.unique(position[placed], return_inverse=True)
    found = scan_cells(
        *(cells[used], place, time // _DAY_S - begin, days),
        radius_m=radius_m,
        longest=longest,
        prospective=not options.retrospective,
        replications=replications,
        seed=seed,
        on_progress=on_progress,
    )
    first = np.datetime64(begin, "D")
    table = cluster_table(found.clusters, cells[used], first, lambda lon, lat: name_middle(town, lon, lat))
    out = stands_out(table)
    score, p_value, words = none.copy(), nan.copy(), list(no_words)
    number = np.zeros(len(cells), dtype=np.int64)
    for place_in_list in range(len(table) - 1, -1, -1):  # of two clusters of a cell the likelier stays
        inside = used[found.clusters[place_in_list].cells]
        row = table.iloc[place_in_list]
        score[inside], p_value[inside] = row["statistic"], row["p_value"]
        number[inside] = row["cluster"]
        sentence = say_cluster(row, t)
        for cell in inside.tolist():
            words[cell] = sentence
    several = np.flatnonzero(out)
    verdict = (
        t.plural(
            "{count} cluster stands out: more here and then than this place and this time have otherwise.",
            "{count} clusters stand out: more here and then than these places and times have otherwise.",
            len(several),
        )
        if len(several)
        else t("No cluster stands out: places and times by themselves explain what was reported.")
    )
    until = t("all of the period") if options.retrospective else t("only what lasts until the last day")
    about = [
        (
            t("Scan"),
            t(
                "space-time permutation scan over {days} days: circles up to {radius_m} m, up to {longest} days, {until}",
                days=days,
                radius_m=t.number(radius_m),
                longest=longest,
                until=until,
            ),
        ),
        (
            t("Random data sets"),
            t(
                "{count} made of {asked}; p is the share of them with as strong a cluster anywhere. p_gumbel is "
                "read off a curve laid through them: an extrapolation, only for ordering very strong clusters",
                count=found.replications,
                asked=replications,
            ),
        ),
        *((t("Cluster {number}", number=row.cluster), say_cluster(row, t)) for row in table.itertuples()),
        (
            t("Not meant"),
            t(
                "A place that is bad all the time is no cluster, and somebody who starts reporting makes one. The "
                "circle's rim is not a border."
            ),
        ),
    ]
    usual = np.isin(number, table["cluster"].to_numpy()[out])
    return Scored(
        *(score, p_value, words, usual, verdict),
        clusters=table,
        cluster=number,
        score_words=said,
        about=tuple(about),
    )


# -- near repeats ------------------------------------------------------------------------------------


def score_by_alerts(
    town: Town,
    index: ReportIndex,
    cells: NDArray[np.uint64],
    asked: ReportFilter,
    resolution: int,
    seed: int,
    t: Translator,
) -> Scored:
    """Score cells under a live alert by how many times as many reports as by chance follow near one so recent."""
    from pingan_geo.workflow.alerts import near_repeat_alerts

    found = near_repeat_alerts(town, index, asked, resolution=resolution, language=t.language, seed=seed)
    score, words = np.zeros(len(cells)), [""] * len(cells)
    # alerts of private kinds come no finer than the patrol's cells: all cells within one share its alert
    own = parents(cells, found.resolution)
    alerts = {int(row.cell): row for row in found.table.itertuples()}
    alerted = np.flatnonzero(np.isin(own, found.table["cell"].to_numpy(dtype=np.uint64)))
    reach = found.reach
    for place in alerted.tolist():
        row = alerts[int(own[place])]
        score[place] = row.factor
        words[place] = t.plural(
            "{count} recent report within {metres} m; so soon after one, {factor} times as many follow as by "
            "chance; to be looked at first until {day}",
            "{count} recent reports within {metres} m; so soon after one, {factor} times as many follow as by "
            "chance; to be looked at first until {day}",
            int(row.events),
            metres=t.number(0.0 if reach is None else reach.radius_m),
            factor=t.number(row.factor, 1),
            day=(pd.Timestamp(row.until).date() - timedelta(days=1)).isoformat(),
        )
    about = (
        (t("Day of the alerts"), found.today.isoformat()),
        (t("Measured on"), t("{count} reports, the newest of {all}", count=found.measured, all=found.of_all)),
        (t("Not meant"), t("An alert does not say that anything will happen: most reports have no repeat.")),
    )
    return Scored(
        *(score, np.full(len(cells), np.nan), words, score > 0, found.sentence),
        score_words=t("how many times as many reports as by chance follow near one so recent"),
        about=about,
    )
