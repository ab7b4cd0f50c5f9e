"""What a file is, by its bytes and not by its name."""

from __future__ import annotations

import codecs
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pingan_geo.errors import PinganError
from pingan_geo.intake.archives import ZIP_DAMAGE, weigh_archive
from pingan_geo.intake.raw import refuse

#: First bytes → what the file is, for files that cannot be read.
_OTHER_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"PAR1", "a Parquet table"),
    (b"{\\rtf", "an RTF document"),
)
#: Endings of pictures that phones and cameras make.
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".heic", ".heif", ".png", ".webp"})
#: What stands beside pictures and is none.
_BESIDE = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})
_ARCHIVES = frozenset({".zip", ".rar", ".7z", ".gz", ".kmz"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif"})
_PASSWORD = "a workbook protected by a password; save it without one"  # noqa: S105 - a sentence

#: A workbook of Excel 97–2003 begins with these records when its cells are encrypted (BOF, FILEPASS).
_LOCKED_BIFF = re.compile(rb"\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00", re.DOTALL)


def family_of(path: Path, start: bytes) -> str:
    """Return ``text``, ``workbook``, ``layer``, ``json`` or ``photos``.

    Raises
    ------
    UnreadableFileError
        If it is none of these; the error says what it is.
    TooLargeInsideError
        If it is an archive that would unpack to too much.
    """
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _family_of_zip(path)
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _family_of_ole(path)
    if start.startswith(b"SQLite format 3\x00"):
        if start[68:72] in {b"GPKG", b"GP10", b"GP11"}:
            return "layer"
        raise refuse(path, "an SQLite database")
    if start.startswith(b"\x00\x00\x27\x0a"):
        if path.suffix.lower() == ".shp":
            return "layer"
        raise refuse(path, "a part of a Shapefile; choose the file ending in .shp")
    if _is_photo(start):
        return "photos"
    for signature, found in _OTHER_KINDS:
        if start.startswith(signature):
            raise refuse(path, found)
    if path.suffix.lower() in {".dbf", ".shx", ".prj"} and b"\x00" in start:
        raise refuse(path, "a part of a Shapefile; choose the file ending in .shp")
    return _family_of_text(path, start)


def _is_photo(start: bytes) -> bool:
    if start.startswith(b"\xff\xd8\xff") or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return True
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES


def _family_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as packed:
            weigh_archive(path, packed)
            names = set(packed.namelist())
            kind = _start_of(packed, "mimetype") if "mimetype" in names else b""
            locked = any(entry.flag_bits & 1 for entry in packed.infolist())
            manifest = _start_of(packed, "META-INF/manifest.xml", 1 << 20) if kind and not locked else b""
    except PinganError:
        raise
    except (KeyError, *ZIP_DAMAGE) as error:
        raise refuse(path, "a damaged ZIP archive") from error
    if locked:
        raise refuse(path, "a ZIP archive protected by a password; pack it without one")
    if b"encryption-data" in manifest:
        raise refuse(path, _PASSWORD)
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names or b"opendocument.spreadsheet" in kind:
        return "workbook"
    if "word/document.xml" in names:
        raise refuse(path, "a Word document")
    if "ppt/presentation.xml" in names:
        raise refuse(path, "a PowerPoint presentation")
    return _family_of_parts(path, names)


def _family_of_parts(path: Path, names: Iterable[str]) -> str:
    """Return the family of an archive that is no Office document."""
    files = [
        name
        for name in names
        if not name.endswith("/")
        and not name.startswith("__MACOSX/")
        and PurePosixPath(name).name.lower() not in _BESIDE
    ]
    if any(PurePosixPath(name).suffix.lower() in _ARCHIVES for name in files):
        raise refuse(path, "a ZIP archive with another archive inside; unpack it first")
    if any(name.lower().endswith((".shp", ".kml")) for name in files):
        if path.suffix.lower() in {".zip", ".kmz"}:
            return "layer"
    elif files and all(map(_is_picture, files)):
        return "photos"
    raise refuse(path, "a ZIP archive; unpack it and choose the file in it")


def _start_of(packed: zipfile.ZipFile, name: str, count: int = 60) -> bytes:
    with packed.open(name) as stream:
        return stream.read(count)


def _family_of_ole(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(16 << 20)
    if "EncryptedPackage".encode("utf-16-le") in content or _LOCKED_BIFF.search(content):
        raise refuse(path, _PASSWORD)
    if "WordDocument".encode("utf-16-le") in content:
        raise refuse(path, "a Word document")
    if "PowerPoint Document".encode("utf-16-le") in content:
        raise refuse(path, "a PowerPoint presentation")
    if "__substg1.0".encode("utf-16-le") in content:
        raise refuse(path, "a mail of Outlook; save its attachment and choose that")
    return "workbook"


def _family_of_text(path: Path, start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = start[: len(start) // 2 * 2].decode("utf-16", "ignore")
        return "json" if _looks_like_json(text.lstrip("\ufeff \t\r\n").encode("utf-8", "ignore")) else "text"
    if b"\x00" in start:
        raise refuse(path, "a binary file")
    head = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")) or (head.startswith(b"<") and b"<table" in head):
        raise refuse(path, "a web page (HTML); open it in a spreadsheet program and save it as XLSX")
    if head.startswith(b"mime-version:") and b"multipart/related" in head:
        raise refuse(path, "a web page (MHTML); open it in a spreadsheet program and save it as XLSX")
    if head.startswith(b"id;p"):
        raise refuse(path, "a SYLK table; open it in a spreadsheet program and save it as XLSX")
    if head.startswith(b"<"):
        if b"<kml" in head:
            return "layer"
        if b"schemas-microsoft-com:office:spreadsheet" in head:
            raise refuse(path, "an XML spreadsheet of 2003; save it as XLSX")
        raise refuse(path, "an XML file")
    if _looks_like_json(head):
        if b"featurecollection" in head or b'"feature"' in head or b'"features"' in head:
            return "layer"
        return "json"
    return "text"


def _looks_like_json(head: bytes) -> bool:
    """Whether text is JSON; a heading in brackets, as in ``[编号],时间``, is not."""
    return re.match(rb'\{\s*["}]|\[\s*[\[{\]"]', head) is not None
