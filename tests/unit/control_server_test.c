/* The control socket's server: requests, lists, events, and who may see what. */
#include "control_util.h"

/* --- requests --- */

static void two_clients(void **state)
{
	struct bri_client a, b;
	struct bri_message m;

	(void)state;
	begin();
	a = open_client();
	b = open_client();
	m = ask(&a, BRI_MESSAGE_STATUS);
	assert_int_equal(m.type, BRI_MESSAGE_STATUS_IS);
	assert_string_equal(m.status.version, "9.9");
	m = call(&b, (struct bri_message) { .type = BRI_MESSAGE_CLAIM,
			     .claim = { .token = 5,
				     .service = 2,
				     .flags = 1,
				     .n_required = 1,
				     .required = { 3 } } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(fx.last_claim.service, 2);
	assert_int_equal(fx.last_claim.required[0], 3);
	assert_int_equal(fx.last_who.uid, getuid());
	assert_int_equal(fx.last_who.pid, getpid());
	assert_int_equal(claim(&b, 5).type, BRI_MESSAGE_OK); /* again: still one */
	assert_int_equal(claim(&b, 6).type, BRI_MESSAGE_OK);
	m = ask(&a, BRI_MESSAGE_STATUS);
	assert_int_equal(m.status.n_claims, 2);
	m = claim(&a, 666);
	expect_error(&m, EPERM, "another user");
	m = claim(&a, 667);
	expect_error(&m, ENOENT, "no 667 here");
	/* only who claimed may release; then it is gone */
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_RELEASE, .release = { 5 } });
	expect_error(&m, ENOENT, "not claimed");
	m = call(&b, (struct bri_message) { .type = BRI_MESSAGE_RELEASE, .release = { 5 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(fx.released[0], 5);
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_SET, .set = { 0, 77, 3 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(m.ok.count, 3);
	assert_int_equal(fx.last_set.pid, 77);
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_SET, .set = { 0, 1, 3 } });
	expect_error(&m, EOPNOTSUPP, "braid status");
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_SET_SOCKET,
			     .set_socket = { UINT64_C(1) << 40, 2 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(m.ok.count, 0);
	assert_int_equal(fx.last_set_socket.cookie, UINT64_C(1) << 40);
	assert_int_equal(fx.last_set_socket.service, 2);
	m = call(&a,
		(struct bri_message) { .type = BRI_MESSAGE_SET_SOCKET, .set_socket = { 1, 2 } });
	expect_error(&m, EDQUOT, "close some first");
	/* a client that goes away releases what it has */
	sem_wait(&fx.on_release);
	bri_client_close(&b);
	wait_for(&fx.on_release);
	assert_int_equal(fx.n_released, 2);
	assert_int_equal(fx.released[1], 6);
	assert_int_equal(counts().claims, 0);
	bri_client_close(&a);
}

static void forget_6(void *context)
{
	(void)context;
	bri_control_server_forget(fx.server, 6);
	bri_control_server_forget(fx.server, 1234);
}

static void get_pid(void *context)
{
	*(uint32_t *)context = fx.last_set.pid;
}

/* A client that does not wait for an answer is heard all the same. */
static void said_and_gone(void **state)
{
	struct bri_message m = { .type = BRI_MESSAGE_SET, .set = { 0, 99, 1 } };
	uint64_t until_ns = soon();
	struct bri_client c;
	uint32_t pid = 0;

	(void)state;
	begin();
	c = open_client();
	assert_int_equal(bri_client_send(&c, &m, 0), 0);
	bri_client_close(&c);
	for (; pid != 99; sched_yield()) {
		assert_true(bri_clock_now_ns() < until_ns);
		dispatch_sync_f(fx.queue, &pid, get_pid);
	}
}

/* A connection handed to another process is claimed by that; one that is over has no claim. */
static void claims_move_and_end(void **state)
{
	struct bri_client a, b;

	(void)state;
	begin();
	a = open_client();
	b = open_client();
	assert_int_equal(claim(&a, 6).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&b, 6).type, BRI_MESSAGE_OK);
	assert_int_equal(counts().claims, 1);
	bri_client_close(&a);
	assert_int_equal(ask(&b, BRI_MESSAGE_STATUS).status.n_claims, 1);
	dispatch_sync_f(fx.queue, NULL, forget_6);
	assert_int_equal(counts().claims, 0);
	assert_int_equal(fx.n_released, 0);
	bri_client_close(&b);
}

static int count_entry(void *context, const struct bri_message *entry)
{
	uint32_t *n = context;

	if (entry->type == BRI_MESSAGE_CONNECTION)
		assert_int_equal(entry->connection.n_subflows, BRI_MESSAGE_MAX_SUBFLOWS);
	(*n)++;
	return 0;
}

static uint32_t list(struct bri_client *client, uint16_t type, struct bri_message *ret)
{
	struct bri_message m = { .type = type };
	uint32_t n = 0;

	assert_int_equal(bri_client_each(client, &m, soon(), &n, count_entry, ret), 0);
	return n;
}

/* Far more than a socket buffer or the queue takes, and another client is served meanwhile. */
static void lists_are_streamed(void **state)
{
	struct bri_message m = { .type = BRI_MESSAGE_LIST }, end;
	struct bri_client a, b;
	uint32_t n = 0;

	(void)state;
	fx.n_list = 3000;
	begin();
	a = open_client();
	b = open_client();
	assert_int_equal(bri_client_send(&a, &m, soon()), 0);
	assert_int_equal(ask(&b, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	m = (struct bri_message) { .type = BRI_MESSAGE_STATUS }; /* behind the list */
	assert_int_equal(bri_client_send(&a, &m, soon()), 0);
	for (;;) {
		assert_int_equal(bri_client_receive(&a, soon(), &end), 0);
		assert_int_equal(end.id, 1);
		if (end.type != BRI_MESSAGE_CONNECTION)
			break;
		n++;
	}
	assert_int_equal(end.type, BRI_MESSAGE_END);
	assert_int_equal(end.end.count, n);
	assert_int_equal(n, getuid() == 0 ? 3000 : 2000);
	assert_int_equal(bri_client_receive(&a, soon(), &end), 0);
	assert_int_equal(end.type, BRI_MESSAGE_STATUS_IS);
	/* one that breaks off ends with an error */
	assert_int_equal(list(&b, BRI_MESSAGE_PATHS, &end), 2);
	expect_error(&end, EIO, "");
	assert_int_equal(list(&b, BRI_MESSAGE_METRICS, &end), 3);
	assert_int_equal(end.type, BRI_MESSAGE_END);
	bri_client_close(&a);
	bri_client_close(&b);
}

static int see_own_only(void)
{
	struct bri_message m = { .type = BRI_MESSAGE_LIST }, end;
	struct bri_client c;
	uint32_t n = 0;

	if (bri_client_open(fx.path, soon(), &c) < 0)
		return 1;
	if (bri_client_each(&c, &m, soon(), &n, count_entry, &end) < 0 || n != 100)
		return 2;
	m = (struct bri_message) { .type = BRI_MESSAGE_SET, .set = { 1, 0, 1 } };
	if (bri_client_call(&c, &m, soon(), &end) < 0)
		return 3;
	return 0;
}

static void users_see_their_own(void **state)
{
	struct bri_message end;
	struct bri_client c;

	(void)state;
	fx.n_list = 300;
	fx.owner = OTHER_UID + 1;
	begin();
	c = open_client();
	assert_int_equal(list(&c, BRI_MESSAGE_LIST, &end), getuid() == 0 ? 300 : 0);
	bri_client_close(&c);
	if (getuid() != 0)
		return;
	assert_int_equal(as_other_user(see_own_only), 0);
	counts(); /* what the queue has written is seen from here on */
	assert_int_equal(fx.last_who.uid, OTHER_UID);
}

/* --- events --- */

static void events_go_to_watchers(void **state)
{
	struct bri_client claimant, user, paths, none, other;
	bool root = getuid() == 0;

	(void)state;
	begin();
	claimant = open_client();
	user = open_client();
	paths = open_client();
	none = open_client();
	assert_int_equal(claim(&claimant, 5).type, BRI_MESSAGE_OK);
	watch(&claimant, BRI_MESSAGE_WATCH_CLAIMED);
	other = open_client();
	assert_int_equal(claim(&other, 6).type, BRI_MESSAGE_OK);
	watch(&other, BRI_MESSAGE_WATCH_CLAIMED);
	watch(&user, BRI_MESSAGE_WATCH_CONNECTIONS);
	watch(&paths, BRI_MESSAGE_WATCH_PATHS);
	watch(&none, BRI_MESSAGE_WATCH_PATHS);
	watch(&none, 0);
	event(BRI_MESSAGE_EVENT_SUBFLOW_UP, 5, getuid());
	event(BRI_MESSAGE_EVENT_PRIMARY, 6, getuid() + 1); /* another user's */
	event(BRI_MESSAGE_EVENT_PATH_LOST, 0, 0);
	event(BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 5, getuid());
	event(0, 5, 0); /* not an event: nobody gets it */
	event(BRI_MESSAGE_EVENT_NOTE, 0, 0);
	expect_event(&claimant, BRI_MESSAGE_EVENT_SUBFLOW_UP, 5);
	expect_event(&claimant, BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 5);
	expect_event(&user, BRI_MESSAGE_EVENT_SUBFLOW_UP, 5);
	if (root)
		expect_event(&user, BRI_MESSAGE_EVENT_PRIMARY, 6);
	expect_event(&user, BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 5);
	expect_event(&paths, BRI_MESSAGE_EVENT_PATH_LOST, 0);
	expect_event(&paths, BRI_MESSAGE_EVENT_NOTE, 0);
	expect_event(&other, BRI_MESSAGE_EVENT_PRIMARY, 6);
	/* nothing else: the next is the answer */
	assert_int_equal(ask(&other, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&other);
	assert_int_equal(ask(&claimant, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(ask(&none, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&claimant);
	bri_client_close(&user);
	bri_client_close(&paths);
	bri_client_close(&none);
}

/* In a child, as another user: the second event is the first that it may see. */
static int watch_own_only(int ready_fd)
{
	struct bri_message m = { .type = BRI_MESSAGE_WATCH, .watch = { 7 } };
	struct bri_client c;

	if (setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0)
		return 1;
	if (bri_client_open(fx.path, soon(), &c) < 0 || bri_client_call(&c, &m, soon(), &m) < 0)
		return 2;
	if (write(ready_fd, "r", 1) != 1 || bri_client_receive(&c, soon(), &m) < 0)
		return 3;
	return m.type == BRI_MESSAGE_EVENT && m.event.token == 6 ? 0 : 4;
}

static void events_of_others_are_not_told(void **state)
{
	int status, ready[2];
	char byte;
	pid_t pid;

	(void)state;
	if (getuid() != 0)
		skip();
	begin();
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		_exit(watch_own_only(ready[1]));
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	event(BRI_MESSAGE_EVENT_SUBFLOW_UP, 5, 0);
	event(BRI_MESSAGE_EVENT_SUBFLOW_UP, 6, OTHER_UID);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A watcher that does not read is dropped; others get every event. */
static void slow_watcher_is_dropped(void **state)
{
	struct bri_client slow, good;
	struct bri_message m;
	uint32_t n = 0;

	(void)state;
	begin();
	slow = open_client();
	good = open_client();
	watch(&slow, BRI_MESSAGE_WATCH_PATHS);
	watch(&good, BRI_MESSAGE_WATCH_PATHS);
	for (; n < 100000 && counts().dropped == 0; n++) {
		event(BRI_MESSAGE_EVENT_PATH_LOST, 0, 0);
		expect_event(&good, BRI_MESSAGE_EVENT_PATH_LOST, 0);
	}
	assert_true(n < 100000);
	assert_int_equal(counts().dropped, 1);
	assert_int_equal(ask(&good, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	while (bri_client_receive(&slow, soon(), &m) == 0)
		assert_true(n-- > 0);
	expect_closed(&slow);
	bri_client_close(&good);
}

static void event_from_inside_the_end_of_a_client(void **state)
{
	struct bri_client a, b;

	(void)state;
	fx.event_in_release = true;
	begin();
	a = open_client();
	b = open_client();
	watch(&a, BRI_MESSAGE_WATCH_PATHS);
	watch(&b, BRI_MESSAGE_WATCH_PATHS);
	assert_int_equal(claim(&a, 1).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&a, 2).type, BRI_MESSAGE_OK);
	bri_client_close(&a);
	expect_event(&b, BRI_MESSAGE_EVENT_NOTE, 0);
	expect_event(&b, BRI_MESSAGE_EVENT_NOTE, 0);
	bri_client_close(&b);
	fx.event_in_release = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(two_clients),
		server_test(said_and_gone),
		server_test(claims_move_and_end),
		server_test(lists_are_streamed),
		server_test(users_see_their_own),
		server_test(events_go_to_watchers),
		server_test(events_of_others_are_not_told),
		server_test(slow_watcher_is_dropped),
		server_test(event_from_inside_the_end_of_a_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
