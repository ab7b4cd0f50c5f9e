"""A patrol of a small town: what is listed and why, who goes where, and what a person may change."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import local_metres
from pingan_geo.errors import (
    BadChoiceError,
    Cancelled,
    NoReportsError,
    PatrolNotFoundError,
    PatrolPlanError,
    PlaceUnknownError,
    TeamStartError,
    UnknownCategoryError,
)
from pingan_geo.model.patrol import CANDIDATES, FINDS, VISITS
from pingan_geo.storage.patrols import BROUGHT_FINDS, PatrolReturn, read_patrols, write_return
from pingan_geo.workflow import patrol_candidates
from pingan_geo.workflow.patrol_candidates import find_candidates, since_last
from pingan_geo.workflow.patrol_request import (
    NamedPlaces,
    PatrolRequest,
    TeamRequest,
    request_from_json,
    request_to_json,
)
from pingan_geo.workflow.plan_patrol import (
    Changes,
    keep_patrol,
    list_patrols,
    load_patrol,
    plan_patrol,
    replan,
    team_halts,
)
from pingan_geo.workflow.towns import open_town

NOW = datetime(2026, 3, 1, 9)
SINCE, UNTIL = datetime(2026, 3, 1, 18), datetime(2026, 3, 1, 22)
ASKED = PatrolRequest(SINCE, UNTIL)


@pytest.fixture(scope="module")
def base(tiny_town, tmp_path_factory):
    """A copy of the tiny town in which the forecast was tried, so that no other has to."""
    folder = tmp_path_factory.mktemp("patrol_town") / "town"
    shutil.copytree(tiny_town.folder, folder)
    town = open_town(folder)
    find_candidates(town, ASKED, now=NOW)
    yield town
    town.close()


@pytest.fixture
def town(base, tmp_path):
    """A town of one's own to write to."""
    folder = tmp_path / "town"
    shutil.copytree(base.folder, folder)
    opened = open_town(folder)
    yield opened
    opened.close()


def with_settings(town, text: str):
    """The same town with other settings of its patrols."""
    file = town.folder / "town.toml"
    kept = file.read_text(encoding="utf-8")
    for line in text.strip().splitlines():
        name = line.split(" = ")[0].strip()
        if not line.startswith("[") and f"\n{name} = " in kept:
            before, after = kept.split(f"\n{name} = ", 1)
            kept = f"{before}\n{line.strip()}\n{after.split(chr(10), 1)[1]}"
        else:
            kept += f"{line}\n"
    file.write_text(kept, encoding="utf-8")
    town.close()
    return open_town(town.folder)


def stops_of(patrol, kind: str = ""):
    return [stop for route in patrol.routes for stop in route.stops if kind in {"", stop.kind}]


def come_back(town, patrol, answers: dict[str, str], finds=(), sha: str = "a"):
    """Store what a team answered."""
    for route in patrol.routes:
        rows = [
            {
                "patrol_id": patrol.patrol_id,
                "team": route.team.code,
                "number": stop.number,
                "stop_id": stop.stop_id,
                "kind": stop.kind,
                "cell": stop.cell,
                "planned_arrive": stop.arrive,
                "planned_leave": stop.leave,
                "arrived": stop.arrive if stop.stop_id in answers else pd.NaT,
                "left": stop.leave if stop.stop_id in answers else pd.NaT,
                "answer": answers.get(stop.stop_id, ""),
                "note": "",
                "photos": "",
            }
            for stop in route.stops
        ]
        brought = PatrolReturn(
            *(patrol.patrol_id, route.team.code, "x", sha * 64, "phone", "", UNTIL, UNTIL),
            visits=pd.DataFrame(rows).astype(VISITS.columns),
            finds=pd.DataFrame(finds).astype(BROUGHT_FINDS.columns)
            if finds and route is patrol.routes[0]
            else BROUGHT_FINDS.empty(),
        )
        with town.store.begin() as connection:
            write_return(connection, brought)


def a_find(patrol, **words):
    usual = {
        "find_id": 0,
        "patrol_id": patrol.patrol_id,
        "team": "1",
        "stop_id": "",
        "time": UNTIL,
        "category": "FW1",
        "lon": 120.6155,
        "lat": 30.7935,
        "cell": 1,
        "grid_id": "",
        "note": "某人在此",
        "photos": "",
        "state": "open",
        "due": UNTIL + timedelta(hours=12),
        "office": "",
        "find_key": "k",
    }
    assert set(usual) == {*FINDS.columns, "find_key"}
    return usual | words


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        replace(ASKED, until=SINCE),
        replace(ASKED, until=SINCE + timedelta(hours=25)),
        replace(ASKED, since=SINCE.replace(second=1)),
        replace(ASKED, seed=-1),
        replace(ASKED, teams=(TeamRequest(mode="boat"),)),
        replace(ASKED, teams=(TeamRequest(until=UNTIL + timedelta(hours=1)),)),
        replace(ASKED, teams=(TeamRequest(break_min=500),)),
        replace(ASKED, teams=(TeamRequest(),) * 51),
    ],
)
def test_shift_that_is_none_is_refused(base, asked):
    with pytest.raises(BadChoiceError):
        plan_patrol(base, asked, now=NOW, save=False)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (replace(ASKED, categories=("XX",)), UnknownCategoryError),
        (replace(ASKED, categories=("FW4",)), NoReportsError),
        (replace(ASKED, teams=(TeamRequest(start="月亮"),)), PlaceUnknownError),
        (replace(ASKED, teams=(TeamRequest(start="平安岗"),)), PlaceUnknownError),
        (replace(ASKED, must=("月亮",)), PlaceUnknownError),
        (replace(ASKED, must=("",)), PlaceUnknownError),
        (replace(ASKED, posts=("120.6,30.8",)), PlaceUnknownError),
    ],
)
def test_what_the_town_does_not_know_is_refused(base, asked, error):
    with pytest.raises(error):
        plan_patrol(base, asked, now=NOW, save=False)
    with base.store.read() as connection:
        assert len(read_patrols(connection)) == 0


def test_town_without_posts_says_that_it_does_not_know_where_to_start(town):
    with town.store.begin() as connection:
        connection.exec_driver_sql("DELETE FROM feature")
    with pytest.raises(TeamStartError, match="小镇"):
        plan_patrol(town, ASKED, now=NOW)
    made = plan_patrol(
        town, replace(ASKED, teams=(TeamRequest(start="120.6155,30.7935"),)), now=NOW, rounds=1
    )
    assert (made.routes[0].team.start.lon, made.routes[0].team.start.lat) == (120.6155, 30.7935)


def test_text_that_is_no_request_is_refused():
    for text in ("", "[]", "{}", '{"since": 1}'):
        with pytest.raises(PatrolPlanError):
            request_from_json(text)


def test_cancelled_plan_leaves_nothing(town):
    def cancel(_step):
        raise Cancelled

    with pytest.raises(Cancelled):
        plan_patrol(town, ASKED, now=NOW, on_progress=cancel)
    assert len(list_patrols(town)) == 0


def test_patrol_that_is_not_there_is_refused(base):
    with pytest.raises(PatrolNotFoundError):
        load_patrol(base, "XL-1")
    unsaved = plan_patrol(base, ASKED, now=NOW, save=False, rounds=1)
    with pytest.raises(PatrolNotFoundError):
        replan(base, unsaved, Changes(), now=NOW)


# -- candidates --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(base):
    return find_candidates(base, ASKED, now=NOW)


def test_hotspots_come_by_what_is_expected_and_none_is_counted_twice(found):
    table = CANDIDATES.check(found.table)
    hot = table[table["kind"] == "hotspot"]
    assert len(hot) >= 20
    assert table["stop_id"].is_unique
    np.testing.assert_allclose(table["expected"], found.hourly[:, :4].sum(axis=1))
    assert 0 < table["expected"].sum() <= found.expected_all * (1 + 1e-9)
    held = table[table["expected"] > 0]
    assert held["cell"].is_unique
    assert len(found.starts) == found.hourly.shape[1] == 6
    # the three places where most happens are among them
    spots = {"RD1": (0.5, 0.5), "FW1": (2.2, 1.4), "TH1": (1.3, 2.6)}
    for category, (x, y) in spots.items():
        near = np.hypot(
            (hot["lon"] - (120.60 + x * 0.0105)) * 95_700, (hot["lat"] - (30.78 + y * 0.009)) * 110_900
        )
        assert near.min() < 150, category
        assert hot["category"].iloc[int(near.argmin())] == category


def test_no_two_hotspots_are_the_same_stop(found):
    hot = found.table[found.table["kind"] == "hotspot"]
    x, y = local_metres(120.6155, 30.7935).forward(hot["lon"].to_numpy(), hot["lat"].to_numpy())
    apart = np.hypot(x[:, None] - x, y[:, None] - y)[~np.eye(len(hot), dtype=bool)]
    assert apart.min() >= 120 - 1e-6


def test_levels_are_shares_of_the_risk(found):
    hot = found.table[found.table["level"] != ""].sort_values("expected", ascending=False)
    assert list(dict.fromkeys(hot["level"])) == ["red", "orange", "yellow", "blue"]
    red = hot[hot["level"] == "red"]["expected"]
    whole = hot["expected"].sum()
    assert red.iloc[:-1].sum() < 0.25 * whole <= red.sum() + 1e-12


def test_private_reports_are_called_by_grid_and_cell_and_lie_in_its_middle(base, found):
    """TH1 is private: neither a name near it nor the mean of its places is told."""
    from pingan_geo.spatial.cells import centres, from_text

    private = found.table[(found.table["category"] == "TH1") & (found.table["kind"] == "hotspot")]
    assert len(private) > 3
    lon, lat = centres(from_text(private["cell"]))
    np.testing.assert_allclose(private["lon"], lon, atol=1e-6)
    np.testing.assert_allclose(private["lat"], lat, atol=1e-6)
    assert private["name"].str.contains("网格 六边形").all()
    others = found.table[(found.table["category"] == "RD1") & (found.table["kind"] == "hotspot")]
    assert others["name"].str.contains("平安岗").any()


def test_places_of_private_reports_do_not_move_a_stop(base, found):
    """Where another kind is the main one, the stop lies at the mean of the reports that are not private."""
    from pingan_geo.spatial.cells import from_text, parents
    from pingan_geo.workflow.explore import load_reports

    known = load_reports(base)
    cell = parents(known["cell"].to_numpy(), 10)
    recent = ((known["time"] < NOW) & (known["time"] >= NOW - timedelta(days=365))).to_numpy()
    private = (known["category"] == "TH1").to_numpy()
    hot = found.table[(found.table["kind"] == "hotspot") & (found.table["category"] != "TH1")]
    mixed = 0
    for one, own in zip(hot.itertuples(), from_text(hot["cell"]), strict=True):
        there = recent & (cell == own)
        if (there & private).any():
            mixed += 1
            assert one.lon == pytest.approx(known["lon"][there & ~private].mean(), abs=1e-6)
            assert one.lat == pytest.approx(known["lat"][there & ~private].mean(), abs=1e-6)
    assert mixed >= 1


def test_names_tell_stops_apart(found):
    assert found.table["name"].is_unique


def test_quiet_places_are_drawn_anew_each_night_and_are_quiet(base, found, monkeypatch):
    again = find_candidates(base, ASKED, now=NOW)
    pd.testing.assert_frame_equal(again.table, found.table)
    quiet = found.table[found.table["kind"] == "control"]
    hot = found.table[found.table["kind"] == "hotspot"]
    assert 5 <= len(quiet) <= 30
    assert quiet["expected"].max() < hot["expected"].quantile(0.2)
    monkeypatch.setattr(patrol_candidates, "MOST_CONTROLS", 2)
    drawn = set()
    for seed in range(6):
        other = find_candidates(base, replace(ASKED, seed=seed), now=NOW).table
        drawn.add(tuple(other[other["kind"] == "control"]["stop_id"]))
    assert len(drawn) > 2
    assert set(other[other["kind"] == "hotspot"]["stop_id"]) == set(hot["stop_id"])


def test_count_of_the_month_is_that_of_the_reports(base, found):
    reports = find_candidates(base, replace(ASKED, categories=("RD1",)), now=NOW).table
    row = reports.iloc[int(reports["expected"].argmax())]
    from pingan_geo.workflow.explore import load_reports

    known = load_reports(base)
    near = np.hypot((known["lon"] - row["lon"]) * 95_700, (known["lat"] - row["lat"]) * 110_900) < 400
    recent = (
        (known["category"] == "RD1") & (known["time"] >= NOW - timedelta(days=30)) & (known["time"] < NOW)
    )
    assert 0 < row["count_30d"] <= int((near & recent).sum())


def test_windows_of_a_category_and_what_to_look_at_stand_with_its_stops(found):
    table = found.table
    wiring = table[table["category"] == "FW1"]
    assert set(wiring["opens"]) == {pd.Timestamp(2026, 3, 1, 8)}
    assert set(wiring["closes"]) == {pd.Timestamp(2026, 3, 1, 22)}
    assert set(wiring["checks"]) == {"插座线/疏散通道/充电桩断电/灭火器"}
    assert table[table["category"] == "RD1"]["opens"].isna().all()


def test_window_of_the_day_before_counts_in_a_shift_after_midnight(town):
    late = replace(ASKED, since=datetime(2026, 3, 2, 0), until=datetime(2026, 3, 2, 2))
    town = with_settings(town, 'FW1 = "21:00-01:30"')
    table = find_candidates(town, late, now=NOW).table
    wiring = table[table["category"] == "FW1"]
    assert set(wiring["opens"]) == {pd.Timestamp(2026, 3, 1, 21)}
    assert set(wiring["closes"]) == {pd.Timestamp(2026, 3, 2, 1, 30)}
    town.close()


def test_half_hours_are_shared_out(base):
    whole = find_candidates(base, ASKED, now=NOW)
    half = find_candidates(
        base, replace(ASKED, since=SINCE + timedelta(minutes=30), until=SINCE + timedelta(hours=2)), now=NOW
    )
    assert half.hourly.shape[1] == 4
    assert 0 < half.expected_all < whole.expected_all
    assert half.starts[0] == SINCE + timedelta(minutes=30)


def test_what_was_found_or_settled_is_looked_at_again(town, found):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=1)
    hot = [stop.stop_id for stop in stops_of(patrol, "hotspot")]
    answers = {hot[0]: "found", hot[1]: "settled", hot[2]: "none", hot[3]: "no_entry"}
    come_back(town, patrol, answers)
    next_day = replace(ASKED, since=SINCE + timedelta(days=1), until=UNTIL + timedelta(days=1))
    table = find_candidates(town, next_day, now=NOW + timedelta(days=1)).table.set_index("stop_id")
    must = table[table["kind"] == "must"]
    assert set(must.index) == set(hot[:2])
    assert (must["expected"] > 0).all()
    assert must.loc[hot[0], "reason"] == "2026年3月1日在这里发现过问题：请复查"
    assert must.loc[hot[1], "reason"].startswith("2026年3月1日在这里当场处置过")
    assert table.loc[hot[2], "last_visit"].date() == SINCE.date()
    told = since_last(town, [*hot, "nowhere"])
    assert told[hot[0]] == "上次（2026年3月1日）：发现问题"
    assert set(told) == set(hot[:4])


def test_closed_door_clears_nothing_and_old_looks_are_let_go(town):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=1)
    hot = [stop.stop_id for stop in stops_of(patrol, "hotspot")]
    come_back(town, patrol, {hot[0]: "found"})
    next_day = replace(ASKED, since=SINCE + timedelta(days=1), until=UNTIL + timedelta(days=1))
    again = plan_patrol(town, next_day, now=NOW + timedelta(days=1), rounds=1)
    assert [stop.stop_id for stop in stops_of(again, "must")] == [hot[0]]
    come_back(town, again, {hot[0]: "no_entry"})

    def must(days: int) -> list[str]:
        asked = replace(ASKED, since=SINCE + timedelta(days=days), until=UNTIL + timedelta(days=days))
        table = find_candidates(town, asked, now=NOW + timedelta(days=days)).table
        return table[table["kind"] == "must"]["stop_id"].tolist()

    assert must(2) == [hot[0]]
    assert must(40) == []


def test_finds_that_are_due_must_be_seen_and_others_not(town):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=1)
    later = UNTIL + timedelta(days=30)
    finds = [a_find(patrol, find_key="late"), a_find(patrol, find_key="far", due=later),
             a_find(patrol, find_key="done", state="settled"), a_find(patrol, find_key="free", due=pd.NaT)]  # fmt: skip
    come_back(town, patrol, {}, finds)
    next_day = replace(ASKED, since=SINCE + timedelta(days=1), until=UNTIL + timedelta(days=1))
    table = find_candidates(town, next_day, now=NOW + timedelta(days=1, hours=3)).table
    must = table[table["kind"] == "must"]
    assert must["stop_id"].tolist() == ["find:1"]
    assert must["reason"].tolist() == ["已超期：2026年3月1日发现，期限 2026年3月2日"]
    assert (must["lon"].iloc[0], must["lat"].iloc[0]) == (120.6155, 30.7935)
    assert "某人" not in table.to_csv()
    assert since_last(town, ["find:1"])["find:1"] == "还有 1 处未整改，期限 2026年3月2日"


def test_places_named_by_hand_and_posts_are_stops(base):
    asked = replace(ASKED, must=("posts:P1", "120.6155,30.7935", "平安岗2号"), posts=("P3",))
    table = find_candidates(base, asked, now=NOW).table.set_index("stop_id")
    assert table.loc[["posts:P1", "at:120.61550,30.79350", "posts:P2"], "kind"].tolist() == ["must"] * 3
    assert table.loc["posts:P3", "kind"] == "post"
    assert table.loc["posts:P3", ["dwell_min", "expected"]].tolist() == [3.0, 0.0]
    assert table.loc["posts:P1", "name"] == "平安岗1号"
    held = table[table["expected"] > 0]
    assert held["cell"].is_unique


def test_closed_places_come_from_the_layer_and_the_settings(town, found):
    hot = found.table[found.table["kind"] == "hotspot"]
    one, other = hot.iloc[0], hot.iloc[-1]
    assert not found.no_go.any()
    ring = [[one["lon"] + x, one["lat"] + y] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
    ring = [[x * 1e-4 + one["lon"] * (1 - 1e-4), y * 1e-4 + one["lat"] * (1 - 1e-4)] for x, y in ring]
    layer = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        ],
    }
    (town.folder / "no_go.geojson").write_text(json.dumps(layer), encoding="utf-8")
    town = with_settings(town, f"[[patrol.no_go]]\nlon = {other['lon']}\nlat = {other['lat']}\nradius_m = 30")
    closed = find_candidates(town, ASKED, now=NOW)
    shut = set(closed.table["stop_id"][closed.no_go])
    assert {one["stop_id"], other["stop_id"]} <= shut
    assert len(shut) < 8
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=2)
    assert not shut & {stop.stop_id for stop in stops_of(patrol)}
    assert {left.reason for left in patrol.left_out if left.stop_id in shut} == {"no_go"}
    town.close()


# -- plans -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan(base):
    first = []
    patrol = plan_patrol(base, ASKED, now=NOW, save=False, rounds=5, on_plan=first.append)
    assert len(first) == 1
    assert first[0].covered <= patrol.covered * 1.1
    return patrol


def test_plan_keeps_every_rule(base, plan):
    from pingan_geo.i18n import translator
    from pingan_geo.planning.patrol_rules import check_patrol
    from pingan_geo.workflow.plan_patrol import _Plan

    task = _Plan(base, ASKED, find_candidates(base, ASKED, now=NOW), NOW, translator("zh")).task
    assert check_patrol(plan, task) == []
    kinds = Counter(stop.kind for stop in stops_of(plan))
    assert kinds["hotspot"] >= 8
    assert kinds["control"] >= 1
    assert 0.1 < plan.covered <= 1
    everywhere = [stop.stop_id for stop in stops_of(plan)] + [left.stop_id for left in plan.left_out]
    assert len(everywhere) == len(set(everywhere)) == len(task.candidates) + kinds["break"]


def test_plan_depends_on_what_is_asked_alone(base, plan):
    assert plan_patrol(base, ASKED, now=NOW, save=False, rounds=5) == plan
    assert plan.patrol_id == "XL-20260301-001"
    assert plan.roads == "straight"
    assert "没有道路数据：路程按直线距离乘 1.4 估算。" in plan.notes


def test_lines_lead_from_start_over_all_stops_to_the_end(plan):
    for route in plan.routes:
        team = route.team
        assert route.line[0] == (round(team.start.lon, 6), round(team.start.lat, 6))
        assert route.line[-1] == (round(team.end.lon, 6), round(team.end.lat, 6))
        line = np.array(route.line)
        order = []
        for stop in route.stops:
            apart = np.abs(line - (stop.lon, stop.lat)).max(axis=1)
            assert apart.min() < 2e-6
            order.append(np.flatnonzero(apart < 2e-6))
        assert all(one.min() <= other.max() for one, other in pairwise(order))


def test_speeds_of_the_town_count(base, town, plan):
    faster = plan_patrol(with_settings(town, "walk_kmh = 9"), ASKED, now=NOW, save=False, rounds=5)
    assert faster.covered > plan.covered
    one = stops_of(faster)[0]
    assert one.travel_m / one.travel_min * 60 / 1000 == pytest.approx(9, rel=0.2)


def test_each_team_has_its_own_way_hours_and_places(base):
    asked = replace(
        ASKED,
        teams=(
            TeamRequest(start="P1", mode="walk", until=SINCE + timedelta(hours=2)),
            TeamRequest(start="平安岗2号", end="posts:P3", mode="ebike", name="骑行队", break_min=10),
        ),
    )
    patrol = plan_patrol(base, asked, now=NOW, save=False, rounds=2)
    one, other = (route.team for route in patrol.routes)
    assert (one.mode, one.start.name, one.end.name, one.until) == (
        "walk", "平安岗1号", "平安岗1号", SINCE + timedelta(hours=2),
    )  # fmt: skip
    assert (other.mode, other.name, other.end.name) == ("ebike", "骑行队", "平安岗3号")
    assert [stop.kind for stop in patrol.routes[1].stops].count("break") == 1
    assert patrol.routes[0].back_at <= SINCE + timedelta(hours=2)


def test_starts_that_nobody_names_lie_where_most_is_expected(base):
    patrol = plan_patrol(base, replace(ASKED, teams=(TeamRequest(),) * 3), now=NOW, save=False, rounds=1)
    assert len({route.team.start.name for route in patrol.routes}) == 3
    table = team_halts(base)
    assert table["key"].tolist() == ["posts:P1", "posts:P2", "posts:P3"]


def test_named_places_are_found_by_number_name_or_a_piece_of_it(base):
    places = NamedPlaces.of(base)
    assert {places.find(words).name for words in ("posts:P2", "P2", "平安岗2号", "岗2")} == {"平安岗2号"}


def test_plan_is_kept_and_listed(town):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=1)
    assert load_patrol(town, patrol.patrol_id) == patrol
    other = keep_patrol(town, patrol)
    assert [patrol.patrol_id, other.patrol_id] == ["XL-20260301-001", "XL-20260301-002"]
    visited = stops_of(patrol, "hotspot")[:2]
    come_back(town, patrol, {visited[0].stop_id: "found", visited[1].stop_id: "none"})
    listed = list_patrols(town).set_index("patrol_id")
    row = listed.loc[patrol.patrol_id]
    assert (row["teams"], row["visited"], row["found"], row["state"]) == (2, 2, 1, "returned")
    assert row["covered"] == pytest.approx(patrol.covered)
    assert listed.loc[other.patrol_id, "state"] == "planned"
    later = replace(ASKED, since=SINCE + timedelta(days=1), until=UNTIL + timedelta(days=1))
    notes = plan_patrol(town, later, now=NOW, save=False, rounds=1).notes
    assert f"上次巡查（2026年3月1日）：{row['stops']} 个点位到了 2 个，1 个发现问题。" in notes


def test_request_is_read_as_it_was_written():
    asked = replace(
        ASKED, teams=(TeamRequest(start="P1", since=SINCE, break_min=0),), must=("1,2",), categories=("FW1",)
    )
    assert request_from_json(request_to_json(asked)) == asked


# -- changes -----------------------------------------------------------------------------------------


def test_stop_taken_off_stays_off_and_the_rest_stays(town):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=5)
    off, pinned = (stop.stop_id for stop in stops_of(patrol, "hotspot")[:2])
    changed = replan(
        town, patrol, Changes(removed=frozenset({off}), pinned=frozenset({pinned})), now=NOW, rounds=2
    )
    there = {stop.stop_id: stop for stop in stops_of(changed)}
    assert off not in there
    assert there[pinned].pinned
    assert {left.reason for left in changed.left_out if left.stop_id == off} == {"removed"}
    kept = {stop.stop_id for stop in stops_of(patrol)} - {off}
    assert len(kept & set(there)) >= 0.8 * len(kept)
    states = list_patrols(town).set_index("patrol_id")["state"]
    assert states.to_dict() == {patrol.patrol_id: "replaced", changed.patrol_id: "planned"}
    again = replan(town, changed, Changes(freed=frozenset({pinned})), now=NOW, rounds=1)
    assert off not in {stop.stop_id for stop in stops_of(again)}
    assert not any(stop.pinned for stop in stops_of(again))


def test_places_are_added_and_moved(town):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=2)
    left = next(one.stop_id for one in patrol.left_out if one.kind == "hotspot")
    move = patrol.routes[0].stops[0].stop_id
    changes = Changes(added=(left, "posts:P3", "120.6155,30.7935"), moved={move: "2"})
    changed = replan(town, patrol, changes, now=NOW, rounds=2)
    there = {stop.stop_id: route.team.code for route in changed.routes for stop in route.stops}
    assert {left, "posts:P3", "at:120.61550,30.79350"} <= set(there)
    assert there[move] == "2"
    # planned anew, what was added by hand is still there
    assert {left, "posts:P3"} <= {
        stop.stop_id for stop in stops_of(replan(town, changed, Changes(), now=NOW, rounds=1))
    }


def test_team_or_stop_that_there_is_not_is_refused(town):
    patrol = plan_patrol(town, ASKED, now=NOW, rounds=1)
    for changes in (Changes(moved={patrol.routes[0].stops[0].stop_id: "9"}), Changes(moved={"nowhere": "1"})):
        with pytest.raises((BadChoiceError, PlaceUnknownError)):
            replan(town, patrol, changes, now=NOW, rounds=1)
    assert len(list_patrols(town)) == 1


def test_forecast_is_tried_when_it_is_asked_for_and_then_remembered(town):
    quick = find_candidates(town, ASKED, now=NOW)
    assert quick.notes[0].startswith("本系统预测没有在此试算")
    assert any("命中" in note for note in quick.notes)
    tried = find_candidates(town, ASKED, now=NOW, try_forecast=True)
    assert "未胜出" in tried.notes[0]
    assert find_candidates(town, ASKED, now=NOW).notes == tried.notes
