"""Stopped jobs: named look-ups, bounded memory."""

from explorer.ui.wires import LONGEST_NAME, REMEMBERED, StoppedJobs


def test_a_job_is_stopped_by_a_look_up_of_its_name():
    jobs = StoppedJobs()
    stop = jobs.look_up("cancel_this")
    assert stop.__name__ == "cancel_this"  # Gradio names the server function after it
    assert "a" not in jobs
    stop("a")
    assert "a" in jobs and "b" not in jobs


def test_what_a_browser_sends_cannot_fill_the_memory():
    jobs = StoppedJobs()
    stop = jobs.look_up("stop")
    stop("x" * 10_000)
    assert "x" * LONGEST_NAME in jobs
    for n in range(REMEMBERED):
        stop(n)
    assert "x" * LONGEST_NAME not in jobs and str(REMEMBERED - 1) in jobs
