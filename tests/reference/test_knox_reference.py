"""Knox tables against R: ``surveillance`` and ``NearRepeat`` on burglaries in Chicago."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from pingan_geo.stats.near_repeat import knox, reach

pytestmark = pytest.mark.shared_data

TENTHS = (0, 0.001, *range(100, 1001, 100))


def tables(text):
    """Return each table of numbers of the file: rows whose heading is a class, in the order of the file."""
    found = [[]]
    for line in text.splitlines():
        row = re.match(r"\s*[\[(][^\])]*[\])]\s+([-\d. ]+)$", line)
        if row:
            found[-1].append([float(number) for number in row[1].split()])
        elif found[-1]:
            found.append([])
    return [np.array(rows) for rows in found if rows]


@pytest.fixture(scope="module")
def reference(shared_dir):
    text = (shared_dir / "reference" / "knox" / "knox_out.txt").read_text(encoding="utf-8")
    return tables(text), text


@pytest.fixture(scope="module")
def burglaries(shared_dir):
    table = pd.read_csv(shared_dir / "data" / "chicago_burglary_2016.csv")
    day = pd.to_datetime(table["datetime"]).to_numpy().astype("datetime64[D]")
    table = table[(day >= np.datetime64("2015-12-31")) & (day <= np.datetime64("2016-01-31"))]
    x, y = Transformer.from_crs(4326, 26971, always_xy=True).transform(table["lon"], table["lat"])
    days = pd.to_datetime(table["datetime"]).to_numpy().astype("datetime64[D]").astype(int)
    assert len(table) == 970
    return x, y, days


def test_the_file_has_the_tables_that_are_compared(reference):
    shapes = [each.shape for each in reference[0]]
    assert shapes == [(11, 4), (11, 4), *[(5, 3)] * 6]


def test_counts_with_open_and_with_closed_right_ends(reference, burglaries):
    right_open, right_closed = reference[0][:2]
    # R closes the last class of each on both sides: of whole days, up to 28 is below 29
    ours = knox(*burglaries, TENTHS, (0, 7, 14, 21, 29), permutations=0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(ours.observed, right_open)
    ours = knox(
        *burglaries,
        TENTHS,
        (0, 7, 14, 21, 28),
        permutations=0,
        rng=np.random.default_rng(0),
        right_closed=True,
    )
    np.testing.assert_array_equal(ours.observed, right_closed)


@pytest.mark.parametrize(("radius_m", "days"), [(100, 7), (200, 7), (400, 14)])
def test_expected_equals_surveillance(reference, burglaries, radius_m, days):
    said = re.search(
        rf"eps.s<= {radius_m} eps.t<= {days}  stat (\d+)  expected ([\d.]+)  p ([\d.]+)", reference[1]
    )
    ours = knox(*burglaries, (0, radius_m), (0, days), rng=np.random.default_rng(3), right_closed=True)
    assert ours.observed[0, 0] == int(said[1])
    assert ours.expected[0, 0] == pytest.approx(float(said[2]), rel=1e-6)
    # two runs of 999 shuffles differ by chance
    p = float(said[3])
    assert abs(ours.p[0, 0] - p) <= 0.002 + 4 * np.sqrt(2 * p * (1 - p) / 999)


def agrees(ours, observed, ratio, p):
    """Hold our table to one of NearRepeat, whose ratio divides by the mean of 999 shuffles, not the exact one."""
    np.testing.assert_array_equal(ours.observed, observed)
    # a count under shuffles scatters by about the root of its mean
    scatter = 5 * ratio / np.sqrt(observed / ratio * 999) + 0.0006
    assert (np.abs(ours.ratio - ratio) < scatter).all()
    assert (np.abs(ours.p - p) < 0.002 + 5 * np.sqrt(p * (1 - p) / 999)).all()


def test_counts_ratios_and_p_equal_near_repeat(reference, burglaries):
    distances_m, days = (0, 0.001, 100, 200, 300, 400), (0, 7, 14, 21)
    ours = knox(*burglaries, distances_m, days, permutations=9999, rng=np.random.default_rng(11))
    agrees(ours, *reference[0][5:8])


def test_near_repeat_by_its_own_default_measures_along_the_streets_of_a_grid(reference, burglaries):
    """East plus north, not the straight line: only the class of the same place can be the same as ours."""
    observed, ratio, p = reference[0][2:5]
    x, y, day = burglaries
    first, second = np.triu_indices(day.size, 1)
    along = np.abs(x[first] - x[second]) + np.abs(y[first] - y[second])
    apart = np.abs(day[first] - day[second])
    theirs = np.histogram2d(along, apart, [[0, 0.001, 101, 201, 301, 401], [0, 7.5, 14.5, 21.5]])[0]
    np.testing.assert_array_equal(theirs, observed)
    ours = knox(x, y, day, (0, 0.001), (0, 8, 15, 22), permutations=9999, rng=np.random.default_rng(11))
    agrees(ours, observed[:1], ratio[:1], p[:1])


def test_burglaries_repeat_within_200_metres_and_a_week(burglaries):
    table = knox(*burglaries, (0, 0.001, 100, 200, 300, 400), (0, 7, 14, 21), rng=np.random.default_rng(1))
    found = reach(table)
    assert (found.radius_m, found.days) == (200, 7)
    assert found.observed == 28 + 54 + 110
    assert found.ratio == pytest.approx(1.4, abs=0.05)
