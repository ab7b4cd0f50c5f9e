"""The back-test of a town: refused first, then that rows add up and that scores are those of the lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import (
    BadChoiceError,
    Cancelled,
    ExportFormatError,
    FolderMissingError,
    MixedOriginsError,
    NoReportsError,
    ShortRecordError,
    UnknownCategoryError,
)
from pingan_geo.i18n import translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.outputs.exports import read_back
from pingan_geo.spatial.cells import cells_covering, parents, to_text
from pingan_geo.workflow.backtest import (
    back_test,
    cells_of_origin,
    check_file,
    export_back_test,
    say_hit_rate,
    say_last_list,
    say_lead,
    say_method,
    say_score,
)
from pingan_geo.workflow.explore import load_reports

ALL = ReportFilter()
END = datetime(2026, 3, 1)
DAYS = 400


def all_counts(history, horizon_d, rng):
    return history.counts() * horizon_d / history.span_d


def nothing(history, horizon_d, rng):
    return np.zeros(len(history.region))


MADE = {"all": all_counts, "count_365": nothing}


@pytest.fixture(scope="module")
def reports(tiny_town):
    """The tiny town's places over 400 days, two thirds of them at the first ten."""
    table = load_reports(tiny_town).copy()
    table = table[table["origin"] == "reported"].reset_index(drop=True)
    rng = np.random.default_rng(7)
    heap = rng.random(len(table)) < 0.66
    again = table.iloc[rng.integers(0, 10, heap.sum())]
    for column in ("lon", "lat", "cell"):
        table.loc[heap, column] = again[column].to_numpy()
    second = rng.integers(0, DAYS * 86_400, len(table))
    second[0], second[1] = 0, DAYS * 86_400 - 1
    table["time"] = (np.datetime64(END - timedelta(days=DAYS), "s") + second).astype("datetime64[s]")
    table["time_until"] = np.datetime64("NaT", "s")
    return table


def run(town, reports, asked=ALL, **options):
    usual = {"methods": ("all", "count_365"), "horizon_d": 28, "forecaster": MADE.__getitem__}
    return back_test(town, asked, reports=reports, **{**usual, **options})


# -- refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"horizon_d": 0},
        {"horizon_d": 367},
        {"coverages": ()},
        {"coverages": (0.01, 1.5)},
        {"coverages": (0,)},
        {"coverages": (float("nan"),)},
        {"most_origins": 0},
        {"resolution": 4},
        {"resolution": 12},
        {"methods": ("crystal_ball",), "forecaster": None},
        {"methods": ()},
    ],
    ids=str,
)
def test_an_argument_that_is_not_offered_is_refused(tiny_town, reports, wrong):
    with pytest.raises(BadChoiceError):
        run(tiny_town, reports, **wrong)


def test_what_cannot_be_tried_is_refused(tiny_town, reports):
    with pytest.raises(UnknownCategoryError, match="XX"):
        run(tiny_town, reports, ReportFilter(categories=("XX",)))
    with pytest.raises(NoReportsError):
        run(tiny_town, reports, ReportFilter(period=Period(since=datetime(2030, 1, 1))))
    late = ReportFilter(period=Period(since=END - timedelta(days=100)))
    with pytest.raises(ShortRecordError, match=r"(100|99) days, but a back-test needs 148"):
        run(tiny_town, reports, late)
    with pytest.raises(ShortRecordError, match="needs 486"):
        run(tiny_town, reports, horizon_d=366)


@pytest.mark.parametrize("origin", ["", "found"])
def test_finds_of_patrols_are_never_tried(tiny_town, reports, origin):
    with pytest.raises(MixedOriginsError):
        run(tiny_town, reports, ReportFilter(origin=origin))


def test_a_file_of_another_kind_is_refused_before_the_work(tmp_path):
    with pytest.raises(ExportFormatError):
        check_file(tmp_path / "scores.pdf")
    with pytest.raises(FolderMissingError):
        check_file(tmp_path / "no" / "scores.csv")


def test_a_person_may_stop_it(tiny_town, reports):
    seen = []

    def stop(step):
        seen.append((step.done, step.total))
        if step.done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(tiny_town, reports, on_progress=stop)
    assert [done for done, _ in seen] == [0, 1, 2, 3]
    assert len({total for _, total in seen}) == 1


# -- what is counted -----------------------------------------------------------------------------------


def test_finds_neither_train_nor_count(tiny_town, reports):
    before = run(tiny_town, reports)
    finds = reports.iloc[:200].assign(origin="found", cell=reports["cell"].iloc[5])
    after = run(tiny_town, pd.concat([reports, finds], ignore_index=True))
    pd.testing.assert_frame_equal(before.table, after.table)
    assert (before.rows_in, before.used) == (after.rows_in, after.used) == (len(reports),) * 2
    counted = run(tiny_town, pd.concat([reports, finds.assign(origin="reported")], ignore_index=True))
    assert counted.used == before.used + 200
    assert not counted.table.equals(before.table)


def test_rows_without_a_day_are_left_out_and_said(tiny_town, reports):
    holes = reports.copy()
    holes.loc[[5, 9, 11], "time"] = np.datetime64("NaT", "s")
    holes.loc[[20, 21], "time_until"] = holes.loc[[20, 21], "time"] + np.timedelta64(3 * 86_400, "s")
    found = run(tiny_town, holes)
    assert (found.rows_in, found.used, found.left_out, found.vague) == (
        len(holes),
        len(holes) - 3,
        3,
        2,
    )
    assert "3 left out for want of a day" in dict(run(tiny_town, holes, language="en").about)["Reports"]


def test_windows_are_whole_and_their_reports_all_count(tiny_town, reports):
    found = run(tiny_town, reports)
    end = np.datetime64(END, "s")
    assert found.origin[-1] == end - np.timedelta64(28, "D")
    assert len(found.origin) == 10
    time = reports["time"].to_numpy("datetime64[s]")
    for start, part in found.table.groupby("origin"):
        inside = (time >= start) & (time < start + np.timedelta64(28, "D"))
        assert (part["events"] == inside.sum()).all()


def test_a_rare_category_has_windows_without_a_report_until_the_end_of_the_record(tiny_town, reports):
    rare = reports.assign(category="HM1")
    asked = ReportFilter(categories=("RD1",))
    early = reports["time"] < END - timedelta(days=150)
    rare.loc[early & (np.arange(len(rare)) % 4 == 0), "category"] = "RD1"
    found = run(tiny_town, rare, asked)
    assert found.origin[-1] == np.datetime64(END - timedelta(days=28), "s")
    last = found.table[found.table["origin"] == found.origin[-1]]
    assert (last["events"] == 0).all()
    assert last["hit_rate"].isna().all()


def test_the_table_is_the_lists_counted_by_hand(tiny_town, reports):
    found = run(tiny_town, reports, coverages=(0.02,), horizon_d=14)
    cells = cells_covering(tiny_town.area, 9)
    assert (found.region.cells == np.sort(cells)).all()
    time = reports["time"].to_numpy("datetime64[s]")
    own = parents(reports["cell"].to_numpy("uint64"), 9)
    rows = found.table[found.table["method"] == "all"].reset_index(drop=True)
    k = round(0.02 * len(cells))
    for start, row in zip(found.origin, rows.itertuples(), strict=True):
        counts = pd.Series(own[time < start]).value_counts().reindex(found.region.cells, fill_value=0)
        window = (time >= start) & (time < start + np.timedelta64(14, "D"))
        came = pd.Series(own[window]).value_counts().reindex(found.region.cells, fill_value=0)
        cut = counts.sort_values(ascending=False).iloc[k - 1]
        tied = counts == cut
        hits = came[counts > cut].sum() + came[tied].sum() * (k - (counts > cut).sum()) / tied.sum()
        assert row.hits == pytest.approx(hits)
        assert row.hit_rate == pytest.approx(hits / window.sum())
        assert row.pei == pytest.approx(hits / came.sort_values(ascending=False).iloc[:k].sum())
    assert rows["pai"].mean() > 5  # ten places hold two thirds


def test_a_list_by_lot_has_a_pai_of_one_and_loses(tiny_town, reports):
    found = run(tiny_town, reports)
    by_lot = found.summary[found.summary["method"] == "count_365"]
    assert by_lot["pai"].to_numpy() == pytest.approx(1.0, abs=0.15)
    pair = found.pairs.set_index(["method", "baseline"])
    assert pair.loc[("all", "count_365"), "low"] > 1
    assert pair.loc[("count_365", "all"), "high"] < 0
    t = translator("en")
    assert "more hits than count_365" in say_lead(found, "all", t)
    assert say_lead(found, "count_365", t) == ""


def test_the_same_inputs_give_the_same_numbers_and_nothing_is_changed(tiny_town, reports):
    before = reports.copy(deep=True)
    one, other = run(tiny_town, reports), run(tiny_town, reports.iloc[::-1])
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.summary, other.summary)
    pd.testing.assert_frame_equal(reports, before)


def test_asked_of_a_village_its_cells_are_the_region(tiny_town, reports):
    village = reports["village_id"][reports["village_id"] != ""].mode()[0]
    asked = ReportFilter(villages=(village,))
    found = run(tiny_town, reports, asked)
    assert len(found.region) < len(run(tiny_town, reports).region)
    assert found.used == (reports["village_id"] == village).sum()


def test_a_list_that_no_longer_hits_raises_an_alarm(tiny_town, reports):
    moved = reports.copy()
    late = (moved["time"] >= END - timedelta(days=28)).to_numpy()
    parent = pd.Series(parents(moved["cell"].to_numpy("uint64"), 9), index=moved.index)
    rarest = parent.value_counts().index[-1]
    moved.loc[late, "cell"] = moved.loc[parent == rarest, "cell"].iloc[0]
    alarm = run(tiny_town, moved).summary.set_index(["method", "coverage"])["alarm"]
    calm = run(tiny_town, reports).summary.set_index(["method", "coverage"])["alarm"]
    assert alarm[("all", 0.05)]
    assert not calm.any()


def test_what_all_expect_adds_up_in_the_calibration(tiny_town, reports):
    found = run(tiny_town, reports)
    for name, part in found.calibration.groupby("method"):
        assert part["expected"].sum() == pytest.approx(found.expected[name].sum())
        assert part["happened"].sum() == found.happened.sum()
        assert part["cells"].sum() == found.happened.size
    assert 0.9 < found.inside["all"] <= 1


# -- intervals -----------------------------------------------------------------------------------------


def spanned(reports, start, days, count=300):
    """Return the reports with some more, known only as an interval, all at one place."""
    rarest = pd.Series(parents(reports["cell"].to_numpy("uint64"), 9)).value_counts().index[-1]
    place = reports.iloc[
        [np.flatnonzero(parents(reports["cell"].to_numpy("uint64"), 9) == rarest)[0]] * count
    ]
    begin = np.datetime64(start, "s")
    until = begin + np.timedelta64(round(days * 86_400), "s")
    return pd.concat([reports, place.assign(time=begin, time_until=until)], ignore_index=True), rarest


def test_an_interval_trains_no_list_made_before_its_end(tiny_town, reports):
    """The leak: 300 reports that began three days before a list was made, and were known two days after it."""
    before = run(tiny_town, reports)
    start = before.origin[-3] - np.timedelta64(3, "D")
    planted, rarest = spanned(reports, start, 5)
    after = run(tiny_town, planted)
    np.testing.assert_array_equal(after.origin, before.origin)
    for name in MADE:
        np.testing.assert_array_equal(after.expected[name][:-2], before.expected[name][:-2])
    there = int(np.flatnonzero(after.region.cells == rarest)[0])
    assert after.expected["all"][-2, there] > before.expected["all"][-2, there] + 10
    # of the five days three lie in the window before, two in the window of the list
    more = after.happened - before.happened
    assert more[:, there] == pytest.approx([0] * 6 + [180, 120, 0, 0])
    assert np.delete(more, there, axis=1) == pytest.approx(0)
    counted, usual = (one.table.groupby("origin")["events"].first().to_numpy() for one in (after, before))
    assert counted - usual == pytest.approx([0] * 6 + [180, 120, 0, 0])


def test_a_list_knows_an_interval_that_ended_before_it(tiny_town, reports):
    before = run(tiny_town, reports)
    ended = before.origin[-3]
    planted, rarest = spanned(reports, ended - np.timedelta64(60, "h"), 2.5)
    after = run(tiny_town, planted)
    there = int(np.flatnonzero(after.region.cells == rarest)[0])
    more = (after.expected["all"] - before.expected["all"])[:, there]
    assert (more[:7] == 0).all()
    assert (more[7:] > 10).all()


def test_days_without_a_time_count_in_the_window_of_their_day(tiny_town, reports):
    days = reports.assign(
        time=reports["time"].dt.floor("D"), time_until=reports["time"].dt.floor("D") + pd.Timedelta(days=1)
    )
    one, other = run(tiny_town, reports), run(tiny_town, days)
    np.testing.assert_array_equal(one.happened, other.happened)
    np.testing.assert_array_equal(one.expected["all"] > 0, other.expected["all"] > 0)
    assert other.vague == 0


def test_whatever_is_in_the_record_counts_at_its_end_at_the_latest(tiny_town, reports):
    planted, rarest = spanned(reports, END - timedelta(days=30), 400)
    found = run(tiny_town, planted)
    assert found.used == len(planted)
    assert found.vague == 300
    there = int(np.flatnonzero(found.region.cells == rarest)[0])
    assert found.happened[-1, there] == pytest.approx(300 * 28 / 400, rel=0.2)


# -- lists for some hours ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def halves(tiny_town, reports):
    """The same, but the first five of the ten places are reported in the evening, the others in the morning."""
    table = reports.copy()
    rank = table["cell"].map(table["cell"].value_counts().rank(ascending=False, method="first"))
    rng = np.random.default_rng(11)
    hour = np.where(
        (rank <= 10) & (rank % 2 == 0), rng.integers(18, 23, len(table)), rng.integers(6, 11, len(table))
    )
    table["time"] = table["time"].dt.floor("D") + pd.to_timedelta(hour, unit="h")
    return table


EVENING = ReportFilter(hours=(18, 19, 20, 21, 22))


def test_a_list_for_the_evening_stands_beside_that_of_all_hours(tiny_town, halves):
    found = run(tiny_town, halves, EVENING, resolution=9)
    assert found.methods == ("all", "all_shift", "count_365", "count_365_shift")
    hour = halves["time"].dt.hour
    time = halves["time"].to_numpy("datetime64[s]")
    for start, part in found.table.groupby("origin"):
        inside = (time >= start) & (time < start + np.timedelta64(28, "D")) & hour.between(18, 22)
        assert (part["events"] == inside.sum()).all()
    assert found.used == len(halves)
    # the lists of one method expect as much in all, and both learn from all hours
    np.testing.assert_allclose(found.expected["all"].sum(axis=1), found.expected["all_shift"].sum(axis=1))
    whole = run(tiny_town, halves, resolution=9).expected["all"]
    ratio = found.expected["all"] / np.where(whole > 0, whole, np.nan)
    np.testing.assert_allclose(np.nanmin(ratio, axis=1), np.nanmax(ratio, axis=1))


def test_where_hours_differ_from_place_to_place_the_list_for_them_wins(tiny_town, halves):
    found = run(tiny_town, halves, EVENING, resolution=10)
    pair = found.pairs.set_index(["method", "baseline"]).loc[("all_shift", "all")]
    assert pair["low"] > 0
    t = translator("en")
    assert "more hits than all" in say_lead(found, "all_shift", t, baseline="all")
    assert say_method("count_365_shift", t) == "reports of the last year, by the hours"
    assert say_method("count_365_shift", translator("zh")).endswith("（按时段）")


def test_days_without_a_time_are_learnt_from_and_not_counted(tiny_town, halves):
    days = halves.copy()
    some = np.arange(len(days)) % 3 == 0
    days.loc[some, "time"] = days.loc[some, "time"].dt.floor("D")
    days.loc[some, "time_until"] = days.loc[some, "time"] + pd.Timedelta(days=1)
    found = run(tiny_town, days, EVENING)
    assert found.no_hour == some.sum()
    assert found.used == len(days)
    time = days["time"].to_numpy("datetime64[s]")
    evening = ~some & days["time"].dt.hour.between(18, 22).to_numpy()
    for start, part in found.table.groupby("origin"):
        inside = (time >= start) & (time < start + np.timedelta64(28, "D")) & evening
        assert (part["events"] == inside.sum()).all()
    assert "learnt from and not counted" in dict(run(tiny_town, days, EVENING, language="en").about)["Hours"]


def test_an_interval_counts_in_the_hours_asked_for_by_its_share_there(tiny_town, halves):
    before = run(tiny_town, halves, EVENING)
    # Friday at 18 to Monday at 6: 60 hours, of which 5 on each of three evenings
    friday = np.datetime64("2026-01-16T18:00:00")
    planted, rarest = spanned(halves, friday, 2.5, count=60)
    after = run(tiny_town, planted, EVENING)
    there = int(np.flatnonzero(after.region.cells == rarest)[0])
    more = (after.happened - before.happened)[:, there]
    assert more.sum() == pytest.approx(60 * 15 / 60)
    on_sunday = ReportFilter(hours=EVENING.hours, weekdays=(6,))
    sundays = run(tiny_town, planted, on_sunday).happened - run(tiny_town, halves, on_sunday).happened
    assert sundays.sum() == pytest.approx(5)


def test_where_nobody_says_at_what_hour_both_lists_are_the_same(tiny_town, reports):
    days = reports.assign(
        time=reports["time"].dt.floor("D"), time_until=reports["time"].dt.floor("D") + pd.Timedelta(days=1)
    )
    found = run(tiny_town, days, EVENING)
    np.testing.assert_allclose(found.expected["all"], found.expected["all_shift"])
    assert (found.table["events"] == 0).all()


# -- one window, words, files --------------------------------------------------------------------------


def test_the_cells_of_a_window_are_hits_quiet_or_missed(tiny_town, reports):
    found = run(tiny_town, reports, coverages=(0.3,))
    cells = cells_of_origin(found, "all", 3, 0.3)
    row = found.table[
        (found.table["method"] == "all")
        & (found.table["origin"] == found.origin[3])
        & (found.table["coverage"] == 0.3)
    ].iloc[0]
    assert (cells["flagged"] * cells["happened"]).sum() == pytest.approx(row["hits"])
    assert cells["happened"].sum() == found.happened[3].sum()
    assert cells["flagged"].sum() == pytest.approx(round(0.3 * len(found.region)))
    assert set(cells["outcome"]) == {"hit", "quiet", "missed"}
    assert (cells.loc[cells["outcome"] == "missed", "flagged"] == 0).all()
    assert (cells.loc[cells["outcome"] == "quiet", "happened"] == 0).all()
    assert set(cells["cell"]) <= set(to_text(found.region.cells))
    assert cells["expected"].is_monotonic_decreasing
    for wrong in (("no", 0, 0.02), ("all", 99, 0.02), ("all", 0, 0.0)):
        with pytest.raises(BadChoiceError):
            cells_of_origin(found, *wrong)


def test_one_sentence_gives_area_hits_and_their_range(tiny_town, reports):
    found = run(tiny_town, reports)
    row = found.summary[(found.summary["method"] == "all") & (found.summary["coverage"] == 0.02)].iloc[0]
    said = say_hit_rate(found, "all", 0.02, translator("zh"))
    assert said.startswith("清单覆盖 2% 的面积，命中")
    for part in ("hit_rate", "hit_rate_low", "hit_rate_high"):
        assert f"{row[part]:.0%}" in said
    last = found.table[(found.table["method"] == "all") & (found.table["coverage"] == 0.02)].iloc[-1]
    said = say_last_list(found, "all", 0.02, translator("zh"))
    assert (
        f"覆盖 2% 的面积，命中 {last['hit_rate']:.0%} 的上报（{last['events']} 条中的 {last['hits']:.0f} 条）"
        in said
    )
    assert len(say_score(found, "all", translator("en"))) == 3
    with pytest.raises(BadChoiceError):
        say_hit_rate(found, "all", 0.3, translator("zh"))


def test_the_file_holds_the_table_and_its_columns(tiny_town, reports, tmp_path):
    found = run(tiny_town, reports)
    back = read_back(export_back_test(found, tmp_path / "scores.csv"))
    assert list(back.columns)[:9] == [
        *("method", "origin", "horizon_days", "coverage", "hits", "events", "hit_rate", "pai", "pei")
    ]
    assert len(back) == len(found.table)
    with pytest.raises(ExportFormatError):
        export_back_test(found, tmp_path / "scores.kml")
    noted = replace(found, notice="made up")
    assert "made up" in export_back_test(noted, tmp_path / "two.csv").read_text(encoding="utf-8-sig")
