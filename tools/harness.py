# SPDX-License-Identifier: MIT
"""tools/harness without its set-up step: see harness_lib/command_line.py."""

import sys

from harness_lib import command_line

if __name__ == "__main__":
    sys.exit(command_line.main(sys.argv[1:]))
