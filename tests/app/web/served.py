"""A studio behind its guard, in this process or in one of its own."""

import os
import re
import select
import signal
import subprocess
import sys
import time
import warnings

import httpx

from gambol.app.web import server, tokens
from gambol.app.web.desk import Desk
from gambol.app.web.guard import Access
from gambol.app.web.state import Studio

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the successor of httpx
    from starlette.testclient import TestClient

TOKENS = tokens.Tokens("e" * 43, "r" * 43)
OWN = {"X-Gambol": "1", "Authorization": f"Bearer {TOKENS.edit}"}
LOOK = {"X-Gambol": "1", "Authorization": f"Bearer {TOKENS.read}"}


def studio_of(folder, **access):
    return Studio(
        folder, Desk(folder), roots=[folder], user="ann", access=Access(TOKENS, **access)
    )


def client_of(studio, headers=OWN):
    app = server.application(studio)
    return TestClient(app, "http://127.0.0.1:8765", headers=headers, follow_redirects=False)


class Server:
    """`gambol studio` in a process of its own; its output goes to files."""

    def __init__(self, folder, state, *options, port=0, python=sys.executable):
        command = [python, "-m", "gambol", "studio", str(folder), "--no-browser"]
        self.folder, self.clients = folder, []
        self.log = (state / "log").open("ab")
        self.process = subprocess.Popen(
            [*command, "--port", str(port), *options], stdout=subprocess.PIPE,
            stderr=self.log, env={**os.environ, "XDG_STATE_HOME": str(state)}, cwd=state,
        )  # fmt: skip
        self.out = ""
        end = time.monotonic() + 60
        while "http" not in self.out and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096).decode()
                self.out += piece
                if not piece:
                    break
        found = re.search(r"http\S+", self.out)
        self.link = found[0] if found else ""
        self.address = self.link.partition("?")[0]

    @property
    def port(self):
        return int(self.address.split(":")[2].split("/")[0])

    def browser(self):
        """A client that followed the link."""
        self.clients.append(
            client := httpx.Client(base_url=self.address, headers={"X-Gambol": "1"}, timeout=60)
        )
        assert client.get(self.link).status_code == 303
        return client

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(90)
        for client in self.clients if number == signal.SIGTERM else []:
            client.close()
        self.process.stdout.close()
        self.log.close()
        return self.process.returncode
