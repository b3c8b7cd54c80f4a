/*
 * What is known of a connection besides its paths: whose it is, and who said which service it has.
 * By token. Knows nothing of the kernel.
 */
#ifndef BRI_DAEMON_OWNERS_H
#define BRI_DAEMON_OWNERS_H

#include <sys/types.h>
#include "base/list.h"
#include "control/message.h"
#include "policy/policy.h"

#define BRI_OWNERS_BUCKETS 1024u

struct bri_owner {
	struct bri_list link;
	uint32_t token;
	uint32_t uid, inode;
	uint64_t cookie;
	pid_t pid; /* 0: not known, as nothing asked for it */
	char program[BRI_MESSAGE_NAME_MAX];
	enum bri_message_source source; /* of the wish */
	bool claimed;
	struct bri_policy_wish wish;   /* in force */
	struct bri_policy_wish before; /* while it is claimed: what holds when the claim ends */
	enum bri_message_source source_before;
};

struct bri_owners {
	struct bri_list buckets[BRI_OWNERS_BUCKETS];
};

void bri_owners_init(struct bri_owners *o);
void bri_owners_fini(struct bri_owners *o);
/* bri_owners_find(): NULL: not known. */
struct bri_owner *bri_owners_find(struct bri_owners *o, uint32_t token);
/* bri_owners_find_cookie(): by the socket's cookie; looks at all of them. */
struct bri_owner *bri_owners_find_cookie(struct bri_owners *o, uint64_t cookie);
/* bri_owners_add(): a new one, zeroed, or NULL: no memory. The token must not be known. */
struct bri_owner *bri_owners_add(struct bri_owners *o, uint32_t token);
void bri_owners_remove(struct bri_owners *o, uint32_t token);

#endif
