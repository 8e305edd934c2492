# SPDX-License-Identifier: MIT
"""Breaks the product on purpose, and looks who notices: planted bugs, which are patches, and
operators, which change one token."""
