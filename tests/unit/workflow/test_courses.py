"""How hotspots came to be: too short records first, then planted courses that must come out by their name."""

from __future__ import annotations

from datetime import datetime, timedelta

import h3
import numpy as np
import pandas as pd
import pytest

from pingan_geo.i18n import translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.stats.change import NewcomerSplit, newcomers
from pingan_geo.workflow.courses import (
    CHANGE_WORDS,
    LIFE_WORDS,
    MORAN_WORDS,
    follow_courses,
    say_courses,
    say_word,
    split_newcomers,
)

END = datetime(2026, 3, 1)
#: 397 cells of resolution 9, ascending; the planted ones lie far from each other.
CELLS = np.array(sorted(int(one, 16) for one in h3.grid_disk("89309c8cb13ffff", 11)), dtype=np.uint64)
_RING = [int(one, 16) for one in h3.grid_ring("89309c8cb13ffff", 7)]
SPOTS = {
    name: _RING[place]
    for name, place in zip(("new", "intensifying", "persistent", "fading", "gone", "pulse"), range(0, 42, 7), strict=True)
}  # fmt: skip
AROUND = {name: [int(one, 16) for one in h3.grid_disk(f"{cell:x}", 1)] for name, cell in SPOTS.items()}
#: Reports in each of 20 steps of 28 days, the oldest first.
PLANTED = {
    "new": [0] * 17 + [15] * 3,
    "intensifying": [8 + step for step in range(20)],
    "persistent": [15] * 20,
    "fading": [30 - step for step in range(20)],
    "gone": [15] * 8 + [0] * 12,
    "pulse": [0, 12, 0, 0, 0, 0] * 3 + [12, 0],
}


def made(planted=None, steps=20, background=60, *, seed=1, spread=True, reporter=lambda _place, _step: ""):
    """Reports of ``steps`` times 28 days up to ``END``: some everywhere, more where planted."""
    rng = np.random.default_rng(seed)
    rows = []
    for step in range(steps):
        start = END - timedelta(days=28 * (steps - step))
        drawn = [("", int(cell)) for cell in rng.choice(CELLS, background)]
        for name, counts in (planted or {}).items():
            places = AROUND[name] if spread else [SPOTS[name]]
            drawn += [(name, int(cell)) for cell in rng.choice(places, counts[step])]
        rows += [
            (start + timedelta(minutes=int(rng.integers(28 * 1440))), cell, reporter(name, step))
            for name, cell in drawn
        ]
    rows.append((END - timedelta(minutes=1), int(CELLS[0]), ""))  # the record ends with the period
    rows.append((END - timedelta(days=28 * steps), int(CELLS[0]), ""))
    time, cell, person = zip(*rows, strict=True)
    centre = {int(one): int(h3.cell_to_center_child(f"{int(one):x}", 11), 16) for one in CELLS}
    return pd.DataFrame(
        {
            "time": np.array(time, dtype="datetime64[s]"),
            "time_until": np.full(len(rows), np.datetime64("NaT"), dtype="datetime64[s]"),
            "cell": np.array([centre[one] for one in cell], dtype=np.uint64),
            "reporter": pd.Series(person, dtype="str"),
            **{name: pd.Series([""] * len(rows), dtype="str") for name in ("category", "source", "grid_id")},
            "village_id": pd.Series([""] * len(rows), dtype="str"),
            "origin": pd.Series(["reported"] * len(rows), dtype="str"),
            "batch_id": np.ones(len(rows), dtype=np.int64),
        }
    )


def last(days: int | None) -> ReportFilter:
    return ReportFilter(period=Period(END - timedelta(days=days), END)) if days else ReportFilter()


def follow(reports, asked=None, *, hotspots=tuple(SPOTS), with_reporters=False, **options):
    """Courses of the planted cells by name, all of them taken for hotspots of a corrected test."""
    listed = np.searchsorted(CELLS, np.array([SPOTS[name] for name in SPOTS], dtype=np.uint64))
    p_value = np.ones(len(CELLS))
    p_value[[place for place, name in zip(listed, SPOTS, strict=True) if name in hotspots]] = 0.001
    if with_reporters:
        options["reporters"] = reports["reporter"].to_numpy(object)
    return follow_courses(
        reports,
        asked or last(84),
        CELLS,
        9,
        **{"exposure": np.ones(len(CELLS)), "p_value": p_value, "listed": listed, **options},
    )


def named(values) -> dict[str, str]:
    return dict(zip(SPOTS, [str(value) for value in values], strict=True))


# -- nothing is told ---------------------------------------------------------------------------------


def test_too_short_a_record_has_no_class_and_says_so():
    short = {name: counts[-5:] for name, counts in PLANTED.items()}
    courses = follow(made(short, steps=5), last(28))
    assert (courses.steps, courses.step_days) == (0, 0)
    assert set(courses.life) == {""}
    assert "too short a record" in dict(say_courses(courses, translator("en")))["Life class"]
    assert "记录太短" in dict(say_courses(courses, translator("zh")))["热点类型"]


def test_a_thin_record_takes_longer_steps_or_none():
    courses = follow(made({}, background=20))
    assert (courses.steps, courses.step_days) == (10, 56)
    assert follow(made({}, background=5)).steps == 0


def test_a_cell_that_is_no_hotspot_by_the_test_has_no_class_and_no_second_opinion():
    courses = follow(made(PLANTED), hotspots=("persistent",))
    assert named(courses.life) == {name: "persistent" if name == "persistent" else "" for name in SPOTS}
    assert named(courses.moran)["fading"] == ""
    assert named(courses.moran)["persistent"] in MORAN_WORDS


def test_nothing_tested_nothing_told():
    courses = follow(made(PLANTED), exposure=np.zeros(len(CELLS)))
    assert set(courses.life) | set(courses.moran) | set(courses.change["change"]) == {""}
    assert courses.change.drop(columns="change").isna().all(axis=None)
    assert say_courses(courses, translator("en")) == []


def test_no_comparison_where_reports_do_not_reach_back():
    courses = follow(made(PLANTED), last(281))
    assert courses.earlier is None
    assert set(courses.change["change"]) == {""}
    assert "do not reach back" in dict(say_courses(courses, translator("en")))["Change"]
    assert follow(made(PLANTED), last(280)).earlier == Period(
        END - timedelta(days=560), END - timedelta(days=280)
    )
    assert follow(made(PLANTED), last(None)).earlier is None


def test_a_ledger_that_began_later_is_not_taken_for_quiet():
    """Patrols' finds of the last months must not look new because nothing was found before they were sent."""
    reports = made(PLANTED)
    finds = made({"persistent": [15] * 4}, steps=4, seed=2).assign(origin="found")
    courses = follow(pd.concat([reports, finds], ignore_index=True), ReportFilter(origin="found"))
    assert courses.steps == 0
    assert courses.period == Period(END - timedelta(days=112), END)


# -- classes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "life"),
    [(name, {"gone": "historical", "pulse": "sporadic"}.get(name, name)) for name in PLANTED],
)
def test_planted_hotspots_come_out_with_their_class(name, life):
    """One at a time: beside others that come and go, a place that stays the same seems to rise and fall."""
    told = []
    for seed in range(10):
        courses = follow(made({name: PLANTED[name]}, seed=seed), last(None))
        assert (courses.steps, courses.step_days) == (20, 28)
        told.append(named(courses.life)[name])
    assert told.count(life) >= 9  # one in twenty trends is chance


def test_hotspots_of_the_past_are_counted_apart():
    assert follow(made(PLANTED), hotspots=tuple(set(SPOTS) - {"gone"})).historical >= 1
    quiet = [follow(made(seed=seed), hotspots=()).historical for seed in range(20)]
    assert sum(quiet) <= 1  # of all cells and steps of a town one in twenty may be


def test_a_hotspot_of_now_is_never_called_historical():
    """Hot over the last months together, in none of them by itself: not "was hot once"."""
    weak = {"gone": [15] * 8 + [0] * 9 + [2] * 3}
    assert named(follow(made(weak), last(None)).life)["gone"] == "historical"
    assert named(follow(made(weak), last(84)).life)["gone"] in {"sporadic", "fading", "persistent"}


def test_the_series_is_that_of_the_cell_and_its_neighbours():
    reports = made(PLANTED)
    courses = follow(reports)
    assert courses.starts[0] == np.datetime64(END - timedelta(days=560), "D")
    own = [h3.cell_to_parent(f"{cell:x}", 9) for cell in reports["cell"]]
    around = h3.grid_disk(f"{SPOTS['persistent']:x}", 1)
    step = ((reports["time"] - courses.starts[0]).dt.days // 28).to_numpy()
    counted = [
        sum(cell in around for cell, at in zip(own, step, strict=True) if at == one) for one in range(20)
    ]
    assert courses.near[:, list(SPOTS).index("persistent")].tolist() == counted
    assert courses.hot[:, list(SPOTS).index("persistent")].all()
    assert courses.hot[:, list(SPOTS).index("new")].tolist() == [False] * 17 + [True] * 3


def test_steps_end_with_the_period_that_is_asked_for():
    asked = ReportFilter(period=Period(END - timedelta(days=140), END - timedelta(days=56)))
    courses = follow(made(PLANTED), asked)
    assert courses.steps == 18
    assert courses.starts[-1] == np.datetime64(END - timedelta(days=84), "D")


def test_leaders_get_the_class_and_no_dated_series():
    courses = follow(made(PLANTED))
    leader = courses.shown_to("leader")
    assert (leader.starts.size, leader.near.size, leader.hot.size) == (0, 0, 0)
    assert leader.life.tolist() == courses.life.tolist()
    assert courses.shown_to("patrol") is courses


# -- the second opinion ------------------------------------------------------------------------------


def test_local_moran_agrees_only_where_the_surroundings_are_high_too():
    busy = {"persistent": [15] * 20, "new": [15] * 20, "fading": [0] * 20}
    reports = made(busy, spread=False)
    around = list(h3.grid_ring(f"{SPOTS['persistent']:x}", 1))
    beside = list(h3.grid_ring(f"{SPOTS['fading']:x}", 1))
    more = reports.iloc[:0]
    for cell in (*around, *beside):
        child = np.uint64(int(h3.cell_to_center_child(cell, 11), 16))
        more = pd.concat([more, reports.iloc[-62:-2].assign(cell=child)])
    own = [h3.cell_to_parent(f"{cell:x}", 9) for cell in reports["cell"]]
    reports = reports[np.array(own) != f"{SPOTS['fading']:x}"]
    courses = follow(pd.concat([reports, more], ignore_index=True))
    told = named(courses.moran)
    assert (told["persistent"], told["new"], told["fading"]) == ("agrees", "alone", "around")
    assert named(follow(pd.concat([reports, more]), seed=9).moran) == told


def test_where_draws_cannot_tell_it_is_said(monkeypatch):
    monkeypatch.setattr("pingan_geo.workflow.courses.MOST_DRAWS", 99)
    reports = made(PLANTED, spread=False)
    around = [
        reports.iloc[-62:-2].assign(cell=np.uint64(int(h3.cell_to_center_child(cell, 11), 16)))
        for cell in h3.grid_ring(f"{SPOTS['persistent']:x}", 1)
    ]
    assert named(follow(pd.concat([reports, *around])).moran)["persistent"] == "unknown"


# -- change and newcomers ----------------------------------------------------------------------------


def test_rise_and_fall_against_the_period_before():
    planted = {"new": [5] * 17 + [30] * 3, "gone": [30] * 17 + [5] * 3, "persistent": [15] * 20}
    courses = follow(made(planted))
    told = named(courses.change["change"])
    assert (told["new"], told["gone"], told["persistent"]) == ("more", "fewer", "unclear")
    assert told["pulse"] in {"", "unclear"}
    row = courses.change.iloc[list(SPOTS).index("new")]
    assert row["ratio"] == pytest.approx(row["after"] / row["before"])
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
    assert row["before"] >= 15
    assert np.isnan(row["newcomers"])  # nobody said who reported


def test_too_few_reports_get_no_word():
    courses = follow(made({}, background=60))
    few = courses.change["before"] + courses.change["after"] < 10
    assert few.any()
    assert set(courses.change["change"][few]) == {""}


def test_a_rise_that_only_newcomers_bring_is_told_apart():
    """Twenty more a step: in one place by people who had reported before, in the other by new ones."""
    planted = {"new": [10] * 17 + [30] * 3, "intensifying": [10] * 17 + [30] * 3}
    count = iter(range(100_000))

    def reporter(place, step):
        if place == "new" and step >= 17:
            number = next(count)
            return f"n{number}" if number % 3 else f"a{number % 10}"
        return f"{'a' if place == 'new' else 'b'}{next(count) % 10}"

    reports = made(planted, reporter=reporter)
    courses = follow(reports, with_reporters=True)
    told = named(courses.change["change"])
    assert (told["new"], told["intensifying"]) == ("newcomers", "more")
    assert named(follow(reports).change["change"])["new"] == "more"  # without knowing who
    row = courses.change.iloc[list(SPOTS).index("new")]
    assert row["newcomers"] == pytest.approx(60, abs=2)
    assert row["p_old"] > 0.05
    assert courses.change["p_old"].iloc[list(SPOTS).index("intensifying")] < 0.001


def test_who_reported_anything_anywhere_before_is_no_newcomer():
    reports = made({"new": [0] * 17 + [15] * 3}, reporter=lambda place, _step: "乙" if place else "甲")
    seen = reports.copy()
    seen.loc[5, ["time", "category", "origin", "reporter"]] = (
        np.datetime64("2024-12-01"),
        "TH1",
        "found",
        "乙",
    )
    place = list(SPOTS).index("new")
    assert follow(reports, with_reporters=True).change["newcomers"].iloc[place] == 45
    assert follow(seen, with_reporters=True).change["newcomers"].iloc[place] == 0


def test_numbers_of_a_cell_are_those_of_the_split_of_its_reports():
    rng = np.random.default_rng(3)
    reports = made(PLANTED, reporter=lambda _place, _step: rng.choice(["", *(f"r{n}" for n in range(300))]))
    courses = follow(reports, last(140), with_reporters=True)
    own = np.array([h3.cell_to_parent(f"{cell:x}", 9) for cell in reports["cell"]])
    split = END - timedelta(days=140)
    for name, row in zip(SPOTS, courses.change.itertuples(), strict=True):
        here = np.isin(own, h3.grid_disk(f"{SPOTS[name]:x}", 1))
        before = here & (reports["time"] < split) & (reports["time"] >= split - timedelta(days=140))
        after = here & (reports["time"] >= split)
        found = split_newcomers(
            reports["time"].to_numpy().astype("datetime64[s]").astype(np.int64),
            reports["reporter"].to_numpy(object),
            before.to_numpy(),
            after.to_numpy(),
            split,
            timedelta(days=140),
        )
        assert (row.before, row.after) == (found.before, found.after)
        assert (row.newcomers, row.old_after) == (found.after_from_newcomers, found.after_from_old)
        assert row.known == found.after - found.after_without_reporter
        assert row.p_old == pytest.approx(found.p_value_old, nan_ok=True)


def test_periods_that_do_not_touch_are_split_as_those_that_do():
    """A year between the two: who reported in it is no newcomer, and it counts for neither."""
    day = np.timedelta64(86_400, "s")
    start = np.datetime64("2025-03-01", "s")
    time = np.array([start, start + day, start + 200 * day, start + 365 * day, start + 366 * day])
    people = np.array(["甲", "", "乙", "乙", "丙"], dtype=object)
    seconds = time.astype(np.int64)
    found = split_newcomers(
        *(seconds, people, seconds < seconds[2], seconds > seconds[2]),
        datetime(2026, 3, 1),
        timedelta(days=7),
    )
    assert isinstance(found, NewcomerSplit)
    assert (found.before, found.after, found.after_from_newcomers, found.after_from_old) == (2, 2, 1, 1)
    assert found.before_without_reporter == 1
    assert found.length_before_d == found.length_after_d == 7
    touching = pd.DataFrame({"time": time[[0, 1, 3, 4]], "reporter": people[[0, 1, 3, 4]]})
    plain = newcomers(touching, datetime(2026, 3, 1), since=datetime(2025, 3, 1), until=datetime(2026, 3, 8))
    assert plain.after_from_newcomers == 2  # without the report between, 乙 looks new


# -- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_class_has_words_and_a_sign_of_its_own(language):
    t = translator(language)
    for words in (LIFE_WORDS, CHANGE_WORDS):
        said = [say_word(code, words, t) for code in words]
        assert (
            len({one.split()[0] for one in said}) == len({one.split(" ", 1)[1] for one in said}) == len(words)
        )
    assert say_word("", LIFE_WORDS, t) == ""
    if language == "zh":
        assert say_word("fading", LIFE_WORDS, t) == "▼ 消退"


def test_the_lines_of_a_list_count_its_cells():
    said = dict(say_courses(follow(made(PLANTED), last(None)), translator("en")))
    assert said["Life class"].startswith(
        "of 20 steps of 28 days, the last ending with the period: newly hot 1"
    )
    said = dict(say_courses(follow(made(PLANTED)), translator("zh")))
    assert "2025-09-14 至 2025-12-06" in said["变化"]
