/* SPDX-License-Identifier: MIT */
/* Side metadata for tests: of data that is nobody's memory, which it never touches. */
#ifndef SPACES_SIDE_METADATA_EXPECT_H
#define SPACES_SIDE_METADATA_EXPECT_H

#include "spaces/side_metadata.h"

#define DATA_START UINT64_C(0x100000000)
#define DATA_BYTES (UINT64_C(1) << 30)

static inline struct side_metadata_options
options_of(const struct side_metadata_table *tables, unsigned count)
{
    return (struct side_metadata_options){
        .name = "metadata",
        .strategy = {.accounting = MM_UNACCOUNTED},
        .data = {DATA_START, DATA_BYTES},
        .tables = tables,
        .table_count = count,
    };
}

#endif /* SPACES_SIDE_METADATA_EXPECT_H */
