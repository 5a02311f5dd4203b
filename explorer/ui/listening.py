"""Where the server listens and by which names: checked before any model is read."""

import errno
import ipaddress
import socket

HELP = "choose another with --port, or leave --port out for the first free one from 7860"
PORTS = range(1, 65536)


def checked_port(text: str) -> int:
    """A port of the command line. ValueError."""
    try:
        port = int(text)
    except ValueError:
        port = -1
    if port not in PORTS:
        raise ValueError(
            f"{text} is no port to listen on: ports go from {PORTS[0]} to {PORTS[-1]}; without --port the "
            "first free one from 7860 is taken"
        )
    return port


def checked_root(text: str) -> str:
    """The path under which a proxy shows this server, without a slash at its end. ValueError."""
    path = text.rstrip("/")
    if path and (not path.startswith("/") or "//" in path or any(one in path for one in "?#% \\")):
        raise ValueError(
            f"{text!r} is no path; --root-path is the path under which a proxy shows the page, such as "
            "/tokenscope"
        )
    return path


def checked_host(name: str) -> str:
    """A name of the command line: a host without port, *.example.com, or *. ValueError."""
    plain = name.removeprefix("*.") if name != "*" else "any"
    if not plain or "*" in plain or not bracketed(plain) or any(one in plain for one in "/@ ,"):
        raise ValueError(f"{name!r} is no host; give a name such as tokens.example.com, *.example.com or *")
    if ":" in plain.strip("[]") and not is_address(bracketed(plain)):
        raise ValueError(f"{name!r} names a port; give the host alone, it counts for every port")
    return name.lower()


def bracketed(host: str) -> str:
    """An IPv6 address as it stands in addresses of pages: [::1]."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_address(name: str) -> bool:
    """Whether a host is given as an IP address, with or without brackets."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def check_address(host: str, port: int | None) -> None:
    """ValueError where nothing can listen there. port None: only the host is looked at."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"--host {host}: there is no such address; give one of this machine's, such as 127.0.0.1, or "
            "0.0.0.0 for all of them"
        ) from error
    family, kind, protocol, _, address = found[0]
    try:
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
            trial.bind(address)
    except OSError as error:
        raise ValueError(_why_not(host, port, error)) from error


def _why_not(host: str, port: int | None, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return taken(host, port)
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by this account ({error.strerror}); {HELP}"
    return (
        f"--host {host}: nothing can listen there ({error.strerror}); give an address of this machine, such "
        "as 127.0.0.1, or 0.0.0.0 for all of them"
    )


def taken(host: str, port: int | None) -> str:
    """The sentence for a port, or for all that are tried without one."""
    if port is None:
        return f"every port from 7860 to 7959 is in use on {host}; choose another with --port"
    return f"port {port} on {host} is in use by another program; {HELP}"
