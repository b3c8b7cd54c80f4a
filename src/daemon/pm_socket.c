/* See pm_socket.h. */
#include "daemon/pm_socket.h"

#include <errno.h>
#include <linux/netlink.h>

static int on_family(void *context, const struct nlmsghdr *msg)
{
	int r = bri_nl_pm_decode_family(msg, context);

	return r == BRI_NL_OTHER ? 0 : r;
}

int bri_pm_socket_open(struct bri_pm_socket *ret)
{
	struct bri_pm_socket s = { 0 };
	struct bri_nl_request req;
	int r = bri_nl_socket_open(NETLINK_GENERIC, 0, &s.socket);

	if (r < 0)
		return r;
	bri_nl_pm_encode_family(&req);
	r = bri_nl_socket_call(s.socket, &req, on_family, &s.family);
	if (r == 0 && (!s.family.id || !s.family.events_group))
		r = -ENOENT;
	if (r != 0) {
		bri_pm_socket_close(&s);
		return r < 0 ? r : -EIO;
	}
	*ret = s;
	return 0;
}

void bri_pm_socket_close(struct bri_pm_socket *s)
{
	bri_nl_socket_close(s->socket);
	s->socket = NULL;
}

struct listing {
	const struct bri_nl_pm_family *family;
	struct bri_nl_pm_endpoint *list;
	size_t n;
};

static void restart(void *context)
{
	((struct listing *)context)->n = 0;
}

static int on_endpoint(void *context, const struct nlmsghdr *msg)
{
	struct listing *l = context;
	struct bri_nl_pm_endpoint endpoint;

	if (l->n < BRI_NL_PM_MAX_ENDPOINTS &&
		bri_nl_pm_decode_endpoint(msg, l->family, &endpoint) == 0 &&
		!(endpoint.flags & BRI_NL_PM_IMPLICIT))
		l->list[l->n++] = endpoint;
	return 0;
}

int bri_pm_socket_endpoints(struct bri_pm_socket *s, struct bri_nl_pm_endpoint *ret)
{
	struct listing l = { .family = &s->family, .list = ret };
	struct bri_nl_request req;
	int r;

	bri_nl_pm_encode_dump_endpoints(&req, &s->family);
	r = bri_nl_socket_dump(s->socket, &req, restart, on_endpoint, &l);
	return r < 0 ? r : (int)l.n;
}
