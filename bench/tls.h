/* What the TLS programs share: a certificate of the moment, and sessions of bare GnuTLS. */
#ifndef BENCH_TLS_H
#define BENCH_TLS_H

#include <gnutls/gnutls.h>
#include "client.h"

/* TLS 1.3 with AES-128-GCM; the rest is GnuTLS's choice, as it is libNetwork's. */
#define BENCH_TLS_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"

/* bench_tls_pem(): a new P-256 key and a certificate it signed itself, one after the other. Ends
 * the program on failure. The caller frees data with gnutls_free(). */
gnutls_datum_t bench_tls_pem(void);

/* bench_tls_check(): ends the program with GnuTLS's words when r is an error. */
void bench_tls_check(const char *what, int r);

/* bench_tls_server_init(), _client_init(): credentials, once. */
void bench_tls_server_init(void);
void bench_tls_client_init(void);
/* bench_tls_session(): over a nonblocking socket. flags: GNUTLS_SERVER or GNUTLS_CLIENT. No
 * tickets. */
gnutls_session_t bench_tls_session(int fd, unsigned flags);

/* What gnutls_*() say when the socket has no more, or takes no more. */
static inline bool bench_tls_is_later(ssize_t r)
{
	return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED;
}

#endif
