"""Photos from the folder to the town: refusals, nothing of EXIF, the review, undo, killed imports, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from datetime import datetime

import numpy as np
import pytest
from PIL import ExifTags, Image

from pingan_geo import cli
from pingan_geo.errors import Cancelled, UnreadableFileError
from pingan_geo.intake.photos import is_bare
from pingan_geo.storage import photos
from pingan_geo.storage.records import batch_receipt, read_reports
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.held import export_held, held_rows
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.photos import photo_path, report_photos, row_photos
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.towns import create_town, open_town

NOW = datetime(2026, 3, 1, 9)
SECRET = "Phone-SN-4711"


@pytest.fixture
def town(tiny_town_files, tmp_path):
    town = create_town(tmp_path / "town", area=tiny_town_files / "area.geojson", name="小镇")
    file = town.folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    yield town
    town.close()


def photo(seed, *, place=True, taken=None, size=(320, 240)):
    """A JPEG as a phone writes it, with place, time, a serial number and XMP."""
    taken = f"2025:07:03 18:22:{seed:02d}" if taken is None else taken
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = SECRET
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    if taken:
        inner[ExifTags.Base.DateTimeOriginal] = taken
    if place:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {
                ExifTags.GPS.GPSLatitudeRef: "N",
                ExifTags.GPS.GPSLatitude: (30.0, 47.0, 27.6),
                ExifTags.GPS.GPSLongitudeRef: "E",
                ExifTags.GPS.GPSLongitude: (120.0, 36.0, 39.6),
            }
        )
    stream = io.BytesIO()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + SECRET.encode() + b"</x:xmpmeta>"
    Image.fromarray(patches).resize(size).save(stream, "JPEG", exif=exif, xmp=xmp, comment=SECRET.encode())
    return stream.getvalue()


def folder_of(tmp_path, files, name="照片"):
    for inner, content in files.items():
        file = tmp_path / name / inner
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / name


def packed(tmp_path, files):
    with zipfile.ZipFile(tmp_path / "照片.zip", "w") as archive:
        for inner, content in files.items():
            archive.writestr(inner, content)
    return tmp_path / "照片.zip"


def media(town):
    folder = town.folder / "media"
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []


def named(town):
    with town.store.read() as connection:
        return sorted(photos.photo_files(connection))


def stored(town):
    with town.store.read() as connection:
        return read_reports(connection)


def bring(town, path, **how):
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


# -- refused -----------------------------------------------------------------------------------------


def test_folder_without_photos_is_refused_and_leaves_nothing(town, tmp_path):
    folder = folder_of(tmp_path, {"说明.txt": b"none"})
    with pytest.raises(UnreadableFileError, match="without photos"):
        import_reports(town, folder, now=NOW)
    assert media(town) == []


@pytest.mark.parametrize("name", ["", ".", "..", "../town.toml", "town.toml", "a" * 64, "A" * 64 + ".jpg"])
def test_only_photos_that_are_named_are_handed_out(town, tmp_path, name):
    bring(town, folder_of(tmp_path, {"火灾隐患/a.jpg": photo(1)}))
    stray = "0" * 64 + ".jpg"
    (town.folder / "media" / stray).write_bytes(b"x")
    assert photo_path(town, name) is None
    assert photo_path(town, stray) is None
    kept = named(town)[0]
    assert photo_path(town, kept) == town.folder / "media" / kept
    (town.folder / "media" / kept).unlink()
    (town.folder / "media" / kept).symlink_to(town.folder / "town.toml")
    assert photo_path(town, kept) is None


# -- kept --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [folder_of, packed])
def test_photos_become_reports_with_a_copy_that_tells_nothing(town, tmp_path, pack):
    code = town.settings.categories[0].code
    files = {
        f"{code}/a.jpg": photo(1),
        f"{code}/里面/b.jpg": photo(2),
        f"{code}/c.jpg": photo(3, place=False),
    }
    files |= {f"{code}/坏.jpg": photo(4)[:200], f"{code}/空.jpg": b"text"}
    receipt = bring(town, pack(tmp_path, files))
    assert (receipt.read, receipt.accepted, receipt.held) == (5, 1, 4)
    assert receipt.held_by_reason == {"broken_photo": 1, "no_photo": 1, "no_place": 1, "unknown_category": 1}
    found = stored(town).iloc[0]
    assert (round(found["lon"], 5), round(found["lat"], 5), found["category"]) == (120.611, 30.791, code)
    assert str(found["time"]) == "2025-07-03 18:22:01"
    assert len(named(town)) == 3
    assert media(town) == named(town)
    for name in media(town):
        content = (town.folder / "media" / name).read_bytes()
        assert is_bare(content)
        for trace in (b"Exif", b"GPS", b"2025:07", b"xmpmeta", b"http", SECRET.encode()):
            assert trace not in content
    whole = b"".join(file.read_bytes() for file in town.folder.glob("town.sqlite*"))
    assert SECRET.encode() not in whole
    assert report_photos(town, int(found["report_id"])) == row_photos(town, 1, int(found["row_number"]))


def test_single_photo_waits_for_its_category_and_takes_the_picture_along(town, tmp_path):
    bring(town, folder_of(tmp_path, {"RD1/x.jpg": photo(9, taken="2025:01:01 08:00:00")}, "earlier"))
    file = tmp_path / "IMG_1.jpg"
    file.write_bytes(photo(1))
    assert bring(town, file).held_by_reason == {"no_category": 1}
    item = review_queue(town).items[0]
    assert item.reason == "no_category"
    assert item.candidates[0].code == "RD1"  # used of late
    assert len(item.candidates) == 5
    kept = row_photos(town, 2, 1)
    assert len(kept) == 1
    outcome = answer(town, item.key, Answer("mend", cells=item.candidates[1].cells), now=NOW)
    assert outcome.corrected == 1
    report = stored(town).set_index("batch_id").loc[2]
    assert report["category"] == item.candidates[1].code
    assert report_photos(town, int(report["report_id"])) == kept
    take_back_answer(town)
    assert report_photos(town, int(report["report_id"])) == []
    assert row_photos(town, 2, 1) == kept
    assert media(town) == named(town)


def test_photo_follows_a_row_that_is_mended_in_the_file(town, tmp_path):
    bring(town, folder_of(tmp_path, {"飞碟/a.jpg": photo(1)}))
    kept = row_photos(town, 1, 1)
    export_held(town, tmp_path / "held.csv")
    text = (tmp_path / "held.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "mended.csv").write_text(text.replace(",飞碟,", ",FW1,"), encoding="utf-8")
    receipt = bring(town, tmp_path / "mended.csv")
    assert (receipt.accepted, receipt.held) == (1, 0)
    report = stored(town).iloc[0]
    assert (report["batch_id"], report["datum"], report["datum_known_by"]) == (2, "wgs84", "crs")
    assert report_photos(town, int(report["report_id"])) == kept
    undo_import(town, 2, NOW)
    assert media(town) == named(town) == kept
    assert len(held_rows(town)) == 1
    with town.store.read() as connection:
        assert photos.read_photos(connection)["report_id"].tolist() == [0]


# -- gone --------------------------------------------------------------------------------------------


def test_undo_removes_the_photos_that_no_other_import_names(town, tmp_path):
    bring(town, folder_of(tmp_path, {"FW1/a.jpg": photo(1), "FW1/b.jpg": photo(2)}, "one"))
    first = media(town)
    # the same picture elsewhere is another report of the same photo
    bring(town, folder_of(tmp_path, {"RD1/a.jpg": photo(1), "RD1/c.jpg": photo(3)}, "two"))
    assert len(media(town)) == 3
    (town.folder / "media" / "章.jpg").write_bytes(b"not ours")
    undo_import(town, 2, NOW)
    assert media(town) == [*first, "章.jpg"]
    undo_import(town, 1, NOW)
    assert media(town) == ["章.jpg"]
    assert named(town) == []


def test_cancelled_import_leaves_no_photo(town, tmp_path):
    bring(town, folder_of(tmp_path, {"FW1/a.jpg": photo(1)}, "one"))
    before = media(town)

    def stop(step):
        if step.stage == "Importing reports":
            assert len(media(town)) == 3  # they were written
            raise Cancelled

    with pytest.raises(Cancelled):
        import_reports(
            town, folder_of(tmp_path, {"FW1/a.jpg": photo(1), "FW1/b.jpg": photo(2), "RD1/c.jpg": photo(3)}),
            now=NOW, on_progress=stop,
        )  # fmt: skip
    assert media(town) == before == named(town)


def test_trial_keeps_no_photo_and_sweeps_none(town, tmp_path):
    folder = folder_of(tmp_path, {"FW1/a.jpg": photo(1)})
    assert bring(town, folder, dry_run=True).accepted == 1
    assert media(town) == []


KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import open_town

def die(step):
    if step.stage == "Importing reports":
        os._exit(9)

town = open_town(Path(sys.argv[1]))
import_reports(town, Path(sys.argv[2]), now=datetime(2026, 3, 1, 9), on_progress=die)
"""


def test_killed_import_leaves_files_that_the_next_import_removes(town, tmp_path):
    bring(town, folder_of(tmp_path, {"FW1/a.jpg": photo(1)}, "one"))
    before = named(town)
    folder = folder_of(tmp_path, {"FW1/b.jpg": photo(2), "飞碟/c.jpg": photo(3)}, "two")
    done = subprocess.run([sys.executable, "-c", KILLED, str(town.folder), str(folder)], check=False)
    assert done.returncode == 9
    assert named(town) == before
    assert len(media(town)) == 3
    (town.folder / "media" / ("1" * 64 + ".part")).write_bytes(b"half a pic")
    bring(town, folder_of(tmp_path, {"RD1/d.jpg": photo(4)}, "three"))
    assert media(town) == named(town)
    assert len(named(town)) == 2
    bring(town, folder)  # and the killed one can be made again
    assert media(town) == named(town)
    for name in named(town):
        Image.open(town.folder / "media" / name).load()


# -- the command line ----------------------------------------------------------------------------------


def test_exit_codes_of_photos(town, tmp_path, capsys):
    town.close()

    def run(*words):
        code = cli.main([*map(str, words), "--town", str(town.folder), "--json"])
        return code, json.loads(capsys.readouterr().out or "{}")

    assert run("import", "reports", folder_of(tmp_path, {"FW1/a.jpg": photo(1)}, "one"))[0] == 0
    code, said = run("import", "reports", folder_of(tmp_path, {"b.jpg": photo(2)}, "two"))
    assert (code, said["held"], said["held_by_reason"]) == (1, 1, {"no_category": 1})
    assert run("import", "reports", folder_of(tmp_path, {"c.txt": b"x"}, "three"))[0] == 2
    again = open_town(town.folder)
    assert len(media(again)) == 2
    with again.store.read() as connection:
        assert json.loads(batch_receipt(connection, 2))["held"] == 1
    again.close()


def test_photos_of_one_second_and_place_are_told_apart_by_their_content(town, tmp_path):
    code, taken = town.settings.categories[0].code, "2025:07:03 18:22:01"
    first, second, third = (photo(seed, taken=taken) for seed in (1, 2, 3))
    receipt = bring(town, folder_of(tmp_path, {f"{code}/a.jpg": first, f"{code}/b.jpg": second}, "一"))
    assert receipt.accepted == 2
    again = {f"{code}/x.jpg": second, f"{code}/y.jpg": third, f"{code}/z.jpg": third}
    receipt = bring(town, folder_of(tmp_path, again, "二"))
    assert (receipt.accepted, receipt.repeated) == (1, 2)  # the third is new, and came twice
    reports = stored(town)
    assert len(reports) == 3
    assert reports["time"].nunique() == 1
    assert reports["source_id"].nunique() == 3
    assert len(media(town)) == 3
