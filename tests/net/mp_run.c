/* See mp_run.h. */
#include "mp_run.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define LISTEN_MS 5000

struct mp_shared *mp_shared_new(void)
{
	struct mp_shared *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

void mp_shared_reset(struct mp_shared *shared)
{
	memset(shared, 0, sizeof(*shared));
	memcpy(shared->address, BRI_LAB_SERVICE4, sizeof(BRI_LAB_SERVICE4));
	shared->connections = 1;
	shared->limit_ms = 30000;
	shared->specs[0].seed = 1;
}

bool mp_wait64(const _Atomic uint64_t *value, uint64_t at_least, uint32_t timeout_ms)
{
	uint64_t until_ns = mp_now_ns() + timeout_ms * NSEC_PER_MSEC;

	while (atomic_load(value) < at_least) {
		if (mp_now_ns() > until_ns)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

bool mp_wait32(const _Atomic uint32_t *value, uint32_t at_least, uint32_t timeout_ms)
{
	uint64_t until_ns = mp_now_ns() + timeout_ms * NSEC_PER_MSEC;

	while (atomic_load(value) < at_least) {
		if (mp_now_ns() > until_ns)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

bool mp_wait_state(const struct mp_end *end, nw_connection_state_t state, uint32_t timeout_ms)
{
	uint64_t until_ns = mp_now_ns() + timeout_ms * NSEC_PER_MSEC;

	while (atomic_load(&end->state) != (int)state) {
		if (mp_now_ns() > until_ns)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

int mp_start_server(struct mp_run *run)
{
	int r = bri_lab_fork(run->lab, BRI_LAB_SERVER, mp_serve, run->shared, &run->server);

	if (r == 0 && !mp_wait32(&run->shared->port, 1, LISTEN_MS))
		r = -ETIMEDOUT;
	return r;
}

int mp_start_client(struct mp_run *run)
{
	return bri_lab_fork(run->lab, BRI_LAB_CLIENT, mp_connect, run->shared, &run->client);
}

void mp_kill(struct mp_run *run)
{
	pid_t *pids[] = { &run->client, &run->server };

	for (int i = 0; i < 2; i++) {
		if (*pids[i] > 0) {
			kill(*pids[i], SIGKILL);
			(void)bri_lab_wait(run->lab, *pids[i], 0);
		}
		*pids[i] = 0;
	}
}

bool mp_finish(struct mp_run *run, uint32_t timeout_ms, char *why, size_t why_size)
{
	uint64_t until_ns = mp_now_ns() + timeout_ms * NSEC_PER_MSEC;
	pid_t *pids[] = { &run->client, &run->server };
	bool good = true;

	for (int i = 0; i < 2; i++) {
		uint64_t now = mp_now_ns();
		uint32_t left = now < until_ns ? (uint32_t)((until_ns - now) / NSEC_PER_MSEC) : 0;
		int r = *pids[i] > 0 ? bri_lab_wait(run->lab, *pids[i], left + 1) : 0;

		*pids[i] = 0;
		if (r == 0 || !good)
			continue;
		good = false;
		if (r < 0)
			snprintf(
				why, why_size, "the %s: %s", i ? "server" : "client", strerror(-r));
		else
			snprintf(why, why_size, "the %s ended with %d%s", i ? "server" : "client",
				r, r == 3 ? " (not done in time)" : "");
	}
	return good;
}

const struct mp_end *mp_server_of(const struct mp_shared *shared, uint32_t connection)
{
	for (uint32_t i = 0; i < shared->accepted && i < MP_CONNECTIONS_MAX; i++) {
		if (shared->server[i].index == connection && shared->server[i].reason)
			return &shared->server[i];
	}
	return NULL;
}

static bool check_way(const char *name, const struct mp_way *from, const struct mp_way *to,
	uint64_t total, char *why, size_t why_size)
{
	if (to->wrong) {
		snprintf(why, why_size, "%s: byte %" PRIu64 " is wrong", name, to->wrong - 1);
		return false;
	}
	if (from->bytes != total || to->bytes != total || !from->ended || !to->ended) {
		snprintf(why, why_size,
			"%s: %" PRIu64 " of %" PRIu64 " bytes sent%s, %" PRIu64 " received%s", name,
			from->bytes, total, from->ended ? "" : ", no end", to->bytes,
			to->ended ? "" : ", no end");
		return false;
	}
	if (from->hash != to->hash) {
		snprintf(why, why_size, "%s: the hashes differ", name);
		return false;
	}
	return true;
}

static bool check_end(const char *name, const struct mp_end *end, char *why, size_t why_size)
{
	if (end->error)
		snprintf(why, why_size, "%s: %s", name, strerror(end->error));
	else if (!end->over || end->cancelled != 1)
		snprintf(why, why_size, "%s: state %d, cancelled came %" PRIu32 " times", name,
			end->state, end->cancelled);
	else if (end->late)
		snprintf(why, why_size, "%s: %" PRIu32 " events after cancelled", name, end->late);
	else if (end->issued != end->completed || end->destroyed != end->issued + MP_HANDLERS)
		snprintf(why, why_size,
			"%s: %" PRIu32 " sends and receives, %" PRIu32 " completed, %" PRIu32
			" contexts destroyed of %" PRIu32,
			name, end->issued, end->completed, end->destroyed,
			end->issued + MP_HANDLERS);
	else
		return true;
	return false;
}

bool mp_check(const struct mp_shared *shared, uint32_t connection, char *why, size_t why_size)
{
	const struct mp_end *client = &shared->client[connection];
	const struct mp_end *server = mp_server_of(shared, connection);
	const struct mp_spec *spec = &shared->specs[connection];

	if (!server) {
		snprintf(why, why_size, "the server never had it (client: state %d, %s)",
			client->state, strerror(client->error));
		return false;
	}
	return check_end("client", client, why, why_size) &&
	       check_end("server", server, why, why_size) &&
	       check_way("up", &client->out, &server->in, spec->up, why, why_size) &&
	       check_way("down", &server->out, &client->in, spec->down, why, why_size);
}

const struct braid_subflow *mp_subflow_on(const struct mp_subflows *list, const char *interface)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (!strcmp(list->list[i].if_name, interface))
			return &list->list[i];
	}
	return NULL;
}

const struct mp_report_path *mp_report_on(const struct mp_report *report, const char *interface)
{
	for (uint32_t i = 0; i < report->path_count && i < MP_PATHS_MAX; i++) {
		if (!strcmp(report->paths[i].interface, interface))
			return &report->paths[i];
	}
	return NULL;
}
