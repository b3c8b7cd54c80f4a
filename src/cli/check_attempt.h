/* One connection of `braid check HOST`: made, waited for, ended. Knows nothing of verdicts. */
#ifndef BRI_CLI_CHECK_ATTEMPT_H
#define BRI_CLI_CHECK_ATTEMPT_H

#include "cli/cli.h"
#include "cli/net.h"

/* Written on the connection's queue, read by the main thread after `settled` was signalled. */
struct bri_check_attempt {
	nw_connection_t connection;
	dispatch_queue_t queue;
	dispatch_semaphore_t settled, cancelled;
	bool is_settled, ready;
	uint64_t start_ns, ready_ns;
	nw_error_domain_t domain; /* of the error it ended with; invalid: none */
	int code;
	char error[128];
};

/*
 * bri_check_attempt_start(): connects, and waits until it is ready or has failed, or for
 * timeout_ns. parameters  NULL: there was no memory for them ret         bri_check_attempt_end()
 * follows, also after an error Returns 0, -ETIMEDOUT (neither ready nor failed), or -ENOMEM.
 */
int bri_check_attempt_start(const struct bri_cli_target *target, nw_parameters_t parameters,
	uint64_t timeout_ns, struct bri_check_attempt *ret);
/* bri_check_attempt_end(): cancels; afterwards no handler runs any more. */
void bri_check_attempt_end(struct bri_check_attempt *attempt);

#endif
