"""Run the array API test suite against typedflux and say what passes.

    python -m tests.conformance.run --suite DIR [--examples 200] [more arguments for pytest]

DIR is a checkout of https://github.com/data-apis/array-api-tests with its submodule `array-api`.
The environment needs the suite's `requirements.txt`. Nothing is skipped: tests that `skips.txt`
lists are run like all others, and are expected to fail. The exit status is 0 when exactly those
fail, 1 when another one fails or one of them passes, 2 when the suite could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKIPS = Path(__file__).with_name("skips.txt")
VERSION = "2024.12"
EXTENSIONS = ("linalg", "fft")

PASSED = "passed"
SKIPPED = "skipped"
FAILED = "failed"
EXPECTED = "expected"  # failed, and listed


@dataclass(frozen=True)
class Verdict:
    """What came of a run.

    Attributes:
        outcomes: of each test, by its node id.
        unexpected: tests that failed and are not listed.
        delisted: tests that are listed and passed.
    """

    outcomes: Mapping[str, str]
    unexpected: Sequence[str]
    delisted: Sequence[str]


def read_skips(text: str) -> dict[str, str]:
    """The tests listed in the text of a skips file, each with its reason.

    A reason is a comment; it holds for the lines below it, up to an empty line.

    >>> read_skips("# It is late.\\narray_api_tests/test_a.py::test_b\\n")
    {'array_api_tests/test_a.py::test_b': 'It is late.'}

    Raises:
        ValueError: for a test without a reason, or one that is listed twice.
    """
    reasons: dict[str, str] = {}
    words: list[str] = []
    listing = False
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if entry.startswith("#"):
            words = [] if listing else words
            words.append(entry.lstrip("# "))
            listing = False
        elif not entry:
            words = []
        elif not words:
            raise ValueError(f"line {number}: {entry} has no reason above it")
        elif entry in reasons:
            raise ValueError(f"line {number}: {entry} is listed twice")
        else:
            reasons[entry] = " ".join(words)
            listing = True
    return reasons


def judge(report: Mapping[str, str], listed: Mapping[str, str]) -> Verdict:
    """The outcomes of a run, held against the tests that are expected to fail.

    >>> judge({"a": "failed", "b": "failed", "c": "passed"}, {"b": "late", "c": "early"}).unexpected
    ['a']
    """
    outcomes = {}
    for test, outcome in report.items():
        plain = outcome if outcome in (PASSED, SKIPPED) else FAILED
        outcomes[test] = EXPECTED if plain == FAILED and test in listed else plain
    return Verdict(
        outcomes,
        unexpected=[test for test, outcome in outcomes.items() if outcome == FAILED],
        delisted=[test for test in listed if outcomes.get(test) == PASSED],
    )


def of_an_extension(test: str) -> bool:
    """Whether a test asks for a name of an optional extension, not of the main namespace."""
    return any(f"[{name}-" in test or f"[{name}." in test for name in EXTENSIONS)


def table(outcomes: Mapping[str, str]) -> str:
    """Numbers by file and in total.

    >>> print(table({"suite/test_a.py::test_b": "passed", "suite/test_a.py::test_c": "expected"}))
    file                   passed  failed  listed  skipped   rate
    test_a.py                   1       0       1        0   50.0 %
    total                       1       0       1        0   50.0 %
    main namespace              1       0       1        0   50.0 %
    """
    files: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    main: Counter[str] = Counter()
    for test, outcome in outcomes.items():
        name = test.partition("::")[0].rpartition("/")[2]
        files.setdefault(name, Counter())[outcome] += 1
        total[outcome] += 1
        if not of_an_extension(test):
            main[outcome] += 1
    rows = [*sorted(files.items()), ("total", total), ("main namespace", main)]
    width = max(22, *(len(name) for name, _ in rows))
    lines = [f"{'file':{width}} passed  failed  listed  skipped   rate"]
    for name, counts in rows:
        asked = counts[PASSED] + counts[FAILED] + counts[EXPECTED]
        rate = f"{100 * counts[PASSED] / asked:6.1f} %" if asked else "       -"
        lines.append(
            f"{name:{width}} {counts[PASSED]:6} {counts[FAILED]:7} {counts[EXPECTED]:7} "
            f"{counts[SKIPPED]:8} {rate}"
        )
    return "\n".join(lines)


def run_suite(suite: Path, examples: int, arguments: Sequence[str]) -> dict[str, str]:
    """Outcomes by node id.

    Raises:
        RuntimeError: when pytest did not get as far as running tests.
    """
    path = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "ARRAY_API_TESTS_MODULE": "typedflux",
        "ARRAY_API_TESTS_VERSION": VERSION,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([path] if path else [])]),
    }
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            *(sys.executable, "-m", "pytest", "--quiet", "--tb=short", "-p", "no:cacheprovider"),
            *("--max-examples", str(examples), "--disable-deadline"),
            *("--json-report", "--json-report-file", str(report)),
            *(arguments or ["array_api_tests"]),
        ]
        done = subprocess.run(command, cwd=suite, env=environment, check=False)
        if done.returncode not in (0, 1) or not report.exists():
            raise RuntimeError(f"pytest stopped with status {done.returncode} in {suite}")
        tests = json.loads(report.read_text(encoding="utf-8"))["tests"]
    return {test["nodeid"]: test["outcome"] for test in tests}


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--suite", type=Path, required=True, help="checkout of array-api-tests")
    parser.add_argument("--examples", type=int, default=200, help="random examples of each test")
    options, more = parser.parse_known_args(arguments)
    if not (options.suite / "array-api" / "spec").is_dir():
        parser.error(f"{options.suite} is no checkout of the suite, or its submodule is missing")
    listed = read_skips(SKIPS.read_text(encoding="utf-8"))
    try:
        report = run_suite(options.suite, options.examples, more)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    verdict = judge(report, listed)
    print(table(verdict.outcomes))
    for title, tests in (
        ("failed, and not listed in skips.txt:", verdict.unexpected),
        ("listed in skips.txt, but passed:", verdict.delisted),
    ):
        if tests:
            print(title, *(f"    {test}" for test in tests), sep="\n")
    return int(bool(verdict.unexpected or verdict.delisted))


if __name__ == "__main__":
    sys.exit(main())
