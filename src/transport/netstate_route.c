/* Asks the kernel's routing about one destination. */
#include "transport/netstate.h"

#include <errno.h>
#include <linux/netlink.h>

#include "netlink/nl_route.h"
#include "netlink/nl_socket.h"

static int on_answer(void *context, const struct nlmsghdr *msg)
{
	int r = bri_nl_route_decode(msg, context);

	return r < 0 ? r : 0;
}

int bri_netstate_route(const struct sockaddr *remote, const struct sockaddr *local,
	uint32_t ifindex, uint32_t *ret_ifindex, struct bri_ip *ret_source)
{
	struct bri_ip dst = bri_ip_from_sockaddr(remote), source = { 0 };
	struct bri_nl_route route = { 0 };
	struct bri_nl_request req;
	struct bri_nl_socket *sock;
	int r;

	if (local)
		source = bri_ip_from_sockaddr(local);
	/* a link-local destination says itself which device it means */
	if (ifindex == 0 && remote->sa_family == AF_INET6)
		ifindex = ((const struct sockaddr_in6 *)(const void *)remote)->sin6_scope_id;
	r = bri_nl_route_encode_lookup(&req, &dst, source.family ? &source : NULL, ifindex);
	if (r < 0)
		return r;
	r = bri_nl_socket_open(NETLINK_ROUTE, 0, &sock);
	if (r < 0)
		return r;
	r = bri_nl_socket_call(sock, &req, on_answer, &route);
	bri_nl_socket_close(sock);
	if (r != 0)
		return r < 0 ? r : -EIO;
	if (route.n_hops == 0)
		return -ENETUNREACH;
	*ret_ifindex = route.hops[0].ifindex;
	*ret_source = route.source;
	return 0;
}
