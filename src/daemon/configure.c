/* What the configuration says of connections: when they are learned, when their program is found,
 * when the configuration was read again. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon_internal.h"

#define ESTABLISHED_STATE 1

static bool has_program_rule(const struct bri_config *config)
{
	for (uint32_t i = 0; i < config->n_rules; i++) {
		if (*config->rules[i].program)
			return true;
	}
	return false;
}

/* What the application said comes before it; then it holds when that ends. */
static void set_wish(
	struct bri_owner *owner, const struct bri_policy_wish *wish, enum bri_message_source source)
{
	if (owner->claimed) {
		owner->before = *wish;
		owner->source_before = source;
	} else if (owner->source != BRI_MESSAGE_SOURCE_APPLICATION) {
		owner->wish = *wish;
		owner->source = source;
	}
}

static void decide(struct bri_daemon *d, const struct bri_nl_diag *connection,
	const struct bri_program *program, struct bri_owner *owner)
{
	struct bri_config_facts facts = { .has_uid = true, .uid = connection->uid };
	struct bri_config_service service;
	struct bri_policy_tuple tuple;

	bri_kernel_tuple(&connection->local, &connection->remote, &tuple);
	facts.local_port = tuple.local_port;
	facts.remote_port = tuple.remote_port;
	facts.remote = tuple.remote;
	if (program && program->pid) {
		facts.comm = program->comm;
		facts.exe = *program->exe ? program->exe : NULL;
	}
	bri_config_service_for(d->options.config, &facts, &service);
	set_wish(owner,
		&(struct bri_policy_wish) {
			.service = (enum bri_service)service.service,
			.cold = service.cold,
		},
		(enum bri_message_source)service.source);
}

void bri_daemon_configured_wish(
	struct bri_daemon *d, const struct bri_nl_diag *connection, struct bri_owner *owner)
{
	const struct bri_policy_wish wait = { .service = BRI_SERVICE_NONE };

	/* Until it is known whose it is, some ms, nothing is begun that the rule may forbid. */
	if (has_program_rule(d->options.config) && connection->inode &&
		bri_programs_ask(d->programs, owner->token, connection->inode) == 0)
		set_wish(owner, &wait, BRI_MESSAGE_SOURCE_DEFAULT);
	else
		decide(d, connection, NULL, owner);
}

void bri_daemon_on_program(void *context, uint32_t token, const struct bri_program *program)
{
	struct bri_daemon *d = context;
	struct bri_owner *owner = bri_owners_find(&d->owners, token);
	struct bri_nl_diag connection;

	if (!owner || bri_kernel_connection(d->kernel, token, &connection) < 0 ||
		connection.inode != owner->inode)
		return; /* it is over */
	owner->pid = program->pid;
	snprintf(owner->program, sizeof(owner->program), "%s", program->comm);
	decide(d, &connection, program, owner);
	if (bri_policy_set_wish(d->policy, token, &owner->wish, bri_clock_now_ns()) == 0)
		bri_daemon_pump(d);
}

static void on_connection(void *context, const struct bri_nl_diag *connection)
{
	struct bri_daemon *d = context;
	struct bri_owner *owner;

	if (connection->state != ESTABLISHED_STATE || !connection->has_mptcp)
		return;
	owner = bri_owners_find(&d->owners, connection->mptcp.token);
	if (!owner)
		return;
	/* not by way of "none": paths that stay are not to be closed in between */
	if (!has_program_rule(d->options.config) ||
		bri_programs_ask(d->programs, owner->token, connection->inode) < 0)
		decide(d, connection, NULL, owner);
	bri_policy_set_wish(d->policy, owner->token, &owner->wish, bri_clock_now_ns());
}

void bri_daemon_configure(struct bri_daemon *d, const struct bri_config *config)
{
	int r;

	d->options.config = config;
	if (d->steers_kernel) {
		bri_daemon_on_network(d);
		return;
	}
	r = bri_kernel_each(d->kernel, true, d, on_connection);
	if (r < 0)
		bri_warn("existing connections keep their services: %s", strerror(-r));
	bri_daemon_on_network(d);
}
