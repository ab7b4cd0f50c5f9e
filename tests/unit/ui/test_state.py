"""What is asked stands in the address, and nothing in an address is trusted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingan_geo.ui.state import (
    ADDRESS,
    CUTS,
    DETAILS,
    LAYERS,
    METHODS,
    ORIGINS,
    OVERLAYS,
    PRESETS,
    Choices,
    Question,
    Refused,
    fixed_choices,
    hour_run,
    hours_between,
    read_address,
    write_address,
)

WORDS = {"FW1": "wiring", "路面": "road", "A,B & C=1": "odd", "x" * 200: "long"}
CHOICES = Choices(
    {
        **fixed_choices(),
        "categories": WORDS,
        "boards": {"home": "home", "commerce": "commerce"},
        "villages": {"330411104201": "甲村"},
        "grids": {"330411104201001": "一网格"},
        "sources": {"12345": "12345", "随手拍": "随手拍"},
    }
)
BAD = {
    "layer": ["../../etc/passwd", "CELLS", "<script>alert(1)</script>"],
    "detail": ["9", "analyst"],
    "with": ["posts;drop table", "satellite"],
    "category": ["FW9", "gASVKAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjA==", "\x00"],
    "board": ["school"],
    "period": ["1000000d", "-7d", "yesterday"],
    "since": ["2026-02-30", "0001-01-01", "9999-12-31", "today", "2026-01-01T00:00"],
    "until": ["31.12.2026"],
    "hours": ["24", "-1", "18-25", "1,5,9", "1-2-3", "٣", "1," * 500],
    "weekdays": ["7", "Mon", "5-8"],
    "village": ["1"],
    "grid": ["'; --"],
    "source": ["\ud800"],
    "origin": ["both"],
    "pick": ["cell:zzz", "cell:8928308280fffff0", "grid:1", "village:", "point:1", "cell"],
    "method": ["gi*"],
    "cut": ["bottom"],
    "top": ["0", "-3", "1e3", "99999", "٣"],
    "coverage": ["0", "101", "nan", "-1", "1e-3"],
    "kernel": ["silverman"],
    "against": ["trees", "ALL"],
    "ends": ["soon"],
}


@pytest.mark.parametrize(
    ("parameter", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_value_that_is_not_offered_is_left_out_and_said(parameter, value):
    question, refused = read_address({parameter: [value]}, CHOICES)
    assert question == Question()
    assert refused == (Refused(parameter, value[:40]),)


def test_every_field_has_a_bad_value_above():
    assert set(BAD) == set(ADDRESS.values())


def test_one_bad_value_does_not_take_the_good_ones_along():
    address = {"category": ["FW1", "nonsense"], "hours": ["22-2"], "weekdays": ["9"], "layer": ["grids"]}
    question, refused = read_address(address, CHOICES)
    assert question == replace(Question(), categories=("FW1",), hours=(0, 1, 2, 22, 23), layer="grids")
    assert {one.name for one in refused} == {"category", "weekdays"}


def test_an_unknown_name_is_said():
    assert read_address({"utm_source": ["x"]}, CHOICES)[1] == (Refused("utm_source", "x"),)
    assert read_address({"lang": ["zh"], "embed": ["true"]}, CHOICES) == (Question(), ())


def test_a_period_that_ends_before_it_begins_loses_its_end():
    question, refused = read_address(
        {"period": ["custom"], "since": ["2026-03-01"], "until": ["2026-03-01"]}, CHOICES
    )
    assert (question.since, question.until) == (date(2026, 3, 1), None)
    assert refused == (Refused("until", "2026-03-01"),)


def test_the_usual_question_has_a_short_address():
    assert write_address(Question(), "zh") == {"lang": ["zh"]}
    assert read_address({}, CHOICES) == (Question(), ())


def some_of(names):
    return st.lists(st.sampled_from(sorted(names)), unique=True).map(tuple)


questions = st.builds(
    Question,
    layer=st.sampled_from(sorted(LAYERS)),
    detail=st.sampled_from(sorted(DETAILS)),
    overlays=some_of(OVERLAYS),
    categories=some_of(WORDS),
    boards=some_of(CHOICES.of("boards")),
    preset=st.sampled_from(sorted(set(PRESETS) - {"custom"})),
    hours=st.one_of(
        st.just(()), st.tuples(st.integers(0, 23), st.integers(0, 23)).map(lambda ends: hours_between(*ends))
    ),
    weekdays=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
    villages=some_of(CHOICES.of("villages")),
    grids=some_of(CHOICES.of("grids")),
    sources=some_of(CHOICES.of("sources")),
    origin=st.sampled_from(sorted(ORIGINS)),
    pick=st.sampled_from(["", "cell:89309a8b2cbffff", "grid:330411104201001", "village:330411104201"]),
    method=st.sampled_from(sorted(METHODS)),
    cut=st.sampled_from(sorted(set(CUTS) - {"significant"})),
    top=st.integers(1, 500),
    coverage=st.integers(1, 200).map(lambda half: half / 2),
)


@given(questions)
def test_what_is_written_is_read_back(question):
    assert read_address(write_address(question, "en"), CHOICES) == (question, ())


@given(
    st.dictionaries(
        st.one_of(st.sampled_from(sorted(ADDRESS.values())), st.text(max_size=5)),
        st.lists(st.text(max_size=30), max_size=4),
        max_size=8,
    )
)
def test_no_address_breaks_the_page(address):
    question, _ = read_address(address, CHOICES)
    assert question.report_filter(date(2026, 3, 1)).origin in {"reported", "found", ""}


def test_presets_end_with_today_and_are_half_open():
    period = Question(preset="7d").period(date(2026, 3, 10))
    assert (period.since, period.until) == (datetime(2026, 3, 4), datetime(2026, 3, 11))
    assert Question(preset="all").period(date(2026, 3, 10)).since is None


def test_runs_of_hours_go_over_midnight():
    assert hour_run(hours_between(22, 2)) == (22, 2)
    assert hours_between(None, None) == hours_between(0, 23) == ()
    assert hours_between(18, None) == (18, 19, 20, 21, 22, 23)
    assert hour_run((1, 5)) is None
