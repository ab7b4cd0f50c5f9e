"""Files of a town that change together with its database.

A transaction cannot rename files. So new files are written beside the old ones under names of their own,
the renames are noted in the database by the same transaction that brings the rows, and done after it. A
process that is killed before the commit leaves stray files that nothing names; one that is killed after it
leaves renames that the next one to open or write the town does first.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pingan_geo.storage.records import meta_get, meta_set

_KEY = "file_swaps"
_MARK = ".swap-"


def stage_file(target: Path, content: bytes) -> dict[str, str]:
    """Write what a file of the town will hold, beside it.

    Parameters
    ----------
    target
        The file to be replaced; it need not exist.
    content
        Its new bytes.

    Returns
    -------
    dict
        Target to new file, for :func:`note_swaps`.
    """
    staged = target.with_name(f"{target.name}{_MARK}{secrets.token_hex(6)}")
    with staged.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return {target.name: staged.name}


def note_swaps(connection: Any, swaps: Mapping[str, str]) -> None:
    """Note renames in the transaction that they belong to.

    Parameters
    ----------
    connection
        That writes.
    swaps
        Target to new file, names inside the town's folder; ``""`` when the target is to be deleted.
    """
    if swaps:
        meta_set(connection, _KEY, json.dumps(dict(swaps), ensure_ascii=False, sort_keys=True))


def finish_swaps(folder: Path, store: Any) -> bool:
    """Do the renames that a committed transaction has noted.

    Parameters
    ----------
    folder
        The town's folder.
    store
        Its open database.

    Returns
    -------
    bool
        Whether there were any.
    """
    with store.read() as connection:
        if not meta_get(connection, _KEY):
            return False
    with store.begin() as connection:
        settle_swaps(connection, folder)
    return True


def settle_swaps(connection: Any, folder: Path) -> None:
    """Do what :func:`finish_swaps` does, inside a transaction that writes, and delete strays."""
    noted = meta_get(connection, _KEY)
    for target, staged in json.loads(noted or "{}").items():
        file = folder / Path(target).name
        if not staged:
            file.unlink(missing_ok=True)
        elif (source := folder / Path(staged).name).is_file():
            source.replace(file)
    if noted:
        meta_set(connection, _KEY, "")
    for stray in folder.glob(f"*{_MARK}*"):
        stray.unlink(missing_ok=True)
