/* SPDX-License-Identifier: MIT */
/*
 * Lays out an address space, says how to look at it, and waits until its input ends.
 *
 *     address_space_demo [--bypass] FILE
 *
 * On SIGUSR2 it writes the mapper's dump to FILE. With --bypass some memory is first changed
 * behind the mapper's back, for tools/harness map to find.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/address_space_demo/demo.h"

void demand(enum mm_status status, const char *call, const struct mm_error *error)
{
    char line[1024];
    if (status == MM_OK) {
        return;
    }
    if (error != NULL) {
        (void)mm_error_format(error, line, sizeof line);
    } else {
        (void)snprintf(line, sizeof line, "%s: %s", call, mm_status_name(status));
    }
    (void)fprintf(stderr, "address_space_demo: %s\n", line);
    exit(EXIT_FAILURE);
}

/* A handler has no argument: what it needs is the program's, not the library's. Both are
 * set before the handler is, and stay. */
static struct {
    const struct mmapper *mapper;
    const char *path;
} wanted;

/* Only what a handler may call. A dump that fails has no end, which its reader sees. */
static void write_dump(int signal_number)
{
    (void)signal_number;
    const int saved_errno = errno;
    const int file =
        open(wanted.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file >= 0) {
        (void)mmapper_write_dump_to(wanted.mapper, file, NULL);
        (void)close(file);
    }
    errno = saved_errno;
}

static void write_dumps_on_signal(const struct mmapper *mapper, const char *path)
{
    /* A read is begun again, so that the program notices nothing. */
    struct sigaction action = {.sa_handler = write_dump, .sa_flags = SA_RESTART};
    wanted.mapper = mapper;
    wanted.path = path;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR2, &action, NULL) != 0) {
        perror("sigaction");
        exit(EXIT_FAILURE);
    }
}

int main(int count, char **arguments)
{
    const int bypass = count == 3 && strcmp(arguments[1], "--bypass") == 0;
    if (count != 2 + bypass || arguments[count - 1][0] == '-') {
        (void)fprintf(stderr, "usage: address_space_demo [--bypass] FILE\n");
        return 2;
    }
    const struct mmap_support system = mmap_support_linux();
    struct mmapper *mapper;
    struct layout layout;
    struct mm_error error;
    DEMAND(mmapper_create(NULL, &system, &mapper, &error), &error);
    lay_out(mapper, &layout);
    if (bypass) {
        foreign_bypass(&layout, mmapper_chunk_bytes(mapper));
    }
    write_dumps_on_signal(mapper, arguments[count - 1]);
    (void)printf("process %d; look at it with\n"
                 "    tools/harness map %d --signal USR2 --dump %s\n"
                 "It ends when its input does.\n",
                 (int)getpid(), (int)getpid(), arguments[count - 1]);
    (void)fflush(stdout);
    char ignored[256];
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0) {
    }
    return EXIT_SUCCESS;
}
