/*
 * Early data (0-RTT; RFC 8446 sections 2.3, 4.2.10 and 8): a client's content goes with its
 * ClientHello, under the key of a ticket. Whoever copies it can send it again, so a server takes
 * each hello's once, and a client sends only what may arrive twice.
 *
 * Two things GnuTLS (3.7) does not: after a HelloRetryRequest neither of its ends finds the other's
 * records any more, so a client sends none where it has met one, and no server of ours asks for a
 * group that clients have no share of, if it can be helped (tls_priority.c). And it gives a server
 * its keys for content when the early data has ended, so what a server says to it comes no sooner
 * than without; what others' servers say does.
 */
#include "proto/tls/tls_internal.h"

#include <errno.h>

static int init_client(struct bri_tls *tls, const struct bri_tls_config *config)
{
	size_t size = bri_min_size(
		config->early.size, gnutls_record_get_max_early_data_size(tls->session));
	ssize_t r;

	if (!size || !config->resume.size)
		return 0;
	r = gnutls_record_send_early_data(tls->session, config->early.bytes, size);
	/* a session of TLS 1.2, a ticket that does not allow it: it goes the ordinary way */
	if (r >= 0)
		tls->early_sent = size;
	return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : 0;
}

int bri_tls_early_init(struct bri_tls *tls, const struct bri_tls_config *config)
{
	if (!tls->server)
		return config->early.size ? init_client(tls, config) : 0;
	if (!config->replay)
		return 0;
	gnutls_record_set_max_early_data_size(tls->session, BRI_TLS_EARLY_MAX);
	gnutls_anti_replay_enable(tls->session, bri_tls_replay_gnutls(config->replay));
	return 0;
}

void bri_tls_early_finish(struct bri_tls *tls)
{
	if (!(gnutls_session_get_flags(tls->session) & GNUTLS_SFLAGS_EARLY_DATA))
		return;
	tls->early_waits = tls->server;
	tls->early_ok = tls->server ? 1 : tls->early_sent;
}

size_t bri_tls_early_read(struct bri_tls *tls, void *buffer, size_t size)
{
	ssize_t n;

	if (!tls->early_waits)
		return 0;
	n = gnutls_record_recv_early_data(tls->session, buffer, size);
	tls->early_waits = n > 0;
	return n > 0 ? (size_t)n : 0;
}

bool bri_tls_may_be_early(const struct bri_tls *tls)
{
	gnutls_group_t group = gnutls_group_get(tls->session);

	/* of these GnuTLS sends a share; any other has cost a HelloRetryRequest */
	return !tls->server && gnutls_protocol_get_version(tls->session) == GNUTLS_TLS1_3 &&
	       (group == GNUTLS_GROUP_SECP256R1 || group == GNUTLS_GROUP_X25519);
}

size_t bri_tls_early(const struct bri_tls *tls)
{
	return tls->early_ok;
}
