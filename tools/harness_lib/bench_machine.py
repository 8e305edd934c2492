# SPDX-License-Identifier: MIT
"""The machine of a run: what it is, and whether it had other things to do."""

import os
import platform
import time

BUSY_LOAD = 1.25  # runnable processes for each processor, ours included
STOLEN = 0.02


def description():
    """Processor, count and kernel, in a few words."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    model = line.partition(":")[2].strip()
                    break
    except OSError:
        pass
    cpus = len(os.sched_getaffinity(0))
    return f"{cpus} processors ({model}), Linux {platform.release()}"


def _cpu_times(text):
    """(stolen, all) of the first line of /proc/stat."""
    fields = [int(word) for word in text.split("\n", 1)[0].split()[1:9]]
    return fields[7], sum(fields)


class Watch:
    """Looks at load and stolen time between its creation and now."""

    def __init__(self):
        self.start = time.monotonic()
        self.load_before = os.getloadavg()[0]
        self.times = self._times()

    @staticmethod
    def _times():
        try:
            with open("/proc/stat", encoding="utf-8") as file:
                return _cpu_times(file.read())
        except (OSError, ValueError, IndexError):
            return None

    def report(self):
        after = self._times()
        stolen = None
        if self.times and after and after[1] > self.times[1]:
            stolen = (after[0] - self.times[0]) / (after[1] - self.times[1])
        return Report(
            description(),
            time.monotonic() - self.start,
            max(self.load_before, os.getloadavg()[0]) / len(os.sched_getaffinity(0)),
            stolen,
        )


class Report:
    """Of a run that is over."""

    def __init__(self, machine, seconds, load, stolen):
        self.machine = machine
        self.seconds = seconds
        self.load = load  # for each processor
        self.stolen = stolen  # a part of all time, or None

    def warnings(self):
        found = []
        if self.load > BUSY_LOAD:
            found.append(f"the machine was busy: load {self.load:.1f} for each processor")
        if self.stolen is not None and self.stolen > STOLEN:
            found.append(f"{self.stolen:.0%} of its time was taken by other guests")
        return found

    def as_json(self):
        return {
            "machine": self.machine,
            "seconds": self.seconds,
            "load": self.load,
            "stolen": self.stolen,
            "warnings": self.warnings(),
        }
