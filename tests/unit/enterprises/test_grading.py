"""Grades: reckoned by hand, explained, never milder than their floor; what is not known is not nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.enterprises.grading import (
    FACTORS,
    Factor,
    GradingModel,
    grade_enterprises,
    what_would_lower,
    which_grades_flip,
)
from pingan_geo.errors import BadChoiceError, BadTableError
from pingan_geo.model.enterprise import ENTERPRISE_FACTS, GRADES

NUMBERS = [name for name, dtype in ENTERPRISE_FACTS.columns.items() if dtype == "float64"]
ORDER = list(GRADES)


def facts(*rows: dict[str, object]) -> pd.DataFrame:
    filled = [
        {"enterprise_id": f"E{n}", "hazard_classes": ""} | dict.fromkeys(NUMBERS, 0.0) | row
        for n, row in enumerate(rows)
    ]
    return pd.DataFrame(filled).astype(dict(ENTERPRISE_FACTS.columns))


@pytest.mark.parametrize(
    "model",
    [
        {"factors": (Factor("colour", 1, 1),)},
        {"factors": (Factor("lec", -1, 1),)},
        {"factors": (Factor("lec", 1, 0),)},
        {"thresholds": (20, 40, 60)},
        {"floors": {"喷涂": "purple"}},
    ],
)
def test_model_that_cannot_grade_is_refused(model):
    with pytest.raises(BadChoiceError):
        GradingModel(**model)


def test_table_without_a_column_and_a_firm_twice_are_refused():
    with pytest.raises(BadTableError):
        grade_enterprises(facts({}).drop(columns="lec"))
    with pytest.raises(BadChoiceError):
        grade_enterprises(facts({"enterprise_id": "A"}, {"enterprise_id": "A"}))


def test_points_and_grade_as_reckoned_by_hand():
    # 160 of 320: 15 points; half of the standards: 10; three of five hazards: 9; one of two overdue: 7.5
    row = {"lec": 160, "standards_short": 0.5, "open_hazards": 3, "overdue_hazards": 1}
    found = grade_enterprises(facts(row)).table.iloc[0]
    assert found["points"] == pytest.approx(41.5)
    assert (found["grade"], found["held_by"]) == ("orange", "points")


def test_class_sets_a_floor_and_an_open_major_hazard_makes_red():
    found = grade_enterprises(
        facts({"hazard_classes": "一般;喷涂"}, {"hazard_classes": "一般"}, {"major_hazards": 1})
    ).table
    assert found["grade"].tolist() == ["orange", "blue", "red"]
    assert found["held_by"].tolist() == ["floor", "points", "major"]
    assert found["floor_class"].tolist() == ["喷涂", "", ""]


def test_what_is_not_known_adds_nothing_and_is_said():
    found = grade_enterprises(facts(dict.fromkeys(NUMBERS, np.nan))).table.iloc[0]
    assert (found["grade"], found["worst"]) == ("blue", "red")


def test_fewest_factors_that_lower_the_grade():
    # 30 + 20 + 15 = 65: without the gravest, 35, it is yellow
    row = {"lec": 320, "standards_short": 1.0, "open_hazards": 5}
    found = what_would_lower(grade_enterprises(facts(row, {"hazard_classes": "喷涂"}, {}))).iloc
    assert (found[0]["to"], found[0]["factors"]) == ("yellow", "lec")
    assert found[0]["points"] == pytest.approx(5.0)
    assert found[1]["to"] == ""  # held by its class
    assert found[2]["to"] == ""  # blue already


def test_flips_are_those_near_a_threshold():
    row = {"lec": 320, "standards_short": 0.5}  # 30 + 10 = 40: just orange
    found = which_grades_flip(facts(row, {}))
    assert set(found["enterprise_id"]) == {"E0"}
    assert set(zip(found["factor"], found["change"], strict=True)) == {("lec", "-"), ("standards_short", "-")}
    assert set(found["becomes"]) == {"yellow"}
    with pytest.raises(BadChoiceError):
        which_grades_flip(facts({}), by=1.5)


rows = st.fixed_dictionaries(
    {name: st.one_of(st.just(np.nan), st.floats(0, 400, allow_nan=False)) for name in NUMBERS}
    | {"hazard_classes": st.sampled_from(["", "喷涂", "一般", "粉尘涉爆;危化品使用"])}
)


@settings(max_examples=25, deadline=None)
@given(st.lists(rows, min_size=1, max_size=6), st.randoms())
def test_properties_of_any_grading(given_rows, random):
    table = facts(*given_rows)
    grading = grade_enterprises(table)
    grades = [ORDER.index(grade) for grade in grading.table["grade"]]
    # the points of the factors add up, in any order of the rows
    np.testing.assert_allclose(grading.points.sum(axis=1), grading.table["points"], atol=1e-6)
    shuffled = table.sample(frac=1, random_state=random.randint(0, 99))
    pd.testing.assert_frame_equal(grade_enterprises(shuffled).table.loc[grading.table.index], grading.table)
    # never milder than the floor; what is unknown can only make it graver
    for grade, worst, floor in zip(grades, grading.table["worst"], grading.table["floor"], strict=True):
        assert grade <= (ORDER.index(floor) if floor else 3)
        assert ORDER.index(worst) <= grade
    # a graver fact never gives a milder grade
    for factor in FACTORS:
        graver = table.assign(**{factor.name: table[factor.name].fillna(0) + factor.full_at / 3})
        then = [ORDER.index(grade) for grade in grade_enterprises(graver).table["grade"]]
        assert all(after <= before for after, before in zip(then, grades, strict=True))
    # doing what is said to lower a grade lowers it
    advice = what_would_lower(grading)
    for firm, row in advice[advice["to"] != ""].iterrows():
        mended = table.set_index("enterprise_id")
        for name in row["factors"].split(";"):
            mended.loc[firm, name] = 0.0
        assert grade_enterprises(mended.reset_index()).table.loc[firm, "grade"] == row["to"]
