/* What clients want of connections: claims, and services that people and programs set. Of who asks
 * only the user counts here; whose claim it is the control server knows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon_internal.h"

#define SYN_SENT_STATE 2

_Static_assert(BRI_MESSAGE_MAX_INTERFACES <= BRI_POLICY_INTERFACES_MAX, "a claim's lists fit");

static int check_mode(const struct bri_daemon *d, char why[static BRI_MESSAGE_TEXT_MAX])
{
	if (!d->steers_kernel)
		return 0;
	snprintf(why, BRI_MESSAGE_TEXT_MAX,
		"braidd steers the kernel's path manager here: no connection has a service of its "
		"own");
	return -EOPNOTSUPP;
}

static int check_user(const struct bri_control_who *who, uint32_t uid, uint32_t token,
	char why[static BRI_MESSAGE_TEXT_MAX])
{
	if (who->uid == 0 || who->uid == uid)
		return 0;
	snprintf(why, BRI_MESSAGE_TEXT_MAX, "connection %08x is another user's", token);
	return -EPERM;
}

/*
 * The connection of a token that `who` may change.
 *   ret  its entry; NULL: it still connects. Entries are for what is established: the scan sees
 *        those end, and nobody tells the end of one that never got so far
 */
static int look_up(struct bri_daemon *d, const struct bri_control_who *who, uint32_t token,
	char why[static BRI_MESSAGE_TEXT_MAX], struct bri_owner **ret)
{
	struct bri_owner *owner;
	struct bri_nl_diag connection;
	uint32_t uid;
	int r = check_mode(d, why);

	if (r < 0)
		return r;
	owner = bri_owners_find(&d->owners, token);
	if (owner) {
		uid = owner->uid;
	} else {
		r = bri_kernel_connection(d->kernel, token, &connection);
		if (r < 0) {
			snprintf(why, BRI_MESSAGE_TEXT_MAX, "there is no connection %08x", token);
			return -ENOENT;
		}
		uid = connection.uid;
	}
	r = check_user(who, uid, token, why);
	if (r < 0)
		return r;
	if (!owner && connection.state != SYN_SENT_STATE) {
		owner = bri_daemon_learn(d, &connection);
		if (!owner)
			return -ENOMEM;
	}
	*ret = owner;
	return 0;
}

static void apply(struct bri_daemon *d, struct bri_owner *owner)
{
	/* not there yet: its event is still to come, and finds the wish */
	if (bri_policy_set_wish(d->policy, owner->token, &owner->wish, bri_clock_now_ns()) == 0)
		bri_daemon_pump(d);
}

static void change(struct bri_owner *owner, const struct bri_policy_wish *wish, bool claimed)
{
	if (claimed && !owner->claimed) {
		owner->before = owner->wish;
		owner->source_before = owner->source;
		owner->claimed = true;
	}
	owner->source = BRI_MESSAGE_SOURCE_APPLICATION;
	if (claimed)
		owner->wish = *wish;
	else
		owner->wish.service = wish->service;
}

void bri_daemon_waiting_wishes(
	struct bri_daemon *d, const struct bri_nl_diag *connection, struct bri_owner *owner)
{
	struct bri_pending_wish said;

	while (bri_pending_take(&d->pending, owner->token, connection->cookie, owner->uid,
		bri_clock_now_ns(), &said))
		change(owner, &said.wish, said.claimed);
}

static int change_or_wait(struct bri_daemon *d, const struct bri_control_who *who, uint32_t token,
	const struct bri_policy_wish *wish, bool claimed, char why[static BRI_MESSAGE_TEXT_MAX])
{
	const struct bri_pending_wish waiting = {
		.token = token,
		.uid = (uint32_t)who->uid,
		.claimed = claimed,
		.wish = *wish,
	};
	struct bri_owner *owner;
	int r = look_up(d, who, token, why, &owner);

	if (r < 0)
		return r;
	if (!owner)
		return bri_pending_add(&d->pending, &waiting, bri_clock_now_ns());
	change(owner, wish, claimed);
	apply(d, owner);
	return 0;
}

int bri_daemon_claim(void *context, const struct bri_control_who *who,
	const struct bri_message_claim *claim, char why[static BRI_MESSAGE_TEXT_MAX])
{
	struct bri_policy_wish wish = {
		.service = (enum bri_service)claim->service,
		.cold = claim->flags & BRI_MESSAGE_CLAIM_COLD,
		.n_required = claim->n_required,
		.n_prohibited = claim->n_prohibited,
	};

	memcpy(wish.required, claim->required, claim->n_required * sizeof(claim->required[0]));
	memcpy(wish.prohibited, claim->prohibited,
		claim->n_prohibited * sizeof(claim->prohibited[0]));
	return change_or_wait(context, who, claim->token, &wish, true, why);
}

void bri_daemon_release(void *context, uint32_t token)
{
	struct bri_daemon *d = context;
	struct bri_owner *owner = bri_owners_find(&d->owners, token);

	bri_pending_release(&d->pending, token);
	if (!owner || !owner->claimed)
		return;
	owner->claimed = false;
	owner->wish = owner->before;
	owner->source = owner->source_before;
	apply(d, owner);
}

int bri_daemon_set(void *context, const struct bri_control_who *who,
	const struct bri_message_set *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	const struct bri_policy_wish wish = { .service = (enum bri_service)set->service };
	int r;

	if (!set->token) {
		/* which sockets a process has is in its /proc entry, which we may not read */
		snprintf(why, BRI_MESSAGE_TEXT_MAX, "name the connections by their tokens");
		return -EOPNOTSUPP;
	}
	r = change_or_wait(context, who, set->token, &wish, false, why);
	if (r == 0)
		*ret_count = 1;
	return r;
}

int bri_daemon_set_socket(void *context, const struct bri_control_who *who,
	const struct bri_message_set_socket *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	const struct bri_pending_wish waiting = {
		.cookie = set->cookie,
		.uid = (uint32_t)who->uid,
		.wish = { .service = (enum bri_service)set->service },
	};
	struct bri_daemon *d = context;
	struct bri_owner *owner;
	int r = check_mode(d, why);

	if (r < 0)
		return r;
	*ret_count = 0;
	/* who made it does not wait for us: it may be connected already */
	owner = bri_owners_find_cookie(&d->owners, set->cookie);
	if (!owner)
		return bri_pending_add(&d->pending, &waiting, bri_clock_now_ns());
	r = check_user(who, owner->uid, owner->token, why);
	if (r < 0)
		return r;
	change(owner, &waiting.wish, false);
	apply(d, owner);
	*ret_count = 1;
	return 0;
}
