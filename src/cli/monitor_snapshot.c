/* One look of `braid monitor`: connections, and which of them a TCP socket belongs to. Does no I/O.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/monitor.h"

#define FIRST_ALLOCATION 64u

void bri_monitor_snapshot_clear(struct bri_monitor_snapshot *snapshot)
{
	snapshot->now_ns = snapshot->wall_ns = 0;
	snapshot->complete = true;
	snapshot->cut = false;
	snapshot->n_connections = snapshot->n_subflows = snapshot->n_fallback = 0;
}

void bri_monitor_snapshot_fini(struct bri_monitor_snapshot *snapshot)
{
	free(snapshot->connections);
	free(snapshot->subflows);
	free(snapshot->by_token);
	free(snapshot->by_addresses);
	memset(snapshot, 0, sizeof(*snapshot));
}

/* Room for one more element. */
static int grow(void *array, size_t n, size_t *max, size_t size)
{
	size_t wanted = *max ? *max * 2 : FIRST_ALLOCATION;
	void **at = array, *bigger;

	if (n < *max)
		return 0;
	bigger = reallocarray(*at, wanted, size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	*max = wanted;
	return 0;
}

int bri_monitor_snapshot_add(
	struct bri_monitor_snapshot *snapshot, const struct bri_monitor_connection *connection)
{
	if (snapshot->n_connections >= BRI_MONITOR_MAX_CONNECTIONS) {
		snapshot->cut = true;
		return 0;
	}
	if (grow(&snapshot->connections, snapshot->n_connections, &snapshot->max_connections,
		    sizeof(*connection)) < 0)
		return -ENOMEM;
	snapshot->connections[snapshot->n_connections++] = *connection;
	return 0;
}

int bri_monitor_snapshot_add_subflow(
	struct bri_monitor_snapshot *snapshot, const struct bri_monitor_subflow *subflow)
{
	if (snapshot->n_subflows >= BRI_MONITOR_MAX_SUBFLOWS) {
		snapshot->cut = true;
		return 0;
	}
	if (grow(&snapshot->subflows, snapshot->n_subflows, &snapshot->max_subflows,
		    sizeof(*subflow)) < 0)
		return -ENOMEM;
	snapshot->subflows[snapshot->n_subflows++] = *subflow;
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int bri_monitor_addr_compare(const struct bri_monitor_addr *a, const struct bri_monitor_addr *b)
{
	int r = compare(a->port, b->port);

	if (r == 0)
		r = compare(a->ip.family, b->ip.family);
	return r ? r : memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));
}

static int compare_addresses(const struct bri_monitor_addr *local_a,
	const struct bri_monitor_addr *remote_a, const struct bri_monitor_addr *local_b,
	const struct bri_monitor_addr *remote_b)
{
	int r = bri_monitor_addr_compare(remote_a, remote_b);

	return r ? r : bri_monitor_addr_compare(local_a, local_b);
}

static int by_cookie(const void *a, const void *b)
{
	const struct bri_monitor_connection *x = a, *y = b;

	return compare(x->cookie, y->cookie);
}

static int by_token(const void *a, const void *b, void *context)
{
	const struct bri_monitor_connection *list = context;
	const size_t *x = a, *y = b;

	return compare(list[*x].token, list[*y].token);
}

static int by_addresses(const void *a, const void *b, void *context)
{
	const struct bri_monitor_connection *list = context, *x, *y;

	x = &list[*(const size_t *)a];
	y = &list[*(const size_t *)b];
	return compare_addresses(&x->local, &x->remote, &y->local, &y->remote);
}

static void drop_doubles(struct bri_monitor_snapshot *snapshot)
{
	struct bri_monitor_connection *list = snapshot->connections;
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->n_connections; i++)
		if (kept == 0 || list[kept - 1].cookie != list[i].cookie)
			list[kept++] = list[i];
	snapshot->n_connections = kept;
}

static int index_alloc(size_t **array, size_t n)
{
	size_t *bigger = reallocarray(*array, n, sizeof(**array));

	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	return 0;
}

int bri_monitor_snapshot_seal(struct bri_monitor_snapshot *snapshot)
{
	struct bri_monitor_connection *list = snapshot->connections;
	size_t n = snapshot->n_connections;

	snapshot->n_fallback = 0;
	if (n == 0)
		return 0;
	if (index_alloc(&snapshot->by_token, n) < 0 || index_alloc(&snapshot->by_addresses, n) < 0)
		return -ENOMEM;
	qsort(list, n, sizeof(*list), by_cookie);
	drop_doubles(snapshot);
	n = snapshot->n_connections;
	for (size_t i = 0; i < n; i++) {
		snapshot->by_token[i] = i;
		if (list[i].fallback)
			snapshot->by_addresses[snapshot->n_fallback++] = i;
	}
	qsort_r(snapshot->by_token, n, sizeof(size_t), by_token, list);
	qsort_r(snapshot->by_addresses, snapshot->n_fallback, sizeof(size_t), by_addresses, list);
	return 0;
}

static size_t find_token(const struct bri_monitor_snapshot *snapshot, uint32_t token)
{
	size_t low = 0, high = snapshot->n_connections;

	while (low < high) {
		size_t middle = low + (high - low) / 2, i = snapshot->by_token[middle];

		if (snapshot->connections[i].token == token)
			return i;
		if (snapshot->connections[i].token < token)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

size_t bri_monitor_snapshot_owner(const struct bri_monitor_snapshot *snapshot, uint32_t token,
	const struct bri_monitor_addr *local, const struct bri_monitor_addr *remote)
{
	size_t low = 0, high = snapshot->n_fallback;

	if (token != 0)
		return find_token(snapshot, token);
	while (low < high) {
		size_t middle = low + (high - low) / 2, i = snapshot->by_addresses[middle];
		const struct bri_monitor_connection *c = &snapshot->connections[i];
		int r = compare_addresses(&c->local, &c->remote, local, remote);

		if (r == 0)
			return i;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}
