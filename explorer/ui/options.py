"""What the command line of `app.py` decides about the page, as plain values: parsing needs no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AppOptions:
    host: str = "127.0.0.1"  # local by default: the page has no accounts
    port: int | None = None  # None = the first free port from 7860
    device: str = "auto"  # "auto" (cuda > mps > cpu) or a torch device name
    precision: str = "auto"  # "exact" | "auto" | "fast", see explorer/devices.py
    tokenizer: str = "mini"  # each model: a bundled or catalogue name, or a path to a file
    generator: str = "mini"
    raster_tokenizer: str = "mini-raster-tokenizer"
    raster_generator: str = "mini-raster"
    models: str = ""  # a folder with further models to choose from in the page; "" = only the bundled ones
    allowed_hosts: tuple[str, ...] = ()  # names to answer to beside this machine's own; "*" = every one
    root_path: str = ""  # where a proxy shows the page, "/tokenscope"; "" = at the root of its address
    share: bool = False  # a public link through Gradio's relay, only on request
    mcp: bool = False  # the endpoints (explorer/ui/endpoints) as tools of an MCP server, only on request
