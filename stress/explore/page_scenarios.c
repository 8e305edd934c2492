/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

/* Pages of mapped chunks, and seals. */
const char *const page_scenarios[] = {
    /* A fellow thread that is late with its commit. */
    "program protect-against-late-commit\n"
    "setup heap quarantine 0 1\n"
    "thread 0\nheap ensure 0 1\nheap protect 0 1 r\n"
    "thread 1\nheap ensure 0 1\n"
    "thread 2\nheap is-mapped 0 1\n",

    "program protect-against-late-commit-of-more\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap ensure 1 2\nheap protect 2 1 none\n"
    "thread 1\nheap ensure 0 4\n",

    "program protect-against-commit-ahead\n"
    "ahead 2\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap ensure 2 1\nheap protect 2 1 r\n"
    "thread 1\nheap ensure 0 1\nheap ensure 1 1\n",

    "program protect-in-turn\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap protect 0 2 r\nheap protect 0 1 rw\n"
    "thread 1\nheap lookup 0 2\nheap is-mapped 0 2\n",

    "program protect-at-once\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap protect 0 1 r\n"
    "thread 1\nheap guard 1 1\n"
    "thread 2\nheap verify\n",

    "program protect-against-decommit\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap protect 0 2 r\n"
    "thread 1\nheap decommit 1 1\nheap ensure 1 1\n",

    "program protect-against-release\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap protect 1 1 r\n"
    "thread 1\nheap release 0 2\n"
    "thread 2\nother quarantine 1 1\n",

    "program protect-against-transfer\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap protect 0 2 r\n"
    "thread 1\nheap transfer 1 1 other\nother protect 1 1 rw\nother touch 1 1\n",

    "program guard-against-decommit\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap guard 0 1\n"
    "thread 1\nheap decommit 0 2\nheap ensure 0 2\n"
    "thread 2\nheap lookup 0 2\n",

    "program guard-ends-with-decommit\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap guard 0 1\nheap decommit 0 1\nheap ensure 0 1\nheap touch 0 1\n"
    "thread 1\nheap is-mapped 0 2\n",

    "program guard-goes-with-transfer\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap guard 0 1\nheap transfer 0 1 other\n"
    "thread 1\nother decommit 0 1\nother ensure 0 1\n"
    "thread 2\nother lookup 0 1\n",

    "program guard-comes-with-transfer\n"
    "setup heap ensure 0 1\n"
    "setup heap guard 0 1\n"
    "thread 0\nheap transfer 0 1 other\nother decommit 0 1\nother ensure 0 1\n"
    "other touch 0 1\n"
    "thread 1\nother lookup 0 1\n",

    "program pages-with-faults\n"
    "faults 1\nrecords\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap protect 0 1 r\nheap guard 0 1\n"
    "thread 1\nheap decommit 0 2\nheap ensure 0 1\n",

    "program protect-takes-off-guard\n"
    "faults 1\nrecords\n"
    "setup heap ensure 0 2\nsetup heap guard 0 1\n"
    "thread 0\nheap protect 0 1 r\n"
    "thread 1\nheap is-mapped 0 1\nheap guard 1 1\n",

    "program pages-of-others\n"
    "records\n"
    "setup heap ensure 0 1\nsetup other ensure 1 1\n"
    "thread 0\nheap protect 0 2 r\n"
    "thread 1\nother guard 0 2\n"
    "thread 2\nother release 1 1\n",

    /* Sealing. */
    "program seal-once\n"
    "records\n"
    "setup heap ensure 0 3\n"
    "thread 0\nheap seal 0 2\n"
    "thread 1\nheap seal 1 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program seal-against-ensure\n"
    "setup heap quarantine 0 2\n"
    "thread 0\nheap ensure 0 2\nheap seal 0 2\n"
    "thread 1\nheap ensure 0 2\nheap touch 1 1\n"
    "thread 2\nheap is-mapped 0 2\n",

    "program seal-against-decommit\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap seal 0 2\n"
    "thread 1\nheap decommit 1 1\n"
    "thread 2\nheap lookup 0 2\n",

    "program seal-against-release\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap seal 1 1\n"
    "thread 1\nheap release 0 2\n"
    "thread 2\nother quarantine 0 2\n",

    "program seal-against-transfer\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap seal 0 2\n"
    "thread 1\nheap transfer 1 1 other\nother seal 1 1\n"
    "thread 2\nheap lookup 0 2\n",

    "program seal-against-protect\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap seal 0 1\n"
    "thread 1\nheap protect 0 2 r\n"
    "thread 2\nheap verify\n",

    "program seal-with-faults\n"
    "faults 1\nrecords\n"
    "setup heap ensure 0 4\n"
    "thread 0\nheap seal 0 4\nheap seal 0 4\n"
    "thread 1\nheap is-mapped 0 4\n",

    "program sealed-stays\n"
    "records\n"
    "setup heap ensure 0 2\nsetup heap seal 0 1\n"
    "thread 0\nheap release 0 2\nheap decommit 0 1\nheap ensure 0 2\n"
    "thread 1\nother quarantine 0 1\nheap transfer 0 1 other\n"
    "thread 2\nheap verify\nheap lookup 0 2\n",
    0,
};
