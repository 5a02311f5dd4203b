"""The page (floor 4). Importing this package is light; torch and gradio come with the call of `launch`."""

from explorer.ui.options import AppOptions


def launch(options: AppOptions) -> None:
    """Load the models, build the page and serve it until interrupted (`explorer/ui/launch.py`)."""
    from explorer.ui import serving

    serving.serve(options)
