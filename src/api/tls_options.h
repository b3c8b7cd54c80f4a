/* nw_tls_*: the options and metadata of TLS, which hold those of sec_protocol_*. */
#ifndef BRI_API_TLS_OPTIONS_H
#define BRI_API_TLS_OPTIONS_H

#include "api/protocol.h"
#include "api/sec_metadata.h"
#include "api/sec_options.h"

struct bri_tls_options {
	struct nw_protocol_options base;
	struct sec_protocol_options *sec; /* internal reference; never NULL */
};

struct bri_tls_metadata {
	struct nw_protocol_metadata base;
	struct sec_protocol_metadata
		*sec; /* internal reference; never NULL once it is handed out */
};

extern struct nw_protocol_definition bri_protocol_tls;

/* bri_tls_metadata_new(): +1; sec: internal reference, taken. NULL: no memory. */
nw_protocol_metadata_t bri_tls_metadata_new(struct sec_protocol_metadata *sec);

#endif
