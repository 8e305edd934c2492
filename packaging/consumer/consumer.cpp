// SPDX-License-Identifier: MIT
// The same library from C++: a mapper that destroys itself, and a lambda for a callback.
#include "mmapper/mmapper.h"
#include "spaces/space_map.h"

#include <cstdio>
#include <memory>

namespace
{

struct Destroy {
    void operator()(mmapper *mapper) const
    {
        mm_error error;
        if (mmapper_destroy(mapper, &error) != MM_OK) {
            std::fprintf(stderr, "consumer: %s\n", error.detail);
        }
    }
};

using Mapper = std::unique_ptr<mmapper, Destroy>;

// The differences between the mapper's table and the kernel's list; -1 on failure.
long differences(const mmapper *mapper)
{
    mm_verify_options options = {};
    options.report = [](void *, const mm_difference *difference) {
        std::fprintf(stderr, "consumer: %s\n",
                     mm_difference_kind_name(difference->kind));
    };
    mm_verify_result result;
    const bool compared = mmapper_verify(mapper, &options, &result, nullptr) == MM_OK;
    return compared ? static_cast<long>(result.differences) : -1;
}

} // namespace

int main()
{
    const mmap_support support = mmap_support_linux();
    mmapper *raw = nullptr;
    if (mmapper_create(nullptr, &support, &raw, nullptr) != MM_OK) {
        return 1;
    }
    const Mapper mapper(raw);
    mm_owner_options options = {};
    options.name = "objects";
    mm_owner *owner = nullptr;
    space_map_options shape = {};
    space_map *map = nullptr;
    mm_extent slot;
    if (mmapper_register_owner(mapper.get(), &options, &owner, nullptr) != MM_OK ||
        space_map_create(mapper.get(), &shape, &map, nullptr) != MM_OK ||
        space_map_take(map, owner, 7, &slot, nullptr) != MM_OK) {
        return 1;
    }
    const bool found = space_map_space_of(map, slot.start) == 7;
    std::printf("%s holds %zu bytes\n", mm_owner_name(owner), slot.bytes);
    const bool agree = differences(mapper.get()) == 0;
    const bool given_back = space_map_give_back(map, slot.start, 7, nullptr) == MM_OK &&
                            space_map_destroy(map, nullptr) == MM_OK;
    return found && agree && given_back ? 0 : 1;
}
