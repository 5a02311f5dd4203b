"""placeholder"""


def connect(bench) -> None:
    pass
