"""What a patrol is planned from: day, shifts, teams, categories, places that must be seen; and the plans made."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Final

import streamlit as st

from pingan_geo.errors import PatrolNotFoundError, PinganError
from pingan_geo.i18n import Translator
from pingan_geo.model.patrol import MODES, Patrol
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.state import keep_language
from pingan_geo.workflow.patrol_request import PatrolRequest, TeamRequest
from pingan_geo.workflow.plan_patrol import list_patrols, load_patrol, plan_patrol, team_halts

#: Offered; any other may be typed.
SHIFTS: Final = ("08:30-11:30", "13:30-17:00", "18:00-22:00", "22:00-02:00")
_SHIFT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–—~]\s*([01]?\d|2[0-3]):([0-5]\d)")
_MOST_TEAMS: Final = 8
#: Key of the number of the plan that is shown.
SHOWN: Final = "ask_patrol"


def parse_shift(text: str, day: date) -> tuple[datetime, datetime] | None:
    """Return begin and end of ``18:00-22:00`` on a day, over midnight too; ``None``: it is none."""
    match = _SHIFT.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, last_hour, last_minute = map(int, match.groups())
    since = datetime.combine(day, time(hour, minute))
    until = datetime.combine(day, time(last_hour, last_minute))
    return since, until if until > since else until + timedelta(days=1)


def ask_plan(visit: Visit) -> None:
    """Draw what is asked of a plan, and plan each shift when the button is pressed."""
    t, patrol = visit.t, visit.settings.patrol
    halts = team_halts(visit.town)
    names = {"": t("nearest to what is expected"), **dict(zip(halts["key"], halts["name"], strict=True))}
    categories = visit.choices().of("categories")
    with st.expander(t("Plan a shift"), expanded=list_patrols(visit.town).empty):
        first, second, third = st.columns([2, 3, 2])
        day = first.date_input(
            t("Day of the shift"), visit.today + timedelta(days=1), key="ask_patrol_day", format="YYYY-MM-DD"
        )
        shifts = second.multiselect(
            t("Shifts, or type one such as 19:00-21:30"),
            SHIFTS,
            ["18:00-22:00"],
            key="ask_patrol_shifts",
            accept_new_options=True,
            select_all=False,
        )
        count = int(
            third.number_input(
                t("Teams"), 1, _MOST_TEAMS, min(patrol.teams, _MOST_TEAMS), key="ask_patrol_teams"
            )
        )
        chosen = st.multiselect(
            t("Category"),
            list(categories),
            format_func=lambda code: categories.get(code, code),
            key="ask_patrol_categories",
            placeholder=t("All"),
            select_all=False,
        )
        must = st.multiselect(
            t("Must be seen: a place, or type a name or lon,lat"),
            [key for key in names if key],
            format_func=lambda key: names.get(key, key),
            key="ask_patrol_must",
            accept_new_options=True,
            placeholder=t("None"),
            select_all=False,
        )
        teams = []
        for number in range(count):
            left, right = st.columns([1, 2])
            mode = left.selectbox(
                t("Team {team}: moves", team=str(number + 1)),
                list(MODES),
                list(MODES).index(patrol.mode),
                format_func=lambda code: t(MODES[code]),
                key=f"ask_patrol_mode_{number}",
            )
            start = right.selectbox(
                t("Team {team}: starts and ends at", team=str(number + 1)),
                list(names),
                format_func=lambda key: names.get(key, key),
                key=f"ask_patrol_start_{number}",
            )
            teams.append(TeamRequest(start=start, mode=mode))
        spans = {text: parse_shift(text, day) for text in shifts}
        wrong = [text for text, span in spans.items() if span is None]
        if wrong:
            st.warning(layout.plain(t("This is no shift: {listed}. Write 19:00-21:30.", listed=wrong)))
        pressed = st.button(t("Plan"), type="primary", key="patrol_plan", disabled=bool(wrong) or not spans)
    if pressed:
        requests = [
            PatrolRequest(
                since=span[0],
                until=span[1],
                teams=tuple(teams),
                categories=tuple(chosen),
                seed=day.toordinal(),
                must=tuple(must),
            )
            for span in spans.values()
            if span is not None
        ]
        run_plan(
            visit,
            [
                lambda on_plan, on_progress, request=request: plan_patrol(  # type: ignore[misc]
                    visit.town,
                    request,
                    now=town_now(visit),
                    language=t.language,
                    reports=visit.index.reports,
                    on_plan=on_plan,
                    on_progress=on_progress,
                )
                for request in requests
            ],
        )


def run_plan(visit: Visit, works: list[Callable[[Callable[[Patrol], None], OnProgress], Patrol]]) -> None:
    """Plan with a bar and a button to stop, then show the first plan made; a refusal is a sentence.

    Any click makes Streamlit stop the run at the next step; nothing of the plan at hand is kept then.
    """
    t, bar, button = visit.t, st.empty(), st.empty()
    button.button(t("Cancel"), key="patrol_stop")
    said = [""]

    def on_progress(step: Progress) -> None:
        bar.progress(min(step.done / (step.total or 1), 1.0), text=f"{t(step.stage)} {said[0]}")

    def on_plan(first: Patrol) -> None:
        said[0] = t("(a first plan covers {share})", share=t.percent(first.covered))

    try:
        made = [work(on_plan, on_progress) for work in works]
    except PinganError as error:
        layout.show_error(error, t)
        return
    finally:
        bar.empty()
        button.empty()
    st.session_state["patrol_made"] = made[0].patrol_id
    st.session_state.pop("patrol_changes", None)
    st.rerun()


def choose_patrol(visit: Visit) -> Patrol | None:
    """Draw the choice of a plan and return it; the address names it."""
    t, plans = visit.t, list_patrols(visit.town)
    if plans.empty:
        keep_language(t.language)
        return None
    names = {row.patrol_id: say_plan(row, t) for row in plans.itertuples()}
    session, asked = st.session_state, st.query_params.get("patrol", "")
    made = session.pop("patrol_made", "")
    if made in names:
        session[SHOWN] = made
    elif session.get(SHOWN) not in names:
        session[SHOWN] = asked if asked in names else next(iter(names))
    shown = st.selectbox(t("Plan shown"), list(names), format_func=lambda key: names.get(key, key), key=SHOWN)
    address = {"lang": t.language, "patrol": shown}
    if dict(st.query_params) != address:
        st.query_params.from_dict(address)
    session["address"] = {name: [value] for name, value in address.items()}
    with suppress(PatrolNotFoundError):
        return load_patrol(visit.town, shown)
    return None


def say_plan(row: object, t: Translator) -> str:
    """Return a row of PATROLS in words."""
    since, until = row.since, row.until  # type: ignore[attr-defined]
    words = f"{row.patrol_id} · {since:%Y-%m-%d %H:%M}–{until:%H:%M} · {row.title}"  # type: ignore[attr-defined]
    state = row.state  # type: ignore[attr-defined]
    if state == "replaced":
        return f"{words} ({t('replaced')})"
    return f"{words} ({t('came back')})" if state == "returned" else words
