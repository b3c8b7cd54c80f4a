/*
 * What resumes TLS sessions, for all client connections of the process: the tickets that servers
 * gave, by whom they are for and under which options. Bounded; each ticket is used once (RFC 8446
 * appendix C.4). Knows no TLS.
 */
#ifndef BRI_API_TLS_CACHE_H
#define BRI_API_TLS_CACHE_H

#include <gnutls/gnutls.h>
#include "base/base.h"

/* Servers that a process talks to again and again; 64 tickets of some 2 KB (chains are in them). */
#define BRI_TLS_CACHE_MAX 64u
/* A ticket holds the server's chain; one that is larger than this is not worth it. */
#define BRI_TLS_CACHE_TICKET_MAX (32u * 1024u)

/* bri_tls_cache_put(): ticket is taken (gnutls_free()); the one before for this key goes.
 *   early  early data may go with it */
void bri_tls_cache_put(const char *key, gnutls_datum_t ticket, bool early);
/* bri_tls_cache_take(): false: none. *ret is the caller's to gnutls_free(). Context: any thread. */
bool bri_tls_cache_take(const char *key, gnutls_datum_t *ret, bool *ret_early);
/* bri_tls_cache_clear(): for tests. */
void bri_tls_cache_clear(void);

#endif
