"""Photos → rows as received, and copies that carry nothing but the picture.

A folder, a ZIP archive or one picture is read as a table: the time and place that the phone wrote are
offered as cells, the folder's name as the category. Nothing is unpacked to the disk. What is published is
a new JPEG made of the pixels alone; the place in EXIF never leaves with it.

This is the only door to Pillow.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
from PIL import ExifTags, Image, ImageCms, ImageOps

from pingan_geo.errors import (
    FileMissingError,
    HeifMissingError,
    PhotoNotBareError,
    TooLargeInsideError,
    TooManyPhotosError,
    UnreadableFileError,
)
from pingan_geo.intake.raw import RawChunk, TableFile, as_json, broken_frame, refuse, text_frame

HEADINGS: Final = ("照片", "时间", "经度", "纬度", "类别", "描述", "编号")
#: Endings of pictures that are read, lower case.
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif"})

MOST_PHOTOS: Final = 2_000
MOST_BYTES: Final = 2 << 30
MOST_PHOTO_BYTES: Final = 30 << 20
MOST_PIXELS: Final = 100_000_000
#: Pictures are packed already: what shrinks more than this is no picture.
MOST_RATIO: Final = 100
#: Folders between the one given and the photo.
MOST_DEPTH: Final = 2
LONGEST_SIDE: Final = 1600

_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
_CHUNK_PHOTOS: Final = 100
_QUALITY: Final = 85
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MOST_WORDS: Final = 500
#: What a damaged picture makes the decoders raise.
_DAMAGED: Final = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, MemoryError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True)
class Photo:
    """A copy of a photo that may be kept and shown.

    Parameters
    ----------
    name
        Of the file as received, without its folder.
    jpeg
        Upright, at most :data:`LONGEST_SIDE` pixels long, without EXIF, GPS, XMP, profile or comment.
    sha256
        Of the file as received, hexadecimal.
    likeness
        64 bits of a difference hash as a signed number, for :func:`likeness_of`.
    """

    name: str
    jpeg: bytes = field(repr=False)
    sha256: str
    likeness: int


@dataclass(frozen=True)
class _Source:
    """One file: its inner path, and where its bytes are."""

    inner: PurePosixPath
    size: int
    member: zipfile.ZipInfo | None = field(default=None, compare=False)
    file: Path | None = None

    @property
    def folder(self) -> str:
        return self.inner.parent.name

    @property
    def name(self) -> str:
        return self.inner.name


#: Codes of HOLD_REASONS of files that are no picture to keep.
UNFIT: Final = frozenset({"broken_photo", "large_photo", "no_photo", "deep_photo"})


class _UnfitError(Exception):
    """A file that becomes no row; the words are a code of HOLD_REASONS."""


# -- opening -----------------------------------------------------------------------------------------


def are_photos(path: Path) -> bool:
    """Say whether a path is a folder, a ZIP archive of nothing but pictures, or a picture, by the names.

    Parameters
    ----------
    path
        Of anything; what cannot be opened is no photo.
    """
    if path.is_dir():
        return True
    if not zipfile.is_zipfile(path):
        return path.suffix.lower() in SUFFIXES
    try:
        with zipfile.ZipFile(path) as packed:
            names = [name for name in map(_inner_path, packed.infolist()) if name is not None]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return bool(names) and all(name.suffix.lower() in SUFFIXES for name in names)


def open_photos(path: Path) -> TableFile:
    """Find the photos of a folder, of a ZIP archive, or a single one.

    Parameters
    ----------
    path
        A folder (photos may lie up to :data:`MOST_DEPTH` folders deep), a ZIP archive or a picture
        (JPEG, PNG, WEBP; HEIC with the extra ``heif``).

    Returns
    -------
    TableFile
        ``kind`` is ``photos``; the headings are :data:`HEADINGS`; ``total`` is the number of photos.
        ``sha256`` depends on the pictures and the folders they lie in, not on their names, their order or
        the packing.

    Raises
    ------
    FileMissingError
        If there is nothing at the path.
    UnreadableFileError
        If nothing there is a picture, or the archive is damaged, protected by a password or harmful.
    TooManyPhotosError, TooLargeInsideError
        If there are more than :data:`MOST_PHOTOS`, or they unpack to more than :data:`MOST_BYTES`.
    HeifMissingError
        If there are HEIC pictures and the extra is not installed.
    """
    if not path.exists():
        raise FileMissingError(file=path)
    if path.is_dir():
        sources = _of_folder(path)
    elif zipfile.is_zipfile(path):
        sources = _of_archive(path)
    else:
        sources = [_Source(PurePosixPath(path.name), path.stat().st_size, file=path)]
    if len(sources) > MOST_PHOTOS:
        raise TooManyPhotosError(file=path.name, count=len(sources), limit=MOST_PHOTOS)
    size = sum(source.size for source in sources)
    if size > MOST_BYTES:
        raise TooLargeInsideError(
            file=path.name, size=f"{size >> 20} MB", entries=len(sources), limit=f"{MOST_BYTES >> 20} MB"
        )
    ordered = tuple(sorted(sources, key=lambda source: (len(source.inner.parts), source.inner.as_posix())))
    hashes, pictures, heifs = [], 0, 0
    with _Contents(path) as contents:
        for source in ordered:
            try:
                content = contents.read(source)
            except _UnfitError:
                content = b""
            hashes.append(_sha256(source.folder.encode() + b"\0" + _sha256(content).encode()))
            kind = _kind_of(content)
            pictures, heifs = pictures + bool(kind), heifs + (kind == "HEIF")
    if not pictures:
        raise refuse(path, "a folder without photos" if path.is_dir() else "not a picture that can be opened")
    if heifs and not _heif_ready():
        raise HeifMissingError(file=path.name, count=heifs)
    return TableFile(
        path=path,
        sha256=_sha256("".join(sorted(hashes)).encode()),
        size=size,
        kind="photos",
        headings=HEADINGS,
        heading_row=0,
        total=len(ordered),
        held_open=ordered,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _of_folder(path: Path) -> list[_Source]:
    found = []
    for file in path.rglob("*"):
        inner = PurePosixPath(*file.relative_to(path).parts)
        if file.is_symlink() or not file.is_file() or _is_clutter(inner):
            continue  # a link may lead out of the folder
        found.append(_Source(inner, file.stat().st_size, file=file))
        if len(found) > 10 * MOST_PHOTOS:
            break  # somebody chose a whole disk
    return found


def _of_archive(path: Path) -> list[_Source]:
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise refuse(path, "a damaged ZIP archive") from error
    found = []
    for member in members:
        inner = _inner_path(member)
        if inner is None:
            continue
        if member.flag_bits & 1:
            raise refuse(path, "a ZIP archive protected by a password; pack it without one")
        if member.file_size > (1 << 20) and member.file_size > MOST_RATIO * max(member.compress_size, 1):
            raise refuse(path, "an archive that swells when it is unpacked, as a harmful one does")
        found.append(_Source(inner, member.file_size, member=member))
    return found


def _inner_path(member: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return the path of a member without anything that could lead out; ``None`` for what is no file."""
    name = member.orig_filename
    if not member.flag_bits & 0x800:  # not said to be UTF-8: then zipfile took it for code page 437
        for encoding in ("utf-8", "gb18030"):
            try:
                name = name.encode("cp437").decode(encoding)
                break
            except UnicodeError:
                continue
    name = "".join(letter for letter in name if letter.isprintable()).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in {"", ".", ".."}]
    inner = PurePosixPath(*parts)
    return None if not parts or name.endswith("/") or _is_clutter(inner) else inner


def _is_clutter(inner: PurePosixPath) -> bool:
    """Say whether a file is one that systems leave in folders of their own accord."""
    return (
        any(part.startswith(".") or part == "__MACOSX" for part in inner.parts)
        or inner.name.lower() in {"thumbs.db", "desktop.ini"}
    )  # fmt: skip


class _Contents:
    """Reads files, from an archive that is opened once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._packed: zipfile.ZipFile | None = None

    def __enter__(self) -> _Contents:
        return self

    def __exit__(self, *_: object) -> None:
        if self._packed is not None:
            self._packed.close()

    def read(self, source: _Source) -> bytes:
        """Return the bytes of a file, or raise :class:`_UnfitError`."""
        if len(source.inner.parts) > MOST_DEPTH + 1:
            raise _UnfitError("deep_photo")
        if source.size > MOST_PHOTO_BYTES:
            raise _UnfitError("large_photo")
        try:
            if source.file is not None:
                return source.file.read_bytes()
            if self._packed is None:
                self._packed = zipfile.ZipFile(self._path)
            assert source.member is not None  # noqa: S101 - a file or a member
            return self._packed.read(source.member)
        except _DAMAGED as error:
            raise _UnfitError("broken_photo") from error


# -- rows --------------------------------------------------------------------------------------------


def photo_rows(table: TableFile) -> Iterator[RawChunk]:
    """Read photos as rows.

    Parameters
    ----------
    table
        From :func:`open_photos`.

    Yields
    ------
    RawChunk
        The row number counts the photos by folder and name. ``照片`` is the name without the folder;
        ``时间`` when it was taken, with the offset where the phone wrote one; ``经度``, ``纬度`` in degrees as
        the phone wrote them, taken as WGS-84, empty where it wrote none, 0, 0 or nonsense; ``类别`` the
        folder it lies in; ``描述`` what a person wrote into the picture; ``编号`` sixteen letters made of the
        content, so that two photos of one second and place are two rows, and one photo is known again. A file that is no picture, damaged,
        too large or too deep is a row of ``broken``, whose further column ``reason`` is a code of
        HOLD_REASONS.
    """
    sources: Sequence[_Source] = table.held_open
    with _Contents(table.path) as contents:
        for start in range(0, len(sources), _CHUNK_PHOTOS):
            part = sources[start : start + _CHUNK_PHOTOS]
            numbers, rows, broken, reasons = [], [], [], []
            for number, source in enumerate(part, start + 1):
                try:
                    cells = _cells(source, contents.read(source))
                except _UnfitError as unfit:
                    values = as_json(HEADINGS, [source.name, "", "", "", source.folder, "", ""])
                    broken.append((number, source.inner.as_posix(), values))
                    reasons.append(str(unfit))
                    continue
                numbers.append(number)
                rows.append(cells)
            columns = zip(*rows, strict=True) if rows else ([] for _ in HEADINGS)
            texts = {
                name: pa.array(list(cells), pa.large_string())
                for name, cells in zip(HEADINGS, columns, strict=True)
            }
            yield RawChunk(
                text_frame(texts, np.array(numbers, "int64")),
                broken_frame(broken).assign(reason=np.array(reasons, dtype=str)).astype({"reason": "str"}),
                0,
                start + len(part),
            )


def _cells(source: _Source, content: bytes) -> tuple[str, ...]:
    with _quiet(), _opened(content) as image:
        exif = _exif(image)
        taken, gps = _ifd(exif, ExifTags.IFD.Exif), _ifd(exif, ExifTags.IFD.GPSInfo)
        try:  # at an eighth of its size: enough to find damage
            image.draft("RGB", (image.width // 8 or 1, image.height // 8 or 1))
            image.load()
        except _DAMAGED as error:
            raise _UnfitError("broken_photo") from error
    lon, lat = _place(gps)
    words = _plain(_tag(exif, ExifTags.Base.ImageDescription)) or _plain(
        _tag(taken, ExifTags.Base.UserComment)
    )
    return source.name, _time(taken), lon, lat, source.folder, words, _number(content)


def _number(content: bytes) -> str:
    """Return letters for a content; digits could be taken for a telephone number, and masked."""
    return _sha256(content)[:16].translate(_LETTERS)


def _quiet() -> Any:
    """Return a context in which decoders do not warn of what is judged here."""
    return warnings.catch_warnings(action="ignore")


def _kind_of(content: bytes) -> str:
    """Return the kind of a picture by its first bytes, ``""`` for anything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        return "HEIF"
    return ""


def _heif_ready() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _opened(content: bytes) -> Image.Image:
    """Return a picture whose size is known and not yet decoded, or raise :class:`_UnfitError`."""
    kind = _kind_of(content)
    if not kind:
        raise _UnfitError("no_photo")
    if kind == "HEIF" and not _heif_ready():
        raise _UnfitError("no_photo")
    try:
        image = Image.open(io.BytesIO(content), formats=(kind,))
    except Image.DecompressionBombError as error:
        raise _UnfitError("large_photo") from error
    except _DAMAGED as error:
        raise _UnfitError("broken_photo") from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise _UnfitError("large_photo")
    return image


def _exif(image: Image.Image) -> Any:
    try:
        return image.getexif()
    except _DAMAGED:
        return {}


def _ifd(exif: Any, number: int) -> Any:
    try:
        return exif.get_ifd(number)
    except _DAMAGED:
        return {}


def _tag(ifd: Any, number: int) -> Any:
    try:
        return ifd.get(number)
    except _DAMAGED:
        return None


def _time(ifd: Any) -> str:
    """Return when a photo was taken, ISO, ``""`` where the phone wrote no real time."""
    said = _tag(ifd, ExifTags.Base.DateTimeOriginal)
    try:
        time = datetime.strptime(str(said).strip().strip("\0")[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return ""
    offset = str(_tag(ifd, ExifTags.Base.OffsetTimeOriginal) or "").strip().strip("\0")
    return time.isoformat() + (offset if re.fullmatch(r"[+-]\d\d:\d\d", offset) else "")


def _place(ifd: Any) -> tuple[str, str]:
    """Return longitude and latitude as text, empty where the phone wrote none that can be."""
    lon = _degrees(_tag(ifd, ExifTags.GPS.GPSLongitude), _tag(ifd, ExifTags.GPS.GPSLongitudeRef), "EW")
    lat = _degrees(_tag(ifd, ExifTags.GPS.GPSLatitude), _tag(ifd, ExifTags.GPS.GPSLatitudeRef), "NS")
    there = abs(lon) <= 180 and abs(lat) <= 90 and not (lon == 0 and lat == 0)  # false for NaN
    return (f"{lon:.6f}", f"{lat:.6f}") if there else ("", "")


def _degrees(parts: Any, ref: Any, letters: str) -> float:
    """Return degrees of (degrees, minutes, seconds); NaN for zero denominators and anything odd."""
    side = ref.decode("ascii", "replace") if isinstance(ref, bytes) else str(ref or letters[0])
    side = side.strip().strip("\0").upper()[:1]
    if side not in letters or not side:
        return float("nan")
    try:
        numbers = [float(part) for part in (parts if isinstance(parts, Sequence) else (parts,))]
    except _DAMAGED:
        return float("nan")
    if not 1 <= len(numbers) <= 3 or not all(number >= 0 for number in numbers):
        return float("nan")
    if any(number >= 60.001 for number in numbers[1:]):
        return float("nan")
    degrees: float = sum(number / 60**place for place, number in enumerate(numbers))
    return -degrees if side == letters[1] else degrees


_CAMERA_WORDS = re.compile(r".*digital camera|sony dsc|dcim|default|hdrpl?|jpeg|screenshot", re.IGNORECASE)
_MACHINE_WORDS = re.compile(r"[{\[<].*|.*\w+\s*[:=]\s*[^;,|]*[;|].*|[\x21-\x7e]*", re.DOTALL)


def _plain(said: Any) -> str:
    """Return the words that a person wrote; ``""`` for what a camera or an app wrote for itself."""
    if isinstance(said, bytes):
        text = _user_comment(said)
    elif isinstance(said, str):
        text = _utf8_or_gbk(said.encode("latin-1")) if _is_latin(said) else said
    else:
        return ""
    text = " ".join(text.replace("\0", " ").split())
    if not text or len(text) > _MOST_WORDS or not text.isprintable():
        return ""
    if "\ufffd" in text or _CAMERA_WORDS.fullmatch(text) or _MACHINE_WORDS.fullmatch(text):
        return ""
    return text if any(letter.isalpha() for letter in text) else ""


def _is_latin(text: str) -> bool:
    return all(ord(letter) < 256 for letter in text)


def _user_comment(said: bytes) -> str:
    """Decode a comment by its eight bytes of character code."""
    code, words = said[:8], said[8:]
    if code == b"UNICODE\0":
        texts = [words.decode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be")]
        return max(texts, key=_likely_letters).lstrip("\ufeff")
    if code in {b"ASCII\0\0\0", b"\0" * 8}:
        return _utf8_or_gbk(words)
    return ""


def _likely_letters(text: str) -> int:
    return sum(letter < "\u0250" or "\u3000" <= letter <= "\u9fff" or letter > "\uff00" for letter in text)


def _utf8_or_gbk(words: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return words.decode(encoding)
        except UnicodeError:
            continue
    return ""


# -- copies ------------------------------------------------------------------------------------------


def publish_photo(table: TableFile, row_number: int) -> Photo:
    """Make the copy of a photo that may be kept and shown.

    Parameters
    ----------
    table
        From :func:`open_photos`.
    row_number
        As :func:`photo_rows` counts.

    Returns
    -------
    Photo
        The same bytes for the same photo.

    Raises
    ------
    UnreadableFileError
        If there is no such photo, or it cannot be opened.
    PhotoNotBareError
        If the copy carried anything but the picture; it never should.
    """
    sources: Sequence[_Source] = table.held_open
    if not 1 <= row_number <= len(sources):
        raise refuse(table.path, "not a picture that can be opened")
    source = sources[row_number - 1]
    try:
        with _Contents(table.path) as contents:
            content = contents.read(source)
        with _quiet(), _opened(content) as image:
            picture = _picture(image)
    except _UnfitError as unfit:
        raise _refuse_photo(source) from unfit
    except _DAMAGED as error:
        raise _refuse_photo(source) from error
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=_QUALITY)
    jpeg = packed.getvalue()
    if not is_bare(jpeg):
        raise PhotoNotBareError(photo=source.name)
    return Photo(source.name, jpeg, _sha256(content), _likeness(picture))


def _refuse_photo(source: _Source) -> UnreadableFileError:
    return refuse(Path(source.name), "not a picture that can be opened")


def _picture(image: Image.Image) -> Image.Image:
    """Return the pixels alone: upright, small enough, in plain colours on white."""
    profile = image.info.get("icc_profile")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    try:
        upright = ImageOps.exif_transpose(image)
    except _DAMAGED:  # nonsense in EXIF does not spoil the picture
        upright = image
    if profile and upright.mode == "RGB":
        upright = _in_srgb(upright, profile)
    picture = Image.new("RGB", upright.size, "white")
    if "A" in upright.getbands() or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        picture.paste(clear, mask=clear.getchannel("A"))
    else:
        picture.paste(upright.convert("RGB"))
    return picture


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Turn the colours of a phone's wide screen into those that every screen shows without a profile."""
    try:
        wide = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, wide, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *_DAMAGED):
        return image
    return image if turned is None else turned


def is_bare(jpeg: bytes) -> bool:
    """Say whether a JPEG holds nothing but the picture.

    Parameters
    ----------
    jpeg
        The whole file.

    Returns
    -------
    bool
        ``False`` if it has any segment beside those that decoding needs (so EXIF, GPS, XMP, colour
        profile, preview, comment), if bytes follow its end, or if it is no JPEG.
    """
    if not jpeg.startswith(b"\xff\xd8") or not jpeg.endswith(b"\xff\xd9") or jpeg.count(b"\xff\xd9") != 1:
        return False
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker, length = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if marker == 0xDA:  # the picture itself begins
            return True
        is_jfif = marker == 0xE0 and jpeg[place + 4 : place + 9] == b"JFIF\0" and length == 16
        if not is_jfif and (marker == 0xFE or 0xE0 <= marker <= 0xEF):
            return False
        place += 2 + length
    return False


def _likeness(picture: Image.Image) -> int:
    """Return whether each of 8 × 8 spots is brighter than its neighbour to the right."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits((grey[:, :-1] > grey[:, 1:]).ravel())
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def likeness_of(a: Any, b: Any) -> Any:
    """Return how alike photos are.

    Parameters
    ----------
    a, b
        :attr:`Photo.likeness`, numbers or arrays of int64.

    Returns
    -------
    float or numpy.ndarray
        0–1. The same picture in another size or packing gives 0.95 and more, unlike ones lie around 0.5.
        It compares light and dark, so two plain walls are alike.
    """
    differing = np.bitwise_count(
        np.asarray(a, dtype=np.int64).view(np.uint64) ^ np.asarray(b, dtype=np.int64).view(np.uint64)
    )
    alike = 1.0 - differing / 64.0
    return float(alike) if alike.ndim == 0 else alike
