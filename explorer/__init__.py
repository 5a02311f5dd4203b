"""Tokenscope: look at, edit and generate the discrete tokens of image models.

    from explorer import load_tokenizer, load_generator, TokenMaps

The names are looked up on first use, so `import explorer` costs nothing and
`python -m explorer --help` needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.errors import CheckpointError
    from explorer.generators import load_generator
    from explorer.token_maps import TokenMaps
    from explorer.tokenizers import load_tokenizer

__all__ = ["CheckpointError", "TokenMaps", "load_generator", "load_tokenizer"]
__version__ = "0.1.0"

_HOME = {
    "CheckpointError": "explorer.errors",
    "TokenMaps": "explorer.token_maps",
    "load_generator": "explorer.generators",
    "load_tokenizer": "explorer.tokenizers",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'explorer' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
