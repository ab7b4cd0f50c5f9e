"""What a patrol brought back: a file, scanned codes, or typed in; and whether patrols helped."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path, PurePath

import pandas as pd
import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.model.patrol import ANSWERS, Patrol, Route
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout, receipt
from pingan_geo.ui.components.tables import show_table
from pingan_geo.workflow.patrol_effect import patrol_effect
from pingan_geo.workflow.patrol_return import take_return


def show_return(visit: Visit, patrol: Patrol) -> None:
    """Draw the three ways to hand results in, and the receipt of the last."""
    t = visit.t
    dropped = st.file_uploader(
        t("File of the phone, or the filled list"), type=("json", "xlsx", "csv", "txt"), key="patrol_file"
    )
    if dropped is not None and st.button(t("Take it in"), key="patrol_take_file"):
        _take(visit, PurePath(dropped.name.replace("\\", "/")).name, dropped.getvalue())
    scanned = st.text_area(t("Or the text of the scanned codes, one a line"), key="patrol_codes", height=90)
    if scanned.strip() and st.button(t("Take it in"), key="patrol_take_codes"):
        _take(visit, "codes.txt", scanned.encode())
    teams = {route.team.code: route for route in patrol.routes}
    code = st.selectbox(t("Or type it in: team"), list(teams), key="patrol_typed_team")
    _type_in(visit, patrol, teams[code])
    if done := st.session_state.get("patrol_receipt"):
        receipt.show_receipt(done, visit)


def _type_in(visit: Visit, patrol: Patrol, route: Route) -> None:
    t = visit.t
    words = {t(word): code for code, word in ANSWERS.items()}
    rows = pd.DataFrame(
        {
            "number": [stop.number for stop in route.stops],
            "name": [stop.name for stop in route.stops],
            "answer": pd.Series([None] * len(route.stops), dtype="object"),
            "arrived": [stop.arrive.time() for stop in route.stops],
            "left": [stop.leave.time() for stop in route.stops],
            "note": [""] * len(route.stops),
        }
    )
    with st.form(f"patrol_form_{patrol.patrol_id}_{route.team.code}"):
        typed = st.data_editor(
            rows,
            hide_index=True,
            disabled=("number", "name"),
            key=f"patrol_rows_{patrol.patrol_id}_{route.team.code}",
            column_config={
                "number": t("No."),
                "name": t("Stop"),
                "answer": st.column_config.SelectboxColumn(t("Answer"), options=list(words)),
                "arrived": st.column_config.TimeColumn(t("Arrive"), format="HH:mm"),
                "left": st.column_config.TimeColumn(t("Leave"), format="HH:mm"),
                "note": t("Note"),
            },
        )
        st.caption(t("A stop without an answer counts as not visited."))
        pressed = st.form_submit_button(t("Take it in"))
    if pressed:
        content = typed_return(patrol, route, typed, words, town_now(visit))
        _take(visit, f"{patrol.patrol_id}-team-{route.team.code}-typed.json", content)


def typed_return(
    patrol: Patrol, route: Route, typed: pd.DataFrame, words: dict[str, str], now: datetime
) -> bytes:
    """Return typed rows as the results file of a phone; a stop without an answer was not visited."""
    stops = []
    for stop, row in zip(route.stops, typed.to_dict("records"), strict=True):
        answer = words.get(str(row["answer"]), "")
        arrived = _moment(stop.arrive, row["arrived"]) if answer else None
        left = _moment(stop.leave, row["left"]) if answer else None
        stops.append(
            {
                "number": stop.number,
                "stop_id": stop.stop_id,
                "arrived": arrived,
                "left": left,
                "answer": answer,
                "note": str(row["note"] or "") if answer else "",
                "photos": [],
            }
        )
    written = {
        "format": "pingan-patrol-return/1",
        "patrol_id": patrol.patrol_id,
        "team": route.team.code,
        "person": "",
        "stops": stops,
        "finds": [],
        "made_at": f"{now:%Y-%m-%dT%H:%M:%S}",
    }
    return json.dumps(written, ensure_ascii=False).encode()


def _moment(planned: datetime, typed: object) -> str | None:
    """Return a typed time on the day that brings it nearest to the planned one."""
    if not isinstance(typed, time):
        return None
    same = datetime.combine(planned.date(), typed)
    near = min((same + timedelta(days=off) for off in (-1, 0, 1)), key=lambda one: abs(one - planned))
    return f"{near:%Y-%m-%dT%H:%M:%S}"


def _take(visit: Visit, name: str, content: bytes) -> None:
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / (name or "return")
            file.write_bytes(content)
            st.session_state["patrol_receipt"] = take_return(visit.town, file, now=town_now(visit))
    except PinganError as error:
        st.session_state.pop("patrol_receipt", None)
        layout.show_error(error, visit.t)


def show_effect(visit: Visit) -> None:
    """Draw whether patrols helped, in one sentence and by place."""
    t = visit.t
    found = patrol_effect(visit.town, until=town_now(visit), language=t.language, reports=visit.index.reports)
    st.markdown(f"**{layout.plain(found.sentence)}**")
    for note in found.notes:
        st.caption(layout.plain(note))
    columns = {
        "name": t("Stop"),
        "visits": t("Visits"),
        "minutes": t("Minutes there"),
        "before": t("Reports before"),
        "after": t("Reports after"),
    }
    show_table(found.table[list(columns)].rename(columns=columns), t, key="patrol_effect")
