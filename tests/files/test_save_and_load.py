"""Weights go to a file and come back as they were, also by way of the safetensors package."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import numpy as reference

import typedflux as flux
from typedflux import Tensor, nn

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "bfloat16", "float32", "float64", "complex64",
]  # fmt: skip
SHAPES: list[tuple[int, ...]] = [(), (1,), (3,), (2, 3), (0,), (0, 4), (2, 0, 3)]


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal to the last bit."""
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and np.ascontiguousarray(a.numpy()).tobytes() == np.ascontiguousarray(b.numpy()).tobytes()
    )


def sample(dtype: str, shape: tuple[int, ...]) -> Tensor:
    draw = np.random.default_rng(len(shape))
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    return flux.asarray((100 * draw.standard_normal(shape)).astype(np.int8).astype(kind))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    x = sample(dtype, shape)
    flux.save(path, {"x": x})
    assert same(flux.load(path)["x"], x)
    blank = {"x": flux.zeros(shape, dtype=x.dtype)}
    assert flux.load(path, blank) is blank
    assert same(blank["x"], x)


@given(
    arrays=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda s: s != "__metadata__"),
        hnp.arrays(
            st.sampled_from([np.dtype(d) for d in DTYPES if d != "bfloat16"]),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        max_size=4,
    )
)
def test_any_names_and_values(
    arrays: dict[str, np.ndarray[Any, Any]], tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.mktemp("any") / "t"
    tree = {name: flux.asarray(array) for name, array in arrays.items()}
    try:
        flux.save(path, tree)
    except flux.WeightsError as error:
        assert "the name" in str(error)  # two keys that read alike as paths, as ".a" and "a"
        return
    back = flux.load(path, {name: flux.zeros_like(t) for name, t in tree.items()})
    assert all(same(back[name], tensor) for name, tensor in tree.items())


def test_special_values_keep_their_bits(tmp_path: Path) -> None:
    x = flux.asarray(np.array([np.nan, -0.0, np.inf, -np.inf, 5e-324]))
    flux.save(tmp_path / "x", {"x": x})
    assert same(flux.load(tmp_path / "x")["x"], x)


def test_views_are_stored_in_order(tmp_path: Path) -> None:
    x = flux.arange(12).reshape(3, 4)
    flux.save(tmp_path / "x", {"t": x.T, "s": x[::-1, ::2]})
    back = flux.load(tmp_path / "x")
    assert back["t"].tolist() == x.T.tolist()
    assert back["s"].tolist() == x[::-1, ::2].tolist()


def test_the_safetensors_package_reads_what_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    dense = nn.Dense(3, 2)
    flux.save(path, nn.Chain(dense, nn.BatchNorm(2)))
    arrays = reference.load_file(path)
    assert sorted(arrays) == [
        "layers[0].bias", "layers[0].weight", "layers[1].mean", "layers[1].scale",
        "layers[1].shift", "layers[1].var",
    ]  # fmt: skip
    np.testing.assert_array_equal(arrays["layers[0].weight"], dense.weight.numpy())


def test_files_of_the_safetensors_package_load(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    reference.save_file(
        {"weight": weight, "bias": np.ones(2, np.float32)}, path, metadata={"made": "elsewhere"}
    )
    model = flux.load(path, nn.Dense(3, 2))
    np.testing.assert_array_equal(model.weight.numpy(), weight)


def test_the_data_of_an_entry_is_aligned(tmp_path: Path) -> None:
    path = tmp_path / "m"
    flux.save(path, {"a": flux.ones(3, dtype=flux.int8), "b": flux.ones(2, dtype=flux.float64)})
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert length % 8 == 0
    assert header["b"]["data_offsets"] == [0, 16]


class Pair(NamedTuple):
    left: Tensor
    right: Any


@dataclasses.dataclass
class Record:
    value: Tensor
    count: int


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: Tensor


def test_trees_of_all_kinds(tmp_path: Path) -> None:
    def tree(scale: float) -> dict[str, Any]:
        x = flux.full((2,), scale)
        return {
            "list": [x + 1, {"deep": x + 2}],
            "pair": Pair(x + 3, (x + 4, scale)),
            "record": Record(x + 5, int(scale)),
            "frozen": Frozen(x + 6),
            "flag": scale > 1,
            "text": "is not stored",
        }

    saved, blank = tree(7.0), tree(0.0)
    inner, record = blank["list"], blank["record"]
    flux.save(tmp_path / "x", saved)
    loaded = flux.load(tmp_path / "x", blank)
    assert loaded is blank
    assert loaded["list"] is inner and loaded["record"] is record, "containers change in place"
    assert repr(loaded) == repr(saved)
    assert type(loaded["record"].count) is int and loaded["flag"] is True


def test_what_cannot_change_is_returned(tmp_path: Path) -> None:
    flux.save(tmp_path / "t", flux.asarray([1.0, 2.0]))
    assert flux.load(tmp_path / "t", flux.zeros(2)).tolist() == [1.0, 2.0]
    flux.save(tmp_path / "p", (flux.ones(1), [flux.ones(2)], 3))
    inside = [flux.zeros(2)]
    first, second, third = flux.load(tmp_path / "p", (flux.zeros(1), inside, 0))
    assert first.tolist() == [1.0] and second is inside and third == 3
    assert inside[0].tolist() == [1.0, 1.0]
    flux.save(tmp_path / "f", Frozen(flux.ones(1)))
    assert flux.load(tmp_path / "f", Frozen(flux.zeros(1))).value.tolist() == [1.0]


def test_shared_and_tied_parameters_are_stored_once(tmp_path: Path) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.embedding = nn.Embedding(5, 3)
            self.again = self.embedding
            self.out = nn.Dense(3, 5, bias=False)
            self.out.weight = nn.tied(self.embedding, "weight")

    a, b = Model(), Model()
    flux.save(tmp_path / "m", a)
    assert list(flux.load(tmp_path / "m")) == ["embedding.weight"]
    flux.load(tmp_path / "m", b)
    assert same(b.out.weight, a.embedding.weight)
    assert b.again is b.embedding


def test_hyper_parameters_come_back_and_stay_shared(tmp_path: Path) -> None:
    def made(eta: float) -> tuple[nn.Chain, flux.OptimiserState]:
        model = nn.Chain(nn.Dense(2, 2), nn.Dense(2, 2))
        return model, flux.setup(flux.Adam(eta), model)

    _, old = made(0.5)
    flux.adjust(old.layers[0], 0.25)
    flux.freeze(old.layers[1].bias)
    flux.save(tmp_path / "s", old)
    _, new = made(0.1)
    flux.load(tmp_path / "s", new)
    assert repr(new) == repr(old)
    assert new.layers[0].weight.rule is new.layers[0].bias.rule
    assert new.layers[1].weight.rule is new.layers[1].bias.rule
    assert new.layers[0].weight.rule is not new.layers[1].weight.rule
    assert new.layers[1].bias.frozen and not new.layers[1].weight.frozen


def test_a_file_takes_the_place_of_an_older_one_with_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "m"
    flux.save(path, nn.Dense(2, 2))
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.chmod(0o640)
    flux.save(path, nn.Dense(3, 3))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert flux.load(path)["weight"].shape == (3, 3)
    assert os.listdir(tmp_path) == ["m"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    flux.save(tmp_path / "link", nn.Dense(2, 2))
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "real").is_symlink()


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_an_interrupted_save_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], where: str
) -> None:
    path = tmp_path / "m"
    flux.save(path, {"x": flux.ones(2)})
    before = path.read_bytes()

    def fail(*args: object) -> None:
        raise kind(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"typedflux.files.os.{where}", fail)
        with pytest.raises(kind) as caught:
            flux.save(path, {"x": flux.zeros(200)})
    if kind is OSError:
        assert str(caught.value) == f"[Errno 28] No space left on device: '{path}'"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]
