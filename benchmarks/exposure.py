"""Is risk corrected for effort nearer to the true risk than counts? Judged on demo towns, whose truth is known.

Each seed is another town of 12,000 reports: other borders, people, hot places, and other streets on the way of
those who report. Estimated from what such a town stores; the truth is only compared with. Beside the counts
stand the same model without effort (how much is won by smoothing alone) and with the true effort (the most that
knowing it could win). Run as ``python benchmarks/exposure.py [TOWNS] [RESOLUTION]``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from scipy.stats import rankdata, t

from pingan_geo.coords import local_metres
from pingan_geo.demo.alliance import build_alliance
from pingan_geo.demo.effort import FAMILIES, SOURCES, build_effort
from pingan_geo.demo.geography import build_geography
from pingan_geo.demo.happenings import Happenings, Stage, let_happen
from pingan_geo.demo.rhythm import DAYS, END, build_rhythms
from pingan_geo.demo.spots import CATEGORIES, build_spots, risk_of_spots
from pingan_geo.spatial.cells import cells_of, centres, neighbour_pairs, parents
from pingan_geo.stats.exposure import Effort, corrected_risk, dark_cells, effort, nearness

REPORTS = 12_000
TOP_SHARE = 0.02
LEAST_PEOPLE = 10.0
#: 派出所 and 12345: anyone can reach them from anywhere.
STEADY = (SOURCES.index("派出所"), SOURCES.index("12345"))
POST_REACH_M, STATION_REACH_M, ROAD_STEP_DEG = 250.0, 800.0, 0.0002
METHODS = ("raw", "raw / true effort", "smoothed only", "corrected", "with true effort")


@dataclass(frozen=True)
class Stored:
    """What a town stores, per cell: nothing of the truth."""

    cells: np.ndarray
    left: np.ndarray
    right: np.ndarray
    counts: np.ndarray  # families x channels x cells, reported
    found: np.ndarray  # by patrols
    traces: np.ndarray
    people: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Truth:
    """What the reports were drawn from, per family and cell."""

    risk: np.ndarray
    seen: np.ndarray


def make_town(seed: int) -> tuple[Stage, Happenings]:
    """Return the demo town of a seed, as ``make_demo`` draws it, without writing it."""
    ground, people, places, clock, eyes, luck, _ = (
        np.random.Generator(np.random.PCG64(each)) for each in np.random.SeedSequence(seed).spawn(7)
    )
    geography = build_geography(ground)
    alliance = build_alliance(geography.ground, people)
    spots = build_spots(geography, alliance, places)
    risk, rhythms = risk_of_spots(spots, places), build_rhythms(clock)
    stage = Stage(
        geography, alliance, spots, risk, rhythms, build_effort(spots, geography.ground, alliance, eyes)
    )
    return stage, let_happen(stage, REPORTS, luck)


def stored_of(stage: Stage, happenings: Happenings, resolution: int) -> Stored:
    """Return what the town's tables and layers say."""
    cells = np.unique(parents(stage.spots.cells, resolution))
    left, right = neighbour_pairs(cells)
    size = len(cells)

    def spread(lon, lat, weights=None):
        # placed finely and rolled up, as reports are
        at = parents(cells_of(lon, lat, 11), resolution)
        place = np.minimum(np.searchsorted(cells, at), size - 1)
        inside = cells[place] == at
        each = np.ones(len(place)) if weights is None else weights
        return np.bincount(place[inside], weights=each[inside], minlength=size)

    reports = happenings.reports
    lon, lat = reports["lon"].to_numpy(), reports["lat"].to_numpy()
    family, source = reports["category"].str[:2].to_numpy(), reports["source"].to_numpy()
    by_people = reports["origin"].to_numpy() == "reported"
    counts = np.array(
        [
            [spread(lon, lat, (by_people & (family == f) & (source == s)).astype(float)) for s in SOURCES]
            for f in FAMILIES
        ]
    )
    found = spread(lon, lat, (~by_people).astype(float))

    features, layers = stage.alliance.features, stage.geography.layers
    at_lon, at_lat = centres(cells)
    plane = local_metres(float(at_lon.mean()), float(at_lat.mean()))
    at_x, at_y = plane.forward(at_lon, at_lat)
    posts, stations = features["posts"], features["stations"]
    opened = np.array([json.loads(text)["启用日期"] for text in posts["attributes"]], dtype="datetime64[D]")
    open_share = np.clip((END - opened).astype(float) / DAYS, 0.0, 1.0)
    near_posts = nearness(
        *plane.forward(posts["lon"], posts["lat"]), at_x, at_y, POST_REACH_M, weights=open_share
    )
    near_station = nearness(*plane.forward(stations["lon"], stations["lat"]), at_x, at_y, STATION_REACH_M)
    around = found.copy()
    np.add.at(around, left, found[right])
    np.add.at(around, right, found[left])
    villages = layers["villages"]
    members = features["volunteers"]["village_id"].value_counts()
    volunteers = np.zeros(size)
    for code, households, shape in zip(
        villages["code"], villages["households"], villages.geometry, strict=True
    ):
        volunteers[shapely.contains_xy(shape, at_lon, at_lat)] = members.get(code, 0) / households
    traces = np.column_stack([near_posts, near_station, np.log1p(around), volunteers])

    estate_people = _over_shapes(layers["estates"], spread)
    people = estate_people.copy()
    grids = layers["grids"]
    for households, shape in zip(grids["households"], grids.geometry, strict=True):
        here = shapely.contains_xy(shape, at_lon, at_lat)
        if here.any():
            people[here] += max(float(households) - float(estate_people[here].sum()), 0.0) / here.sum()
    roads = layers["roads"]
    lengths = []
    for kinds in (("main", "secondary"), ("street",), ("lane",)):
        points = np.concatenate(
            [
                shapely.get_coordinates(
                    shapely.line_interpolate_point(line, np.arange(0.0, line.length, ROAD_STEP_DEG))
                )
                for line in roads.geometry[roads["kind"].isin(kinds)]
            ]
        )
        lengths.append(spread(points[:, 0], points[:, 1]))
    named = [
        spread(features[kind]["lon"].to_numpy(), features[kind]["lat"].to_numpy())
        for kind in ("enterprises", "places")
    ]
    places = np.column_stack([*named, *lengths, estate_people])
    return Stored(cells, left, right, counts, found, traces, people, places)


def _over_shapes(layer, spread):
    """Return the households of polygons, spread evenly over each."""
    rng = np.random.default_rng(0)
    total = 0.0
    for households, shape in zip(layer["households"], layer.geometry, strict=True):
        west, south, east, north = shape.bounds
        points = rng.uniform((west, south), (east, north), (600, 2))
        points = points[shapely.contains_xy(shape, points[:, 0], points[:, 1])]
        total = total + spread(points[:, 0], points[:, 1], np.full(len(points), households / len(points)))
    return total


def truth_of(stage: Stage, happenings: Happenings, resolution: int) -> Truth:
    """Return true risk per family and cell, and the share of its incidents that was seen."""
    fine = parents(stage.spots.cells, resolution)
    cells, place = np.unique(fine, return_inverse=True)

    def rolled(values):
        return np.bincount(place, weights=values, minlength=len(cells))

    risk, seen = [], []
    for family in FAMILIES:
        mine = [number for number, code in enumerate(CATEGORIES) if code[:2] == family]
        happened = happenings.risk[mine].sum(axis=0)
        codes = list(CATEGORIES)
        visible = sum(
            happenings.risk[number]
            * (stage.effort.seen[family] @ stage.rhythms[codes[number]].month_share)
            / stage.rhythms[codes[number]].month_share.sum()
            for number in mine
        )
        # where nothing of the family can happen the share is that of looking itself
        floor = 1e-9
        risk.append(rolled(happened))
        seen.append(
            rolled(visible + floor * stage.effort.seen[family].mean(axis=1)) / rolled(happened + floor)
        )
    return Truth(np.array(risk), np.array(seen))


def spearman(score: np.ndarray, truth: np.ndarray) -> float:
    """Return the correlation of ranks; equal values share a rank."""
    return float(np.corrcoef(rankdata(score), rankdata(truth))[0, 1])


def top_overlap(score: np.ndarray, truth: np.ndarray) -> float:
    """Return which part of the truly highest 2 % is in the highest 2 % by a score; ties share their places."""
    number = max(1, round(TOP_SHARE * len(truth)))
    wanted = np.zeros(len(truth), dtype=bool)
    wanted[np.argsort(-truth, kind="stable")[:number]] = True
    limit = np.sort(score)[-number]
    above, tied = score > limit, score == limit
    part = (number - above.sum()) / tied.sum()
    return float((wanted[above].sum() + wanted[tied].sum() * part) / number)


def judge(seed: int, resolution: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return per family: ranks and top shares of each method; and how good the estimate of effort is."""
    stage, happenings = make_town(seed)
    stored, truth = stored_of(stage, happenings, resolution), truth_of(stage, happenings, resolution)
    edges = stored.left, stored.right
    ranked, known = [], []
    everything = stored.counts.sum(axis=(0, 1))
    for number, family in enumerate(FAMILIES):
        raw, risk = stored.counts[number].sum(axis=0), truth.risk[number]
        estimate = effort(stored.counts, number, *edges, steady=STEADY, traces=stored.traces)
        same = Effort(np.ones(len(raw)), np.zeros(len(raw)))
        right_one = Effort(truth.seen[number] / truth.seen[number].mean(), np.zeros(len(raw)))
        options = {"others": everything - raw, "places": stored.places}
        tables = {
            method: corrected_risk(raw, each, *edges, **options)
            for method, each in (
                ("smoothed only", same),
                ("corrected", estimate),
                ("with true effort", right_one),
            )
        }
        divided = raw / truth.seen[number]
        scores = {
            "raw": raw,
            "raw / true effort": divided,
            **{method: table["corrected"].to_numpy() for method, table in tables.items()},
        }
        ranked += [
            (
                seed,
                family,
                method,
                spearman(score, risk),
                top_overlap(score, risk),
                spearman(score[raw > 0], risk[raw > 0]),
            )
            for method, score in scores.items()
        ]
        known.append((seed, family, *_known(estimate, truth.seen[number], risk, tables["corrected"], stored)))
    return (
        pd.DataFrame(ranked, columns=["seed", "family", "method", "spearman", "top", "reported"]),
        pd.DataFrame(
            known, columns=["seed", "family", "correlation", "effort_in_interval", "risk_in_interval", "dark", "dark_seen"]
        ),
    )  # fmt: skip


def _known(estimate, seen, risk, table, stored):
    """Return how the estimated effort fits the true one, weighted by risk, and how often intervals hold."""
    log_share, log_seen = np.log(estimate.share), np.log(seen)
    apart = log_share - log_seen
    apart -= np.average(apart, weights=risk)
    centred = [each - np.average(each, weights=risk) for each in (log_share, log_seen)]
    one, other = centred
    correlation = np.average(one * other, weights=risk) / np.sqrt(
        np.average(one**2, weights=risk) * np.average(other**2, weights=risk)
    )
    inside = np.average(np.abs(apart) <= 1.96 * estimate.uncertainty, weights=risk)
    scaled = risk * table["corrected"].sum() / risk.sum()
    holds = ((table["low"] <= scaled) & (scaled <= table["high"])).to_numpy()
    reported = table["raw"].to_numpy() > 0
    observed = stored.counts.sum(axis=(0, 1)) + stored.found
    dark = dark_cells(stored.people, estimate, observed, stored.left, stored.right, least_people=LEAST_PEOPLE)
    peopled = (stored.people >= LEAST_PEOPLE) & ~dark
    ratio = seen[dark].mean() / seen[peopled].mean() if dark.any() else np.nan
    return correlation, inside, holds[reported].mean(), int(dark.sum()), ratio


def paired(ranked: pd.DataFrame, measure: str, method: str, against: str) -> pd.DataFrame:
    """Return the mean difference of two methods over towns with its 95 % interval, per family and over all."""
    wide = {
        name: ranked[ranked["method"] == name].pivot_table(index="seed", columns="family", values=measure)
        for name in (method, against)
    }
    gain = wide[method] - wide[against]
    gain["all"] = gain.mean(axis=1)
    half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    return pd.DataFrame({"mean": gain.mean(), "low": gain.mean() - half, "high": gain.mean() + half})


def main(towns: int, resolution: int) -> None:
    """Print the tables."""
    judged = [judge(seed, resolution) for seed in range(1, towns + 1)]
    ranked, known = (pd.concat(part) for part in zip(*judged, strict=True))
    print(f"## Risk corrected for effort: {towns} demo towns, H3 resolution {resolution}\n")
    print("Means over towns; differences with their 95 % interval, paired by town.\n")
    for measure, title in (
        ("spearman", "Spearman with the true risk"),
        ("top", "Share of the truly top 2 % found"),
        ("reported", "Spearman, cells with reports only"),
    ):
        means = ranked.pivot_table(index="family", columns="method", values=measure)
        means.loc["all"] = means.mean()
        won, by_effort = (
            paired(ranked, measure, "corrected", against) for against in ("raw", "smoothed only")
        )
        print(f"| {title} | {' | '.join(METHODS)} | corrected − raw | corrected − smoothed only |")
        print("| --- | " + "--- | " * (len(METHODS) + 2))
        for family in [*FAMILIES, "all"]:
            values = " | ".join(f"{means.loc[family, method]:.3f}" for method in METHODS)
            gains = " | ".join(
                f"{each.loc[family, 'mean']:+.3f} [{each.loc[family, 'low']:+.3f}, {each.loc[family, 'high']:+.3f}]"
                for each in (won, by_effort)
            )
            print(f"| {family} | {values} | {gains} |")
        print()
    print("| family | effort: correlation of logarithms | true effort in its 95 % interval |", end="")
    print(" true risk in its 95 % interval (cells with reports) | dark cells | seen there / elsewhere |")
    print("| --- | " + "--- | " * 5)
    for family, row in known.groupby("family", sort=False).mean().iterrows():
        print(
            f"| {family} | {row['correlation']:.2f} | {row['effort_in_interval']:.0%} | "
            f"{row['risk_in_interval']:.0%} | {row['dark']:.0f} | {row['dark_seen']:.2f} |"
        )
    print()


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(*(given + [20, 9][len(given) :]))
