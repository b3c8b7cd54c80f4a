/*
 * From the test's side: starts the programs of mp_peer.h inside a lab, waits for what they see, and
 * judges a finished transfer. Knows of the kernel only through the lab's counters.
 */
#ifndef BRI_TESTS_MP_RUN_H
#define BRI_TESTS_MP_RUN_H

#include "lab/lab.h"
#include "mp_peer.h"

struct mp_run {
	struct bri_lab *lab;
	struct mp_shared *shared;
	pid_t server, client; /* 0: not running */
};

/* mp_shared_new(): zeroed memory that children share, for the life of the process; NULL: none. */
struct mp_shared *mp_shared_new(void);
/* mp_shared_reset(): as new; one connection to the IPv4 service, 30 s. */
void mp_shared_reset(struct mp_shared *shared);

/* mp_start_server(): returns when it listens. mp_start_client(): at once. Return 0 or -errno. */
int mp_start_server(struct mp_run *run);
int mp_start_client(struct mp_run *run);

/* mp_wait64(), mp_wait32(): until *value >= at_least; false: not in timeout_ms. */
bool mp_wait64(const _Atomic uint64_t *value, uint64_t at_least, uint32_t timeout_ms);
bool mp_wait32(const _Atomic uint32_t *value, uint32_t at_least, uint32_t timeout_ms);
bool mp_wait_state(const struct mp_end *end, nw_connection_state_t state, uint32_t timeout_ms);

/* mp_finish(): waits for both programs; kills them after timeout_ms. True: both said 0. */
bool mp_finish(struct mp_run *run, uint32_t timeout_ms, char *why, size_t why_size);
/* mp_kill(): at once. */
void mp_kill(struct mp_run *run);

/*
 * mp_check(): every byte of both directions of a client's connection arrived, in order, once; every
 * handler was called and its context destroyed, once. False: `why` says what was wrong.
 */
bool mp_check(const struct mp_shared *shared, uint32_t connection, char *why, size_t why_size);

/* mp_server_of(): the server's end of a client's connection, or NULL. */
const struct mp_end *mp_server_of(const struct mp_shared *shared, uint32_t connection);
/* mp_subflow_on(): the subflow of a list that leaves by this interface, or NULL. */
const struct braid_subflow *mp_subflow_on(const struct mp_subflows *list, const char *interface);
/* mp_report_on(): the path of a report by its interface, or NULL. */
const struct mp_report_path *mp_report_on(const struct mp_report *report, const char *interface);

#endif
