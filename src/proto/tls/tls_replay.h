/*
 * Which ClientHellos with early data a server has seen (RFC 8446 section 8.2): each counts once.
 * Shared by all sessions whose tickets have one key.
 */
#ifndef BRI_TLS_REPLAY_H
#define BRI_TLS_REPLAY_H

#include <gnutls/gnutls.h>
#include "base/base.h"

/* How old a ClientHello may seem (RFC 8446 section 8.3): a round trip and clocks that drift. */
#define BRI_TLS_REPLAY_WINDOW_MS 10000u
/* Hellos of one such time. More of them are served like any other: their early data is refused. */
#define BRI_TLS_REPLAY_MAX 8192u

struct bri_tls_replay;

/* bri_tls_replay_new(): NULL: no memory. free: when no session uses it any more; NULL is harmless
 */
struct bri_tls_replay *bri_tls_replay_new(void);
void bri_tls_replay_free(struct bri_tls_replay *replay);
/* bri_tls_replay_gnutls(): for a session, as long as the replay lives. Any thread. */
gnutls_anti_replay_t bri_tls_replay_gnutls(struct bri_tls_replay *replay);
/* bri_tls_replay_add(): the first time? until: seconds since 1970, a window from now. 0, -EEXIST,
 * or -ENOSPC: it cannot be told. Any thread. */
int bri_tls_replay_add(
	struct bri_tls_replay *replay, int64_t until_s, const void *key, size_t size);

#endif
