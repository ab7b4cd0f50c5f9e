"""The back-test: what lists of cells would have caught, had they been made in the past with each method.

A method is given the reports known before an origin and nothing else; one known only as an interval was known from
its end on, and counts in each window by the share of its time that lies there. Finds of patrols neither train nor count:
a list that sends people somewhere would otherwise be proved right by what they find there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import (
    BadChoiceError,
    ExportFormatError,
    FolderMissingError,
    MixedOriginsError,
    NoReportsError,
)
from pingan_geo.i18n import Translator, mark, translator
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.model.report import ReportFilter
from pingan_geo.outputs.exports import write_table
from pingan_geo.spatial.cells import cells_covering, parents, to_text
from pingan_geo.stats.aoristic import HourWeights, aoristic_weights
from pingan_geo.stats.evaluation import (
    MOST_ORIGINS,
    Record,
    Score,
    compare,
    control_chart,
    covered,
    covered_groups,
    dispersion,
    flagged,
    intervals,
    origins,
    prediction_interval,
    record_of,
    reliability,
    score,
)
from pingan_geo.stats.filters import only_days, select
from pingan_geo.stats.forecasting.history import Events, History, Region, history_before, region_of
from pingan_geo.stats.hour_risk import expected_in_shift, shift_hours
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.said import say_filter, town_notice
from pingan_geo.workflow.stated_categories import check_categories
from pingan_geo.workflow.towns import Town

if TYPE_CHECKING:  # the methods load learners that the first page does not need
    from pingan_geo.stats.forecasting.history import Forecaster

#: What a forecast has to beat before anyone is sent by it.
BASELINE: Final = "count_365"
#: Methods in words; one without any stands under its own name.
METHOD_WORDS: Final[Mapping[str, str]] = {
    "count_28": mark("reports of the last 28 days"),
    "count_90": mark("reports of the last 90 days"),
    "count_365": mark("reports of the last year"),
    "count_all": mark("all reports so far"),
    "gi_star": mark("Gi*"),
    "lee_o_eck": mark("long and short past (Lee-O-Eck)"),
    "kernel": mark("kernel density"),
    "kernel_adaptive": mark("adaptive kernel density"),
    "space_time_kernel": mark("kernel in space and time"),
    "promap": mark("ProMap"),
    "self_exciting": mark("self-exciting process"),
    "mixture": mark("mixture of kernels"),
    "glm": mark("Poisson regression"),
    "boosting": mark("boosted Poisson trees"),
    "ensemble": mark("our forecast"),
}
#: Added to a method's name: its list made for the hours and weekdays asked for.
SHIFT: Final = "_shift"
HORIZON_D: Final = 7.0
MOST_HORIZON_D: Final = 366.0
COVERAGES: Final = (0.01, 0.02, 0.05)
#: Share of windows that an interval of an expected count should hold.
LEVEL: Final = 0.9
#: An alarm is given when so poor a window came less often than this: with one look a month a false one in eight years.
ALARM: Final = 0.01
COARSEST: Final = 5
_BINS = 10
_FORMATS = (".csv", ".xlsx")
_DAY_S = 86_400
_DAY = np.timedelta64(_DAY_S, "s")
_COLUMNS = (
    *("report_id", "batch_id", "source", "category", "time", "time_until", "lon", "lat", "origin", "cell"),
    *("grid_id", "village_id"),
)


@dataclass(frozen=True, eq=False)
class BackTest:
    """What each method would have caught, and how sure that is. It says nothing of what nobody reported.

    ``rows_in == used + left_out``.

    Parameters
    ----------
    table
        One row a method, origin and coverage: ``method, origin, horizon_days, coverage, hits, events,
        hit_rate, pai, pei`` (see :class:`pingan_geo.stats.evaluation.Score`; NaN in a window without reports).
    summary
        One row a method and coverage, over all origins by sums, with ``_low`` and ``_high`` of a bootstrap over
        origins; ``drift_p`` and ``alarm``: whether the last window is worse than those before by more than
        chance (NaN and false where that cannot be told).
    pairs
        One row a method and another one: ``lead`` (share of more hits for the same area, pooled over the
        coverages), ``low``, ``high``, ``better`` (share of the draws in which it is ahead).
    calibration
        One row a method and tenth of what it expects, from calm to busy: ``cells, expected, happened, ratio, low,
        high`` (over all windows), ``windows_inside`` of ``windows`` (in how many of the later half the group's total lay in the
        interval of ``LEVEL``, whose spread is learnt from the windows before).
    inside
        Share of the single cells' counts in such intervals. Most expect next to nothing and see nothing, so it is
        nearly 1 whatever the method.
    chart
        One row a method, coverage and origin: of :func:`pingan_geo.stats.evaluation.control_chart`.
    region
        The cells.
    origin
        datetime64[s], ascending.
    expected
        Method to what it expected: origins x cells.
    happened
        Reports in each cell in each window: origins x cells.
    horizon_d, coverages
        As asked.
    rows_in, used, left_out
        Reports that fit; of these with a day; without one.
    vague
        Of those used: known only as an interval of more than a day, counted in each window by its share there.
    no_hour
        Of those used, where hours or weekdays are asked for: known only by their day. They are learnt from and
        count in no window.
    outside
        Of those used: in no cell of the region; in a window they count as missed.
    asked, notice, about
        The question, what must stand on everything made from this, and (label, text) pairs.
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    pairs: pd.DataFrame
    calibration: pd.DataFrame
    inside: Mapping[str, float]
    chart: pd.DataFrame
    region: Region
    origin: NDArray[np.datetime64]
    expected: Mapping[str, NDArray[np.float64]]
    happened: NDArray[np.float64]
    horizon_d: float
    coverages: tuple[float, ...]
    rows_in: int
    used: int
    left_out: int
    vague: int
    outside: int
    asked: ReportFilter
    no_hour: int = 0
    notice: str = ""
    about: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order asked for."""
        return tuple(self.expected)


def back_test(
    town: Town,
    report_filter: ReportFilter,
    *,
    methods: Sequence[str] = (),
    horizon_d: float = HORIZON_D,
    coverages: Sequence[float] = COVERAGES,
    most_origins: int = MOST_ORIGINS,
    resolution: int = 9,
    seed: int = 0,
    language: str = "",
    reports: pd.DataFrame | None = None,
    on_progress: OnProgress | None = None,
    forecaster: Callable[[str], Forecaster] | None = None,
) -> BackTest:
    """Try methods on the town's own past, from origins 28 days apart.

    Where hours or weekdays are asked for, only what happened in them counts, and each method makes two lists: one of
    all hours under its own name, and one for these hours (:mod:`pingan_geo.stats.hour_risk`) with ``SHIFT`` added to
    it. Both learn from the reports of all hours.

    Parameters
    ----------
    town
        The town.
    report_filter
        Which reports are forecast, and which count.
    methods
        Names of :data:`pingan_geo.stats.forecasting.methods.METHODS`; all of them if empty.
    horizon_d
        Days of each window, above 0 and at most a year.
    coverages
        Shares of the cells to flag, each above 0, at most 1.
    most_origins
        At most so many; the latest.
    resolution
        H3 resolution of the cells: all that touch the town's area, or the villages and grids asked for.
    seed
        Of methods that draw at random, and of the bootstrap.
    language
        Of ``about``; the town's when empty.
    reports
        REPORTS table, when it is at hand.
    on_progress
        Called before each forecast; may raise :class:`pingan_geo.errors.Cancelled`.
    forecaster
        Finds a method by its name, if not among the town's own.

    Returns
    -------
    BackTest

    Raises
    ------
    BadChoiceError
        If an argument or a method is not offered.
    UnknownCategoryError
        If a category is neither in the town's list nor in any report.
    NoReportsError
        If no report fits.
    MixedOriginsError
        If finds of patrols are asked for.
    ShortRecordError
        If the record is too short to learn from and to try on.
    """
    if report_filter.origin != "reported":
        raise MixedOriginsError
    names, shares = _checked(methods, coverages, horizon_d, most_origins, resolution, town, forecaster)
    found = _by_name(forecaster)
    chosen = {name: found(name) for name in names}
    placed = _placed(town, report_filter, resolution, reports)
    events, region = placed.reports.events, placed.reports.events.region
    starts = origins(placed.first, placed.end, horizon_d, most=most_origins)
    window = np.timedelta64(round(horizon_d * _DAY_S), "s")
    shift = shift_of(report_filter)
    came = [_came(placed.reports, start, start + window, shift) for start in starts]
    happened = np.stack([counts for counts, _ in came])
    expected: dict[str, NDArray[np.float64]] = {}
    steps = len(chosen) * len(starts)
    histories = [history_before(events, start, since=placed.first) for start in starts]
    for done, (name, forecast) in enumerate(chosen.items()):
        rows = []
        for number, history in enumerate(histories):
            if on_progress is not None:
                on_progress(
                    Progress(mark("Trying methods on the past"), done * len(starts) + number, steps, 0)
                )
            rows.append(forecast(history, horizon_d, np.random.default_rng([seed, number])))
        expected[name] = np.stack(rows)
    if shift is not None:
        expected = _by_shift(expected, histories, placed.reports, shift, horizon_d)
    scores = {
        name: [
            [
                score(ahead, *of_window, region.area_m2, share)
                for ahead, of_window in zip(rows, came, strict=True)
            ]
            for share in shares
        ]
        for name, rows in expected.items()
    }
    records = {name: record_of(of_method) for name, of_method in scores.items()}
    result = BackTest(
        table=_table(scores, starts, horizon_d, shares),
        summary=_summary(records, horizon_d, shares, seed),
        pairs=_pairs(records, seed),
        calibration=_calibration(expected, happened),
        inside={name: _inside(rows, happened) for name, rows in expected.items()},
        chart=_chart(records, starts, shares),
        region=region,
        origin=starts,
        expected=expected,
        happened=happened,
        horizon_d=float(horizon_d),
        coverages=shares,
        rows_in=placed.rows_in,
        used=len(events),
        left_out=placed.rows_in - len(events),
        vague=placed.vague,
        outside=int((events.cell < 0).sum()),
        asked=report_filter,
        no_hour=placed.no_hour if shift is not None else 0,
        notice=town_notice(town.settings, translator(language or town.settings.language)),
    )
    return replace(result, about=_about(result, town, translator(language or town.settings.language)))


def cells_of_origin(found: BackTest, method: str, number: int, coverage: float) -> pd.DataFrame:
    """Return the cells of one window: which were flagged, and what came.

    Parameters
    ----------
    found
        Of :func:`back_test`.
    method
        One of its methods.
    number
        Of the origin, 0 the earliest.
    coverage
        Share of the cells to flag.

    Returns
    -------
    pandas.DataFrame
        ``cell`` (text), ``expected``, ``happened``, ``flagged`` (1, or the chance of a cell that ties at the
        cut), ``outcome``: ``hit`` (flagged, reports came), ``quiet`` (flagged, none came), ``missed`` (reports
        came, not flagged). Only cells that are one of these, the most expected first. A quiet cell is no
        fault of the list: most cells with a high risk have no report in a week.

    Raises
    ------
    BadChoiceError
        If there is no such method or origin, or the coverage is not a share.
    """
    if method not in found.expected:
        raise BadChoiceError(name="method", value=method, expected=", ".join(found.expected))
    if not 0 <= number < len(found.origin):
        raise BadChoiceError(name="number", value=number, expected=f"0-{len(found.origin) - 1}")
    ahead, came = found.expected[method][number], found.happened[number]
    surely = flagged(ahead, coverage)
    shown = np.flatnonzero((surely > 0) | (came > 0))
    shown = shown[np.lexsort((found.region.cells[shown], -ahead[shown]))]
    outcome = np.where(surely[shown] > 0, np.where(came[shown] > 0, "hit", "quiet"), "missed")
    return pd.DataFrame(
        {
            "cell": pd.Series(to_text(found.region.cells[shown]), dtype="str"),
            "expected": ahead[shown],
            "happened": came[shown],
            "flagged": surely[shown],
            "outcome": pd.Series(outcome, dtype="str"),
        }
    )


def check_file(file: Path) -> None:
    """Refuse a file that the result could not be written to, before minutes are spent on it.

    Raises
    ------
    ExportFormatError, FolderMissingError
        If it is of another kind, or its folder is not there.
    """
    if file.suffix.lower() not in _FORMATS:
        raise ExportFormatError(file=file.name, accepted=", ".join(_FORMATS))
    if not file.parent.is_dir():
        raise FolderMissingError(folder=file.parent, file=file.name)


def export_back_test(found: BackTest, file: Path, *, language: str = "zh") -> Path:
    """Write the scores of every method, origin and coverage as CSV or XLSX.

    Raises
    ------
    ExportFormatError, FolderMissingError
        If the file cannot be written.
    """
    check_file(file)
    t = translator(language)
    return write_table(
        found.table,
        file,
        notice=found.notice,
        title=t("Back-test"),
        about=found.about,
        sheet_names=(t("Data"), t("About")),
    )


class Standing(Protocol):
    """What a back-test is remembered by: enough to say in words how each method stands; see :class:`BackTest`."""

    @property
    def table(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def summary(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def pairs(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def origin(self) -> NDArray[np.datetime64]: ...  # noqa: D102

    @property
    def horizon_d(self) -> float: ...  # noqa: D102

    @property
    def coverages(self) -> tuple[float, ...]: ...  # noqa: D102


def say_last_list(found: Standing, method: str, coverage: float, t: Translator) -> str:
    """Return what a method's last list would have caught, as one sentence; ``""`` where nothing was reported.

    Raises
    ------
    BadChoiceError
        If there is no such method or coverage.
    """
    rows = found.table[(found.table["method"] == method) & np.isclose(found.table["coverage"], coverage)]
    if rows.empty:
        raise BadChoiceError(name="coverage", value=coverage, expected=", ".join(map(str, found.coverages)))
    row = rows.iloc[-1]
    if not row["events"]:
        return ""
    return t(
        "The last list, of {day} for {days} days, covered {coverage} of the area and caught {rate} of the reports "
        "({hits} of {events}).",
        day=str(found.origin[-1].astype("datetime64[D]")),
        days=t.number(found.horizon_d),
        coverage=percent(t, coverage),
        rate=t.percent(row["hit_rate"], 0),
        hits=t.number(row["hits"], 0),
        events=t.number(row["events"], 0),
    )


def say_hit_rate(found: Standing, method: str, coverage: float, t: Translator) -> str:
    """Return what a method's list caught, with its range, as one sentence.

    Raises
    ------
    BadChoiceError
        If there is no such method or coverage.
    """
    table = found.summary
    rows = table[(table["method"] == method) & np.isclose(table["coverage"], coverage)]
    if rows.empty:
        raise BadChoiceError(name="coverage", value=coverage, expected=", ".join(map(str, found.coverages)))
    row = rows.iloc[0]
    if not row["events"]:
        return t("In none of the windows was anything reported, so no hit rate can be given.")
    return t(
        "A list of {coverage} of the area caught {rate} of the reports in {windows} windows of {days} days "
        "({low}–{high} in windows like these).",
        coverage=percent(t, coverage),
        rate=t.percent(row["hit_rate"], 0),
        windows=len(found.origin),
        days=t.number(found.horizon_d),
        low=t.percent(row["hit_rate_low"], 0),
        high=t.percent(row["hit_rate_high"], 0),
    )


def say_score(found: Standing, method: str, t: Translator) -> list[str]:
    """Return a line a coverage: hit rate, PAI and PEI with their ranges."""
    rows = found.summary[found.summary["method"] == method]
    lines = [
        t(
            "{coverage} of the area: hit rate {rate} ({rate_low}–{rate_high}), PAI {pai} ({pai_low}–{pai_high}), "
            "PEI {pei}; {hits} of {events} reports",
            coverage=percent(t, row.coverage),
            rate=t.percent(row.hit_rate),
            rate_low=t.percent(row.hit_rate_low),
            rate_high=t.percent(row.hit_rate_high),
            pai=t.number(row.pai, 2),
            pai_low=t.number(row.pai_low, 2),
            pai_high=t.number(row.pai_high, 2),
            pei=t.number(row.pei, 2),
            hits=t.number(row.hits, 1),
            events=t.number(row.events),
        )
        for row in rows.itertuples()
    ]
    if rows["alarm"].any():
        lines.append(t("Warning: in the last window it caught fewer than before, by more than chance."))
    return lines


def say_lead(
    found: Standing,
    method: str,
    t: Translator,
    *,
    baseline: str = BASELINE,
    words: Callable[[str], str] = str,
) -> str:
    """Return how far a method is ahead of the baseline, ``""`` where that was not tried.

    ``words`` says what the baseline is called.
    """
    pairs = found.pairs
    rows = pairs[(pairs["method"] == method) & (pairs["baseline"] == baseline)]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    said = {
        "lead": t.percent(abs(row["lead"]), 0),
        "low": f"{row['low']:+.0%}",
        "high": f"{row['high']:+.0%}",
        "baseline": words(baseline),
    }
    if row["low"] > 0:
        return t("{lead} more hits than {baseline} ({low} to {high})", **said)
    if row["high"] < 0:
        return t("{lead} fewer hits than {baseline} ({low} to {high})", **said)
    return t("no sure difference from {baseline} ({low} to {high})", **said)


def say_method(name: str, t: Translator) -> str:
    """Return a method in words; one without any under its own name."""
    base = name.removesuffix(SHIFT)
    words = t(METHOD_WORDS[base]) if base in METHOD_WORDS else base
    return t("{method}, by the hours", method=words) if name.endswith(SHIFT) else words


def percent(t: Translator, share: float) -> str:
    """Return a coverage without digits that say nothing: 2 %, 0.5 %."""
    return t.percent(share, 0 if round(share * 100, 6) == round(share * 100) else 1)


# -- the parts -------------------------------------------------------------------------------------------


def _by_name(forecaster: Callable[[str], Forecaster] | None) -> Callable[[str], Forecaster]:
    if forecaster is not None:
        return forecaster
    from pingan_geo.stats.forecasting import methods

    return methods.forecaster


def _checked(
    methods: Sequence[str],
    coverages: Sequence[float],
    horizon_d: float,
    most_origins: int,
    resolution: int,
    town: Town,
    forecaster: Callable[[str], Forecaster] | None,
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the methods and coverages, each once; refuse what is not offered."""
    if not methods and forecaster is None:
        from pingan_geo.stats.forecasting.methods import METHODS

        methods = tuple(METHODS)
    if not methods:
        raise BadChoiceError(name="methods", value="", expected="at least one")
    if not 0 < horizon_d <= MOST_HORIZON_D:
        raise BadChoiceError(name="horizon", value=horizon_d, expected=f"above 0, at most {MOST_HORIZON_D:g}")
    if not coverages or not all(0 < share <= 1 for share in coverages):
        wrong = [share for share in coverages if not 0 < share <= 1]
        raise BadChoiceError(
            name="coverage", value=wrong[0] if wrong else "", expected="a share above 0, at most 1"
        )
    if most_origins < 1:
        raise BadChoiceError(name="origins", value=most_origins, expected="1 or more")
    if not COARSEST <= resolution <= town.settings.finest:
        raise BadChoiceError(
            name="resolution", value=resolution, expected=f"{COARSEST}-{town.settings.finest}"
        )
    return tuple(dict.fromkeys(methods)), tuple(dict.fromkeys(float(share) for share in coverages))


@dataclass(frozen=True, eq=False)
class _Placed:
    """The reports on their region, and where the record begins and ends."""

    reports: PlacedReports
    first: np.datetime64
    end: np.datetime64
    rows_in: int
    vague: int
    no_hour: int


def _placed(town: Town, asked: ReportFilter, resolution: int, reports: pd.DataFrame | None) -> _Placed:
    if reports is None:
        with town.store.read() as connection:
            reports = read_reports(connection, _COLUMNS)
    check_categories(town, asked.categories, reports)
    fitting = reports[select(reports, replace(asked, hours=(), weekdays=()), town.settings.board_of)]
    dated = fitting[fitting["time"].notna()]
    if not len(dated):
        raise NoReportsError
    time, until = (dated[name].to_numpy(dtype="datetime64[s]") for name in ("time", "time_until"))
    end = record_end(reports, asked)
    placed = place_reports(dated, region_of(_cells(town, asked, resolution)), end)
    return _Placed(
        reports=placed,
        first=placed.events.time[0].astype("datetime64[D]").astype("datetime64[s]"),
        end=end,
        rows_in=len(fitting),
        vague=int((until - time > _DAY).sum()),  # NaT, an instant, is not longer than anything
        no_hour=int(only_days(time, until).sum()),
    )


def shift_of(asked: ReportFilter) -> NDArray[np.float64] | None:
    """Return the hours of the week that are asked for, 168; ``None``: all of them."""
    if not asked.hours and not asked.weekdays:
        return None
    return shift_hours(asked.hours or range(24), asked.weekdays or range(7))


def hours_known(history: History, weights: HourWeights) -> bool:
    """Return whether any report in the cells says at what hour."""
    return bool((~weights.unknown & (history.cell >= 0)).any())


def record_end(reports: pd.DataFrame, asked: ReportFilter) -> np.datetime64:
    """Return the first midnight after all that is known.

    The record goes on after the last report of a rare category, so its end is that of all categories.

    Parameters
    ----------
    reports
        REPORTS table; one that fits, whatever its category, has a day.
    """
    every = replace(asked, categories=(), boards=(), hours=(), weekdays=(), villages=(), grids=())
    newest = reports["time"][select(reports, every)].max()
    end: np.datetime64 = (np.datetime64(newest, "D") + np.timedelta64(1, "D")).astype("datetime64[s]")
    return end


@dataclass(frozen=True, eq=False)
class PlacedReports:
    """Reports on a region, in the order in which they became known.

    Parameters
    ----------
    events
        ``time`` is when a report was known: its instant, or the last second of the interval that it gives.
    start, until
        datetime64[s]: between which instants it happened, in the same order; ``until`` NaT: at ``start``.
    """

    events: Events
    start: NDArray[np.datetime64]
    until: NDArray[np.datetime64]

    def hours(self, number: int) -> HourWeights:
        """Return the hours of the week of the first reports; one known only by its day has none."""
        return aoristic_weights(self.start[:number], self.until[:number])


def place_reports(reports: Any, region: Region, end: np.datetime64) -> PlacedReports:
    """Return reports on a region by the cells they are stored in, as every list and map counts them.

    What happened between Friday at 18 and Monday at 7 was not known before Monday at 7, so it cannot have
    trained a list made on Saturday.

    Parameters
    ----------
    reports
        REPORTS table; every ``time`` known.
    region
        The cells. The finest cell's parent is the cell, which for 6-7 % of the places is not the hexagon
        that holds the place.
    end
        Of the record: whatever is in it was known by then, also an interval that goes on beyond.
    """
    start, until = (reports[name].to_numpy(dtype="datetime64[s]") for name in ("time", "time_until"))
    second = np.timedelta64(1, "s")
    known = np.where(until > start, np.minimum(until - second, np.maximum(end - second, start)), start)
    order = np.argsort(known, kind="stable")
    own = parents(reports["cell"].to_numpy(dtype=np.uint64), region.resolution)[order]
    lon, lat = (reports[name].to_numpy(dtype=np.float64)[order] for name in ("lon", "lat"))
    x_m, y_m = region.plane.forward(lon, lat)
    at = np.minimum(np.searchsorted(region.cells, own), len(region) - 1)
    cell = np.where(region.cells[at] == own, at, -1).astype(np.int64)
    return PlacedReports(Events(region, cell, x_m, y_m, known[order]), start[order], until[order])


def _cells(town: Town, asked: ReportFilter, resolution: int) -> NDArray[np.uint64]:
    """Return the cells that touch the town, or the villages and grids asked for: others cannot have a hit."""
    shape = town.area
    for layer, codes in (("villages", asked.villages), ("grids", asked.grids)):
        frame = town.layer(layer)
        if codes and len(frame):
            shape = shape.intersection(frame[frame["code"].isin(list(codes))].geometry.union_all())
    cells = cells_covering(shape, resolution)
    if not len(cells):
        raise NoReportsError
    return cells


def _came(
    placed: PlacedReports, begin: np.datetime64, end: np.datetime64, shift: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], float]:
    """Return the reports of a window, and of its hours in a shift: in each cell, and in all."""
    near = np.flatnonzero((placed.start < end) & ((placed.until > begin) | (placed.start >= begin)))
    start, until = placed.start[near], placed.until[near]
    length = np.where(until > start, (until - start).astype(np.int64), 0)
    first, last = np.maximum(start, begin), np.minimum(until, end)
    weight = np.where(length > 0, (last - first).astype(np.int64) / np.maximum(length, 1), 1.0)
    if shift is not None:
        ends = np.where(length > 0, last, np.datetime64("NaT", "s"))
        chance = aoristic_weights(first, ends, whole_days="spread").within(shift)
        weight *= np.where(only_days(start, until), 0.0, chance)
    cell = placed.events.cell[near]
    inside = cell >= 0
    counts = np.bincount(cell[inside], weight[inside], minlength=len(placed.events.region))
    return counts.astype(np.float64), float(weight.sum())


def _by_shift(
    expected: Mapping[str, NDArray[np.float64]],
    histories: Sequence[History],
    placed: PlacedReports,
    shift: NDArray[np.float64],
    horizon_d: float,
) -> dict[str, NDArray[np.float64]]:
    """Return each method twice: its list of all hours, with the shift's total, and its list for the shift."""
    ones = np.ones(len(placed.events.region))
    rng = np.random.default_rng(0)  # nothing is drawn: the forecast is at hand
    share = np.stack(
        [
            expected_in_shift(history, weights, ones, shift, horizon_d, rng)
            if hours_known(history, weights := placed.hours(len(history)))
            else ones * shift.mean()
            for history in histories
        ]
    )
    found: dict[str, NDArray[np.float64]] = {}
    for name, rows in expected.items():
        own = rows * share
        whole = rows.sum(axis=1, keepdims=True)
        part = np.divide(own.sum(axis=1, keepdims=True), whole, out=np.zeros_like(whole), where=whole > 0)
        found |= {name: rows * part, f"{name}{SHIFT}": own}
    return found


def _table(
    scores: Mapping[str, Sequence[Sequence[Score]]],
    starts: NDArray[np.datetime64],
    horizon_d: float,
    shares: Sequence[float],
) -> pd.DataFrame:
    rows = [
        (name, start, horizon_d, share, one.hits, _whole(one.events), one.hit_rate, one.pai, one.pei)
        for name, of_method in scores.items()
        for share, of_share in zip(shares, of_method, strict=True)
        for start, one in zip(starts, of_share, strict=True)
    ]
    names = ("method", "origin", "horizon_days", "coverage", "hits", "events", "hit_rate", "pai", "pei")
    table = pd.DataFrame(rows, columns=list(names)).astype({"method": "str", "origin": "datetime64[s]"})
    return table.sort_values(["method", "origin", "coverage"], key=_as_listed(scores), ignore_index=True)


def _whole(value: float) -> float:
    """Return a number as a whole one where it is: shares of intervals may add up to a hair beside."""
    nearest = round(value)
    return nearest if abs(value - nearest) < 1e-6 else value


def _as_listed(methods: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return the key by which methods stay in the order they were asked for."""
    place = {name: number for number, name in enumerate(methods)}
    return lambda column: column.map(place) if column.name == "method" else column


def _summary(
    records: Mapping[str, Record], horizon_d: float, shares: Sequence[float], seed: int
) -> pd.DataFrame:
    rows = []
    for name, record in records.items():
        ranges = intervals(record, np.random.default_rng(seed))
        for row, share in enumerate(shares):
            whole = record.pooled(row)
            last = control_chart(record.hits[row], record.events, level=ALARM).iloc[-1]
            values: dict[str, Any] = {
                "method": name,
                "horizon_days": horizon_d,
                "coverage": share,
                "hits": whole.hits,
                "events": _whole(whole.events),
            }
            for measure, range_ in ranges[row].items():
                values |= {
                    measure: range_.value,
                    f"{measure}_low": range_.low,
                    f"{measure}_high": range_.high,
                }
            rows.append(values | {"drift_p": float(last["p_value"]), "alarm": bool(last["alarm"])})
    return pd.DataFrame(rows)


def _pairs(records: Mapping[str, Record], seed: int) -> pd.DataFrame:
    rows: list[tuple[str, str, float, float, float, float]] = []
    for name, ours in records.items():
        for other, theirs in records.items():
            if other != name and ours.events.any():
                lead = compare([ours], [theirs], np.random.default_rng(seed))
                rows.append((name, other, lead.ratio.value, lead.ratio.low, lead.ratio.high, lead.better))
    names = ["method", "baseline", "lead", "low", "high", "better"]
    return pd.DataFrame(rows, columns=names).astype({"method": "str", "baseline": "str"})


def _chart(
    records: Mapping[str, Record], starts: NDArray[np.datetime64], shares: Sequence[float]
) -> pd.DataFrame:
    parts = [
        control_chart(record.hits[row], record.events, level=ALARM).assign(
            method=name, coverage=share, origin=starts
        )
        for name, record in records.items()
        for row, share in enumerate(shares)
    ]
    return pd.concat(parts, ignore_index=True).astype({"method": "str", "origin": "datetime64[s]"})


def _calibration(expected: Mapping[str, NDArray[np.float64]], happened: NDArray[np.float64]) -> pd.DataFrame:
    parts = []
    for name, rows in expected.items():
        inside = covered_groups(rows, happened, _BINS, level=LEVEL)
        part = reliability(rows.ravel(), happened.ravel(), _BINS)
        tried = (~np.isnan(inside)).sum(axis=0)
        parts.append(
            part.assign(method=name, windows_inside=np.nansum(inside, axis=0).astype(int), windows=tried)
        )
    table = pd.concat(parts, ignore_index=True).astype({"method": "str"})
    names = ["method", "cells", "expected", "happened", "ratio", "low", "high", "windows_inside", "windows"]
    return table[names]


def _inside(expected: NDArray[np.float64], happened: NDArray[np.float64]) -> float:
    """Return how many counts the intervals hold, each made with the spread of the windows before."""
    inside = []
    for number in range(max(1, len(expected) // 2), len(expected)):
        spread = dispersion(expected[:number].ravel(), happened[:number].ravel())
        low, high = prediction_interval(expected[number], spread=spread, level=LEVEL)
        inside.append(covered(low, high, happened[number]))
    return float(np.mean(inside)) if inside else float("nan")


def _about_hours(found: BackTest, t: Translator) -> tuple[tuple[str, str], ...]:
    if shift_of(found.asked) is None:
        return ()
    said = t(
        "Only what happened in these hours counts. All lists learn from the reports of all hours; those “by the hours” "
        "are weighted by how much of a place's reports fall into them. {count} reports known only by their day are "
        "learnt from and not counted",
        count=found.no_hour,
    )
    return ((t("Hours"), said),)


def _about(found: BackTest, town: Town, t: Translator) -> tuple[tuple[str, str], ...]:
    first, last = (str(found.origin[at].astype("datetime64[D]")) for at in (0, -1))
    days = t.number(found.horizon_d)
    return (
        (t("Town"), t.pick(town.settings.name, town.settings.name_en)),
        *say_filter(town.settings, found.asked, t),
        (
            t("Windows"),
            t(
                "{count} of {days} days each, 28 days apart, the first from {first}, the last from {last}",
                count=len(found.origin),
                days=days,
                first=first,
                last=last,
            ),
        ),
        (
            t("Cell size"),
            t(
                "H3 resolution {resolution}: {cells} cells that touch the area",
                resolution=found.region.resolution,
                cells=len(found.region),
            ),
        ),
        (
            t("Reports"),
            t(
                "{rows} fit = {used} used + {left} left out for want of a day; of those used {outside} in no cell "
                "of the area, counted as missed, and {vague} known only as an interval of more than a day: known from "
                "its end on, and counted in each window by the share of the interval that lies in it",
                rows=found.rows_in,
                used=found.used,
                left=found.left_out,
                outside=found.outside,
                vague=found.vague,
            ),
        ),
        *_about_hours(found, t),
        (
            t("Hit rate"),
            t("share of all reports of a window that lay in the cells listed before it"),
        ),
        ("PAI", t("hit rate ÷ share of the area: 1 is a list drawn by lot")),
        ("PEI", t("hits ÷ those of the best list of as many cells, known only afterwards")),
        (
            t("Not meant"),
            t(
                "Reports show where people look and tell. A high hit rate does not say that more was prevented, "
                "and finds of patrols neither train nor count."
            ),
        ),
    )
