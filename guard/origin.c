/* SPDX-License-Identifier: MIT */
#include "guard/origin.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>

#include "guard/kernel.h"

bool guard_object_at(uintptr_t address, struct guard_object *object)
{
    struct dl_find_object found;
    /* A return address may be the first one behind the object's code. */
    if (_dl_find_object((void *)(address - 1), &found) != 0) {
        return false;
    }
    object->path = found.dlfo_link_map->l_name;
    object->start = (uintptr_t)found.dlfo_map_start;
    object->bias = found.dlfo_link_map->l_addr;
    return true;
}

static bool read_at(int file, void *to, size_t bytes, uint64_t offset)
{
    return guard_kernel(SYS_pread64, file, (long)to, (long)bytes, (long)offset) ==
           (long)bytes;
}

/* The executable section called GUARD_SECTION, in addresses of the file. */
static struct guard_range find_section(int file, const ElfW(Ehdr) * header)
{
    ElfW(Shdr) names = {0};
    ElfW(Shdr) section = {0};
    char name[sizeof(GUARD_SECTION)] = "";
    const struct guard_range none = {0, 0};
    if (header->e_shentsize != sizeof(section) ||
        header->e_shstrndx >= header->e_shnum ||
        !read_at(file, &names, sizeof(names),
                 header->e_shoff + header->e_shstrndx * sizeof(section))) {
        return none;
    }
    for (unsigned i = 0; i < header->e_shnum; i++) {
        if (!read_at(file, &section, sizeof(section),
                     header->e_shoff + i * sizeof(section))) {
            return none;
        }
        if ((section.sh_flags & SHF_EXECINSTR) != 0 &&
            read_at(file, name, sizeof(name), names.sh_offset + section.sh_name) &&
            memcmp(name, GUARD_SECTION, sizeof(name)) == 0) {
            return (struct guard_range){section.sh_addr,
                                        section.sh_addr + section.sh_size};
        }
    }
    return none;
}

/* The file may have been replaced since it was loaded: the beginning, which is loaded too,
 * says so. */
static bool is_the_loaded_one(const ElfW(Ehdr) * header,
                              const struct guard_object *object)
{
    return memcmp(header, (const void *)object->start, sizeof(*header)) == 0;
}

/* False when the file cannot be opened, which may be another matter the next time. */
static bool look_into(const struct guard_object *object, struct guard_range *section)
{
    ElfW(Ehdr) header = {0};
    *section = (struct guard_range){0, 0};
    const char *path = object->path[0] != '\0' ? object->path : "/proc/self/exe";
    const long file =
        guard_kernel(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (guard_failed(file)) {
        return false;
    }
    if (read_at((int)file, &header, sizeof(header), 0) &&
        memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
        is_the_loaded_one(&header, object)) {
        *section = find_section((int)file, &header);
    }
    (void)guard_kernel(SYS_close, file, 0, 0, 0);
    if (section->start < section->end) {
        section->start += object->bias;
        section->end += object->bias;
    }
    return true;
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

bool guard_is_mapper(struct guard_origins *origins, uintptr_t address, bool *found)
{
    struct guard_object object;
    *found = false;
    if (!guard_object_at(address, &object)) {
        return false;
    }
    /* One object may be unloaded and another one loaded in its place. */
    const uint64_t path_hash = hash_of(object.path);
    const struct guard_known_object *known = origins->known;
    const struct guard_known_object *end = known + origins->count;
    while (known < end && (known->start != object.start || known->bias != object.bias ||
                           known->path_hash != path_hash)) {
        known++;
    }
    if (known == end) {
        struct guard_known_object *slot = &origins->known[origins->next];
        if (!look_into(&object, &slot->section)) {
            slot->path_hash = 0;
            return false;
        }
        slot->start = object.start;
        slot->bias = object.bias;
        slot->path_hash = path_hash;
        origins->next = (origins->next + 1) % GUARD_KNOWN_OBJECTS;
        origins->count += origins->count < GUARD_KNOWN_OBJECTS ? 1 : 0;
        *found = slot->section.start < slot->section.end;
        known = slot;
    }
    /* Calls return behind themselves. */
    return known->section.start < address && address <= known->section.end;
}
