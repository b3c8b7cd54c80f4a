/* See kernel.h. Three sockets: events are read apart, so that no answer is mistaken for one; orders
 * and questions wait for the kernel's answer, which comes within the call. */
#include "daemon/kernel.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/nl_pm_command.h"
#include "netlink/nl_socket.h"
#include "transport/netstate.h"

struct bri_kernel {
	struct bri_nl_pm_family family;
	struct bri_nl_socket *events, *orders, *diag;
	struct bri_nl_request requests[BRI_KERNEL_BATCH];
};

static int on_family(void *context, const struct nlmsghdr *msg)
{
	int r = bri_nl_pm_decode_family(msg, context);

	return r == BRI_NL_OTHER ? 0 : r;
}

static int open_all(struct bri_kernel *k)
{
	struct bri_nl_request req;
	int r = bri_nl_socket_open(NETLINK_GENERIC, 0, &k->orders);

	if (r < 0)
		return r;
	bri_nl_pm_encode_family(&req);
	r = bri_nl_socket_call(k->orders, &req, on_family, &k->family);
	if (r < 0)
		return r;
	if (!k->family.id || !k->family.events_group)
		return -ENOENT;
	r = bri_nl_socket_open(NETLINK_GENERIC, 0, &k->events);
	if (r == 0)
		r = bri_nl_socket_join(k->events, k->family.events_group);
	if (r == 0)
		r = bri_nl_socket_open(NETLINK_SOCK_DIAG, 0, &k->diag);
	return r;
}

int bri_kernel_open(struct bri_kernel **ret)
{
	struct bri_kernel *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	r = open_all(k);
	if (r < 0) {
		bri_kernel_close(k);
		return r;
	}
	*ret = k;
	return 0;
}

void bri_kernel_close(struct bri_kernel *k)
{
	if (!k)
		return;
	bri_nl_socket_close(k->events);
	bri_nl_socket_close(k->orders);
	bri_nl_socket_close(k->diag);
	free(k);
}

const struct bri_nl_pm_family *bri_kernel_family(const struct bri_kernel *k)
{
	return &k->family;
}

/* --- events --- */

int bri_kernel_events_fd(const struct bri_kernel *k)
{
	return bri_nl_socket_fd(k->events);
}

struct receiving {
	struct bri_kernel *k;
	void *context;
	bri_kernel_event_f fn;
};

static int on_event(void *context, const struct nlmsghdr *msg)
{
	struct receiving *r = context;
	struct bri_nl_pm_event event;

	if (bri_nl_pm_decode_event(msg, &r->k->family, &event) == 0)
		r->fn(r->context, &event);
	return 0;
}

int bri_kernel_receive(struct bri_kernel *k, void *context, bri_kernel_event_f fn)
{
	struct receiving r = { .k = k, .context = context, .fn = fn };

	return bri_nl_socket_receive(k->events, on_event, &r);
}

/* --- orders --- */

static struct bri_nl_pm_tuple wire_tuple(const struct bri_policy_tuple *t)
{
	return (struct bri_nl_pm_tuple) {
		.local = t->local,
		.remote = t->remote,
		.local_port = t->local_port,
		.remote_port = t->remote_port,
		.mapped = t->mapped,
	};
}

static void encode(
	struct bri_kernel *k, struct bri_nl_request *req, const struct bri_policy_command *command)
{
	struct bri_nl_pm_tuple t = wire_tuple(&command->tuple);

	switch (command->what) {
	case BRI_POLICY_CREATE:
		bri_nl_pm_encode_create(req, &k->family, command->token, &t, command->local_id,
			command->remote_id, command->ifindex, command->backup);
		break;
	case BRI_POLICY_PRIO:
		bri_nl_pm_encode_set_backup(req, &k->family, command->token, &t, command->backup);
		break;
	case BRI_POLICY_REMOVE:
		bri_nl_pm_encode_remove(req, &k->family, command->token, command->local_id);
		break;
	case BRI_POLICY_DESTROY:
		bri_nl_pm_encode_destroy(req, &k->family, command->token, &t);
		break;
	case BRI_POLICY_CANCEL:
	case BRI_POLICY_SAMPLE: bri_abort("kernel: not an order: %d", (int)command->what);
	}
}

void bri_kernel_order(
	struct bri_kernel *k, const struct bri_policy_command *commands, size_t n, int *ret_results)
{
	int r;

	for (size_t i = 0; i < n; i++)
		encode(k, &k->requests[i], &commands[i]);
	r = bri_nl_socket_call_many(k->orders, k->requests, n, ret_results);
	for (size_t i = 0; i < n; i++) {
		if (ret_results[i] == BRI_NL_ACK_NONE)
			ret_results[i] = r < 0 ? r : -EIO;
	}
}

const char *bri_kernel_why(const struct bri_kernel *k)
{
	return bri_nl_socket_why(k->orders);
}

/* --- questions --- */

static void sockaddr_of(const struct bri_ip *ip, uint16_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage) { 0 };
	ret->ss_family = ip->family;
	if (ip->family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

		memcpy(&in6->sin6_addr, ip->bytes, sizeof(in6->sin6_addr));
		in6->sin6_port = htons(port);
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		memcpy(&in->sin_addr, ip->bytes, sizeof(in->sin_addr));
		in->sin_port = htons(port);
	}
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
	return ntohs(sa->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)sa)->sin6_port
					       : ((const struct sockaddr_in *)sa)->sin_port);
}

void bri_kernel_tuple(const struct sockaddr_storage *local, const struct sockaddr_storage *remote,
	struct bri_policy_tuple *ret)
{
	*ret = (struct bri_policy_tuple) {
		.local = bri_ip_from_sockaddr((const struct sockaddr *)local),
		.remote = bri_ip_from_sockaddr((const struct sockaddr *)remote),
		.local_port = port_of(local),
		.remote_port = port_of(remote),
	};
	ret->mapped = local->ss_family == AF_INET6 && ret->local.family == AF_INET;
}

#define TCP_ESTABLISHED_STATE 1
#define TCP_CLOSE_WAIT_STATE  8

static void fill(const struct bri_nl_diag *d, struct bri_policy_sample *ret)
{
	const struct bri_tcp_stats *tcp = &d->tcp;

	*ret = (struct bri_policy_sample) {
		.established =
			d->state == TCP_ESTABLISHED_STATE || d->state == TCP_CLOSE_WAIT_STATE,
		.rtt_us = tcp->rtt_us,
		.rttvar_us = tcp->rttvar_us,
		.rto_us = tcp->rto_us,
		.unacked = tcp->unacked,
		.sacked = tcp->sacked,
		.notsent_bytes = tcp->notsent_bytes,
		.retransmits = tcp->retransmits,
		.total_retrans = tcp->total_retrans,
		.last_ack_ms = tcp->last_ack_recv_ms,
		.last_data_recv_ms = tcp->last_data_recv_ms,
		.bytes_acked = tcp->bytes_acked,
		.bytes_received = tcp->bytes_received,
		.bytes_sent = tcp->bytes_sent,
		.data_segs = tcp->data_segs_in,
	};
}

struct looking {
	struct bri_policy_sample *ret;
	bool found;
};

static int on_look(void *context, const struct nlmsghdr *msg)
{
	struct looking *l = context;
	struct bri_nl_diag d;

	if (bri_nl_diag_decode(msg, false, &d) == 0 && d.has_tcp) {
		fill(&d, l->ret);
		l->found = true;
	}
	return 0;
}

int bri_kernel_sample(struct bri_kernel *k, const struct bri_policy_command *command,
	struct bri_policy_sample *ret)
{
	const struct bri_policy_tuple *t = &command->tuple;
	struct sockaddr_storage local, remote;
	struct bri_nl_request req;
	struct looking l = { .ret = ret };
	int r;

	sockaddr_of(&t->local, t->local_port, &local);
	sockaddr_of(&t->remote, t->remote_port, &remote);
	r = bri_nl_diag_encode_tcp(&req, (const struct sockaddr *)&local,
		(const struct sockaddr *)&remote, command->ifindex);
	if (r == 0)
		r = bri_nl_socket_call(k->diag, &req, on_look, &l);
	if (r < 0)
		return r;
	return l.found ? 0 : -ENOENT;
}

static int on_found(void *context, const struct nlmsghdr *msg)
{
	struct bri_nl_diag *d = context, found;

	if (bri_nl_diag_decode(msg, true, &found) == 0 && found.has_mptcp)
		*d = found;
	return 0;
}

int bri_kernel_connection(struct bri_kernel *k, uint32_t token, struct bri_nl_diag *ret)
{
	struct bri_nl_diag found = { 0 };
	struct bri_nl_request req;
	int r;

	bri_nl_diag_encode_token(&req, token);
	r = bri_nl_socket_call(k->diag, &req, on_found, &found);
	if (r < 0)
		return r;
	if (!found.has_mptcp || found.mptcp.token != token)
		return -ENOENT;
	*ret = found;
	return 0;
}

struct walking {
	bool mptcp;
	void *context;
	bri_kernel_socket_f fn;
};

static int on_walk(void *context, const struct nlmsghdr *msg)
{
	struct walking *w = context;
	struct bri_nl_diag d;

	if (bri_nl_diag_decode(msg, w->mptcp, &d) == 0)
		w->fn(w->context, &d);
	return 0;
}

int bri_kernel_each(struct bri_kernel *k, bool mptcp, void *context, bri_kernel_socket_f fn)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct walking w = { .mptcp = mptcp, .context = context, .fn = fn };
	struct bri_nl_request req;
	int r = 0, worst = 0;

	for (size_t i = 0; i < BRI_LEN(families); i++) {
		bri_nl_diag_encode_dump(&req, families[i], mptcp);
		r = bri_nl_socket_call(k->diag, &req, on_walk, &w);
		if (r < 0)
			worst = r;
	}
	return worst;
}
