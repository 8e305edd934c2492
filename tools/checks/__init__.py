# SPDX-License-Identifier: MIT
"""Checks over the sources and the archives. Each is a function of the workspace's root
that returns a list of problems, each "FILE:LINE: what is wrong and what to do"."""
