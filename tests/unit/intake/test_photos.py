"""Photos: refusals and traps first, then the rows, then copies that carry nothing but the picture."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin

from pingan_geo.errors import (
    FileMissingError,
    HeifMissingError,
    TooLargeInsideError,
    TooManyPhotosError,
    UnreadableFileError,
)
from pingan_geo.intake import photos
from pingan_geo.intake.photos import are_photos, is_bare, likeness_of, open_photos, photo_rows, publish_photo
from pingan_geo.model.receipt import HOLD_REASONS

PLACE = {
    ExifTags.GPS.GPSLatitudeRef: "N",
    ExifTags.GPS.GPSLatitude: (30.0, 48.0, 0.36),
    ExifTags.GPS.GPSLongitudeRef: "E",
    ExifTags.GPS.GPSLongitude: (120.0, 36.0, 36.0),
}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:exif="http://ns.adobe.com/exif/1.0/"/></x:xmpmeta>'


def scene(seed=0, size=(400, 300)):
    """A picture with large soft patches, as photos have."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)


def written(
    image=None,
    *,
    gps=None,
    taken="2025:07:03 18:22:01",
    offset="",
    words="",
    comment=b"",
    turn=1,
    kind="JPEG",
    **more,
):
    image = scene() if image is None else image
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    exif[ExifTags.Base.Make] = "Phone"
    said = words.encode()  # Pillow writes no Chinese there, phones do
    if words:
        exif[ExifTags.Base.ImageDescription] = "w" * len(said)
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    if taken:
        inner[ExifTags.Base.DateTimeOriginal] = taken
    if offset:
        inner[ExifTags.Base.OffsetTimeOriginal] = offset
    if comment:
        inner[ExifTags.Base.UserComment] = comment
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif, **more)
    return stream.getvalue().replace(b"w" * max(len(said), 3), said)


def folder_of(tmp_path, files):
    folder = tmp_path / "照片"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zip_of(tmp_path, files, name="p.zip"):
    with zipfile.ZipFile(tmp_path / name, "w") as packed:
        for inner, content in files.items():
            packed.writestr(inner, content)
    return tmp_path / name


def read(path):
    """All rows and all broken rows of photos."""
    table = open_photos(path)
    chunks = list(photo_rows(table))
    assert sum(len(c.rows) + len(c.broken) for c in chunks) == table.total == chunks[-1].done
    rows = [row for c in chunks for row in c.rows.itertuples()]
    broken = [row for c in chunks for row in c.broken.itertuples(index=False)]
    assert {row.reason for row in broken} <= set(HOLD_REASONS)
    return rows, broken


def place_of(tmp_path, **changed):
    gps = {key: value for key, value in {**PLACE, **changed.pop("gps", {})}.items() if value is not None}
    rows, _ = read(folder_of(tmp_path, {"a.jpg": written(gps=gps, **changed)}))
    return rows[0].经度, rows[0].纬度


# -- refused ------------------------------------------------------------------------------------------


def test_nothing_there(tmp_path):
    with pytest.raises(FileMissingError):
        open_photos(tmp_path / "nowhere")


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableFileError, match="a folder without photos"):
        open_photos(tmp_path / "empty")
    with pytest.raises(UnreadableFileError, match="a folder without photos"):
        open_photos(folder_of(tmp_path, {"a.jpg": b"not a picture"}))


def test_a_text_named_as_a_picture_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"<html>")
    with pytest.raises(UnreadableFileError, match="not a picture"):
        open_photos(tmp_path / "a.jpg")


def test_a_damaged_archive_is_refused(tmp_path):
    path = zip_of(tmp_path, {"a.jpg": written()})
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02", b"PK\x01\x09"))
    with pytest.raises(UnreadableFileError, match="ZIP"):
        open_photos(path)


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.jpg", b"\xff\xd8\xff" + bytes(20 << 20))
    assert path.stat().st_size < 100_000
    with pytest.raises(UnreadableFileError, match="swells"):
        open_photos(path)


def test_an_archive_with_a_password_is_refused(tmp_path):
    path = zip_of(tmp_path, {"a.jpg": written()})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="password"):
        open_photos(path)


def test_ten_thousand_photos_are_refused(tmp_path):
    path = zip_of(tmp_path, {f"{number}.jpg": b"\xff\xd8\xff" for number in range(photos.MOST_PHOTOS + 1)})
    with pytest.raises(TooManyPhotosError, match="2001 photos"):
        open_photos(path)


def test_more_than_the_limit_in_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "MOST_BYTES", 1000)
    with pytest.raises(TooLargeInsideError):
        open_photos(folder_of(tmp_path, {"a.jpg": written(), "b.jpg": written()}))


def test_heic_without_the_extra_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    folder = folder_of(tmp_path, {"a.heic": b"\0\0\0\x18ftypheic" + bytes(50), "b.jpg": written()})
    with pytest.raises(HeifMissingError, match=r"1 photos .*pingan-geo\[heif\]"):
        open_photos(folder)


def test_too_large_damaged_deep_and_other_files_are_rows_that_are_broken(tmp_path, monkeypatch):
    good = written()
    monkeypatch.setattr(photos, "MOST_PHOTO_BYTES", 200_000)
    monkeypatch.setattr(photos, "MOST_PIXELS", 1_000_000)
    files = {
        "a.jpg": good,
        "b.jpg": good[: len(good) // 2],
        "c.jpg": b"",
        "d.txt": "电话".encode(),
        "e.jpg": good + bytes(300_000),
        "f.png": written(Image.new("1", (2000, 2000)), kind="PNG"),
        "g/h/i.jpg": good,
        "g/h/i/j/k.jpg": good,
    }
    rows, broken = read(folder_of(tmp_path, files))
    assert [row.照片 for row in rows] == ["a.jpg", "i.jpg"]
    assert [(row.row_number, row.detail, row.reason) for row in broken] == [
        (2, "b.jpg", "broken_photo"),
        (3, "c.jpg", "no_photo"),
        (4, "d.txt", "no_photo"),
        (5, "e.jpg", "large_photo"),
        (6, "f.png", "large_photo"),
        (8, "g/h/i/j/k.jpg", "deep_photo"),
    ]


def test_a_decompression_bomb_is_a_broken_row(tmp_path):
    """A small file that says it is 60,000 by 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    rows, broken = read(folder_of(tmp_path, {"a.png": bomb, "b.jpg": written()}))
    assert [row.照片 for row in rows] == ["b.jpg"]
    assert broken[0].reason == "large_photo"


def test_names_that_lead_out_of_an_archive_are_only_names(tmp_path):
    outside = tmp_path / "outside.jpg"
    path = zip_of(
        tmp_path, {"../../outside.jpg": written(), "/etc/passwd.jpg": written(), "..\\..\\w.jpg": written()}
    )
    before = sorted(tmp_path.rglob("*"))
    rows, broken = read(path)
    assert sorted(row.照片 for row in rows) == ["outside.jpg", "passwd.jpg", "w.jpg"]
    assert not broken
    publish_photo(open_photos(path), 1)
    assert not outside.exists()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(written())
    folder = folder_of(tmp_path, {"a.jpg": written()})
    (folder / "b.jpg").symlink_to(secret)
    rows, broken = read(folder)
    assert [row.照片 for row in rows] == ["a.jpg"]
    assert not broken


def test_cut_and_flipped_bytes_never_crash(tmp_path):
    rng = np.random.default_rng(1)
    good = written(gps=PLACE, words="墙角电线 老化", comment=b"UNICODE\0" + "门口".encode("utf-16-le"))
    files = {}
    for number in range(120):
        content = bytearray(good[: rng.integers(4, len(good))] if number % 3 == 0 else good)
        for place in rng.integers(3, min(len(content), 900), 8 if number % 2 else 1):
            content[place] = rng.integers(0, 256)
        files[f"{number:03d}.jpg"] = bytes(content)
    table = open_photos(folder_of(tmp_path, files))
    for chunk in photo_rows(table):
        for number in chunk.rows.index:
            with contextlib.suppress(UnreadableFileError):
                assert is_bare(publish_photo(table, int(number)).jpeg)
    assert table.total == 120


# -- rows ---------------------------------------------------------------------------------------------


def test_time_and_place_of_the_phone_are_offered(tmp_path):
    content = written(gps=PLACE, offset="+08:00", words="北街路口 飞线充电")
    rows, _ = read(folder_of(tmp_path, {"飞线/b.jpg": content, "a.jpg": written(taken="")}))
    assert [tuple(row)[:-1] for row in rows] == [
        (1, "a.jpg", "", "", "", "", ""),
        (2, "b.jpg", "2025-07-03T18:22:01+08:00", "120.610000", "30.800100", "飞线", "北街路口 飞线充电"),
    ]


def test_number_of_a_photo_is_made_of_its_content_and_holds_no_digit(tmp_path):
    one, other = written(), written(words="别的")
    rows, _ = read(folder_of(tmp_path, {"飞线/b.jpg": one, "a.jpg": one, "c.jpg": other}))
    first, other, again = (row.编号 for row in rows)
    assert first == again != other
    assert re.fullmatch("[a-p]{16}", first)


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({ExifTags.GPS.GPSLatitude: (0, 0, 0), ExifTags.GPS.GPSLongitude: (0, 0, 0)}, ("", "")),
        ({ExifTags.GPS.GPSLatitude: None}, ("", "")),
        ({ExifTags.GPS.GPSLatitude: (91, 0, 0)}, ("", "")),
        ({ExifTags.GPS.GPSLatitude: (30, 75, 0)}, ("", "")),
        ({ExifTags.GPS.GPSLongitude: (TiffImagePlugin.IFDRational(0, 0), 0, 0)}, ("", "")),
        ({ExifTags.GPS.GPSLongitude: (120, TiffImagePlugin.IFDRational(5, 0), 0)}, ("", "")),
        ({ExifTags.GPS.GPSLatitudeRef: "S"}, ("120.610000", "-30.800100")),
        ({ExifTags.GPS.GPSLongitudeRef: "W"}, ("-120.610000", "30.800100")),
        ({ExifTags.GPS.GPSLongitudeRef: "Q"}, ("", "")),
        ({ExifTags.GPS.GPSLongitudeRef: None, ExifTags.GPS.GPSLatitudeRef: None}, ("120.610000", "30.800100")),
    ],
)  # fmt: skip
def test_traps_of_the_place(tmp_path, gps, expected):
    assert place_of(tmp_path, gps=gps) == expected


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2025:13:40 99:00:00", "soon"]
)
def test_a_time_that_is_none_is_empty(tmp_path, taken):
    rows, _ = read(folder_of(tmp_path, {"a.jpg": written(taken=taken)}))
    assert rows[0].时间 == ""


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (b"UNICODE\0" + "塍里 墙角".encode("utf-16-le"), "塍里 墙角"),
        (b"UNICODE\0" + "塍里 墙角".encode("utf-16-be"), "塍里 墙角"),
        (b"ASCII\0\0\0" + "门口堆物".encode("gb18030"), "门口堆物"),
        (b"ASCII\0\0\0" + b'{"sceneMode": 3}', ""),
        (b"ASCII\0\0\0oppo_32", ""),
        (b"ASCII\0\0\0filter: 0; fileterIntensity: 0.0;", ""),
        (b"\0" * 40, ""),
        (b"UNICODE\0\xff", ""),
    ],
)
def test_only_plain_words_become_the_description(tmp_path, comment, expected):
    rows, _ = read(folder_of(tmp_path, {"a.jpg": written(comment=comment)}))
    assert rows[0].描述 == expected


def test_a_cameras_own_words_are_no_description(tmp_path):
    rows, _ = read(folder_of(tmp_path, {"a.jpg": written(words="OLYMPUS DIGITAL CAMERA")}))
    assert rows[0].描述 == ""


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_in_an_archive_without_the_utf8_mark(tmp_path, encoding):
    path = zip_of(tmp_path, {"xxxxxx/yyyyyy.jpg": written()})
    name = "飞线/塍北.jpg".encode(encoding)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("n" * (len(name) - 4) + ".jpg", written())
    content = path.read_bytes().replace(b"n" * (len(name) - 4) + b".jpg", name)
    path.write_bytes(content)
    rows, _ = read(path)
    assert (rows[0].类别, rows[0].照片) == ("飞线", "塍北.jpg")


def test_the_same_pictures_are_known_again_in_any_packing(tmp_path):
    files = {"飞线/b.jpg": written(scene(1)), "a.jpg": written(scene(2))}
    folder, packed = folder_of(tmp_path, files), zip_of(tmp_path, dict(reversed(files.items())))
    assert open_photos(folder).sha256 == open_photos(packed).sha256
    renamed = zip_of(tmp_path, {"飞线/z.jpg": files["飞线/b.jpg"], "y.jpg": files["a.jpg"]}, "r.zip")
    assert open_photos(renamed).sha256 == open_photos(folder).sha256
    moved = zip_of(tmp_path, {"漏水/b.jpg": files["飞线/b.jpg"], "a.jpg": files["a.jpg"]}, "m.zip")
    assert open_photos(moved).sha256 != open_photos(folder).sha256
    assert [tuple(r) for r in read(folder)[0]] == [tuple(r) for r in read(packed)[0]]


def test_what_systems_leave_behind_is_not_counted(tmp_path):
    files = {"a.jpg": written(), "Thumbs.db": b"x", ".DS_Store": b"x", "__MACOSX/._a.jpg": b"x"}
    for path in (folder_of(tmp_path, files), zip_of(tmp_path, files)):
        table = open_photos(path)
        assert (table.total, table.kind, table.headings) == (1, "photos", photos.HEADINGS)


def test_more_photos_than_a_chunk_keep_their_numbers(tmp_path):
    content = written(scene(size=(16, 12)))
    table = open_photos(zip_of(tmp_path, {f"{number:04d}.jpg": content for number in range(250)}))
    chunks = list(photo_rows(table))
    assert [chunk.done for chunk in chunks] == [100, 200, 250]
    assert [number for chunk in chunks for number in chunk.rows.index] == list(range(1, 251))
    assert chunks[2].rows.loc[250, "照片"] == "0249.jpg"


def test_which_paths_are_photos(tmp_path):
    assert are_photos(zip_of(tmp_path, {"a.jpg": b"", "b/c.HEIC": b"", "Thumbs.db": b""}))
    assert not are_photos(zip_of(tmp_path, {"a.jpg": b"", "b.csv": b""}))
    assert not are_photos(zip_of(tmp_path, {}))
    assert are_photos(tmp_path)
    assert are_photos(tmp_path / "a.JPG")
    assert not are_photos(tmp_path / "a.csv")


# -- copies -------------------------------------------------------------------------------------------


def assert_nothing_but_the_picture(jpeg):
    assert is_bare(jpeg)
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()
        assert image.format == "JPEG"
        assert len(image.getexif()) == 0
        assert not image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    head = jpeg[: jpeg.index(b"\xff\xda")]
    assert b"GPS" not in head
    for trace in (b"Exif", b"http://ns.adobe", b"ICC_PROFILE", b"Photoshop", b"Phone"):
        assert trace not in jpeg


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_place_profile_and_words_are_gone_from_the_copy(tmp_path, kind):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", f"secret {XMP.decode()}")
    more = {
        "JPEG": {"words": "secret", "comment": b"secret", "xmp": XMP},
        "WEBP": {"words": "secret", "xmp": XMP},
        "PNG": {"pnginfo": text},
    }
    content = written(gps=PLACE, kind=kind, icc_profile=profile, **more[kind])
    if kind == "JPEG":
        content = content[:2] + b"\xff\xfe\x00\x08secret" + content[2:]  # a comment of its own
    assert b"secret" in content
    assert b"GPS" in content or b"\x88\x25" in content or b"\x25\x88" in content  # the tag of the place
    table = open_photos(folder_of(tmp_path, {f"a.{kind.lower()}": content}))
    photo = publish_photo(table, 1)
    assert_nothing_but_the_picture(photo.jpeg)
    assert b"secret" not in photo.jpeg
    assert photo.name == f"a.{kind.lower()}"
    assert len(photo.sha256) == 64
    assert publish_photo(table, 1) == photo


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_copy_stands_upright(tmp_path, turn):
    upright = scene(3, (320, 200))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation → the transpose that a camera undoes
    turned = upright if turn == 1 else upright.transpose(Image.Transpose(back[turn]))
    photo = publish_photo(
        open_photos(folder_of(tmp_path, {"a.jpg": written(turned, turn=turn, quality=95)})), 1
    )
    with Image.open(io.BytesIO(photo.jpeg)) as image:
        assert image.size == (320, 200)
        off = np.abs(np.asarray(image, dtype=int) - np.asarray(upright, dtype=int)).mean()
    assert off < 6


def test_the_copy_is_small_enough_and_clear_parts_are_white(tmp_path):
    wide = publish_photo(open_photos(folder_of(tmp_path, {"a.jpg": written(scene(4, (3200, 900)))})), 1)
    with Image.open(io.BytesIO(wide.jpeg)) as image:
        assert image.size == (1600, 450)
    clear = Image.new("RGBA", (50, 40), (255, 0, 0, 0))
    glass = publish_photo(open_photos(folder_of(tmp_path / "b", {"a.png": written(clear, kind="PNG")})), 1)
    with Image.open(io.BytesIO(glass.jpeg)) as image:
        assert min(image.getpixel((20, 20))) > 250


def test_a_heic_photo_is_read_and_published_bare(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    content = written(gps=PLACE, offset="+08:00", kind="HEIF")
    assert content[4:8] == b"ftyp"
    path = folder_of(tmp_path, {"a.heic": content})
    rows, broken = read(path)
    assert not broken
    assert (rows[0].时间, rows[0].经度, rows[0].纬度) == (
        "2025-07-03T18:22:01+08:00",
        "120.610000",
        "30.800100",
    )
    assert_nothing_but_the_picture(publish_photo(open_photos(path), 1).jpeg)


def test_a_jpeg_with_anything_beside_the_picture_is_not_bare():
    plain = io.BytesIO()
    scene().save(plain, "JPEG")
    assert is_bare(plain.getvalue())
    assert not is_bare(written())
    assert not is_bare(plain.getvalue() + b"hidden")
    assert not is_bare(b"")
    commented = io.BytesIO()
    scene().save(commented, "JPEG", comment=b"x")
    assert not is_bare(commented.getvalue())


def test_a_photo_that_is_not_there_is_refused(tmp_path):
    table = open_photos(folder_of(tmp_path, {"a.jpg": written(), "b.txt": b"x"}))
    for number in (0, 2, 3):
        with pytest.raises(UnreadableFileError):
            publish_photo(table, number)


def test_likeness(tmp_path):
    one = scene(5, (1200, 900))
    files = {
        "a.jpg": written(one),
        "b.jpg": written(one.resize((600, 450)), quality=60),
        "c.png": written(one, kind="PNG"),
        "d.jpg": written(scene(6, (1200, 900))),
    }
    table = open_photos(folder_of(tmp_path, files))
    marks = [publish_photo(table, number).likeness for number in range(1, 5)]
    assert all(-(2**63) <= mark < 2**63 for mark in marks)
    assert likeness_of(marks[0], marks[0]) == 1.0
    assert likeness_of(marks[0], marks[1]) >= 0.95
    assert likeness_of(marks[0], marks[2]) >= 0.95
    assert likeness_of(marks[0], marks[3]) < 0.75
    assert likeness_of(0, -1) == 0.0
    np.testing.assert_array_equal(likeness_of([0, -1], [0, 0]), [1.0, 0.0])
