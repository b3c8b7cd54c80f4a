/*
 * The main job: what the three multipath services do when a path is lost, turns slow, or is not
 * enough, with braidd and with the kernel's path manager alone. demo.c says what is run and what
 * came of it; world.c is the network and what lives in it; conduct.c and talk.c conduct one run of
 * a transfer and of requests, transfer.c and requests.c are the programs inside, written with
 * libNetwork, and program.c is what those share; show.c is what a person sees; picture.c, chart.c
 * and canvas.c draw.
 */
#ifndef BRI_DEMO_H
#define BRI_DEMO_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"

#define DEMO_PATHS       2
#define DEMO_SAMPLES_MAX 1200 /* two minutes of DEMO_SAMPLE_NS */
#define DEMO_SAMPLE_NS   UINT64_C(100000000)
#define DEMO_WHY         200

/* Who decides about the paths. */
enum demo_manager { DEMO_BRAIDD, DEMO_KERNEL, DEMO_PLAIN, DEMO_MANAGERS };

/* What a client tells the conductor, line by line on a pipe: "ready WHY", "by MANAGER", "failed
 * WHY"; a transfer "at BYTES" and "end BYTES PAUSE_NS"; requests "answer INDEX SENT_NS TOOK_NS"
 * and "end". */

/* --- one run --- */

struct demo_who {
	enum demo_manager manager;
	char state[160];    /* what the client said about multipath; "": not connected */
	char by[16];        /* who manages the connection's paths, as the library says */
	char why[DEMO_WHY]; /* it failed so; "": it did not */
};

struct demo_sample {
	uint64_t at_ns; /* since the transfer began */
	uint64_t client_bytes;
	uint64_t path_bytes[DEMO_PATHS]; /* frames that reached the client */
};

struct demo_run {
	struct demo_who who;
	bool loses_path;   /* the first path dies when half of the bytes have come */
	uint64_t limit_ns; /* 0: until the file has come; else the file again and again for so long
			    */
	uint64_t total_bytes; /* of the file */
	const char *path_names[DEMO_PATHS];
	struct demo_sample samples[DEMO_SAMPLES_MAX];
	size_t sample_count;
	uint64_t lost_at_ns; /* when the first path died; 0: it did not */
	uint64_t duration_ns, pause_ns;
	double mbit; /* of the bytes that the client's program got, from ready on */
	bool done, same_checksum;
	char checksum[80];
};

#define DEMO_ANSWERS_MAX 1024

struct demo_talk {
	struct demo_who who;
	uint32_t seconds;
	struct {
		uint64_t sent_ns, took_ns; /* sent: since the first one; took 0: no answer yet */
	} answers[DEMO_ANSWERS_MAX];
	uint32_t count;
	uint64_t slow_at_ns; /* since the first request: when the first path turned slow; 0: not */
	double before_ms, median_ms, worst_ms; /* medians before and after; worst of those after */
	uint64_t fast_again_ns;                /* after slow_at_ns; 0: never */
	bool done;
};

/* --- world.c: the network, braidd, the files and the children; one of each at a time --- */

extern volatile sig_atomic_t demo_interrupted;

/*
 * demo_world_begin(): makes the directory, and in it a file of so many bytes.
 *   braidd  its program; borrowed
 * Returns 0 or -errno.
 */
int demo_world_begin(uint64_t bytes, const char *braidd);
void demo_world_end(void);                     /* all is gone after it; may be called at any time */
const char *demo_world_file(const char *name); /* in the directory; valid until the next call */

/*
 * demo_world_open(): the two paths, wlan and wwan, and who manages them; braidd is ready when it
 * returns.
 *   service  braidd's default one: what the programs ask for
 *   why      out: what failed, in words
 * Returns 0 or -errno.
 */
int demo_world_open(enum demo_manager manager, const char *service, char why[static DEMO_WHY]);
/* demo_world_close(): of all that runs inside, too. Returns 0, or -EIO when braidd did not end as
 * it should, with `why`. */
int demo_world_close(char why[static DEMO_WHY]);
struct bri_lab *demo_world_lab(void); /* NULL: there is none, loopback is used */

/* demo_world_start(): run fn(context) as the server (0) or client (1). Returns 0 or -errno. */
int demo_world_start(enum bri_lab_side side, int (*fn)(void *), void *context);
void demo_world_stop(void); /* both */

/* What the programs connect to, and where they find braidd; a path where nobody is, else. */
const char *demo_world_address(void);
const char *demo_world_socket(enum demo_manager manager);

/* --- watch.c: lines of a child, and a clock --- */

struct demo_watch {
	void *context;
	void (*on_line)(struct demo_watch *watch, char *line);
	void (*on_tick)(struct demo_watch *watch); /* each DEMO_SAMPLE_NS */
	struct demo_who *who;
	uint64_t begun_ns;
	bool over;
	char buffer[512];
	size_t used;
};

/* demo_watch_run(): until `over`. It takes the lines that all programs say itself: ready, by,
 * failed. */
void demo_watch_run(struct demo_watch *watch, int fd);
void demo_watch_fail(struct demo_watch *watch, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* demo_watch_programs(): starts both and watches. client_fd: where the client's pipe and
 * server_fd: where the server's must be put before they are started. Returns 0 or -errno. */
struct demo_programs {
	int (*serve)(void *);
	int (*use)(void *);
	void *server, *client;
	int *server_fd, *client_fd;
	uint16_t *port;
};
int demo_watch_programs(struct demo_watch *watch, const struct demo_programs *programs);
/* demo_check_manager(): was it who it should have been? If not, `why` says so. */
bool demo_check_manager(struct demo_who *who);

/* --- conduct.c, talk.c: one run, from an open world. Return 0, or -errno when they could not
 * begin: what else went wrong is in `who.why`. --- */
int demo_conduct(struct demo_run *run, int service);
int demo_talk(struct demo_talk *talk);

/* --- transfer.c, requests.c: run inside the namespaces; return exit codes --- */
struct demo_server {
	const char *file;    /* NULL: answers requests */
	const char *address; /* to listen on */
	int port_fd;         /* the port is written there, as text */
	bool endless;        /* the file again and again */
};
struct demo_client {
	const char *file; /* to write; NULL: what comes is counted only */
	const char *address;
	const char *socket; /* braidd's */
	uint16_t port;
	int service; /* nw_multipath_service_t */
	uint32_t seconds;
	int report_fd;
};
int demo_serve(void *server);
int demo_fetch(void *client);
int demo_answer(void *server);
int demo_ask(void *client);

/* --- show.c --- */
void demo_show_part(const char *title, const char *what);
void demo_show_begin(const char *title);
void demo_show_progress(const struct demo_run *run);
void demo_show_talk_progress(const struct demo_talk *talk, uint64_t at_ns);
void demo_show_event(const char *text);
void demo_show_end(const struct demo_run *run);
void demo_show_talk_end(const struct demo_talk *talk);
/* A row of the table at the end: what, kernel alone, with braidd. */
void demo_show_row(const char *what, const char *kernel, const char *braidd);

/* --- picture.c, chart.c: SVGs. Return 0 or -errno. --- */
int demo_draw_handover(const char *file, const struct demo_run runs[static DEMO_MANAGERS]);
int demo_draw_interactive(const char *file, const struct demo_talk talks[static 2]);
int demo_draw_aggregate(const char *file, const struct demo_run runs[static DEMO_MANAGERS]);

#endif
