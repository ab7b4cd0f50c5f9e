"""Rows become clean reports or are held with the reason; none is lost, nobody is named."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import AmbiguousDatesError, TooManyCategoriesError
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.raw import RawChunk, broken_frame
from pingan_geo.intake.survey import Survey
from pingan_geo.intake.values import ReportRules, clean_reports
from pingan_geo.settings import Category

NOW = dt.datetime(2025, 8, 1, 12)
GOOD = {
    "编号": "A1",
    "类别": "私拉电线",
    "时间": "2025-07-03 14:05",
    "经度": "120.61",
    "纬度": "30.80",
    "内容": "三楼飞线",
}
CATEGORIES = (
    Category("FW1", "私拉电线", "Wiring", aliases=("飞线", "飞线充电")),
    Category("RD1", "道路破损", "Road damage"),
)


def inside(lon, lat):
    return (lon >= 120.5) & (lon <= 120.7) & (lat >= 30.7) & (lat <= 30.9)


def chunk_of(*rows, broken=()):
    table = pd.DataFrame(list(rows), dtype="str").fillna("")
    table.index = pd.Index(np.arange(2, 2 + len(rows)), name="row_number")
    return RawChunk(table, broken_frame(broken), 0, 0)


def rules_of(survey=None, *, is_open=False, **how):
    survey = survey or Survey()
    how = {"datum": "wgs84", "datum_known_by": "setting"} | how
    return ReportRules(
        categories=CategoryBook.of(CATEGORIES, is_open=is_open, file="a.csv"),
        timezone="Asia/Shanghai",
        now=NOW,
        inside=inside,
        dates_only=survey.dates_only,
        digits=survey.digits(),
        **how,
    )


def clean(*rows, broken=(), is_open=False, **how):
    chunk = chunk_of(*rows, broken=broken)
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    survey = Survey()
    survey.add(chunk, columns)
    if "date_order" not in how:
        how["date_order"] = survey.date_order("", "a.csv")
    return clean_reports(chunk, columns, rules_of(survey, is_open=is_open, **how))


def held_reason(**changes):
    cleaned = clean(GOOD, GOOD | changes)
    assert len(cleaned.reports) + len(cleaned.held) == 2
    return cleaned.held["reason"].tolist()


# -- held --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"经度": ""}, "no_place"),
        ({"经度": "无", "纬度": "无"}, "no_place"),
        ({"纬度": "NaN"}, "no_place"),
        ({"经度": "120°36′"}, "bad_place"),
        ({"经度": "东边"}, "bad_place"),
        ({"经度": "1e300"}, "bad_place"),
        ({"经度": "500", "纬度": "95"}, "bad_place"),
        ({"经度": "0", "纬度": "0.0"}, "null_island"),
        ({"经度": "30.80", "纬度": "120.61"}, "swapped_place"),
        ({"经度": "121.61"}, "outside_town"),
        ({"经度": "-120.61"}, "outside_town"),
        ({"经度": "120.61", "纬度": "0"}, "outside_town"),
        ({"时间": ""}, "no_time"),
        ({"时间": "无"}, "no_time"),
        ({"时间": "昨天下午"}, "bad_time"),
        ({"时间": "2025-02-30"}, "bad_time"),
        ({"时间": "45500"}, "bad_time"),
        ({"时间": "2025-08-02 12:00:01"}, "future_time"),
        ({"时间": "2099-01-01"}, "future_time"),
        ({"类别": ""}, "no_category"),
        ({"类别": "无"}, "no_category"),
        ({"类别": "噪声"}, "unknown_category"),
    ],
)
def test_rows_are_held_with_the_first_reason(changes, reason):
    assert held_reason(**changes) == [reason]


def test_held_row_keeps_its_cells_and_says_what_is_wrong():
    row = clean(GOOD, GOOD | {"经度": "30.80", "纬度": "120.61"}).held.iloc[0]
    assert row["row_number"] == 3
    assert row["detail"] == "30.80, 120.61 → 120.61, 30.80"
    assert json.loads(row["values"]) == GOOD | {"经度": "30.80", "纬度": "120.61"}


def test_a_day_after_now_is_not_the_future():
    assert held_reason(时间="2025-08-02 12:00:00") == []


def test_broken_rows_are_held():
    cleaned = clean(GOOD, broken=[(7, "2 ≠ 6", '{"编号": "B", "电话": "13812345678"}')])
    assert cleaned.held["reason"].tolist() == ["broken_row"]
    assert "1381234" not in cleaned.held["values"].iloc[0]


def test_row_with_an_unknown_datum_is_held():
    rows = [GOOD | {"坐标系": name} for name in ("WGS-84", "北京54", "")]
    cleaned = clean(*rows)
    assert cleaned.held["reason"].tolist() == ["unknown_datum"]
    assert cleaned.reports["datum_known_by"].tolist() == ["column", "setting"]


def test_dates_that_could_be_both_are_refused():
    with pytest.raises(AmbiguousDatesError):
        clean(GOOD | {"时间": "07/03/2025"})
    with pytest.raises(AmbiguousDatesError):
        clean(GOOD | {"时间": "07/13/2025"}, GOOD | {"时间": "13/07/2025"})


def test_free_text_is_not_taken_for_categories():
    rows = [GOOD | {"类别": f"第{number}件事"} for number in range(300)]
    with pytest.raises(TooManyCategoriesError):
        clean(*rows, is_open=True)


# -- clean -------------------------------------------------------------------------------------------


def test_a_good_row():
    report = clean(GOOD).reports.iloc[0].to_dict()
    assert pd.isna(report.pop("time_until"))
    assert report == {
        "row_number": 2,
        "source": "",
        "source_id": "A1",
        "category": "FW1",
        "time": pd.Timestamp("2025-07-03 14:05"),
        "lon": 120.61,
        "lat": 30.80,
        "datum": "wgs84",
        "datum_known_by": "setting",
        "level": "point",
        "radius_m": pytest.approx(730.9, abs=0.1),
        "origin": "reported",
        "reporter": "",
        "place": "",
        "description": "三楼飞线",
        "stated_grid": "",
        "extra": "",
    }


@pytest.mark.parametrize("spelled", ["FW1", "fw1", "私拉电线", "wiring", " 飞线 ", "ＦＷ１", "飞线充电"])
def test_categories_are_known_by_any_of_their_names(spelled):
    assert clean(GOOD | {"类别": spelled}).reports["category"].tolist() == ["FW1"]


def test_open_taxonomy_takes_new_categories_once():
    book = CategoryBook.of(CATEGORIES, is_open=True)
    assert [book.code_of(text) for text in ("Personal Robbery", "personal_robbery", "飞线", "噪声 扰民")] == [
        "personal_robbery",
        "personal_robbery",
        "FW1",
        "噪声_扰民",
    ]
    assert book.added == {"personal_robbery": "Personal Robbery", "噪声_扰民": "噪声 扰民"}


def test_a_row_held_for_its_place_brings_no_category():
    chunk = chunk_of(GOOD, GOOD | {"类别": "噪声", "经度": ""})
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    rules = rules_of(is_open=True)
    assert len(clean_reports(chunk, columns, rules).reports) == 1
    assert rules.categories.added == {}


def test_days_become_intervals_and_midnight_among_hours_stays_an_instant():
    reports = clean(
        GOOD,
        GOOD | {"时间": "2025-07-03"},
        GOOD | {"时间": "2025年7月3日"},
        GOOD | {"时间": "2025-07-03 00:00"},
    ).reports
    assert reports["time_until"].isna().tolist() == [True, False, False, True]
    assert reports["time_until"][1] == pd.Timestamp("2025-07-04")


def test_file_of_midnights_is_a_file_of_days():
    cleaned = clean(GOOD | {"时间": "2025-07-03T00:00:00"}, GOOD | {"时间": "2025-07-04T00:00:00"})
    assert cleaned.reports["time_until"].notna().all()
    assert cleaned.days_only == 2


def test_month_first_when_only_that_is_possible():
    rows = [GOOD | {"时间": "07/03/2025 02:05:00 PM"}, GOOD | {"时间": "07/13/2025 12:00:00 AM"}]
    assert clean(*rows).reports["time"].astype(str).tolist() == ["2025-07-03 14:05:00", "2025-07-13 00:00:00"]
    assert clean(rows[0], date_order="dmy").reports["time"].astype(str).tolist() == ["2025-03-07 14:05:00"]


@pytest.mark.parametrize("datum", ["gcj02", "bd09", "cgcs2000", "EPSG:4549"])
def test_every_datum_ends_at_the_same_place(datum):
    x, y = from_wgs84(np.array([120.61]), np.array([30.80]), datum)
    cleaned = clean(GOOD | {"经度": repr(float(x[0])), "纬度": repr(float(y[0]))}, datum=datum)
    assert cleaned.reports["lon"][0] == pytest.approx(120.61, abs=1e-7)
    assert cleaned.reports["lat"][0] == pytest.approx(30.80, abs=1e-7)
    assert cleaned.reports["datum"][0] == datum


def test_swapped_metres_are_told_too():
    x, y = from_wgs84(np.array([120.61]), np.array([30.80]), "EPSG:4549")
    cleaned = clean(GOOD | {"经度": repr(float(y[0])), "纬度": repr(float(x[0]))}, datum="EPSG:4549")
    assert cleaned.held["reason"].tolist() == ["swapped_place"]


def test_radius_follows_the_digits():
    rows = [GOOD | {"经度": "120.612345", "纬度": "30.81234"} for _ in range(200)]
    rows[0] = GOOD | {"经度": "120.6", "纬度": "30.8"}
    coarse = [GOOD | {"经度": "120.61", "纬度": "30.8"} for _ in range(50)]
    radius = clean(*rows, *coarse).reports["radius_m"]
    assert radius[1] == pytest.approx(0.073, abs=0.001)
    assert radius[200] == pytest.approx(730, abs=2)
    assert radius[0] < radius[200]  # one row of 200 may have lost its zeros; fifty have not


def test_persons_do_not_come_in():
    row = {
        "上报人": "张三",
        "电话": "13812345678",
        "上报人编号": "王五",
        "内容": "李四13912345678,身份证330411199001011234",
        "地点": "北街 13712345678",
    }
    cleaned = clean(GOOD | row, GOOD | row | {"经度": "", "上报人编号": "R-017"})
    stored = cleaned.reports.to_csv() + cleaned.held.to_csv()
    for secret in ("13812345678", "13912345678", "13712345678", "330411199001011234", "张三"):
        assert secret not in stored
    assert json.loads(cleaned.held["values"][0])["上报人"] == ""
    assert (cleaned.phones, cleaned.id_numbers, cleaned.reporters_left_out) == (2, 1, 1)
    assert clean(GOOD | {"上报人编号": "R-017"}).reports["reporter"].tolist() == ["R-017"]


def test_apostrophe_of_an_export_does_not_change_a_row():
    plain = clean(GOOD | {"内容": "=1+1"}).reports
    neutral = clean(GOOD | {"内容": "'=1+1"}).reports
    pd.testing.assert_frame_equal(plain, neutral)


def test_empty_chunk():
    chunk = RawChunk(chunk_of(GOOD).rows.iloc[:0], broken_frame(), 0, 0)
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    cleaned = clean_reports(chunk, columns, rules_of())
    assert len(cleaned.reports) == len(cleaned.held) == 0
