"""How llvmlite calls LLVM: what compiling without its lock needs."""

from types import TracebackType
from typing import Any

lib: Any  # functions by their C names

class OutputString:
    def __enter__(self) -> OutputString: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...
