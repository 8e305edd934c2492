# SPDX-License-Identifier: MIT
"""What the page of an audit draws: the pieces of an address space over time, on an axis of
addresses that keeps their order, shows the small beside the huge and folds what is empty."""

from bisect import bisect_left

FOLD = 0.8  # the weight of an empty stretch, however large
MOST_LIVES = 40000


def weight(pages):
    """A page has 1, 64 KiB have 2, 16 MiB 8, a TiB 128."""
    return pages**0.25


def busiest(space, origins):
    """The threads of a space by how much they mapped, most first."""
    sums = {}
    for piece, _ in space.lives:
        task = origins[piece.origin].task
        sums[task] = sums.get(task, 0) + 1
    return sorted(sums, key=lambda task: (-sums[task], -1 if task is None else task))


def lives_of(space, most=MOST_LIVES):
    """(piece, end) of those that lived at all; how many more there were than can be drawn.
    What is drawn is the largest in space and time."""
    lives = [(piece, end) for piece, end in space.lives if piece.since < end]
    if len(lives) > most:
        lives.sort(
            key=lambda life: weight(life[0].bytes) * (life[1] - life[0].since), reverse=True
        )
    return lives[:most], max(0, len(lives) - most)


class Axis:
    """Boundaries in ascending order, each at a height from 0 to 1."""

    def __init__(self, ranges, page_bytes):
        ranges = sorted(ranges)
        self.addresses = sorted({address for pair in ranges for address in pair})
        self.empty = []  # for each stretch between two boundaries
        heights = [0.0]
        at, reach = 0, 0
        for low, high in zip(self.addresses, self.addresses[1:]):
            while at < len(ranges) and ranges[at][0] <= low:
                reach = max(reach, ranges[at][1])
                at += 1
            empty = reach <= low
            self.empty.append(empty)
            step = FOLD if empty else weight((high - low) / page_bytes)
            heights.append(heights[-1] + step)
        total = heights[-1] or 1
        self.heights = [round(height / total, 6) for height in heights]

    def index(self, address):
        return bisect_left(self.addresses, address)


def drawing(model, index, most=MOST_LIVES):
    """All numbers that the page's script needs for one address space."""
    space = model.spaces[index]
    lives, left_out = lives_of(space, most)
    overwrites = [
        (number, one) for number, one in enumerate(model.overwrites) if one.space == index
    ]
    axis = Axis(
        [(piece.start, piece.end) for piece, _ in lives]
        + [(one.start, one.end) for _, one in overwrites],
        model.page_bytes,
    )
    used = sorted({piece.origin for piece, _ in lives})
    place = {origin: i for i, origin in enumerate(used)}
    threads = busiest(space, model.origins)
    return {
        "addresses": axis.addresses,
        "heights": axis.heights,
        "empty": [int(empty) for empty in axis.empty],
        "origins": [
            [
                model.origin_name(origin),
                model.origins[origin].kind,
                threads.index(model.origins[origin].task),
            ]
            for origin in used
        ],
        "threads": [
            "no thread" if task is None else f"thread {model.tasks[task].pid}" for task in threads
        ],
        # low, high, from, to, origin, access, line
        "lives": [
            [
                axis.index(piece.start),
                axis.index(piece.end),
                piece.since,
                end,
                place[piece.origin],
                piece.protection,
                piece.line,
            ]
            for piece, end in sorted(lives, key=lambda life: life[0].since)
        ],
        "overwrites": [
            [number, axis.index(one.start), axis.index(one.end), one.event, one.how]
            for number, one in overwrites
        ],
        "curve": space.curve,
        "span": [space.first, max(space.last, space.first + 1)],
        "left_out": left_out,
    }
