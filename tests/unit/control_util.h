/* What the tests of the control server share: a server with a daemon made of numbers, and clients.
 */
#ifndef CONTROL_UTIL_H
#define CONTROL_UTIL_H

#include "dispatch_test_util.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "control/client.h"
#include "daemon/control_server.h"

#define OTHER_UID 4242u

struct fixture {
	dispatch_queue_t queue;
	char dir[64], path[96];
	struct bri_control_server *server;
	struct bri_control_limits limits;
	/* the daemon: connections 1..n_list belong to `owner`, every third to OTHER_UID */
	uint32_t n_list, owner;
	uint32_t claimed[64], released[64];
	int n_claimed, n_released;
	struct bri_message_claim last_claim;
	struct bri_message_set last_set;
	struct bri_message_set_socket last_set_socket;
	struct bri_control_who last_who;
	bool event_in_release;
	sem_t on_release;
};

static struct fixture fx;

static inline void do_status(void *context, struct bri_message_status *ret)
{
	struct fixture *f = context;

	*ret = (struct bri_message_status) { .version = "9.9",
		.mode = BRI_MESSAGE_MODE_USERSPACE,
		.default_service = 1,
		.n_connections = f->n_list,
		.uptime_s = 5 };
}

static inline int do_claim(void *context, const struct bri_control_who *who,
	const struct bri_message_claim *claim, char why[static BRI_MESSAGE_TEXT_MAX])
{
	struct fixture *f = context;

	if (claim->token == 666)
		return -EPERM;
	if (claim->token == 667) {
		snprintf(why, BRI_MESSAGE_TEXT_MAX, "no 667 here");
		return -ENOENT;
	}
	f->last_claim = *claim;
	f->last_who = *who;
	f->claimed[f->n_claimed++ % 64] = claim->token;
	return 0;
}

static inline void do_release(void *context, uint32_t token)
{
	struct fixture *f = context;
	struct bri_message_event event = { .kind = BRI_MESSAGE_EVENT_NOTE, .text = "released" };

	f->released[f->n_released++ % 64] = token;
	if (f->event_in_release) /* from inside the end of a client */
		bri_control_server_event(f->server, &event);
	sem_post(&f->on_release);
}

static inline int do_set(void *context, const struct bri_control_who *who,
	const struct bri_message_set *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	struct fixture *f = context;

	(void)why;
	f->last_set = *set;
	f->last_who = *who;
	if (set->pid == 1)
		return -EOPNOTSUPP;
	*ret_count = set->pid ? 3 : 1;
	return 0;
}

static inline int do_set_socket(void *context, const struct bri_control_who *who,
	const struct bri_message_set_socket *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	struct fixture *f = context;

	(void)why;
	f->last_set_socket = *set;
	f->last_who = *who;
	if (set->cookie == 1)
		return -EDQUOT;
	*ret_count = 0;
	return 0;
}

static inline int do_paths(void *context, uint64_t *cursor, struct bri_message_path *ret)
{
	(void)context;
	if (*cursor == 2)
		return -EIO; /* a list that breaks off */
	(*cursor)++;
	*ret = (struct bri_message_path) { .ifindex = (uint32_t)*cursor, .name = "eth0" };
	return 1;
}

static inline int do_list(void *context, uint64_t *cursor, struct bri_message_connection *ret)
{
	struct fixture *f = context;

	if (*cursor == f->n_list)
		return 0;
	(*cursor)++;
	ret->token = (uint32_t)*cursor;
	ret->uid = *cursor % 3 == 0 ? OTHER_UID : f->owner;
	ret->n_subflows = BRI_MESSAGE_MAX_SUBFLOWS; /* large ones */
	return 1;
}

static inline int do_metrics(void *context, uint64_t *cursor, struct bri_message_metrics_piece *ret)
{
	(void)context;
	if (*cursor == 3)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "braid_piece %u\n", (unsigned)(*cursor)++);
	return 1;
}

static inline void start(void *context)
{
	struct fixture *f = context;
	const struct bri_control_ops ops = { f, do_status, do_claim, do_release, do_set,
		do_set_socket, do_paths, do_list, do_metrics };
	struct bri_control_socket sock;
	char why[200] = "";

	assert_int_equal(bri_control_socket_open(f->path, why, sizeof(why), &sock), 0);
	assert_int_equal(bri_control_server_new(f->queue, &sock, &f->limits, &ops, &f->server), 0);
	assert_int_equal(sock.fd, -1);
}

static inline void stop(void *context)
{
	struct fixture *f = context;

	bri_control_server_free(f->server);
	f->server = NULL;
}

static inline int setup(void **state)
{
	memset(&fx, 0, sizeof(fx));
	sem_init(&fx.on_release, 0, 0);
	snprintf(fx.dir, sizeof(fx.dir), "/tmp/braid-control-XXXXXX");
	assert_non_null(mkdtemp(fx.dir));
	chmod(fx.dir, 0755);
	/* the directory of the socket is made, too */
	snprintf(fx.path, sizeof(fx.path), "%s/run/s", fx.dir);
	fx.limits = bri_control_limits_default;
	fx.owner = getuid();
	fx.queue = dispatch_queue_create("control", NULL);
	*state = &fx;
	return 0;
}

static inline int teardown(void **state)
{
	char path[128];

	(void)state;
	dispatch_sync_f(fx.queue, &fx, stop);
	assert_int_equal(access(fx.path, F_OK), -1); /* the file is gone */
	snprintf(path, sizeof(path), "%s.lock", fx.path);
	unlink(path);
	snprintf(path, sizeof(path), "%s/run", fx.dir);
	rmdir(path);
	assert_int_equal(rmdir(fx.dir), 0);
	dispatch_release(fx.queue);
	return 0;
}

static inline void begin(void)
{
	dispatch_sync_f(fx.queue, &fx, start);
}

static inline uint64_t soon(void)
{
	return bri_clock_now_ns() + WAIT_S * BRI_NS_PER_S;
}

static inline struct bri_client open_client(void)
{
	struct bri_client client;

	assert_int_equal(bri_client_open(fx.path, soon(), &client), 0);
	return client;
}

static inline struct bri_message call(struct bri_client *client, struct bri_message m)
{
	struct bri_message reply;

	assert_int_equal(bri_client_call(client, &m, soon(), &reply), 0);
	return reply;
}

static inline struct bri_message ask(struct bri_client *client, uint16_t type)
{
	return call(client, (struct bri_message) { .type = type });
}

static inline struct bri_message claim(struct bri_client *client, uint32_t token)
{
	return call(client,
		(struct bri_message) { .type = BRI_MESSAGE_CLAIM, .claim = { .token = token } });
}

static inline void expect_error(const struct bri_message *reply, int error, const char *words)
{
	assert_int_equal(reply->type, BRI_MESSAGE_ERROR);
	assert_int_equal(reply->error.error, error);
	assert_non_null(strstr(reply->error.text, words));
}

static inline void expect_closed(struct bri_client *client)
{
	struct bri_message m;

	assert_int_equal(bri_client_receive(client, soon(), &m), -EPIPE);
	bri_client_close(client);
}

static inline void get_counts(void *context)
{
	bri_control_server_counts(fx.server, context);
}

static inline struct bri_control_counts counts(void)
{
	struct bri_control_counts c;

	dispatch_sync_f(fx.queue, &c, get_counts);
	return c;
}

static inline void tell(void *context)
{
	bri_control_server_event(fx.server, context);
}

static inline void event(uint8_t kind, uint32_t token, uint32_t uid)
{
	struct bri_message_event e = { .time_ns = 1, .kind = kind, .token = token, .uid = uid };

	dispatch_sync_f(fx.queue, &e, tell);
}

static inline void watch(struct bri_client *client, uint8_t what)
{
	struct bri_message m =
		call(client, (struct bri_message) { .type = BRI_MESSAGE_WATCH, .watch = { what } });

	assert_int_equal(m.type, BRI_MESSAGE_OK);
}

/* The next message must be this event. */
static inline void expect_event(struct bri_client *client, uint8_t kind, uint32_t token)
{
	struct bri_message m;

	assert_int_equal(bri_client_receive(client, soon(), &m), 0);
	assert_int_equal(m.type, BRI_MESSAGE_EVENT);
	assert_int_equal(m.id, 0);
	assert_int_equal(m.event.kind, kind);
	assert_int_equal(m.event.token, token);
}

/* Run as another user in a child process: exit code is the number of what went wrong. */
static inline int as_other_user(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0 ? 100 : run());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

#define server_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
