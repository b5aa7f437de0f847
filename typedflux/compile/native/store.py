"""Object code kept on disk between processes.

Entries are files named by digests in the user's cache directory: `TYPEDFLUX_CACHE` if set (`off`
for none), else `typedflux` under `XDG_CACHE_HOME`, `~/.cache` or, on Windows, `LOCALAPPDATA`. They
are written under another name and then renamed, so that processes which race see whole entries.
One that was cut short or altered is as if it were not there, and so is a directory that cannot be
read or written: nothing here raises for the state of the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

MOST_BYTES = 512 << 20
"""What all entries may take together; the least recently used ones go first."""

_MAGIC = b"typedflux object code 1\n"
_SUFFIX = ".object"
_STALE = 3600.0  # seconds after which an unfinished file has no writer any more
_written: int | None = None  # bytes since the directory was last looked through


def directory() -> Path | None:
    """Where entries are; `None` where nothing is kept."""
    wanted = os.environ.get("TYPEDFLUX_CACHE", "")
    if wanted.lower() in ("off", "0"):
        return None
    if wanted:
        return Path(wanted)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        base = os.environ.get(name, "")
        if os.path.isabs(base):
            return Path(base) / "typedflux"
    home = os.path.expanduser("~")
    return Path(home) / ".cache" / "typedflux" if os.path.isabs(home) else None


def read(digest: str) -> bytes | None:
    """What was written under a name; `None` if there is nothing whole."""
    path = _path(digest)
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC)
    if not content.startswith(_MAGIC) or _sum(content[head + 32 :]) != content[head : head + 32]:
        return None
    with contextlib.suppress(OSError):  # used just now; it may be another user's or gone
        os.utime(path)
    return content[head + 32 :]


def write(digest: str, payload: bytes) -> None:
    """Keep `payload` under a name, if that can be done."""
    path = _path(digest)
    if path is None:
        return
    unfinished = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=_SUFFIX)
        with open(file, "wb") as stream:
            stream.write(_MAGIC + _sum(payload) + payload)
        os.replace(unfinished, path)
    except OSError:
        if unfinished:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
        return
    _make_room(path.parent, len(payload))


def _path(digest: str) -> Path | None:
    here = directory()
    return None if here is None else here / (digest + _SUFFIX)


def _sum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=32).digest()


def _make_room(here: Path, added: int) -> None:
    """Drop what was used longest ago, looking through the directory only now and then."""
    global _written
    if _written is not None:
        _written += added
        if _written < MOST_BYTES // 16:
            return
    _written = 0
    found: list[tuple[float, int, str]] = []
    now = time.time()
    with contextlib.suppress(OSError), os.scandir(here) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX):
                with contextlib.suppress(OSError):  # another process has dropped it
                    status = entry.stat()
                    if not entry.name.startswith("."):
                        found.append((status.st_mtime, status.st_size, entry.path))
                    elif now - status.st_mtime > _STALE:
                        os.unlink(entry.path)
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
