"""Main hours: said only when there is a peak."""

from __future__ import annotations

import numpy as np

from pingan_geo.stats.main_hours import main_hours


def hours(**counts: int) -> np.ndarray:
    row = np.zeros(24, dtype=int)
    for hour, count in counts.items():
        row[int(hour[1:])] = count
    return row


def said(row: np.ndarray) -> tuple[int, int]:
    start, end = main_hours(row[None, :])
    return int(start[0]), int(end[0])


def test_too_few_reports_say_nothing():
    assert said(hours(h9=9)) == (-1, -1)
    assert said(hours(h9=10)) == (9, 10)


def test_an_even_day_has_no_main_hours():
    assert said(np.full(24, 100)) == (-1, -1)


def test_the_shortest_run_that_holds_half():
    assert said(hours(h18=30, h19=30, h20=30, h3=60, h12=20)) == (18, 21)
    assert said(hours(h3=60, h18=30)) == (3, 4)


def test_a_run_passes_midnight_and_ends_at_24():
    assert said(hours(h22=6, h23=6, h0=4, h1=4)) == (22, 24)
    assert said(hours(h23=10, h0=10, h1=10, h12=25)) == (23, 2)
    assert said(hours(h23=50)) == (23, 24)


def test_of_equals_the_earlier_run():
    assert said(hours(h3=10, h15=10)) == (3, 4)


def test_every_place_is_judged_alone_and_none_gives_none():
    start, end = main_hours(np.array([hours(h5=20), hours()]))
    assert start.tolist() == [5, -1]
    assert end.tolist() == [6, -1]
    start, end = main_hours(np.zeros((0, 24)))
    assert len(start) == len(end) == 0
