# SPDX-License-Identifier: MIT
"""Which pages of a range are in memory, from /proc/PID/pagemap: the kernel makes one mapping
of neighbours that are alike, whose owners smaps then cannot tell apart."""

import ctypes
import fcntl
import os

# Linux 6.7, include/uapi/linux/fs.h. In it: PAGE_IS_*.
PRESENT = 1 << 3
ZERO_PAGE = 1 << 5
HUGE = 1 << 6
_REGIONS = 512


class _Scan(ctypes.Structure):
    """struct pm_scan_arg"""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "size flags start end walk_end vec vec_len max_pages category_inverted "
            "category_mask category_anyof_mask return_mask"
        ).split()
    ]


class _Region(ctypes.Structure):
    """struct page_region"""

    _fields_ = [(name, ctypes.c_uint64) for name in ("start", "end", "categories")]


_PAGEMAP_SCAN = 3 << 30 | ctypes.sizeof(_Scan) << 16 | ord("f") << 8 | 16


class Pages:
    """The pages of one process; to be used in a `with`."""

    def __init__(self, pid):
        self.path = f"/proc/{pid}/pagemap"
        self.file = None

    def __enter__(self):
        try:
            self.file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.file = None  # as where the kernel cannot scan: nothing is known
        return self

    def __exit__(self, *_):
        if self.file is not None:
            os.close(self.file)

    def count(self, start, end):
        """(resident, huge) bytes in a range; None where the kernel does not say."""
        if self.file is None:
            return None
        resident = huge = 0
        regions = (_Region * _REGIONS)()
        while start < end:
            scan = _Scan(
                size=ctypes.sizeof(_Scan),
                start=start,
                end=end,
                vec=ctypes.addressof(regions),
                vec_len=_REGIONS,
                category_mask=PRESENT,
                category_inverted=0,
                return_mask=PRESENT | ZERO_PAGE | HUGE,
            )
            try:
                found = fcntl.ioctl(self.file, _PAGEMAP_SCAN, scan)
            except OSError:
                return None
            for region in regions[:found]:
                if not region.categories & ZERO_PAGE:
                    resident += region.end - region.start
                    huge += (region.end - region.start) * bool(region.categories & HUGE)
            if scan.walk_end <= start:
                return None
            start = scan.walk_end
        return resident, huge
