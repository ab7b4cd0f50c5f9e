"""The page of patrols: empty states, a plan made, changed and typed back in."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from pingan_geo.ui.components.patrol_plan import parse_shift
from pingan_geo.ui.components.patrol_return import typed_return
from pingan_geo.workflow.patrol_request import PatrolRequest
from pingan_geo.workflow.plan_patrol import list_patrols, load_patrol, plan_patrol
from pingan_geo.workflow.towns import open_town

SINCE, UNTIL = datetime(2026, 3, 2, 18), datetime(2026, 3, 2, 22)


@pytest.fixture
def planned_town(own_town):
    town = open_town(own_town)
    request = PatrolRequest(since=SINCE, until=UNTIL)
    patrol = plan_patrol(town, request, now=datetime(2026, 3, 1, 9), language="zh", rounds=1)
    return own_town, patrol


@pytest.mark.parametrize("text", ["", "18-22", "25:00-26:00", "18:00", "18:00-22:00x"])
def test_what_is_no_shift_is_none(text):
    assert parse_shift(text, date(2026, 3, 2)) is None


def test_shift_over_midnight_ends_the_next_day():
    since, until = parse_shift("22:00 – 2:30", date(2026, 3, 2))
    assert (since, until) == (datetime(2026, 3, 2, 22), datetime(2026, 3, 3, 2, 30))


def test_without_a_plan_the_page_says_what_to_do(open_page, own_town, words_of):
    app = open_page(own_town, "patrols")
    assert not app.exception
    assert "还没有方案" in words_of(app)


def test_a_plan_is_shown_with_its_share_and_its_stops(open_page, planned_town, words_of):
    folder, patrol = planned_town
    app = open_page(folder, "patrols")
    assert not app.exception
    said = words_of(app)
    assert f"覆盖本班次预计上报的 **{patrol.covered:.1%}**" in said
    tables = [frame.value for frame in app.dataframe]
    assert [len(table) for table in tables[: len(patrol.routes)]] == [len(one.stops) for one in patrol.routes]
    assert patrol.patrol_id in app.query_params["patrol"]
    english = open_page(folder, "patrols", lang="en", patrol=patrol.patrol_id)
    assert not english.exception
    assert "of the reports expected in the shift" in words_of(english)


def test_a_stop_taken_off_leaves_the_rest(open_page, planned_town):
    folder, patrol = planned_town
    gone = next(stop.stop_id for stop in patrol.routes[0].stops if stop.kind != "break")
    app = open_page(folder, "patrols")
    next(box for box in app.selectbox if box.key == "patrol_pick").select(gone).run()
    next(button for button in app.button if button.key == "patrol_remove").click().run()
    assert not app.exception
    town = open_town(folder)
    new = list_patrols(town)["patrol_id"].tolist()
    assert len(new) == 2
    changed = load_patrol(town, next(one for one in new if one != patrol.patrol_id))
    assert gone in {one.stop_id for one in changed.left_out if one.reason == "removed"}


def test_typed_rows_are_the_file_of_a_phone(planned_town):
    import pandas as pd

    _, patrol = planned_town
    route = patrol.routes[0]
    rows = pd.DataFrame(
        {
            "answer": ["有发现"] + [None] * (len(route.stops) - 1),
            "arrived": [stop.arrive.time() for stop in route.stops],
            "left": [stop.leave.time() for stop in route.stops],
            "note": ["插座线"] + [""] * (len(route.stops) - 1),
        }
    )
    written = json.loads(typed_return(patrol, route, rows, {"有发现": "found"}, SINCE))
    assert written["stops"][0]["answer"] == "found"
    assert written["stops"][0]["arrived"] == f"{route.stops[0].arrive:%Y-%m-%dT%H:%M:%S}"
    assert all(stop["arrived"] is None and stop["answer"] == "" for stop in written["stops"][1:])


def test_nobody_helped_yet_is_a_sentence(open_page, planned_town):
    folder, _ = planned_town
    app = open_page(folder, "patrols")
    app.session_state["ask_patrol_show"] = "effect"
    app.run()
    assert not app.exception
    app.session_state["ask_patrol_show"] = "return"
    app.run()
    assert not app.exception
