/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

/* One line an operation; regions of two chunks have their borders at even numbers. */
const char *const mapper_scenarios[] = {
    /* Two owners want overlapping ranges: the conflict is at the first, a middle, the
     * last chunk, and across region borders. */
    "program quarantine-first\n"
    "thread 0\nheap quarantine 1 3\n"
    "thread 1\nother quarantine 0 2\n"
    "thread 2\nheap lookup 0 4\n",

    "program quarantine-middle\n"
    "setup other quarantine 5 1\n"
    "thread 0\nheap quarantine 0 4\n"
    "thread 1\nother quarantine 1 2\n"
    "thread 2\nother lookup 0 4\n",

    "program quarantine-last\n"
    "thread 0\nheap quarantine 0 3\n"
    "thread 1\nother quarantine 2 2\n"
    "thread 2\nheap lookup 0 4\n",

    "program quarantine-regions\n"
    "chunks 8 region 2\n"
    "thread 0\nheap quarantine 0 6\n"
    "thread 1\nother quarantine 4 4\n"
    "thread 2\nheap lookup 3 3\n",

    "program quarantine-conflict-behind\n"
    "chunks 8 region 4\n"
    "setup code quarantine 3 1\n"
    "thread 0\nheap quarantine 0 5\n"
    "thread 1\nother quarantine 1 2\n"
    "thread 2\nheap lookup 0 5\n",

    "program quarantine-whole-and-part\n"
    "thread 0\nheap quarantine 0 4\n"
    "thread 1\nother quarantine 1 1\n"
    "thread 2\nheap lookup 0 4\n",

    "program quarantine-records\n"
    "records\n"
    "thread 0\nheap quarantine 0 3\nheap release 0 3\n"
    "thread 1\nother quarantine 2 2\n",

    /* Slots that change in groups of four, and somebody who wants one in the middle. */
    "program group-quarantine\n"
    "chunks 8 region 4\n"
    "setup heap quarantine 0 1\nsetup heap quarantine 1 3\nsetup heap release 0 4\n"
    "thread 0\nheap quarantine 0 5\nheap release 0 5\n"
    "thread 1\nother quarantine 2 1\n"
    "thread 2\nheap lookup 0 4\n",

    "program group-ensure-release\n"
    "chunks 8 region 8\n"
    "setup heap quarantine 0 3\nsetup heap quarantine 3 5\n"
    "thread 0\nheap ensure 0 4\n"
    "thread 1\nheap release 0 8\nother ensure 0 1\nother touch 0 1\n"
    "thread 2\nheap lookup 0 4\n",

    "program group-helpers\n"
    "chunks 8 region 4\nfaults 1\n"
    "setup heap quarantine 0 1\nsetup heap quarantine 1 3\n"
    "thread 0\nheap ensure 0 4\nheap decommit 0 4\n"
    "thread 1\nheap ensure 2 1\n"
    "thread 2\nheap is-mapped 0 4\n",

    "program group-transfer\n"
    "chunks 8 region 4\nrecords\n"
    "setup heap quarantine 0 1\nsetup heap quarantine 1 3\n"
    "thread 0\nheap transfer 0 4 other\nother ensure 1 1\n"
    "thread 1\nheap ensure 3 1\n"
    "thread 2\nheap lookup 0 4\n",

    /* ensure_mapped against calls that take chunks away: BUSY both ways. */
    "program ensure-decommit\n"
    "setup heap ensure 0 1\nsetup heap quarantine 1 1\n"
    "thread 0\nheap ensure 0 2\n"
    "thread 1\nheap decommit 0 2\n"
    "thread 2\nheap is-mapped 0 2\n",

    "program ensure-release\n"
    "setup heap quarantine 0 2\n"
    "thread 0\nheap ensure 0 2\n"
    "thread 1\nheap release 0 2\n"
    "thread 2\nheap lookup 0 2\n",

    "program release-with-helper-pinned\n"
    "setup heap quarantine 0 1\nsetup heap quarantine 2 1\n"
    "thread 0\nheap ensure 0 1\n"
    "thread 1\nheap release 0 1\nother quarantine 0 1\n"
    "thread 2\nheap lookup 0 1\n",

    "program release-then-reuse\n"
    "setup heap quarantine 0 3\n"
    "thread 0\nheap ensure 0 2\n"
    "thread 1\nheap release 0 3\nother ensure 1 1\nother touch 1 1\n"
    "thread 2\nheap lookup 0 3\n",

    "program two-helpers-and-release\n"
    "setup heap quarantine 0 1\n"
    "thread 0\nheap ensure 0 1\n"
    "thread 1\nheap release 0 1\n"
    "thread 2\nheap ensure 0 1\n",

    "program decommit-half-done\n"
    "faults 1\n"
    "setup heap ensure 0 2\nsetup heap touch 0 2\n"
    "thread 0\nheap decommit 0 2\nheap ensure 0 2\nheap touch 0 2\n"
    "thread 1\nheap ensure 1 1\n"
    "thread 2\nheap is-mapped 0 2\n",

    "program decommit-decommit\n"
    "setup heap ensure 0 3\n"
    "thread 0\nheap decommit 0 2\n"
    "thread 1\nheap decommit 1 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program decommit-keeps-neighbours\n"
    "setup heap ensure 0 4\nsetup heap touch 0 4\n"
    "thread 0\nheap decommit 1 1\nheap touch 0 1\n"
    "thread 1\nheap ensure 2 2\nheap touch 2 2\n"
    "thread 2\nheap lookup 0 4\n",

    /* release against another owner's quarantine. */
    "program release-quarantine\n"
    "setup heap quarantine 0 3\n"
    "thread 0\nheap release 0 3\n"
    "thread 1\nother quarantine 2 2\n"
    "thread 2\nheap lookup 0 4\n",

    "program release-quarantine-regions\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap release 0 4\n"
    "thread 1\nother quarantine 2 3\n"
    "thread 2\nheap lookup 1 3\n",

    "program release-fails\n"
    "faults 1\nrecords\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap release 0 2\n"
    "thread 1\nother quarantine 1 2\n",

    "program release-release\n"
    "setup heap quarantine 0 3\n"
    "thread 0\nheap release 0 2\n"
    "thread 1\nheap release 1 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program release-at-map-count\n"
    "max-map-count 2\n" /* whichever splits the mapping second is refused */
    "setup heap quarantine 0 4\n"
    "thread 0\nheap release 1 1\n"
    "thread 1\nheap ensure 3 1\n"
    "thread 2\nheap lookup 0 4\n",

    /* transfer. */
    "program transfer-lookup\n"
    "setup heap quarantine 0 1\nsetup heap ensure 1 2\n"
    "thread 0\nheap transfer 0 3 other\n"
    "thread 1\nheap is-mapped 1 2\nheap lookup 0 3\n"
    "thread 2\nheap lookup 0 3\n",

    "program transfer-ensure-giver\n"
    "setup heap quarantine 0 2\n"
    "thread 0\nheap transfer 0 2 other\n"
    "thread 1\nheap ensure 0 2\n"
    "thread 2\nheap lookup 0 2\n",

    "program transfer-ensure-recipient\n"
    "setup heap quarantine 0 2\n"
    "thread 0\nheap transfer 0 2 other\n"
    "thread 1\nother ensure 0 2\nother ensure 1 1\n"
    "thread 2\nheap lookup 0 2\n",

    "program transfer-fails-at-last\n"
    "setup heap ensure 0 2\nsetup code quarantine 2 1\n"
    "thread 0\nheap transfer 0 3 other\n"
    "thread 1\nother ensure 0 1\nother quarantine 3 1\n"
    "thread 2\nheap lookup 0 3\n",

    "program transfer-then-recipient\n"
    "setup heap quarantine 0 2\nsetup heap quarantine 4 1\n"
    "thread 0\nheap transfer 0 2 other\nother ensure 0 2\nother touch 0 2\n"
    "thread 1\nheap ensure 1 1\n"
    "thread 2\nheap lookup 0 2\n",

    "program transfer-regions\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap transfer 0 4 other\n"
    "thread 1\nheap release 2 1\n"
    "thread 2\nheap lookup 1 3\n",

    "program transfer-external\n"
    "setup image adopt 0 2\n"
    "thread 0\nimage transfer 0 2 guest\n"
    "thread 1\nguest adopt 1 2\nheap quarantine 2 1\n"
    "thread 2\nheap is-mapped 0 3\n",

    /* Chunk operations against region operations while a region splits. */
    "program split-quarantine\n"
    "chunks 8 region 4\n"
    "thread 0\nheap quarantine 0 8\n"
    "thread 1\nother quarantine 3 1\n"
    "thread 2\nheap lookup 2 3\n",

    "program split-ensure\n"
    "chunks 8 region 4\n"
    "setup heap quarantine 0 8\n"
    "thread 0\nheap ensure 0 4\n"
    "thread 1\nheap ensure 1 1\nheap touch 1 1\n"
    "thread 2\nheap lookup 0 4\n",

    "program split-release\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap release 0 4\n"
    "thread 1\nheap release 3 1\n"
    "thread 2\nheap lookup 0 4\n",

    "program split-twice\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap decommit 0 1\n"
    "thread 1\nheap decommit 1 1\n"
    "thread 2\nheap is-mapped 0 2\n",

    "program split-and-whole-again\n"
    "setup heap quarantine 0 4\n"
    "thread 0\nheap release 1 1\nheap quarantine 1 1\n"
    "thread 1\nheap ensure 0 4\n"
    "thread 2\nheap lookup 0 2\n",

    /* adopt and exclude. */
    "program exclude-quarantine\n"
    "thread 0\nimage exclude 0 3\n"
    "thread 1\nheap quarantine 2 2\n"
    "thread 2\nheap lookup 0 4\n",

    "program adopt-quarantine\n"
    "thread 0\nimage adopt 0 3\n"
    "thread 1\nheap quarantine 2 2\n"
    "thread 2\nheap is-mapped 0 4\n",

    "program adopt-fails-with-fellow\n"
    "setup heap quarantine 2 1\n"
    "thread 0\nimage adopt 0 3\n"
    "thread 1\nimage ensure 0 1\n"
    "thread 2\nheap lookup 0 3\n",

    "program adopt-one\n"
    "thread 0\nimage adopt 1 1\nimage release 1 1\n"
    "thread 1\nguest exclude 1 1\n"
    "thread 2\nheap lookup 1 1\n",

    "program exclude-release\n"
    "setup image exclude 0 3\n"
    "thread 0\nimage release 0 3\n"
    "thread 1\nguest adopt 1 1\n"
    "thread 2\nheap lookup 0 3\n",

    /* Foreign mappings. */
    "program foreign-appears\n"
    "records\n"
    "thread 0\nheap quarantine 0 3\n"
    "thread 1\nforeign map 1 1 r\nforeign unmap 1 1\n",

    /* The record of who is in the way must not show who comes when the claim is undone. */
    "program foreign-record\n"
    "records\n"
    "setup foreign map 2 1 r\n"
    "thread 0\nheap quarantine 0 3\n"
    "thread 1\nother quarantine 0 1\n",

    "program foreign-with-protection\n"
    "thread 0\nheap ensure 0 3\n"
    "thread 1\nforeign map 2 1 rx\n"
    "thread 2\nheap lookup 0 3\n",

    "program foreign-old-kernel\n"
    "old-kernel\n"
    "thread 0\nheap quarantine 0 3\n"
    "thread 1\nforeign map 1 1 r\n"
    "thread 2\nheap lookup 0 3\n",

    "program foreign-and-search\n"
    "thread 0\nheap anywhere 2\n"
    "thread 1\nforeign map 4 1 r\nother quarantine 2 1\n"
    "thread 2\nheap lookup 0 6\n",

    /* Searches. */
    "program anywhere-anywhere\n"
    "thread 0\nheap anywhere 2\n"
    "thread 1\nother anywhere 2\n"
    "thread 2\nheap lookup 0 6\n",

    /* The last search finds room only above where the one before it ended. */
    "program anywhere-wraps\n"
    "setup other quarantine 4 2\n"
    "thread 0\nheap anywhere 2\nheap anywhere 2\nheap anywhere 2\n"
    "thread 1\nother release 4 2\n",

    "program anywhere-against-exact\n"
    "thread 0\nheap anywhere 3\n"
    "thread 1\nother quarantine 3 3\n"
    "thread 2\nheap lookup 0 6\n",

    "program preferred\n"
    "thread 0\nheap preferred 2 2\n"
    "thread 1\nother quarantine 3 1\nother release 3 1\n"
    "thread 2\nheap lookup 1 4\n",

    /* Owners. */
    "program owners-register\n"
    "thread 0\nextra register\nextra quarantine 0 1\n"
    "thread 1\nextra@1 register\nextra@1 quarantine 0 1\n"
    "mappers 2\n"
    "thread 2\nheap lookup 0 1\n",

    "program owners-name-reused\n"
    "records\n"
    "setup extra register\nsetup extra quarantine 0 1\n"
    "thread 0\nextra release 0 1\nextra unregister\n"
    "again register\nagain quarantine 0 1\n"
    "thread 1\nheap quarantine 0 1\n",

    "program owners-used-by-another\n"
    "thread 0\nextra register\n"
    "thread 1\nextra ensure 0 1\nextra touch 0 1\n"
    "thread 2\nheap lookup 0 1\n",

    "program owners-entry-reused\n"
    "setup extra register\nsetup extra ensure 0 1\n"
    "thread 0\nextra release 0 1\nextra unregister\n"
    "thread 1\nagain register\nagain ensure 0 1\nagain touch 0 1\n"
    "thread 2\nheap lookup 0 1\n",

    "program owners-unregister\n"
    "setup extra register\n"
    "thread 0\nextra quarantine 0 1\nextra release 0 1\nextra unregister\n"
    "thread 1\nheap quarantine 0 2\n"
    "thread 2\nheap lookup 0 1\n",

    /* Two mappers over one window. */
    "program mappers-quarantine\n"
    "mappers 2\n"
    "thread 0\nheap quarantine 0 3\n"
    "thread 1\nheap@1 quarantine 2 2\n"
    "thread 2\nheap lookup 0 3\n",

    "program mappers-release\n"
    "mappers 2\n"
    "setup heap ensure 0 2\n"
    "thread 0\nheap release 0 2\n"
    "thread 1\nheap@1 ensure 1 1\nheap@1 touch 1 1\n"
    "thread 2\nheap lookup 0 2\n",

    "program verify-while-others-work\n"
    "setup heap quarantine 0 3\n"
    "thread 0\nheap ensure 0 2\nheap decommit 0 1\n"
    "thread 1\nother verify\n",
    0,
};
