# SPDX-License-Identifier: MIT
"""The manual: a page for each group of functions, for each header, and an overview."""

from package_lib import function_page, header_page, roff
from package_lib.declarations import TYPE, HeaderError

OVERVIEW = "mmapper"


class Index:
    """Which names have a page, and what all pages have alike."""

    def __init__(self, headers, version, date):
        self.version = version
        self.date = date
        self.page_of = {header.path: _page_of_header(header) for header in headers}
        self.links = {}  # {name: the page that it is on}
        for header in headers:
            for group in header.function_groups():
                self.links.update({one.name: group[0].name for one in group})
        for page in self.page_of.values():
            if page in self.links:
                raise HeaderError(f"{page}: a header and a function want the same page")
            self.links[page] = page
        for header in headers:
            for one in header.all(TYPE):
                self.links.setdefault(one.name, self.page_of[header.path])
        self.sections = dict.fromkeys(self.links, 3)

    def heading(self, name, section):
        return roff.heading(name, section, self.version, self.date)

    def library(self):
        return "mmapper (\\fIlibmmapper\\fP, \\fI\\-lmmapper\\fP)"

    def references(self, names):
        """SEE ALSO: pages of section 3, then the overview."""
        return [*[f".BR {name} (3)," for name in names], f".BR {OVERVIEW} (7)"]


def pages(headers, overview, version, date):
    """({path in share/man: text}, {path: the path that it is a link to}). `overview` is the
    source of mmapper(7), with @HEADERS@ where the headers are listed."""
    index = Index(headers, version, date)
    made = {f"man7/{OVERVIEW}.7": _overview(headers, overview, index)}
    for header in headers:
        made[_path(index.page_of[header.path])] = header_page.render(header, index)
        for group in header.function_groups():
            made[_path(group[0].name)] = function_page.render(header, group, index)
    links = {_path(name): f"{page}.3" for name, page in index.links.items() if name != page}
    return made, links


def _page_of_header(header):
    """mmapper/error.h has the page mmapper_error, spaces/space_map.h has space_map."""
    ours = header.stem.startswith("mm") or not header.path.startswith("mmapper/")
    return header.stem if ours else f"mmapper_{header.stem}"


def _path(name):
    return f"man3/{name}.3"


def _overview(headers, source, index):
    listed = []
    for header in headers:
        page = index.page_of[header.path]
        listed += [".TP", f".B {header.path}", *roff.text(header_page.purpose(header), {}), ".br"]
        listed += [f".BR {page} (3)"]
    lines = source.replace("@HEADERS@", "\n".join(listed)).rstrip("\n").split("\n")
    return roff.page([*index.heading(OVERVIEW, 7), *lines])
