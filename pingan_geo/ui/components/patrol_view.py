"""A plan on a page: its map, what it covers, each team's list, what was left out, changes by hand, files."""

from __future__ import annotations

import base64
import html
import io
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator
from pingan_geo.model.patrol import LEFT_OUT_REASONS, MODES, STOP_KINDS, Patrol, Route
from pingan_geo.outputs.route_layer import RouteLayer, StopLayer, stop_shape_svg, team_line_svg
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.map_view import base_map, ground_layers
from pingan_geo.ui.components.patrol_plan import run_plan
from pingan_geo.ui.components.tables import show_table
from pingan_geo.ui.components.town_map import show_map
from pingan_geo.workflow.patrol_candidates import since_last
from pingan_geo.workflow.plan_patrol import Changes, list_patrols, load_patrol, replan, write_patrol_pack

#: Around the stops on the map, in degrees.
_MARGIN: Final = 0.004


def show_patrol(visit: Visit, patrol: Patrol) -> None:
    """Draw one plan."""
    t = visit.t
    st.markdown(
        t(
            "The stops cover **{share}** of the reports expected in the shift ({expected} of {all}).",
            share=t.percent(patrol.covered),
            expected=t.number(patrol.covered * patrol.expected_all, 2),
            all=t.number(patrol.expected_all, 2),
        )
    )
    for note in patrol.notes:
        st.caption(layout.plain(note))
    picked = _show_map(visit, patrol)
    _change(visit, patrol, picked)
    _show_teams(visit, patrol)
    _show_left_out(patrol, t)
    _compare(visit, patrol)
    _offer(visit, patrol)


def _show_map(visit: Visit, patrol: Patrol) -> dict[str, Any]:
    t, routes = visit.t, patrol.routes
    tips = [
        f"{t('Team {team}', team=route.team.code)} · {stop.number}. {stop.name}\n{stop.arrive:%H:%M}–{stop.leave:%H:%M}"
        for route in routes
        for stop in route.stops
    ]
    left = [f"{one.name}\n{t(LEFT_OUT_REASONS[one.reason])}" for one in patrol.left_out]
    layers = [
        *ground_layers(visit, ("roads", "waters")),
        RouteLayer([route.line for route in routes]),
        StopLayer(routes, patrol.left_out, tips=tips, left_tips=left),
    ]
    places = [(stop.lon, stop.lat) for route in routes for stop in route.stops] or None
    bounds = None
    if places is not None:  # what the rounds need, and a little of what lies about them
        east, north = zip(*places, strict=True)
        bounds = (min(east) - _MARGIN, min(north) - _MARGIN, max(east) + _MARGIN, max(north) + _MARGIN)
    clicked = show_map(base_map(visit, bounds), layers, key=f"patrol_map_{patrol.patrol_id}", height=560)
    parts = [
        f'<span><img alt="" style="width:34px;height:10px" src="{_picture(team_line_svg(number))}">'
        f"{html.escape(_team(route, t))}</span>"
        for number, route in enumerate(routes)
    ]
    kinds = {stop.kind for route in routes for stop in route.stops}
    shapes = {kind: t(word) for kind, word in STOP_KINDS.items() if kind in kinds}
    if patrol.left_out:
        shapes[""] = t("left out")
    parts += [
        f'<span><img alt="" src="{_picture(stop_shape_svg(kind))}">{html.escape(word)}</span>'
        for kind, word in shapes.items()
    ]
    st.html(f'<div class="legend">{"".join(parts)}</div>')
    return clicked or {}


def _team(route: Route, t: Translator) -> str:
    words = {"team": route.team.code, "mode": t(MODES[route.team.mode]), "back": f"{route.back_at:%H:%M}"}
    return t("Team {team} · {mode} · {count} stops · back {back}", count=len(route.stops), **words)


def _picture(drawing: str) -> str:
    drawing = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode("ascii")


def _change(visit: Visit, patrol: Patrol, clicked: dict[str, Any]) -> None:
    """Draw what can be done with a stop, a place left out, or a place clicked on the map."""
    t = visit.t
    stops = {
        stop.stop_id: f"{route.team.code}-{stop.number} {stop.name}"
        for route in patrol.routes
        for stop in route.stops
        if stop.kind != "break"
    }
    left = {one.stop_id: f"{t('left out')}: {one.name}" for one in patrol.left_out}
    places = {**stops, **left}
    code = str(clicked.get("point", ""))
    if clicked and not code:  # an empty place of the map
        code = f"{clicked['lon']:.6f},{clicked['lat']:.6f}"
        places[code] = t("Clicked on the map: {place}", place=code)
    if clicked and clicked.get("click") != st.session_state.get("patrol_click"):
        st.session_state["patrol_click"] = clicked.get("click")
        st.session_state["patrol_pick"] = code if code in places else None
    if st.session_state.get("patrol_pick") not in places:
        st.session_state["patrol_pick"] = None
    with st.container(horizontal=True, vertical_alignment="bottom", key="patrol_changing"):
        pick = st.selectbox(
            t("Change a stop, or click the map"),
            list(places),
            None,
            format_func=lambda key: places.get(key, key),
            key="patrol_pick",
            placeholder=t("Choose one"),
        )
        if pick is None:
            return
        changes = None
        if pick in stops and st.button(t("Take it off"), key="patrol_remove"):
            changes = Changes(removed=frozenset({pick}))
        if pick not in stops and st.button(t("Add it"), key="patrol_add"):
            changes = Changes(added=(pick,))
        for route in patrol.routes if pick in stops else ():
            here = any(stop.stop_id == pick for stop in route.stops)
            if not here and st.button(
                t("To team {team}", team=route.team.code), key=f"patrol_to_{route.team.code}"
            ):
                changes = Changes(moved={pick: route.team.code})
    if changes is not None:
        asked = changes
        run_plan(
            visit,
            [
                lambda on_plan, on_progress: replan(
                    visit.town,
                    patrol,
                    asked,
                    now=town_now(visit),
                    language=t.language,
                    reports=visit.index.reports,
                    on_plan=on_plan,
                    on_progress=on_progress,
                )
            ],
        )


def _show_teams(visit: Visit, patrol: Patrol) -> None:
    t = visit.t
    past = since_last(
        visit.town, [stop.stop_id for route in patrol.routes for stop in route.stops], language=t.language
    )
    for route in patrol.routes:
        layout.show_section(_team(route, t))
        rows = [
            {
                t("No."): stop.number,
                t("Arrive"): f"{stop.arrive:%H:%M}",
                t("Leave"): f"{stop.leave:%H:%M}",
                t("Stop"): stop.name,
                t("Kind"): t(STOP_KINDS[stop.kind]),
                t("Way (m)"): round(stop.travel_m),
                t("What became of it"): past.get(stop.stop_id, ""),
                t("Why"): stop.reason,
            }
            for stop in route.stops
        ]
        show_table(pd.DataFrame(rows), t, key=f"patrol_team_{route.team.code}")


def _show_left_out(patrol: Patrol, t: Translator) -> None:
    missed = [one for one in patrol.left_out if one.kind in {"must", "post"}]
    for one in missed:
        said = t(
            "{name} must be seen and is on no round: {why}.",
            name=one.name,
            why=t(LEFT_OUT_REASONS[one.reason]),
        )
        st.warning(layout.plain(said))
    with st.expander(t("Left out ({count})", count=len(patrol.left_out))):
        rows = [
            {
                t("Stop"): one.name,
                t("Kind"): t(STOP_KINDS[one.kind]),
                t("Expected reports"): one.expected,
                t("Why"): t(LEFT_OUT_REASONS[one.reason]),
            }
            for one in patrol.left_out
        ]
        show_table(pd.DataFrame(rows), t, key="patrol_left")


def _compare(visit: Visit, patrol: Patrol) -> None:
    """Say which stops are new, gone and kept since the plan of the same shift a week before, else the last one."""
    t, plans = visit.t, list_patrols(visit.town, until=patrol.since)
    plans = plans[plans["state"] != "replaced"]
    if plans.empty:
        return
    week = plans[plans["since"] == pd.Timestamp(patrol.since - timedelta(days=7))]
    before = load_patrol(visit.town, str((week if len(week) else plans)["patrol_id"].iloc[0]))
    now, then = (
        {stop.stop_id: stop.name for route in one.routes for stop in route.stops if stop.kind != "break"}
        for one in (patrol, before)
    )
    with st.expander(t("Compared with {plan}", plan=f"{before.patrol_id} ({before.since:%Y-%m-%d %H:%M})")):
        for said, names in (
            (t("New"), [name for key, name in now.items() if key not in then]),
            (t("Gone"), [name for key, name in then.items() if key not in now]),
            (t("Kept"), [name for key, name in now.items() if key in then]),
        ):
            st.markdown(f"**{said} {len(names)}** {layout.plain(t(', ').join(names))}")


def _offer(visit: Visit, patrol: Patrol) -> None:
    def written() -> bytes:
        packed = io.BytesIO()
        with (
            tempfile.TemporaryDirectory() as folder,
            zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for file in write_patrol_pack(visit.town, patrol, Path(folder), language=visit.t.language):
                archive.write(file, file.relative_to(folder))
        return packed.getvalue()

    st.download_button(
        visit.t("Download the packs (PDF, Excel, GPX, KML, phone page)"),
        written,
        file_name=f"{patrol.patrol_id}.zip",
        mime="application/zip",
        on_click="ignore",
        key="patrol_pack",
    )
