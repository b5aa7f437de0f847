"""Every Python snippet in README.md and docs/ runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.run_snippets import snippets

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("run_snippets.py")
PAGES = [path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))] if path.exists()]


def run(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's snippets in `folder`, with warnings as errors, as a reader's program would."""
    return subprocess.run(
        [sys.executable, "-W", "error", RUNNER, page],
        cwd=folder,
        env={**environment(), "MPLBACKEND": "agg"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def environment() -> dict[str, str]:
    """The environment, in which the package is found from any folder."""
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *([path] if path else [])])}


def test_there_is_a_readme() -> None:
    assert (ROOT / "README.md") in PAGES, "README.md is missing"
    assert snippets((ROOT / "README.md").read_text(encoding="utf-8")), "README.md shows no Python"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_snippets_run(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout


PAGE = """
# A page

```python
import inspect
class Two: value = 2
```

- in a list
  ```pycon
  >>> Two.value
  2
  >>> inspect.getsource(Two)
  'class Two: value = 2\\n'
  ```

```python no-run
this is not defined
```

```sh
no python
```
"""


def test_the_snippets_of_a_page_share_their_names(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.replace("this is not defined", "undefined()"), encoding="utf-8")
    done = run(page, tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value = 2", "value = 3", "Got:\n    3"),
        ("import inspect", "import inspect\nraise KeyError(1)", "line 6, in <module>"),
        ("python no-run", "python norun", "not 'python norun'"),
        ("no-run\nthis", "no-run\n)this", "SyntaxError"),
        ("no python\n```", "no python", "never closed"),
    ],
)
def test_a_bad_snippet_is_reported(tmp_path: Path, old: str, new: str, message: str) -> None:
    page = tmp_path / "page.md"
    assert old in PAGE
    page.write_text(PAGE.replace(old, new), encoding="utf-8")
    done = run(page, tmp_path)
    assert done.returncode == 1
    assert message in done.stdout
