/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

/* What the chunks are, see spaces.h: those of a program's only space are the first. */
const char *const space_scenarios[] = {
    /* The immortal space: 16 eighths of a chunk. */
    "program immortal-alloc\n"
    "with immortal\n"
    "thread 0\nimmortal alloc 3 0\nimmortal alloc 2 4\n"
    "thread 1\nimmortal alloc 5 0\nimmortal usage\n"
    "thread 2\nheap lookup 0 2\n",

    "program immortal-one-of-two-fits\n"
    "with immortal\nrecords\n"
    "setup immortal alloc 10 0\n"
    "thread 0\nimmortal alloc 4 0\n"
    "thread 1\nimmortal alloc 3 0\nimmortal usage\n"
    "thread 2\nimmortal usage\nheap is-mapped 1 1\n",

    "program immortal-fits-beside-one-that-does-not\n"
    "with immortal\n"
    "setup immortal alloc 12 0\n"
    "thread 0\nimmortal alloc 5 0\nimmortal usage\n"
    "thread 1\nimmortal alloc 4 0\n"
    "thread 2\nimmortal usage\nheap lookup 1 1\n",

    "program immortal-eager\n"
    "with immortal\nwith eager\n"
    "setup immortal alloc 9 0\n"
    "thread 0\nimmortal alloc 4 0\nimmortal alloc 1 0\nimmortal usage\n"
    "thread 1\nimmortal alloc 4 0\nimmortal alloc 3 0\n"
    "thread 2\nimmortal usage\nimmortal usage\n",

    "program immortal-eager-fits-beside-one-that-does-not\n"
    "with immortal\nwith eager\n"
    "setup immortal alloc 12 0\n"
    "thread 0\nimmortal alloc 5 0\nimmortal alloc 2 0\n"
    "thread 1\nimmortal alloc 4 0\n"
    "thread 2\nimmortal usage\n",

    "program immortal-with-faults\n"
    "with immortal\nfaults 1\nrecords\n"
    "thread 0\nimmortal alloc 9 0\nimmortal usage\n"
    "thread 1\nimmortal alloc 4 0\n"
    "thread 2\nheap lookup 0 2\n",

    "program immortal-aligned\n"
    "with immortal\n"
    "setup immortal alloc 1 0\n"
    "thread 0\nimmortal alloc 4 4\n"
    "thread 1\nimmortal alloc 8 8\n"
    "thread 2\nimmortal usage\nheap is-mapped 0 2\n",

    "program immortal-aligned-does-not-fit\n"
    "with immortal\n"
    "setup immortal alloc 13 0\n"
    "thread 0\nimmortal alloc 3 4\nimmortal usage\n"
    "thread 1\nimmortal alloc 1 0\n"
    "thread 2\nimmortal usage\n",

    /* The free list: chunk 0 has the table, 1 and 2 four pages each. */
    "program pages-alloc-alloc\n"
    "with freelist\n"
    "thread 0\nfreelist alloc 0 2\n"
    "thread 1\nfreelist alloc 1 3\nfreelist usage\n"
    "thread 2\nheap lookup 0 3\n",

    "program pages-alloc-free\n"
    "with freelist\n"
    "setup freelist alloc 0 2\n"
    "thread 0\nfreelist free 0\n"
    "thread 1\nfreelist alloc 1 2\n"
    "thread 2\nheap is-mapped 1 1\n",

    "program pages-free-free\n"
    "with freelist\n"
    "setup freelist alloc 0 2\nsetup freelist alloc 1 2\n"
    "thread 0\nfreelist free 0\n"
    "thread 1\nfreelist free 1\n"
    "thread 2\nheap lookup 1 1\n",

    "program pages-free-across-chunks\n"
    "with freelist\n"
    "setup freelist alloc 0 2\nsetup freelist alloc 1 4\nsetup freelist alloc 2 2\n"
    "thread 0\nfreelist free 1\nfreelist free 2\n"
    "thread 1\nfreelist free 0\n"
    "thread 2\nheap lookup 1 2\n",

    "program pages-decommit-against-reuse\n"
    "with freelist\n"
    "setup freelist alloc 0 4\n"
    "thread 0\nfreelist free 0\nfreelist alloc 0 1\n"
    "thread 1\nfreelist alloc 1 4\n"
    "thread 2\nheap is-mapped 1 2\n",

    "program pages-decommit-busy\n"
    "with freelist\n"
    "setup freelist alloc 0 4\n"
    "thread 0\nfreelist alloc 1 4\n"
    "thread 1\nfreelist free 0\nfreelist trim\n"
    "thread 2\nfreelist trim\n",

    "program pages-trim-trim\n"
    "with freelist\nfaults 1\n"
    "setup freelist alloc 0 4\n"
    "thread 0\nfreelist free 0\nfreelist trim\n"
    "thread 1\nfreelist trim\nfreelist alloc 1 2\n",

    "program pages-grow\n"
    "with freelist\n"
    "setup freelist alloc 0 3\n"
    "thread 0\nfreelist alloc 1 2\n"
    "thread 1\nfreelist alloc 2 3\n"
    "thread 2\nfreelist usage\n",

    "program pages-grow-behind-the-top\n"
    "with freelist\n"
    "setup freelist alloc 0 2\n"
    "thread 0\nfreelist alloc 1 5\n"
    "thread 1\nfreelist free 0\nfreelist alloc 2 6\n"
    "thread 2\nfreelist usage\n",

    "program pages-exhausted\n"
    "with freelist\nrecords\n"
    "setup freelist alloc 0 5\n"
    "thread 0\nfreelist alloc 1 3\n"
    "thread 1\nfreelist alloc 2 2\n"
    "thread 2\nfreelist usage\nheap lookup 2 1\n",

    "program pages-exhausted-and-freed\n"
    "with freelist\n"
    "setup freelist alloc 0 4\nsetup freelist alloc 1 4\n"
    "thread 0\nfreelist free 0\n"
    "thread 1\nfreelist alloc 2 3\n"
    "thread 2\nfreelist alloc 3 4\n",

    "program pages-with-faults\n"
    "with freelist\nfaults 1\nrecords\n"
    "thread 0\nfreelist alloc 0 5\nfreelist free 0\n"
    "thread 1\nfreelist alloc 1 2\n"
    "thread 2\nheap lookup 1 2\n",

    /* Two stripes, of a chunk each. Threads begin with that of their number. */
    "program stripes-alloc-alloc\n"
    "with freelist\nwith stripes\n"
    "thread 0\nfreelist alloc 0 2\nfreelist usage\n"
    "thread 1\nfreelist alloc 1 3\n"
    "thread 2\nheap lookup 1 2\n",

    "program stripes-passed-over\n"
    "with freelist\nwith stripes\n"
    "setup freelist alloc 0 3\n"
    "thread 0\nfreelist alloc 1 2\nfreelist alloc 2 1\n"
    "thread 1\nfreelist free 0\nfreelist alloc 3 4\n"
    "thread 2\nfreelist usage\n",

    "program stripes-exhausted\n"
    "with freelist\nwith stripes\nrecords\n"
    "setup freelist alloc 0 4\nsetup freelist alloc 1 3\n"
    "thread 0\nfreelist free 0\nfreelist alloc 2 5\n"
    "thread 1\nfreelist alloc 3 2\nfreelist alloc 4 1\n"
    "thread 2\nfreelist alloc 5 1\n",

    "program stripes-decommit-against-reuse\n"
    "with freelist\nwith stripes\n"
    "setup freelist alloc 0 4\nsetup freelist alloc 1 4\n"
    "thread 0\nfreelist free 0\nfreelist alloc 2 1\n"
    "thread 1\nfreelist free 1\nfreelist trim\n"
    "thread 2\nheap is-mapped 1 2\n",

    "program stripes-binned\n"
    "with freelist\nwith stripes\nwith binned\n"
    "setup freelist alloc 0 1\nsetup freelist alloc 1 2\n"
    "thread 0\nfreelist free 0\nfreelist alloc 2 1\n"
    "thread 1\nfreelist free 1\nfreelist alloc 3 4\n"
    "thread 2\nfreelist usage\n",

    "program stripes-with-faults\n"
    "with freelist\nwith stripes\nfaults 1\nrecords\n"
    "thread 0\nfreelist alloc 0 2\nfreelist free 0\n"
    "thread 1\nfreelist alloc 1 4\n"
    "thread 2\nheap lookup 1 2\n",

    "program pages-binned\n"
    "with freelist\nwith binned\n"
    "setup freelist alloc 0 1\nsetup freelist alloc 1 1\nsetup freelist alloc 2 2\n"
    "thread 0\nfreelist free 0\nfreelist alloc 3 2\n"
    "thread 1\nfreelist free 1\nfreelist alloc 4 1\n"
    "thread 2\nfreelist alloc 5 3\n",

    /* Side metadata: a page a unit in chunks 0 and 1, all values in chunk 2. */
    "program metadata-map-map\n"
    "with metadata\n"
    "thread 0\nmetadata map 0 2\nmetadata store 0 3\n"
    "thread 1\nmetadata map 1 4\nmetadata store 1 5\n"
    "thread 2\nheap is-mapped 0 3\n",

    "program metadata-map-store\n"
    "with metadata\n"
    "setup metadata map 0 1\n"
    "thread 0\nmetadata map 0 1\nmetadata load 0\n"
    "thread 1\nmetadata store 0 7\nmetadata load 1\n"
    "thread 2\nheap lookup 0 3\n",

    "program metadata-map-with-faults\n"
    "with metadata\nfaults 1\n"
    "thread 0\nmetadata map 3 2\nmetadata store 4 9\n"
    "thread 1\nmetadata map 4 1\nmetadata exchange 4 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program metadata-exchange-exchange\n"
    "with metadata\n"
    "setup metadata map 0 2\n"
    "thread 0\nmetadata exchange 0 1\n"
    "thread 1\nmetadata exchange 0 2\n"
    "thread 2\nmetadata load 0\nheap lookup 2 1\n",

    "program metadata-neighbours\n"
    "with metadata\n"
    "setup metadata map 0 3\n"
    "thread 0\nmetadata store 0 1\nmetadata store 0 2\n"
    "thread 1\nmetadata store 1 15\nmetadata load 0\n"
    "thread 2\nmetadata exchange 2 4\n",

    "program metadata-hand-over\n"
    "with metadata\n"
    "setup metadata map 0 2\n"
    "thread 0\nmetadata store 0 1\n"
    "thread 1\nmetadata store 1 2\nmetadata load 0\n"
    "thread 2\nmetadata load 0\nmetadata load 1\n",

    "program metadata-guard\n"
    "with metadata\n"
    "setup metadata map 0 2\n"
    "thread 0\nmetadata guard 0 1\nmetadata store 1 3\n"
    "thread 1\nmetadata guard 0 2\n"
    "thread 2\nmetadata guard 0 4\n",

    /* Slots: of a chunk each, 0 and 1. */
    "program slots-take-take\n"
    "with slots\n"
    "thread 0\nheap take-slot 0\n"
    "thread 1\nother take-slot 0\nheap space-of-slot 0\n"
    "thread 2\nheap space-of-slot 0\nheap lookup 0 1\n",

    "program slots-take-give\n"
    "with slots\n"
    "setup heap take-slot 0\n"
    "thread 0\nheap give-slot 0\nheap take-slot 0\n"
    "thread 1\nother take-slot 0\nother give-slot 0\n"
    "thread 2\nheap space-of-slot 0\n",

    "program slots-give-query\n"
    "with slots\n"
    "setup heap take-slot 0\n"
    "thread 0\nheap give-slot 0\n"
    "thread 1\nheap space-of-slot 0\nheap space-of-slot 0\n"
    "thread 2\nheap give-slot 0\nheap lookup 0 1\n",

    "program slots-give-give\n"
    "with slots\n"
    "setup heap take-slot 0\n"
    "thread 0\nheap give-slot 0\n"
    "thread 1\nheap give-slot 0\nheap space-of-slot 0\n"
    "thread 2\nother take-slot 0\n",

    "program slots-give-with-faults\n"
    "with slots\nfaults 1\n"
    "setup heap take-slot 0\n"
    "thread 0\nheap give-slot 0\nheap give-slot 0\n"
    "thread 1\nheap space-of-slot 0\nother take-slot 0\n"
    "thread 2\nheap space-of-slot 0\n",

    "program slots-take-with-faults\n"
    "with slots\nfaults 1\n"
    "thread 0\nheap take-slot 0\nheap take-slot 0\n"
    "thread 1\nheap space-of-slot 0\nother take-slot 0\n"
    "thread 2\nheap lookup 0 1\n",

    "program slots-against-the-mapper\n"
    "with slots\n"
    "thread 0\nheap take-slot 1\nheap give-slot 1\n"
    "thread 1\nother quarantine 1 2\nother release 1 2\n"
    "thread 2\nheap space-of-slot 1\n",
    0,
};
