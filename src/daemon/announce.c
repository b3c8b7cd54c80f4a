/*
 * See announce.h. One at a time: the kernel refuses a second with EINVAL until the first has left,
 * and a peer's kernel that is told two at once echoes one of them only, so that the other is told
 * again. There is no event of an echo.
 */
#include "daemon/announce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "daemon/pm_socket.h"
#include "dispatch/runtime.h"
#include "netlink/nl_pm_command.h"
#include "transport/netstate.h"

#define LIST_MAX    8u
#define PENDING_MAX 1024u /* connections; past it one is told of the first address only */
#define GAP_NS      (100 * BRI_NS_PER_MS)
#define TRIES_MAX   10u /* a second: more than an announcement takes to leave */
/* Ids of subflows are counted up from 1: these come last. */
#define FIRST_ID 255u

struct pending {
	struct bri_list link;
	uint32_t token;
	unsigned tries;
	size_t at, n;
	struct bri_ip list[LIST_MAX];
};

struct bri_announcer {
	struct bri_pm_socket pm;
	struct bri_timer *timer;
	struct bri_list pending;
	size_t n_pending;
};

static int ignore(void *context, const struct nlmsghdr *msg)
{
	(void)context;
	(void)msg;
	return 0;
}

/* The next address. True: done with, one way or the other. */
static bool announce_next(struct bri_announcer *a, struct pending *p)
{
	struct bri_nl_request req;
	int r;

	if (p->at == p->n)
		return true;
	bri_nl_pm_encode_announce(
		&req, &a->pm.family, p->token, &p->list[p->at], 0, (uint8_t)(FIRST_ID - p->at));
	r = bri_nl_socket_call(a->pm.socket, &req, ignore, NULL);
	if (r == -EINVAL && ++p->tries < TRIES_MAX)
		return false;
	if (r != 0) {
		bri_debug("%08x: address not announced: %s %s", p->token, strerror(-r),
			bri_nl_socket_why(a->pm.socket));
		return true;
	}
	p->tries = 0;
	return ++p->at == p->n;
}

static void remove_pending(struct bri_announcer *a, struct pending *p)
{
	bri_list_remove(&p->link);
	a->n_pending--;
	free(p);
}

static void on_timer(void *context)
{
	struct bri_announcer *a = context;
	struct bri_list *l, *next;

	for (l = a->pending.next; l != &a->pending; l = next) {
		struct pending *p = bri_list_entry(l, struct pending, link);

		next = l->next;
		if (announce_next(a, p))
			remove_pending(a, p);
	}
	bri_timer_set(a->timer, a->n_pending ? bri_clock_now_ns() + GAP_NS : BRI_NEVER);
}

int bri_announcer_new(struct dispatch_queue_s *queue, struct bri_announcer **ret)
{
	struct bri_announcer *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	bri_list_init(&a->pending);
	r = bri_pm_socket_open(&a->pm);
	if (r == 0)
		r = bri_timer_new(queue, a, on_timer, &a->timer);
	if (r < 0) {
		bri_announcer_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void bri_announcer_free(struct bri_announcer *a)
{
	struct bri_list *l;

	if (!a)
		return;
	if (a->timer)
		bri_timer_free(a->timer);
	while ((l = bri_list_take(&a->pending)))
		free(bri_list_entry(l, struct pending, link));
	bri_pm_socket_close(&a->pm);
	free(a);
}

void bri_announcer_tell(struct bri_announcer *a, uint32_t token, const struct bri_ip *initial,
	const struct bri_ip *list, size_t n)
{
	struct pending fresh = { .token = token }, *p;

	for (size_t i = 0; i < n && fresh.n < LIST_MAX; i++) {
		if (!bri_ip_equal(&list[i], initial))
			fresh.list[fresh.n++] = list[i];
	}
	if (announce_next(a, &fresh) || a->n_pending >= PENDING_MAX)
		return;
	p = malloc(sizeof(*p));
	if (!p)
		return;
	*p = fresh;
	bri_list_append(&a->pending, &p->link);
	a->n_pending++;
	bri_timer_set(a->timer, bri_clock_now_ns() + GAP_NS);
}
