/* SPDX-License-Identifier: MIT */
#include "bench/peers.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/fail.h"

static const struct {
    const char *name;
    const char *value;
} settings[] = {
    /* jemalloc has some 3 KiB of thread-local variables in the static block. */
    {"GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384"},
    {"MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0"},
    {"MIMALLOC_ALLOW_DECOMMIT", "1"},
    {"MIMALLOC_DECOMMIT_DELAY", "0"},
    {"MIMALLOC_SEGMENT_DECOMMIT_DELAY", "0"},
};

void bench_peers_environment(char **argv)
{
    static const char mark[] = "BENCH_PEERS_SET";
    if (getenv(mark) != NULL) {
        return;
    }
    BENCH_CHECK(setenv(mark, "1", 1) == 0);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        BENCH_CHECK(setenv(settings[i].name, settings[i].value, 1) == 0);
    }
    (void)execv("/proc/self/exe", argv);
    bench_fail(__FILE__, __LINE__, "cannot start /proc/self/exe again");
}

/* A function of a library as a pointer: what dlsym gives is none by the C standard. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

bool bench_peer_load(struct bench_peer *peer, enum bench_peer_name name,
                     const char **reason)
{
    static const struct {
        const char *library, *aligned_alloc, *free, *usable_size;
    } names[] = {
        [BENCH_JEMALLOC] = {"libjemalloc.so.2", "aligned_alloc", "free",
                            "malloc_usable_size"},
        [BENCH_MIMALLOC] = {"libmimalloc.so.2.0", "mi_aligned_alloc", "mi_free",
                            "mi_usable_size"},
    };
    /* Kept open: threads may hold memory of it. */
    void *library = dlopen(names[name].library, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        *reason = "the library cannot be loaded";
        return false;
    }
    if (!find(library, names[name].aligned_alloc, &peer->aligned_alloc) ||
        !find(library, names[name].free, &peer->free) ||
        !find(library, names[name].usable_size, &peer->usable_size)) {
        *reason = "the library lacks a function";
        return false;
    }
    return true;
}
