"""The door: `python app.py` and `tokenscope` open the page, `tokenscope VERB` is the command line.

The arguments are parsed before anything heavy is imported, so `--help` and a mistyped option answer at once.
"""

import argparse
import sys
from collections.abc import Callable

from explorer import __version__
from explorer.errors import CheckpointError
from explorer.ui.listening import checked_host, checked_port, checked_root
from explorer.ui.options import AppOptions

EPILOG = """\
examples:
  python app.py
  python app.py --port 8000 --precision exact
  python app.py --tokenizer vae_ch160v4096z32.pth --generator var_d16.pth
  python app.py --models ~/checkpoints
  python app.py --host 0.0.0.0 --allowed-host tokens.example.com --root-path /tokenscope

`tokenscope VERB` is the command line (tokenize, decode, generate ...); `python -m explorer --help` lists it.
"""


def build_parser() -> argparse.ArgumentParser:
    default = AppOptions()
    parser = argparse.ArgumentParser(
        prog="python app.py",
        description="Tokenscope: see, edit and generate the tokens of an image, scale by scale.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"tokenscope {__version__}")
    add("--host", default=default.host, help="address to listen on (default: %(default)s, this machine only)")
    add(
        "--port",
        type=_checked(checked_port),
        default=default.port,
        help="port (default: the first free one from 7860)",
    )
    add("--device", default=default.device, help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    add(
        "--precision",
        choices=["exact", "auto", "fast"],
        default=default.precision,
        help="exact: float32, equals the references; auto: bfloat16 for decoder and transformer where the "
        "hardware has it; fast: bfloat16 everywhere (default: %(default)s)",
    )
    model = "a bundled or catalogue name, or a path to a file (default: %(default)s)"
    add("--tokenizer", metavar="MODEL", default=default.tokenizer, help=model)
    add("--generator", metavar="MODEL", default=default.generator, help=model)
    add("--raster-tokenizer", metavar="MODEL", default=default.raster_tokenizer, help=model)
    add("--raster-generator", metavar="MODEL", default=default.raster_generator, help=model)
    add(
        "--models",
        metavar="DIR",
        default=default.models,
        help="a folder with further models, subfolders included: the page's header offers them beside the "
        "bundled ones",
    )
    add(
        "--allowed-host",
        metavar="NAME",
        dest="allowed_hosts",
        action=_Collected,
        type=_checked(checked_host),
        default=default.allowed_hosts,
        help="a further name to answer to, such as tokens.example.com or *.example.com; "
        "can be given several times; * allows every name (default: localhost, 127.0.0.1, [::1], the --host, "
        "and any IP address where that is 0.0.0.0)",
    )
    add(
        "--root-path",
        metavar="PATH",
        type=_checked(checked_root),
        default=default.root_path,
        help="the path under which a proxy shows the page, such as /tokenscope (default: none)",
    )
    add("--share", action="store_true", help="also open a public link through Gradio's relay (default: off)")
    add("--mcp", action="store_true", help="also be an MCP server for programs (docs/API.md; default: off)")
    return parser


class _Collected(argparse.Action):
    """An option that can be given several times, as a tuple."""

    def __call__(self, parser, namespace, value, option=None):
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), value))


def _checked(check: Callable[[str], object]) -> Callable[[str], object]:
    """`check` for argparse, which shows only what is raised as its own error."""

    def checked(text: str) -> object:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def open_page(arguments: list[str] | None = None) -> int:
    """Builds and serves the page until it is stopped; exit code 0, or 2 after one line that says why not."""
    options = AppOptions(**vars(build_parser().parse_args(arguments)))
    from explorer.ui import launch  # torch and gradio: seconds, so only once the arguments are right

    try:
        launch(options)
    except (CheckpointError, ValueError, OSError) as error:  # a wrong model or a port in use, not a bug
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def main(arguments: list[str] | None = None) -> int:
    """What `tokenscope` runs: a first word without a dash is a verb of `python -m explorer`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and not arguments[0].startswith("-"):
        from explorer.cli import main as run_verb

        return run_verb(arguments)
    return open_page(arguments)
