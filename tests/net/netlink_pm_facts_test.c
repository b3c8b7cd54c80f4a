/*
 * What of the kernel a path manager has to know and no document says: which address ids can be used
 * again and when, how a subflow that is still being made is closed, what holds one to its device.
 * If a kernel does otherwise, the daemon's decisions must be looked at again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "netlink/nl_diag.h"
#include "netlink_pm_world.h"

#define ROUNDS 20

static int create(struct world *w, const struct pair *p, const char *local, uint8_t id)
{
	struct bri_nl_pm_tuple t = tuple(local, 0, "127.0.0.1", p->port);

	bri_nl_pm_encode_create(&w->req, &w->family, p->client_token, &t, id, 0, 0, false);
	return world_call(w);
}

static int remove_id(struct world *w, const struct pair *p, uint8_t id)
{
	bri_nl_pm_encode_remove(&w->req, &w->family, p->client_token, id);
	return world_call(w);
}

static int destroy(struct world *w, const struct pair *p, const struct bri_nl_pm_tuple *t)
{
	bri_nl_pm_encode_destroy(&w->req, &w->family, p->client_token, t);
	return world_call(w);
}

/* Told to the peer, then closed: by us, or by the peer's answer to what it was told. */
static void leave(
	struct world *w, const struct pair *p, const struct bri_nl_pm_tuple *t, uint8_t id)
{
	int r;

	assert_int_equal(remove_id(w, p, id), 0);
	r = destroy(w, p, t);
	assert_true(r == 0 || r == -ESRCH);
}

static struct bri_nl_pm_tuple begin(struct world *w, struct pair *p)
{
	struct bri_nl_pm_event ev;

	world_connect(w, AF_INET, "127.0.0.1", p);
	ev = world_expect(w, BRI_NL_PM_ESTABLISHED, p->client_token);
	world_join(w, p, "127.0.0.9", 200); /* so that something is left */
	world_expect(w, BRI_NL_PM_SUB_ESTABLISHED, p->server_token);
	return event_tuple(&ev);
}

/*
 * From one address again and again, with an id that was not used lately: at once, from the initial
 * address as from others. (With the same id the new subflow dies once in three times: the peer
 * works off RM_ADDR later, and closes all that have the id by then.)
 */
static void next_id_at_once(struct world *w, const char *local, uint8_t first)
{
	struct bri_nl_pm_tuple t;
	struct bri_nl_pm_event ev;
	uint8_t id = first;
	struct pair p;

	t = begin(w, &p);
	if (first != 0)
		t = tuple(local, world_join(w, &p, local, first), "127.0.0.1", p.port);
	for (int i = 0; i < ROUNDS; i++) {
		leave(w, &p, &t, id++);
		t.local_port = world_join(w, &p, local, id);
		/* until the peer has worked off the removal */
		world_expect(w, BRI_NL_PM_REMOVED, p.server_token);
		world_expect(w, BRI_NL_PM_SUB_CLOSED, p.server_token);
	}
	assert_false(world_wait(w, BRI_NL_PM_CLOSED, p.client_token, 0, &ev));
	assert_int_equal(pair_subflows(&p), first ? 3 : 2);
	pair_exchange(&p);
	pair_close(&p);
}

static void next_id(void **state)
{
	next_id_at_once(*state, "127.0.0.2", 2);
	next_id_at_once(*state, "127.0.0.1", 0);
}

/* The same id, once the peer's end is closed: works, with 0 for the initial address, too. */
static void same_id_when_settled(struct world *w, const char *local, uint8_t id)
{
	struct bri_nl_pm_tuple t;
	struct pair p;

	t = begin(w, &p);
	if (id != 0) {
		t = tuple(local, world_join(w, &p, local, id), "127.0.0.1", p.port);
		world_expect(w, BRI_NL_PM_SUB_ESTABLISHED, p.server_token);
	}
	for (int i = 0; i < ROUNDS; i++) {
		leave(w, &p, &t, id);
		world_expect(w, BRI_NL_PM_REMOVED, p.server_token);
		world_expect(w, BRI_NL_PM_SUB_CLOSED, p.server_token);
		t.local_port = world_join(w, &p, local, id);
		world_expect(w, BRI_NL_PM_SUB_ESTABLISHED, p.server_token);
		pair_exchange(&p);
		assert_int_equal(pair_subflows(&p), id ? 3 : 2);
	}
	pair_close(&p);
}

static void same_id(void **state)
{
	same_id_when_settled(*state, "127.0.0.2", 2);
	same_id_when_settled(*state, "127.0.0.1", 0);
}

/* An address and its id hold together until DESTROY or REMOVE: neither a refused join nor the
 * peer's closing ends it. */
static void address_and_id(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t;
	struct pair p, other;

	begin(w, &p);
	world_connect(w, AF_INET, "127.0.0.1", &other);
	pair_close(&other); /* nobody listens there any more */
	other.client_token = p.client_token;
	assert_int_equal(create(w, &other, "127.0.0.2", 3), 0);
	world_expect(w, BRI_NL_PM_SUB_CLOSED, p.client_token);
	assert_int_equal(create(w, &p, "127.0.0.2", 4), -EINVAL);
	assert_non_null(strstr(bri_nl_socket_why(w->commands), "did not match address and id"));
	assert_int_equal(create(w, &p, "127.0.0.3", 3), -EINVAL);
	assert_int_equal(remove_id(w, &p, 3), 0); /* known, though no subflow has it */
	t = tuple("127.0.0.2", world_join(w, &p, "127.0.0.2", 4), "127.0.0.1", p.port);
	assert_int_equal(destroy(w, &p, &t), 0);
	assert_int_equal(remove_id(w, &p, 4), -EINVAL); /* too late: it is forgotten */
	world_join(w, &p, "127.0.0.2", 5);
	pair_close(&p);
}

struct connecting {
	uint32_t token;
	unsigned n;
	struct bri_nl_diag last;
};

static int keep_connecting(void *context, const struct nlmsghdr *msg)
{
	struct connecting *c = context;
	struct bri_nl_diag diag;

	if (bri_nl_diag_decode(msg, false, &diag) == 0 && diag.state == 2 && diag.has_subflow &&
		diag.token_local == c->token) {
		c->last = diag;
		c->n++;
	}
	return 0;
}

static struct connecting connecting(struct world *w, uint32_t token)
{
	struct connecting found = { .token = token };
	struct bri_nl_request req;

	bri_nl_diag_encode_dump(&req, AF_INET, false);
	assert_int_equal(bri_nl_socket_dump(w->diag, &req, NULL, keep_connecting, &found), 0);
	return found;
}

/* A subflow whose SYN is not answered has no event: sock_diag knows it, by token and id, and its
 * port is enough to close it. The event of its end has lost the remote port. */
static void still_connecting(void **state)
{
	struct world *w = *state;
	struct bri_nl_pm_tuple t = tuple("10.77.0.1", 0, "10.77.0.9", 4000);
	struct bri_nl_pm_event ev;
	struct connecting c;
	struct pair p;

	begin(w, &p);
	bri_nl_pm_encode_create(&w->req, &w->family, p.client_token, &t, 3, 0, 0, false);
	assert_int_equal(world_call(w), 0);
	c = connecting(w, p.client_token);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.last.local_id, 3);
	t.local_port = ntohs(((struct sockaddr_in *)&c.last.local)->sin_port);
	assert_int_equal(destroy(w, &p, &t), 0);
	ev = world_expect(w, BRI_NL_PM_SUB_CLOSED, p.client_token);
	assert_int_equal(ev.local_port, t.local_port);
	assert_int_equal(ev.local_id, 3);
	assert_true(ev.has_error);
	assert_int_equal(connecting(w, p.client_token).n, 0);
	pair_exchange(&p);
	pair_close(&p);
}

/* Sent over which device? Routes say path1; the device it is bound to says itself. */
static void device(void **state)
{
	struct world *w = *state;
	const uint32_t index[] = { 0, if_nametoindex("path0"), if_nametoindex("path1") };
	struct pair p;

	begin(w, &p);
	world_run("ip route add 10.79.0.0/24 dev path1 metric 10");
	world_run("ip route add default dev path0 metric 500");
	for (size_t i = 0; i < BRI_LEN(index); i++) {
		struct bri_nl_pm_tuple t = tuple("10.77.0.1", 0, "10.79.0.9", 4000);
		uint64_t sent[] = { sent_by("path0"), sent_by("path1") };
		struct bri_nl_pm_event ev;
		struct connecting c;

		bri_nl_pm_encode_create(
			&w->req, &w->family, p.client_token, &t, 3, 0, index[i], false);
		assert_int_equal(world_call(w), 0);
		/* the SYN left, or not, before the call returned */
		assert_int_equal(sent_by("path0") - sent[0], i == 1);
		assert_int_equal(sent_by("path1") - sent[1], i != 1);
		c = connecting(w, p.client_token);
		assert_int_equal(c.last.ifindex, index[i]);
		t.local_port = ntohs(((struct sockaddr_in *)&c.last.local)->sin_port);
		assert_int_equal(destroy(w, &p, &t), 0);
		ev = world_expect(w, BRI_NL_PM_SUB_CLOSED, p.client_token);
		assert_int_equal(ev.ifindex, index[i]);
	}
	world_run("ip route del 10.79.0.0/24 dev path1 metric 10");
	world_run("ip route del default dev path0 metric 500");
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_id),
		cmocka_unit_test(same_id),
		cmocka_unit_test(address_and_id),
		cmocka_unit_test(still_connecting),
		cmocka_unit_test(device),
	};

	world_enter();
	return cmocka_run_group_tests(tests, world_open, world_close);
}
