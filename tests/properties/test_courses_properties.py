"""Courses of random reports: whatever comes in, classes and numbers keep to what they mean."""

from __future__ import annotations

import h3
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.model.report import ReportFilter
from pingan_geo.stats.change import chance_of_rise
from pingan_geo.workflow.courses import CHANGE_WORDS, LEAST_STEPS, LIFE_WORDS, MORAN_WORDS, follow_courses

CELLS = np.array(sorted(int(one, 16) for one in h3.grid_disk("89309c8cb13ffff", 3)), dtype=np.uint64)
FINEST = np.array([int(h3.cell_to_center_child(f"{int(one):x}", 11), 16) for one in CELLS], dtype=np.uint64)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 900),
    days=st.integers(1, 1_500),
    hot=st.integers(0, len(CELLS)),
    bunched=st.floats(0.2, 8.0),
)
def test_every_course_keeps_to_what_it_means(seed, count, days, hot, bunched):
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(len(CELLS), bunched))
    blank = pd.Series([""] * count, dtype="str")
    reports = pd.DataFrame(
        {
            "time": np.datetime64("2024-01-01", "s") + rng.integers(0, days * 86_400, count),
            "cell": FINEST[rng.choice(len(CELLS), count, p=share)],
            "origin": pd.Series(["reported"] * count, dtype="str"),
            **dict.fromkeys(("category", "source", "village_id", "grid_id"), blank),
        }
    )
    people = np.array(["", *(f"r{number}" for number in range(20))], dtype=object)[rng.integers(0, 21, count)]
    p_value = np.where(rng.permutation(len(CELLS)) < hot, 0.01, 0.5)
    asked = ReportFilter()
    courses = follow_courses(
        *(reports, asked, CELLS, 9),
        exposure=rng.uniform(0.1, 1.0, len(CELLS)),
        p_value=p_value,
        listed=np.arange(len(CELLS)),
        reporters=people,
    )
    assert set(courses.life) <= {"", *LIFE_WORDS}
    assert set(courses.life[p_value > 0.05]) <= {""}
    assert set(courses.moran[p_value < 0.05]) <= set(MORAN_WORDS)
    assert set(courses.change["change"]) <= {"", *CHANGE_WORDS}
    assert courses.steps == 0 or courses.steps >= LEAST_STEPS
    assert courses.steps * courses.step_days <= days + 1
    assert courses.near.shape == courses.hot.shape == (courses.steps, len(CELLS) * (courses.steps > 0))
    assert courses.earlier is None  # all times were asked for: nothing lies before them
    assert courses.total == count


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.2, 5.0))
def test_more_after_is_never_likelier_by_chance(before, after, scale):
    one, next_one = chance_of_rise([before, before], [after, after + 1], scale)
    assert (np.isnan(one) and before == after == 0) or next_one <= one <= 1
