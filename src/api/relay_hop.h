/* nw_relay_hop: a MASQUE relay. An object only: nothing connects through it yet. */
#ifndef BRI_API_RELAY_HOP_H
#define BRI_API_RELAY_HOP_H

#include <pthread.h>
#include "api/protocol.h"

/* As many as a request's header may have, see proto/proxy/http_connect.h. */
#define BRI_RELAY_HOP_FIELDS_MAX     100
#define BRI_RELAY_HOP_FIELD_SIZE_MAX 4096 /* name and value; servers take 4 to 8 KB */

struct nw_relay_hop {
	struct bri_object base;
	nw_endpoint_t http3, http2;             /* internal references; one may be NULL */
	nw_protocol_options_t tls;              /* internal reference; NULL: the defaults */
	pthread_mutex_t lock;                   /* over the fields */
	char *fields[BRI_RELAY_HOP_FIELDS_MAX]; /* "name: value" */
	size_t n_fields;
};

/* bri_relay_hop_takes_tls(): options of an application protocol; else one log line. */
bool bri_relay_hop_takes_tls(nw_protocol_options_t options, const char *function);
/* bri_relay_hop_takes_endpoint(): one that can be connected to; else one log line. */
bool bri_relay_hop_takes_endpoint(nw_endpoint_t endpoint, const char *function);

#endif
