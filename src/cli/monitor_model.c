/*
 * What several looks in a row mean: rates, history, events. Two sorted lists are merged, the last
 * look's and this one's. Does no I/O, reads no clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/monitor.h"

#define STATE_ESTABLISHED 1

/* The new state under construction; taken over at the end, so that failing changes nothing. */
struct merge {
	struct bri_monitor_model *model;
	const struct bri_monitor_snapshot *snapshot;
	bool first; /* look: nothing is news */
	uint64_t interval_ns;
	size_t n_tracks, n_paths;
	struct bri_monitor_track *tracks;
	struct bri_monitor_path *paths;
};

int bri_monitor_model_init(struct bri_monitor_model *model)
{
	memset(model, 0, sizeof(*model));
	model->complete = true;
	model->events = calloc(BRI_MONITOR_MAX_EVENTS, sizeof(*model->events));
	return model->events ? 0 : -ENOMEM;
}

void bri_monitor_model_fini(struct bri_monitor_model *model)
{
	free(model->tracks);
	free(model->paths);
	free(model->order);
	free(model->events);
	memset(model, 0, sizeof(*model));
}

void bri_monitor_model_note(struct bri_monitor_model *model, const struct bri_monitor_event *event)
{
	model->events[model->n_events++ % BRI_MONITOR_MAX_EVENTS] = *event;
	model->n_noted++;
}

const struct bri_monitor_event *bri_monitor_model_event(
	const struct bri_monitor_model *model, uint64_t i)
{
	if (i >= model->n_events || model->n_events - i > BRI_MONITOR_MAX_EVENTS)
		return NULL;
	return &model->events[i % BRI_MONITOR_MAX_EVENTS];
}

/* ---- events ---- */

static struct bri_monitor_event *add_event(struct merge *merge, enum bri_monitor_kind kind,
	const struct bri_monitor_track *track, const struct bri_monitor_path *path)
{
	struct bri_monitor_model *model = merge->model;
	struct bri_monitor_event *event =
		&model->events[model->n_events++ % BRI_MONITOR_MAX_EVENTS];

	*event = (struct bri_monitor_event) {
		.wall_ns = merge->snapshot->wall_ns,
		.kind = kind,
		.token = track->now.token,
		.pid = track->now.pid,
		.local = path ? path->now.local : track->now.local,
		.remote = path ? path->now.remote : track->now.remote,
		.tx_bytes = path ? path->now.tx_bytes : track->tx_bytes,
		.rx_bytes = path ? path->now.rx_bytes : track->rx_bytes,
	};
	memcpy(event->program, track->now.program, sizeof(event->program));
	if (path)
		memcpy(event->interface, path->now.interface, sizeof(event->interface));
	return event;
}

static bool is_backup(const struct bri_monitor_subflow *subflow)
{
	return subflow->backup_local || subflow->backup_remote;
}

/* ---- numbers ---- */

/* Counters only grow; one that did not is another's, or the kernel's for a closing socket. */
static uint64_t grown(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

/* bytes / seconds without overflow: 10^10 bytes a second for 300 s fit, more is capped */
static uint64_t rate(uint64_t bytes, uint64_t interval_ns)
{
	uint64_t us = interval_ns / BRI_NS_PER_US;

	if (us == 0)
		return 0;
	return bytes > UINT64_MAX / 1000000 ? UINT64_MAX / us : bytes * 1000000 / us;
}

static void push(struct bri_monitor_path *path)
{
	memmove(path->history, path->history + 1, sizeof(path->history) - sizeof(*path->history));
	path->history[BRI_MONITOR_HISTORY - 1] =
		(uint32_t)bri_min_u64(path->tx_rate + path->rx_rate, UINT32_MAX);
}

/* ---- subflows ---- */

static void go_on(struct merge *merge, const struct bri_monitor_track *track,
	const struct bri_monitor_path *before, const struct bri_monitor_subflow *now)
{
	struct bri_monitor_path *path = &merge->paths[merge->n_paths++];
	uint64_t tx = grown(before->now.tx_bytes, now->tx_bytes);
	uint64_t rx = grown(before->now.rx_bytes, now->rx_bytes);

	*path = *before;
	path->now = *now;
	/* an address that was removed tells no interface any more */
	if (!*now->interface)
		memcpy(path->now.interface, before->now.interface, sizeof(path->now.interface));
	path->tx_rate = rate(tx, merge->interval_ns);
	path->rx_rate = rate(rx, merge->interval_ns);
	push(path);
	if (is_backup(now) != is_backup(&before->now))
		add_event(merge, is_backup(now) ? BRI_MONITOR_BACKUP : BRI_MONITOR_REGULAR, track,
			path);
	if (!path->stalled && now->timeouts >= BRI_MONITOR_STALL_TIMEOUTS) {
		path->stalled = true;
		add_event(merge, BRI_MONITOR_STALLED, track, path);
	} else if (path->stalled && now->timeouts == 0) {
		path->stalled = false;
		add_event(merge, BRI_MONITOR_RECOVERED, track, path);
	}
}

/* Not seen, but the look was not complete: as it was, as far as we know. */
static void carry_path(struct merge *merge, const struct bri_monitor_path *before)
{
	struct bri_monitor_path *path = &merge->paths[merge->n_paths++];

	*path = *before;
	path->tx_rate = path->rx_rate = 0;
}

/* fresh: the connection is new as well; the subflow it was opened with is no news of its own */
static void begin_path(struct merge *merge, const struct bri_monitor_track *track,
	const struct bri_monitor_subflow *now, bool fresh)
{
	struct bri_monitor_path *path = &merge->paths[merge->n_paths++];
	struct bri_monitor_event *event;

	*path = (struct bri_monitor_path) { .now = *now };
	if (merge->first) {
		path->stalled = now->timeouts >= BRI_MONITOR_STALL_TIMEOUTS;
		return;
	}
	/* all it has carried, it carried since the last look */
	path->tx_rate = rate(now->tx_bytes, merge->interval_ns);
	path->rx_rate = rate(now->rx_bytes, merge->interval_ns);
	push(path);
	event = add_event(merge, BRI_MONITOR_ADDED, track, path);
	event->implied = fresh && bri_monitor_addr_compare(&now->local, &track->now.local) == 0 &&
			 bri_monitor_addr_compare(&now->remote, &track->now.remote) == 0;
	if (is_backup(now))
		add_event(merge, BRI_MONITOR_BACKUP, track, path)->implied = true;
}

static int by_cookie(const void *a, const void *b)
{
	const struct bri_monitor_path *x = a, *y = b;

	return (x->now.cookie > y->now.cookie) - (x->now.cookie < y->now.cookie);
}

/* As people see them: the initial subflow first, and always in the same order. */
static int by_id(const void *a, const void *b)
{
	const struct bri_monitor_path *x = a, *y = b;

	if (x->now.local_id != y->now.local_id)
		return x->now.local_id < y->now.local_id ? -1 : 1;
	if (x->now.remote_id != y->now.remote_id)
		return x->now.remote_id < y->now.remote_id ? -1 : 1;
	return by_cookie(a, b);
}

/* The subflows of one connection: those of before and those of now, both by cookie. */
static void merge_paths(struct merge *merge, struct bri_monitor_track *track,
	const struct bri_monitor_track *before, const struct bri_monitor_subflow *now, size_t n_now)
{
	struct bri_monitor_path *old =
		before && before->n_paths ? &merge->model->paths[before->first_path] : NULL;
	size_t i = 0, j = 0, n_old = old ? before->n_paths : 0;

	track->first_path = merge->n_paths;
	if (n_old > 1)
		qsort(old, n_old, sizeof(*old), by_cookie);
	while (i < n_old || j < n_now) {
		if (j == n_now || (i < n_old && old[i].now.cookie < now[j].cookie)) {
			if (merge->snapshot->complete)
				add_event(merge, BRI_MONITOR_REMOVED, track, &old[i]);
			else if (merge->n_paths < 2 * BRI_MONITOR_MAX_SUBFLOWS)
				carry_path(merge, &old[i]);
			i++;
		} else if (i == n_old || now[j].cookie < old[i].now.cookie) {
			begin_path(merge, track, &now[j++], !before);
		} else {
			go_on(merge, track, &old[i++], &now[j++]);
		}
	}
	track->n_paths = merge->n_paths - track->first_path;
	if (track->n_paths > 1)
		qsort(&merge->paths[track->first_path], track->n_paths, sizeof(*merge->paths),
			by_id);
}

/* ---- connections ---- */

static uint64_t sum_bytes(const struct bri_monitor_subflow *list, size_t n, bool tx)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += tx ? list[i].tx_bytes : list[i].rx_bytes;
	return sum;
}

/* Kernels before 6.5 count no bytes of a connection: those of the subflows that are still there. */
static void count(struct merge *merge, struct bri_monitor_track *track,
	const struct bri_monitor_track *before, const struct bri_monitor_subflow *list, size_t n)
{
	const struct bri_monitor_connection *now = &track->now;
	/* one that fell back counts nothing: it does not see the data */
	bool own = now->has_bytes && !now->fallback;

	track->tx_bytes = own ? now->tx_bytes : sum_bytes(list, n, true);
	track->rx_bytes = own ? now->rx_bytes : sum_bytes(list, n, false);
	if (before || !merge->first) {
		track->tx_rate = rate(
			grown(before ? before->tx_bytes : 0, track->tx_bytes), merge->interval_ns);
		track->rx_rate = rate(
			grown(before ? before->rx_bytes : 0, track->rx_bytes), merge->interval_ns);
	}
	track->weight =
		(before ? before->weight / 4 * 3 : 0) + track->tx_rate / 4 + track->rx_rate / 4;
}

static void keep_names(
	struct bri_monitor_connection *now, const struct bri_monitor_connection *before)
{
	/* a socket that its program has closed has no inode to search for */
	if (!*now->program && now->pid == 0) {
		now->pid = before->pid;
		memcpy(now->program, before->program, sizeof(now->program));
	}
	if (!*now->service)
		memcpy(now->service, before->service, sizeof(now->service));
}

/* before: NULL when it is new. list: its subflows now. */
static void take_track(struct merge *merge, const struct bri_monitor_track *before,
	const struct bri_monitor_connection *now, const struct bri_monitor_subflow *list, size_t n)
{
	struct bri_monitor_track *track = &merge->tracks[merge->n_tracks++];

	*track = (struct bri_monitor_track) {
		.now = *now,
		.first_ns = before ? before->first_ns : merge->snapshot->now_ns,
		.older = before ? before->older : merge->first,
	};
	if (before)
		keep_names(&track->now, &before->now);
	count(merge, track, before, list, n);
	if (!before && !merge->first)
		add_event(merge, BRI_MONITOR_OPENED, track, NULL);
	if (before && now->fallback && !before->now.fallback)
		add_event(merge, BRI_MONITOR_FELL_BACK, track, NULL);
	merge_paths(merge, track, before, list, n);
}

static void lose_track(struct merge *merge, const struct bri_monitor_track *before)
{
	struct bri_monitor_track *track;

	if (merge->snapshot->complete) {
		for (size_t i = 0; i < before->n_paths; i++)
			add_event(merge, BRI_MONITOR_REMOVED, before,
				&merge->model->paths[before->first_path + i])
				->implied = true;
		add_event(merge, BRI_MONITOR_CLOSED, before, NULL);
		return;
	}
	if (merge->n_tracks >= 2 * BRI_MONITOR_MAX_CONNECTIONS)
		return;
	track = &merge->tracks[merge->n_tracks++];
	*track = *before;
	track->tx_rate = track->rx_rate = 0;
	track->first_path = merge->n_paths;
	for (size_t i = 0; i < before->n_paths; i++)
		carry_path(merge, &merge->model->paths[before->first_path + i]);
}

static void merge_tracks(struct merge *merge)
{
	const struct bri_monitor_model *model = merge->model;
	const struct bri_monitor_snapshot *snapshot = merge->snapshot;
	size_t i = 0, j = 0, at = 0;

	while (i < model->n_tracks || j < snapshot->n_connections) {
		const struct bri_monitor_track *old = &model->tracks[i];
		const struct bri_monitor_connection *now = &snapshot->connections[j];
		size_t from = at;

		if (j == snapshot->n_connections ||
			(i < model->n_tracks && old->now.cookie < now->cookie)) {
			lose_track(merge, old);
			i++;
			continue;
		}
		while (at < snapshot->n_subflows && snapshot->subflows[at].owner == j)
			at++;
		if (i == model->n_tracks || now->cookie < old->now.cookie)
			old = NULL;
		else
			i++;
		take_track(merge, old, now, &snapshot->subflows[from], at - from);
		j++;
	}
}

static int by_owner(const void *a, const void *b)
{
	const struct bri_monitor_subflow *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

static void sort_subflows(struct bri_monitor_snapshot *snapshot)
{
	struct bri_monitor_subflow *list = snapshot->subflows;
	size_t kept = 0;

	if (snapshot->n_subflows == 0)
		return;
	qsort(list, snapshot->n_subflows, sizeof(*list), by_owner);
	for (size_t i = 0; i < snapshot->n_subflows; i++)
		if (list[i].owner < snapshot->n_connections &&
			(kept == 0 || list[kept - 1].cookie != list[i].cookie))
			list[kept++] = list[i];
	snapshot->n_subflows = kept;
}

static int by_weight(const void *a, const void *b, void *context)
{
	const struct bri_monitor_track *list = context, *x, *y;

	x = &list[*(const size_t *)a];
	y = &list[*(const size_t *)b];
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	return (x->now.cookie > y->now.cookie) - (x->now.cookie < y->now.cookie);
}

int bri_monitor_model_update(struct bri_monitor_model *model, struct bri_monitor_snapshot *snapshot)
{
	struct merge merge = { .model = model, .snapshot = snapshot, .first = model->looks == 0 };
	/* what is carried over an incomplete look stays besides all of this one */
	size_t max_tracks = snapshot->n_connections + model->n_tracks;
	size_t max_paths = snapshot->n_subflows + model->n_paths;
	size_t *order;

	merge.tracks = calloc(max_tracks + 1, sizeof(*merge.tracks));
	merge.paths = calloc(max_paths + 1, sizeof(*merge.paths));
	order = calloc(max_tracks + 1, sizeof(*order));
	if (!merge.tracks || !merge.paths || !order) {
		free(merge.tracks);
		free(merge.paths);
		free(order);
		return -ENOMEM;
	}
	merge.interval_ns = merge.first ? 0 : grown(model->now_ns, snapshot->now_ns);
	model->n_before = model->n_events - model->n_noted;
	model->n_noted = 0;
	sort_subflows(snapshot);
	merge_tracks(&merge);
	for (size_t i = 0; i < merge.n_tracks; i++)
		order[i] = i;
	qsort_r(order, merge.n_tracks, sizeof(*order), by_weight, merge.tracks);

	free(model->tracks);
	free(model->paths);
	free(model->order);
	model->tracks = merge.tracks;
	model->paths = merge.paths;
	model->order = order;
	model->n_tracks = merge.n_tracks;
	model->n_paths = merge.n_paths;
	model->now_ns = snapshot->now_ns;
	model->wall_ns = snapshot->wall_ns;
	model->interval_ns = merge.interval_ns;
	model->complete = snapshot->complete;
	model->cut = snapshot->cut;
	model->looks++;
	return 0;
}
