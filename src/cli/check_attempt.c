/* One connection of `braid check HOST`: made, waited for, ended. Knows nothing of verdicts. */
#include "cli/check_attempt.h"

#include <errno.h>
#include <stdio.h>
#include "base/clock.h"

#define CANCEL_TIMEOUT_NS                                                                          \
	(2 * (int64_t)BRI_NS_PER_S) /* cancelling is immediate; a bound all the same */

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct bri_check_attempt *attempt = context;

	if (state == nw_connection_state_cancelled) {
		dispatch_semaphore_signal(attempt->cancelled);
		return;
	}
	if (attempt->is_settled)
		return;
	switch (state) {
	case nw_connection_state_ready:
		attempt->ready = true;
		attempt->ready_ns = bri_clock_now_ns();
		break;
	case nw_connection_state_waiting: /* every address was tried: for a check that is the end */
	case nw_connection_state_failed: {
		char buffer[96];

		if (error) {
			attempt->domain = nw_error_get_error_domain(error);
			attempt->code = nw_error_get_error_code(error);
		}
		snprintf(attempt->error, sizeof(attempt->error), "%s",
			bri_net_error_text(error, buffer, sizeof(buffer)));
		break;
	}
	default: return;
	}
	attempt->is_settled = true;
	dispatch_semaphore_signal(attempt->settled);
}

int bri_check_attempt_start(const struct bri_cli_target *target, nw_parameters_t parameters,
	uint64_t timeout_ns, struct bri_check_attempt *ret)
{
	nw_endpoint_t endpoint = nw_endpoint_create_host(target->host, target->port);

	*ret = (struct bri_check_attempt) { .domain = nw_error_domain_invalid };
	if (endpoint && parameters)
		ret->connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	if (!ret->connection)
		return -ENOMEM;
	ret->settled = dispatch_semaphore_create(0);
	ret->cancelled = dispatch_semaphore_create(0);
	ret->queue = dispatch_queue_create("braid.check", DISPATCH_QUEUE_SERIAL);
	ret->start_ns = bri_clock_now_ns();
	nw_connection_set_queue(ret->connection, ret->queue);
	nw_connection_set_state_changed_handler_f(ret->connection, ret, on_state, NULL);
	nw_connection_start(ret->connection);
	return dispatch_semaphore_wait(
		       ret->settled, dispatch_time(DISPATCH_TIME_NOW, (int64_t)timeout_ns))
		       ? -ETIMEDOUT
		       : 0;
}

/* Runs on the connection's queue, after which no handler can be in the middle of an attempt. */
static void nothing(void *context)
{
	(void)context;
}

void bri_check_attempt_end(struct bri_check_attempt *attempt)
{
	if (!attempt->connection)
		return;
	nw_connection_cancel(attempt->connection);
	dispatch_semaphore_wait(
		attempt->cancelled, dispatch_time(DISPATCH_TIME_NOW, CANCEL_TIMEOUT_NS));
	nw_connection_set_state_changed_handler_f(attempt->connection, NULL, NULL, NULL);
	dispatch_sync_f(attempt->queue, NULL, nothing);
	dispatch_release(attempt->queue);
	dispatch_release(attempt->settled);
	dispatch_release(attempt->cancelled);
	nw_release(attempt->connection);
}
