/*
 * What the tests of the lab share: a lab of two paths, closed after each test, and the simplest
 * programs in it, an echo and pings. Knows nothing of what a test changes or measures.
 */
#ifndef LAB_UTIL_H
#define LAB_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/types.h>

#include "base/base.h"
#include "lab/lab.h"

#define PORT     7007
#define MS       BRI_NS_PER_MS
#define CHILD_MS 20000

/* What processes inside tell the test: shared by fork. */
struct shared {
	int ready;
	uint64_t min_ns, first_ns, last_ns, bytes, sum;
	uint32_t n;
	uint8_t seen[4096];
	pid_t pids[2], bystander;
	char id[64];
};

extern struct shared *shared;

/* IPv6 tells its multicast groups a few times after a link has come up: such frames are counted
 * beside those of the test. */
#define NOISE 6

/* two_paths(): wlan, 10 ms each way, and wwan, 30 ms. */
struct bri_lab_config two_paths(void);

/* open_lab(): with a fresh `shared`. close_lab(): the teardown of every test, also one that failed.
 */
struct bri_lab *open_lab(const struct bri_lab_config *config);
int close_lab(void **state);

/* inside(): runs fn(context) there. Returns its exit code or -errno. */
int inside(struct bri_lab *lab, enum bri_lab_side side, int (*fn)(void *), void *context);
struct bri_lab_stats stats_of(struct bri_lab *lab, uint32_t path);

/* For a process inside: udp_socket() is bound to `local`, and connected to the service at `peer`
 * unless that is NULL; -1: errno says why. say_ready() is what the test's wait_ready() waits for.
 */
struct sockaddr_in address4(const char *text, uint16_t port);
int udp_socket(const char *local, uint16_t port, const char *peer);
void say_ready(void);
void wait_ready(void);

/* The service sends back each datagram: run_echo() is the process, start_echo() runs it. */
int run_echo(void *context);
void start_echo(struct bri_lab *lab);
/* run_pings(): five, from the local address `context`; exit code: how many were answered, 100 or
 * more: no socket. shared->min_ns: the fastest. ping(): the same from the address of the path. */
int run_pings(void *context);
int ping(struct bri_lab *lab, uint32_t path);

/* lab_begin(): first in main(). Returns 0, or what to exit with: this machine runs no lab. */
int lab_begin(void);

#endif
