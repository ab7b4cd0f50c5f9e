"""Archives are weighed before anything unpacks them, by what is in them and not by what they say."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from pingan_geo.errors import TooLargeInsideError

#: Nothing may unpack to more than this, or into more parts.
MOST_BYTES = 2 << 30
MOST_ENTRIES = 20_000
#: An archive that unpacks to more than this may not do so more than a thousandth of it is packed.
RATIO_FROM_BYTES = 200 << 20
MOST_RATIO = 200
#: No deflated byte becomes more bytes than this.
_DEFLATE_RATIO = 1032
_BLOCK = 1 << 20
#: How :mod:`zipfile` says that an archive is damaged, or needs a password.
ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
)


def weigh_archive(path: Path, packed: zipfile.ZipFile) -> None:
    """Refuse an archive that would unpack to too much.

    The sizes that it states are summed first; where these could be lies, it is unpacked into nothing.

    Parameters
    ----------
    path
        Its file.
    packed
        The same, opened.

    Raises
    ------
    TooLargeInsideError
        If it holds too many parts, or would unpack to too much, absolutely or for its size.
    zipfile.BadZipFile
        If its parts are not where it says.
    """
    entries = packed.infolist()
    stated = sum(entry.file_size for entry in entries)
    size = path.stat().st_size
    _refuse_above(path, stated, len(entries), size)
    deflated = [entry for entry in entries if entry.compress_type == zipfile.ZIP_DEFLATED]
    if sum(entry.compress_size for entry in deflated) * _DEFLATE_RATIO <= RATIO_FROM_BYTES:
        return
    actual = 0
    with path.open("rb") as stream:
        for entry in deflated:
            stream.seek(entry.header_offset)
            header = stream.read(30)
            if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
                raise zipfile.BadZipFile
            stream.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
            left = entry.compress_size
            inflater = zlib.decompressobj(-15)
            while left > 0 and not inflater.eof and (block := stream.read(min(_BLOCK, left))):
                left -= len(block)
                while block and not inflater.eof:
                    actual += len(inflater.decompress(block, _BLOCK))
                    _refuse_above(path, actual, len(entries), size)
                    block = inflater.unconsumed_tail


def _refuse_above(path: Path, unpacked: int, entries: int, size: int) -> None:
    too_dense = unpacked > RATIO_FROM_BYTES and unpacked > MOST_RATIO * size
    if unpacked > MOST_BYTES or entries > MOST_ENTRIES or too_dense:
        raise TooLargeInsideError(
            file=path.name,
            size=f"{unpacked / (1 << 20):,.0f} MB",
            entries=entries,
            limit=f"{MOST_BYTES >> 20:,} MB / {MOST_ENTRIES:,} / {MOST_RATIO}:1",
        )
