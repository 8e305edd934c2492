/* SPDX-License-Identifier: MIT */
#include "guard/backtrace.h"

#include <unwind.h>

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument)
{
    struct guard_frames *frames = argument;
    int before = 0;
    const uintptr_t at = _Unwind_GetIPInfo(context, &before);
    /* The guard's own frames come first. */
    if (frames->count == 0 && at != frames->caller) {
        return _URC_NO_REASON;
    }
    if (at == 0 || frames->count == GUARD_FRAMES) {
        return _URC_END_OF_STACK;
    }
    /* A return address is behind the call, perhaps behind its function. */
    frames->pc[frames->count++] = before != 0 ? at : at - 1;
    return _URC_NO_REASON;
}

void guard_backtrace(uintptr_t caller, struct guard_frames *frames)
{
    frames->count = 0;
    frames->caller = caller;
    (void)_Unwind_Backtrace(visit, frames);
    if (frames->count == 0) {
        frames->pc[frames->count++] = caller - 1;
    }
}
