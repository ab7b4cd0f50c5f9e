"""Numbers, words and persons in columns of text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pingan_geo.intake.texts import (
    count_decimals,
    has_value,
    mask_persons,
    parse_degrees,
    parse_numbers,
    split_pairs,
    without_apostrophe,
)
from pingan_geo.persons import ID_MASK, PHONE_MASK


def text(*values):
    return pa.array(values, pa.large_string())


@pytest.mark.parametrize(
    "odd", ["abc", "120°36′", "120.61,30.80", "1,5", "0x10", "1e999", "inf", "12.3.4", "一百"]
)
def test_what_is_not_a_number_is_told(odd):
    numbers, wrong = parse_numbers(text("1.5", odd))
    assert wrong.tolist() == [False, True] or np.isinf(numbers[1])
    assert not np.isfinite(numbers[1])


@pytest.mark.parametrize("nothing", ["", "无", "NaN", "nan", "NULL", "-", "n/a", "None", "——"])
def test_no_value_is_not_a_wrong_value(nothing):
    numbers, wrong = parse_numbers(text("1.5", nothing))
    assert not wrong.any()
    assert np.isnan(numbers[1])


@pytest.mark.parametrize("good", ["120.5", "+120.5", "１２０．５", " 120.5", "120.50", "1.205e2", "1.205E2"])
def test_numbers_are_read(good):
    assert parse_numbers(text("x", good))[0][1] == 120.5


def test_decimal_comma_only_when_said():
    assert np.isnan(parse_numbers(text("30,80"))[0][0])
    assert parse_numbers(text("30,80"), decimal_comma=True)[0][0] == 30.8


def test_decimals_are_counted():
    assert count_decimals(text("120.610", "30", "30.", "-1.5")).tolist() == [3, 0, 0, 1]


def test_words_that_say_nothing():
    assert has_value(text("", "无", "私拉电线", "-", "0")).tolist() == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("received", "stored", "phones", "ids"),
    [
        ("电话13812345678。", f"电话{PHONE_MASK}。", 1, 0),
        ("tel13812345678", f"tel{PHONE_MASK}", 1, 0),
        ("138-1234-5678/139 1234 5678", f"{PHONE_MASK}/{PHONE_MASK}", 2, 0),
        ("+86 13812345678", PHONE_MASK, 1, 0),
        ("１３８１２３４５６７８", PHONE_MASK, 1, 0),
        ("身份证330411199001011234", f"身份证{ID_MASK}", 0, 1),
        ("33041119900101123X 13812345678", f"{ID_MASK} {PHONE_MASK}", 1, 1),
        ("工单202507031234567", "工单202507031234567", 0, 0),
        ("138.1234.5678 1381 234 5678", f"{PHONE_MASK} {PHONE_MASK}", 2, 0),
        ("１３８－１２３４－５６７８", PHONE_MASK, 1, 0),
        ("1 3 8 1 2 3 4 5 6 7 8", PHONE_MASK, 1, 0),
        ("电话0573-83456789转801", f"电话{PHONE_MASK}转801", 1, 0),
        ("（0573）83456789", PHONE_MASK, 1, 0),
        ("0573 8345 6789", PHONE_MASK, 1, 0),
        ("+86-573-83456789", PHONE_MASK, 1, 0),
        ("０５７３－８３４５６７８９", PHONE_MASK, 1, 0),
        ("330411 19900101 1234", ID_MASK, 0, 1),
        ("3304-1119-9001-0112-34", ID_MASK, 0, 1),
        ("３３０４１１１９９００１０１１２３Ｘ", ID_MASK, 0, 1),
        ("旧证330411900101123。", f"旧证{ID_MASK}。", 0, 1),
        ("坐标130.12345678,30.13812345678", "坐标130.12345678,30.13812345678", 0, 0),
        ("2025-07-03 14:05 至 2025-07-04", "2025-07-03 14:05 至 2025-07-04", 0, 0),
        ("网格330411104001001", "网格330411104001001", 0, 0),
        ("057312345678", "057312345678", 0, 0),
        ("12812345678", "12812345678", 0, 0),
        ("138123456789", "138123456789", 0, 0),
    ],
)
def test_persons_are_masked(received, stored, phones, ids):
    masked, found_phones, found_ids = mask_persons(text("无事", received, ""))
    assert masked.to_pylist() == ["无事", stored, ""]
    assert (found_phones, found_ids) == (phones, ids)


def test_apostrophe_of_a_spreadsheet_is_taken_back():
    assert without_apostrophe(text("'=1+1", "'quoted'", "a")).to_pylist() == ["=1+1", "'quoted'", "a"]


@pytest.mark.parametrize(
    ("written", "degrees", "axis", "decimals"),
    [
        ("120.61", 120.61, 0, 2),
        ("１２０．６１", 120.61, 0, 2),
        ("120°36′", 120.6, 0, 1),
        ("120º36’", 120.6, 0, 1),
        ("１２０°３６′", 120.6, 0, 1),
        ("120°36.5'", 120 + 36.5 / 60, 0, 2),
        ("120°36'15.5\"E", 120 + 36 / 60 + 15.5 / 3600, 1, 4),
        ("120°36′15″", 120 + 36 / 60 + 15 / 3600, 0, 3),
        ("东经120度36分", 120.6, 1, 1),
        ("北纬 30 度 48 分 36 秒", 30.81, 2, 3),
        ("E120.61", 120.61, 1, 2),
        ("30.80n", 30.8, 2, 2),
        ("W87.6", -87.6, 1, 1),
        ("南纬12.5", -12.5, 2, 1),
        ("经度：120.61", 120.61, 1, 2),
    ],
)
def test_coordinates_are_read(written, degrees, axis, decimals):
    read = parse_degrees(text("1.5", written))
    assert not read.wrong.any()
    assert read.numbers[1] == pytest.approx(degrees, abs=1e-12)
    assert (read.axis[1], read.decimals[1]) == (axis, decimals)


@pytest.mark.parametrize(
    "odd",
    ["120°61′", "120°36′60″", "120.5°36′", "-120W", "E120E", "东边", "3,401,234.5", "120,61", "120.61°C"],
)
def test_what_is_no_coordinate_is_told(odd):
    read = parse_degrees(text("1.5", odd))
    assert read.wrong.tolist() == [False, True]
    assert np.isnan(read.numbers[1])


def test_thousands_only_in_metres_and_commas_only_when_said():
    assert parse_degrees(text("3,401,234.5"), thousands=True).numbers[0] == 3401234.5
    comma = parse_degrees(text("120,615"), decimal_comma=True)
    assert (comma.numbers[0], comma.decimals[0]) == (120.615, 3)


@pytest.mark.parametrize(
    ("written", "first", "second"),
    [
        ("120.61,30.80", "120.61", "30.80"),
        ("30.80 120.61", "30.80", "120.61"),
        ("（120.61，30.80）", "120.61", "30.80"),
        ("[120.61, 30.80]", "120.61", "30.80"),
        ("POINT(120.61 30.80)", "120.61", "30.80"),
        ("POINT Z (120.61 30.80)", "120.61", "30.80"),
        ("东经120°36′北纬30°48′", "东经120°36'", "北纬30°48'"),
        ("120° 36′ 15″ E, 30° 48′ N", "120° 36' 15'' e", "30° 48' n"),
        ("E120.61N30.80", "e120.61", "n30.80"),
        ("120.61E30.8N", "120.61e", "30.8n"),
        ("lon:120.61,lat:30.80", "lon:120.61", "lat:30.80"),
        ("120.61、30.80", "120.61", "30.80"),
    ],
)
def test_pairs_are_split(written, first, second):
    one, two, pairs = split_pairs(text("", written))
    assert (one.to_pylist(), two.to_pylist()) == (["", first], ["", second])
    assert pairs.tolist() == [False, True]


@pytest.mark.parametrize(
    "odd", ["", "无", "120.61", "120.6130.80", "120.61,30.80,5", "3幢2单元", "2026-7-31", "北街12号"]
)
def test_what_is_no_pair_stays_whole(odd):
    assert not split_pairs(text(odd))[2].any()
