/* See deadlines.h. */
#include "policy/deadlines.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct bri_deadlines *d, size_t place, struct bri_deadline *link)
{
	d->heap[place - 1] = link;
	link->place = place;
}

static void up(struct bri_deadlines *d, struct bri_deadline *link)
{
	size_t place = link->place;

	while (place > 1 && d->heap[place / 2 - 1]->at_ns > link->at_ns) {
		put(d, place, d->heap[place / 2 - 1]);
		place /= 2;
	}
	put(d, place, link);
}

static void down(struct bri_deadlines *d, struct bri_deadline *link)
{
	size_t place = link->place, child;

	while ((child = place * 2) <= d->n) {
		if (child < d->n && d->heap[child]->at_ns < d->heap[child - 1]->at_ns)
			child++;
		if (d->heap[child - 1]->at_ns >= link->at_ns)
			break;
		put(d, place, d->heap[child - 1]);
		place = child;
	}
	put(d, place, link);
}

int bri_deadlines_reserve(struct bri_deadlines *d, size_t n)
{
	size_t room = d->room ? d->room : 16;
	struct bri_deadline **heap;

	if (n <= d->room)
		return 0;
	while (room < n)
		room *= 2;
	heap = reallocarray(d->heap, room, sizeof(struct bri_deadline *));
	if (!heap)
		return -ENOMEM;
	d->heap = heap;
	d->room = room;
	return 0;
}

void bri_deadlines_fini(struct bri_deadlines *d)
{
	free(d->heap);
	*d = (struct bri_deadlines) { 0 };
}

void bri_deadlines_set(struct bri_deadlines *d, struct bri_deadline *link, uint64_t at_ns)
{
	struct bri_deadline *last;
	size_t place = link->place;

	link->at_ns = at_ns;
	if (at_ns == BRI_NEVER) {
		if (!place)
			return;
		last = d->heap[--d->n];
		link->place = 0;
		if (last == link)
			return;
		put(d, place, last);
		up(d, last);
		down(d, last);
		return;
	}
	if (!place) {
		if (d->n == d->room)
			bri_abort("deadlines: no room was reserved");
		put(d, ++d->n, link);
	}
	up(d, link);
	down(d, link);
}

struct bri_deadline *bri_deadlines_first(const struct bri_deadlines *d)
{
	return d->n ? d->heap[0] : NULL;
}
