"""An S3 endpoint on this machine, in a process of its own: moto's server, which keeps objects in memory.

    python tests/cluster/s3_server.py --bucket lake      # runs until Ctrl-C, and prints the endpoint

moto looks whether an object is there and then writes it, in threads; here writes go one after the other, so that a
conditional put is as atomic as S3's. With ``--overlook-conditions`` it is a store of the kind that must not be
written to by two. With ``--versitygw PATH`` the gateway of that name (github.com/versity/versitygw, Apache-2.0)
serves a folder instead.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

KEY, SECRET, REGION = "testing", "testing-secret", "eu-west-1"
_LISTENING = re.compile(r"listening on (http://\S+)")
_PATIENCE = 60.0


@dataclass
class S3Server:
    """The server as a context: started, with an empty bucket, when entered.

    Args:
        folder: Where its log lies, and the gateway's objects.
        bucket: The bucket to make.
        options: Further options of this script.
    """

    folder: Path
    bucket: str = "lake"
    options: tuple[str, ...] = ()
    endpoint: str = ""
    _process: subprocess.Popen | None = field(default=None)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, __file__, "--folder", str(self.folder), "--bucket", self.bucket, *self.options]
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.PIPE)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := _LISTENING.search(self.log.read_text(errors="replace")):
                self.endpoint = found[1]
                return self
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"the S3 server did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.stdin.close()  # it ends with its parent, however that ends
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> Path:
        return self.folder / "s3.log"

    @property
    def storage(self) -> dict[str, str]:
        """What ``storage:`` in mixlake.yaml holds for it."""
        return {
            "endpoint_url": self.endpoint,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
            "region": REGION,
            "allow_http": "true",
        }

    def store(self, path: str = ""):
        """Return a client of the bucket, or of a path in it."""
        from obstore.store import S3Store

        config = {"aws_endpoint": self.endpoint, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        options = {"client_options": {"allow_http": True}, "prefix": path or None}
        return S3Store(self.bucket, config={**config, "aws_region": REGION}, **options)

    def upload(self, folder: Path, path: str) -> str:
        """Copy a folder to a path of the bucket, and return its URI."""
        store = self.store(path)
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                store.put(file.relative_to(folder).as_posix(), file.read_bytes())
        return f"s3://{self.bucket}/{path}"

    def puts(self) -> Counter[tuple[str, str, str]]:
        """Return how often each kind of client put a version of a Delta log: (client, condition, status)."""
        lines = re.findall(r"^put (\S+) (\S+) (\S+)$", self.log.read_text(errors="replace"), re.MULTILINE)
        return Counter(lines)


class OneAfterTheOther:
    """Lets one write in at a time, and notes the commits.

    Args:
        application: moto.
        overlook: Whether conditions are taken out of requests.
    """

    def __init__(self, application, overlook):
        self.application = application
        self.overlook = overlook
        self.lock = threading.Lock()

    def __call__(self, environment, start_response):
        if environment["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return self.application(environment, start_response)
        condition = (
            environment.pop("HTTP_IF_NONE_MATCH", "") if self.overlook else environment.get("HTTP_IF_NONE_MATCH")
        )
        statuses = []

        def respond(status, headers, *rest):
            statuses.append(status.split(" ", 1)[0])
            return start_response(status, headers, *rest)

        with self.lock:
            answer = list(self.application(environment, respond))
        if re.search(r"/_delta_log/\d{20}\.json$", environment["PATH_INFO"]):
            client = environment.get("HTTP_USER_AGENT", "-").split("/", 1)[0].split(" ", 1)[0] or "-"
            print(f"put {client} {condition or '-'} {statuses[-1]}", flush=True)
        return answer


def serve_moto(bucket: str, port: int, *, overlook: bool) -> None:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_: object) -> None:
            pass

    application = OneAfterTheOther(DomainDispatcherApplication(create_backend_app), overlook)
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=Handler)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, REGION)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def serve_versitygw(program: str, bucket: str, port: int, folder: Path, at_end: list) -> None:
    (folder / "objects" / bucket).mkdir(parents=True, exist_ok=True)
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    words = [program, "--port", f"127.0.0.1:{port}", "--access", KEY, "--secret", SECRET, "--region", REGION]
    with subprocess.Popen([*words, "posix", str(folder / "objects")]) as process:
        at_end.append(process.terminate)
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    print(f"listening on http://127.0.0.1:{port}", flush=True)
                    process.wait()
                time.sleep(0.1)
        finally:
            process.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Serve S3 on this machine until Ctrl-C, or until standard input ends where it is a pipe.",
        epilog=f"example: python tests/cluster/s3_server.py --bucket lake (key {KEY}, secret {SECRET})",
    )
    parser.add_argument("--bucket", default="lake", help="bucket to make (default: lake)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    parser.add_argument("--folder", type=Path, help="where versitygw keeps objects (default: a temporary folder)")
    parser.add_argument("--overlook-conditions", action="store_true", help="act as a store without conditional puts")
    parser.add_argument("--versitygw", metavar="PATH", help="serve by this program instead of moto")
    given = parser.parse_args()

    at_end = []

    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        for end in at_end:
            end()
        os._exit(0)

    if not sys.stdin.isatty():
        threading.Thread(target=end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as scratch:
        if given.versitygw:
            serve_versitygw(given.versitygw, given.bucket, given.port, given.folder or Path(scratch), at_end)
        else:
            serve_moto(given.bucket, given.port, overlook=given.overlook_conditions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
