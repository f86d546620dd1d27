"""A real PostgreSQL server for the tests: Debian's package, on a socket of its own, under its own user."""

from __future__ import annotations

import getpass
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

_NUMBERS = count(1)


def _folder_of_binaries() -> str | None:
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if folders:
        return folders[-1]
    found = shutil.which("initdb")  # elsewhere than on Debian
    return os.path.dirname(found) if found else None


class Server:
    """A running server; `database` makes an empty database and returns its URL."""

    def __init__(self, folder: str) -> None:
        binaries = _folder_of_binaries()
        assert binaries is not None
        self._folder, self._binaries = folder, binaries
        self.user = "postgres" if os.getuid() == 0 else getpass.getuser()  # it refuses to run as root
        if os.getuid() == 0:
            shutil.chown(folder, self.user)
        os.chmod(folder, 0o755)  # the tests, too, have to reach the socket
        data = os.path.join(folder, "data")
        subprocess.run(
            [os.path.join(binaries, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"],
            check=True, capture_output=True, cwd=folder, timeout=120, **self._as_user(),
        )  # fmt: skip
        self._process = subprocess.Popen(
            [os.path.join(binaries, "postgres"), "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **self._as_user(),
        )  # fmt: skip
        self._wait()

    def database(self) -> str:
        name = f"project_{next(_NUMBERS)}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # "fast": connections are ended
        self._process.wait(timeout=30)

    def _as_user(self) -> dict[str, str]:
        return {"user": self.user, "group": self.user} if os.getuid() == 0 else {}

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(host=self._folder, user="postgres", dbname="postgres", autocommit=True)

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 60
        while True:
            try:
                return self._connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    if _folder_of_binaries() is None:
        pytest.skip("the Debian package 'postgresql' is missing: projects on PostgreSQL were not tested")
    pytest.importorskip("psycopg", reason="psycopg is missing: projects on PostgreSQL were not tested")
    with tempfile.TemporaryDirectory(prefix="finepick-postgres-", ignore_cleanup_errors=True) as folder:
        server = Server(folder)
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite in the project's folder, or the URL of an empty database on a real server."""
    if request.param == "sqlite":
        return None
    server: Server = request.getfixturevalue("postgres_server")
    return server.database()
