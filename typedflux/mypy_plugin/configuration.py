"""What the plugin reads of the project's configuration, and what its cache depends on."""

from __future__ import annotations

import configparser
import hashlib
import importlib.util
import pathlib
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mypy.options import Options


@dataclass(frozen=True)
class Settings:
    """The `[typedflux]` section, `[tool.typedflux]` in a TOML file."""

    execute: tuple[str, ...] = ()
    """Modules whose functions on tensors may be executed, beside the package's own."""
    debug: bool = False
    """Whether a failure inside the plugin is an error with its traceback."""


def settings(options: Options) -> Settings:
    """What the file says that configures mypy.

    Raises:
        ValueError: for a name or a value that means nothing here.
    """
    if not options.config_file or not pathlib.Path(options.config_file).exists():
        return Settings()
    path = pathlib.Path(options.config_file)
    if path.suffix == ".toml":
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("typedflux", {})
    else:
        parser = configparser.RawConfigParser()
        parser.read(path, encoding="utf-8")
        table = dict(parser["typedflux"]) if parser.has_section("typedflux") else {}
    return _read(table, path)


def _read(table: dict[str, Any], path: pathlib.Path) -> Settings:
    unexpected = sorted(set(table) - {"execute", "debug"})
    if unexpected:
        raise ValueError(
            f"{path}: the typedflux section has {', '.join(map(repr, unexpected))}; "
            "what it may have is 'execute' and 'debug'"
        )
    listed, debug = table.get("execute", ()), table.get("debug", False)
    if isinstance(listed, str):
        listed = [m.strip() for m in listed.replace("\n", ",").split(",") if m.strip()]
    if not isinstance(listed, (list, tuple)) or not all(isinstance(m, str) for m in listed):
        raise ValueError(f"{path}: execute = {listed!r} in the typedflux section is no list")
    if isinstance(debug, str):
        debug = configparser.RawConfigParser.BOOLEAN_STATES.get(debug.strip().lower(), debug)
    if not isinstance(debug, bool):
        raise ValueError(f"{path}: debug = {debug!r} in the typedflux section; true or false")
    return Settings(tuple(listed), debug)


def find_own_modules(options: Options) -> None:
    """Let listed modules be imported from where mypy finds them: `mypy_path`, the folder of the
    configuration. They come last, so no module of mypy's own is hidden."""
    folders = [*options.mypy_path, str(pathlib.Path(options.config_file or ".").parent.resolve())]
    sys.path.extend(folder for folder in folders if folder not in sys.path)


_loaded: dict[tuple[str, ...], str] = {}


def source_hash(executed: tuple[str, ...] = ()) -> str:
    """A hash of the sources whose rules are executed: the package's, and the listed modules'; as
    this process has loaded them."""
    if executed not in _loaded:
        _loaded[executed] = _hash(executed)
    return _loaded[executed]


def outdated() -> bool:
    """Whether this is mypy's daemon, and sources that it executes have changed since it has loaded
    them. (Other runs of mypy do not live long enough.)"""
    return "mypy.dmypy_server" in sys.modules and any(
        _hash(executed) != digest for executed, digest in _loaded.items()
    )


def _hash(executed: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in [*sorted(pathlib.Path(__file__).parents[1].rglob("*.py")), *_sources(executed)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(modules: Sequence[str]) -> list[pathlib.Path]:
    found: list[pathlib.Path] = []
    for name in modules:
        try:
            spec = importlib.util.find_spec(name)
        except Exception:  # its package does not import: then it is not executed either
            continue
        for folder in spec.submodule_search_locations or () if spec is not None else ():
            found += sorted(pathlib.Path(folder).rglob("*.py"))
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            found.append(pathlib.Path(spec.origin))
    return found
