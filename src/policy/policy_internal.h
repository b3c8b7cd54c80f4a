/*
 * What the files of src/policy share. policy.c takes facts in, roles.c says what each path of a
 * connection should be, reconcile.c makes it so by commands, sampling.c looks and judges.
 *
 * A path of a connection is one local address. It has at most one main subflow; a second one is a
 * probe: a join whose answer shows that the path lives.
 */
#ifndef BRI_POLICY_INTERNAL_H
#define BRI_POLICY_INTERNAL_H

#include "base/list.h"
#include "policy/deadlines.h"
#include "policy/policy.h"
#include "policy/rate.h"
#include "policy/stall.h"

enum bri_role {
	BRI_ROLE_OFF,    /* no subflow */
	BRI_ROLE_BACKUP, /* ready, carries nothing */
	BRI_ROLE_ACTIVE,
};

struct bri_subflow {
	struct bri_policy_tuple tuple;
	uint8_t local_id, remote_id;
	uint32_t bound; /* to this device; 0: none */
	bool used;      /* this slot */
	bool doomed;    /* DESTROY was commanded */
	bool initial;
	bool backup; /* as last commanded */
	uint32_t prio_refused;
	struct bri_stall stall;
	struct bri_policy_sample sample;
	uint64_t up_ns;
	uint64_t active_ns; /* since when it is no backup */
	struct bri_rate rate;
	bool rate_due; /* a window has ended, and was not judged yet */
};

struct bri_path {
	bool used;
	uint32_t ifindex;
	struct bri_ip ip;
	uint8_t local_id;
	enum bri_role role; /* wanted */
	int8_t main;        /* index of its subflow; -1: none */
	/* a join that is not answered yet */
	bool joining, probing; /* probing: main lives, and is doubted */
	bool join_backup;
	uint8_t asked;      /* how often */
	uint64_t ask_ns;    /* time for an answer */
	uint64_t join_ns;   /* when it was commanded */
	uint32_t pending;   /* joins that are out */
	uint32_t cancelled; /* joins that we closed and whose end was not told yet */
	uint64_t doubt_ns;  /* probing: without an answer by then, the path is dead */
	/* its link was away, and its subflow lives: one of the ends may wait for a timeout of TCP,
	 * which has doubled many times. The answer to a join takes its place. */
	bool stale;
	/* a path that failed */
	bool dead;   /* judged so, or its address is gone; left when another path can take over */
	bool gently; /* its address went and its link did not */
	uint64_t leave_ns; /* its subflow is closed then: what is under way may arrive; 0: not so */
	bool stalled;      /* abandoned, and not back yet */
	uint64_t retry_ns; /* no join before this */
	uint32_t fails;    /* joins in a row without success */
	bool shut;         /* the peer takes no subflow over it */
	bool told_better;  /* and that it would be the better one was told */
	bool made_room;    /* for it a backup was given up */
	uint64_t trust_ns; /* carries nothing before this, if there is another */
	uint64_t hold_ns;  /* how long the next return is held back */
	uint64_t back_ns;  /* when it came back last */
	/* aggregate: stands by until */
	uint64_t out_until_ns, out_gap_ns;
	/* interactive: when its idle round trip time was measured last */
	uint64_t measured_ns;
	uint32_t measured_us;
};

struct bri_remote {
	bool used;
	uint8_t id;
	struct bri_ip ip;
	uint16_t port;
};

struct bri_conn {
	struct bri_list link;    /* in a bucket */
	struct bri_deadline due; /* in policy->deadlines */
	uint32_t token;
	bool server_side, deny_join_id0;
	struct bri_policy_tuple initial;
	struct bri_policy_wish wish;
	uint8_t next_id;
	uint32_t extra_max; /* further subflows that the peer takes, as far as we know */
	uint64_t begin_ns;
	uint64_t active_ns; /* when it last moved data */
	uint64_t sample_ns; /* next look; BRI_NEVER: idle */
	bool counted;       /* in policy->n_active */
	int8_t primary;     /* index of the path that carries data; -1: none */
	uint64_t settle_ns; /* priorities are not changed before this; 0: they may be */
	struct bri_path paths[BRI_POLICY_PATHS_MAX];
	struct bri_subflow subflows[BRI_POLICY_SUBFLOWS_MAX];
	struct bri_remote remotes[BRI_POLICY_REMOTES_MAX];
};

#define BRI_POLICY_BUCKETS 1024u

struct bri_link_memory {
	uint32_t ifindex; /* 0: free */
	struct bri_stall_link stall;
	/* aggregate: beside another it was of no use on the way to this address; stands by until */
	struct bri_ip narrow_to;
	uint64_t narrow_until_ns;
};

struct bri_policy {
	struct bri_list buckets[BRI_POLICY_BUCKETS];
	size_t n_connections, n_active;
	struct bri_deadlines deadlines;
	struct bri_policy_address addresses[BRI_POLICY_ADDRESSES_MAX];
	size_t n_addresses;
	uint32_t running[BRI_POLICY_ADDRESSES_MAX];
	size_t n_running;
	struct bri_link_memory links[BRI_POLICY_ADDRESSES_MAX];
	/* rings; grown when full */
	struct bri_policy_command *commands;
	size_t command_first, command_n, command_room;
	struct bri_policy_news *news;
	size_t news_first, news_n, news_room;
};

/* ---- policy.c ---- */
struct bri_conn *bri_policy_find(const struct bri_policy *p, uint32_t token);
/* bri_policy_path(): the path with this key; bri_policy_key(): a client's paths are its addresses;
 * a server has one address, and its paths are the client's. */
struct bri_path *bri_policy_path(struct bri_conn *c, const struct bri_ip *key);
const struct bri_ip *bri_policy_key(const struct bri_conn *c, const struct bri_policy_tuple *tuple);
const struct bri_policy_address *bri_policy_find_address(
	const struct bri_policy_address *list, size_t n, const struct bri_ip *ip);
const struct bri_policy_address *bri_policy_address_of(
	const struct bri_policy *p, const struct bri_path *path);
struct bri_link_memory *bri_policy_link(struct bri_policy *p, uint32_t ifindex);
bool bri_policy_ip_equal(const struct bri_ip *a, const struct bri_ip *b);
bool bri_policy_tuple_equal(const struct bri_policy_tuple *a, const struct bri_policy_tuple *b);
/* bri_policy_usable(): the path's address can be used, by the network and by the application. */
bool bri_policy_usable(
	const struct bri_policy *p, const struct bri_conn *c, const struct bri_path *path);
bool bri_policy_allowed(const struct bri_conn *c, const struct bri_policy_address *address);
/* bri_policy_up(): its main subflow is established and not being closed. */
static inline bool bri_policy_up(const struct bri_conn *c, const struct bri_path *path)
{
	return path->used && path->main >= 0 && !c->subflows[path->main].doomed;
}
/* bri_policy_rtt_us(): of the path, by its subflow, or by a join where that was not looked at yet;
 * 0: not known. */
static inline uint32_t bri_policy_rtt_us(const struct bri_conn *c, const struct bri_path *path)
{
	uint32_t us = bri_policy_up(c, path) ? c->subflows[path->main].sample.rtt_us : 0;

	return us ? us : path->measured_us;
}
/* bri_policy_next_id(): an address id that nothing of this connection has, never 0. */
uint8_t bri_policy_next_id(struct bri_conn *c);
/* bri_policy_has_other(): another path is up and not dead: it can take over. */
bool bri_policy_has_other(const struct bri_conn *c, const struct bri_path *path);
/* bri_policy_n_extra(): established subflows besides the initial one. */
unsigned bri_policy_n_extra(const struct bri_conn *c);
void bri_policy_emit(struct bri_policy *p, const struct bri_policy_command *command);
void bri_policy_tell(struct bri_policy *p, const struct bri_conn *c, enum bri_policy_news_kind kind,
	uint32_t ifindex);
/* bri_policy_arm(): the connection's next deadline, from what it holds. */
void bri_policy_arm(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);

/* ---- roles.c ---- */
/* bri_roles_assign(): writes path->role and c->primary. */
void bri_roles_assign(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);
/* bri_roles_deadline_ns(): when the answer may change by time alone. */
uint64_t bri_roles_deadline_ns(const struct bri_conn *c, uint64_t now_ns);

/* ---- reconcile.c ---- */
/* bri_reconcile(): assigns roles, and commands what is not so yet. */
void bri_reconcile(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);
/* bri_reconcile_destroy(): one subflow goes; the path keeps what it has else. */
void bri_reconcile_destroy(struct bri_policy *p, struct bri_conn *c, struct bri_subflow *s);
/* bri_reconcile_replace(): s takes the place of the path's main subflow, which is closed. */
void bri_reconcile_replace(
	struct bri_policy *p, struct bri_conn *c, struct bri_path *path, struct bri_subflow *s);
/* bri_reconcile_join(): opens a subflow on the path, if limits and addresses allow it. */
bool bri_reconcile_join(struct bri_policy *p, struct bri_conn *c, struct bri_path *path,
	bool backup, uint64_t now_ns);
/* bri_reconcile_cancel(): closes the join that waits. */
void bri_reconcile_cancel(struct bri_policy *p, struct bri_conn *c, struct bri_path *path);
/* bri_reconcile_expire(): joins that were not answered. */
void bri_reconcile_expire(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);
/* bri_reconcile_deadline_ns(): when a join, or its end, is due. */
uint64_t bri_reconcile_deadline_ns(
	const struct bri_policy *p, const struct bri_conn *c, const struct bri_path *path);
/* bri_reconcile_failed(): a join on the path failed; refused: somebody answered. */
void bri_reconcile_failed(struct bri_path *path, bool refused, uint64_t now_ns);

/* ---- sampling.c ---- */
/* bri_sampling_tick(): commands the looks that are due, plans the next. */
void bri_sampling_tick(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);
/* bri_sampling_wake(): the connection has something to move. */
void bri_sampling_wake(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);
/* bri_sampling_glance(): look whether it has. */
void bri_sampling_glance(struct bri_policy *p, struct bri_conn *c, uint64_t now_ns);
void bri_sampling_stop(struct bri_policy *p, struct bri_conn *c);
/* bri_sampling_judge(): a sample of a subflow of ours. */
void bri_sampling_judge(struct bri_policy *p, struct bri_conn *c, struct bri_subflow *s,
	const struct bri_policy_sample *sample, uint64_t now_ns);

#endif
