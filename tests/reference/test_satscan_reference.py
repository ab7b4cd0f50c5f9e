"""The scan against SaTScan 10.3.2's own results on its sample data and on burglaries of Cincinnati.

Where definitions differ: SaTScan measures along great circles of a sphere of 6,367 km, so here the middles
are put on that sphere too (an azimuthal plane around each data set's middle would change the order of far
counties); it limits circles by the share of the *population* where we limit the share of what is expected;
clusters that share places but no time are both reported, as here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest

from pingan_geo.stats.scan import Cluster, ScanResult, scan_permutation, scan_poisson

pytestmark = pytest.mark.shared_data
EARTH_M = 6_367_000.0


@dataclass(frozen=True)
class Printed:
    """A cluster as SaTScan prints it."""

    places: frozenset[str]
    radius_km: str
    first: str
    last: str
    observed: int
    expected: str
    ratio: str
    statistic: str
    p: str


def printed_clusters(path) -> list[Printed]:
    text = path.read_text(encoding="utf-8")
    found = []
    for part in re.split(r"\n(?=\d+\.Location IDs)", text)[1:]:

        def line(name, part=part):
            hit = re.search(rf"{name}\.*: ([^\n]*)", part)
            return hit.group(1).strip() if hit else ""

        places = re.search(r"Location IDs included\.: (.*?)\n\s+Coordinates", part, re.DOTALL).group(1)
        dates = line("Time frame").split(" to ") if line("Time frame") else ["", ""]
        found.append(
            Printed(
                frozenset(word.strip() for word in places.split(",")),
                line("Coordinates / radius").rsplit("/ ", 1)[1].removesuffix(" km"),
                dates[0],
                dates[1],
                int(line("Number of cases")),
                line("Expected cases"),
                line("Observed / expected"),
                line("(?:Test statistic|Log likelihood ratio)"),
                line("P-value"),
            )
        )
    return found


def rows(path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def places_of(path):
    """Names, and metres of a plane around the middle that keeps near distances of SaTScan's sphere."""
    read = rows(path)
    lat, lon = (np.radians([float(row[column]) for row in read]) for column in (1, 2))
    middle = (lat.min() + lat.max()) / 2
    turn = lon - (lon.min() + lon.max()) / 2
    cosine = np.sin(middle) * np.sin(lat) + np.cos(middle) * np.cos(lat) * np.cos(turn)
    away = np.arccos(np.clip(cosine, -1, 1))
    stretch = EARTH_M * np.where(away > 0, away / np.maximum(np.sin(away), 1e-300), 1.0)
    x = stretch * np.cos(lat) * np.sin(turn)
    y = stretch * (np.cos(middle) * np.sin(lat) - np.sin(middle) * np.cos(lat) * np.cos(turn))
    return [row[0] for row in read], x, y


def as_printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"


def assert_same(
    ours: Cluster, theirs: Printed, names, start: str, unit: str = "D", empty: frozenset[str] = frozenset()
) -> None:
    assert {names[cell] for cell in ours.cells} == theirs.places - empty
    assert ours.radius_m / 1000 == pytest.approx(
        float(theirs.radius_km), rel=1e-3, abs=0.006
    )  # plane, sphere
    assert ours.observed == theirs.observed
    assert as_printed(ours.expected, theirs.expected) == theirs.expected
    assert as_printed(ours.ratio, theirs.ratio) == theirs.ratio
    assert as_printed(ours.statistic, theirs.statistic) == theirs.statistic
    if theirs.first:
        begin = np.datetime64(start, unit)
        for step, day in ((ours.first_step, theirs.first), (ours.last_step + 1, theirs.last)):
            year, month, date = (int(number) for number in day.split("/"))
            at = np.datetime64(f"{year}-{month:02}-{date:02}") + (step == ours.last_step + 1)
            assert (begin + step).astype("datetime64[D]") == at


def permutation(folder, stem, start, steps, **wanted) -> tuple[ScanResult, list[str]]:
    names, x, y = places_of(folder / f"{stem}.geo")
    position = {name: number for number, name in enumerate(names)}
    cell, step = [], []
    for name, count, day in rows(folder / f"{stem}.cas"):
        year, month, date = (int(part) for part in day.split("/"))
        days = (np.datetime64(f"{year}-{month:02}-{date:02}") - np.datetime64(start)).astype(int)
        cell += [position[name]] * int(count)
        step += [int(days)] * int(count)
    rng = np.random.default_rng(1)
    return scan_permutation(cell, step, x, y, steps, rng=rng, **wanted), names


@pytest.fixture(scope="module")
def folder(shared_dir):
    return shared_dir / "reference" / "satscan"


def test_cincinnati_retrospective(folder):
    result, names = permutation(
        folder, "cin", "2018-10-03", 90, radius_m=2000, longest=28, replications=299, most_clusters=12
    )
    theirs = printed_clusters(folder / "cin.txt")
    assert result.total == 541
    for ours, printed in zip(result.clusters[:4], theirs[:4], strict=True):
        assert_same(ours, printed, names, "2018-10-03")
    assert [as_printed(one.statistic, "0.000000") for one in result.clusters] == [
        one.statistic for one in theirs[:12]
    ]
    assert result.clusters[0].p == pytest.approx(float(theirs[0].p), abs=0.06)
    assert result.clusters[1].p == pytest.approx(float(theirs[1].p), abs=0.1)


def test_cincinnati_prospective(folder):
    result, names = permutation(
        folder, "cin", "2018-10-03", 90, radius_m=2000, longest=28, prospective=True, replications=999
    )
    theirs = printed_clusters(folder / "cin_prosp.txt")
    assert len(theirs) == 6
    for ours, printed in zip(result.clusters[:6], theirs, strict=True):
        assert_same(ours, printed, names, "2018-10-03")
    assert result.stopped_early
    assert result.clusters[0].p == pytest.approx(float(theirs[0].p), abs=0.15)


def test_new_york_fever(folder):
    result, names = permutation(
        folder, "NYCfever", "2001-11-01", 24, radius_m=3000, longest=7, prospective=True, replications=999
    )
    theirs = printed_clusters(folder / "NYCfever.txt")
    # places that no case came from are no centres here and are not listed: they add nothing to any circle
    empty = frozenset(names) - {row[0] for row in rows(folder / "NYCfever.cas")}
    assert len(theirs) == 3
    for ours, printed in zip(result.clusters[:3], theirs, strict=True):
        assert_same(ours, printed, names, "2001-11-01", empty=empty)
    assert result.clusters[0].p == pytest.approx(float(theirs[0].p), abs=0.08)


def test_pennsylvania_lung_cancer(folder):
    names, x, y = places_of(folder / "pennlc.geo")
    cases = {row[0]: int(row[1]) for row in rows(folder / "pennlc.cas")}
    people = {row[0]: float(row[2]) for row in rows(folder / "pennlc.pop")}
    result = scan_poisson(
        [cases.get(name, 0) for name in names],
        [people[name] for name in names],
        x,
        y,
        radius_m=np.inf,
        purely_spatial=True,
        rng=np.random.default_rng(2),
    )
    theirs = printed_clusters(folder / "pennlc.txt")
    assert len(theirs) == 4
    for ours, printed in zip(result.clusters[:4], theirs, strict=True):
        assert_same(ours, printed, names, "")
    assert result.clusters[0].p == 0.001
    assert result.clusters[0].p_gumbel < 1e-9  # 6.7e-14 there, by the same fit to other random data
    assert result.clusters[1].p == pytest.approx(0.003, abs=0.004)


def new_mexico(folder):
    """Cases and expected cases per county and year.

    As SaTScan does: population counts stand at 1 July of their year, straight lines between them, level
    before the first and after the last, days counted at noon; rates of each age and sex of the whole state
    and time make what is expected.
    """
    names, x, y = places_of(folder / "nm.geo")
    position = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), 19))
    by_group: dict[tuple[str, str], float] = {}
    for name, count, year, *group in rows(folder / "nm.cas"):
        counts[position[name], int(year) - 1973] += int(count)
        by_group[tuple(group)] = by_group.get(tuple(group), 0.0) + int(count)
    known: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for name, year, people, *group in rows(folder / "nm.pop"):
        years = known.setdefault(tuple(group), {})
        years.setdefault(1900 + int(year) % 1900, np.zeros(len(names)))[position[name]] += float(people)
    days = np.arange(np.datetime64("1973-01-01"), np.datetime64("1992-01-01"))
    number = days.astype(np.int64)
    year_of = days.astype("datetime64[Y]").astype(int) - 3
    expected = np.zeros_like(counts)
    for group, years in known.items():
        at = sorted(years)
        dates = [int(np.datetime64(f"{year}-07-01").astype(int)) for year in at]
        person_days = np.zeros_like(counts)
        for cell in range(len(names)):
            line = np.interp(number + 0.5, dates, [years[year][cell] for year in at])
            person_days[cell] = np.bincount(year_of, weights=line, minlength=19)
        if person_days.sum() > 0:
            expected += person_days * by_group.get(group, 0.0) / person_days.sum()
    return names, x, y, counts, expected


@pytest.fixture(scope="module")
def brain_cancer(folder):
    return new_mexico(folder)


def test_new_mexico_in_space_and_time(folder, brain_cancer):
    names, x, y, counts, expected = brain_cancer
    result = scan_poisson(counts, expected, x, y, radius_m=np.inf, longest=9, rng=np.random.default_rng(3))
    theirs = printed_clusters(folder / "nm.txt")
    assert result.total == 1175
    assert len(theirs) == 3
    for ours, printed in zip(result.clusters[:3], theirs, strict=True):
        assert_same(ours, printed, names, "1973", "Y")
    assert result.clusters[0].p == pytest.approx(float(theirs[0].p), abs=0.012)


def test_new_mexico_in_space(folder, brain_cancer):
    names, x, y, counts, expected = brain_cancer
    result = scan_poisson(
        counts, expected, x, y, radius_m=np.inf, purely_spatial=True, rng=np.random.default_rng(3)
    )
    theirs = printed_clusters(folder / "nm_spatial.txt")
    assert len(theirs) == 3
    for ours, printed in zip(result.clusters[:3], theirs, strict=True):
        assert_same(ours, printed, names, "")
    assert result.clusters[0].p == pytest.approx(float(theirs[0].p), abs=0.012)
