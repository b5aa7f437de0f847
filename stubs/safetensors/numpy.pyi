import os
from typing import Any

from numpy.typing import NDArray

def save_file(
    tensor_dict: dict[str, NDArray[Any]],
    filename: str | os.PathLike[str],
    metadata: dict[str, str] | None = None,
) -> None: ...
def load_file(filename: str | os.PathLike[str]) -> dict[str, NDArray[Any]]: ...
