/* SPDX-License-Identifier: MIT */
/* Random operations on the free list and on the naive model, compared after each one.
 */
#include "mmapper/testing/expect.h"
#include "spaces/freelist_driver.h"
#include "spaces/test_fixture.h"

enum {
    SEQUENCES = 40000,
};

int main(int argc, char **argv)
{
    uint64_t state = fixture_seed(argc, argv);
    size_t succeeded = 0;
    for (size_t sequence = 0; sequence < SEQUENCES; sequence++) {
        uint8_t bytes[FREELIST_DRIVER_MAX_BYTES];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)random_below(&state, 256);
        }
        succeeded += freelist_driver_run(bytes, sizeof(bytes));
    }
    /* Sequences that are refused from end to end would show nothing. */
    EXPECT(succeeded > (size_t)SEQUENCES * FREELIST_DRIVER_MAX_STEPS / 8);
    (void)printf("%d sequences, %zu operations succeeded\n", SEQUENCES, succeeded);
    return 0;
}
