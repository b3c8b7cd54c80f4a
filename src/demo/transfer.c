/* The programs of a transfer, written with libNetwork. They know nothing of paths. */
#include <Network/Network.h>
#include <braid/multipath.h>

#include "demo/demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CHUNK (256u * 1024u)

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* --- server: sends the file to whoever connects --- */

struct sending {
	nw_connection_t connection;
	const uint8_t *bytes;
	size_t size, offset;
};

static struct {
	const struct demo_server *config;
	nw_listener_t listener;
	dispatch_queue_t queue;
	const uint8_t *bytes;
	size_t size;
} server;

static void send_next(void *context, nw_error_t error);

static void finish_sending(struct sending *s)
{
	/* the connection lives until it is cancelled: after the client has closed its side */
	nw_connection_cancel(s->connection);
	nw_release(s->connection);
	free(s);
}

static void on_client_end(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	(void)content;
	(void)message;
	(void)is_complete;
	(void)error;
	finish_sending(context);
}

static void send_next(void *context, nw_error_t error)
{
	struct sending *s = context;
	dispatch_data_t data;
	bool is_last;
	size_t n;

	if (server.config->endless && s->offset == s->size)
		s->offset = 0;
	n = s->size - s->offset < CHUNK ? s->size - s->offset : CHUNK;
	if (error || s->offset == s->size) {
		if (!error) {
			nw_connection_receive_f(s->connection, 1, CHUNK, s, on_client_end, NULL);
			return;
		}
		finish_sending(s);
		return;
	}
	data = dispatch_data_create_f(s->bytes + s->offset, n, NULL, NULL);
	s->offset += n;
	/* the last chunk ends the stream */
	is_last = s->offset == s->size && !server.config->endless;
	nw_connection_send_f(s->connection, data,
		is_last ? NW_CONNECTION_FINAL_MESSAGE_CONTEXT
			: NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
		is_last, s, send_next, NULL);
	dispatch_release(data);
}

static void on_connection(void *context, nw_connection_t connection)
{
	struct sending *s = calloc(1, sizeof(*s));

	(void)context;
	if (!s)
		return;
	s->connection = nw_retain(connection);
	s->bytes = server.bytes;
	s->size = server.size;
	nw_connection_set_queue(connection, server.queue);
	nw_connection_start(connection);
	send_next(s, NULL);
}

static void on_listener_state(void *context, nw_listener_state_t state, nw_error_t error)
{
	char text[16];
	int n;

	(void)context;
	if (state == nw_listener_state_ready) {
		n = snprintf(text, sizeof(text), "%u\n", nw_listener_get_port(server.listener));
		if (write(server.config->port_fd, text, (size_t)n) != n)
			_exit(1);
	} else if (state == nw_listener_state_failed) {
		fprintf(stderr, "server: %s\n", strerror(nw_error_get_error_code(error)));
		_exit(1);
	}
}

static int map_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return -1;
	server.size = (size_t)st.st_size;
	server.bytes = mmap(NULL, server.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return server.bytes == MAP_FAILED ? -1 : 0;
}

int demo_serve(void *context)
{
	nw_parameters_t parameters;
	nw_endpoint_t local;

	server.config = context;
	if (map_file(server.config->file) < 0) {
		fprintf(stderr, "server: %s: %s\n", server.config->file, strerror(errno));
		return 1;
	}
	server.queue = dispatch_queue_create("demo.server", NULL);
	parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	local = nw_endpoint_create_host(server.config->address, "0");
	nw_parameters_set_local_endpoint(parameters, local);
	server.listener = nw_listener_create(parameters);
	nw_release(local);
	nw_release(parameters);
	nw_listener_set_queue(server.listener, server.queue);
	nw_listener_set_state_changed_handler_f(server.listener, NULL, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(server.listener, NULL, on_connection, NULL);
	nw_listener_start(server.listener);
	dispatch_main();
}

/* --- client: fetches the file --- */

static struct {
	const struct demo_client *config;
	nw_connection_t connection;
	dispatch_semaphore_t over;
	FILE *out; /* NULL: nobody wants it */
	uint64_t bytes, last_ns, told_ns, pause_ns;
	braid_path_manager_t manager;
	int status;
} client;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(client.config->report_fd, format, ap);
	va_end(ap);
}

static void end(int status)
{
	client.status = status;
	nw_connection_cancel(client.connection);
}

static void note_pause(void)
{
	uint64_t now = now_ns();

	if (client.last_ns && now - client.last_ns > client.pause_ns)
		client.pause_ns = now - client.last_ns;
	client.last_ns = now;
}

static bool write_region(
	void *context, dispatch_data_t region, size_t offset, const void *bytes, size_t size)
{
	(void)context;
	(void)region;
	(void)offset;
	return !client.out || fwrite(bytes, 1, size, client.out) == size;
}

/* braidd answers some time after ready. */
static void tell_manager(void)
{
	braid_path_manager_t manager = braid_connection_get_path_manager(client.connection);

	if (manager == client.manager)
		return;
	client.manager = manager;
	tell("by %s\n", braid_path_manager_string(manager));
}

static void on_data(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	(void)context;
	(void)message;
	note_pause();
	if (content) {
		client.bytes += dispatch_data_get_size(content);
		if (!dispatch_data_apply_f(content, NULL, write_region)) {
			tell("failed writing the file: %s\n", strerror(errno));
			end(1);
			return;
		}
	}
	if (client.last_ns - client.told_ns > 20 * NSEC_PER_MSEC || is_complete) {
		tell_manager();
		tell("at %" PRIu64 "\n", client.bytes);
		client.told_ns = client.last_ns;
	}
	if (error) {
		tell("failed %s\n", strerror(nw_error_get_error_code(error)));
		end(1);
	} else if (is_complete) {
		if (fflush(client.out) == EOF) {
			tell("failed writing the file: %s\n", strerror(errno));
			end(1);
			return;
		}
		tell("end %" PRIu64 " %" PRIu64 "\n", client.bytes, client.pause_ns);
		end(0);
	} else {
		nw_connection_receive_f(client.connection, 1, CHUNK, NULL, on_data, NULL);
	}
}

static void on_client_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	(void)context;
	switch (state) {
	case nw_connection_state_ready:
		tell("ready %s\n",
			braid_multipath_reason_string(
				braid_connection_get_multipath_reason(client.connection)));
		tell("by %s\n", braid_path_manager_string(client.manager));
		client.last_ns = now_ns();
		nw_connection_receive_f(client.connection, 1, CHUNK, NULL, on_data, NULL);
		break;
	case nw_connection_state_waiting:
	case nw_connection_state_failed:
		tell("failed %s\n", strerror(nw_error_get_error_code(error)));
		end(1);
		break;
	case nw_connection_state_cancelled: dispatch_semaphore_signal(client.over); break;
	default: break;
	}
}

int demo_fetch(void *context)
{
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;
	char port[8];

	client.config = context;
	setenv("BRAID_SOCKET", client.config->socket, 1);
	client.out = client.config->file ? fopen(client.config->file, "wbe") : NULL;
	if (client.config->file && !client.out) {
		tell("failed %s: %s\n", client.config->file, strerror(errno));
		return 1;
	}
	parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	nw_parameters_set_multipath_service(
		parameters, (nw_multipath_service_t)client.config->service);
	snprintf(port, sizeof(port), "%u", client.config->port);
	endpoint = nw_endpoint_create_host(client.config->address, port);
	client.connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	client.over = dispatch_semaphore_create(0);
	nw_connection_set_queue(client.connection, dispatch_get_global_queue(0, 0));
	nw_connection_set_state_changed_handler_f(client.connection, NULL, on_client_state, NULL);
	nw_connection_start(client.connection);
	dispatch_semaphore_wait(client.over, DISPATCH_TIME_FOREVER);
	nw_release(client.connection);
	return client.out && fclose(client.out) == EOF ? 1 : client.status;
}
