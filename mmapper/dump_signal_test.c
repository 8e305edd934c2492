/* SPDX-License-Identifier: MIT */
/* The dump from a signal handler, on threads that are mapping, releasing, registering and
 * unregistering at that moment: what it says is read back, and held against what is known
 * to be so all the while. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmapper/atomic.h"
#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"

enum {
    WORKERS = 3,
    DUMPS = 100,
    CHUNK = 64 * 1024,
    PIECES = 4, /* of a worker's range, of which every other one is mapped */
    PIECE = 5 * CHUNK,
    STILL_CHUNKS = 7,
};

/* A handler has no argument. What it says is ordered by the semaphore; that a signal was
 * sent before it is handled ThreadSanitizer does not see, hence the atomics. */
static struct {
    struct mmapper *mapper;
    int file;
    mm_atomic_u32 status;
    mm_atomic_u32 kept_errno;
    sem_t done;
} handler;

static void write_dump(int signal_number)
{
    (void)signal_number;
    const int saved_errno = errno;
    errno = 77;
    const enum mm_status status =
        mmapper_write_dump_to(handler.mapper, handler.file, NULL);
    mm_store_relaxed_u32(&handler.kept_errno, errno == 77);
    mm_store_relaxed_u32(&handler.status, (uint32_t)status);
    (void)sem_post(&handler.done);
    errno = saved_errno;
}

struct worker {
    pthread_t thread;
    mm_atomic_u32 *stop;
    char name[16];
};

/* Registers, takes, maps, gives back and unregisters, again and again. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    const struct mm_owner_options options = {.name = worker->name,
                                             .kind = MM_KIND_TEST};
    while (mm_load_relaxed_u32(worker->stop) == 0) { /* nothing depends on it */
        struct mm_owner *owner;
        struct mm_extent extent;
        EXPECT_OK(mmapper_register_owner(handler.mapper, &options, &owner, NULL));
        EXPECT_OK(mmapper_quarantine_anywhere(handler.mapper, owner, PIECES * PIECE, 0,
                                              &extent, NULL));
        for (unsigned i = 0; i < PIECES; i += 2) {
            const uintptr_t start = extent.start + (uintptr_t)i * PIECE;
            EXPECT_OK(mmapper_ensure_mapped(handler.mapper, owner,
                                            mm_extent_of(start, PIECE), NULL));
        }
        EXPECT_OK(mmapper_decommit(handler.mapper, owner,
                                   mm_extent_of(extent.start, CHUNK), NULL));
        EXPECT_OK(mmapper_release(handler.mapper, owner, extent, NULL));
        EXPECT_OK(mmapper_unregister_owner(handler.mapper, owner, NULL));
    }
    return NULL;
}

static bool is_state(const char *name)
{
    for (unsigned i = 1; i < MM_STATE_COUNT; i++) { /* no run is UNMAPPED */
        if (strcmp(name, mm_state_name((enum mm_state)i)) == 0) {
            return true;
        }
    }
    return false;
}

/* The rest of a run's line: who holds it. */
static void expect_holder(const char *text)
{
    static const char *const holders[] = {
        " - - -\n",
        " test default \"worker 0\"\n",
        " test default \"worker 1\"\n",
        " test default \"worker 2\"\n",
        " misc accounting=unaccounted \"still\"\n",
    };
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++) {
        if (strncmp(text, holders[i], strlen(holders[i])) == 0) {
            return;
        }
    }
    EXPECT_STR(text, "a holder that there is");
}

/* Reads a run's line; true for the one that is always there. */
static bool expect_run(const char *line, struct mm_extent window, uintptr_t *last,
                       struct mm_extent still)
{
    uintptr_t start;
    uintptr_t end;
    unsigned owner;
    char state[32];
    int length = 0;
    EXPECT_EQ(sscanf(line, "run 0x%" SCNxPTR " 0x%" SCNxPTR " %31s %u%n", &start, &end,
                     state, &owner, &length),
              4);
    EXPECT(start >= *last && end > start && end <= mm_extent_end(window));
    EXPECT(start % CHUNK == 0 && end % CHUNK == 0);
    EXPECT(is_state(state));
    EXPECT(owner >= 1 && owner <= WORKERS + 1);
    expect_holder(line + length);
    *last = end;
    if (start != still.start) {
        return false;
    }
    EXPECT_EQ(end, mm_extent_end(still));
    EXPECT_STR(state, "mapped");
    EXPECT_CONTAINS(line + length, " misc accounting=unaccounted \"still\"\n");
    return true;
}

static void expect_dump(const char *text, struct mm_extent window,
                        struct mm_extent still)
{
    uintptr_t last = window.start;
    unsigned runs = 0;
    unsigned found = 0;
    unsigned said;
    EXPECT_EQ(strncmp(text, "mmapper-dump 1\n", strlen("mmapper-dump 1\n")), 0);
    const char *line = text;
    for (; strncmp(line, "end ", 4) != 0; line = strchr(line, '\n') + 1) {
        EXPECT(strchr(line, '\n') != NULL);
        if (strncmp(line, "run ", 4) == 0) {
            runs++;
            found += expect_run(line, window, &last, still);
        }
    }
    EXPECT_EQ(sscanf(line, "end %u", &said), 1);
    EXPECT_EQ(said, runs);
    EXPECT_EQ(found, 1);
    EXPECT_STR(strchr(line, '\n') + 1, "");
}

/* One signal, one dump, read back. */
static void take_dump(pthread_t thread, struct mm_extent window, struct mm_extent still)
{
    static char text[65536];
    EXPECT_EQ(ftruncate(handler.file, 0), 0);
    EXPECT_EQ(lseek(handler.file, 0, SEEK_SET), 0);
    EXPECT_EQ(pthread_kill(thread, SIGUSR2), 0);
    while (sem_wait(&handler.done) != 0) {
        EXPECT_EQ(errno, EINTR);
    }
    EXPECT_EQ(mm_load_relaxed_u32(&handler.status), MM_OK);
    EXPECT_EQ(mm_load_relaxed_u32(&handler.kept_errno), true);
    const ssize_t length = pread(handler.file, text, sizeof text - 1, 0);
    EXPECT(length > 0 && (size_t)length < sizeof text - 1);
    text[length] = '\0';
    expect_dump(text, window, still);
}

int main(void)
{
    const struct mmap_support support = mmap_support_linux();
    const struct mmapper_options options = {.chunk_bytes = CHUNK,
                                            .max_owners = WORKERS + 1};
    const struct mm_owner_options still_options = {
        .name = "still",
        .kind = MM_KIND_MISC,
        .strategy = {.accounting = MM_UNACCOUNTED}};
    const struct sigaction action = {.sa_handler = write_dump, .sa_flags = SA_RESTART};
    struct mm_owner *owner;
    struct mm_extent still;
    struct worker workers[WORKERS];
    mm_atomic_u32 stop;
    mm_store_relaxed_u32(&stop, 0);
    EXPECT_OK(mmapper_create(&options, &support, &handler.mapper, NULL));
    EXPECT_OK(mmapper_register_owner(handler.mapper, &still_options, &owner, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(handler.mapper, owner, STILL_CHUNKS * CHUNK,
                                          0, &still, NULL));
    EXPECT_OK(mmapper_ensure_mapped(handler.mapper, owner, still, NULL));
    handler.file = memfd_create("dump", 0);
    EXPECT(handler.file >= 0);
    EXPECT_EQ(sem_init(&handler.done, 0, 0), 0);
    EXPECT_EQ(sigaction(SIGUSR2, &action, NULL), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].stop = &stop;
        (void)snprintf(workers[i].name, sizeof workers[i].name, "worker %u", i);
        EXPECT_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < DUMPS; i++) {
        take_dump(workers[i % WORKERS].thread, mmapper_window(handler.mapper), still);
    }
    mm_store_relaxed_u32(&stop, 1);
    for (unsigned i = 0; i < WORKERS; i++) {
        EXPECT_EQ(pthread_join(workers[i].thread, NULL), 0);
    }
    EXPECT_OK(mmapper_destroy(handler.mapper, NULL));
    EXPECT_EQ(close(handler.file), 0);
    EXPECT_EQ(sem_destroy(&handler.done), 0);
    return 0;
}
