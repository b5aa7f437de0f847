from typing import Any

class Bunch(dict[str, Any]):
    def __getattr__(self, key: str) -> Any: ...
