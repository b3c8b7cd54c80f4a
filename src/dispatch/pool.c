/* See pool.h: what is not inlined. */
#include "dispatch/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define POOL_KEEP 256u /* blocks kept per class and thread: at most 288 KiB a thread in all */

#if !defined(BRAID_SANITIZED) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define BRAID_SANITIZED 1
#elif !defined(BRAID_SANITIZED) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BRAID_SANITIZED 1
#endif
#endif
#ifndef BRAID_SANITIZED
#define BRAID_SANITIZED 0
#endif

_Thread_local struct bri_pool bri_pool __attribute__((tls_model("initial-exec")));
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;
static pthread_key_t pool_key;
static bool pool_usable;

static void drain(void *arg)
{
	struct bri_pool *p = arg;

	for (size_t i = 0; i < BRI_POOL_CLASSES; i++) {
		while (p->head[i]) {
			struct bri_pool_node *node = p->head[i];

			p->head[i] = node->next;
			free(node);
		}
		p->kept[i] = 0;
	}
	/* destructors of other keys may still free to us: that is plain free() from here on */
	p->keep = 0;
	p->state = BRI_POOL_OFF;
}

static void init_process(void)
{
	const char *preload = getenv("LD_PRELOAD");

	/* valgrind preloads its malloc replacement under this name */
	if (BRAID_SANITIZED || (preload && strstr(preload, "vgpreload")))
		return;
	pool_usable = !pthread_key_create(&pool_key, drain);
}

static void leave_unusable(void)
{
}

void bri_pool_disable(void)
{
	pthread_once(&pool_once, leave_unusable);
}

/* May this thread keep what it frees? */
static void decide(void)
{
	pthread_once(&pool_once, init_process);
	if (pool_usable && !pthread_setspecific(pool_key, &bri_pool)) {
		bri_pool.keep = POOL_KEEP;
		bri_pool.state = BRI_POOL_USED;
	} else {
		bri_pool.state = BRI_POOL_OFF;
	}
}

void *bri_pool_alloc_more(size_t size)
{
	size_t c = bri_pool_class(size);

	/* sanitizers are to see where it ends */
	if (!BRAID_SANITIZED && c < BRI_POOL_CLASSES)
		size = (c + 1) * BRI_POOL_GRAIN;
	return malloc(size);
}

void bri_pool_free_more(void *ptr, size_t size)
{
	if (bri_pool.state == BRI_POOL_FRESH) {
		decide();
		if (bri_pool.state == BRI_POOL_USED) {
			bri_pool_free(ptr, size);
			return;
		}
	}
	free(ptr);
}
