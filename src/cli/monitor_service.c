/*
 * What braidd knows and the kernel does not: the service of a connection, and what the daemon does.
 * Without a daemon nothing is known, and it is asked for again now and then: it may be started.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "cli/monitor_collect.h"
#include "control/client.h"

#define RETRY_NS (UINT64_C(5) * BRI_NS_PER_S)
#define ANSWER_NS                                                                                  \
	(UINT64_C(200) * BRI_NS_PER_MS) /* the view must not wait for a daemon that hangs */
#define METRICS_MAX     (1024 * 1024)   /* bytes: a daemon that never ends is not read for ever */
#define EVENTS_PER_LOOK 256u            /* what is over waits for the next look */

/* Two connections: a reply to LIST would drop the events that come in between. */
struct bri_services {
	struct bri_client list, watch;
	uint64_t retry_ns; /* not before */
};

int bri_services_new(struct bri_services **ret)
{
	struct bri_services *services = calloc(1, sizeof(*services));

	if (!services)
		return -ENOMEM;
	services->list.fd = services->watch.fd = -1;
	*ret = services;
	return 0;
}

static void close_both(struct bri_services *services, uint64_t now_ns)
{
	bri_client_close(&services->list);
	bri_client_close(&services->watch);
	services->list.fd = services->watch.fd = -1;
	services->retry_ns = now_ns + RETRY_NS;
}

void bri_services_free(struct bri_services *services)
{
	if (!services)
		return;
	close_both(services, 0);
	free(services);
}

static int start_watching(struct bri_services *services, uint64_t deadline_ns)
{
	struct bri_message message = { .type = BRI_MESSAGE_WATCH,
		.watch.what = BRI_MESSAGE_WATCH_CONNECTIONS | BRI_MESSAGE_WATCH_PATHS };
	int r = bri_client_call(&services->watch, &message, deadline_ns, &message);

	return r < 0 ? r : message.type == BRI_MESSAGE_ERROR ? -EPERM : 0;
}

static int open_both(struct bri_services *services, uint64_t now_ns)
{
	uint64_t deadline_ns = now_ns + ANSWER_NS;
	int r;

	if (services->list.fd >= 0)
		return 0;
	if (now_ns < services->retry_ns)
		return -EAGAIN;
	r = bri_client_open(NULL, deadline_ns, &services->list);
	if (r == 0)
		r = bri_client_open(NULL, deadline_ns, &services->watch);
	if (r == 0)
		r = start_watching(services, deadline_ns);
	if (r < 0)
		close_both(services, now_ns);
	return r;
}

static int on_entry(void *context, const struct bri_message *entry)
{
	struct bri_monitor_snapshot *snapshot = context;
	struct bri_monitor_connection *connection;
	size_t i;

	if (entry->type != BRI_MESSAGE_CONNECTION || entry->connection.token == 0)
		return 0;
	i = bri_monitor_snapshot_owner(snapshot, entry->connection.token, NULL, NULL);
	if (i == SIZE_MAX)
		return 0;
	connection = &snapshot->connections[i];
	snprintf(connection->service, sizeof(connection->service), "%s",
		bri_message_service_word(entry->connection.service));
	return 0;
}

void bri_services_fill(struct bri_services *services, struct bri_monitor_snapshot *snapshot)
{
	struct bri_message message = { .type = BRI_MESSAGE_LIST };
	uint64_t now_ns = bri_clock_now_ns();

	if (open_both(services, now_ns) < 0)
		return;
	if (bri_client_each(&services->list, &message, now_ns + ANSWER_NS, snapshot, on_entry,
		    &message) < 0)
		close_both(services, now_ns);
}

static int on_piece(void *context, const struct bri_message *entry)
{
	FILE *text = context;

	if (entry->type != BRI_MESSAGE_METRICS_PIECE)
		return -EBADMSG;
	if (ftell(text) > METRICS_MAX)
		return -E2BIG;
	fputs(entry->metrics.text, text);
	return 0;
}

/* Half of it would be a broken line: collected first. */
static int collect_metrics(FILE *text)
{
	uint64_t deadline_ns = bri_clock_now_ns() + ANSWER_NS;
	struct bri_message message = { .type = BRI_MESSAGE_METRICS };
	struct bri_client client;
	int r = bri_client_open(NULL, deadline_ns, &client);

	if (r < 0)
		return r;
	r = bri_client_each(&client, &message, deadline_ns, text, on_piece, &message);
	bri_client_close(&client);
	return r == 0 && message.type != BRI_MESSAGE_END ? -EOPNOTSUPP : r;
}

void bri_services_metrics(FILE *file)
{
	char *bytes = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&bytes, &size);
	int r;

	if (!text)
		return;
	r = collect_metrics(text);
	if (fclose(text) == 0 && r == 0)
		fwrite(bytes, 1, size, file);
	free(bytes);
}

/* Program and process of the event's connection, as far as the model knows it. */
static void put_connection(const struct bri_monitor_model *model, struct bri_monitor_event *event)
{
	for (size_t i = 0; event->token && i < model->n_tracks; i++) {
		const struct bri_monitor_connection *now = &model->tracks[i].now;

		if (now->token != event->token)
			continue;
		event->pid = now->pid;
		event->local = now->local;
		event->remote = now->remote;
		memcpy(event->program, now->program, sizeof(event->program));
		return;
	}
}

void bri_services_events(struct bri_services *services, struct bri_monitor_model *model)
{
	int r = 0;

	if (services->watch.fd < 0)
		return;
	for (unsigned n = 0; n < EVENTS_PER_LOOK && r == 0; n++) {
		struct bri_monitor_event event = { .kind = BRI_MONITOR_DAEMON };
		struct bri_message message;

		r = bri_client_receive(&services->watch, 0, &message);
		if (r == -EOPNOTSUPP) /* a newer daemon's: not for us */
			r = 0;
		else if (r == 0 && message.type == BRI_MESSAGE_EVENT) {
			event.wall_ns = message.event.time_ns;
			event.token = message.event.token;
			snprintf(event.text, sizeof(event.text), "%s", message.event.text);
			put_connection(model, &event);
			bri_monitor_model_note(model, &event);
		}
	}
	if (r < 0 && r != -EAGAIN)
		close_both(services, bri_clock_now_ns());
}
