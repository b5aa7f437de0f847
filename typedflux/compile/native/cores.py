"""How many cores this process may use: affinity, hyperthreads and the quota of its container."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path


def available_cores() -> int:
    """Physical cores available to this process, at least 1.

    Cores outside the process's affinity are not counted, hyperthreads of one core count once, and
    a quota of CPU time (Linux's cgroups, versions 1 and 2) is a bound.

    >>> 1 <= available_cores() <= (os.cpu_count() or 1)
    True
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
    else:
        allowed = set(range(os.cpu_count() or 1))
    if sys.platform == "darwin":
        return min(len(allowed), _performance_cores() or len(allowed))
    if sys.platform == "linux":
        return bounded(physical_cores(allowed), quota())
    return max(1, len(allowed))


def bounded(cores: int, quota: float | None) -> int:
    """Cores that a quota leaves: rounded down, since threads that spin are stopped at once when
    it is used up.

    >>> bounded(8, 2.5), bounded(8, 0.5), bounded(2, 4.0), bounded(2, None)
    (2, 1, 2, 2)
    """
    return max(1, cores if quota is None else min(cores, int(quota)))


def physical_cores(allowed: set[int], root: Path = Path("/")) -> int:
    """Cores under the logical CPUs `allowed`, as Linux lists them in `/sys`.

    A CPU that it says nothing of is a core.
    """
    cores: set[str] = set()
    for cpu in allowed:
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        siblings = _read(topology / "core_cpus_list") or _read(topology / "thread_siblings_list")
        cores.add(siblings or f"{cpu}")
    return max(1, len(cores))


def quota(root: Path = Path("/")) -> float | None:
    """CPU time per time that the process's cgroups allow; `None` without a bound."""
    places: list[tuple[str, str]] = []  # where cgroups are: directory of the mount, its kind
    mounts: list[tuple[str, str, str]] = []
    for line in (_read(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) > 4 and len(kind) > 2:
            if kind[0] == "cgroup2" or (kind[0] == "cgroup" and "cpu" in kind[2].split(",")):
                mounts.append((kind[0], fields[3], fields[4]))
    for line in (_read(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        kind_of = "cgroup" if "cpu" in controllers.split(",") else "cgroup2"
        if controllers and kind_of == "cgroup2":
            continue  # another controller of version 1
        for kind_here, top, mount in mounts:
            if kind_here == kind_of:
                inside = os.path.relpath(path, top) if top != "/" else path.lstrip("/")
                # In a container, the path may be the host's: then only the mount itself is ours.
                here = mount if inside.startswith("..") else os.path.join(mount, inside)
                places.append((kind_here, os.path.normpath(here)))
                places.append((kind_here, os.path.normpath(mount)))
    bounds = []
    for kind_here, place in places:
        directory = Path(place)
        for level in (directory, *directory.parents):
            bound = _bound(root / str(level).lstrip("/"), kind_here)
            if bound is not None:
                bounds.append(bound)
    return min(bounds, default=None)


def _bound(directory: Path, kind: str) -> float | None:
    if kind == "cgroup2":
        parts = (_read(directory / "cpu.max") or "").split()
    else:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        parts = [_read(directory / name) or "" for name in names]
    try:
        used, period = (float(part) for part in parts)
    except ValueError:  # "max", or no such file
        return None
    return used / period if used > 0 and period > 0 else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _performance_cores() -> int | None:
    """On a Mac: the fast cores, where there are two kinds."""
    ask = ctypes.CDLL(None).sysctlbyname
    for name in (b"hw.perflevel0.physicalcpu", b"hw.physicalcpu"):
        number = ctypes.c_int(0)
        size = ctypes.c_size_t(ctypes.sizeof(number))
        if ask(name, ctypes.byref(number), ctypes.byref(size), None, 0) == 0 and number.value > 0:
            return number.value
    return None
