# SPDX-License-Identifier: MIT
"""What arguments of tools/harness may be: argparse's types, with their limits."""

import argparse
import math


def positive(text):
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def at_least_zero(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def columns(text):
    value = int(text)
    if value < 80:
        raise argparse.ArgumentTypeError(f"{text} is less than 80 columns")
    return value


def seed_number(text):
    value = int(text, 0)
    if not 0 <= value < 2**64:
        raise argparse.ArgumentTypeError(f"{text} does not fit 64 bits")
    return value
