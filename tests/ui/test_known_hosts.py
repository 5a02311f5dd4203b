"""To which names the server answers, and from which pages it takes something."""

import http.client
import socket
from urllib.parse import urlsplit

import pytest
from loop_support import run_beside

from explorer import door
from explorer.ui.endpoints.known_hosts import KnownHosts, known_hosts
from explorer.ui.listening import check_address
from explorer.ui.options import AppOptions
from explorer.ui.screenshots import serving

MINE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nhello\r\n--x--\r\n'


def answer(hosts, host="localhost:7860", origin=None, method="GET", any_address=False, public=None) -> int:
    """The status: 200 where the request goes through."""
    told = []

    async def page(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def send(message):
        told.append(message)

    headers = {"host": host, "origin": origin, "x-forwarded-host": public}
    raw = [(name.encode(), value.encode()) for name, value in headers.items() if value is not None]
    scope = {"type": "http", "method": method, "path": "/", "headers": raw}
    run_beside(KnownHosts(page, hosts, any_address)(scope, None, send))
    return told[0]["status"]


@pytest.mark.parametrize(
    "host, status",
    [
        ("localhost:7860", 200),
        ("127.0.0.1:7860", 200),
        ("[::1]:7860", 200),
        ("LOCALHOST", 200),
        ("evil.com:7860", 400),
        ("127.0.0.1.evil.com", 400),
        ("localhost.evil.com", 400),
        ("192.168.1.5:7860", 400),
        ("", 400),
        ("a b", 400),
        ("[::1", 400),
    ],
)
def test_only_names_of_this_machine_by_default(host, status):
    assert answer(known_hosts("127.0.0.1"), host) == status


def test_the_address_listened_on_and_allowed_names_are_known_too():
    hosts = known_hosts("192.168.1.5", ("tokens.example.com", "*.lab.org", "fd00::1"))
    for host in ("192.168.1.5:80", "tokens.example.com", "a.lab.org:7860", "[fd00::1]:7860", "localhost"):
        assert answer(hosts, host) == 200
    for host in ("192.168.1.6", "example.com", "lab.org", "evil.com"):
        assert answer(hosts, host) == 400
    assert answer(known_hosts("127.0.0.1", share=True), "abc.gradio.live") == 200
    assert answer(known_hosts("127.0.0.1", ("*",)), "evil.com") == 200


def test_on_all_addresses_any_ip_address_is_known_but_no_name():
    hosts = known_hosts("0.0.0.0")
    assert "*" not in hosts
    assert answer(hosts, "192.168.1.5:7860", any_address=True) == 200
    assert answer(hosts, "[fd00::1]:7860", any_address=True) == 200
    assert answer(hosts, "evil.com", any_address=True) == 400


@pytest.mark.parametrize(
    "origin, more, status",
    [
        (None, {}, 200),  # programs send none
        ("http://localhost:7860", {}, 200),
        ("http://127.0.0.1:7860", {}, 200),
        ("https://evil.com", {}, 403),
        ("https://evil.com", {"method": "GET"}, 200),  # only reads, and the browser keeps the answer from it
        ("null", {}, 403),
        ("https://tokens.example.com", {"hosts": known_hosts("", ("tokens.example.com",))}, 200),
        ("https://tokens.example.com", {"public": "tokens.example.com"}, 200),
        ("https://evil.com", {"public": "tokens.example.com"}, 403),
        ("https://evil.com", {"hosts": ("*",)}, 403),
        ("https://evil.com", {"hosts": ("*",), "host": "evil.com"}, 200),
    ],
)
def test_nothing_is_taken_from_pages_of_other_servers(origin, more, status):
    asked = {"hosts": known_hosts("127.0.0.1"), "method": "POST", **more}
    assert answer(origin=origin, **asked) == status


@pytest.fixture(scope="module")
def address():
    with serving(AppOptions(device="cpu", precision="exact", generator="", raster_generator="")) as url:
        yield urlsplit(url).netloc


def upload(address: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=60)
    form = {"Content-Type": "multipart/form-data; boundary=x", **headers}
    connection.request("POST", "/gradio_api/upload", MINE, form)
    told = connection.getresponse()
    text = told.read().decode()
    connection.close()
    return told.status, text


def test_the_server_itself_checks_both(address):
    assert upload(address)[0] == 200
    assert upload(address, Origin=f"http://{address}")[0] == 200
    status, text = upload(address, Origin="https://evil.com")
    assert (status, text) == (
        403,
        "This server takes nothing from pages of other servers. Open its own page.",
    )
    status, text = upload(address, Host="evil.com:7860", Origin="http://evil.com:7860")
    assert status == 400 and text.endswith("python app.py --allowed-host evil.com")


# The command line


@pytest.mark.parametrize("port", ["0", "-1", "70000", "x", ""])
def test_a_port_that_is_none_is_told(port, capsys):
    with pytest.raises(SystemExit) as stopped:
        door.open_page(["--port", port])
    told = capsys.readouterr().err
    assert stopped.value.code == 2
    assert told.splitlines()[-1].endswith(
        f"{port} is no port to listen on: ports go from 1 to 65535; without --port the first free one from "
        "7860 is taken"
    )


def test_a_taken_port_is_told_before_the_models_are_read(capsys, monkeypatch):
    monkeypatch.setattr("explorer.ui.open_site", lambda options: pytest.fail("the models were read"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert door.open_page(["--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"error: port {port} on 127.0.0.1 is in use by another program; choose another with --port, or leave "
        "--port out for the first free one from 7860\n"
    )


def test_a_port_that_is_taken_meanwhile_is_told_too(capsys, monkeypatch):
    class Site:
        def launch(self, **_):
            raise OSError("Cannot find empty port in range: 7860-7959. You can specify ...")

    monkeypatch.setattr("explorer.ui.open_site", lambda options: Site())
    assert door.open_page([]) == 2
    assert capsys.readouterr().err.startswith("error: every port from 7860 to 7959 is in use on 127.0.0.1")


def test_a_host_that_is_not_of_this_machine_is_told():
    with pytest.raises(ValueError, match="--host 192.0.2.1: nothing can listen there"):
        check_address("192.0.2.1", None)
    with pytest.raises(ValueError, match="no such address"):
        check_address("a" * 300, None)
    check_address("127.0.0.1", None)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--allowed-host", "example.com:80"], "names a port"),
        (["--allowed-host", "http://example.com"], "is no host"),
        (["--allowed-host", "foo.*"], "is no host"),
        (["--allowed-host", ""], "is no host"),
        (["--root-path", "tokenscope"], "is no path"),
        (["--root-path", "https://example.com/a"], "is no path"),
    ],
)
def test_what_is_no_host_and_no_path_is_told(words, sentence, capsys):
    with pytest.raises(SystemExit):
        door.build_parser().parse_args(words)
    assert sentence in capsys.readouterr().err


def test_hosts_add_up_and_a_path_loses_its_last_slash():
    words = ["--allowed-host", "A.com", "--allowed-host", "*.b.org", "--root-path", "/tokens/"]
    options = AppOptions(**vars(door.build_parser().parse_args(words)))
    assert options.allowed_hosts == ("a.com", "*.b.org") and options.root_path == "/tokens"
