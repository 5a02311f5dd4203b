"""A small proxy on this machine that shows a server under a path, which it takes away before it asks."""

import contextlib
import http.client
import http.server
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@contextlib.contextmanager
def prefix_stripping(server: str, prefix: str, public: str = "127.0.0.1") -> Iterator[str]:
    """The address under which `server` can be reached while this is open; prefix: "/tokenscope".

    The server hears the public name in X-Forwarded-Host, and its own address in Host, as behind most proxies.
    """
    behind = urlsplit(server).netloc

    class Forward(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404, "outside the prefix")
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            headers |= {"Host": behind, "X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
            asked = http.client.HTTPConnection(behind, timeout=60)
            with contextlib.closing(asked), contextlib.suppress(ConnectionError, TimeoutError):
                asked.request(self.command, self.path.removeprefix(prefix), body, headers)
                found = asked.getresponse()
                self.send_response_only(found.status)
                for name, value in found.getheaders():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                while part := found.read1(65536):  # as it comes: events are streamed
                    self.wfile.write(part)
                    self.wfile.flush()

        do_GET = do_POST = do_HEAD = do_OPTIONS = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://{public}:{proxy.server_port}{prefix}/"
    finally:
        proxy.shutdown()
        proxy.server_close()
