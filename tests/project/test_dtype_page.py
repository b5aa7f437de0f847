"""The tables in docs/dtypes.md are what the code says: `python -m tests.project.test_dtype_page`
writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from typedflux import dtypes
from typedflux.core.types import annotation_name
from typedflux.dtypes import AnyDType, DType
from typedflux.ops.data_types import KINDS
from typedflux.shapes.errors import DTypeError

PAGE = Path(__file__).parents[2] / "docs" / "dtypes.md"

_SHORT = {"int": "i", "uint": "u", "float": "f", "complex": "c"}


def short(dtype: AnyDType) -> str:
    """A name that is short enough for a column: i8, bf16."""
    name = repr(dtype)
    if name == "bfloat16":
        return "bf16"
    return re.sub(r"^(uint|int|float|complex)", lambda m: _SHORT[m[1]], name)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def dtype_table() -> str:
    kinds = [k for k in KINDS if k not in ("integral", "numeric")]
    rows = []
    for d in dtypes.ALL:
        (kind,) = [k for k in kinds if d in KINDS[k].members]
        names = f"`flux.{d}`" if d.kind != "bool" else "`flux.bool`, `flux.bool_`"
        rows.append([names, f"`{annotation_name(d)}`", short(d), str(d.itemsize), kind])
    return table(["dtype", "annotation", "below", "bytes", "kind"], rows)


def family_table() -> str:
    rows = []
    for name, family in dtypes.FAMILIES.items():
        rows.append([f"`{name}`", " ".join(short(d) for d in dtypes.ALL if d in family.members)])
    return table(["family", "members"], rows)


def promoted(a: DType, b: DType) -> str:
    try:
        return short(dtypes.promote(a, b))
    except DTypeError:
        return "–"


def promotion_table() -> str:
    rows = [[f"**{short(a)}**", *(promoted(a, b) for b in dtypes.ALL)] for a in dtypes.ALL]
    return table(["", *map(short, dtypes.ALL)], rows)


def scalar_table() -> str:
    rows = [
        [label, *(short(dtypes.with_scalar(d, number)) for d in dtypes.ALL)]
        for label, number in (("`True`", True), ("`2`", 2), ("`2.5`", 2.5), ("`2j`", 2j))
    ]
    return table(["", *map(short, dtypes.ALL)], rows)


TABLES: dict[str, Callable[[], str]] = {
    "dtypes": dtype_table,
    "families": family_table,
    "promotion": promotion_table,
    "scalars": scalar_table,
}


def with_tables(text: str) -> str:
    """The page with each table, behind its marker, as it should be."""
    for name, make in TABLES.items():
        pattern = rf"(<!-- {name} -->\n)(\n\|[^\n]*(?:\n\|[^\n]*)*\n)?"
        text, count = re.subn(pattern, f"\\1\n{make()}\n", text)
        assert count == 1, f"the page has no place for the table of {name}"
    return text


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run python -m tests.project.test_dtype_page"


@pytest.mark.parametrize("name", TABLES)
def test_a_wrong_table_is_noticed(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    place = text.index("i8", text.index(f"<!-- {name} -->"))
    wrong = f"{text[:place]}i9{text[place + 2 :]}"
    assert with_tables(wrong) == with_tables(text) == text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
