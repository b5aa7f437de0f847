"""What the type checker says of losses: results, and calls that cannot be right."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.running import check, revealed
from tests.mypy_plugin.test_programs import HEADER

PROGRAM = """
from typedflux import losses

def g(x: Float32[Tensor, "batch 10"], y: Int[Tensor, "batch"], z: Float32[Tensor, "batch"],
      column: Float32[Tensor, "batch 1"], image: Float[Tensor, "n c h w"],
      mask: Int[Tensor, "n h w"], t: Tensor, k: Tensor, size: int) -> None:
"""
REVEALED = [
    ("losses.mse(x, x)", "Float32[Tensor, '']"),
    ("losses.mse(x, x, agg=flux.identity)", "Float32[Tensor, 'batch 10']"),
    ("losses.logitcrossentropy(x, y)", "Float32[Tensor, '']"),
    ("losses.logitcrossentropy(x, y, agg=flux.identity)", "Float32[Tensor, 'batch']"),
    ("losses.logitcrossentropy(image, mask, axis=1)", "Float[Tensor, '']"),
    ("losses.focal_loss(image, mask, flux.identity, axis=1)", "Float[Tensor, 'n h w']"),
    ("losses.logitbinarycrossentropy(z, y)", "Float32[Tensor, '']"),
    ("losses.label_smoothing(x, 0.1)", "Float32[Tensor, 'batch 10']"),
]
WRONG = [
    ("losses.mse(z, column)", "must have one shape, because a loss does not broadcast"),
    ("losses.logitcrossentropy(x, z)", "labels are integers"),
    ("losses.logitcrossentropy(image, mask)", "axis 1 of the labels is h, where c is wanted"),
]
# Nothing is known of the ranks here, and what may be right is no error.
UNKNOWN = ["losses.mse(t, k)", "losses.logitcrossentropy(t, flux.one_hot(k, size))"]


def test_results_and_errors(tmp_path: Path) -> None:
    lines = [f"    reveal_type({expression})" for expression, _ in REVEALED]
    lines += [f"    {statement}" for statement in (*UNKNOWN, *(w for w, _ in WRONG))]
    messages = check(tmp_path, {"main.py": HEADER + "    pass\n" + PROGRAM + "\n".join(lines)})
    assert revealed(messages) == [found for _, found in REVEALED]
    errors = [m for m in messages if ": error: " in m]
    assert len(errors) == len(WRONG), errors
    for error, (_, text) in zip(errors, WRONG, strict=True):
        assert text in error
