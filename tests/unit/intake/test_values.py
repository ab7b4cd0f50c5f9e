"""Rows become clean reports or are held with the reason; none is lost, nobody is named."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import AmbiguousDatesError, AmbiguousSerialsError, TooManyCategoriesError
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.features import clean_features
from pingan_geo.intake.raw import RawChunk, broken_frame
from pingan_geo.intake.survey import Survey
from pingan_geo.intake.values import ReportRules, clean_reports
from pingan_geo.model.place import LOCATED
from pingan_geo.model.tables import CORRECTIONS
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
    how = {"datum": "wgs84", "datum_known_by": "setting", "inside": inside} | how
    return ReportRules(
        categories=CategoryBook.of(CATEGORIES, is_open=is_open, file="a.csv"),
        timezone="Asia/Shanghai",
        now=NOW,
        dates_only=survey.dates_only,
        digits=survey.digits(),
        **how,
    )


def clean(*rows, broken=(), is_open=False, **how):
    chunk = chunk_of(*rows, broken=broken)
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    survey = Survey()
    survey.add(replace(chunk, rows=chunk.rows[Survey.headings(columns)]), columns)
    how.setdefault("serials", survey.serial_system(now=NOW))
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
        ({"经度": "120°61′"}, "bad_place"),
        ({"经度": "N120.61", "纬度": "N30.80"}, "bad_place"),
        ({"经度": "东边"}, "bad_place"),
        ({"经度": "1e300"}, "bad_place"),
        ({"经度": "500", "纬度": "95"}, "bad_place"),
        ({"经度": "0", "纬度": "0.0"}, "null_island"),
        ({"经度": "121.61"}, "outside_town"),
        ({"经度": "-120.61"}, "outside_town"),
        ({"经度": "120.61", "纬度": "0"}, "outside_town"),
        ({"时间": ""}, "no_time"),
        ({"时间": "无"}, "no_time"),
        ({"时间": "昨天下午"}, "bad_time"),
        ({"时间": "2025-02-30"}, "bad_time"),
        ({"时间": "45500"}, "bad_time"),
        ({"时间": "7月31日下午"}, "no_year"),
        ({"时间": "31日"}, "bad_time"),
        ({"时间": "2月30日"}, "bad_time"),
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
    row = clean(GOOD, GOOD | {"经度": "120.80", "纬度": "30.61"}).held.iloc[0]
    assert row["row_number"] == 3
    assert row["detail"] == "120.80, 30.61"
    assert json.loads(row["values"]) == GOOD | {"经度": "120.80", "纬度": "30.61"}


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
    exchanged = clean(
        GOOD | {"经度": repr(float(y[0])), "纬度": repr(float(x[0]))}, datum="EPSG:4549", swap="yes"
    )
    assert exchanged.reports["lon"][0] == pytest.approx(120.61, abs=1e-7)
    assert len(exchanged.corrections) == 1


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
    assert (cleaned.phones, cleaned.id_numbers, cleaned.reporters_left_out) == (4, 2, 1)  # of held rows too
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


# -- coordinates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ("120°36′36″", "30°48′"),
        ("120°36'36\"E", "30°48'00\"N"),
        ("东经120度36分36秒", "北纬30度48分"),
        ("E120.61", "N30.80"),
        ("１２０．６１", "３０．８０"),
    ],
)
def test_degrees_in_any_spelling(lon, lat):
    report = clean(GOOD | {"经度": lon, "纬度": lat}).reports.iloc[0]
    assert (report["lon"], report["lat"]) == pytest.approx((120.61, 30.80), abs=1e-9)


def test_a_minute_of_arc_is_no_finer_than_it_is():
    radius = clean(GOOD | {"经度": "120°36′", "纬度": "30°48′"}).reports["radius_m"][0]
    assert radius > 1_000  # half a minute north and east


def test_metres_with_commas_for_thousands():
    x, y = from_wgs84(np.array([120.61]), np.array([30.80]), "EPSG:4549")
    row = GOOD | {"经度": f"{x[0]:,.3f}", "纬度": f"{y[0]:,.3f}"}
    assert clean(row, datum="EPSG:4549").reports["lat"][0] == pytest.approx(30.80, abs=1e-6)
    assert clean(GOOD | {"经度": "1,120.61"}).held["reason"].tolist() == ["bad_place"]


def pair(text, heading="坐标", **changes):
    row = {name: cell for name, cell in GOOD.items() if name not in {"经度", "纬度"}}
    return row | {heading: text} | changes


@pytest.mark.parametrize(
    "text",
    [
        "120.61,30.80",
        "30.80 120.61",
        "（120.61，30.80）",
        "POINT(120.61 30.80)",
        "北纬30°48′东经120°36′36″",
        "30.8N,120.61E",
    ],
)
def test_one_column_with_both_coordinates_in_either_order(text):
    cleaned = clean(pair(text))
    assert cleaned.reports[["lon", "lat"]].iloc[0].tolist() == pytest.approx([120.61, 30.80], abs=1e-9)
    assert cleaned.corrections.empty  # an order is no mistake


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_place"),
        ("无", "no_place"),
        ("120.61", "bad_place"),
        ("北街12号", "bad_place"),
        ("0,0", "null_island"),
        ("121.61,30.80", "outside_town"),
        ("120.61,130.80", "bad_place"),
    ],
)
def test_pairs_that_cannot_be_used_are_held(text, reason):
    assert clean(pair("120.61,30.80"), pair(text)).held["reason"].tolist() == [reason]


def near_the_diagonal(lon, lat):
    return (np.abs(lon - 45) < 1) & (np.abs(lat - 45) < 1)


def test_a_pair_that_could_be_both_follows_its_heading_or_is_held():
    rows = [pair("45.1,44.9")]
    assert clean(*rows, inside=near_the_diagonal).held["reason"].tolist() == ["bad_place"]
    for heading, lon in (("经纬度", 45.1), ("latlng", 44.9)):
        cleaned = clean(pair("45.1,44.9", heading), inside=near_the_diagonal)
        assert cleaned.reports["lon"].tolist() == [lon]


def test_words_that_are_a_pair_of_coordinates_are_one():
    rows = [GOOD | {"经度": "", "纬度": "", "地点": place} for place in ("120.61,30.80", "12 3", "北街12号")]
    cleaned = clean(*rows)
    assert cleaned.reports["lon"].tolist() == [120.61]
    assert cleaned.held["reason"].tolist() == ["no_place", "no_place"]


def test_two_places_of_one_row_must_agree():
    rows = [GOOD | {"坐标": text} for text in ("120.6101,30.8001", "120.612,30.80", "", "30.80,120.61")]
    rows.append(GOOD | {"经度": "", "纬度": "", "坐标": "120.62,30.81"})
    cleaned = clean(*rows)
    assert cleaned.held["reason"].tolist() == ["unlike_places"]
    assert cleaned.held["detail"].tolist() == ["120.61, 30.80 ≠ 120.612,30.80"]
    assert cleaned.reports["lon"].tolist() == [120.61, 120.61, 120.61, 120.62]


# -- exchanged ---------------------------------------------------------------------------------------


def test_an_impossible_latitude_is_put_right_and_told():
    rows = [GOOD, GOOD | {"经度": "30.80", "纬度": "120.61"}, GOOD | {"经度": "N30.80", "纬度": "E120.61"}]
    cleaned = clean(*rows, GOOD | {"经度": "30.80", "纬度": "120.61", "类别": ""})
    assert cleaned.reports["lon"].tolist() == [120.61] * 3
    assert cleaned.held["reason"].tolist() == ["no_category"]
    corrections = CORRECTIONS.check(cleaned.corrections)
    assert corrections["row_number"].tolist() == [3, 4]
    assert set(corrections["what"]) == {"swapped_place"}
    assert corrections["before"].tolist() == ["30.80, 120.61", "N30.80, E120.61"]
    assert corrections["after"].tolist() == ["120.61, 30.80", "E120.61, N30.80"]


def test_an_impossible_latitude_that_lies_nowhere_in_town_is_not_put_right():
    assert held_reason(经度="31.80", 纬度="121.61") == ["bad_place"]


def in_chicago(lon, lat):
    return (np.abs(lon + 87.6) < 0.3) & (np.abs(lat - 41.8) < 0.3)


def test_where_both_orders_are_possible_somebody_must_say_so():
    rows = [GOOD | {"经度": "-87.6", "纬度": "41.8"}, GOOD | {"经度": "41.8", "纬度": "-87.6"}]
    held = clean(*rows, inside=in_chicago)
    assert held.held["reason"].tolist() == ["swapped_place"]
    assert held.held["detail"].tolist() == ["41.8, -87.6 → -87.6, 41.8"]
    exchanged = clean(*rows, inside=in_chicago, swap="yes")
    assert exchanged.reports["lon"].tolist() == [-87.6, -87.6]
    assert exchanged.corrections["row_number"].tolist() == [3]


# -- datum -------------------------------------------------------------------------------------------


def of_source(source, datum):
    x, y = from_wgs84(np.array([120.61]), np.array([30.80]), datum)
    return GOOD | {"来源": source, "经度": repr(float(x[0])), "纬度": repr(float(y[0]))}


def test_the_datum_of_a_source_wins_over_the_setting_only():
    rows = [of_source("甲", "gcj02"), of_source("乙", "bd09"), of_source("丙", "wgs84")]
    own = {"甲": ("gcj02", "guessed"), "乙": ("bd09", "stated")}
    reports = clean(*rows, datum_by_source=own).reports
    assert reports["lon"].tolist() == pytest.approx([120.61] * 3, abs=1e-7)
    assert reports["datum"].tolist() == ["gcj02", "bd09", "wgs84"]
    assert reports["datum_known_by"].tolist() == ["guessed", "stated", "setting"]
    stated = clean(*rows, datum_by_source=own, datum_known_by="stated").reports
    assert set(stated["datum"]) == {"wgs84"}
    column = clean(rows[0] | {"坐标系": "WGS84"}, rows[1] | {"坐标系": ""}, datum_by_source=own).reports
    assert column["datum"].tolist() == ["wgs84", "bd09"]
    assert column["datum_known_by"].tolist() == ["column", "stated"]
    whole = clean(of_source("", "gcj02"), datum_by_source=own, source="甲").reports
    assert whole["datum"].tolist() == ["gcj02"]


# -- times -------------------------------------------------------------------------------------------


def test_serial_numbers_of_a_text_table():
    rows = [GOOD | {"时间": text} for text in ("45500", "45500.586805555555", "４５５０１", "")]
    cleaned = clean(*rows)
    assert cleaned.reports["time"].astype(str).tolist() == [
        "2024-07-27 00:00:00",
        "2024-07-27 14:05:00",
        "2024-07-28 00:00:00",
    ]
    assert cleaned.held["reason"].tolist() == ["no_time"]
    days = clean(rows[0], rows[2])
    assert days.days_only == 2
    assert clean(rows[0], serials="1904").held["reason"].tolist() == ["future_time"]


def survey_of(*times):
    chunk = chunk_of(*(GOOD | {"时间": text} for text in times))
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    survey = Survey()
    for part in np.array_split(np.arange(len(times)), 2):  # as a file comes, in chunks
        survey.add(replace(chunk, rows=chunk.rows.iloc[part][Survey.headings(columns)]), columns)
    return survey


@pytest.mark.parametrize(
    "times",
    [
        ["42000", "42001.5"],
        ["42000"] * 99 + ["46060"],  # one of a hundred is a typing error
        ["42000"] * 19 + ["2014-12-01", "2019-02-01"],  # beside other dates either way
        ["42000"] * 19 + ["2005-12-01"],  # beside none
    ],
)
def test_numbers_that_may_count_from_1900_or_from_1904_are_asked_about(times):
    with pytest.raises(AmbiguousSerialsError) as refused:
        survey_of(*times).serial_system(now=NOW, file="a.csv")
    said = str(refused.value)
    assert "a.csv" in said
    assert "42000, which may be 2014-12-27 or 2018-12-28" in said
    assert survey_of(*times).serial_system("1904", now=NOW) == "1904"  # said by a workbook


@pytest.mark.parametrize(
    ("times", "system"),
    [
        (["45500", "45501"], "1900"),  # in 2028 otherwise
        (["42000"] * 9 + ["45500"], "1900"),
        (["42000"] * 19 + ["2014-12-01"], "1900"),
        (["42000"] * 19 + ["2018-12-01"], "1904"),
        (["48000", "48001"], "1900"),  # in the future either way: held as such
        ([f"{46082 - 1462}"], "1900"),  # 2026-03-02 otherwise: not later than a day from now
    ],
)
def test_numbers_of_which_one_reading_is_out_of_the_question_are_dates(times, system):
    assert survey_of(*times).serial_system(now=NOW) == system


def test_few_numbers_among_times_are_no_dates():
    rows = [GOOD] * 3 + [GOOD | {"时间": "45500"}]
    assert clean(*rows).held["reason"].tolist() == ["bad_time"]


def test_a_survey_counts_what_has_to_be_asked():
    rows = [GOOD | {"时间": text} for text in ("7月31日下午", "8-1", "2025-07-03", "45500", "昨天", "")]
    chunk = chunk_of(*rows)
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    survey = Survey()
    survey.add(chunk, columns)
    assert (survey.yearless, survey.yearless_example) == (2, "7月31日下午")
    assert (survey.serials, survey.serial) == (1, "45500")
    assert [survey.serial_system(stated, now=NOW) for stated in ("", "1904")] == ["", "1904"]
    assert (survey.timed, survey.unread, survey.rows) == (1, 4, 6)


def test_a_stated_year_is_taken_and_may_lie_in_the_future():
    rows = [
        GOOD | {"时间": text}
        for text in ("7月31日下午", "七月三十一日", "12月1日", "2月29日", "7月31日14:05")
    ]
    cleaned = clean(*rows, year=2025)
    assert cleaned.held["reason"].tolist() == ["future_time", "bad_time"]
    reports = cleaned.reports
    assert reports["time"].astype(str).tolist() == [
        "2025-07-31 12:00:00",
        "2025-07-31 00:00:00",
        "2025-07-31 14:05:00",
    ]
    assert reports["time_until"].isna().tolist() == [False, False, True]
    assert reports["time_until"][:2].astype(str).tolist() == ["2025-07-31 18:00:00", "2025-08-01 00:00:00"]
    assert cleaned.days_only == 1


@pytest.mark.parametrize(
    ("closed", "held"),
    [
        ("2025-07-02", True),
        ("2025-07-03 14:04", True),
        ("2025-07-03 14:05", False),
        ("2025-07-03", False),
        ("2025-07-03T00:00:00", False),
        ("2025年7月3日上午", True),
        ("2025年7月3日下午", False),
        ("2025-08-01", False),
        ("7月2日", False),
        ("", False),
        ("未办结", False),
    ],
)
def test_nothing_is_closed_before_it_is_opened(closed, held):
    cleaned = clean(GOOD | {"办结时间": closed}, year=2025)
    assert cleaned.held["reason"].tolist() == ["closed_before_opened"] * held
    assert len(cleaned.reports) == 1 - held


# -- words -------------------------------------------------------------------------------------------

PLACES = {
    "北街12号": ("accepted", 120.6, 30.79, "door", 15.0),
    "洛东小区3幢2单元": ("accepted", 120.62, 30.81, "building", 30.0),
    "老供销社": ("review", 120.6, 30.8, "place", 80.0),
    "外地大道": ("accepted", 121.6, 30.8, "road", 500.0),
}


class Gazetteer:
    """Knows four places, and how often it was asked for what."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(list(texts))
        unknown = ("rejected", np.nan, np.nan, "", np.nan)
        found = [PLACES.get(text, unknown) for text in texts]
        table = pd.DataFrame(found, columns=["status", "lon", "lat", "level", "radius_m"])
        table = table.assign(score=0.5, name="", reason="", candidates="[]")
        return LOCATED.check(
            table.astype(
                {"status": "str", "level": "str", "name": "str", "reason": "str", "candidates": "str"}
            )
        )


def by_words(*places, **further):
    row = {name: cell for name, cell in GOOD.items() if name not in {"经度", "纬度"}}
    return [row | {"地址": place} | further for place in places]


def test_places_are_found_by_their_words():
    gazetteer = Gazetteer()
    rows = by_words("北街12号", "老供销社", "海边", "", "北街12号", "外地大道", "无", "海边13812345678")
    cleaned = clean(*rows, locate=gazetteer)
    assert cleaned.held[["row_number", "reason"]].to_numpy().tolist() == [
        [3, "ambiguous_place"],
        [4, "unknown_place"],
        [5, "no_place"],
        [7, "outside_town"],
        [8, "no_place"],
        [9, "unknown_place"],
    ]
    assert "1381234" not in cleaned.held.to_csv() + str(gazetteer.asked)
    assert len(gazetteer.asked) == 1
    assert sorted(gazetteer.asked[0])[:3] == ["北街12号", "外地大道", "海边"]
    assert cleaned.located == len(cleaned.reports) == 2
    report = cleaned.reports.iloc[0]
    assert report[["lon", "lat", "level", "radius_m"]].tolist() == [120.6, 30.79, "door", 15.0]
    assert report[["datum", "datum_known_by", "place"]].tolist() == ["wgs84", "gazetteer", "北街12号"]


def test_without_a_gazetteer_words_are_no_place():
    assert clean(*by_words("北街12号")).held["reason"].tolist() == ["no_place"]


def test_coordinates_win_over_words_and_only_a_whole_lack_of_them_is_filled():
    gazetteer = Gazetteer()
    rows = [GOOD | {"地址": "北街12号"}, GOOD | {"经度": "", "纬度": "", "地址": "北街12号"}]
    rows += [GOOD | {"经度": "", "地址": "北街12号"}, GOOD | {"经度": "0", "纬度": "0", "地址": "北街12号"}]
    cleaned = clean(*rows, locate=gazetteer, datum="gcj02")
    assert cleaned.reports["level"].tolist() == ["point", "door"]
    assert cleaned.reports["datum"].tolist() == ["gcj02", "wgs84"]
    assert cleaned.held["reason"].tolist() == ["no_place", "null_island"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"小区": "洛东小区", "幢号": "3", "单元": "2"}, "洛东小区3幢2单元"),
        ({"小区": "洛东小区", "幢号": "3幢", "单元": "2单元", "室": "无"}, "洛东小区3幢2单元"),
        ({"地址": "洛东小区3幢", "小区": "洛东小区", "幢号": "3", "单元": "2"}, "洛东小区3幢2单元"),
        ({"地址": "洛东小区3栋2单元", "幢号": "3", "单元": "2"}, "洛东小区3栋2单元"),
        ({"地址": "3幢2单元", "小区": "洛东小区"}, "洛东小区3幢2单元"),
        ({"地址": "洛东小区13幢", "幢号": "3"}, "洛东小区13幢3幢"),
        ({"道路": "北街", "门牌号": "12"}, "北街12号"),
        ({"地址": "北街12号", "道路": "北街", "门牌号": "12号"}, "北街12号"),
        ({"地址": "", "小区": "洛东小区", "室": "301"}, "洛东小区301室"),
    ],
)
def test_estate_building_and_unit_are_joined(row, words):
    plain = {name: cell for name, cell in GOOD.items() if name not in {"经度", "纬度"}}
    gazetteer = Gazetteer()
    clean(plain | row, locate=gazetteer)
    assert gazetteer.asked == [[words]]


# -- grids, categories, further columns --------------------------------------------------------------


def test_grids_are_known_by_their_spellings_and_unknown_ones_counted():
    rows = [GOOD | {"所属网格": text} for text in ("XC-07-9", "xc-07-9 ", "XC-07-09", "", "无", "XC-07-09")]
    asked = []

    def grid_code(texts):
        asked.append(sorted(texts))
        return ["XC-07-9" if text.upper() == "XC-07-9" else "" for text in texts]

    cleaned = clean(*rows, GOOD | {"所属网格": "XC-1", "经度": ""}, grid_code=grid_code)
    assert cleaned.reports["stated_grid"].tolist() == ["XC-07-9", "XC-07-9", "XC-07-09", "", "", "XC-07-09"]
    assert cleaned.unknown_grids == {"XC-07-09": 2}
    assert asked == [["", "XC-07-09", "XC-07-9", "xc-07-9"]]
    assert clean(*rows).reports["stated_grid"].tolist()[2] == "XC-07-09"


def test_unknown_spellings_of_categories_are_counted():
    rows = [GOOD | {"类别": text} for text in ("噪声", "噪声", "私拉电线", "乱停", "")]
    cleaned = clean(*rows, GOOD | {"类别": "别的", "经度": ""})
    assert cleaned.unknown_categories == {"噪声": 2, "乱停": 1}
    assert cleaned.held["detail"].tolist() == ["噪声", "噪声", "乱停", "", "30.80"]


def test_learned_aliases_win_over_nothing_that_is_stated():
    learned = {"充电线": "FW1", "飞线": "RD1", "私拉电线": "RD1", "坑": "XX9"}
    book = CategoryBook.of(CATEGORIES, aliases=learned)
    assert [book.code_of(text) for text in ("充电线", "飞线", "私拉电线", "坑")] == ["FW1", "FW1", "FW1", ""]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("私拉电线充电", ["FW1"]),
        ("飞线充电乱拉", ["FW1"]),
        ("道路 破损", ["RD1"]),
        ("路面破损", ["RD1"]),
        ("FW2", []),
        ("噪声", []),
        ("", []),
    ],
)
def test_categories_are_suggested_and_not_chosen(text, codes):
    book = CategoryBook.of(CATEGORIES)
    suggested = book.suggest(text)
    assert [code for code, _ in suggested] == codes
    assert all(50 <= score <= 100 for _, score in suggested)
    assert book.known == CategoryBook.of(CATEGORIES).known


def test_further_columns_are_kept_only_when_wanted_and_without_persons():
    row = GOOD | {"天气": "晴", "处理人": "张三", "备注一": "电话13812345678", "空": ""}
    assert clean(row).reports["extra"].tolist() == [""]
    cleaned = clean(row, keep_extra=True)
    extra = json.loads(cleaned.reports["extra"][0])
    assert extra == {"天气": "晴", "备注一": "电话***********"}
    assert cleaned.phones == 1


def test_held_and_corrected_rows_name_their_sheet():
    chunk = chunk_of(
        GOOD | {"类别": ""}, GOOD | {"经度": "30.80", "纬度": "120.61"}, broken=[(9, "2 ≠ 6", "{}")]
    )
    columns = map_columns(list(chunk.rows.columns), "reports", file="a.csv")
    cleaned = clean_reports(replace(chunk, sheet="七月"), columns, rules_of())
    assert cleaned.held["sheet"].tolist() == ["七月", "七月"]
    assert cleaned.corrections["sheet"].tolist() == ["七月"]


def test_named_points_are_read_alike():
    rows = [
        {"名称": "甲岗", "经纬度": "120.61,30.80"},
        {"名称": "乙岗", "经纬度": "东经120°36′北纬30°48′"},
        {"名称": "丙岗", "经纬度": "北街"},
    ]
    chunk = chunk_of(*rows)
    columns = map_columns(list(chunk.rows.columns), "posts", file="a.csv")
    cleaned = clean_features(chunk, "posts", columns, rules_of())
    assert cleaned.features["lon"].tolist() == pytest.approx([120.61, 120.6])
    assert cleaned.held["reason"].tolist() == ["bad_place"]
    turned = chunk_of({"名称": "丁岗", "经度": "30.80", "纬度": "120.61"})
    columns = map_columns(list(turned.rows.columns), "posts", file="a.csv")
    cleaned = clean_features(turned, "posts", columns, rules_of())
    assert (cleaned.features["lon"][0], cleaned.corrections["before"][0]) == (120.61, "30.80, 120.61")


def test_our_own_exports_come_back_with_their_intervals():
    """The sender's number, the named grid and the end of the time stand beside ours."""
    row = {"id": "7", "source_id": "A1", "category": "FW1", "time": "2025-07-31 12:00:00"}
    row |= {
        "time_until": "2025-07-31 18:00:00",
        "lon": "120.61",
        "lat": "30.8",
        "grid_id": "G1",
        "stated_grid": "G2",
    }
    cleaned = clean(
        row,
        row | {"time_until": ""},
        row | {"time_until": "2025-07-31 11:00:00"},
        row | {"time_until": "后来"},
    )
    reports = cleaned.reports
    assert reports["time_until"].tolist() == [pd.Timestamp("2025-07-31 18:00"), pd.NaT]
    assert reports["source_id"].tolist() == ["A1", "A1"]
    assert reports["stated_grid"].tolist() == ["G2", "G2"]
    assert cleaned.held["reason"].tolist() == ["bad_time", "bad_time"]
    assert cleaned.held["detail"][0] == "2025-07-31 12:00:00 → 2025-07-31 11:00:00"
