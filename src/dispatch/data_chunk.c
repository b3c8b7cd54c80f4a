/*
 * Receive chunks: each thread that receives has one, and cuts data leaves from it.
 * Knows nothing of sockets.
 */
#include "dispatch/data_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct bri_chunk {
	atomic_size_t refs; /* one for the thread that fills it, one for each leaf */
	size_t used;        /* bytes cut; only the thread that fills it looks */
	uint8_t bytes[BRI_CHUNK_SIZE];
};

/* leaves start here apart, so that two threads never write to one cache line */
#define CUT_ALIGN 64u

static _Thread_local struct bri_chunk *current __attribute__((tls_model("initial-exec")));
static pthread_once_t chunk_once = PTHREAD_ONCE_INIT;
static pthread_key_t chunk_key;
static int chunk_key_error;

void bri_chunk_put(struct bri_chunk *chunk)
{
	if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1)
		free(chunk);
}

static void end_thread(void *arg)
{
	struct bri_chunk *chunk = current;

	(void)arg;
	current = NULL;
	if (chunk)
		bri_chunk_put(chunk);
}

static void init_process(void)
{
	chunk_key_error = pthread_key_create(&chunk_key, end_thread);
}

/* renew(): a fresh chunk for this thread; the old one lives on in its leaves. */
static int renew(void)
{
	struct bri_chunk *chunk;

	pthread_once(&chunk_once, init_process);
	if (chunk_key_error)
		return -chunk_key_error;
	chunk = malloc(sizeof(*chunk));
	if (!chunk || pthread_setspecific(chunk_key, chunk)) {
		free(chunk);
		return -ENOMEM;
	}
	atomic_init(&chunk->refs, 1);
	chunk->used = 0;
	if (current)
		bri_chunk_put(current);
	current = chunk;
	return 0;
}

int bri_chunk_get_scratch(size_t want, uint8_t **ret_ptr, size_t *ret_room)
{
	struct bri_chunk *chunk = current;
	int r;

	if (want > BRI_CHUNK_SIZE)
		return -EINVAL;
	/* acquire: what other threads read from their leaves is done before we write again */
	if (chunk && atomic_load_explicit(&chunk->refs, memory_order_acquire) == 1)
		chunk->used = 0;
	if (!chunk || BRI_CHUNK_SIZE - chunk->used < want) {
		r = renew();
		if (r < 0)
			return r;
		chunk = current;
	}
	*ret_ptr = chunk->bytes + chunk->used;
	*ret_room = BRI_CHUNK_SIZE - chunk->used;
	return 0;
}

struct dispatch_data_s *bri_chunk_commit(uint8_t *ptr, size_t n)
{
	struct bri_chunk *chunk = current;
	struct bri_data_chunked *leaf;
	size_t end;

	if (n <= BRI_CHUNK_COPY_MAX)
		return bri_data_new_copy(ptr, n);
	if (BRI_UNLIKELY(!chunk || ptr != chunk->bytes + chunk->used ||
			 n > BRI_CHUNK_SIZE - chunk->used))
		bri_abort("commit of %zu bytes that are not this thread's scratch", n);
	leaf = bri_pool_alloc(sizeof(*leaf));
	if (!leaf)
		return NULL;
	bri_data_init(&leaf->data, BRI_DATA_CHUNK, ptr, n);
	leaf->chunk = chunk;
	atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	end = (chunk->used + n + CUT_ALIGN - 1) & ~(size_t)(CUT_ALIGN - 1);
	chunk->used = bri_min_size(end, BRI_CHUNK_SIZE);
	return &leaf->data;
}
