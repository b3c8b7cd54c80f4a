/* See pending.h. One list: there are few, and each lives for moments. Nothing wakes up for what has
 * expired: it goes when the list is walked next. */
#include "daemon/pending.h"

#include <errno.h>
#include <stdlib.h>

struct entry {
	struct bri_list link;
	struct bri_pending_wish wish;
	uint64_t until_ns;
};

void bri_pending_init(struct bri_pending *p)
{
	bri_list_init(&p->list);
	p->n = 0;
}

static void drop(struct bri_pending *p, struct entry *e)
{
	bri_list_remove(&e->link);
	free(e);
	p->n--;
}

void bri_pending_fini(struct bri_pending *p)
{
	struct bri_list *l, *next;

	bri_list_foreach_safe (l, next, &p->list)
		drop(p, bri_list_entry(l, struct entry, link));
}

/* Makes room for `wish`: what expired goes, and what it replaces. */
static int make_room(struct bri_pending *p, const struct bri_pending_wish *wish, uint64_t now_ns)
{
	struct entry *oldest = NULL;
	struct bri_list *l, *next;
	size_t mine = 0;

	bri_list_foreach_safe (l, next, &p->list) {
		struct entry *e = bri_list_entry(l, struct entry, link);
		bool same = e->wish.uid == wish->uid && e->wish.cookie == wish->cookie &&
			    e->wish.token == wish->token && e->wish.claimed == wish->claimed;

		if (same || now_ns >= e->until_ns) {
			drop(p, e);
			continue;
		}
		if (e->wish.uid != wish->uid)
			continue;
		mine++;
		if (!oldest && !e->wish.claimed)
			oldest = e;
	}
	if (mine >= BRI_PENDING_PER_USER_MAX) {
		if (!oldest)
			return -EDQUOT;
		drop(p, oldest);
	}
	return p->n >= BRI_PENDING_MAX ? -EUSERS : 0;
}

int bri_pending_add(struct bri_pending *p, const struct bri_pending_wish *wish, uint64_t now_ns)
{
	struct entry *e;
	int r = make_room(p, wish, now_ns);

	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->wish = *wish;
	e->until_ns = now_ns + (wish->cookie ? BRI_PENDING_SOCKET_NS : BRI_PENDING_CONNECT_NS);
	bri_list_append(&p->list, &e->link);
	p->n++;
	return 0;
}

/* A cookie is guessed easily, and a token seen by others: what another user says does not count. */
static bool is_for(const struct bri_pending_wish *w, uint32_t token, uint64_t cookie, uint32_t uid)
{
	if (w->uid != 0 && w->uid != uid)
		return false;
	return w->cookie ? w->cookie == cookie : w->token == token;
}

bool bri_pending_take(struct bri_pending *p, uint32_t token, uint64_t cookie, uint32_t uid,
	uint64_t now_ns, struct bri_pending_wish *ret)
{
	struct bri_list *l, *next;

	bri_list_foreach_safe (l, next, &p->list) {
		struct entry *e = bri_list_entry(l, struct entry, link);

		if (now_ns >= e->until_ns) {
			drop(p, e);
			continue;
		}
		if (!is_for(&e->wish, token, cookie, uid))
			continue;
		*ret = e->wish;
		drop(p, e);
		return true;
	}
	return false;
}

void bri_pending_release(struct bri_pending *p, uint32_t token)
{
	struct bri_list *l, *next;

	bri_list_foreach_safe (l, next, &p->list) {
		struct entry *e = bri_list_entry(l, struct entry, link);

		if (e->wish.claimed && e->wish.token == token)
			drop(p, e);
	}
}
