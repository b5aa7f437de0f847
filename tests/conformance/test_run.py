"""The program that runs the suite: its reading of reports and of the list of expected failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.run import SKIPS, judge, main, of_an_extension, read_skips, table


def test_every_listed_test_has_a_reason() -> None:
    listed = read_skips(SKIPS.read_text(encoding="utf-8"))
    assert listed
    for test, reason in listed.items():
        assert test.startswith("array_api_tests/test_") and "::test_" in test
        assert len(reason) > 20 and reason.endswith(".")


def test_reading_a_list() -> None:
    text = "# One\n# reason.\na\nb\n# Another.\nc\n\n\n# Last.\nd\n"
    assert read_skips(text) == {"a": "One reason.", "b": "One reason.", "c": "Another.",
                                "d": "Last."}  # fmt: skip
    with pytest.raises(ValueError, match="line 4: b has no reason"):
        read_skips("# Why.\na\n\nb\n")
    with pytest.raises(ValueError, match="line 3: a is listed twice"):
        read_skips("# Why.\na\na\n")


def test_judging() -> None:
    report = {"a": "passed", "b": "failed", "c": "error", "d": "skipped", "e": "passed"}
    verdict = judge(report, {"b": "known", "e": "known", "elsewhere": "known"})
    assert verdict.outcomes == {"a": "passed", "b": "expected", "c": "failed", "d": "skipped",
                                "e": "passed"}  # fmt: skip
    assert verdict.unexpected == ["c"]
    assert verdict.delisted == ["e"]


def test_the_main_namespace_is_counted_apart() -> None:
    outcomes = {
        "array_api_tests/test_has_names.py::test_has_names[linalg-det]": "expected",
        "array_api_tests/test_has_names.py::test_has_names[linear_algebra-matmul]": "passed",
        "array_api_tests/test_signatures.py::test_extension_func_signature[fft.fft]": "skipped",
    }
    assert [of_an_extension(test) for test in outcomes] == [True, False, True]
    *_, total, namespace = table(outcomes).splitlines()
    assert total.split() == ["total", "1", "0", "1", "1", "50.0", "%"]
    assert namespace.split() == ["main", "namespace", "1", "0", "0", "0", "100.0", "%"]


def test_a_folder_that_is_no_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--suite", str(tmp_path)])
    assert "is no checkout of the suite" in capsys.readouterr().err
