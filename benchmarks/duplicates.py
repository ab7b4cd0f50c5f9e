"""Reports of one incident by several people: which pairs are offered, which missed, which wrongly.

The reports are made (:mod:`made_incidents`), so that the truth is known. A pair that is offered goes to a
queue in which a person merges or declines; nothing is merged unasked. So a wrong pair costs a look, and
a missed one a double count.

Beside it stand two plain rules without words, by ``sklearn.cluster.DBSCAN`` per category (two are enough):
one with 50 m and 24 hours for all, one with the radius and the window that ours uses for each category.
Every pair inside a cluster counts as offered.

Run as ``python benchmarks/duplicates.py [--seed N] [--incidents N] [--many N] [--out DIR]``.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from report import Row, columns, machine, measure, one_core, print_table

one_core()

import numpy as np
import pandas as pd
from made_incidents import NEAR_MISSES, START, make_reports, near_miss_pairs, true_pairs
from sklearn.cluster import DBSCAN

from pingan_geo.coords import local_metres
from pingan_geo.intake.duplicates import DEFAULT_RULE, DEFAULT_RULES, QUEUE_SCORE, find_duplicates
from pingan_geo.model.tables import DUPLICATE_PAIRS

Pair = tuple[int, int]
#: Lines of the table; pairs below the threshold of the queue are not offered, and show how well the score ranks.
SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_TRUTH = ["incident", "near_miss", "born_of"]


@dataclass(frozen=True)
class Shares:
    """How good a set of offered pairs is; shares between 0 and 1, not a number where nothing is counted."""

    offered: int
    precision: float
    recall: float


def shares(offered: Iterable[Pair], truth: set[Pair]) -> Shares:
    """Return precision and recall of offered pairs; the order inside a pair says nothing."""
    found = {(min(pair), max(pair)) for pair in offered}
    right = len(found & truth)
    return Shares(
        offered=len(found),
        precision=right / len(found) if found else float("nan"),
        recall=right / len(truth) if truth else float("nan"),
    )


def ours(
    reports: pd.DataFrame, *, least_score: float = QUEUE_SCORE, new: np.ndarray | None = None
) -> pd.DataFrame:
    """Return the pairs that :func:`find_duplicates` offers; it never sees the truth."""
    seen = reports.drop(columns=_TRUTH)
    found = find_duplicates(seen, rules=DEFAULT_RULES, default=DEFAULT_RULE, new=new, least_score=least_score)
    return DUPLICATE_PAIRS.check(found)


def plain(reports: pd.DataFrame, limits: Mapping[str, tuple[float, float]] | None = None) -> set[Pair]:
    """Return the pairs inside clusters by place and time alone.

    ``limits``: metres and hours by category; 50 m and 24 hours otherwise.
    """
    x, y = local_metres(reports["lon"].mean(), reports["lat"].mean()).forward(reports["lon"], reports["lat"])
    hours = ((reports["time"] - pd.Timestamp(START)) / pd.Timedelta(hours=1)).to_numpy()
    ids, pairs = reports["report_id"].to_numpy(), set()
    for category, places in reports.groupby("category").indices.items():
        metres, window_h = (limits or {}).get(str(category), (50.0, 24.0))
        scaled = np.column_stack([x[places] / metres, y[places] / metres, hours[places] / window_h])
        cluster = DBSCAN(eps=1.0, min_samples=2).fit_predict(scaled)
        for members in pd.Series(ids[places][cluster >= 0]).groupby(cluster[cluster >= 0]):
            pairs |= {(min(pair), max(pair)) for pair in combinations(members[1].tolist(), 2)}
    return pairs


def joined(offered: Iterable[Pair], reports: pd.DataFrame) -> float:
    """Return the share of incidents told by several whose reports all hang together by offered pairs."""
    of_report = dict(zip(reports["report_id"], reports["incident"], strict=True))
    parent = {report: report for report in of_report}

    def root(report: int) -> int:
        while parent[report] != report:
            report = parent[report] = parent[parent[report]]
        return report

    for one, other in offered:
        if of_report[one] == of_report[other]:
            parent[root(one)] = root(other)
    roots = reports["report_id"].map(root).groupby(reports["incident"]).agg(["size", "nunique"])
    several = roots[roots["size"] > 1]
    return float((several["nunique"] == 1).mean()) if len(several) else float("nan")


# -- the report ----------------------------------------------------------------------------------------


def quality(reports: pd.DataFrame) -> pd.DataFrame:
    """Print precision and recall, by score, category and near miss; return our pairs, right or wrong."""
    truth, misses = true_pairs(reports), near_miss_pairs(reports)
    ranked = ours(reports, least_score=min(SCORES))
    found = ranked[ranked["score"] >= QUEUE_SCORE]
    pairs = _pairs(found)
    limits = {category: (rule.radius_m, rule.window_h) for category, rule in DEFAULT_RULES.items()}
    peers = {"50 m and 24 h": plain(reports), "the same radii and windows": plain(reports, limits)}
    print("## Duplicates: made reports of known incidents")
    print(f"\n{machine()}; {pd.Timestamp.now('UTC'):%Y-%m-%d}\n")
    print(
        f"{len(reports):,} reports of {reports['incident'].nunique():,} incidents, {len(truth):,} true pairs, "
        f"{len(misses):,} pairs of near misses.\n"
    )
    lines = []
    for score in SCORES:
        chosen = _pairs(ranked[ranked["score"] >= score])
        what = f"ours, score from {score}" + (" (the queue)" if score == QUEUE_SCORE else "")
        lines.append(_line(what, chosen, truth, reports))
    lines += [_line(f"`DBSCAN`, {name}", offered, truth, reports) for name, offered in peers.items()]
    heads = ("rule", "pairs offered", "precision", "recall", "incidents wholly joined")
    print(columns(heads, lines))
    _by_category(reports, pairs, peers["the same radii and windows"])
    same = peers["the same radii and windows"]
    lines = []
    for name in NEAR_MISSES:
        of_kind = {pair for pair, kind in misses.items() if kind == name}
        lines.append(
            (name, str(len(of_kind)), _percent(_offered(of_kind, pairs)), _percent(_offered(of_kind, same)))
        )
    print(columns(("near miss", "pairs", "offered by ours", "offered by `DBSCAN`, the same radii"), lines))
    return found.assign(
        right=[pair in truth for pair in pairs], near_miss=[misses.get(pair, "") for pair in pairs]
    )


def speed(many: int, seed: int) -> None:
    """Print the seconds for a town's three years, and for a new batch among them."""
    reports = make_reports(seed, incidents=int(many / 1.5), days=1_095, extent_m=6_000).head(many)
    new = np.zeros(len(reports), dtype=bool)
    new[-1_000:] = True
    found, all_pairs = measure(lambda: ours(reports))
    _, batch = measure(lambda: ours(reports, new=new))
    limits = {category: (rule.radius_m, rule.window_h) for category, rule in DEFAULT_RULES.items()}
    clustered, peer = measure(lambda: plain(reports, limits))
    print_table(
        f"Duplicates: {len(reports):,} reports of three years, one core",
        [
            Row("**all pairs**", all_pairs.seconds, "`DBSCAN`, place and time only", peer.seconds,
                f"{len(found):,} pairs, theirs {len(clustered):,}; peak memory +{all_pairs.peak_mb:.0f} MB"),
            Row("the last 1,000 as a new batch", batch.seconds, "", None, f"peak memory +{batch.peak_mb:.0f} MB"),
        ],
    )  # fmt: skip


def _pairs(found: pd.DataFrame) -> list[Pair]:
    return [(min(pair), max(pair)) for pair in zip(found["first"], found["second"], strict=True)]


def _line(what: str, offered: Iterable[Pair], truth: set[Pair], reports: pd.DataFrame) -> tuple[str, ...]:
    offered = list(offered)
    found = shares(offered, truth)
    whole = joined(offered, reports)
    return what, f"{found.offered:,}", _percent(found.precision), _percent(found.recall), _percent(whole)


def _by_category(reports: pd.DataFrame, pairs: list[Pair], same: set[Pair]) -> None:
    """Print a line for each category; a pair belongs to that of its earlier number's report."""
    category = dict(zip(reports["report_id"], reports["category"], strict=True))
    truth = true_pairs(reports)
    lines = []
    for name in sorted(set(category.values())):
        real, mine, theirs = (
            {pair for pair in some if category[pair[0]] == name} for some in (truth, pairs, same)
        )
        one, other = shares(mine, real), shares(theirs, real)
        lines.append(
            (name, str(len(real)), _percent(one.precision), _percent(one.recall), _percent(other.precision),
             _percent(other.recall))
        )  # fmt: skip
    heads = (
        "category",
        "true pairs",
        "precision",
        "recall",
        "`DBSCAN`, the same radii: precision",
        "its recall",
    )
    print(columns(heads, lines))


def _offered(wanted: set[Pair], pairs: Iterable[Pair]) -> float:
    return len(wanted & set(pairs)) / len(wanted) if wanted else float("nan")


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.1%}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--incidents", type=int, default=3_000, help="of the reports whose quality is measured"
    )
    parser.add_argument("--many", type=int, default=100_000, help="reports of which the speed is measured")
    parser.add_argument("--out", type=Path, help="folder: writes reports.csv and pairs.csv there")
    given = parser.parse_args(arguments)
    reports = make_reports(given.seed, given.incidents)
    found = quality(reports)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        reports.to_csv(given.out / "reports.csv", index=False)
        found.to_csv(given.out / "pairs.csv", index=False)
    speed(given.many, given.seed)


if __name__ == "__main__":
    main()
