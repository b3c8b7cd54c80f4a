/*
 * The control server without memory: every allocation of a scenario fails once. Nothing crashes or
 * leaks, and the server serves the next client as if nothing had been.
 */
#include "control_util.h"

#include "malloc_util.h"

struct start {
	long fail_at;
	int r;
};

static void try_start(void *context)
{
	const struct bri_control_ops ops = { &fx, do_status, do_claim, do_release, do_set,
		do_set_socket, do_paths, do_list, do_metrics };
	struct bri_control_socket sock;
	char why[200];
	struct start *start = context;

	assert_int_equal(bri_control_socket_open(fx.path, why, sizeof(why), &sock), 0);
	malloc_fail_anywhere(start->fail_at);
	start->r = bri_control_server_new(fx.queue, &sock, NULL, &ops, &fx.server);
	if (start->r < 0)
		bri_control_socket_close(&sock); /* still ours */
}

static int pass(void *context, const struct bri_message *entry)
{
	(void)context, (void)entry;
	return 0;
}

/* A client's life. It may be refused, get errors or lose its connection, but always soon. */
static void live(void)
{
	struct bri_message m = { .type = BRI_MESSAGE_CLAIM, .claim = { .token = 5 } };
	struct bri_client c;

	assert_int_equal(bri_client_open(fx.path, soon(), &c), 0);
	if (bri_client_call(&c, &m, soon(), &m) == 0) {
		if (m.type == BRI_MESSAGE_ERROR)
			assert_int_equal(m.error.error, ENOMEM);
		m = (struct bri_message) { .type = BRI_MESSAGE_WATCH, .watch = { 7 } };
		if (bri_client_call(&c, &m, soon(), &m) == 0) {
			event(BRI_MESSAGE_EVENT_NOTE, 0, 0);
			m = (struct bri_message) { .type = BRI_MESSAGE_LIST };
			assert_true(bri_client_each(&c, &m, soon(), NULL, pass, &m) != -ETIMEDOUT);
		}
	}
	bri_client_close(&c);
}

static void each_allocation_fails(void **state)
{
	struct bri_client good;
	bool failed = true;
	long n;

	(void)state;
	fx.n_list = 20;
	fx.owner = getuid();
	for (n = 0; failed && n < 1000; n++) {
		struct start start = { .fail_at = n + 1 };

		dispatch_sync_f(fx.queue, &start, try_start);
		assert_true(start.r == 0 || start.r == -ENOMEM);
		if (start.r == 0)
			live();
		failed = malloc_failed();
		if (start.r < 0)
			begin();
		good = open_client();
		assert_int_equal(claim(&good, 5).type, BRI_MESSAGE_OK);
		bri_client_close(&good);
		dispatch_sync_f(fx.queue, &fx, stop);
	}
	print_message("%ld allocations\n", n - 1);
	assert_false(failed);
	assert_in_range(n, 21, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { server_test(each_allocation_fails) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
