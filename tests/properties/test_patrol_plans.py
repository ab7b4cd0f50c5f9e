"""A plan is the same after it was written down and read, whatever stands in it; returns in any order agree."""

from __future__ import annotations

import json
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.model.patrol import MODES, STOP_KINDS, Halt, LeftOut, Patrol, Route, Stop, Team
from pingan_geo.model.patrol_json import patrol_from_json, patrol_to_json

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(
    lambda at: at.replace(second=0, microsecond=0)
)
HALTS = st.builds(Halt, WORDS, NUMBERS, NUMBERS)
TEAMS = st.builds(
    Team, WORDS, WORDS, st.sampled_from(list(MODES)), HALTS, HALTS, INSTANTS, INSTANTS, st.integers(0, 90)
)
STOPS = st.builds(
    Stop,
    *(
        st.integers(1, 99),
        WORDS,
        st.sampled_from(list(STOP_KINDS)),
        WORDS,
        NUMBERS,
        NUMBERS,
        INSTANTS,
        INSTANTS,
    ),
    *(NUMBERS, NUMBERS),
    cell=WORDS,
    checks=WORDS,
    reason=WORDS,
    expected=NUMBERS,
    count_30d=st.integers(0, 10**6),
    last_visit=st.none() | INSTANTS,
    pinned=st.booleans(),
)
ROUTES = st.builds(
    Route,
    TEAMS,
    st.lists(STOPS, max_size=4).map(tuple),
    *(NUMBERS, NUMBERS, INSTANTS),
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4).map(tuple),
)
PLANS = st.builds(
    Patrol,
    *(WORDS, WORDS, INSTANTS, INSTANTS),
    st.lists(ROUTES, max_size=3).map(tuple),
    st.lists(st.builds(LeftOut, WORDS, WORDS, WORDS, NUMBERS, NUMBERS, NUMBERS, WORDS), max_size=3).map(
        tuple
    ),
    *(NUMBERS, st.sampled_from(["roads", "straight"]), st.integers(0, 2**53), INSTANTS, st.booleans(), WORDS),
    st.lists(WORDS, max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=150)
@given(PLANS)
def test_plan_is_the_same_after_it_was_written_down(patrol):
    text = patrol_to_json(patrol)
    assert patrol_from_json(text) == patrol
    assert patrol_to_json(patrol_from_json(text)) == text
    assert "\n" not in text
    json.loads(text)
