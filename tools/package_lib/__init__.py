# SPDX-License-Identifier: MIT
"""What is installed: the interface that the public headers declare, its manual pages, and
the tree of files."""
