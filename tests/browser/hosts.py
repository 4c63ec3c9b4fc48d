"""A local host for the tests, on embedded storage that is gone with it."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

BINARY = os.environ.get("SIGNALBOX_BINARY", "target/debug/signalbox")
START_SECONDS_MAX = 60


class Host:
    def __init__(self, **variables: str):
        self.folder = Path(tempfile.mkdtemp())
        self.environment = {**os.environ, "SIGNALBOX_DATA_DIR": str(self.folder), **variables}
        ready, log = self.folder / "ready", self.folder / "log"
        with ready.open("wb") as out, log.open("wb") as errors:
            command = [BINARY, "--port", "0", "--ephemeral"]
            self.process = subprocess.Popen(command, stdout=out, stderr=errors, env=self.environment)
        for _ in range(START_SECONDS_MAX * 10):
            if "ready on " in (text := ready.read_text()):
                self.url = text.split("ready on ")[1].split()[0]
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(log.read_text())

    def token(self, *arguments: str) -> str:
        """A service token that this host takes."""
        command = [BINARY, "token", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout.strip()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


class Vendor:
    """A simulated DoorLoop that takes as many requests as anybody sends, and fails as it is told."""

    KEY = "simulated-doorloop-key"

    def __init__(self, *options: str):
        command = [BINARY, "simulate", "doorloop", "--port", "0", "--limits", "off", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "ready on " in line:
                self.api = line.split("ready on ")[1].strip()
                self.url = self.api.removesuffix("/api")
                return
        raise RuntimeError("no simulated vendor")

    def tell(self, path: str, body: dict | None = None, method: str | None = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_simulator/{path}", data, method=method), timeout=5).close()

    def fail(self, fault: str, **more) -> None:
        self.tell("faults", {"fault": fault, **more})

    def mend(self) -> None:
        self.tell("faults", method="DELETE")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def chromium() -> str:
    """The browser."""
    for name in (os.environ.get("SIGNALBOX_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    raise RuntimeError("no Chromium: install chromium, or name one in SIGNALBOX_CHROMIUM")
