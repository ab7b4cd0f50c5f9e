"""Whatever a phone's file says, each of its rows is accounted for, and only one clear sentence refuses it."""

from __future__ import annotations

import json
import shutil
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pingan_geo.errors import PinganError
from pingan_geo.model.patrol import ANSWERS, Halt, Patrol, Route, Stop, Team
from pingan_geo.storage.patrols import write_patrol
from pingan_geo.workflow.patrol_return import take_return
from pingan_geo.workflow.towns import open_town

SINCE, UNTIL = datetime(2026, 3, 1, 18), datetime(2026, 3, 1, 22)
NOW = datetime(2026, 3, 1, 23)
CELLS = [f"8a309ab0ba{number:x}7fff" for number in range(1, 6)]


@pytest.fixture(scope="module")
def town(tiny_town, tmp_path_factory):
    folder = tmp_path_factory.mktemp("returns") / "town"
    shutil.copytree(tiny_town.folder, folder)
    opened = open_town(folder)
    post = Halt("岗", 120.61, 30.79)
    team = Team("1", "一队", "walk", post, post, SINCE, UNTIL)
    stops = tuple(
        Stop(number, cell, "hotspot", "", 120.61, 30.79, SINCE, SINCE, 1.0, 10.0, cell=cell)
        for number, cell in enumerate(CELLS, 1)
    )
    route = Route(team, stops, 1.0, 10.0, UNTIL)
    patrol = Patrol("XL-1", "", SINCE, UNTIL, (route,), (), 1.0, "straight", 1, NOW, True, "镇")
    with opened.store.begin() as connection:
        write_patrol(connection, patrol)
    yield opened
    opened.close()


ODD = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats()
    | st.text(max_size=8)
    | st.just([])
    | st.just({})
)
INSTANT = st.sampled_from(
    [
        "2026-03-01T19:00:00",
        "2026-03-01T18:00:00",
        "2026-03-02T01:00:00",
        "2026-04-01T00:00:00",
        None,
        "",
        "x",
    ]
)
PHOTOS = st.just([]) | st.just([{"name": "a", "jpeg_base64": "AAAA"}]) | st.just("x")
STOP = st.fixed_dictionaries(
    {
        "number": st.integers(0, 7) | ODD,
        "stop_id": st.sampled_from(["", *CELLS]) | ODD,
        "arrived": INSTANT | ODD,
        "left": INSTANT | ODD,
        "answer": st.sampled_from(["", *ANSWERS]) | ODD,
        "note": st.sampled_from(["", "电话13812345678", "有线"]) | ODD,
        "photos": PHOTOS,
    }
)
FIND = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["a", "b", "stop:" + CELLS[0]]) | ODD,
        "time": INSTANT,
        "lon": st.sampled_from([120.61, 120.62, 0.0]) | ODD,
        "lat": st.sampled_from([30.79, 30.80]) | ODD,
        "category": st.sampled_from(["FW1", ""]) | ODD,
        "stop_id": st.sampled_from(["", CELLS[0]]) | ODD,
        "note": st.sampled_from(["", "330411199001011234"]),
        "photos": PHOTOS,
    }
)
FILES = st.fixed_dictionaries(
    {
        "format": st.just("pingan-patrol-return/1"),
        "patrol_id": st.just("XL-1"),
        "team": st.just("1"),
        "person": ODD,
        "stops": st.lists(STOP | ODD, max_size=6),
        "finds": st.lists(FIND | ODD, max_size=4),
        "made_at": INSTANT | ODD,
    }
)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
def test_every_row_of_any_file_is_accounted_for(town, tmp_path, content):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    receipt = take_return(town, file, now=NOW, dry_run=True)
    assert receipt.read == len(content["stops"]) + len(content["finds"])
    assert receipt.adds_up()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, FILES)
def test_two_files_in_a_row_add_up_and_the_first_again_changes_nothing(town, tmp_path, one, other):
    file, second = tmp_path / "one.json", tmp_path / "two.json"
    file.write_text(json.dumps(one), encoding="utf-8")
    second.write_text(json.dumps(other), encoding="utf-8")
    for path in (file, second):
        assert take_return(town, path, now=NOW).adds_up()
    again = take_return(town, file, now=NOW)
    assert (again.repeated, again.batch_id) == (again.read, None)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.text("PG1/XL-1%0abcd\n", max_size=60).map(str.encode)
)
def test_any_other_bytes_are_refused_in_a_sentence(town, tmp_path, content):
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(PinganError) as caught:
        take_return(town, file, now=NOW, dry_run=True)
    assert str(caught.value)
