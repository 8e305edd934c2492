# SPDX-License-Identifier: MIT
"""The parts of tools/harness. Python 3.11, standard library only."""
