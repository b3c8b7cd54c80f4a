/*
 * `braid check --listen`: a small HTTP/1.1 responder on a listener of the public API, that tells
 * each visitor whether they came by Multipath TCP. One serial queue runs all of it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/list.h"
#include "cli/check.h"
#include "cli/http_request.h"
#include "cli/net.h"

#define MAX_CLIENTS       256 /* 11 KB each: at most 3 MB */
#define CLIENT_TIMEOUT_NS (10 * BRI_NS_PER_S)
#define DISCARD_MAX       (64 * 1024) /* what a visitor may send after the request */
#define RECEIVE_MAX       4096

struct server {
	dispatch_queue_t queue;
	dispatch_semaphore_t done;
	dispatch_source_t sigint, sigterm;
	nw_listener_t listener;
	struct bri_list clients;
	size_t n_clients;
	bool stopping, listener_gone, told_done, ticking;
	int code;
	char address[BRI_CLI_HOST_SIZE + 2];
};

struct client {
	struct bri_list link;
	struct server *server;
	nw_connection_t connection;
	uint64_t deadline_ns;
	bool answered;
	size_t discarded;
	char peer[BRI_NET_ADDRESS_SIZE];
	struct bri_http_request request;
};

static void finish_if_idle(struct server *server)
{
	if (server->stopping && server->listener_gone && server->n_clients == 0 &&
		!server->told_done) {
		server->told_done = true;
		dispatch_semaphore_signal(server->done);
	}
}

static void stop(struct server *server)
{
	struct bri_list *l, *tmp;

	if (server->stopping)
		return;
	server->stopping = true;
	bri_list_foreach_safe (l, tmp, &server->clients)
		nw_connection_cancel(bri_list_entry(l, struct client, link)->connection);
	nw_listener_cancel(server->listener);
	finish_if_idle(server);
}

static void on_signal(void *context)
{
	stop(context);
}

/* ---- the answer ---- */

struct answer {
	bool multipath;
	const char *why; /* for plain TCP */
	struct bri_net_subflows subflows;
};

static void write_text(FILE *file, const struct client *client, const struct answer *answer)
{
	char line[320];

	fprintf(file, "%s\nYour address: %s\n",
		answer->multipath ? "You came by Multipath TCP."
				  : "You came by plain TCP, not Multipath TCP.",
		client->peer);
	if (!answer->multipath)
		fprintf(file,
			"Why: %s\n"
			"Try: mptcpize run curl ..., or another network if that changes nothing.\n",
			answer->why);
	for (size_t i = 0; i < answer->subflows.n; i++) {
		bri_net_subflow_text(&answer->subflows.list[i], line, sizeof(line));
		fprintf(file, "Path, seen from here: %s\n", line);
	}
}

/* Only our own words and numeric addresses go in: nothing of the request has to be escaped. */
static void write_html(FILE *file, const struct client *client, const struct answer *answer)
{
	char line[320];

	fprintf(file,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width\"><title>Multipath TCP: "
		"%s</title>"
		"<style>body{font:1.1em/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 "
		"1em}"
		"h1{color:%s}</style></head><body>\n<h1>%s</h1>\n<p>Your address: %s</p>\n",
		answer->multipath ? "yes" : "no", answer->multipath ? "#171" : "#a30",
		answer->multipath ? "You came by Multipath TCP" : "You came by plain TCP",
		client->peer);
	if (!answer->multipath)
		fprintf(file, "<p>%s</p>\n", answer->why);
	fputs("<ul>\n", file);
	for (size_t i = 0; i < answer->subflows.n; i++) {
		bri_net_subflow_text(&answer->subflows.list[i], line, sizeof(line));
		for (char *p = line; *p; p++)
			if (*p == '<' || *p == '>' || *p == '&')
				*p = ' ';
		fprintf(file, "<li>%s</li>\n", line);
	}
	fputs("</ul>\n</body></html>\n", file);
}

static void write_json(FILE *file, const struct client *client, const struct answer *answer)
{
	struct bri_json json;

	bri_json_init(&json, file);
	bri_json_object(&json, NULL);
	bri_json_bool(&json, "multipath", answer->multipath);
	bri_json_string(&json, "client", client->peer);
	bri_json_string(&json, "why", answer->multipath ? NULL : answer->why);
	bri_net_subflows_json(&answer->subflows, &json, "subflows");
	bri_json_end_object(&json);
}

static const char *reason_for_visitor(braid_multipath_reason_t reason)
{
	switch (reason) {
	case braid_multipath_client_plain:
	case braid_multipath_refused:
		return "your program or system did not ask for Multipath TCP, or something on the "
		       "way removed it";
	case braid_multipath_fell_back:
		return "it began as Multipath TCP; something on the way changed it";
	default: return braid_multipath_reason_string(reason);
	}
}

/* The content of a 200; of other statuses a line of text. Returns a malloc'd buffer, or NULL. */
static char *make_content(
	struct client *client, enum bri_http_format format, bool *ret_multipath, size_t *ret_size)
{
	struct answer answer = { .multipath = braid_connection_is_multipath(client->connection) };
	unsigned status = client->request.status;
	char *content = NULL;
	FILE *file = open_memstream(&content, ret_size);

	*ret_multipath = answer.multipath;
	if (!file)
		return NULL;
	bri_net_subflows_get(client->connection, &answer.subflows);
	if (!answer.multipath)
		answer.why = reason_for_visitor(
			braid_connection_get_multipath_reason(client->connection));
	if (status != 200)
		fprintf(file, "%u %s\n", status, bri_http_status_text(status));
	else if (format == BRI_HTTP_HTML)
		write_html(file, client, &answer);
	else if (format == BRI_HTTP_JSON)
		write_json(file, client, &answer);
	else
		write_text(file, client, &answer);
	if (fclose(file) != 0) {
		free(content);
		return NULL;
	}
	return content;
}

static dispatch_data_t make_response(struct client *client)
{
	static const char *const types[] = { "text/plain", "text/html", "application/json" };
	struct bri_http_request *request = &client->request;
	enum bri_http_format format = request->status == 200 ? request->format : BRI_HTTP_TEXT;
	dispatch_data_t data = NULL;
	bool multipath = false;
	size_t content_size = 0, size = 0;
	char *content = make_content(client, format, &multipath, &content_size), *bytes = NULL;
	FILE *file = content ? open_memstream(&bytes, &size) : NULL;

	if (file) {
		fprintf(file,
			"HTTP/1.1 %u %s\r\nContent-Type: %s; charset=utf-8\r\nContent-Length: "
			"%zu\r\n"
			"Connection: close\r\nCache-Control: no-store\r\nVary: Accept\r\n"
			"X-Content-Type-Options: nosniff\r\n%s\r\n",
			request->status, bri_http_status_text(request->status), types[format],
			content_size, request->status == 405 ? "Allow: GET, HEAD\r\n" : "");
		if (!request->is_head)
			fwrite(content, 1, content_size, file);
		if (fclose(file) == 0)
			data = dispatch_data_create_f(bytes, size, NULL, NULL);
	}
	if (data) {
		printf("%s %s %u\n", client->peer, multipath ? "mptcp" : "tcp", request->status);
		fflush(stdout);
	}
	free(bytes);
	free(content);
	return data;
}

/* ---- a visitor ---- */

static void receive(struct client *client);

static void on_sent(void *context, nw_error_t error)
{
	struct client *client = context;

	if (error)
		nw_connection_cancel(client->connection);
}

static void answer(struct client *client)
{
	dispatch_data_t data = make_response(client);

	client->answered = true;
	if (!data) {
		nw_connection_cancel(client->connection);
		return;
	}
	nw_connection_send_f(client->connection, data, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true,
		client, on_sent, NULL);
	dispatch_release(data);
}

static bool on_region(
	void *context, dispatch_data_t region, size_t offset, const void *buffer, size_t size)
{
	struct client *client = context;
	struct bri_http_request *request = &client->request;
	size_t used = 0;
	int r;

	(void)region;
	(void)offset;
	if (client->answered) {
		client->discarded += size;
		return true;
	}
	r = bri_http_request_rx(request, buffer, size, &used);
	if (r == BRI_HTTP_REQUEST_MORE)
		return true;
	if (r == BRI_HTTP_REQUEST_DONE && strcmp(request->target, "/") != 0 &&
		strncmp(request->target, "/?", 2) != 0 && request->target[0] == '/')
		request->status = 404;
	client->discarded += size - used;
	answer(client);
	return true;
}

static void on_received(void *context, dispatch_data_t content,
	nw_content_context_t content_context, bool is_complete, nw_error_t error)
{
	struct client *client = context;

	if (content)
		dispatch_data_apply_f(content, client, on_region);
	/* after the answer, read to the visitor's end: closing over unread bytes would reset the
	 * connection and could take the answer with it */
	if (error ||
		(is_complete && content_context &&
			nw_content_context_get_is_final(content_context)) ||
		client->discarded > DISCARD_MAX)
		nw_connection_cancel(client->connection);
	else
		receive(client);
}

static void receive(struct client *client)
{
	nw_connection_receive_f(client->connection, 1, RECEIVE_MAX, client, on_received, NULL);
}

static void free_client(struct client *client)
{
	struct server *server = client->server;

	bri_list_remove(&client->link);
	server->n_clients--;
	nw_release(client->connection);
	free(client);
	if (!server->stopping)
		nw_listener_set_new_connection_limit(server->listener,
			nw_listener_get_new_connection_limit(server->listener) + 1);
	finish_if_idle(server);
}

static void on_client_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct client *client = context;

	(void)error;
	switch (state) {
	case nw_connection_state_waiting:
	case nw_connection_state_failed: nw_connection_cancel(client->connection); break;
	case nw_connection_state_cancelled: free_client(client); break; /* nothing comes after it */
	default: break;
	}
}

static void on_tick(void *context);

/* One tick a second while there are visitors, none while there are not. */
static void schedule_tick(struct server *server)
{
	if (server->ticking || server->n_clients == 0)
		return;
	server->ticking = true;
	dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, (int64_t)BRI_NS_PER_S), server->queue,
		server, on_tick);
}

static void on_tick(void *context)
{
	struct server *server = context;
	uint64_t now_ns = bri_clock_now_ns();
	struct bri_list *l, *tmp;

	server->ticking = false;
	bri_list_foreach_safe (l, tmp, &server->clients) {
		struct client *client = bri_list_entry(l, struct client, link);

		if (now_ns < client->deadline_ns)
			continue;
		if (client->answered) {
			nw_connection_force_cancel(client->connection);
		} else {
			client->deadline_ns = now_ns + BRI_NS_PER_S; /* to read the 408 */
			client->request.status = 408;
			answer(client);
		}
	}
	schedule_tick(server);
}

static void on_connection(void *context, nw_connection_t connection)
{
	struct server *server = context;
	struct client *client = calloc(1, sizeof(*client));

	if (!client || server->stopping) {
		free(client);
		nw_connection_cancel(connection);
		return;
	}
	client->server = server;
	client->connection = nw_retain(connection);
	client->deadline_ns = bri_clock_now_ns() + CLIENT_TIMEOUT_NS;
	bri_http_request_init(&client->request);
	bri_net_peer_text(connection, client->peer);
	bri_list_append(&server->clients, &client->link);
	if (server->n_clients++ == 0)
		dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, (int64_t)BRI_NS_PER_S),
			server->queue, server, on_tick);
	nw_connection_set_queue(connection, server->queue);
	nw_connection_set_state_changed_handler_f(connection, client, on_client_state, NULL);
	nw_connection_start(connection);
	receive(client);
}

/* ---- the listener ---- */

static void on_listener_state(void *context, nw_listener_state_t state, nw_error_t error)
{
	struct server *server = context;
	char buffer[96];

	switch (state) {
	case nw_listener_state_ready:
		printf("listening on http://%s:%u/ (Ctrl-C ends)\n", server->address,
			nw_listener_get_port(server->listener));
		fflush(stdout);
		break;
	case nw_listener_state_waiting:
	case nw_listener_state_failed:
		bri_cli_error("check", "cannot listen: %s",
			bri_net_error_text(error, buffer, sizeof(buffer)));
		server->code = BRI_EXIT_FAILED;
		stop(server);
		break;
	case nw_listener_state_cancelled:
		server->listener_gone = true;
		finish_if_idle(server);
		break;
	case nw_listener_state_invalid: break;
	}
}

static dispatch_source_t watch_signal(struct server *server, int number)
{
	dispatch_source_t source;

	signal(number, SIG_IGN); /* the source sees it all the same */
	source = dispatch_source_create(
		DISPATCH_SOURCE_TYPE_SIGNAL, (uintptr_t)number, 0, server->queue);
	if (!source)
		return NULL;
	dispatch_set_context(source, server);
	dispatch_source_set_event_handler_f(source, on_signal);
	dispatch_resume(source);
	return source;
}

static nw_listener_t make_listener(const struct bri_cli_target *target)
{
	nw_parameters_t parameters = bri_net_tcp(nw_multipath_service_handover);
	nw_endpoint_t local = NULL;
	nw_listener_t listener = NULL;

	if (parameters && *target->host)
		local = nw_endpoint_create_host(target->host, target->port);
	if (parameters) {
		nw_parameters_set_reuse_local_address(parameters, true);
		if (local)
			nw_parameters_set_local_endpoint(parameters, local);
		listener = nw_listener_create_with_port(target->port, parameters);
	}
	nw_release(local);
	nw_release(parameters);
	return listener;
}

static void serve(struct server *server)
{
	server->queue = dispatch_queue_create("braid.check.listen", DISPATCH_QUEUE_SERIAL);
	server->done = dispatch_semaphore_create(0);
	server->sigint = watch_signal(server, SIGINT);
	server->sigterm = watch_signal(server, SIGTERM);
	nw_listener_set_queue(server->listener, server->queue);
	nw_listener_set_state_changed_handler_f(server->listener, server, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(server->listener, server, on_connection, NULL);
	nw_listener_set_new_connection_limit(server->listener, MAX_CLIENTS);
	nw_listener_start(server->listener);
	dispatch_semaphore_wait(server->done, DISPATCH_TIME_FOREVER);
	for (size_t i = 0; i < 2; i++) {
		dispatch_source_t source = i ? server->sigterm : server->sigint;

		if (source) {
			dispatch_source_cancel(source);
			dispatch_release(source);
		}
	}
}

int bri_check_listen(const struct bri_cli_target *target)
{
	static struct server
		server; /* a tick that is still queued may look at it until the process ends */

	bri_list_init(&server.clients);
	snprintf(server.address, sizeof(server.address), strchr(target->host, ':') ? "[%s]" : "%s",
		*target->host ? target->host : "localhost");
	server.listener = make_listener(target);
	if (!server.listener) {
		bri_cli_error("check", "cannot listen on '%s' port %s", target->host, target->port);
		return BRI_EXIT_FAILED;
	}
	serve(&server);
	nw_release(server.listener);
	server.listener = NULL;
	return server.code;
}
