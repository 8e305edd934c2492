/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/history_grow.h"

/* Larger recordings are refused: what is read from them takes a few times as much. */
static const size_t most_bytes = (size_t)1 << 30;

/* Everything that `fd` still gives. NULL with errno when that fails. */
static char *read_all(int fd, size_t *bytes)
{
    size_t capacity = 0;
    size_t count = 0;
    char *text = NULL;
    for (;;) {
        text = history_grow(text, &capacity, count + 65536, 1);
        const ssize_t got = read(fd, text + count, capacity - count);
        if (got == 0) {
            *bytes = count;
            return text;
        }
        if (got > 0) {
            count += (size_t)got;
        }
        const bool too_large = count > most_bytes;
        if (too_large || (got < 0 && errno != EINTR)) {
            errno = too_large ? EFBIG : errno;
            free(text);
            return NULL;
        }
    }
}

/* A file that can be read again: a pipe is copied first. */
static int rewindable(int fd)
{
    if (lseek(fd, 0, SEEK_CUR) >= 0) {
        return fd;
    }
    size_t bytes;
    char *text = read_all(fd, &bytes);
    FILE *copy = text != NULL ? tmpfile() : NULL;
    int result = -1;
    if (copy != NULL && fwrite(text, 1, bytes, copy) == bytes && fflush(copy) == 0) {
        result = dup(fileno(copy));
    }
    if (result >= 0) {
        (void)lseek(result, 0, SEEK_SET);
    }
    if (copy != NULL) {
        (void)fclose(copy);
    }
    free(text);
    (void)close(fd);
    return result;
}

/* gzip -dc from `fd` to `out`; its process, or -1 with errno. */
static pid_t spawn_gzip(int fd, int out)
{
    posix_spawn_file_actions_t actions;
    char *arguments[] = {(char *)(uintptr_t)"gzip", (char *)(uintptr_t)"-dc", NULL};
    pid_t child = -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    const int error = posix_spawnp(&child, "gzip", &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    errno = error;
    return error == 0 ? child : -1;
}

static char *unpack(int fd, size_t *bytes)
{
    int ends[2];
    char *text = NULL;
    int status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return NULL;
    }
    const pid_t child = spawn_gzip(fd, ends[1]);
    (void)close(ends[1]);
    if (child > 0) {
        text = read_all(ends[0], bytes);
    }
    (void)close(ends[0]);
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0)) {
        free(text);
        text = NULL;
        errno = EBADMSG;
    }
    return text;
}

static bool is_gzip(int fd)
{
    unsigned char magic[2];
    return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
           magic[0] == 0x1f && magic[1] == 0x8b;
}

char *history_load(const char *path, size_t *bytes, char *message, size_t message_bytes)
{
    const bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    fd = fd >= 0 ? rewindable(fd) : fd;
    char *text = NULL;
    if (fd >= 0) {
        text = is_gzip(fd) ? unpack(fd, bytes) : read_all(fd, bytes);
    }
    if (text == NULL) {
        (void)snprintf(message, message_bytes, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return text;
}
