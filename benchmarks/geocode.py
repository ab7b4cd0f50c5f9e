"""Finding places for words without internet: hits, wrong acceptances, honesty of the radius, speed.

``python benchmarks/geocode.py GAZETTEER.csv QUERIES.csv`` runs on files of your own. ``GAZETTEER``:
``name,kind,lon,lat``; ``QUERIES``: ``text,lon,lat,expect`` with expect ``accept|review|reject`` and, if
wanted, ``noise`` for a line per class; WGS-84; ``lon,lat`` are empty where there is no true place.
Without files a made town of 15,000 entries is used, with texts by class of noise
(:mod:`made_town`, :mod:`geocode_noise`, which state what counts as right).

What is counted
---------------
hit
    The first answer lies within 50 m (200 m) of the truth, whether accepted or in review. Of the texts
    that should be accepted; a rejected one is a miss.
wrongly accepted
    Accepted, and either more than 200 m from the truth or of a text that should be reviewed or rejected.
    To review a text that could be accepted is no error here, but it is work: see "accepted".
radius covers
    The truth lies within the stated radius, of all answers that are not rejected and have a truth.

The files tell nothing but names and places. What a town's settings tell beside them, the names of the town
and of its neighbours, may be given by ``--town-names`` and ``--neighbours``, separated by commas; the figures
with them stand in a column of their own. The made town has both columns.

The peer is the nearest name of ``rapidfuzz.process.extractOne`` with ``fuzz.ratio``: accepted from 90 on,
reviewed from 60 on. Each side runs in a process of its own, on one core; texts timed one by one are asked
in a further process, so that no answer is remembered from the batch.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from import_csv import peak_mb
from report import Row, columns, machine, one_core, print_table

one_core()

import numpy as np
import pandas as pd

HIT_M, FAR_M = 50.0, 200.0
PEER = "`rapidfuzz` nearest name"
PEER_ACCEPTS, PEER_REVIEWS = 90.0, 60.0
ENTRY_COLUMNS, QUERY_COLUMNS = ("name", "kind", "lon", "lat"), ("text", "lon", "lat", "expect")
EXPECTED = ("accept", "review", "reject")


@dataclass(frozen=True)
class Answers:
    """What one geocoder said, and what it took.

    Parameters
    ----------
    located
        ``lon, lat, level, radius_m, status`` in the order of the queries.
    cost
        ``load_s``, ``batch_s``, ``peak_mb`` and ``rise_mb`` (above the libraries), ``median_ms``, ``p99_ms``,
        ``max_ms``; with ``busy`` the seconds of the processor, which a busy machine does not stretch.
    """

    located: pd.DataFrame
    cost: dict[str, float]


@dataclass(frozen=True)
class Measures:
    """Shares between 0 and 1, not a number where nothing was to be counted."""

    rows: int
    hit_50: float
    hit_200: float
    accepted_of_acceptable: float
    wrong_of_all: float
    wrong_of_accepted: float
    absent_accepted: float
    covered: float


def read_entries(path: Path) -> pd.DataFrame:
    """Read a gazetteer; leaves by ``SystemExit`` with one sentence if a column is missing or no number."""
    return _read(path, ENTRY_COLUMNS)


def read_queries(path: Path) -> pd.DataFrame:
    """Read queries; leaves by ``SystemExit`` if a column is missing or ``expect`` has another word."""
    queries = _read(path, QUERY_COLUMNS)
    unknown = sorted(set(queries["expect"]) - set(EXPECTED))
    if unknown:
        raise SystemExit(f"{path}: expect must be accept, review or reject, not {', '.join(unknown)}")
    blind = int(((queries["expect"] == "accept") & queries["lon"].isna()).sum())
    if blind:
        raise SystemExit(f"{path}: {blind} rows that should be accepted have no lon, lat to be judged by")
    return queries if "noise" in queries else queries.assign(noise="")


def judge(queries: pd.DataFrame, located: pd.DataFrame) -> pd.DataFrame:
    """Return the queries with what became of them.

    Adds ``status, level, radius_m, distance_m`` (not a number without truth or answer), ``hit_50, hit_200,
    accepted, wrong, covered`` (booleans; ``covered`` is meant where ``distance_m`` is a number).
    """
    rows = queries.reset_index(drop=True).copy()
    rows["status"], rows["level"] = located["status"].to_numpy(), located["level"].fillna("").to_numpy()
    rows["radius_m"] = located["radius_m"].to_numpy(float)
    lon, lat = located["lon"].to_numpy(float), located["lat"].to_numpy(float)
    rejected = (rows["status"] == "rejected").to_numpy()
    distance = metres(rows["lon"].to_numpy(float), rows["lat"].to_numpy(float), lon, lat)
    distance = np.where(rejected, np.nan, distance)
    accepted, acceptable = (rows["status"] == "accepted").to_numpy(), (rows["expect"] == "accept").to_numpy()
    with np.errstate(invalid="ignore"):  # not a number is never near
        rows["hit_50"], rows["hit_200"] = distance <= HIT_M, distance <= FAR_M
        rows["covered"] = distance <= rows["radius_m"].to_numpy()
    rows["distance_m"], rows["accepted"] = distance, accepted
    rows["wrong"] = accepted & ~(acceptable & rows["hit_200"].to_numpy())
    return rows


def measures(rows: pd.DataFrame) -> Measures:
    """Return the shares of judged rows."""
    acceptable, rejectable = rows[rows["expect"] == "accept"], rows[rows["expect"] == "reject"]
    placed = rows[rows["distance_m"].notna()]
    return Measures(
        rows=len(rows),
        hit_50=_mean(acceptable["hit_50"]),
        hit_200=_mean(acceptable["hit_200"]),
        accepted_of_acceptable=_mean(acceptable["accepted"]),
        wrong_of_all=_mean(rows["wrong"]),
        wrong_of_accepted=_mean(rows.loc[rows["accepted"], "wrong"]),
        absent_accepted=_mean(rejectable["accepted"]),
        covered=_mean(placed["covered"]) if placed["radius_m"].notna().any() else float("nan"),
    )


def metres(lon: np.ndarray, lat: np.ndarray, other_lon: np.ndarray, other_lat: np.ndarray) -> np.ndarray:
    """Return great-circle distances of WGS-84 degrees."""
    a, b, c, d = (np.radians(each) for each in (lon, lat, other_lon, other_lat))
    half = np.sin((d - b) / 2) ** 2 + np.cos(b) * np.cos(d) * np.sin((c - a) / 2) ** 2
    return 2 * 6_371_008.8 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


# -- in processes of their own ------------------------------------------------------------------------------


def ask(
    way: str,
    entries: Path,
    queries: Path,
    *,
    tasks: tuple[str, ...] = ("batch", "single"),
    town_names: str = "",
    neighbours: str = "",
) -> Answers:
    """Run one geocoder in child processes: the batch first, then the texts one by one."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "located.json"
        cost: dict[str, float] = {}
        for task in tasks:
            command = [sys.executable, __file__, "--child", way, task, str(entries), str(queries), str(out)]
            command += [town_names, neighbours]
            done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                raise SystemExit(f"benchmarks/geocode.py: {way} failed, see above")
            cost |= json.loads(done.stdout.splitlines()[-1])
        return Answers(pd.DataFrame(json.loads(out.read_text(encoding="utf-8"))), cost)


def _child(way: str, task: str, files: list[Path], town_names: str, neighbours: str) -> None:
    entries_csv, queries_csv, out = files
    entries, queries = read_entries(entries_csv), read_queries(queries_csv)
    texts = queries["text"].tolist()
    told = {"town_names": _split(town_names), "other_places": _split(neighbours)}
    prepare = {"ours": lambda table: _ours(table, told), "peer": _peer}[way]
    before_mb = peak_mb()
    start, busy = time.perf_counter(), time.process_time()
    locate = prepare(entries)
    load_s, load_busy_s = time.perf_counter() - start, time.process_time() - busy
    if task == "batch":
        start, busy = time.perf_counter(), time.process_time()
        located = locate(texts)
        batch_s, busy = time.perf_counter() - start, time.process_time() - busy
        located = located[["lon", "lat", "level", "radius_m", "status"]]
        assert len(located) == len(texts)
        located.to_json(out, orient="records")
        print(json.dumps({"load_s": load_s, "load_busy_s": load_busy_s, "batch_s": batch_s, "busy_s": busy, "peak_mb": peak_mb(), "rise_mb": peak_mb() - before_mb}))  # fmt: skip
        return
    locate(["预热"])
    taken, worked = [], []
    for text in texts:
        start, busy = time.perf_counter(), time.process_time()
        locate([text])
        taken.append((time.perf_counter() - start) * 1000)
        worked.append((time.process_time() - busy) * 1000)
    print(json.dumps({"median_ms": float(np.median(taken)), "p99_ms": float(np.quantile(taken, 0.99)), "max_ms": max(taken), "busy_p99_ms": float(np.quantile(worked, 0.99)), "busy_max_ms": max(worked)}))  # fmt: skip


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _ours(entries: pd.DataFrame, told: dict[str, tuple[str, ...]]):
    from pingan_geo.geocoding.gazetteer import Gazetteer
    from pingan_geo.geocoding.offline import OfflineGeocoder
    from pingan_geo.model.place import GAZETTEER

    named = pd.DataFrame(
        {
            "entry_id": [str(place) for place in range(len(entries))],
            "name": entries["name"],
            "kind": entries["kind"],
            "lon": entries["lon"],
            "lat": entries["lat"],
            "village_id": "",
            "source": "places",
            "radius_m": float("nan"),
        }
    ).astype(dict(GAZETTEER.columns))
    return OfflineGeocoder(Gazetteer.of(GAZETTEER.check(named), **told)).locate


def _peer(entries: pd.DataFrame):
    from rapidfuzz import fuzz, process

    names = entries["name"].tolist()
    lon, lat = entries["lon"].to_numpy(), entries["lat"].to_numpy()

    def locate(texts):
        found = [
            process.extractOne(text, names, scorer=fuzz.ratio, score_cutoff=PEER_REVIEWS) for text in texts
        ]
        place = np.array([-1 if each is None else each[2] for each in found])
        score = np.array([0.0 if each is None else each[1] for each in found])
        there = place >= 0
        status = np.where(~there, "rejected", np.where(score >= PEER_ACCEPTS, "accepted", "review"))
        nothing = np.full(len(texts), np.nan)
        return pd.DataFrame(
            {
                "lon": np.where(there, lon[place], np.nan),
                "lat": np.where(there, lat[place], np.nan),
                "level": "",
                "radius_m": nothing,
                "status": status,
            }
        )

    return locate


# -- the report -------------------------------------------------------------------------------------------------


def report(
    title: str, queries: pd.DataFrame, ours: Answers, peer: Answers, named: Answers | None = None
) -> pd.DataFrame:
    """Print the tables and return our judged rows; ``named`` is ours, told the names of town and neighbours."""
    mine, theirs = judge(queries, ours.located), judge(queries, peer.located)
    print(f"## {title}\n\n{machine()}; {pd.Timestamp.now('UTC'):%Y-%m-%d}\n")
    expected = queries["expect"].value_counts()
    sides = {"ours": mine, PEER: theirs}
    if named is not None:
        sides = {"ours": mine, "ours, told the town's names": judge(queries, named.located), PEER: theirs}
    shares = [_headline(rows) for rows in sides.values()]
    lines = [
        (what, *(_percent(side[place]) for side in shares), wanted)
        for place, (what, wanted) in enumerate(_HEADLINE.items())
    ]
    print(columns(("what", *sides, "wanted"), lines))
    counts = ", ".join(f"{expected.get(word, 0):,} to {word}" for word in EXPECTED)
    print(f"{len(queries):,} texts: {counts}.\n")
    if (queries["noise"] != "").any():
        print(_by_noise(mine, theirs))
    print(_by_level(mine))
    return mine


def report_speed(title: str, queries: pd.DataFrame, ours: Answers, peer: Answers) -> None:
    """Print seconds, milliseconds and megabytes."""
    mine, theirs, texts = ours.cost, peer.cost, len(queries)
    print_table(
        title,
        [
            Row("all texts at once", mine["batch_s"], PEER, theirs["batch_s"],
                f"{texts / mine['batch_s']:,.0f} texts/s, theirs {texts / theirs['batch_s']:,.0f}; "
                f"{texts / mine['busy_s']:,.0f} per second of processor"),
            Row("one by one: median", mine["median_ms"] / 1000, PEER, theirs["median_ms"] / 1000),
            Row("one by one: 99 of 100 within", mine["p99_ms"] / 1000, PEER, theirs["p99_ms"] / 1000,
                f"{mine['p99_ms']:.1f} ms, of the processor {mine['busy_p99_ms']:.1f} ms"),
            Row("one by one: slowest", mine["max_ms"] / 1000, PEER, theirs["max_ms"] / 1000, f"{mine['max_ms']:.1f} ms, of the processor {mine['busy_max_ms']:.1f} ms"),
            Row("loading the gazetteer", mine["load_s"], "", None,
                f"{mine['load_busy_s']:.2f} s of the processor; peak memory {mine['peak_mb']:.0f} MB, {mine['rise_mb']:.0f} MB of it by loading and asking; "
                f"theirs {theirs['peak_mb']:.0f} MB"),
        ],
    )  # fmt: skip


_HEADLINE = {
    "first answer within 50 m, of texts to accept": "≥ 97 %",
    "first answer within 200 m, of texts to accept": "",
    "accepted unasked, of texts to accept": "",
    "**wrongly accepted, of all texts**": "≤ 1 %",
    "wrongly accepted, of the accepted": "",
    "**accepted, of texts to reject**": "≤ 1 %",
    "accepted, of texts to review": "",
    "accepted, of texts whose entry is absent": "≤ 1 %",
    "stated radius covers the truth": "≥ 90 %",
}


def _headline(rows: pd.DataFrame) -> list[float]:
    """Return the shares in the order of the lines."""
    from geocode_noise import ABSENT  # late: what it needs is no memory of the geocoders

    found = measures(rows)
    review = rows.loc[rows["expect"] == "review", "accepted"]
    absent = rows.loc[rows["noise"].isin(ABSENT), "accepted"]
    return [
        found.hit_50, found.hit_200, found.accepted_of_acceptable, found.wrong_of_all, found.wrong_of_accepted,
        found.absent_accepted, _mean(review), _mean(absent), found.covered,
    ]  # fmt: skip


def _by_noise(mine: pd.DataFrame, theirs: pd.DataFrame) -> str:
    lines = []
    for noise in dict.fromkeys(sorted(mine["noise"], key=lambda name: (_order(mine, name), name))):
        rows, peer = mine[mine["noise"] == noise], theirs[theirs["noise"] == noise]
        one, other = measures(rows), measures(peer)
        words = "/".join(word for word in EXPECTED if (rows["expect"] == word).any())
        lines.append(
            (noise, words, str(len(rows)), _percent(one.hit_50), _percent(one.hit_200), _percent(other.hit_50),
             _percent(_mean(rows["accepted"])), _percent(_mean(rows["wrong"])), _percent(_mean(peer["wrong"])))
        )  # fmt: skip
    heads = (
        "noise",
        "right",
        "texts",
        "≤ 50 m",
        "≤ 200 m",
        "theirs ≤ 50 m",
        "accepted",
        "wrongly",
        "theirs wrongly",
    )
    return columns(heads, lines)


def _order(rows: pd.DataFrame, noise: str) -> int:
    expect = set(rows.loc[rows["noise"] == noise, "expect"])
    return 0 if "accept" in expect else 1 if "review" in expect else 2


def _by_level(rows: pd.DataFrame) -> str:
    placed = rows[rows["distance_m"].notna()]
    lines = []
    for (level, status), part in placed.groupby(["level", "status"]):
        lines.append(
            (level, status, str(len(part)), _percent(_mean(part["covered"])), f"{part['radius_m'].median():.0f}",
             f"{part['distance_m'].quantile(0.9):.0f}")
        )  # fmt: skip
    heads = (
        "level",
        "status",
        "texts with a truth",
        "radius covers",
        "median radius, m",
        "9 of 10 within, m",
    )
    return columns(heads, lines)


def _mean(flags: pd.Series) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.1%}"


def _read(path: Path, wanted: tuple[str, ...]) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    missing = [name for name in wanted if name not in table]
    if missing:
        raise SystemExit(f"{path}: column {', '.join(missing)} is missing; wanted are {','.join(wanted)}")
    for name in ("lon", "lat"):
        numbers = pd.to_numeric(table[name].str.strip().replace("", None), errors="coerce")
        bad = table.loc[numbers.isna() & (table[name].str.strip() != ""), name]
        if len(bad):
            raise SystemExit(f"{path}: {name} of row {bad.index[0] + 2} is no number: {bad.iloc[0]}")
        table[name] = numbers
    return table


# -- from the command line ---------------------------------------------------------------------------------------


def made_files(
    folder: Path, seed: int, entries: int, per_class: int, *, kinds: bool = True
) -> tuple[Path, Path]:
    """Write the CSV of a made town, in no order, and of its queries."""
    from geocode_noise import make_queries
    from made_town import lon_lat, make_town

    folder.mkdir(parents=True, exist_ok=True)
    town = make_town(seed, entries)
    order = np.random.default_rng(seed).permutation(entries)
    listed = list(town.listed())
    rows = [
        (listed[place].name, listed[place].kind, *lon_lat(listed[place].x, listed[place].y))
        for place in order
    ]
    gazetteer, queries = folder / "gazetteer.csv", folder / "queries.csv"
    table = pd.DataFrame(rows, columns=list(ENTRY_COLUMNS))
    (table if kinds else table.assign(kind="")).to_csv(gazetteer, index=False)
    make_queries(town, seed, per_class).to_csv(queries, index=False)
    return gazetteer, queries


def main(arguments: list[str] | None = None) -> Measures:
    """Run, print and return our shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="GAZETTEER.csv QUERIES.csv")
    parser.add_argument("--seed", type=int, default=1, help="of the made town and its texts")
    parser.add_argument("--entries", type=int, default=15_000, help="of the made gazetteer")
    parser.add_argument("--per-class", type=int, default=200, help="texts of each class of noise")
    parser.add_argument("--town-names", default="", help="e.g. 浙江省,嘉兴市,秀洲区,新塍镇")
    parser.add_argument("--neighbours", default="", help="names of the towns around")
    parser.add_argument("--no-kinds", action="store_true", help="leave the kinds of the made gazetteer empty")
    parser.add_argument(
        "--out", type=Path, help="folder: writes gazetteer.csv, queries.csv and judged.csv there"
    )
    given = parser.parse_args(arguments)
    if len(given.files) not in (0, 2):
        parser.error("give both GAZETTEER.csv and QUERIES.csv, or neither")
    with tempfile.TemporaryDirectory() as name:
        if given.files:
            entries_csv, queries_csv = given.files
            title = f"Finding places for words, {entries_csv.name} and {queries_csv.name}"
        else:
            folder = given.out or Path(name)
            entries_csv, queries_csv = made_files(
                folder, given.seed, given.entries, given.per_class, kinds=not given.no_kinds
            )
            title = f"Finding places for words, a made town of {given.entries:,} entries (seed {given.seed})"
            title += ", kinds unknown" if given.no_kinds else ""
            from made_town import NEIGHBOURS, TOWN_NAMES

            given.town_names = given.town_names or ",".join(TOWN_NAMES)
            given.neighbours = given.neighbours or ",".join(NEIGHBOURS)
        queries = read_queries(queries_csv)
        read_entries(entries_csv)
        ours, peer = (ask(way, entries_csv, queries_csv) for way in ("ours", "peer"))
        named = None
        if given.town_names or given.neighbours:
            names = {"town_names": given.town_names, "neighbours": given.neighbours}
            named = ask("ours", entries_csv, queries_csv, tasks=("batch",), **names)
    rows = report(title, queries, ours, peer, named)
    report_speed("Finding places for words: speed, one core", queries, ours, peer)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        rows.to_csv(given.out / "judged.csv", index=False)
    return measures(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3], list(map(Path, sys.argv[4:7])), *sys.argv[7:9])
    else:
        main()
