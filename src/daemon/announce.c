/*
 * See announce.h. The kernel has one announcement of a connection under way at a time and refuses
 * the next with EINVAL until the first has left; so they queue up here.
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
#define PENDING_MAX 1024u /* connections; past it one is told at once what can be, and no more */
#define RETRY_NS    (20 * BRI_NS_PER_MS)
#define TRIES_MAX   50u /* a second: more than an announcement takes to leave */
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

/* True: done with, one way or the other. */
static bool announce_some(struct bri_announcer *a, struct pending *p)
{
	struct bri_nl_request req;
	int r;

	for (; p->at < p->n; p->at++) {
		bri_nl_pm_encode_announce(&req, &a->pm.family, p->token, &p->list[p->at], 0,
			(uint8_t)(FIRST_ID - p->at));
		r = bri_nl_socket_call(a->pm.socket, &req, ignore, NULL);
		if (r == -EINVAL && ++p->tries < TRIES_MAX)
			return false;
		if (r < 0) {
			bri_debug("%08x: address not announced: %s %s", p->token, strerror(-r),
				bri_nl_socket_why(a->pm.socket));
			return true;
		}
		p->tries = 0;
	}
	return true;
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
		if (announce_some(a, p))
			remove_pending(a, p);
	}
	bri_timer_set(a->timer, a->n_pending ? bri_clock_now_ns() + RETRY_NS : BRI_NEVER);
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
	if (announce_some(a, &fresh) || a->n_pending >= PENDING_MAX)
		return;
	p = malloc(sizeof(*p));
	if (!p)
		return;
	*p = fresh;
	bri_list_append(&a->pending, &p->link);
	a->n_pending++;
	bri_timer_set(a->timer, bri_clock_now_ns() + RETRY_NS);
}
