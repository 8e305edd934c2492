/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

const char *const ensure_scenarios[] = {
    /* Threads of one owner in ensure_mapped. */
    "program ensure-same\n"
    "setup heap quarantine 0 2\n"
    "thread 0\nheap ensure 0 2\nheap touch 0 1\n"
    "thread 1\nheap ensure 0 2\nheap touch 1 1\n"
    "thread 2\nheap is-mapped 0 2\n",

    "program ensure-overlapping\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap ensure 0 3\nheap touch 0 1\n"
    "thread 1\nheap ensure 1 3\nheap touch 3 1\n"
    "thread 2\nheap lookup 0 4\n",

    "program ensure-fresh-same\n"
    "thread 0\nheap ensure 0 2\nheap touch 0 1\n"
    "thread 1\nheap ensure 0 2\nheap touch 1 1\n"
    "thread 2\nheap lookup 0 2\n",

    "program ensure-fresh-overlapping\n"
    "thread 0\nheap ensure 0 2\n"
    "thread 1\nheap ensure 1 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program ensure-fresh-owners\n"
    "thread 0\nheap ensure 0 2\n"
    "thread 1\nother ensure 1 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program ensure-rounds-outwards\n"
    "setup heap quarantine 0 3\n"
    "thread 0\nheap ensure-inside 0 3\nheap touch 0 1\nheap touch 2 1\n"
    "thread 1\nheap ensure 1 1\n"
    "thread 2\nheap lookup 0 3\n",

    "program ensure-against-foreign-owner\n"
    "setup heap quarantine 0 2\n"
    "setup other quarantine 2 1\n"
    "thread 0\nheap ensure 0 3\n"
    "thread 1\nother release 2 1\n"
    "thread 2\nheap lookup 0 3\n",

    "program ensure-executable\n"
    "setup code quarantine 0 2\n"
    "thread 0\ncode ensure 0 2\ncode touch 0 1\n"
    "thread 1\ncode ensure 1 2\n"
    "thread 2\ncode lookup 0 3\n",

    "program ensure-with-faults\n"
    "faults 1\n"
    "setup heap quarantine 0 2\n"
    "thread 0\nheap ensure 0 2\n"
    "thread 1\nheap ensure 1 2\n"
    "thread 2\nheap is-mapped 0 3\n",

    "program ensure-twice-after-fault\n"
    "faults 1\nrecords\n"
    "thread 0\nheap ensure 0 3\nheap ensure 0 3\n"
    "thread 1\nheap ensure 1 1\nheap touch 1 1\n",

    /* Commit-ahead: what is taken along is committed by the same rules, and what is in
     * its way makes nobody fail. */
    "program ahead-sequential\n"
    "ahead 4\n"
    "setup heap quarantine 0 6\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\nheap ensure 3 1\nheap touch 3 1\n"
    "thread 1\nheap ensure 2 2\nheap touch 2 1\n"
    "thread 2\nheap lookup 0 6\n",

    "program ahead-against-release\n"
    "ahead 2\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\n"
    "thread 1\nheap release 2 2\nother ensure 2 1\nother touch 2 1\n"
    "thread 2\nheap lookup 1 3\n",

    "program ahead-against-decommit\n"
    "ahead 2\n"
    "setup heap ensure 0 1\nsetup heap quarantine 1 1\nsetup heap ensure 2 2\n"
    "thread 0\nheap ensure 0 2\nheap ensure 3 1\n"
    "thread 1\nheap decommit 2 2\nheap ensure 2 1\nheap touch 2 1\n"
    "thread 2\nheap is-mapped 1 3\n",

    "program ahead-against-transfer\n"
    "ahead 2\nrecords\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\nheap touch 1 1\n"
    "thread 1\nheap transfer 2 2 other\nother ensure 2 2\nother touch 2 1\n",

    "program ahead-beside-another-owner\n"
    "ahead 4\n"
    "setup heap quarantine 0 2\nsetup other quarantine 2 2\n"
    "setup heap quarantine 4 2\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\n"
    "thread 1\nother ensure 2 1\nother ensure 3 1\n"
    "thread 2\nheap lookup 0 6\n",

    "program ahead-with-faults\n"
    "ahead 2\nfaults 1\nrecords\n"
    "setup heap quarantine 0 5\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\nheap ensure 2 1\nheap touch 2 1\n"
    "thread 1\nheap ensure 3 2\n",

    "program ahead-limit\n"
    "ahead 1\n"
    "setup heap quarantine 0 6\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\nheap ensure 3 1\n"
    "thread 1\nheap ensure 1 1\nheap decommit 5 1\n",

    "program ahead-fresh\n"
    "ahead 2\n"
    "setup heap quarantine 3 2\n"
    "thread 0\nheap ensure 0 1\nheap ensure 1 1\nheap ensure 2 1\n"
    "thread 1\nother quarantine 2 1\nother ensure 2 1\n"
    "thread 2\nheap lookup 0 5\n",

    NULL,
};
