/*
 * Wishes for connections that are not established yet: said by whoever made the socket, or while it
 * connects. Kept until the connection appears, for a time. Pure: the time is an argument. Knows
 * neither the kernel nor clients.
 */
#ifndef BRI_DAEMON_PENDING_H
#define BRI_DAEMON_PENDING_H

#include "base/list.h"
#include "policy/policy.h"

#define BRI_PENDING_MAX          1024u
#define BRI_PENDING_PER_USER_MAX 128u /* so that one user leaves room for others */
/* A socket is connected soon after it was made, or never. */
#define BRI_PENDING_SOCKET_NS (UINT64_C(60) * 1000 * 1000 * 1000)
/* connect(2) gives up after some 130 s (tcp_syn_retries is 6). */
#define BRI_PENDING_CONNECT_NS (UINT64_C(150) * 1000 * 1000 * 1000)

struct bri_pending_wish {
	uint64_t cookie; /* of the socket, or 0 */
	uint32_t token;  /* of the connection, or 0; exactly one of both */
	uint32_t uid;    /* who said it. 0 (root) may say it of anyone's connection */
	bool claimed; /* it ends when who claimed it says so; otherwise only the service counts */
	struct bri_policy_wish wish;
};

struct bri_pending {
	struct bri_list list; /* the oldest first */
	size_t n;
};

void bri_pending_init(struct bri_pending *p);
void bri_pending_fini(struct bri_pending *p);

/*
 * bri_pending_add(): remembers a wish; copied. It takes the place of what the same user has said of
 * the same socket, or token. A user who has enough of them loses the oldest that is no claim.
 * Returns 0, -EUSERS (full), -EDQUOT (all of this user's are claims), -ENOMEM.
 */
int bri_pending_add(struct bri_pending *p, const struct bri_pending_wish *wish, uint64_t now_ns);

/* bri_pending_take(): the oldest wish for this connection whose owner is `uid`; it is removed.
 * False: there is none (any more). */
bool bri_pending_take(struct bri_pending *p, uint32_t token, uint64_t cookie, uint32_t uid,
	uint64_t now_ns, struct bri_pending_wish *ret);

/* bri_pending_release(): the claim of this token ended. */
void bri_pending_release(struct bri_pending *p, uint32_t token);

#endif
