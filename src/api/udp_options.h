/* Options and metadata of UDP. Knows nothing of sockets. */
#ifndef BRI_API_UDP_OPTIONS_H
#define BRI_API_UDP_OPTIONS_H

#include "api/protocol.h"

struct bri_udp_options {
	struct nw_protocol_options base;
	bool prefer_no_checksum; /* SO_NO_CHECK; has no effect over IPv6 */
};

struct bri_udp_metadata {
	struct nw_protocol_metadata base;
};

#endif
