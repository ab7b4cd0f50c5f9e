"""Plans come back as they were; of several answers the last one said counts; nothing is stored twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from pingan_geo.errors import BadTableError, PatrolPlanError
from pingan_geo.model.patrol import FINDS, VISITS, Halt, LeftOut, Patrol, Route, Stop, Team
from pingan_geo.model.patrol_json import patrol_from_json, patrol_to_json
from pingan_geo.storage import patrols, photos
from pingan_geo.storage.patrols import HELD_RETURNS, RETURN_PHOTOS, PatrolReturn

SINCE, UNTIL = datetime(2026, 9, 1, 18), datetime(2026, 9, 1, 22)
NOW = datetime(2026, 9, 1, 22, 30)


def plan(patrol_id: str = "XL-20260901-001", since: datetime = SINCE) -> Patrol:
    station = Halt("平安驿", 120.61, 30.80)
    team = Team("1", "一队", "walk", station, station, since, since + timedelta(hours=4), 15)
    stops = tuple(
        Stop(
            number,
            f"8a{number}",
            "hotspot",
            "北街",
            120.6,
            30.8,
            since + timedelta(minutes=20 * number),
            since + timedelta(minutes=20 * number + 12),
            4.0,
            300.0,
            expected=0.5,
            last_visit=since - timedelta(days=3) if number == 1 else None,
        )
        for number in (1, 2)
    )
    route = Route(team, stops, 3.0, 250.0, since + timedelta(hours=1), ((120.61, 30.80), (120.6, 30.8)))
    left = LeftOut("8a9", "hotspot", "", 120.7, 30.7, 0.1, "time")
    until = since + timedelta(hours=4)
    return Patrol(
        patrol_id, "飞线", since, until, (route,), (left,), 3.0, "straight", 1, NOW, True, "演示镇", ("合成",)
    )


def visits(patrol: Patrol, answers: dict[int, str], note: str = "") -> pd.DataFrame:
    rows = []
    for route in patrol.routes:
        for stop in route.stops:
            answer = answers.get(stop.number, "")
            rows.append(
                {
                    "patrol_id": patrol.patrol_id,
                    "team": route.team.code,
                    "number": stop.number,
                    "stop_id": stop.stop_id,
                    "kind": stop.kind,
                    "cell": stop.cell,
                    "planned_arrive": stop.arrive,
                    "planned_leave": stop.leave,
                    "arrived": stop.arrive if answer else pd.NaT,
                    "left": stop.leave if answer else pd.NaT,
                    "answer": answer,
                    "note": note if answer else "",
                    "photos": "",
                }
            )
    return pd.DataFrame(rows).astype(VISITS.columns)


def finds(patrol: Patrol, *rows: dict) -> pd.DataFrame:
    usual = {
        "find_id": 0,
        "patrol_id": patrol.patrol_id,
        "team": "1",
        "stop_id": "",
        "time": patrol.since + timedelta(hours=1),
        "category": "FW1",
        "lon": 120.6,
        "lat": 30.8,
        "cell": 2**60 - 1,
        "grid_id": "G1",
        "note": "",
        "photos": "",
        "state": "open",
        "due": pd.NaT,
        "office": "应急消防站",
        "find_key": "k1",
    }
    return pd.DataFrame([usual | row for row in rows]).astype({**FINDS.columns, "find_key": "str"})


def brought(patrol: Patrol, sha: str = "a", said: datetime = NOW, **tables) -> PatrolReturn:
    return PatrolReturn(patrol.patrol_id, "1", "回收.json", sha * 64, "phone", "P017", NOW, said, **tables)


@pytest.fixture
def planned(store):
    patrol = plan()
    with store.begin() as connection:
        assert patrols.write_patrol(connection, patrol, '{"date":"2026-09-01"}')
    return patrol


def written(store, one: PatrolReturn) -> patrols.WrittenReturn:
    with store.begin() as connection:
        return patrols.write_return(connection, one)


def answers_of(store, **choice) -> dict[str, str]:
    with store.read() as connection:
        table = patrols.read_visits(connection, **choice)
    return dict(zip(table["stop_id"], table["answer"], strict=True))


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format":"pingan-patrol/9"}',
        '{"format":"pingan-patrol/1","routes":[{}],"left_out":[]}',
    ],
)
def test_text_that_is_no_plan_is_refused(text):
    with pytest.raises(PatrolPlanError):
        patrol_from_json(text)


def test_damaged_plan_is_refused_when_it_is_read(store, planned):
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE patrol SET plan = substr(plan, 1, 100)")
    with store.read() as connection, pytest.raises(PatrolPlanError):
        patrols.read_patrol(connection, planned.patrol_id)


def test_number_of_a_plan_is_given_once(store, planned):
    with store.begin() as connection:
        assert not patrols.write_patrol(connection, replace(planned, title="另一个"))
    with store.read() as connection:
        assert patrols.read_patrol(connection, planned.patrol_id) == planned


def test_return_of_a_plan_that_is_not_there_is_refused(store):
    with pytest.raises(Exception, match="FOREIGN KEY"):
        written(store, brought(plan()))


def test_table_of_another_shape_is_refused_and_nothing_stays(store, planned):
    wrong = visits(planned, {1: "none"}).drop(columns="answer")
    with pytest.raises(BadTableError, match="answer"):
        written(store, brought(planned, visits=wrong))
    with store.read() as connection:
        assert len(patrols.read_returns(connection)) == 0


# -- plans -------------------------------------------------------------------------------------------


def test_plan_is_read_as_it_was_written(store, planned):
    with store.read() as connection:
        assert patrols.read_patrol(connection, planned.patrol_id) == planned
        assert patrols.read_patrol(connection, "XL-20260901-009") is None
        assert json.loads(patrols.read_request(connection, planned.patrol_id)) == {"date": "2026-09-01"}
        listed = patrols.read_patrols(connection)
    assert patrols.PATROLS.check(listed)["state"].tolist() == ["planned"]
    assert listed["since"].tolist() == [pd.Timestamp(SINCE)]


def test_fields_that_came_later_take_their_default():
    read = json.loads(patrol_to_json(plan()))
    del read["routes"][0]["stops"][0]["pinned"]
    read["routes"][0]["stops"][0]["of_a_newer_version"] = 7
    assert patrol_from_json(json.dumps(read)) == plan()


def test_plans_are_numbered_by_day_and_listed_latest_first(store, planned):
    other = plan("XL-20260902-001", SINCE + timedelta(days=1))
    with store.begin() as connection:
        assert patrols.next_patrol_id(connection, date(2026, 9, 1)) == "XL-20260901-002"
        assert patrols.next_patrol_id(connection, date(2026, 9, 2)) == "XL-20260902-001"
        patrols.write_patrol(connection, other)
        assert patrols.set_patrol_state(connection, other.patrol_id, "replaced")
        assert not patrols.set_patrol_state(connection, "XL-1", "replaced")
    with store.read() as connection:
        assert patrols.read_patrols(connection)["patrol_id"].tolist() == [other.patrol_id, planned.patrol_id]
        some = patrols.read_patrols(connection, since=SINCE, until=SINCE + timedelta(hours=1))
        assert some["patrol_id"].tolist() == [planned.patrol_id]


# -- returns -----------------------------------------------------------------------------------------


def test_same_file_again_changes_nothing(store, planned):
    one = brought(planned, visits=visits(planned, {1: "none"}), finds=finds(planned, {}))
    first = written(store, one)
    assert (first.known, first.new_visits.tolist(), first.new_finds.tolist()) == (False, [True, True], [True])
    with store.read() as connection:
        before = [patrols.read_visits(connection, history=True), patrols.read_finds(connection, history=True)]
    again = written(store, one)
    assert (again.known, again.return_id) == (True, first.return_id)
    with store.read() as connection:
        after = [patrols.read_visits(connection, history=True), patrols.read_finds(connection, history=True)]
        assert len(patrols.read_returns(connection)) == 1
        assert patrols.read_patrols(connection)["state"].tolist() == ["returned"]
    for left, right in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_replaced_plan_that_was_walked_is_returned(store, planned):
    with store.begin() as connection:
        patrols.set_patrol_state(connection, planned.patrol_id, "replaced")
    written(store, brought(planned, visits=visits(planned, {1: "none"})))
    with store.begin() as connection:
        assert patrols.read_patrols(connection)["state"].tolist() == ["returned"]
        assert not patrols.delete_patrol(connection, planned.patrol_id)
        patrols.write_patrol(connection, plan("XL-20260901-002"))
        assert patrols.delete_patrol(connection, "XL-20260901-002")
        assert not patrols.delete_patrol(connection, "XL-20260901-002")


def test_tables_come_back_with_their_types(store, planned):
    written(store, brought(planned, visits=visits(planned, {1: "found"}, "有线"), finds=finds(planned, {})))
    with store.read() as connection:
        seen, found = patrols.read_visits(connection), patrols.read_finds(connection)
        empty = patrols.read_visits(connection, "XL-1"), patrols.read_finds(connection, "XL-1")
    pd.testing.assert_frame_equal(VISITS.check(seen), visits(planned, {1: "found"}, "有线"))
    assert FINDS.check(found)["cell"].tolist() == [2**60 - 1]
    assert [len(VISITS.check(empty[0])), len(FINDS.check(empty[1]))] == [0, 0]


@pytest.mark.parametrize("in_order", [True, False])
def test_later_answer_counts_whichever_file_comes_first(store, planned, in_order):
    early = brought(planned, "a", NOW - timedelta(hours=1), visits=visits(planned, {1: "none"}))
    late = brought(planned, "b", NOW, visits=visits(planned, {1: "found", 2: "none"}))
    for one in (early, late) if in_order else (late, early):
        written(store, one)
    assert answers_of(store) == {"8a1": "found", "8a2": "none"}
    with store.read() as connection:
        all_said = patrols.read_visits(connection, history=True)
    kept = all_said[all_said["stop_id"] == "8a1"]
    assert sorted(zip(kept["answer"], kept["counts"], strict=True)) == [("found", True), ("none", False)]


def test_empty_stop_never_takes_the_place_of_an_answer(store, planned):
    written(store, brought(planned, "a", NOW, visits=visits(planned, {1: "settled"})))
    later = written(
        store, brought(planned, "b", NOW + timedelta(hours=1), visits=visits(planned, {2: "none"}))
    )
    assert answers_of(store) == {"8a1": "settled", "8a2": "none"}
    assert later.new_visits.tolist() == [False, True]


def test_answers_are_found_by_patrol_and_by_day(store, planned):
    other = plan("XL-20260902-001", SINCE + timedelta(days=1))
    with store.begin() as connection:
        patrols.write_patrol(connection, other)
    written(store, brought(planned, visits=visits(planned, {1: "none"})))
    written(store, brought(other, visits=visits(other, {1: "found"})))
    assert answers_of(store, patrol_id=other.patrol_id)["8a1"] == "found"
    assert answers_of(store, until=SINCE + timedelta(hours=12))["8a1"] == "none"
    assert answers_of(store, since=SINCE + timedelta(hours=12))["8a1"] == "found"


def test_find_that_is_told_anew_keeps_its_number_and_its_past(store, planned):
    written(store, brought(planned, "a", finds=finds(planned, {"note": "一处"}, {"find_key": "k2"})))
    with store.read() as connection:
        numbers = patrols.read_finds(connection)["find_id"].tolist()
    later = brought(
        planned, "b", NOW + timedelta(minutes=5), finds=finds(planned, {"note": "两处"}, {"find_key": "k2"})
    )
    assert written(store, later).new_finds.tolist() == [True, False]
    with store.read() as connection:
        now, ever = patrols.read_finds(connection), patrols.read_finds(connection, history=True)
    assert now["find_id"].tolist() == numbers
    assert now["note"].tolist() == ["两处", ""]
    assert sorted(ever["note"].tolist()) == ["", "一处", "两处"]


def test_held_rows_receipt_and_photos_are_kept(store, planned):
    held = pd.DataFrame(
        {"row_number": [4], "reason": ["wrong_stop"], "detail": ["9"], "received": ["{}"]}
    ).astype(HELD_RETURNS.columns)
    photo = pd.DataFrame({"file": ["a" * 64 + ".jpg"], "sha256": ["b" * 64], "likeness": [-5]}).astype(
        RETURN_PHOTOS.columns
    )
    done = written(store, brought(planned, held=held, photos=photo))
    with store.begin() as connection:
        patrols.set_receipt(connection, done.return_id, '{"read": 1}')
        assert photos.photo_files(connection) == {"a" * 64 + ".jpg"}
        assert photos.is_photo_named(connection, "a" * 64 + ".jpg")
        assert not photos.is_photo_named(connection, "c" * 64 + ".jpg")
    with store.read() as connection:
        pd.testing.assert_frame_equal(patrols.read_held_returns(connection, done.return_id), held)
        kept = patrols.RETURNS.check(patrols.read_returns(connection, planned.patrol_id))
    assert kept["receipt"].tolist() == ['{"read": 1}']
    assert kept["person"].tolist() == ["P017"]


# -- what a later patrol says of earlier finds ---------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        (["none"], "settled"),
        (["settled"], "settled"),
        (["no_entry"], "open"),
        (["found"], "open"),
        (["none", "found"], "open"),
        (["found", "none"], "settled"),
    ],
)
@pytest.mark.parametrize("stop_id", ["8a1", "find:1"])
def test_later_look_settles_a_find_or_opens_it_again(store, planned, answers, state, stop_id):
    written(
        store,
        brought(planned, visits=visits(planned, {1: "found"}), finds=finds(planned, {"stop_id": "8a1"})),
    )
    for day, answer in enumerate(answers, 1):
        later = plan(f"XL-2026090{day + 1}-001", SINCE + timedelta(days=day))
        seen = visits(later, {1: answer})
        seen.loc[0, "stop_id"] = stop_id
        with store.begin() as connection:
            patrols.write_patrol(connection, later)
        written(store, brought(later, visits=seen))
    with store.read() as connection:
        found = patrols.read_finds(connection)
        assert found["state"].tolist() == [state]
        assert found["settled_at"].isna().tolist() == [state == "open"]
        assert len(patrols.read_finds(connection, open_only=True)) == (state == "open")


def test_answer_of_its_own_patrol_settles_no_find(store, planned):
    written(
        store, brought(planned, visits=visits(planned, {2: "none"}), finds=finds(planned, {"stop_id": "8a2"}))
    )
    with store.read() as connection:
        assert patrols.read_finds(connection)["state"].tolist() == ["open"]


def test_person_settles_a_find(store, planned):
    written(store, brought(planned, finds=finds(planned, {})))
    with store.begin() as connection:
        assert patrols.set_find_state(connection, 1, "settled", NOW)
        assert not patrols.set_find_state(connection, 99, "settled", NOW)
    with store.read() as connection:
        assert patrols.read_finds(connection)["settled_at"].tolist() == [pd.Timestamp(NOW)]
