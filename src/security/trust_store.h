/* The system's trust store, read once a process. */
#ifndef BRI_SECURITY_TRUST_STORE_H
#define BRI_SECURITY_TRUST_STORE_H

#include <gnutls/x509.h>

/* bri_trust_store_system(): shared, immutable, lives as long as the process. NULL: no memory. */
gnutls_x509_trust_list_t bri_trust_store_system(void);

#endif
