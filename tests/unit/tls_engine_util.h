/* What the tests of the TLS engine share: certificates, configurations, a talk of two engines. */
#ifndef TLS_ENGINE_UTIL_H
#define TLS_ENGINE_UTIL_H

#include "tls_util.h"

extern struct tls_cert leaf, other, client_cert; /* example.test, other.test, client.test */

/* for the group of tests */
int make_certificates(void **state);
int free_certificates(void **state);

struct bri_tls_config client_config(void);
struct bri_tls_config server_config(void);
struct tls_pair *new_pair(void);
/* talk(): the handshake is done on both sides, then each says something. */
void talk(struct tls_pair *pair);
/* talking_pair(): a client and a server as they usually are, and they have talked. */
struct tls_pair *talking_pair(void);
void drop(struct tls_pair *pair);

#endif
