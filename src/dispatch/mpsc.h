/*
 * An intrusive list with many producers and one consumer at a time: push is one exchange, pop
 * is the consumer's. The consumer may have to wait a moment for a producer that was interrupted
 * between its exchange and its link.
 */
#ifndef BRI_MPSC_H
#define BRI_MPSC_H

#include <sched.h>
#include "dispatch/runtime.h"

struct bri_mpsc {
	_Atomic(struct bri_item *) tail;
	_Atomic(struct bri_item *) head;
};

/* bri_mpsc_push(): true if the list was empty before. */
static inline bool bri_mpsc_push(struct bri_mpsc *list, struct bri_item *item)
{
	struct bri_item *prev;

	atomic_store_explicit(&item->next, NULL, memory_order_relaxed);
	prev = atomic_exchange_explicit(&list->tail, item, memory_order_seq_cst);
	if (prev)
		atomic_store_explicit(&prev->next, item, memory_order_release);
	else
		atomic_store_explicit(&list->head, item, memory_order_release);
	return !prev;
}

static inline bool bri_mpsc_empty(struct bri_mpsc *list)
{
	return !atomic_load_explicit(&list->tail, memory_order_seq_cst);
}

static inline struct bri_item *bri_mpsc_await(_Atomic(struct bri_item *) *link)
{
	struct bri_item *item;

	for (unsigned spins = 0; !(item = atomic_load_explicit(link, memory_order_acquire));
		spins++) {
		if (spins > 64)
			sched_yield();
	}
	return item;
}

/* bri_mpsc_pop(): the oldest item, or NULL. One consumer at a time. */
static inline struct bri_item *bri_mpsc_pop(struct bri_mpsc *list)
{
	struct bri_item *item, *next, *expected;

	if (bri_mpsc_empty(list))
		return NULL;
	item = bri_mpsc_await(&list->head);
	next = atomic_load_explicit(&item->next, memory_order_acquire);
	if (!next) {
		atomic_store_explicit(&list->head, NULL, memory_order_relaxed);
		expected = item;
		if (atomic_compare_exchange_strong_explicit(&list->tail, &expected, NULL,
			    memory_order_acq_rel, memory_order_acquire))
			return item;
		next = bri_mpsc_await(&item->next);
	}
	atomic_store_explicit(&list->head, next, memory_order_relaxed);
	return item;
}

#endif
