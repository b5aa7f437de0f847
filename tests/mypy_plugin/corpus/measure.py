"""How many of the corpus's bugs the checker finds, and how many good programs it blames.

    python -m tests.mypy_plugin.corpus.measure [--verbose] [family or program...]

Exit code: 0 when every bug is found and no good program blamed, else 1.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mypy import api

from tests.mypy_plugin.corpus import pairs
from tests.mypy_plugin.corpus.pairs import FAMILIES, Pair

ROOT = Path(__file__).resolve().parents[3]
_MESSAGE = re.compile(
    r"(?:.*/)?(?P<file>\w+)\.py:(?P<line>\d+): (?P<kind>error|note): (?P<text>.*?)"
    r"(?:  \[(?P<code>[\w-]+)\])?",
    re.DOTALL,
)
# A shape that mypy itself compares, in an assignment, a return or a call, is mypy's to report.
CODES = {
    *("tensor-shape", "tensor-dtype", "tensor-broadcast", "tensor-annotation"),
    *("assignment", "return-value", "arg-type", "call-arg", "call-overload", "index", "operator"),
    *("list-item", "dict-item", "typeddict-item", "type-var", "override", "misc"),
}


@dataclass(frozen=True)
class Message:
    """One line of mypy's output."""

    line: int
    kind: str
    text: str
    code: str

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}: {self.text}  [{self.code}]"


Messages = dict[str, list[Message]]


@dataclass
class Score:
    """What was found: by family the numbers, and what is wrong."""

    bugs: int = 0
    missed: dict[str, list[Message]] = field(default_factory=dict)
    alarms: dict[str, list[Message]] = field(default_factory=dict)
    crashes: dict[str, str] = field(default_factory=dict)

    @property
    def found(self) -> int:
        return self.bugs - len(self.missed)


def is_found(pair: Pair, messages: Sequence[Message]) -> bool:
    """Whether the bug is reported in its line or where it is used, or with a note there."""
    errors = {m.line for m in messages if m.kind == "error" and m.code in CODES}
    notes = {m.line for m in messages if m.kind == "note"}
    right = {pair.line, *pair.uses}
    return bool(errors) and not right.isdisjoint(errors | notes)


def _good(pair: Pair, texts: dict[str, str]) -> str:
    """The module of a pair's good program."""
    first = pair.name.rstrip("0123456789")
    return next(f"{name}_good" for name in (pair.name, f"{first}1") if f"{name}_good" in texts)


def programs(chosen: Iterable[Pair]) -> dict[str, str]:
    """The programs by module: `name`, and `name_good`, once for all its bugs."""
    found = {}
    written: dict[str, str] = {}
    for pair in chosen:
        found[pair.name] = pair.bad
        written.setdefault(pair.good, pair.name)
    for text, name in written.items():
        found[f"{name}_good"] = text
    return found


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write the programs, and the module that some import, into a folder."""
    shutil.copy(Path(__file__).with_name("library.py"), folder)
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)


def run(folder: Path, names: Sequence[str], cache: Path, *, strict: bool) -> tuple[Messages, str]:
    """mypy's messages by module for programs in a folder, and what it says when it breaks down."""
    configuration = folder / "mypy.ini"
    configuration.write_text(
        f"[mypy]\nplugins = typedflux.mypy_plugin\nstrict = {strict}\ncache_dir = {cache}\n"
        f"mypy_path = {ROOT}:{ROOT / 'stubs'}:{folder}\npython_version = 3.11\n"
    )
    try:
        out, err, _ = api.run(
            [
                "--config-file",
                str(configuration),
                "--no-error-summary",
                "--hide-error-context",
                "--show-traceback",
                *(str(folder / f"{name}.py") for name in names),
            ]
        )
    except Exception as error:
        return {}, repr(error)
    if "INTERNAL ERROR" in out + err:
        return {}, out + err
    messages: Messages = defaultdict(list)
    # A message may go on in further lines, which name no place.
    for text in re.split(r"\n(?=[^\s:][^\n:]*:\d+: )", out.rstrip("\n")):
        found = _MESSAGE.fullmatch(text)
        if found is not None:
            message = Message(int(found["line"]), found["kind"], found["text"], found["code"] or "")
            messages[found["file"]].append(message)
        elif text:
            err += text + "\n"
    return messages, err


def messages_of(
    folder: Path, names: Sequence[str], cache: Path, *, strict: bool = True
) -> tuple[Messages, dict[str, str]]:
    """mypy's messages by module, and by module what broke mypy down."""
    messages, err = run(folder, names, cache, strict=strict)
    if not err:
        return messages, {}
    if "INTERNAL ERROR" not in err:
        raise RuntimeError(err)
    if len(names) == 1:
        return messages, {names[0]: err}
    middle = len(names) // 2
    left = messages_of(folder, names[:middle], cache, strict=strict)
    right = messages_of(folder, names[middle:], cache, strict=strict)
    return {**left[0], **right[0]}, left[1] | right[1]


def choose(words: Sequence[str]) -> dict[str, list[Pair]]:
    """The pairs by family that the words choose: families, beginnings of names, or all."""
    chosen: dict[str, list[Pair]] = {}
    for name in FAMILIES:
        if (Path(__file__).parent / f"{name}.py").exists():
            kept = [
                pair
                for pair in pairs.family(name)
                if not words or name in words or any(pair.name.startswith(w) for w in words)
            ]
            if kept:
                chosen[name] = kept
    return chosen


def measure(
    chosen: dict[str, list[Pair]], folder: Path, cache: Path, *, strict: bool = True
) -> tuple[dict[str, Score], Messages]:
    """Check the pairs with one run of mypy: the score of each family, and all messages."""
    texts = programs(pair for family in chosen.values() for pair in family)
    write(folder, texts)
    messages, crashes = messages_of(folder, list(texts), cache, strict=strict)
    scores: dict[str, Score] = {}
    for family, members in chosen.items():
        score = scores[family] = Score(bugs=len(members))
        for pair in members:
            alarm = messages.get(_good(pair, texts), [])
            here = [m for m in messages.get(pair.name, []) if m not in alarm]
            if not is_found(pair, here):
                score.missed[pair.name] = here
            if alarm and f"{pair.name}_good" in texts:
                score.alarms[pair.name] = alarm
            for name in (pair.name, f"{pair.name}_good"):
                if name in crashes:
                    score.crashes[name] = crashes[name]
    return scores, messages


def show(scores: dict[str, Score], chosen: dict[str, list[Pair]], messages: Messages) -> None:
    """Print the scores, what was missed and what was blamed."""
    for family, members in chosen.items():
        score = scores[family]
        print(f"{family:16}{score.found:4} of {score.bugs:3} found", end="")
        print(f"   {len(score.alarms)} good blamed" if score.alarms else "", flush=True)
        by_name = {pair.name: pair for pair in members}
        for name, here in score.missed.items():
            pair = by_name[name]
            print(f"    MISSED {name}: line {pair.line}: {pair.bad.splitlines()[pair.line - 1]}")
            for message in here:
                print(f"        instead {message}")
        for name, here in score.alarms.items():
            print(f"    FALSE ALARM {name}")
            lines = by_name[name].good.splitlines()
            for message in here:
                print(f"        {message}\n            {lines[message.line - 1].strip()}")
        for name, text in score.crashes.items():
            print(f"    CRASH {name}\n{text}")
    bugs = sum(score.bugs for score in scores.values())
    found = sum(score.found for score in scores.values())
    good = sum(len({pair.good for pair in members}) for members in chosen.values())
    blamed = sum(len(score.alarms) for score in scores.values())
    share = f" ({found / bugs:.1%})" if bugs else ""
    print(f"{found} of {bugs} bugs found{share}; {blamed} of {good} good programs blamed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chosen", nargs="*", help="families, or how names of programs begin")
    parser.add_argument("--verbose", action="store_true", help="all messages on bad programs too")
    parser.add_argument("--keep", type=Path, help="folder to leave the programs in")
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".mypy_cache" / "corpus")
    parser.add_argument("--lax", action="store_true", help="without mypy's strict")
    options = parser.parse_args()
    chosen = choose(options.chosen)
    if not chosen:
        parser.error("no such family or program")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        scores, messages = measure(chosen, folder, options.cache_dir, strict=not options.lax)
    if options.verbose:
        for name, here in messages.items():
            for message in here:
                print(f"{name}:{message}")
    show(scores, chosen, messages)
    print(f"{time.perf_counter() - began:.0f} s")
    clean = not any(score.missed or score.alarms or score.crashes for score in scores.values())
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
