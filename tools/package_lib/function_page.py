# SPDX-License-Identifier: MIT
"""The manual page of one group of functions."""

import re

from package_lib import comments, roff


def render(header, group, index):
    """The page's source; `group` are functions that stand together in `header`."""
    names = [one.name for one in group]
    summary = roff.escape(comments.summary(group[0].comment))
    description, errors = _description(group, index)
    lines = index.heading(names[0], 3)
    lines += [".SH NAME", f"{', '.join(names)} \\- {summary}"]
    lines += [".SH LIBRARY", index.library()]
    lines += [".SH SYNOPSIS", ".nf", f".B #include {roff.quotes(header.path)}"]
    for one in group:
        lines += [".PP", *[f".B {roff.quoted(line)}" for line in one.prototype.split("\n")]]
    lines += [".fi", ".SH DESCRIPTION", *description]
    if any(one.result == "enum mm_status" for one in group):
        lines += [".SH RETURN VALUE", *_result(group)]
    if errors:
        note = "Statuses are named without their prefix MM_ here; mmapper_error has them all."
        lines += [".SH ERRORS", *errors, ".PP", *roff.text(note, index.sections)]
    lines += [".SH SEE ALSO", *index.references(_mentioned(header, group, index))]
    return roff.page(lines)


def _description(group, index):
    """(description, errors), as lines."""
    own = [one.name for one in group]
    parts = _sharing(group)
    description, errors = [], []
    for names, comment in parts:
        if len(parts) > 1:
            description.append(f".SS {', '.join(names)}")
        for block in comments.blocks(comment):
            error = ""
            if isinstance(block, comments.Paragraph):
                block.text, error = comments.split_errors(block.text)
            description += roff.block(block, index.sections, own)
            if error:
                errors += [".TP", f".B {', '.join(names)}"] if len(parts) > 1 else [".PP"]
                errors += roff.text(error, index.sections, own)
    return description, errors


def _sharing(group):
    """(names, comment) of the functions that share a comment."""
    parts = []
    for one in group:
        if one.comment:
            parts.append(([], one.comment))
        parts[-1][0].append(one.name)
    return parts


def _result(group):
    words = "MM_OK, or a status that says what went wrong"
    if any("struct mm_error *error" in one.prototype for one in group):
        words += "; then `error`, unless it is NULL, has the record"
    return roff.text(words + ".", {})


def _mentioned(header, group, index):
    """The pages that the comments speak of, that of the header first."""
    words = set()
    for one in group:
        words.update(re.findall(r"\w+", one.comment))
    pages = {index.links[word] for word in words if "_" in word and word in index.links}
    pages -= {group[0].name, index.page_of[header.path]}
    return [index.page_of[header.path], *sorted(pages)]
