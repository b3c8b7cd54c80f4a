/* The simulation's events: a heap by time, equal times in the order they were pushed; timers. */
#include <stdlib.h>
#include "sim_internal.h"

void *sim_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct sim *s, uint64_t at_ns, sim_fn fn, void *arg, uint64_t tag, bool owned)
{
	struct sim_event e = { .at_ns = at_ns < s->now_ns ? s->now_ns : at_ns,
		.order = s->order++,
		.fn = fn,
		.arg = arg,
		.tag = tag,
		.owned = owned };
	size_t i = s->n_heap++;

	if (s->n_heap > s->room) {
		s->room = s->room ? s->room * 2 : 256;
		s->heap = reallocarray(s->heap, s->room, sizeof(*s->heap));
		if (!s->heap)
			abort();
	}
	while (i > 0 && before(&e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
}

void sim_push(struct sim *s, uint64_t at_ns, sim_fn fn, void *arg, uint64_t tag)
{
	push(s, at_ns, fn, arg, tag, false);
}

void sim_push_owned(struct sim *s, uint64_t at_ns, sim_fn fn, void *arg)
{
	push(s, at_ns, fn, arg, 0, true);
}

void sim_heap_free(struct sim *s)
{
	for (size_t i = 0; i < s->n_heap; i++) {
		if (s->heap[i].owned)
			free(s->heap[i].arg);
	}
	free(s->heap);
}

static bool pop(struct sim *s, uint64_t until_ns, struct sim_event *ret)
{
	struct sim_event e;
	size_t i = 0;

	if (!s->n_heap || s->heap[0].at_ns > until_ns)
		return false;
	*ret = s->heap[0];
	e = s->heap[--s->n_heap];
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->n_heap)
			break;
		if (child + 1 < s->n_heap && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &e))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = e;
	return true;
}

static void on_timer(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_timer *t = arg;

	if (tag != t->queued_ns)
		return; /* an earlier one was queued after this */
	t->queued_ns = BRI_NEVER;
	if (t->at_ns == BRI_NEVER)
		return;
	if (t->at_ns > s->now_ns) {
		sim_arm(s, t, t->at_ns);
		return;
	}
	t->at_ns = BRI_NEVER;
	t->fn(s, t->arg, 0);
}

void sim_arm(struct sim *s, struct sim_timer *t, uint64_t at_ns)
{
	if (at_ns != BRI_NEVER && at_ns < s->now_ns)
		at_ns = s->now_ns;
	t->at_ns = at_ns;
	if (at_ns == BRI_NEVER || t->queued_ns <= at_ns)
		return;
	t->queued_ns = at_ns;
	sim_push(s, at_ns, on_timer, t, at_ns);
}

uint64_t sim_now(const struct sim *s)
{
	return s->now_ns;
}

void sim_run(struct sim *s, uint64_t until_ns)
{
	struct sim_event e;

	while (pop(s, until_ns, &e)) {
		s->now_ns = e.at_ns;
		e.fn(s, e.arg, e.tag);
	}
	s->now_ns = until_ns;
}

void sim_for(struct sim *s, uint64_t ns)
{
	sim_run(s, s->now_ns + ns);
}

/* splitmix64: small, and good enough for losses and pauses. */
uint64_t sim_random(struct sim *s, uint64_t below)
{
	uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return below ? z % below : 0;
}
