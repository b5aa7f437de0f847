"""Counting cores from what Linux says of them, in directories that stand for its files."""

from pathlib import Path

from typedflux.compile.native.cores import physical_cores, quota


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_hyperthreads_of_a_core_count_once(tmp_path: Path) -> None:
    here = "sys/devices/system/cpu/cpu{}/topology/{}"
    files = {here.format(i, "core_cpus_list"): f"{i % 4},{i % 4 + 4}\n" for i in range(8)}
    root = written(tmp_path, files)
    assert physical_cores(set(range(8)), root) == 4
    assert physical_cores({0, 4}, root) == 1
    assert physical_cores({1, 2, 6}, root) == 2
    assert physical_cores({0, 40, 41}, root) == 3  # of which nothing is known


def test_the_older_name_of_the_list(tmp_path: Path) -> None:
    here = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    root = written(tmp_path, {here.format(i): "0-1\n" for i in range(2)})
    assert physical_cores({0, 1}, root) == 1


V2_MOUNT = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"


def test_no_groups_no_bound(tmp_path: Path) -> None:
    assert quota(tmp_path) is None


def test_version_2_takes_the_least_bound_on_the_way_up(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": V2_MOUNT,
        "proc/self/cgroup": "0::/user.slice/job\n",
        "sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/user.slice/job/cpu.max": "max 100000\n",
    }
    assert quota(written(tmp_path, files)) == 1.5
    files = {"sys/fs/cgroup/user.slice/job/cpu.max": "50000 100000\n"}
    assert quota(written(tmp_path, files)) == 0.5


def test_in_a_container_the_mount_is_the_group(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": V2_MOUNT.replace(" / ", " /docker/abc ", 1),
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "400000 100000\n",
    }
    assert quota(written(tmp_path, files)) == 4.0


def test_version_1(tmp_path: Path) -> None:
    mount = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    files = {
        "proc/self/mountinfo": "no such line\n" + mount,
        "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n",
        "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "300000\n",
        "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert quota(written(tmp_path, files)) == 3.0
