# SPDX-License-Identifier: MIT
"""What `bazel test` did, from its build event file."""

import json

PASSED = {"PASSED", "FLAKY"}


def read(lines):
    """{label: passed} of every test that was asked for: one that did not build, or did
    not run, has not passed."""
    results = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line of a Bazel that was stopped
        name = event.get("id", {})
        if "targetConfigured" in name and "testSize" in event.get("configured", {}):
            results.setdefault(name["targetConfigured"]["label"], False)
        if "testSummary" in name:
            status = event.get("testSummary", {}).get("overallStatus")
            results[name["testSummary"]["label"]] = status in PASSED
    return results
