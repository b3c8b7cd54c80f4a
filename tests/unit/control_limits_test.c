/* The control socket's server: every limit, and what clients do wrong. */
#include "control_util.h"

/* --- limits --- */

static void too_many_clients(void **state)
{
	struct bri_client c[5];
	struct bri_message m = { .type = BRI_MESSAGE_STATUS }, reply;

	(void)state;
	fx.limits.clients = 4;
	begin();
	for (int i = 0; i < 4; i++) {
		c[i] = open_client();
		assert_int_equal(ask(&c[i], BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	}
	c[4] = open_client();
	assert_int_equal(bri_client_call(&c[4], &m, soon(), &reply), 0);
	expect_error(&reply, EUSERS, "try again");
	expect_closed(&c[4]);
	/* one leaves: there is room */
	bri_client_close(&c[0]);
	for (uint64_t until_ns = soon(); counts().clients == 4; sched_yield())
		assert_true(bri_clock_now_ns() < until_ns);
	c[4] = open_client();
	assert_int_equal(ask(&c[4], BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	for (int i = 1; i < 5; i++)
		bri_client_close(&c[i]);
}

/* More than are accepted in one turn, all there before the first is. */
static void many_at_once(void **state)
{
	struct bri_client c[50];
	struct blocker b;

	(void)state;
	sem_init(&b.begun, 0, 0);
	sem_init(&b.go, 0, 0);
	begin();
	dispatch_async_f(fx.queue, &b, block);
	wait_for(&b.begun);
	for (int i = 0; i < 50; i++)
		c[i] = open_client();
	sem_post(&b.go);
	for (int i = 49; i >= 0; i--) {
		assert_int_equal(ask(&c[i], BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
		bri_client_close(&c[i]);
	}
}

static int share_of_a_user(void)
{
	struct bri_client c[3];
	struct bri_message m, reply;

	for (int i = 0; i < 3; i++) {
		if (bri_client_open(fx.path, soon(), &c[i]) < 0)
			return 1;
		m = (struct bri_message) { .type = BRI_MESSAGE_STATUS };
		if (bri_client_call(&c[i], &m, soon(), &reply) < 0)
			return 2;
		if ((reply.type == BRI_MESSAGE_STATUS_IS) != (i < 2))
			return 3;
	}
	return reply.type == BRI_MESSAGE_ERROR && reply.error.error == EDQUOT ? 0 : 4;
}

static void too_many_of_a_user(void **state)
{
	struct bri_client c;

	(void)state;
	if (getuid() != 0)
		skip();
	fx.limits.clients_per_user = 2;
	begin();
	assert_int_equal(as_other_user(share_of_a_user), 0);
	c = open_client(); /* others are not hurt */
	assert_int_equal(ask(&c, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&c);
}

static void too_many_claims(void **state)
{
	struct bri_client a, b;
	struct bri_message m;

	(void)state;
	fx.limits.claims_per_user = 3;
	begin();
	a = open_client();
	b = open_client();
	assert_int_equal(claim(&a, 1).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&a, 2).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&b, 3).type, BRI_MESSAGE_OK);
	m = claim(&b, 4);
	expect_error(&m, EDQUOT, "close some");
	assert_int_equal(fx.n_claimed, 3);                   /* the daemon was not asked */
	assert_int_equal(claim(&b, 3).type, BRI_MESSAGE_OK); /* what it has may change */
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_RELEASE, .release = { 1 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&b, 4).type, BRI_MESSAGE_OK);
	bri_client_close(&a);
	bri_client_close(&b);
}

/* Requests beyond the rate are read later, none is lost, and it takes the time it must. */
static void floods_are_slowed(void **state)
{
	struct bri_message m, reply;
	struct bri_client c;
	uint64_t begun_ns;

	(void)state;
	fx.limits.requests_per_s = 100;
	fx.limits.requests_burst = 10;
	begin();
	c = open_client();
	begun_ns = bri_clock_now_ns();
	for (int i = 0; i < 40; i++) {
		m = (struct bri_message) { .type = BRI_MESSAGE_STATUS };
		assert_int_equal(bri_client_send(&c, &m, soon()), 0);
	}
	for (uint32_t i = 1; i <= 40; i++) {
		assert_int_equal(bri_client_receive(&c, soon(), &reply), 0);
		assert_int_equal(reply.id, i);
	}
	/* 41 with the one for coming; 10 at once, the rest each 10 ms */
	assert_true(bri_clock_now_ns() - begun_ns >= 300 * BRI_NS_PER_MS);
	bri_client_close(&c);
}

/* A client that sends without end and never reads: others are served, it is dropped in the end. */
static void flood_without_reading(void **state)
{
	struct bri_client flood, good;
	struct bri_message m;
	int r = 0;

	(void)state;
	fx.limits.stall_ns = 200 * BRI_NS_PER_MS;
	fx.limits.requests_per_s = fx.limits.requests_burst = 1000000;
	begin();
	flood = open_client();
	good = open_client();
	for (int i = 0; i < 1000000 && r == 0; i++) {
		m = (struct bri_message) { .type = BRI_MESSAGE_STATUS };
		r = bri_client_send(&flood, &m, soon());
		if (i % 1000 == 0)
			assert_int_equal(
				ask(&good, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	}
	assert_int_equal(r, -EPIPE);
	assert_int_equal(counts().dropped, 1);
	bri_client_close(&flood);
	bri_client_close(&good);
}

/* --- what clients do wrong --- */

static void silent_and_idle(void **state)
{
	struct bri_client silent, idle, claimant, watcher, taker;

	(void)state;
	fx.limits.first_ns = 30 * BRI_NS_PER_MS;
	fx.limits.idle_ns = 60 * BRI_NS_PER_MS;
	begin();
	claimant = open_client();
	assert_int_equal(claim(&claimant, 1).type, BRI_MESSAGE_OK);
	taker = open_client();
	assert_int_equal(claim(&taker, 2).type, BRI_MESSAGE_OK);
	watcher = open_client();
	watch(&watcher, BRI_MESSAGE_WATCH_PATHS);
	idle = open_client();
	assert_int_equal(ask(&idle, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	silent = open_client();
	expect_closed(&silent);
	expect_closed(&idle);
	assert_int_equal(counts().clients, 3);
	/* it has nothing any more, so it may stay for a while only */
	watch(&watcher, 0);
	expect_closed(&watcher);
	/* and so does a claimant whose claim another has taken over */
	assert_int_equal(ask(&claimant, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(claim(&taker, 1).type, BRI_MESSAGE_OK);
	expect_closed(&claimant);
	bri_client_close(&taker);
}

static void half_closed(void **state)
{
	struct bri_client c;

	(void)state;
	begin();
	c = open_client();
	assert_int_equal(ask(&c, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
	expect_closed(&c);
	assert_int_equal(counts().clients, 0);
}

static void check_malformed(const uint8_t *bytes, size_t size, int error)
{
	struct bri_client c = open_client(), other = open_client();
	struct bri_message m;
	uint64_t before = counts().malformed;

	assert_int_equal(send(c.fd, bytes, size, MSG_NOSIGNAL), size);
	send(c.fd, bytes, size, MSG_NOSIGNAL); /* nobody reads that */
	assert_int_equal(bri_client_receive(&c, soon(), &m), 0);
	assert_int_equal(m.type, BRI_MESSAGE_ERROR);
	assert_int_equal(m.id, 0);
	assert_int_equal(m.error.error, error);
	expect_closed(&c);
	assert_int_equal(counts().malformed, before + 1);
	assert_int_equal(ask(&other, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&other);
}

static void malformed_of_each_kind(void **state)
{
	struct bri_message m = { BRI_MESSAGE_CLAIM, 1,
		.claim = { .token = 1, .n_required = 1, .required = { 1 } } };
	uint8_t good[BRI_MESSAGE_MAX], bytes[BRI_MESSAGE_MAX + 1] = { 0 };
	size_t size = (size_t)bri_message_encode(&m, good, sizeof(good));

	(void)state;
	begin();
	check_malformed(bytes, 1, EBADMSG);
	check_malformed(bytes, sizeof(bytes), EBADMSG);
	check_malformed(good, size - 1, EBADMSG);
	check_malformed(good, BRI_MESSAGE_HEADER, EBADMSG);
	for (size_t i = 0; i < size; i++) {
		/* id and the index may be anything */
		if ((i >= 8 && i < 12) || i >= size - 4 || i == 4 || i == 5 || (i >= 16 && i < 20))
			continue;
		memcpy(bytes, good, size);
		bytes[i] = 0xee;
		check_malformed(bytes, size, i == 3 ? EPROTONOSUPPORT : EBADMSG);
	}
	memcpy(bytes, good, size);
	memset(bytes + 16, 0, 4);
	check_malformed(bytes, size, EBADMSG);
	assert_int_equal(fx.n_claimed, 0);
}

/* What a later version may ask, and what only the daemon says: an error, and life goes on. */
static void unknown_requests(void **state)
{
	struct bri_message m = { BRI_MESSAGE_OK, 7, .ok = { 1 } };
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct bri_client c;
	int size;

	(void)state;
	begin();
	c = open_client();
	size = bri_message_encode(&m, bytes, sizeof(bytes));
	assert_int_equal(send(c.fd, bytes, (size_t)size, 0), size);
	bytes[4] = 99;
	assert_int_equal(send(c.fd, bytes, (size_t)size, 0), size);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bri_client_receive(&c, soon(), &m), 0);
		expect_error(&m, EOPNOTSUPP, i ? "older" : "not a request");
		assert_int_equal(m.id, 7);
	}
	assert_int_equal(ask(&c, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&c);
}

/* Descriptors that a client sends along are closed, not kept. */
static void descriptors_are_not_kept(void **state)
{
	struct bri_message m = { .type = BRI_MESSAGE_STATUS, .id = 1 };
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct iovec iov = { bytes, (size_t)bri_message_encode(&m, bytes, sizeof(bytes)) };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	struct bri_client c;
	int pipe_fds[2];
	char byte;

	(void)state;
	begin();
	c = open_client();
	assert_int_equal(pipe(pipe_fds), 0);
	control.align = (struct cmsghdr) {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))
	};
	memcpy(CMSG_DATA(&control.align), &pipe_fds[1], sizeof(int));
	assert_int_equal(sendmsg(c.fd, &msg, 0), iov.iov_len);
	close(pipe_fds[1]);
	assert_int_equal(bri_client_receive(&c, soon(), &m), 0);
	assert_int_equal(m.type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0); /* its last writer is gone */
	close(pipe_fds[0]);
	bri_client_close(&c);
}

/* Clients at every stage when the server stops. */
static void stops_with_clients(void **state)
{
	struct bri_client a, b, c;
	struct bri_message m = { .type = BRI_MESSAGE_LIST };

	(void)state;
	fx.n_list = 3000;
	begin();
	a = open_client();
	b = open_client();
	c = open_client();
	assert_int_equal(claim(&a, 1).type, BRI_MESSAGE_OK);
	assert_int_equal(bri_client_send(&b, &m, soon()), 0);
	watch(&c, 7);
	event(BRI_MESSAGE_EVENT_NOTE, 0, 0); /* work is queued */
	dispatch_sync_f(fx.queue, &fx, stop);
	assert_int_equal(fx.n_released, 0);
	expect_closed(&a);
	while (bri_client_receive(&b, soon(), &m) == 0)
		;
	bri_client_close(&b);
	bri_client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(too_many_clients),
		server_test(many_at_once),
		server_test(too_many_of_a_user),
		server_test(too_many_claims),
		server_test(floods_are_slowed),
		server_test(flood_without_reading),
		server_test(silent_and_idle),
		server_test(half_closed),
		server_test(malformed_of_each_kind),
		server_test(unknown_requests),
		server_test(descriptors_are_not_kept),
		server_test(stops_with_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
