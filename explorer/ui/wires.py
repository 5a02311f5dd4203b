"""Wires: hidden parts of the page that carry plain values between its script and Python.

A wire's events go through Gradio's queue; look-ups (server functions) go beside it and answer at once. So a
stream is stopped by a look-up: it is heard while the stream runs, and before it has begun.
"""

import logging
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

import gradio as gr

log = logging.getLogger(__name__)

FAILED = "Something failed on the server; it has been logged there. What you had is unchanged."
# How every event of a wire is wired: no spinner, no event dropped, no endpoint for programs.
QUIET = {"show_progress": "hidden", "trigger_mode": "multiple", "api_visibility": "private"}
REMEMBERED = 256  # stopped jobs; a job that is asked for is long over when it is forgotten
LONGEST_NAME = 60  # of a job


def hidden(script: str, value: object = None, look_ups: Sequence[Callable] = ()) -> gr.HTML:
    """The wire whose other end is `script`; `value` is what the page knows from the start."""
    return gr.HTML(
        html_template="",
        js_on_load=script,
        apply_default_css=False,
        visible="hidden",
        value=value,
        server_functions=list(look_ups),
    )


class StoppedJobs:
    """Jobs that visitors have stopped, by the names that the browser gave them; old ones are forgotten."""

    def __init__(self):
        self._jobs: deque[str] = deque(maxlen=REMEMBERED)

    def __contains__(self, job: object) -> bool:
        return job in self._jobs

    def look_up(self, name: str) -> Callable[[object], None]:
        """The server function called `name` by which the page stops a job."""

        def stop(job):
            self._jobs.append(str(job)[:LONGEST_NAME])

        stop.__name__ = name
        return stop


def streamed(
    data: Mapping, views: Iterable[dict | None], cancelled: Container[str] = (), failed: str = FAILED
) -> Iterator[dict]:
    """The views of a job, each with its "job"; None = a step without anything to show.

    A ValueError ends it with its sentence under "problem". `failed` is said of a bug, which is logged.
    Ends without a word once the job is among `cancelled`.
    """
    job = str(data.get("job", ""))[:LONGEST_NAME]
    try:
        for view in views:
            if job in cancelled:
                return
            if view is not None:
                yield {"job": job, **view}
    except ValueError as error:
        text = str(error)
        yield {"job": job, "status": "failed", "problem": f"{text[:1].upper()}{text[1:].rstrip('.')}."}
    except Exception:  # the page must say something whatever happens; the log has the rest
        log.exception("a stream of the page failed")
        yield {"job": job, "status": "failed", "problem": failed}
