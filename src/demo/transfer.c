/* The programs of a transfer, written with libNetwork. They know nothing of paths. */
#include "demo/program.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define CHUNK (256u * 1024u)

/* --- server: sends the file to whoever connects --- */

struct sending {
	nw_connection_t connection;
	const uint8_t *bytes;
	size_t size, offset;
};

static struct {
	const struct demo_server *config;
	const uint8_t *bytes;
	size_t size;
} server;

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

static void on_connection(nw_connection_t connection)
{
	struct sending *s = calloc(1, sizeof(*s));

	if (!s) {
		nw_connection_cancel(connection);
		nw_release(connection);
		return;
	}
	s->connection = connection;
	s->bytes = server.bytes;
	s->size = server.size;
	send_next(s, NULL);
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
	server.config = context;
	if (map_file(server.config->file) < 0) {
		fprintf(stderr, "server: %s: %s\n", server.config->file, strerror(errno));
		return 1;
	}
	demo_listen(server.config, BRAID_DEFAULT_CONFIGURATION_F, on_connection);
}

/* --- client: fetches the file --- */

static struct {
	struct demo_user user;
	FILE *out; /* NULL: nobody wants it */
	uint64_t bytes, last_ns, told_ns, pause_ns;
} client;

static void note_pause(void)
{
	uint64_t now = bri_clock_now_ns();

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

static void on_data(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	(void)context;
	(void)message;
	note_pause();
	if (content) {
		client.bytes += dispatch_data_get_size(content);
		if (!dispatch_data_apply_f(content, NULL, write_region)) {
			demo_fail(&client.user, "writing the file: %s", strerror(errno));
			return;
		}
	}
	if (client.last_ns - client.told_ns > 20 * NSEC_PER_MSEC || is_complete) {
		demo_tell_manager(&client.user);
		demo_tell(&client.user, "at %" PRIu64 "\n", client.bytes);
		client.told_ns = client.last_ns;
	}
	if (error) {
		demo_fail(&client.user, "%s", strerror(nw_error_get_error_code(error)));
	} else if (is_complete) {
		if (fflush(client.out) == EOF) {
			demo_fail(&client.user, "writing the file: %s", strerror(errno));
			return;
		}
		demo_tell(&client.user, "end %" PRIu64 " %" PRIu64 "\n", client.bytes,
			client.pause_ns);
		demo_end(&client.user, 0);
	} else {
		nw_connection_receive_f(client.user.connection, 1, CHUNK, NULL, on_data, NULL);
	}
}

static void on_ready(void)
{
	client.last_ns = bri_clock_now_ns();
	nw_connection_receive_f(client.user.connection, 1, CHUNK, NULL, on_data, NULL);
}

int demo_fetch(void *context)
{
	const struct demo_client *config = context;
	int status;

	client.user = (struct demo_user) { .config = config, .on_ready = on_ready };
	client.out = config->file ? fopen(config->file, "wbe") : NULL;
	if (config->file && !client.out) {
		demo_tell(&client.user, "failed %s: %s\n", config->file, strerror(errno));
		return 1;
	}
	status = demo_connect(&client.user, BRAID_DEFAULT_CONFIGURATION_F);
	return client.out && fclose(client.out) == EOF ? 1 : status;
}
