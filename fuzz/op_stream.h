/* SPDX-License-Identifier: MIT */
/*
 * Bytes to choices. When the bytes run out every choice is 0, so that the empty unit is
 * the boring run and a truncated one means what its first part meant.
 */
#ifndef MMAPPER_FUZZ_OP_STREAM_H
#define MMAPPER_FUZZ_OP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct op_stream {
    const uint8_t *data;
    size_t size;
    size_t at;
};

static inline bool op_stream_more(const struct op_stream *stream)
{
    return stream->at < stream->size;
}

static inline uint8_t op_stream_byte(struct op_stream *stream)
{
    return op_stream_more(stream) ? stream->data[stream->at++] : 0;
}

/* In [0, count). */
static inline unsigned op_stream_below(struct op_stream *stream, unsigned count)
{
    return op_stream_byte(stream) % count;
}

#endif /* MMAPPER_FUZZ_OP_STREAM_H */
