/* One UDP socket for many peers: what is kept, what is dropped, and who goes first. */
#include "conn_util.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dispatch/data_internal.h"
#include "transport/udp_hub.h"

struct hub_test {
	struct recorder r;
	dispatch_queue_t queue;
	struct bri_hub *hub;
	uint16_t port;
	struct bri_hub_flow *flows[64];
	_Atomic unsigned count;
	bool refuse;
	int fd; /* the hub's */
};

static bool on_flow(void *context, struct bri_hub_flow *flow)
{
	struct hub_test *t = context;

	dispatch_assert_queue(t->queue);
	if (t->refuse) {
		note(&t->r, "refused");
		return false;
	}
	t->flows[atomic_load(&t->count)] = flow;
	atomic_fetch_add(&t->count, 1);
	note(&t->r, "flow");
	return true;
}

static const struct bri_hub_ops ops = { .on_flow = on_flow };

static int setup(void **state)
{
	static struct hub_test t;
	struct bri_sock_config config = { .kind = BRI_SOCK_UDP };
	union bri_sockaddr local = { .in6.sin6_family = AF_INET6 };
	struct bri_sock sock;

	memset(&t, 0, sizeof(t));
	recorder_init(&t.r);
	t.queue = dispatch_queue_create("hub", NULL);
	assert_int_equal(bri_sock_listen(&config, &local, 0, &sock), 0);
	assert_int_equal(bri_sock_local(sock.fd, &local), 0);
	t.port = bri_sockaddr_port(&local);
	t.fd = sock.fd;
	assert_int_equal(bri_hub_new(sock, t.queue, &t, &ops, &t.hub), 0);
	*state = &t;
	return 0;
}

static void close_hub(void *context)
{
	struct hub_test *t = context;

	bri_hub_close(t->hub);
	t->hub = NULL;
}

static int teardown(void **state)
{
	struct hub_test *t = *state;

	dispatch_sync_f(t->queue, t, close_hub);
	for (unsigned i = 0; i < atomic_load(&t->count); i++)
		bri_hub_flow_close(t->flows[i]);
	barrier(t->queue);
	barrier(t->queue); /* the hub is freed by an item that the last close queued */
	dispatch_release(t->queue);
	recorder_fini(&t->r);
	return 0;
}

/* Everything sent so far has been read and sorted. */
static void flush(struct hub_test *t)
{
	struct pollfd never = { .fd = -1 };
	int bytes = 1;

	for (unsigned i = 0; bytes > 0; i++) {
		assert_true(i < WAIT_S * 1000);
		assert_int_equal(ioctl(t->fd, SIOCINQ, &bytes), 0);
		if (bytes)
			poll(&never, 1, 1);
	}
	barrier(t->queue);
}

static unsigned take_all(struct bri_hub_flow *flow, size_t *ret_bytes)
{
	struct bri_hub_datagram d;
	unsigned n = 0;

	*ret_bytes = 0;
	while (bri_hub_flow_take(flow, &d)) {
		*ret_bytes += d.data ? bri_data_size(d.data) : 0;
		bri_object_release(d.data);
		n++;
	}
	return n;
}

static void a_new_peer_is_a_flow_with_addresses(void **state)
{
	struct hub_test *t = *state;
	int fd = raw_connect(AF_INET, SOCK_DGRAM, t->port);
	struct bri_hub_datagram d;
	const union bri_sockaddr *remote, *local;

	raw_send(fd, "hello");
	await(&t->r, "flow");
	remote = bri_hub_flow_remote(t->flows[0]);
	local = bri_hub_flow_local(t->flows[0]);
	assert_int_equal(remote->sa.sa_family, AF_INET);
	assert_int_equal(bri_sockaddr_port(remote), raw_port(fd));
	assert_int_equal(local->sa.sa_family, AF_INET);
	assert_int_equal(local->in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(bri_sockaddr_port(local), t->port);
	assert_true(bri_hub_flow_take(t->flows[0], &d));
	assert_int_equal(bri_data_size(d.data), 5);
	assert_int_equal(d.info.ecn, 0);
	bri_object_release(d.data);
	assert_false(bri_hub_flow_take(t->flows[0], &d));
	close(fd);
}

static void datagrams_of_peers_do_not_mix(void **state)
{
	struct hub_test *t = *state;
	int fds[8];
	size_t bytes;

	for (unsigned i = 0; i < 8; i++) {
		fds[i] = raw_connect(i % 2 ? AF_INET6 : AF_INET, SOCK_DGRAM, t->port);
		raw_send(fds[i], "a");
		await(&t->r, "flow"); /* so that flow i is peer i's */
	}
	for (unsigned n = 0; n < 5; n++) {
		for (unsigned i = 0; i <= n; i++)
			raw_send(fds[i], "bb");
	}
	flush(t);
	for (unsigned i = 0; i < 8; i++) {
		unsigned more = i < 5 ? 5 - i : 0;

		assert_int_equal(take_all(t->flows[i], &bytes), 1 + more);
		assert_int_equal(bytes, 1 + 2 * more);
		close(fds[i]);
	}
}

static void an_unread_flow_keeps_a_number_and_drops_the_rest(void **state)
{
	struct hub_test *t = *state;
	int fd = raw_connect(AF_INET, SOCK_DGRAM, t->port);
	size_t bytes;

	for (unsigned i = 0; i < BRI_HUB_DATAGRAMS_MAX + 20; i++) {
		raw_send(fd, "x");
		if (i % 32 == 0)
			flush(t); /* the socket's own buffer is not what is tested */
	}
	flush(t);
	assert_int_equal(take_all(t->flows[0], &bytes), BRI_HUB_DATAGRAMS_MAX);
	/* there is room again */
	raw_send(fd, "y");
	flush(t);
	assert_int_equal(take_all(t->flows[0], &bytes), 1);
	close(fd);
}

static void an_unread_flow_keeps_so_many_bytes(void **state)
{
	struct hub_test *t = *state;
	int fd = raw_connect(AF_INET, SOCK_DGRAM, t->port);
	static char block[30000];
	size_t bytes;

	for (unsigned i = 0; i < BRI_HUB_BYTES_MAX / sizeof(block) + 3; i++) {
		assert_int_equal(send(fd, block, sizeof(block), 0), sizeof(block));
		flush(t);
	}
	assert_int_equal(take_all(t->flows[0], &bytes), BRI_HUB_BYTES_MAX / sizeof(block));
	assert_true(bytes <= BRI_HUB_BYTES_MAX);
	close(fd);
}

/* who forges addresses cannot make it keep more than so much in all */
static void all_unread_flows_together_keep_so_many_bytes(void **state)
{
	struct hub_test *t = *state;
	static char block[60000];
	size_t bytes, sum = 0;
	int fds[20];

	for (unsigned i = 0; i < 20; i++) {
		fds[i] = raw_connect(AF_INET, SOCK_DGRAM, t->port);
		for (unsigned n = 0; n < 8; n++) {
			assert_int_equal(send(fds[i], block, sizeof(block), 0), sizeof(block));
			flush(t);
		}
	}
	for (unsigned i = 0; i < atomic_load(&t->count); i++) {
		take_all(t->flows[i], &bytes);
		sum += bytes;
	}
	assert_true(sum <= BRI_HUB_UNCLAIMED_MAX);
	assert_true(sum >= BRI_HUB_UNCLAIMED_MAX / 2);
	/* what was taken counts no longer */
	assert_int_equal(send(fds[0], block, sizeof(block), 0), sizeof(block));
	flush(t);
	assert_int_equal(take_all(t->flows[0], &bytes), 1);
	for (unsigned i = 0; i < 20; i++)
		close(fds[i]);
}

static void a_refused_peer_asks_again_with_each_datagram(void **state)
{
	struct hub_test *t = *state;
	int fd = raw_connect(AF_INET, SOCK_DGRAM, t->port);

	t->refuse = true;
	raw_send(fd, "1");
	await(&t->r, "refused");
	raw_send(fd, "2");
	await(&t->r, "refused");
	assert_int_equal(atomic_load(&t->count), 0);
	close(fd);
}

static void on_readable(void *context)
{
	struct hub_test *t = context;
	size_t bytes;
	unsigned n = take_all(t->flows[0], &bytes);

	note(&t->r, "read=%u", n);
}

static void attaching_tells_of_what_waits_and_of_what_comes(void **state)
{
	struct hub_test *t = *state;
	dispatch_queue_t queue = dispatch_queue_create("reader", NULL);
	int fd = raw_connect(AF_INET, SOCK_DGRAM, t->port);

	raw_send(fd, "1");
	raw_send(fd, "2");
	flush(t);
	bri_hub_flow_attach(t->flows[0], queue, t, on_readable);
	await(&t->r, "read=2");
	raw_send(fd, "3");
	await(&t->r, "read=1");
	bri_hub_flow_close(t->flows[0]);
	t->flows[0] = NULL;
	raw_send(fd, "4"); /* a new flow, not the old reader's */
	await(&t->r, "flow");
	barrier(queue);
	dispatch_release(queue);
	close(fd);
}

static void flows_answer_after_the_hub_is_closed(void **state)
{
	struct hub_test *t = *state;
	int fd = raw_connect(AF_INET, SOCK_DGRAM, t->port), other;
	struct iovec iov = { (void *)(uintptr_t) "reply", 5 };
	char buf[16];
	size_t bytes;

	raw_send(fd, "1");
	await(&t->r, "flow");
	dispatch_sync_f(t->queue, t, close_hub);
	assert_int_equal(bri_hub_flow_send(t->flows[0], &iov, 1, -1), 5);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	/* the peer is still served, new ones are not */
	other = raw_connect(AF_INET, SOCK_DGRAM, t->port);
	raw_send(other, "x");
	raw_send(fd, "2");
	flush(t);
	assert_int_equal(take_all(t->flows[0], &bytes), 2);
	assert_int_equal(atomic_load(&t->count), 1);
	close(other);
	close(fd);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(a_new_peer_is_a_flow_with_addresses),
		RULE(datagrams_of_peers_do_not_mix),
		RULE(an_unread_flow_keeps_a_number_and_drops_the_rest),
		RULE(an_unread_flow_keeps_so_many_bytes),
		RULE(all_unread_flows_together_keep_so_many_bytes),
		RULE(a_refused_peer_asks_again_with_each_datagram),
		RULE(attaching_tells_of_what_waits_and_of_what_comes),
		RULE(flows_answer_after_the_hub_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
