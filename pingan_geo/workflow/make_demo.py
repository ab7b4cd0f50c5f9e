"""The demo town: one folder, wholly synthetic, the same bytes for the same seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.demo import names
from pingan_geo.demo.alliance import Alliance, build_alliance
from pingan_geo.demo.effort import SOURCES, build_effort
from pingan_geo.demo.geography import build_geography
from pingan_geo.demo.happenings import Happenings, Stage, let_happen
from pingan_geo.demo.rhythm import build_rhythms
from pingan_geo.demo.samples import build_samples
from pingan_geo.demo.spots import build_spots, risk_of_spots
from pingan_geo.demo.truth import effort_table, readme_text, risk_table
from pingan_geo.errors import BadChoiceError
from pingan_geo.intake.identity import content_keys, report_ids, source_keys
from pingan_geo.model.receipt import OnProgress, Progress, Receipt
from pingan_geo.model.tables import REPORTS
from pingan_geo.settings import DATABASE_FILE, TOWN_FILE, read_settings
from pingan_geo.storage.database import compact_store, open_store
from pingan_geo.storage.records import finish_batch, insert_batch, insert_features, insert_reports
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.towns import Town, new_folder, open_town, town_text, write_layer

#: Folder with what the reports were drawn from; nothing in the package reads it.
TRUTH_FOLDER = "truth"
#: Folder with untidy ledgers to try the import with.
SAMPLES_FOLDER = "samples"
USUAL_REPORTS = 12_000
_NOW = datetime.fromisoformat(names.TODAY)
_STAGES = 5


def make_demo(
    folder: Path, *, seed: int = 1, reports: int = USUAL_REPORTS, on_progress: OnProgress | None = None
) -> Town:
    """Make the demo town, whole or not at all.

    Parameters
    ----------
    folder
        To be made; absent or empty.
    seed
        0 or more. The same seed gives the same bytes of every file, the database included; another seed
        moves borders, people and happenings. Names and codes stay.
    reports
        Exactly so many; 0 gives a town without reports. The ground does not depend on it.
    on_progress
        Called between the steps; an exception from it leaves nothing behind.

    Returns
    -------
    Town
        Open; its database is one file again when it is closed.

    Raises
    ------
    BadChoiceError
        If ``seed`` or ``reports`` is negative.
    TownExistsError
        If the folder holds something.
    DatabaseWriteError
        If the folder cannot be written.
    """
    for name, value in (("seed", seed), ("reports", reports)):
        if value < 0:
            raise BadChoiceError(name=name, value=value, expected="0 or more")
    folder = Path(folder).resolve()
    with new_folder(folder) as making:
        _fill(making, seed, reports, on_progress)
    return open_town(folder)


def _fill(folder: Path, seed: int, reports: int, on_progress: OnProgress | None) -> None:
    def tell(step: Progress) -> None:
        if on_progress is not None:
            on_progress(step)

    # A generator for each purpose: more reports do not move the ground.
    seeds = np.random.SeedSequence(seed).spawn(7)
    ground, people, places, clock, eyes, luck, ledgers = (
        np.random.Generator(np.random.PCG64(each)) for each in seeds
    )
    tell(Progress("Laying out the ground", 0, _STAGES, 0))
    geography = build_geography(ground)
    tell(Progress("Settling people and posts", 1, _STAGES, 0))
    alliance = build_alliance(geography.ground, people)
    spots = build_spots(geography, alliance, places)
    stage = Stage(
        geography,
        alliance,
        spots,
        risk_of_spots(spots, places),
        build_rhythms(clock),
        build_effort(spots, geography.ground, alliance, eyes),
    )
    tell(Progress("Letting things happen", 2, _STAGES, 0))
    happenings = let_happen(stage, reports, luck)
    tell(Progress("Writing the town", 3, _STAGES, reports))
    _write_files(folder, stage, happenings)
    _write_samples(folder, stage, ledgers)
    store = open_store(f"sqlite:///{(folder / DATABASE_FILE).as_posix()}", backups=None, create=True)
    try:
        town = Town(folder, read_settings(folder), store)
        for layer, frame in geography.layers.items():
            write_layer(town, layer, frame)
        placer = Placer.of(town)
        with store.begin() as connection:
            _store_features(connection, alliance, placer, seed)
            for ledger in _ledgers(happenings.reports):
                _store_reports(connection, ledger, placer, seed)
        tell(Progress("Writing the town", 4, _STAGES, reports))
        compact_store(store)
    finally:
        store.close()
    tell(Progress("Writing the town", _STAGES, _STAGES, reports))


def _write_files(folder: Path, stage: Stage, happenings: Happenings) -> None:
    about = {
        "name": names.TOWN_NAME,
        "name_en": names.TOWN_NAME_EN,
        "code": names.TOWN_CODE,
        "synthetic": True,
        "notice": names.NOTICE,
        "slogan": names.SLOGAN,
        "today": names.TODAY,
    }
    around = {"within": list(names.WITHIN), "neighbours": list(names.NEIGHBOURS)}
    text = town_text("zh", {"town": about, "taxonomy": {"open": False}, "geocoding": around})
    (folder / TOWN_FILE).write_text(text, encoding="utf-8", newline="\n")
    truth = folder / TRUTH_FOLDER
    truth.mkdir()
    (truth / "README.md").write_text(readme_text(), encoding="utf-8", newline="\n")
    tables = {
        "risk": risk_table(stage.spots, happenings.risk),
        "effort": effort_table(stage.spots, stage.effort, happenings.risk),
    }
    for name, table in tables.items():
        table.to_parquet(truth / f"{name}.parquet", compression="zstd", index=False)


def _write_samples(folder: Path, stage: Stage, luck: np.random.Generator) -> None:
    samples = folder / SAMPLES_FOLDER
    samples.mkdir()
    for name, content in build_samples(stage.geography, stage.alliance.features["places"], luck).items():
        (samples / name).write_bytes(content)


def _store_features(connection: Any, alliance: Alliance, placer: Placer, seed: int) -> None:
    for kind, table in alliance.features.items():
        located = table["lon"].notna().to_numpy()
        lon, lat = table.loc[located, "lon"].to_numpy(), table.loc[located, "lat"].to_numpy()
        zones = placer.zones(lon, lat)
        placed = table.copy()
        placed.loc[located, "cell"] = placer.cells(lon, lat)
        for column in ("grid_id", "village_id"):
            placed.loc[located, column] = zones[column]
        batch = _begin_batch(connection, kind, "", f"{kind}.csv", seed, len(placed))
        insert_features(connection, kind, batch, placed)
        _end_batch(connection, kind, f"{kind}.csv", batch, len(placed))


def _ledgers(reports: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each source with its rows, as if each had handed in its ledger."""
    for source in SOURCES:
        rows = reports[reports["source"] == source].reset_index(drop=True)
        if len(rows):
            yield source, rows


def _store_reports(connection: Any, ledger: tuple[str, pd.DataFrame], placer: Placer, seed: int) -> None:
    source, rows = ledger
    file = f"{source}.csv"
    lon, lat = rows["lon"].to_numpy(), rows["lat"].to_numpy()
    batch = _begin_batch(connection, "reports", source, file, seed, len(rows))
    # Each row has a number of its own, so none can be the second of its kind.
    identity = report_ids(content_keys(rows), np.zeros(len(rows), dtype=np.int64))
    placed = rows.assign(
        report_id=identity,
        source_key=source_keys(rows),
        batch_id=np.full(len(rows), batch, dtype=np.int64),
        cell=placer.cells(lon, lat),
        merged_into=np.zeros(len(rows), dtype=np.int64),
        **placer.zones(lon, lat),
    )
    insert_reports(connection, REPORTS.check(placed))
    _end_batch(connection, "reports", file, batch, len(rows))


def _begin_batch(connection: Any, kind: str, source: str, file: str, seed: int, rows: int) -> int:
    # There is no file; its place is taken by what it would be made of.
    made_of = hashlib.sha256(f"demo {seed} {file} {rows}".encode()).hexdigest()
    return insert_batch(
        connection,
        kind=kind,
        source=source,
        file_name=file,
        file_sha256=made_of,
        datum="wgs84",
        layout="",
        imported_at=_NOW,
    )


def _end_batch(connection: Any, kind: str, file: str, batch: int, rows: int) -> None:
    receipt = Receipt(
        kind=kind,
        file=file,
        batch_id=batch,
        read=rows,
        accepted=rows,
        notes=(("These rows are made up: the town is a demo.", {}),),
    )
    finish_batch(connection, batch, json.dumps(receipt.as_dict(), ensure_ascii=False))
