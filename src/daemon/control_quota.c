/* What a user of the control socket may have. Pure. Knows neither sockets nor messages. */
#include "daemon/control_quota.h"

#include <errno.h>
#include <stdlib.h>

/* A client is a process with connections, so 128 are a busy user; a claim is a connection. */
const struct bri_control_limits bri_control_limits_default = {
	.clients = 480, /* descriptors: below the usual soft limit of 1024, with the daemon's own */
	.clients_per_user = 128,
	.claims = 16384,
	.claims_per_user = 4096,
	.requests_per_s = 1000,
	.requests_burst = 2000,
	.queue = 64,
	.first_ns = 10 * BRI_NS_PER_S,
	.idle_ns = 60 * BRI_NS_PER_S,
	.stall_ns = 10 * BRI_NS_PER_S,
};

#define ROOT_RESERVE 8u /* clients: an administrator gets in when users have filled the rest */

int bri_control_quota_init(struct bri_control_quota *quota, const struct bri_control_limits *limits)
{
	/* as many users as clients, and some that have left but not yet been forgotten */
	size_t n = (size_t)limits->clients + limits->clients / 4 + ROOT_RESERVE;
	struct bri_control_user *users = calloc(n, sizeof(*users));

	if (!users)
		return -ENOMEM;
	*quota = (struct bri_control_quota) { .limits = limits, .n_users = n, .users = users };
	return 0;
}

void bri_control_quota_fini(struct bri_control_quota *quota)
{
	free(quota->users);
	*quota = (struct bri_control_quota) { .users = NULL };
}

static uint64_t interval_ns(const struct bri_control_limits *limits)
{
	return BRI_NS_PER_S / (limits->requests_per_s ? limits->requests_per_s : 1);
}

/* A user without clients is remembered until its requests are forgiven: else to reconnect would be
 * a way around the rate. */
static bool is_free(const struct bri_control_user *user, uint64_t now_ns)
{
	return !user->used || (user->clients == 0 && user->allowed_ns <= now_ns);
}

static struct bri_control_user *find(struct bri_control_quota *quota, uid_t uid, uint64_t now_ns)
{
	struct bri_control_user *spare = NULL, *u;

	for (size_t i = 0; i < quota->n_users; i++) {
		u = &quota->users[i];
		if (u->used && u->uid == uid)
			return u;
		if (!spare && is_free(u, now_ns))
			spare = u;
	}
	if (spare)
		*spare = (struct bri_control_user) { .uid = uid, .used = true };
	return spare;
}

int bri_control_quota_enter(
	struct bri_control_quota *quota, uid_t uid, uint64_t now_ns, struct bri_control_user **ret)
{
	const struct bri_control_limits *limits = quota->limits;
	uint32_t reserve = limits->clients > 4 * ROOT_RESERVE ? ROOT_RESERVE : 0;
	struct bri_control_user *user;

	if (quota->clients >= limits->clients - (uid == 0 ? 0 : reserve))
		return -EUSERS;
	user = find(quota, uid, now_ns);
	if (!user)
		return -EUSERS;
	if (uid != 0 && user->clients >= limits->clients_per_user)
		return -EDQUOT;
	if (bri_control_quota_request(quota, user, now_ns) != 0)
		return -EAGAIN;
	user->clients++;
	quota->clients++;
	*ret = user;
	return 0;
}

void bri_control_quota_leave(struct bri_control_quota *quota, struct bri_control_user *user)
{
	user->clients--;
	quota->clients--;
}

/*
 * The bucket as one number, the time up to which requests were paid for: it may be ahead of now by
 * what a burst takes.
 */
uint64_t bri_control_quota_request(
	const struct bri_control_quota *quota, struct bri_control_user *user, uint64_t now_ns)
{
	uint64_t step = interval_ns(quota->limits), ahead = step * quota->limits->requests_burst;
	uint64_t paid = user->allowed_ns > now_ns ? user->allowed_ns : now_ns;

	if (paid + step > now_ns + ahead)
		return paid + step - ahead;
	user->allowed_ns = paid + step;
	return 0;
}

int bri_control_quota_claim(struct bri_control_quota *quota, struct bri_control_user *user)
{
	if (quota->claims >= quota->limits->claims)
		return -EUSERS;
	if (user->claims >= quota->limits->claims_per_user)
		return -EDQUOT;
	quota->claims++;
	user->claims++;
	return 0;
}

void bri_control_quota_release(struct bri_control_quota *quota, struct bri_control_user *user)
{
	quota->claims--;
	user->claims--;
}
