/*
 * Small allocations from per-thread free lists. Memory may be freed on any thread: it joins the
 * list of the thread that frees it. Under sanitizers and valgrind everything is malloc's, so that
 * they see each use after free. Knows nothing of what is allocated.
 */
#include "dispatch/runtime.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define POOL_GRAIN   32u
#define POOL_MAX     256u
#define POOL_CLASSES (POOL_MAX / POOL_GRAIN)
#define POOL_KEEP    256u /* blocks kept per class and thread: at most 288 KiB a thread in all */

#if !defined(BRAID_SANITIZED) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define BRAID_SANITIZED 1
#elif !defined(BRAID_SANITIZED) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BRAID_SANITIZED 1
#endif
#endif

#ifdef BRAID_SANITIZED

void *bri_pool_alloc(size_t size)
{
	return malloc(size);
}

void bri_pool_free(void *ptr, size_t size)
{
	(void)size;
	free(ptr);
}

#else

struct node {
	struct node *next;
};

enum pool_state {
	POOL_FRESH = 0, /* this thread never freed anything here */
	POOL_USED,
	POOL_OFF, /* the thread is ending, or valgrind watches: malloc and free */
};

struct pool {
	struct node *head[POOL_CLASSES];
	uint16_t kept[POOL_CLASSES];
	enum pool_state state;
};

/* initial-exec: no call into the dynamic linker for each access, even from the shared library */
static _Thread_local struct pool pool __attribute__((tls_model("initial-exec")));
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static pthread_key_t pool_key;
static bool pool_usable;

static void drain(void *arg)
{
	struct pool *p = arg;

	for (size_t i = 0; i < POOL_CLASSES; i++) {
		while (p->head[i]) {
			struct node *n = p->head[i];

			p->head[i] = n->next;
			free(n);
		}
		p->kept[i] = 0;
	}
	/* destructors of other keys may still free to us: that is plain free() from here on */
	p->state = POOL_OFF;
}

static void init_process(void)
{
	const char *preload = getenv("LD_PRELOAD");

	/* valgrind preloads its malloc replacement under this name */
	if (preload && strstr(preload, "vgpreload"))
		return;
	pool_usable = !pthread_key_create(&pool_key, drain);
}

/* May this thread keep what it frees? Its first question decides. Not inlined into the data path.
 */
static __attribute__((noinline, cold)) bool may_use(void)
{
	if (pool.state != POOL_FRESH)
		return pool.state == POOL_USED;
	pthread_once(&pool_once, init_process);
	if (pool_usable && !pthread_setspecific(pool_key, &pool))
		pool.state = POOL_USED;
	else
		pool.state = POOL_OFF;
	return pool.state == POOL_USED;
}

static size_t class_of(size_t size)
{
	return (size - (size > 0)) / POOL_GRAIN;
}

void *bri_pool_alloc(size_t size)
{
	size_t c = class_of(size);
	struct node *n;

	if (BRI_UNLIKELY(c >= POOL_CLASSES))
		return malloc(size);
	n = pool.head[c];
	if (BRI_UNLIKELY(!n))
		return malloc((c + 1) * POOL_GRAIN);
	pool.head[c] = n->next;
	pool.kept[c]--;
	return n;
}

void bri_pool_free(void *ptr, size_t size)
{
	size_t c = class_of(size);
	struct node *n = ptr;

	if (!ptr)
		return;
	if (BRI_UNLIKELY(c >= POOL_CLASSES || pool.kept[c] >= POOL_KEEP ||
			 (pool.state != POOL_USED && !may_use()))) {
		free(ptr);
		return;
	}
	n->next = pool.head[c];
	pool.head[c] = n;
	pool.kept[c]++;
}

#endif
