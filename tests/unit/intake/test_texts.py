"""Numbers, words and persons in columns of text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pingan_geo.intake.texts import (
    ID_MASK,
    PHONE_MASK,
    count_decimals,
    has_value,
    mask_persons,
    parse_numbers,
    without_apostrophe,
)


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
