"""Numbers of persons in names of files, which stand in receipts, errors and logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pingan_geo.errors import FileMissingError, SheetMissingError, UnclosedQuoteError
from pingan_geo.persons import ID_MASK, PHONE_MASK, mask_name, mask_numbers

PHONE, PERSON = "13812345678", "330411199003071234"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (f"网格员{PHONE}台账.xlsx", f"网格员{PHONE_MASK}台账.xlsx"),
        ("138-1234-5678.csv", f"{PHONE_MASK}.csv"),
        (f"{PERSON}.csv", f"{ID_MASK}.csv"),
        ("１３８１２３４５６７８", PHONE_MASK),
        ("2025-07台账.csv", "2025-07台账.csv"),
        ("IMG_20250703_182201.jpg", "IMG_20250703_182201.jpg"),
        ("330411104001001.geojson", "330411104001001.geojson"),
        ("", ""),
    ],
)
def test_names_are_shown_without_numbers_of_persons(name, shown):
    assert mask_name(name) == shown
    assert mask_name(Path(name)) == str(Path(shown))


def test_numbers_are_counted():
    assert mask_numbers(f"{PHONE}、{PHONE}、{PERSON}") == (f"{PHONE_MASK}、{PHONE_MASK}、{ID_MASK}", 2, 1)


def test_errors_mask_the_names_they_give():
    for error in (
        FileMissingError(file=Path("/x") / f"{PHONE}.csv"),
        UnclosedQuoteError(file=f"{PHONE}.csv", row=3),
        SheetMissingError(file="a.xlsx", sheets=[f"老王{PHONE}"], known=["一月", f"老李{PHONE}"]),
    ):
        assert PHONE not in f"{error} {error.values}"
        assert PHONE_MASK in str(error)
    assert FileMissingError(file=Path("a.csv")).values["file"] == Path("a.csv")
