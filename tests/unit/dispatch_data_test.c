/* dispatch_data_t against a naive model, and the receive chunks below it. */
#include <dispatch/dispatch.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dispatch/data_internal.h"
#include "dispatch/runtime.h"

/* --- a small random generator, so that a printed seed repeats a run everywhere --- */

static uint64_t rng_state;

static uint64_t rnd(uint64_t below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state % below;
}

static void seed_random(void)
{
	const char *text = getenv("BRAID_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0)
			     : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();

	rng_state = seed | 1;
	print_message("BRAID_TEST_SEED=%llu\n", (unsigned long long)seed);
}

/* --- helpers --- */

struct flat {
	uint8_t bytes[1 << 16];
	size_t size;
	size_t regions;
};

static bool append_region(
	void *context, dispatch_data_t region, size_t offset, const void *buffer, size_t size)
{
	struct flat *flat = context;

	assert_int_equal(offset, flat->size);
	assert_true(size > 0);
	assert_int_equal(dispatch_data_get_size(region), size);
	assert_true(flat->size + size <= sizeof(flat->bytes));
	memcpy(flat->bytes + flat->size, buffer, size);
	flat->size += size;
	flat->regions++;
	return true;
}

/* Every way of reading `data` gives exactly these bytes. */
static void check_bytes(dispatch_data_t data, const uint8_t *bytes, size_t size)
{
	static struct flat flat;
	struct iovec iov[1024];
	const void *ptr;
	size_t mapped, sum, at, n;
	dispatch_data_t map;

	assert_int_equal(dispatch_data_get_size(data), size);
	flat.size = flat.regions = 0;
	assert_true(dispatch_data_apply_f(data, &flat, append_region));
	assert_int_equal(flat.size, size);
	assert_memory_equal(flat.bytes, bytes, size);

	map = dispatch_data_create_map(data, &ptr, &mapped);
	assert_non_null(map);
	assert_int_equal(mapped, size);
	assert_memory_equal(ptr, bytes, size);
	if (flat.regions == 1)
		assert_ptr_equal(map, data);
	bri_object_release(map);

	at = size ? rnd(size) : 0;
	n = bri_data_iov(data, at, iov, 1024, &sum);
	assert_int_equal(sum, size - at);
	for (size_t i = 0; i < n; i++) {
		assert_memory_equal(iov[i].iov_base, bytes + at, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	assert_int_equal(at, size);
}

static _Atomic int destroyed;
static sem_t some_destroyed;
static void *last_destroyed;

static void count_destroyed(void *buffer)
{
	last_destroyed = buffer;
	destroyed++;
	sem_post(&some_destroyed);
}

static void free_and_count(void *buffer)
{
	free(buffer);
	destroyed++;
	sem_post(&some_destroyed);
}

static void wait_destroyed(int count)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	while (destroyed != count && sem_timedwait(&some_destroyed, &until) == 0)
		;
	assert_int_equal(destroyed, count);
}

/* --- tests --- */

static void test_empty(void **state)
{
	const void *ptr = &ptr;
	size_t size = 7, offset = 9;
	const void *no_bytes = NULL; /* harmless, though declared not NULL */
	dispatch_data_t data, no_data = NULL;

	(void)state;
	data = dispatch_data_create_f(no_bytes, 0, NULL, NULL);
	assert_ptr_equal(data, dispatch_data_empty);
	assert_int_equal(dispatch_data_get_size(data), 0);
	assert_int_equal(dispatch_data_get_size(no_data), 0);
	assert_ptr_equal(dispatch_data_create_subrange(data, 0, 5), dispatch_data_empty);
	assert_ptr_equal(dispatch_data_create_concat(data, data), dispatch_data_empty);
	assert_ptr_equal(dispatch_data_copy_region(data, 0, &offset), dispatch_data_empty);
	assert_int_equal(offset, 0);
	assert_ptr_equal(dispatch_data_create_map(data, &ptr, &size), dispatch_data_empty);
	assert_int_equal(size, 0);
	for (int i = 0; i < 10; i++)
		bri_object_release(data); /* immortal */
	assert_true(dispatch_data_apply_f(data, NULL, append_region));
}

static void test_copy_is_a_copy(void **state)
{
	char text[] = "four score and seven years ago";
	dispatch_data_t data = dispatch_data_create_f(text, sizeof(text), NULL, NULL);
	char kept[sizeof(text)];

	(void)state;
	memcpy(kept, text, sizeof(text));
	memset(text, 'x', sizeof(text));
	check_bytes(data, (uint8_t *)kept, sizeof(kept));
	assert_false(bri_data_is_foreign(data));
	bri_object_release(data);
}

static void test_destructor_once(void **state)
{
	static uint8_t bytes[100];
	dispatch_data_t data, part, joined;

	(void)state;
	destroyed = 0;
	data = dispatch_data_create_f(bytes, sizeof(bytes), NULL, count_destroyed);
	assert_true(bri_data_is_foreign(data));
	part = dispatch_data_create_subrange(data, 10, 20);
	assert_true(bri_data_is_foreign(part));
	joined = dispatch_data_create_concat(part, data);
	bri_object_release(data);
	bri_object_release(part);
	assert_int_equal(destroyed, 0);
	bri_object_release(joined);
	wait_destroyed(1);
	assert_ptr_equal(last_destroyed, bytes);

	/* no bytes: destroyed at once, all the same on its queue */
	data = dispatch_data_create_f(bytes, 0, NULL, count_destroyed);
	assert_ptr_equal(data, dispatch_data_empty);
	wait_destroyed(2);

	/* free() is known and needs no queue */
	data = dispatch_data_create_f(strdup("freed"), 6, NULL, free);
	assert_false(bri_data_is_foreign(data));
	check_bytes(data, (const uint8_t *)"freed", 6);
	bri_object_release(data);
}

/* A leaf that the application let go comes back through copy_region and apply. */
static void test_region_outlives_its_rope(void **state)
{
	static uint8_t bytes[10] = "0123456789";
	dispatch_data_t a, b, rope, region;
	size_t offset;

	(void)state;
	destroyed = 0;
	a = dispatch_data_create_f(bytes, 4, NULL, count_destroyed);
	b = dispatch_data_create_f(bytes + 4, 6, NULL, count_destroyed);
	rope = dispatch_data_create_concat(a, b);
	bri_object_release(a);
	bri_object_release(b);
	region = dispatch_data_copy_region(rope, 5, &offset);
	assert_int_equal(offset, 4);
	assert_ptr_equal(region, b);
	bri_object_release(rope);
	wait_destroyed(1);
	check_bytes(region, bytes + 4, 6);
	bri_object_release(region);
	wait_destroyed(2);
}

static void test_apply_twice_the_same_leaf(void **state)
{
	dispatch_data_t a = dispatch_data_create_f("ab", 2, NULL, NULL);
	dispatch_data_t rope = dispatch_data_create_concat(a, a);
	struct flat *flat = calloc(1, sizeof(*flat));

	(void)state;
	assert_true(dispatch_data_apply_f(rope, flat, append_region));
	assert_int_equal(flat->regions, 2);
	free(flat);
	bri_object_release(a);
	bri_object_release(rope);
}

static bool stop_at_once(
	void *context, dispatch_data_t region, size_t offset, const void *buffer, size_t size)
{
	(void)region, (void)offset, (void)buffer, (void)size;
	++*(int *)context;
	return false;
}

static void test_apply_stops(void **state)
{
	dispatch_data_t a = dispatch_data_create_f("ab", 2, NULL, NULL);
	dispatch_data_t rope = dispatch_data_create_concat(a, a);
	int calls = 0;

	(void)state;
	assert_false(dispatch_data_apply_f(rope, &calls, stop_at_once));
	assert_int_equal(calls, 1);
	bri_object_release(a);
	bri_object_release(rope);
}

/* Cut at every offset, joined again: the same bytes. */
static void test_split_everywhere(void **state)
{
	uint8_t bytes[97];
	dispatch_data_t whole = NULL, next;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t at = 0; at < sizeof(bytes); at += 1 + at % 13) {
		size_t n = bri_min_size(1 + at % 13, sizeof(bytes) - at);
		dispatch_data_t piece = bri_data_new_copy(bytes + at, n);

		next = bri_data_concat(whole, piece);
		bri_object_release(whole);
		bri_object_release(piece);
		whole = next;
	}
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		dispatch_data_t head = dispatch_data_create_subrange(whole, 0, cut);
		dispatch_data_t tail = dispatch_data_create_subrange(whole, cut, SIZE_MAX);

		check_bytes(head, bytes, cut);
		check_bytes(tail, bytes + cut, sizeof(bytes) - cut);
		next = dispatch_data_create_concat(head, tail);
		check_bytes(next, bytes, sizeof(bytes));
		bri_object_release(head);
		bri_object_release(tail);
		bri_object_release(next);
	}
	bri_object_release(whole);
}

/* The front goes: in place when nobody else has the data, else without a change to theirs. */
static void test_tail_is_taken(void **state)
{
	static const char text[] = "header and payload";
	const size_t size = sizeof(text), cut = 7;
	dispatch_data_t data, other, tail;
	uint8_t *bytes;

	(void)state;
	data = bri_data_new_room(size, &bytes);
	memcpy(bytes, text, size);
	assert_ptr_equal(bri_data_take_tail(data, 0), data);
	tail = bri_data_take_tail(data, cut);
	assert_ptr_equal(tail, data);
	check_bytes(tail, (const uint8_t *)text + cut, size - cut);
	tail = bri_data_take_tail(tail, 1);
	assert_ptr_equal(tail, data);
	check_bytes(tail, (const uint8_t *)text + cut + 1, size - cut - 1);
	/* another reference, or a part of it elsewhere */
	data = bri_object_retain(tail);
	other = bri_data_take_tail(tail, 2);
	assert_ptr_not_equal(other, data);
	check_bytes(data, (const uint8_t *)text + cut + 1, size - cut - 1);
	check_bytes(other, (const uint8_t *)text + cut + 3, size - cut - 3);
	tail = bri_data_take_tail(data, 4);
	check_bytes(other, (const uint8_t *)text + cut + 3, size - cut - 3);
	check_bytes(tail, (const uint8_t *)text + cut + 5, size - cut - 5);
	/* data of several pieces; nothing is left */
	data = bri_data_concat(tail, other);
	bri_object_release(tail);
	bri_object_release(other);
	data = bri_data_take_tail(data, size - cut - 5);
	check_bytes(data, (const uint8_t *)text + cut + 3, size - cut - 3);
	data = bri_data_take_tail(data, size - cut - 3);
	assert_int_equal(bri_data_size(data), 0);
	bri_object_release(data);
}

#define SLOTS     16
#define SLOT_SIZE 4096

struct slot {
	dispatch_data_t data;
	uint8_t bytes[SLOT_SIZE];
	size_t size;
};

static int made;

static void put_slot(struct slot *slot, dispatch_data_t data, const uint8_t *bytes, size_t size)
{
	assert_non_null(data);
	bri_object_release(slot->data);
	slot->data = data;
	memmove(slot->bytes, bytes, size);
	slot->size = size;
}

static void random_leaf(struct slot *slot)
{
	size_t size = rnd(300);
	uint8_t *bytes = malloc(size + 1);
	dispatch_data_t data;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)rnd(256);
	if (rnd(3)) {
		data = dispatch_data_create_f(bytes, size, NULL, NULL);
		put_slot(slot, data, bytes, size);
		free(bytes);
	} else {
		made++;
		/* with no bytes the destructor may have run before we look again */
		data = dispatch_data_create_f(bytes, size, NULL, free_and_count);
		put_slot(slot, data, size ? bytes : slot->bytes, size);
	}
}

static void random_step(struct slot *slots)
{
	struct slot *a = &slots[rnd(SLOTS)], *b = &slots[rnd(SLOTS)], *to = &slots[rnd(SLOTS)];
	uint8_t joined[2 * SLOT_SIZE];
	size_t from, length, offset;
	dispatch_data_t region;

	switch (rnd(4)) {
	case 0: random_leaf(to); break;
	case 1:
		if (a->size + b->size > SLOT_SIZE)
			break;
		memcpy(joined, a->bytes, a->size);
		memcpy(joined + a->size, b->bytes, b->size);
		length = a->size + b->size;
		put_slot(to, dispatch_data_create_concat(a->data, b->data), joined, length);
		break;
	case 2:
		from = rnd(a->size + 10);
		length = rnd(a->size + 10);
		region = dispatch_data_create_subrange(a->data, from, length);
		length = from < a->size ? bri_min_size(length, a->size - from) : 0;
		put_slot(to, region, a->bytes + (length ? from : 0), length);
		break;
	case 3:
		from = rnd(a->size + 1);
		region = dispatch_data_copy_region(a->data, from, &offset);
		length = dispatch_data_get_size(region);
		assert_true(from == a->size ? length == 0 && offset == a->size
					    : offset <= from && from < offset + length);
		put_slot(to, region, a->bytes + offset, length);
		break;
	}
	check_bytes(to->data, to->bytes, to->size);
}

static void test_random_against_model(void **state)
{
	static struct slot slots[SLOTS];

	(void)state;
	destroyed = made = 0;
	for (int i = 0; i < SLOTS; i++)
		slots[i].data = dispatch_data_empty;
	for (int i = 0; i < 20000; i++)
		random_step(slots);
	for (int i = 0; i < SLOTS; i++)
		bri_object_release(slots[i].data);
	assert_true(made > 0);
	wait_destroyed(made);
}

/* Appending many small pieces stays cheap: the rope is packed, and its bytes stay right. */
static void test_many_small_pieces(void **state)
{
	static uint8_t bytes[60000];
	dispatch_data_t all = dispatch_data_empty, piece, next;
	struct iovec iov[1024];
	size_t sum;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rnd(256);
	for (size_t at = 0; at < sizeof(bytes); at += 20) {
		piece = bri_data_new_copy(bytes + at, 20);
		next = dispatch_data_create_concat(all, piece);
		bri_object_release(all);
		bri_object_release(piece);
		all = next;
	}
	check_bytes(all, bytes, sizeof(bytes));
	assert_true(bri_data_iov(all, 0, iov, 1024, &sum) < 200);
	bri_object_release(all);
}

static void test_chunk(void **state)
{
	uint8_t *ptr, *again;
	size_t room, room2;
	dispatch_data_t small, large, larger;

	(void)state;
	assert_int_equal(bri_chunk_get_scratch(BRI_CHUNK_SIZE + 1, &ptr, &room), -EINVAL);
	assert_int_equal(bri_chunk_get_scratch(1, &ptr, &room), 0);
	assert_int_equal(room, BRI_CHUNK_SIZE);
	memset(ptr, 'a', 64);
	small = bri_chunk_commit(ptr, 64);
	/* a small message is copied: the scratch stays where it is */
	assert_int_equal(bri_chunk_get_scratch(1, &again, &room2), 0);
	assert_ptr_equal(again, ptr);
	memset(again, 'b', BRI_CHUNK_COPY_MAX + 1);
	large = bri_chunk_commit(again, BRI_CHUNK_COPY_MAX + 1);
	/* a large one is not: the scratch moves on behind it */
	assert_int_equal(bri_chunk_get_scratch(1, &again, &room2), 0);
	assert_true(again >= ptr + BRI_CHUNK_COPY_MAX + 1 && room2 < room);
	/* no room for that much: another chunk; the old one lives in its leaf */
	assert_int_equal(bri_chunk_get_scratch(BRI_CHUNK_SIZE, &again, &room2), 0);
	assert_int_equal(room2, BRI_CHUNK_SIZE);
	memset(again, 'c', BRI_CHUNK_SIZE);
	larger = bri_chunk_commit(again, BRI_CHUNK_SIZE);
	bri_object_release(larger);
	/* nobody refers to this chunk any more: from its start again */
	assert_int_equal(bri_chunk_get_scratch(BRI_CHUNK_SIZE, &ptr, &room2), 0);
	assert_ptr_equal(again, ptr);
	assert_int_equal(bri_data_size(large), BRI_CHUNK_COPY_MAX + 1);
	for (int i = 0; i < 2; i++) {
		struct iovec iov;
		size_t sum;

		assert_int_equal(bri_data_iov(i ? large : small, 0, &iov, 1, &sum), 1);
		for (size_t at = 0; at < sum; at++)
			assert_int_equal(((uint8_t *)iov.iov_base)[at], i ? 'b' : 'a');
	}
	bri_object_release(small);
	bri_object_release(large);
}

#define PASSED 2000

struct passing {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	dispatch_data_t slot[64];
	size_t head, tail;
};

static void *consume(void *arg)
{
	struct passing *p = arg;

	for (size_t i = 0; i < PASSED; i++) {
		dispatch_data_t data;
		struct iovec iov;
		size_t sum;

		pthread_mutex_lock(&p->lock);
		while (p->head == p->tail)
			pthread_cond_wait(&p->cond, &p->lock);
		data = p->slot[p->head++ % 64];
		pthread_cond_broadcast(&p->cond);
		pthread_mutex_unlock(&p->lock);
		bri_data_iov(data, 0, &iov, 1, &sum);
		if (((uint8_t *)iov.iov_base)[sum - 1] != (uint8_t)i)
			abort();
		bri_object_release(data);
	}
	return NULL;
}

/* One thread cuts leaves, another reads and frees them: no leaf is written over while it lives. */
static void test_chunk_between_threads(void **state)
{
	struct passing p = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, consume, &p), 0);
	for (size_t i = 0; i < PASSED; i++) {
		size_t room, n = 1 + rnd(3 * BRI_CHUNK_COPY_MAX);
		uint8_t *ptr;

		assert_int_equal(bri_chunk_get_scratch(n, &ptr, &room), 0);
		memset(ptr, (uint8_t)i, n);
		pthread_mutex_lock(&p.lock);
		while (p.tail - p.head == 64)
			pthread_cond_wait(&p.cond, &p.lock);
		p.slot[p.tail++ % 64] = bri_chunk_commit(ptr, n);
		pthread_cond_broadcast(&p.cond);
		pthread_mutex_unlock(&p.lock);
	}
	pthread_join(thread, NULL);
}

static void *pool_worker(void *arg)
{
	void *kept[400] = { 0 };
	size_t sizes[400] = { 0 };
	uint64_t x = (uintptr_t)arg;

	for (int i = 0; i < 50000; i++) {
		size_t k;

		x = x * 6364136223846793005u + 1442695040888963407u;
		k = (x >> 33) % 400;
		for (size_t j = 0; kept[k] && j < sizes[k]; j++) {
			if (((uint8_t *)kept[k])[j] != (uint8_t)k)
				abort();
		}
		bri_pool_free(kept[k], sizes[k]);
		sizes[k] = (x >> 20) % 300;
		kept[k] = bri_pool_alloc(sizes[k]);
		memset(kept[k], (int)k, sizes[k]);
	}
	for (int k = 0; k < 400; k++)
		bri_pool_free(kept[k], sizes[k]);
	return NULL;
}

static void test_pool(void **state)
{
	pthread_t threads[3];

	(void)state;
	bri_pool_free(NULL, 64);
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, pool_worker, (void *)(i + 1)), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_copy_is_a_copy),
		cmocka_unit_test(test_destructor_once),
		cmocka_unit_test(test_region_outlives_its_rope),
		cmocka_unit_test(test_apply_twice_the_same_leaf),
		cmocka_unit_test(test_apply_stops),
		cmocka_unit_test(test_split_everywhere),
		cmocka_unit_test(test_tail_is_taken),
		cmocka_unit_test(test_random_against_model),
		cmocka_unit_test(test_many_small_pieces),
		cmocka_unit_test(test_chunk),
		cmocka_unit_test(test_chunk_between_threads),
		cmocka_unit_test(test_pool),
	};

	sem_init(&some_destroyed, 0, 0);
	seed_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
