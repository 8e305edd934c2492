/* SPDX-License-Identifier: MIT */
/*
 * Concurrency Kit's description of the machine that it was configured for, for 64-bit Arm.
 * Its other headers are the same for every machine; this one Debian's package has for the
 * machine that the package is for. On x86-64 it says that memory is TSO, and a compiler for
 * Arm that believed it would make no barrier at all. The values are those of Debian's
 * package for arm64; what they decide for the headers that are used here is CK_MD_RMO.
 */
#ifndef CK_MD_H
#define CK_MD_H

#define CK_MD_CACHELINE (64)
#define CK_MD_RTM_DISABLE
#define CK_MD_LSE_DISABLE
#define CK_MD_POINTER_PACK_DISABLE
#define CK_MD_VMA_BITS_UNKNOWN
#define CK_MD_RMO

#endif /* CK_MD_H */
