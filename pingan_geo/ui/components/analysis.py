"""The parts of the analysis page: choosing areas, findings of one, two side by side, two periods, time."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import streamlit as st

from pingan_geo.errors import AreaError
from pingan_geo.i18n import Translator, mark
from pingan_geo.model.report import ReportFilter
from pingan_geo.ui.cache import Visit, shared
from pingan_geo.ui.components import analysis_words as words
from pingan_geo.ui.components import charts, layout
from pingan_geo.ui.components.analysis_map import show_count_map, show_drawing_map, show_one_legend
from pingan_geo.ui.components.analysis_state import OTHERS, Asked, keep_asked
from pingan_geo.ui.components.filters import choose, choose_number
from pingan_geo.ui.state import fill_widget
from pingan_geo.workflow.analysis import (
    RADIUS_M,
    Area,
    AreaFindings,
    Emerging,
    NearRepeat,
    PeriodPair,
    TimeSlices,
    analyse_area,
    area_shape,
    closed_period,
    compare_areas,
    compare_two_periods,
    emerging_cluster,
    reports_inside,
    slice_time,
)
from pingan_geo.workflow.said import say_days

_KIND_NAMES = {
    "polygon": mark("Draw corners"),
    "circle": mark("Circle"),
    "grid": mark("Grids"),
    "village": mark("Villages"),
}
_SIDES = {"A": mark("Area A"), "B": mark("Area B")}
_STEP_NAMES = {"day": mark("Day"), "week": mark("Week"), "month": mark("Month")}


# -- choosing ----------------------------------------------------------------------------------------


def show_area_controls(visit: Visit, asked: Asked) -> tuple[Asked, str]:
    """Draw what an area is chosen with; return what is asked now and which area a click on the map changes."""
    t, side = visit.t, "A"
    if asked.show == "areas":
        side = choose(
            "an_side", st.session_state.get("ask_an_side", "A"), t("A click on the map changes"), _SIDES, t
        )
    area = asked.area(side)
    with st.container(horizontal=True, vertical_alignment="bottom", key="analysis_controls"):
        offered = {
            kind: said
            for kind, said in _KIND_NAMES.items()
            if kind in {"polygon", "circle", area.kind} or len(visit.polygons(f"{kind}s"))
        }
        kind = choose(f"an_kind_{side}", area.kind, t("How"), offered, t)
        if kind != area.kind:
            area = Area(kind)
        if kind == "circle":
            radius = choose_number(f"an_radius_{side}", area.radius_m, t("Radius in metres"), *RADIUS_M, 50)
            area = replace(area, radius_m=int(radius))
        elif kind == "polygon":
            back = st.button(t("Take back the last corner"), disabled=not area.corners, key=f"an_back_{side}")
            area = replace(area, corners=area.corners[:-1]) if back else area
        else:
            area = replace(area, codes=_codes(visit, area, side))
        if st.button(t("Clear the area"), disabled=not (area.corners or area.codes), key=f"an_clear_{side}"):
            # The widgets above are drawn already; they take it over at the next run.
            cleared = asked.with_area(side, Area(kind, radius_m=area.radius_m))
            keep_asked(cleared, t.language, refill=True)
            st.rerun()
    st.caption(_hint(area, t))
    return asked.with_area(side, area), side


def _codes(visit: Visit, area: Area, side: str) -> tuple[str, ...]:
    offered = visit.choices().of(f"{area.kind}s")
    key = f"ask_an_codes_{area.kind}_{side}"
    key = fill_widget(key, [code for code in area.codes if code in offered])
    return tuple(
        st.multiselect(
            visit.t(_KIND_NAMES[area.kind]),
            list(offered),
            format_func=lambda code: offered.get(code, code),
            key=key,
            placeholder=visit.t("Choose by name, or click on the map"),
            select_all=False,
        )
    )


def _hint(area: Area, t: Translator) -> str:
    if area.kind == "circle":
        return t("Click on the map for the middle of the circle; the number is its radius.")
    if area.kind == "polygon":
        missing = max(3 - len(area.corners), 0)
        if missing:
            return t(
                "Click on the map for the corners, one after the other: {count} more at least.", count=missing
            )
        return t("Further clicks add corners; the last one is joined to the first.")
    return t("Choose by name or click on the map; a second click takes it out again.")


# -- showing -----------------------------------------------------------------------------------------


def show_areas(visit: Visit, asked: Asked) -> None:
    """Draw the map on which areas are drawn, and what is found for one or two of them."""
    t = visit.t
    asked, side = show_area_controls(visit, asked)
    keep_asked(asked, t.language)
    wanted = report_filter(visit, asked)
    view = visit.view(wanted, visit.resolution(asked.question.detail))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        cluster = show_cluster(visit, wanted)
        now = show_drawing_map(
            visit, asked, side, view.cells, view.cell_breaks, cluster, _near(visit, wanted, asked)
        )
    if now != asked:
        keep_asked(now, t.language, refill=True)
        st.rerun()
    with right:
        sides = [("A", asked.first), ("B", asked.second)] if asked.show == "areas" else [("", asked.first)]
        found = [one for name, area in sides if (one := _found(visit, wanted, asked, name, area)) is not None]
        if len(found) == 2:
            say([words.say_two_areas(compare_areas(*found), t)], strong=True)
        for (name, _), one in zip(sides, found, strict=False):
            show_findings(visit, one, name)
    if len(found) == len(sides):
        show_charts(visit, found)
    _limits(t)


def _found(visit: Visit, wanted: ReportFilter, asked: Asked, name: str, area: Area) -> AreaFindings | None:
    """Return the findings of an area; ``None``, said why, when there is no such area yet."""
    if not area.complete:
        st.info(visit.t("Area {name}: nothing chosen yet.", name=name) if name else _hint(area, visit.t))
        return None
    try:
        return findings(visit, wanted, area, visit.resolution(asked.question.detail))
    except AreaError as error:
        layout.show_error(error, visit.t)
        return None


def _near(visit: Visit, wanted: ReportFilter, asked: Asked) -> NearRepeat | None:
    """Return what follows what in area A; it is worked out once, also for the sentences beside the map."""
    try:
        area, resolution = asked.first, visit.resolution(asked.question.detail)
        return findings(visit, wanted, area, resolution).near if area.complete else None
    except AreaError:
        return None  # said beside the map


def show_findings(visit: Visit, found: AreaFindings, name: str) -> None:
    """Draw the numbers of one area and the sentences about them."""
    t, choices = visit.t, visit.choices()
    names = {**choices.of("grids"), **choices.of("villages")}
    title = words.say_area(found.area, names, t)
    layout.show_section(t("Area {name}: {title}", name=name, title=title) if name else title)
    layout.show_facts(
        {
            t("Reports here"): t.number(found.total),
            t("Rest of the town"): t.number(found.rest),
            t("Outside the town's border"): t.number(found.placeless) if found.placeless else "",
            t("Area"): t("{km2} km²", km2=t.number(found.km2, 2)),
            t("Period"): say_days(found.period, t),
            t("The period before"): say_days(found.earlier, t) if found.earlier else "",
        }
    )
    said = [words.say_against_rest(found, t), words.say_rate(found, t), words.say_against_earlier(found, t)]
    if found.newcomers is not None and found.total:
        said.append(words.say_newcomers(found.newcomers, t))
    say([*said, words.say_near(found, t)])


def show_charts(visit: Visit, found: Sequence[AreaFindings]) -> None:
    """Draw trend, hours and categories, those of two areas side by side."""
    t, names = visit.t, visit.choices().of("categories")
    for number, column in enumerate(st.columns(len(found), gap="medium")):
        one = found[number]
        with column:
            if len(found) > 1:
                layout.show_section(t(list(_SIDES.values())[number]))
            if not one.total:
                st.info(t("No report here in this period."))
                continue
            parts = st.columns(3, gap="medium") if len(found) == 1 else [st.container() for _ in range(3)]
            with parts[0], st.container(key=f"trend_of_{number}"):
                charts.show_trend(one.view, t)
            with parts[1]:
                charts.show_hours(one.view.hours, t, key=f"area_{number}")
            with parts[2]:
                charts.show_categories(one.view.categories, names, t)


def show_periods(visit: Visit, asked: Asked) -> None:
    """Draw two periods of the same length side by side, with one legend."""
    t = visit.t
    wanted = report_filter(visit, asked)
    asked = replace(asked, other=choose("an_other", asked.other, t("Compared with"), OTHERS, t))
    if asked.other == "day":
        key = fill_widget("ask_an_since", asked.other_since)
        day = st.date_input(t("Its first day"), None, key=key, format="YYYY-MM-DD", width=200)
        asked = replace(asked, other_since=day)
    keep_asked(asked, t.language)
    since = _other_since(visit, asked, wanted)
    if since is None:
        st.info(t("Choose the first day of the other period."))
        return
    area = asked.first if asked.first.complete else None
    pair = period_pair(visit, wanted, since, area, visit.resolution(asked.question.detail))
    say([words.say_change(pair.compared, t)], strong=True)
    if pair.newcomers is not None and pair.second.total:
        say([words.say_newcomers(pair.newcomers, t)])
    if area is not None:
        st.caption(t("Only reports in area A count here; clear it under “One area” for the whole town."))
    for number, (column, view) in enumerate(zip(st.columns(2), (pair.first, pair.second), strict=True)):
        with column:
            st.markdown(f"**{say_days(view.period, t)}** · {t('{count} reports', count=view.total)}")
            cells = view.cells
            show_count_map(visit, asked, cells["cell"], cells["count"], pair.breaks, f"period_map_{number}")
    show_one_legend(visit, pair.breaks)
    if visit.index.oldest is not None and since < visit.index.oldest:
        st.warning(
            t(
                "The other period begins before the first report of the town ({day}).",
                day=visit.index.oldest.date(),
            )
        )
    _limits(t)


def show_time(visit: Visit, asked: Asked) -> None:
    """Draw one step of time after the other, always with the same colours."""
    t = visit.t
    slices = time_slices(visit, report_filter(visit, asked), visit.resolution(asked.question.detail))
    last = len(slices.starts) - 1
    at = slices.usual if not 0 <= asked.at <= last else asked.at
    if last > 0:
        key = fill_widget("ask_an_at", at)
        if st.session_state[key] > last:
            st.session_state[key] = at
        at = int(
            st.select_slider(
                t(_STEP_NAMES[slices.step]),
                range(last + 1),
                key=key,
                format_func=lambda step: slices.starts[step].date().isoformat(),
            )
        )
    asked = replace(asked, at=at)
    keep_asked(asked, t.language)
    cells, counts = slices.at(at)
    said = say_days(slices.period(at), t)
    st.markdown(f"**{said}** · {t('{count} reports', count=int(counts.sum()))}")
    show_count_map(visit, asked, cells, counts, slices.breaks, "time_map")
    show_one_legend(visit, slices.breaks)
    st.caption(t("The colours mean the same numbers in every step. A step cut by the period holds fewer."))


def show_cluster(visit: Visit, wanted: ReportFilter) -> Emerging | None:
    """Draw the button that looks for a cluster that still lasts, and what it found."""
    t = visit.t
    if not wanted.origin:
        return None
    kept = _emerging(visit.key, replace(wanted, period=ReportFilter().period), visit.today.isoformat())
    seat = st.empty()  # one place for button, bar and answer: the map below stays where it is
    if "found" not in kept:
        if not seat.button(t("Look for a new cluster in the last 12 weeks"), key="an_scan"):
            return None
        waiting = t("Looking at all places and days …")

        def progress(done: int, total: int) -> None:
            seat.progress(min(done / max(total, 1), 1.0), waiting)

        until = datetime.combine(visit.today, time()) + timedelta(days=1)
        kept["found"] = emerging_cluster(visit.town, visit.index, wanted, until, on_progress=progress)
    found: Emerging = kept["found"]
    title, said = html.escape(t("Last 12 weeks")), html.escape(words.say_emerging(found, t))
    seat.html(f'<p class="analysis_cluster"><b>{title}</b> {said}</p>')
    return found


def say(sentences: Sequence[str], *, strong: bool = False) -> None:
    """Draw sentences; names of places in them stay text."""
    kind = "analysis_said strong" if strong else "analysis_said"
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences if sentence)
    st.html(f'<ul class="{kind}">{items}</ul>')


def _limits(t: Translator) -> None:
    with st.expander(t("What these numbers do not say")):
        say(words.say_limits(t))


# -- answers worked out once -------------------------------------------------------------------------


def report_filter(visit: Visit, asked: Asked) -> ReportFilter:
    """Return the question; its limits on villages and grids give way to the areas."""
    return replace(asked.question.report_filter(visit.today), villages=(), grids=())


def findings(visit: Visit, wanted: ReportFilter, area: Area, resolution: int) -> AreaFindings:
    """Return what is found for an area."""
    return _findings(visit.key, wanted, area, resolution, visit)


def period_pair(
    visit: Visit, wanted: ReportFilter, since: datetime, area: Area | None, resolution: int
) -> PeriodPair:
    """Return two periods counted alike."""
    return _pair(visit.key, wanted, since, area, resolution, visit)


def time_slices(visit: Visit, wanted: ReportFilter, resolution: int) -> TimeSlices:
    """Return the steps of time of a question."""
    return _slices(visit.key, wanted, resolution, visit)


def _other_since(visit: Visit, asked: Asked, wanted: ReportFilter) -> datetime | None:
    if asked.other == "day":
        return None if asked.other_since is None else datetime.combine(asked.other_since, time())
    period = closed_period(visit.index, wanted, visit.index.select(wanted))
    if period.since is None or period.until is None:
        return None
    if asked.other == "year":
        return period.since - timedelta(weeks=52)  # the same weekdays
    return period.since - (period.until - period.since)


@shared(64)
def _findings(key: str, wanted: ReportFilter, area: Area, resolution: int, _visit: Visit) -> AreaFindings:
    senders = reporters(key, _visit)
    return analyse_area(_visit.town, _visit.index, wanted, area, resolution=resolution, reporters=senders)


def reporters(key: str, _visit: Visit) -> Any:  # noqa: ARG001 - the key is what is cached by
    """Return who sent each report."""
    return _visit.reporters()


@shared(16)
def _pair(
    key: str,
    wanted: ReportFilter,
    since: datetime,
    area: Area | None,
    resolution: int,
    _visit: Visit,
) -> PeriodPair:
    inside = None
    if area is not None:
        inside = reports_inside(_visit.index, area, area_shape(_visit.town, area))
    senders = reporters(key, _visit)
    return compare_two_periods(
        _visit.index, wanted, since, resolution=resolution, inside=inside, reporters=senders
    )


@shared(16)
def _slices(key: str, wanted: ReportFilter, resolution: int, _visit: Visit) -> TimeSlices:  # noqa: ARG001
    return slice_time(_visit.index, wanted, resolution=resolution)


@shared(16)
def _emerging(key: str, wanted: ReportFilter, today: str) -> dict[str, Any]:  # noqa: ARG001
    """Return where the cluster is kept once somebody has looked for it."""
    return {}
