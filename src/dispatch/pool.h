/*
 * Small allocations from free lists of the thread, inlined into the data path. Memory may be freed
 * on any thread: it joins the list of the thread that frees it. Under sanitizers and valgrind
 * everything is malloc's, so that they see each use after free. Knows nothing of what is allocated.
 */
#ifndef BRI_POOL_H
#define BRI_POOL_H

#include <stddef.h>
#include <stdint.h>
#include "base/base.h"

#define BRI_POOL_GRAIN   32u
#define BRI_POOL_MAX     256u /* larger ones are malloc's */
#define BRI_POOL_CLASSES (BRI_POOL_MAX / BRI_POOL_GRAIN)

struct bri_pool_node {
	struct bri_pool_node *next;
};

enum bri_pool_state {
	BRI_POOL_FRESH = 0, /* this thread never freed anything here */
	BRI_POOL_USED,
	BRI_POOL_OFF, /* the thread is ending, or somebody watches: malloc and free */
};

/* pool.c's, and of the functions below. */
struct bri_pool {
	struct bri_pool_node *head[BRI_POOL_CLASSES];
	uint16_t kept[BRI_POOL_CLASSES];
	uint16_t keep; /* blocks a class may keep; 0 unless BRI_POOL_USED */
	enum bri_pool_state state;
};

/* initial-exec: no call into the dynamic linker for each access, even from the shared library */
extern _Thread_local struct bri_pool bri_pool __attribute__((tls_model("initial-exec")));

/* bri_pool_disable(): everything is malloc's, on all threads. Before anything is freed here: at the
 * start of tests that make malloc() fail. */
void bri_pool_disable(void);

/* What the lists have not, or may not keep. */
BRI_COLD void *bri_pool_alloc_more(size_t size);
BRI_COLD void bri_pool_free_more(void *ptr, size_t size);

static inline size_t bri_pool_class(size_t size)
{
	return (size - (size > 0)) / BRI_POOL_GRAIN;
}

/* bri_pool_alloc(): not zeroed; NULL: no memory. */
static inline void *bri_pool_alloc(size_t size)
{
	size_t c = bri_pool_class(size);
	struct bri_pool_node *node = c < BRI_POOL_CLASSES ? bri_pool.head[c] : NULL;

	if (BRI_UNLIKELY(!node))
		return bri_pool_alloc_more(size);
	bri_pool.head[c] = node->next;
	bri_pool.kept[c]--;
	return node;
}

/* bri_pool_free(): size as it was allocated. NULL is harmless. Context: any thread. */
static inline void bri_pool_free(void *ptr, size_t size)
{
	size_t c = bri_pool_class(size);
	struct bri_pool_node *node = ptr;

	if (!ptr)
		return;
	if (BRI_UNLIKELY(c >= BRI_POOL_CLASSES || bri_pool.kept[c] >= bri_pool.keep)) {
		bri_pool_free_more(ptr, size);
		return;
	}
	node->next = bri_pool.head[c];
	bri_pool.head[c] = node;
	bri_pool.kept[c]++;
}

#endif
