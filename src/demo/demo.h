/*
 * The main job: a file goes from a server to a client, both written with libNetwork, over two
 * emulated paths; half way one path dies. demo.c conducts, transfer.c is the two programs, show.c
 * what a person sees, picture.c the timeline.
 */
#ifndef BRI_DEMO_H
#define BRI_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_PATHS       2
#define DEMO_SAMPLES_MAX 1200 /* two minutes of SAMPLE_NS */
#define DEMO_SAMPLE_NS   UINT64_C(100000000)

/* What the client tells the conductor, line by line on a pipe: "ready WHY", "at BYTES", "end BYTES
 * PAUSE_NS", "failed WHY". */

struct demo_sample {
	uint64_t at_ns; /* since the transfer began */
	uint64_t client_bytes;
	uint64_t path_bytes[DEMO_PATHS]; /* frames that reached the client */
};

/* One run of the transfer. */
struct demo_run {
	bool multipath;
	const char *path_names[DEMO_PATHS];
	uint64_t total_bytes;
	struct demo_sample samples[DEMO_SAMPLES_MAX];
	size_t sample_count;
	uint64_t lost_at_ns; /* when the first path died; 0: it did not */
	uint64_t duration_ns, pause_ns;
	bool done, same_checksum;
	char state[160];   /* what the client said about multipath */
	char failure[200]; /* "": none */
	char checksum[80];
};

/* --- transfer.c: run inside the namespaces; return exit codes --- */
struct demo_server {
	const char *file;
	const char *address; /* to listen on */
	int port_fd;         /* the port is written there, as text */
};
struct demo_client {
	const char *file; /* to write */
	const char *address;
	uint16_t port;
	bool multipath;
	int report_fd;
};
int demo_serve(void *server);
int demo_fetch(void *client);

/* --- show.c --- */
void demo_show_begin(const struct demo_run *run, const char *title);
void demo_show_progress(const struct demo_run *run);
void demo_show_event(const char *text);
void demo_show_end(const struct demo_run *run);

/* --- picture.c --- */
/* demo_draw(): an SVG of both runs. Returns 0 or -errno. */
int demo_draw(const char *file, const struct demo_run *multipath, const struct demo_run *single);

#endif
