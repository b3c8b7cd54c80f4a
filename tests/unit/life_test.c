/* The life cycle tables against the documented matrix; impossible edges abort; reachable ones live.
 */
#include "conn_util.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stack/life.h"

/*
 * Written from the documentation of the API, not from the table: rows are states in the order of
 * their values, columns are events in the order of their enum. A letter: the state entered;
 * '.': nothing happens; '!': a broken invariant.
 *   columns: start, established, exhausted, retry (restart or network), lost, cancel
 */
static const char life_names[] = "SWPRFC";
static const char *const life_documented[BRI_LIFE_STATES] = {
	"P!!.!C", /* not started: restart is ignored, a cancel is delivered when there is a queue */
	".!!PFC", /* waiting alternates with preparing; never straight to ready */
	".RW.FC", /* preparing: ready, waiting, failed, cancelled; restart is ignored */
	".!!.FC", /* ready never goes back */
	".!!..C", /* failed: the client's cancel still delivers cancelled */
	".!!...", /* cancelled is the end */
};

/* columns: bound, blocked, broken, cancel */
static const char listen_names[] = "SWRFC";
static const char *const listen_documented[BRI_LISTEN_STATES] = {
	"RWFC",
	"R.FC",
	"!WFC",
	"!!.C",
	"!!..",
};

static bool step_life(int *state, int event)
{
	enum bri_life life = (enum bri_life) * state;
	bool changed = bri_life_step(&life, (enum bri_life_event)event);

	*state = (int)life;
	return changed;
}

static bool step_listen(int *state, int event)
{
	enum bri_listen_life life = (enum bri_listen_life) * state;
	bool changed = bri_listen_step(&life, (enum bri_listen_event)event);

	*state = (int)life;
	return changed;
}

static bool aborts(bool (*step)(int *state, int event), int state, int event)
{
	const struct rlimit no_core = { 0 };
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		fclose(stderr);
		step(&state, event);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void check_cell(
	bool (*step)(int *state, int event), const char *names, char letter, int state, int event)
{
	int after = state;
	bool changed;

	if (letter == '!') {
		assert_true(aborts(step, state, event));
		return;
	}
	changed = step(&after, event);
	assert_int_equal(changed, letter != '.');
	assert_int_equal(names[after], letter == '.' ? names[state] : letter);
}

static void connection_matrix(void **state)
{
	(void)state;
	for (int s = 0; s < BRI_LIFE_STATES; s++) {
		assert_string_equal(bri_life_row((enum bri_life)s), life_documented[s]);
		assert_int_equal(strlen(life_documented[s]), BRI_LIFE_EVENTS);
		for (int e = 0; e < BRI_LIFE_EVENTS; e++)
			check_cell(step_life, life_names, life_documented[s][e], s, e);
	}
}

static void listener_matrix(void **state)
{
	(void)state;
	for (int s = 0; s < BRI_LISTEN_STATES; s++) {
		assert_string_equal(bri_listen_row((enum bri_listen_life)s), listen_documented[s]);
		assert_int_equal(strlen(listen_documented[s]), BRI_LISTEN_EVENTS);
		for (int e = 0; e < BRI_LISTEN_EVENTS; e++)
			check_cell(step_listen, listen_names, listen_documented[s][e], s, e);
	}
}

static void states_have_the_public_values(void **state)
{
	(void)state;
	assert_int_equal(BRI_LIFE_WAITING, nw_connection_state_waiting);
	assert_int_equal(BRI_LIFE_PREPARING, nw_connection_state_preparing);
	assert_int_equal(BRI_LIFE_READY, nw_connection_state_ready);
	assert_int_equal(BRI_LIFE_FAILED, nw_connection_state_failed);
	assert_int_equal(BRI_LIFE_CANCELLED, nw_connection_state_cancelled);
	assert_int_equal(BRI_LISTEN_WAITING, nw_listener_state_waiting);
	assert_int_equal(BRI_LISTEN_READY, nw_listener_state_ready);
	assert_int_equal(BRI_LISTEN_FAILED, nw_listener_state_failed);
	assert_int_equal(BRI_LISTEN_CANCELLED, nw_listener_state_cancelled);
}

/* --- every edge that can be driven over loopback, on live objects --- */

struct live {
	struct recorder r;
	dispatch_queue_t queue;
};

static int live_setup(void **state)
{
	static struct live live;

	recorder_init(&live.r);
	live.queue = dispatch_queue_create("life", NULL);
	*state = &live;
	return 0;
}

static int live_teardown(void **state)
{
	struct live *live = *state;

	barrier(live->queue);
	dispatch_release(live->queue);
	recorder_fini(&live->r);
	return 0;
}

/* start, established, cancel */
static void live_preparing_ready_cancelled(void **state)
{
	struct live *l = *state;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	await(&l->r, "ready");
	finish(c, &l->r);
	assert_events(&l->r, "preparing ready cancelled");
	close(fd);
}

/* exhausted, retry, exhausted, cancel */
static void live_waiting_preparing_waiting_cancelled(void **state)
{
	struct live *l = *state;
	uint16_t port;
	int fd = raw_refused_port(&port);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	await(&l->r, "waiting(ECONNREFUSED)");
	nw_connection_restart(c);
	await(&l->r, "waiting(ECONNREFUSED)");
	finish(c, &l->r);
	assert_events(
		&l->r, "preparing waiting(ECONNREFUSED) preparing waiting(ECONNREFUSED) cancelled");
	close(fd);
}

static void live_setup_cancelled(void **state)
{
	struct live *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&l->r, l->queue, tcp, 9);

	nw_release(tcp);
	finish(c, &l->r);
	assert_events(&l->r, "cancelled");
}

static void live_preparing_cancelled(void **state)
{
	struct live *l = *state;
	uint16_t port;
	int fillers[FILLERS], fd = raw_black_hole(&port, fillers);
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	await(&l->r, "preparing");
	finish(c, &l->r);
	assert_events(&l->r, "preparing cancelled");
	raw_close_all(fd, fillers);
}

/* lost in preparing (a transport that this library does not carry), then the client's cancel */
static void live_preparing_failed_cancelled(void **state)
{
	struct live *l = *state;
	nw_parameters_t raw =
		nw_parameters_create_custom_ip_f(253, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	nw_connection_t c = new_client(&l->r, l->queue, raw, 9);

	nw_release(raw);
	nw_connection_start(c);
	await(&l->r, "failed(EOPNOTSUPP)");
	finish(c, &l->r);
	assert_events(&l->r, "preparing failed(EOPNOTSUPP) cancelled");
}

/* lost in ready */
static void live_ready_failed_cancelled(void **state)
{
	struct live *l = *state;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port), peer;
	nw_connection_t c = tcp_client(&l->r, l->queue, port);

	peer = raw_accept(fd);
	await(&l->r, "ready");
	receive(c, &l->r, 'a', 1, 100);
	raw_reset(peer);
	await(&l->r, "failed(ECONNRESET)");
	finish(c, &l->r);
	assert_events(&l->r, "preparing ready a=-(ECONNRESET) failed(ECONNRESET) cancelled");
	close(fd);
}

static void live_listener_ready_cancelled(void **state)
{
	struct live *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	uint16_t port;
	nw_listener_t listener = new_listener(&l->r, l->queue, tcp, &port);

	finish_listener(listener, &l->r);
	assert_events(&l->r, "ready cancelled");
	nw_release(tcp);
}

/* A listener on the address and port, started. */
static nw_listener_t listen_on(struct live *l, const char *address, uint16_t port)
{
	nw_parameters_t tcp = tcp_parameters();
	char text[8];
	nw_endpoint_t local;
	nw_listener_t listener;

	snprintf(text, sizeof(text), "%u", port);
	local = nw_endpoint_create_host(address, text);
	nw_parameters_set_local_endpoint(tcp, local);
	listener = nw_listener_create(tcp);
	nw_listener_set_queue(listener, l->queue);
	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(listener, &l->r, on_connection, NULL);
	nw_listener_start(listener);
	nw_release(local);
	nw_release(tcp);
	return listener;
}

static void live_listener_failed_cancelled(void **state)
{
	struct live *l = *state;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port);
	nw_listener_t listener = listen_on(l, "127.0.0.1", port);

	await(&l->r, "failed(EADDRINUSE)");
	finish_listener(listener, &l->r);
	assert_events(&l->r, "failed(EADDRINUSE) cancelled");
	close(fd);
}

/* an address that this host does not have (RFC 5737): it may come, so the listener waits */
static void live_listener_waiting_cancelled(void **state)
{
	struct live *l = *state;
	nw_listener_t listener = listen_on(l, "192.0.2.77", 0);

	await(&l->r, "waiting(EADDRNOTAVAIL)");
	finish_listener(listener, &l->r);
	assert_events(&l->r, "waiting(EADDRNOTAVAIL) cancelled");
}

static void live_listener_setup_cancelled(void **state)
{
	struct live *l = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_listener_t listener = nw_listener_create(tcp);

	nw_listener_set_queue(listener, l->queue);
	nw_listener_set_state_changed_handler_f(listener, &l->r, on_listener_state, NULL);
	finish_listener(listener, &l->r);
	assert_events(&l->r, "cancelled");
	nw_release(tcp);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_setup, live_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* those that fork come before the library has threads */
		cmocka_unit_test(connection_matrix),
		cmocka_unit_test(listener_matrix),
		cmocka_unit_test(states_have_the_public_values),
		LIVE(live_preparing_ready_cancelled),
		LIVE(live_waiting_preparing_waiting_cancelled),
		LIVE(live_setup_cancelled),
		LIVE(live_preparing_cancelled),
		LIVE(live_preparing_failed_cancelled),
		LIVE(live_ready_failed_cancelled),
		LIVE(live_listener_ready_cancelled),
		LIVE(live_listener_failed_cancelled),
		LIVE(live_listener_waiting_cancelled),
		LIVE(live_listener_setup_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
