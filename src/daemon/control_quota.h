/*
 * What a user of the control socket may have: clients, claims, requests a second. Pure: the time is
 * an argument. Knows neither sockets nor messages.
 */
#ifndef BRI_CONTROL_QUOTA_H
#define BRI_CONTROL_QUOTA_H

#include <sys/types.h>
#include "base/base.h"

struct bri_control_limits {
	uint32_t clients; /* in all; the last few are kept for root */
	uint32_t clients_per_user;
	uint32_t claims;
	uint32_t claims_per_user;
	uint32_t requests_per_s; /* a user's, over all its clients; a new client counts as one */
	uint32_t requests_burst;
	uint32_t queue;    /* messages that wait for a client to read */
	uint64_t first_ns; /* a client without any request is closed */
	uint64_t idle_ns;  /* one that has neither claims nor watches, after its last request */
	uint64_t stall_ns; /* one that does not read what waits for it */
};

extern const struct bri_control_limits bri_control_limits_default;

struct bri_control_user {
	uid_t uid;
	bool used;
	uint32_t clients, claims;
	uint64_t allowed_ns; /* requests are let through when now + burst is past this (GCRA) */
};

struct bri_control_quota {
	const struct bri_control_limits *limits; /* borrowed for the quota's life */
	uint32_t clients, claims;
	size_t n_users; /* of the table */
	struct bri_control_user *users;
};

/* bri_control_quota_init(): returns 0 or -ENOMEM. */
int bri_control_quota_init(
	struct bri_control_quota *quota, const struct bri_control_limits *limits);
void bri_control_quota_fini(struct bri_control_quota *quota);

/*
 * bri_control_quota_enter(): a client of `uid` comes.
 *   ret  its user; valid until bri_control_quota_leave()
 * Returns 0, -EUSERS (full), -EDQUOT (this user has its share), -EAGAIN (comes too often).
 */
int bri_control_quota_enter(
	struct bri_control_quota *quota, uid_t uid, uint64_t now_ns, struct bri_control_user **ret);
void bri_control_quota_leave(struct bri_control_quota *quota, struct bri_control_user *user);

/* bri_control_quota_request(): 0: go on; else the time from when on the request may be read. */
uint64_t bri_control_quota_request(
	const struct bri_control_quota *quota, struct bri_control_user *user, uint64_t now_ns);

/* bri_control_quota_claim(): one more claim. Returns 0, -EUSERS (full), -EDQUOT. */
int bri_control_quota_claim(struct bri_control_quota *quota, struct bri_control_user *user);
void bri_control_quota_release(struct bri_control_quota *quota, struct bri_control_user *user);

#endif
