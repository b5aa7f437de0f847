"""What the plugin reads of the project's configuration, and what its cache depends on."""

from __future__ import annotations

import configparser
import hashlib
import pathlib
import tomllib

from mypy.options import Options


def listed_modules(options: Options) -> list[str]:
    """The modules that the configuration allows to execute."""
    if not options.config_file or not pathlib.Path(options.config_file).exists():
        return []
    path = pathlib.Path(options.config_file)
    if path.suffix == ".toml":
        table = tomllib.loads(path.read_text()).get("tool", {}).get("typedflux", {})
        return list(table.get("execute", []))
    parser = configparser.ConfigParser()
    parser.read(path)
    listed = parser.get("typedflux", "execute", fallback="")
    return [m.strip() for m in listed.replace("\n", ",").split(",") if m.strip()]


def source_hash() -> str:
    root = pathlib.Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
