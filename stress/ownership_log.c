/* SPDX-License-Identifier: MIT */
#include "stress/ownership_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#include "mmapper/atomic.h"

enum {
    SLAB_NODES = 256,
    /* Removed nodes of a session before it waits for a grace period to use them again.
     */
    RETIRE_NODES = 512,
};

/*
 * The fields are atomic because ThreadSanitizer does not see the ordering inside
 * liburcu (a full barrier in the add's compare-and-swap). For the same reason nodes are
 * used again only after a grace period, and memory is freed only when the log is.
 * Relaxed throughout: they are published by liburcu, and a node in the table changes
 * only its owner, by the one thread that is responsible for the chunk.
 */
struct node {
    struct cds_lfht_node link;
    mm_atomic_u64 key;
    mm_atomic_u64 owner;
    mm_atomic_u64 epoch;
    struct node *next; /* in a session's lists only */
};

struct slab {
    struct slab *next;
    struct node nodes[SLAB_NODES];
};

struct ownership_log {
    struct cds_lfht *table;
    pthread_mutex_t lock;
    struct slab *slabs; /* under the lock */
};

struct ownership_session {
    struct ownership_log *log;
    struct node *fresh;
    struct node *retired;
    size_t retired_count;
};

static unsigned long hash_of(uint64_t key)
{
    uint64_t hash = (key ^ (key >> 31)) * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ (hash >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (unsigned long)(hash ^ (hash >> 32));
}

static int matches(struct cds_lfht_node *link, const void *key)
{
    const struct node *node = caa_container_of(link, struct node, link);
    return mm_load_acquire_u64(&node->key) == /* edge: STRESS-NODE */
           *(const uint64_t *)key;
}

static void read_entry(const struct node *node, struct ownership_entry *entry)
{
    entry->key = mm_load_acquire_u64(&node->key); /* edge: STRESS-NODE */
    entry->owner = mm_load_relaxed_u64(&node->owner);
    entry->epoch = mm_load_relaxed_u64(&node->epoch);
}

struct ownership_log *ownership_log_create(size_t expected)
{
    struct ownership_log *log = calloc(1, sizeof(*log));
    unsigned long buckets = 64;
    while (buckets < expected) {
        buckets *= 2;
    }
    if (log == NULL) {
        return NULL;
    }
    /* No automatic resize: it would start a thread, which fork tests do not want. */
    log->table =
        _cds_lfht_new(buckets, buckets, buckets, 0, NULL, &urcu_memb_flavor, NULL);
    if (log->table == NULL) {
        free(log);
        return NULL;
    }
    (void)pthread_mutex_init(&log->lock, NULL);
    return log;
}

void ownership_log_destroy(struct ownership_log *log)
{
    struct ownership_session *session = ownership_session_begin(log);
    struct cds_lfht_iter at;
    urcu_memb_read_lock();
    cds_lfht_first(log->table, &at);
    while (cds_lfht_iter_get_node(&at) != NULL) {
        (void)cds_lfht_del(log->table, cds_lfht_iter_get_node(&at));
        cds_lfht_next(log->table, &at);
    }
    urcu_memb_read_unlock();
    ownership_session_end(session);
    (void)cds_lfht_destroy(log->table, NULL);
    while (log->slabs != NULL) {
        struct slab *slab = log->slabs;
        log->slabs = slab->next;
        free(slab);
    }
    (void)pthread_mutex_destroy(&log->lock);
    free(log);
}

struct ownership_session *ownership_session_begin(struct ownership_log *log)
{
    struct ownership_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        abort();
    }
    session->log = log;
    urcu_memb_register_thread();
    return session;
}

void ownership_session_end(struct ownership_session *session)
{
    urcu_memb_unregister_thread();
    free(session);
}

static void add_slab(struct ownership_session *session)
{
    struct ownership_log *log = session->log;
    struct slab *slab = calloc(1, sizeof(*slab));
    if (slab == NULL) {
        abort();
    }
    for (size_t i = 0; i < SLAB_NODES; i++) {
        slab->nodes[i].next = session->fresh;
        session->fresh = &slab->nodes[i];
    }
    (void)pthread_mutex_lock(&log->lock);
    slab->next = log->slabs;
    log->slabs = slab;
    (void)pthread_mutex_unlock(&log->lock);
}

static struct node *take_node(struct ownership_session *session)
{
    if (session->fresh == NULL && session->retired_count >= RETIRE_NODES) {
        urcu_memb_synchronize_rcu();
        session->fresh = session->retired;
        session->retired = NULL;
        session->retired_count = 0;
    }
    if (session->fresh == NULL) {
        add_slab(session);
    }
    struct node *node = session->fresh;
    session->fresh = node->next;
    return node;
}

bool ownership_claim(struct ownership_session *session,
                     const struct ownership_entry *entry, struct ownership_entry *other)
{
    struct node *node = take_node(session);
    cds_lfht_node_init(&node->link);
    mm_store_relaxed_u64(&node->owner, entry->owner);
    mm_store_relaxed_u64(&node->epoch, entry->epoch);
    mm_store_release_u64(&node->key, entry->key); /* edge: STRESS-NODE */
    urcu_memb_read_lock();
    struct cds_lfht_node *found = cds_lfht_add_unique(
        session->log->table, hash_of(entry->key), matches, &entry->key, &node->link);
    const bool added = found == &node->link;
    if (!added) {
        read_entry(caa_container_of(found, struct node, link), other);
        node->next = session->fresh;
        session->fresh = node;
    }
    urcu_memb_read_unlock();
    return added;
}

/* Under the read lock. NULL: nobody holds the key. */
static struct node *find_node(struct ownership_session *session, uint64_t key)
{
    struct cds_lfht_iter at;
    cds_lfht_lookup(session->log->table, hash_of(key), matches, &key, &at);
    struct cds_lfht_node *link = cds_lfht_iter_get_node(&at);
    return link == NULL ? NULL : caa_container_of(link, struct node, link);
}

/* Under the read lock: the node of a key that `owner` holds; else NULL and who does. */
static struct node *find_held(struct ownership_session *session, uint64_t key,
                              uint64_t owner, struct ownership_entry *found)
{
    struct node *node = find_node(session, key);
    *found = (struct ownership_entry){.key = key};
    if (node != NULL) {
        read_entry(node, found);
    }
    return node != NULL && found->owner == owner ? node : NULL;
}

bool ownership_drop(struct ownership_session *session, uint64_t key, uint64_t owner,
                    struct ownership_entry *found)
{
    urcu_memb_read_lock();
    struct node *node = find_held(session, key, owner, found);
    const bool removed =
        node != NULL && cds_lfht_del(session->log->table, &node->link) == 0;
    urcu_memb_read_unlock();
    if (removed) {
        node->next = session->retired;
        session->retired = node;
        session->retired_count++;
    }
    return removed;
}

bool ownership_hand_over(struct ownership_session *session, uint64_t key, uint64_t from,
                         uint64_t to, struct ownership_entry *found)
{
    urcu_memb_read_lock();
    struct node *node = find_held(session, key, from, found);
    if (node != NULL) {
        mm_store_relaxed_u64(&node->owner, to);
    }
    urcu_memb_read_unlock();
    return node != NULL;
}

bool ownership_find(struct ownership_session *session, uint64_t key,
                    struct ownership_entry *found)
{
    urcu_memb_read_lock();
    const struct node *node = find_node(session, key);
    if (node != NULL) {
        read_entry(node, found);
    }
    urcu_memb_read_unlock();
    return node != NULL;
}

size_t ownership_each(struct ownership_session *session,
                      void (*visit)(void *argument,
                                    const struct ownership_entry *entry),
                      void *argument)
{
    struct cds_lfht_iter at;
    size_t count = 0;
    urcu_memb_read_lock();
    cds_lfht_first(session->log->table, &at);
    while (cds_lfht_iter_get_node(&at) != NULL) {
        struct ownership_entry entry;
        read_entry(caa_container_of(cds_lfht_iter_get_node(&at), struct node, link),
                   &entry);
        if (visit != NULL) {
            visit(argument, &entry);
        }
        count++;
        cds_lfht_next(session->log->table, &at);
    }
    urcu_memb_read_unlock();
    return count;
}
