# SPDX-License-Identifier: MIT
"""Processes with a log, a limit of time and a status line; a few at once."""

import math
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness_lib import display, workspace

TAIL_BYTES = 4096
POLL_SECONDS = 0.1
STOP_SECONDS = 5


@dataclass
class Task:
    """One process to run."""

    name: str
    argv: list
    log: Path
    seconds: float  # it is expected to end by itself after these
    grace: float = 60  # after these in addition it counts as hanging
    target: object = None  # whatever its starter wants to find again
    seed: int = 0
    process: subprocess.Popen = field(default=None, repr=False)
    started: float = 0
    ended: float = 0
    hung: bool = False

    def start(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            # An own session: what it starts can be stopped with it.
            self.process = subprocess.Popen(
                self.argv,
                cwd=workspace.ROOT,
                env=workspace.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def elapsed(self):
        return (self.ended or time.monotonic()) - self.started

    def poll(self):
        """True when it has ended."""
        if self.process.poll() is None:
            if self.elapsed() <= self.seconds + self.grace:
                return False
            self.hung = True
            # SIGABRT: sanitizers and crash handlers then tell where it was.
            self.kill(signal.SIGABRT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill(signal.SIGKILL)
                self.process.wait()
        self.ended = time.monotonic()
        return True

    def kill(self, signal_number):
        try:
            os.killpg(self.process.pid, signal_number)
        except ProcessLookupError:
            pass

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill(signal.SIGKILL)
                self.process.wait()
            self.ended = time.monotonic()

    @property
    def returncode(self):
        return self.process.returncode

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def last_line(self):
        """The last thing the process said: its progress."""
        try:
            with open(self.log, "rb") as log:
                log.seek(0, os.SEEK_END)
                log.seek(max(0, log.tell() - TAIL_BYTES))
                tail = log.read().decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.strip() for line in tail.replace("\r", "\n").split("\n")]
        return next((line for line in reversed(lines) if line), "")

    def status(self):
        said = self.last_line().removeprefix(f"{self.name}: ")
        # Of libFuzzer's line, what follows is about the last mutation.
        said = re.sub(r"( rss: \S+).*", r"\1", said.replace("\t", " "))
        limit = f"/{self.seconds:.0f}" if math.isfinite(self.seconds) else ""
        return f"{self.name:<16} {self.elapsed():4.0f}{limit} s  {said}"


def run_all(tasks, lanes, on_end):
    """Runs `tasks` (an iterator: it may go on for ever), `lanes` at once, with live
    status. Calls on_end(task) for each that ended. Stops all when interrupted."""
    tasks = iter(tasks)
    running = []
    lines = display.StatusLines()
    exhausted = False
    try:
        while True:
            while not exhausted and len(running) < lanes:
                task = next(tasks, None)
                if task is None:
                    exhausted = True
                else:
                    task.start()
                    running.append(task)
            if not running:
                return
            lines.show([task.status() for task in running])
            time.sleep(POLL_SECONDS)
            ended = [task for task in running if task.poll()]
            running = [task for task in running if task not in ended]
            for task in ended:
                lines.clear()
                on_end(task)
    finally:
        for task in running:
            task.stop()
        lines.clear()
