"""Datums: speed and exactness of the conversions, and how often a file's datum is guessed rightly.

Beside ``prcoords`` (public domain, one point at a time; its ``math`` functions take no arrays), which is
also the independent opinion on the values. Guessing stands beside the plain rule "the datum with the
smallest median distance", which never asks.

A made file lies in one of seven cities. Its rows name places whose stated radius is drawn from 20 to
80 m; nine of ten reports of a place lie within its radius; one row in ten names the wrong place, anywhere
in the town; numbers are rounded to five or six decimals. A *mixed* file has 30 % of its rows in a second
datum; to choose one for it is wrong, to ask is right.

Run as ``python benchmarks/datum.py [REFERENCE.csv] [--draws N] [--points N]``; the reference is looked
for beside the project otherwise, and left out when absent.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from report import Row, columns, machine, measure, one_core, print_table

one_core()

import numpy as np
import pandas as pd
import prcoords

from pingan_geo.coords import from_wgs84, local_metres, shifted_by_gcj02, to_wgs84
from pingan_geo.intake.datum_guess import guess_datum

DATUMS = ("wgs84", "gcj02", "bd09")
ROWS = (10, 20, 60)
CITIES = {
    "Jiaxing": (120.62, 30.80),
    "Beijing": (116.40, 39.91),
    "Guangzhou": (113.26, 23.13),
    "Chengdu": (104.07, 30.67),
    "Harbin": (126.64, 45.76),
    "Urumqi": (87.62, 43.82),
    "Kunming": (102.83, 24.88),
}
#: Longitude and latitude where no provider shifts anything.
ABROAD = {
    "Tokyo": (139.69, 35.69), "Seoul": (126.98, 37.57), "Ulaanbaatar": (106.91, 47.92), "Hanoi": (105.85, 21.03),
    "Bangkok": (100.50, 13.75), "Manila": (120.98, 14.60), "Delhi": (77.21, 28.61), "Vladivostok": (131.89, 43.12),
    "Almaty": (76.89, 43.24), "Singapore": (103.82, 1.35), "Paris": (2.35, 48.86), "New York": (-74.01, 40.71),
}  # fmt: skip
WRONG_PLACES, SECOND_DATUM = 0.10, 0.30
NORMAL_90 = 2.146  # nine of ten of a round normal scatter lie within so many standard deviations
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "datum_reference.csv"


@dataclass(frozen=True)
class MadeFile:
    """Coordinates as a file writes them, the places that its rows name, and the truth.

    ``datum`` is ``""`` for a mixed file: a person must be asked.
    """

    x: np.ndarray
    y: np.ndarray
    known_lon: np.ndarray
    known_lat: np.ndarray
    radius_m: np.ndarray
    datum: str


def made_file(rng: np.random.Generator, rows: int, datum: str, second: str = "") -> MadeFile:
    """Draw a file; with ``second``, 30 % of its rows, but never fewer than three, are in that datum."""
    plane = local_metres(*list(CITIES.values())[int(rng.integers(len(CITIES)))])
    places = rng.uniform(-3500, 3500, (200, 2))
    radius_of_place = rng.uniform(20, 80, 200)
    named = rng.integers(200, size=rows)
    radius_m = radius_of_place[named]
    true = places[named] + rng.normal(0, 1, (rows, 2)) * (radius_m / NORMAL_90)[:, None]
    wrong = rng.random(rows) < WRONG_PLACES
    named = np.where(wrong, rng.integers(200, size=rows), named)
    lon, lat = plane.inverse(*true.T)
    x, y = from_wgs84(lon, lat, datum)
    if second:
        other = rng.permutation(rows) < max(3, round(SECOND_DATUM * rows))
        second_x, second_y = from_wgs84(lon, lat, second)
        x, y = np.where(other, second_x, x), np.where(other, second_y, y)
    decimals = int(rng.choice([5, 6, 6]))
    known_lon, known_lat = plane.inverse(*places[named].T)
    return MadeFile(
        np.round(x, decimals), np.round(y, decimals), known_lon, known_lat, radius_of_place[named],
        "" if second else datum,
    )  # fmt: skip


def guess_by_median(made: MadeFile) -> str:
    """Return the datum with the smallest median distance from the places."""
    return min(
        DATUMS,
        key=lambda datum: np.median(
            _apart_m(*to_wgs84(made.x, made.y, datum), made.known_lon, made.known_lat)
        ),
    )


def guesses(rng: np.random.Generator, rows: int, datum: str, draws: int) -> dict[str, float]:
    """Return the shares of files guessed rightly, asked about, and guessed wrongly; and of the plain rule.

    ``datum`` may be ``"mixed"``.
    """
    counts = {"right": 0, "asked": 0, "wrong": 0, "plain_right": 0}
    seconds = 0.0
    for _ in range(draws):
        if datum == "mixed":
            first, second = rng.permutation(DATUMS)[:2]
            made = made_file(rng, rows, str(first), str(second))
        else:
            made = made_file(rng, rows, datum)
        start = time.perf_counter()
        said = guess_datum(made.x, made.y, made.known_lon, made.known_lat, made.radius_m).datum
        seconds += time.perf_counter() - start
        counts["right" if said == made.datum else "wrong" if said else "asked"] += 1
        counts["plain_right"] += guess_by_median(made) == made.datum
    return {name: count / draws for name, count in counts.items()} | {"ms": seconds / draws * 1000}


# -- parts of the report -------------------------------------------------------------------------------


def speed(points: int) -> None:
    """Print the seconds of each conversion."""
    rng = np.random.default_rng(1)
    lon, lat = 120.62 + rng.uniform(-0.1, 0.1, points), 30.80 + rng.uniform(-0.1, 0.1, points)
    gcj, bd = from_wgs84(lon, lat, "gcj02"), from_wgs84(lon, lat, "bd09")
    tasks = [
        ("WGS-84 to GCJ-02", lambda: from_wgs84(lon, lat, "gcj02"), prcoords.wgs_gcj, (lon, lat)),
        ("GCJ-02 to WGS-84", lambda: to_wgs84(*gcj, "gcj02"), prcoords.gcj_wgs_bored, gcj),
        ("WGS-84 to BD-09", lambda: from_wgs84(lon, lat, "bd09"), prcoords.wgs_bd, (lon, lat)),
        ("BD-09 to WGS-84", lambda: to_wgs84(*bd, "bd09"), prcoords.bd_wgs_bored, bd),
    ]
    rows = []
    for what, ours, theirs, (x, y) in tasks:
        (our_lon, our_lat), mine = measure(ours, runs=3)
        found, peer = measure(lambda theirs=theirs, x=x, y=y: [theirs(pair) for pair in zip(y.tolist(), x.tolist(), strict=True)])  # fmt: skip
        their_lat, their_lon = np.array(found).T
        off_m = _apart_m(our_lon, our_lat, their_lon, their_lat).max()
        note = f"the two differ by {off_m * 1000:.3f} mm at most; peak memory +{mine.peak_mb:.0f} MB"
        rows.append(Row(what, mine.seconds, "`prcoords`, point by point", peer.seconds, note))
    print_table(f"Datums: converting {points:,} points, one core", rows)


def round_trips(step_deg: float = 0.1) -> dict[str, float]:
    """Return the largest error of there and back in metres, over a grid of the country."""
    lon, lat = (
        each.ravel()
        for each in np.meshgrid(np.arange(73.013, 136, step_deg), np.arange(15.017, 54, step_deg))
    )
    inside = shifted_by_gcj02(lon, lat)
    lon, lat = lon[inside], lat[inside]
    found = {"points": float(lon.size)}
    for datum in ("gcj02", "bd09"):
        found[datum] = float(_apart_m(*to_wgs84(*from_wgs84(lon, lat, datum), datum), lon, lat).max())
    one_step = [
        prcoords.gcj_wgs(prcoords.wgs_gcj(pair)) for pair in zip(lat.tolist(), lon.tolist(), strict=True)
    ]
    their_lat, their_lon = np.array(one_step).T
    found["one step"] = float(_apart_m(their_lon, their_lat, lon, lat).max())
    return found


def exactness(reference: Path | None) -> None:
    """Print errors in metres."""
    trips = round_trips()
    lon, lat = np.array(list(ABROAD.values())).T
    moved = _apart_m(*from_wgs84(lon, lat, "gcj02"), lon, lat).max()
    lines = [
        (
            "there and back, GCJ-02",
            f"{trips['points']:,.0f} places of the country",
            f"{trips['gcj02']:.2g}",
            "≤ 0.001",
        ),
        (
            "there and back, BD-09",
            f"{trips['points']:,.0f} places of the country",
            f"{trips['bd09']:.2g}",
            "≤ 0.001",
        ),
        ("there and back, `prcoords`' one-step inverse", "the same", f"{trips['one step']:.2g}", ""),
        ("moved outside the country", f"{len(ABROAD)} cities", f"{moved:.2g}", "0"),
    ]
    if reference is not None:
        lines += _against(pd.read_csv(reference))
    print(f"## Datums: exactness\n\n{machine()}; {pd.Timestamp.now('UTC'):%Y-%m-%d}\n")
    print(columns(("what", "where", "largest error, m", "wanted"), lines))
    if reference is None:
        print("The reference answers were not found beside the project and are left out.\n")


def _against(table: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Return lines for the answers of other software and of a map provider."""
    lines = []
    computed = table.dropna(subset="bd_lng")
    for datum, prefix in (("gcj02", "gcj"), ("bd09", "bd")):
        off = _apart_m(
            *from_wgs84(computed["wgs_lng"], computed["wgs_lat"], datum),
            computed[f"{prefix}_lng"].to_numpy(), computed[f"{prefix}_lat"].to_numpy(),
        ).max()  # fmt: skip
        lines.append(
            (f"two other implementations, {datum}", f"{len(computed)} places", f"{off:.2g}", "≤ 0.1")
        )
    provider = table[table["name"].eq("Amap convert API grid")]
    near = provider["wgs_lng"].between(120, 122) & provider["wgs_lat"].between(29.5, 32)
    for where, part, wanted in (
        ("around Jiaxing", provider[near], "≤ 0.1"),
        ("in the whole country", provider, ""),
    ):
        off = _apart_m(
            *from_wgs84(part["wgs_lng"], part["wgs_lat"], "gcj02"), part["gcj_lng"].to_numpy(), part["gcj_lat"].to_numpy()
        )  # fmt: skip
        words = f"{len(part)} places {where}, median {np.median(off):.2g}"
        lines.append(("a map provider's own answers", words, f"{off.max():.2g}", wanted))
    abroad = table[table["name"].str.startswith("in box but")]
    moved = _apart_m(
        *from_wgs84(abroad["wgs_lng"], abroad["wgs_lat"], "gcj02"), abroad["wgs_lng"].to_numpy(), abroad["wgs_lat"].to_numpy()
    ).max()  # fmt: skip
    lines.append(
        ("moved where the provider moves nothing", f"{len(abroad)} places in the box", f"{moved:.2g}", "0")
    )
    return lines


def guessing(draws: int) -> None:
    """Print how often the datum of a file is guessed rightly."""
    lines = []
    for rows in ROWS:
        for place, datum in enumerate((*DATUMS, "mixed")):
            found = guesses(np.random.default_rng([rows, place]), rows, datum, draws)
            lines.append(
                (f"{rows} usable rows, {datum}", *(f"{found[name]:.2%}" for name in ("right", "asked", "wrong")),
                 f"{found['plain_right']:.2%}", f"{found['ms']:.1f}")
            )  # fmt: skip
    print(
        f"## Datums: guessing, {draws:,} made files for each line\n\n{machine()}; {pd.Timestamp.now('UTC'):%Y-%m-%d}\n"
    )
    heads = ("file", "right", "asked instead", "wrong", "smallest median, right", "ms a file")
    print(columns(heads, lines))
    print("Of a mixed file, to ask is right and any choice is wrong.\n")


def _apart_m(lon, lat, other_lon, other_lat):
    east = (lon - other_lon) * 111_320 * np.cos(np.radians(lat))
    return np.hypot(east, (lat - other_lat) * 111_320)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "reference", nargs="?", type=Path, help="answers of other software, see ../shared/reference"
    )
    parser.add_argument("--draws", type=int, default=2_000, help="made files for each size and datum")
    parser.add_argument("--points", type=int, default=1_000_000)
    given = parser.parse_args(arguments)
    speed(given.points)
    exactness(given.reference or (REFERENCE if REFERENCE.is_file() else None))
    guessing(given.draws)


if __name__ == "__main__":
    main()
