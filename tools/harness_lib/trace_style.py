# SPDX-License-Identifier: MIT
"""The colours of a trace on a terminal. Owners keep their colour in the map and in the
kernel's view, so that a difference between these shows."""

# Parameters of the escape sequence that sets colours.
OWNER_STYLES = ["36", "33", "35", "32", "34", "94"]
_NOTES = {"preemption": "1;33", "stale": "1;35", "fault": "1;31", "freeze": "1;34"}


class Plain:
    """No colours: the text says all."""

    def paint(self, parameters, text):
        del parameters
        return text

    def bold(self, text):
        return self.paint("1", text)

    def dim(self, text):
        return self.paint("2", text)

    def good(self, text):
        return self.paint("1;32", text)

    def fail(self, text):
        return self.paint("1;97;41", text)

    def fail_text(self, text):
        return self.paint("1;31", text)

    def note(self, kind, text):
        return self.paint(_NOTES.get(kind, "1"), text)

    def cell(self, cell, text, changed=False, differs=False):
        """A chunk: the colour is its owner's, bright where it can be used, reversed where
        this step changed it, red where the map and the kernel name different owners."""
        state, owner = cell[:1], cell[1:]
        if state in "U-":
            parameters = "2"
        elif state == "F" or differs:
            parameters = "1;31"
        elif owner.isdigit():
            parameters = OWNER_STYLES[int(owner) % len(OWNER_STYLES)]
            parameters = f"1;{parameters}" if state in "Mw" else parameters
        else:
            parameters = "1"
        return self.paint(f"7;{parameters}" if changed else parameters, text)


class Colour(Plain):
    def paint(self, parameters, text):
        return f"\033[{parameters}m{text}\033[0m" if text else text
