"""Main hours: said only when there is a peak."""

from __future__ import annotations

import numpy as np

from pingan_geo.stats.main_hours import count_spans, main_hours


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


def of_spans(*rows: tuple[int, int, int]) -> tuple[int, int]:
    """Rows of (first hour, hours touched, reports)."""
    first = [begin for begin, _, count in rows for _ in range(count)]
    number = [touched for _, touched, count in rows for _ in range(count)]
    start, end = main_hours(count_spans(np.zeros(len(first), dtype=int), first, number, 1))
    return int(start[0]), int(end[0])


def test_reports_of_an_afternoon_have_the_whole_afternoon():
    assert of_spans((12, 6, 20)) == (12, 18)
    assert of_spans((22, 4, 20)) == (22, 2)
    assert of_spans((12, 6, 20), (14, 1, 30)) == (14, 15)
    assert of_spans((12, 6, 20), (14, 1, 15), (16, 1, 4)) == (12, 18)


def test_what_no_run_can_hold_still_counts_among_all():
    assert of_spans((18, 12, 20)) == (-1, -1)
    assert of_spans((18, 12, 10), (20, 1, 10)) == (20, 21)
    assert of_spans((18, 12, 11), (20, 1, 10)) == (-1, -1)


def test_what_is_known_by_the_day_only_counts_for_none():
    assert of_spans((-1, 0, 100), (9, 1, 10)) == (9, 10)
    assert count_spans([-1, 1], [3, 4], [1, 1], 2).sum() == 1


def test_runs_are_those_of_trying_every_one():
    rng = np.random.default_rng(3)
    for _ in range(200):
        size = int(rng.integers(10, 40))
        first, number = rng.integers(15, 26, size) % 24, rng.choice([1, 1, 2, 3, 6, 9], size)
        tried = []
        for length in range(1, 7):
            for start in range(24):
                inside = ((first - start) % 24 + number <= length).sum()
                if inside >= size / 2:
                    tried.append((length, -inside, start))
        best = min(tried, default=None)
        expected = (-1, -1) if best is None else (best[2], (best[2] + best[0] - 1) % 24 + 1)
        found = main_hours(count_spans(np.zeros(size, dtype=int), first, number, 1))
        assert (int(found[0][0]), int(found[1][0])) == expected
