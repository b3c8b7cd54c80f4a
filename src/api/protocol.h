/*
 * Protocols: a definition says which, options say how it shall behave, metadata what it says of a
 * message or a connection. Built-in definitions are static; others (framers) are counted objects.
 * Knows nothing of sockets: the connection flattens options into what the transport takes.
 */
#ifndef BRI_API_PROTOCOL_H
#define BRI_API_PROTOCOL_H

#include <pthread.h>
#include "api/object.h"

/* Where in a stack a protocol may stand; a set, as QUIC is both a transport and above one. */
enum bri_protocol_level {
	BRI_PROTOCOL_INTERNET = 1,
	BRI_PROTOCOL_TRANSPORT = 2,
	BRI_PROTOCOL_APPLICATION = 4,
};

struct bri_layer;

struct dispatch_data_s;
union bri_sockaddr;

/* What a layer is made for. Borrowed for the call; what a layer needs later it copies. */
struct bri_layer_env {
	struct dispatch_queue_s *queue; /* of the connection: the layer's own, too */
	nw_parameters_t parameters;
	nw_endpoint_t endpoint;           /* the one the connection was made for: the far end */
	const char *host;                 /* its name or address as text; "": not known */
	const union bri_sockaddr *remote; /* the transport's; NULL: not known */
	const char *url;                  /* of a url endpoint; NULL: none */
	/* of the highest layer: content that may be sent with its opening, also twice; NULL: none
	 */
	struct dispatch_data_s *early;
	bool is_server;   /* the connection was accepted */
	bool is_datagram; /* over UDP */
	nw_connection_t
		connection; /* for what is given to the application; not retained by layers */
};

/* What a protocol may say to a peer that it keeps no state of. */
#define BRI_PROTOCOL_REPLY_MAX 64u

struct nw_protocol_definition {
	struct bri_object base;
	const char *identifier; /* "tcp"; for descriptions and log lines */
	unsigned levels;        /* enum bri_protocol_level */

	/* Options: a struct that starts with struct nw_protocol_options. 0: the protocol has none
	 */
	size_t options_size;
	/* what zeroes do not say of new options. NULL: nothing. 0 or -errno */
	int (*options_init)(nw_protocol_options_t opts);
	/* a deep copy of src's body into dst, which is zeroed. NULL: the bytes are the copy */
	int (*options_copy)(nw_protocol_options_t dst, nw_protocol_options_t src);
	void (*options_fini)(nw_protocol_options_t opts); /* NULL: nothing to give back */

	/* Metadata: a struct that starts with struct nw_protocol_metadata. 0: the protocol has none
	 */
	size_t metadata_size;
	int (*metadata_init)(nw_protocol_metadata_t md);
	void (*metadata_fini)(nw_protocol_metadata_t md);

	/*
	 * An application protocol's layer (stack/layer.h) of one connection attempt.
	 *   opts  frozen copies of the connection: they do not change any more, and live as long
	 * Returns NULL: no memory, or it cannot be (logged). NULL here: not an application
	 * protocol.
	 */
	struct bri_layer *(*layer_new)(nw_protocol_options_t opts, const struct bri_layer_env *env);
	/*
	 * Of a listener's lowest application protocol over UDP: does this datagram of a new peer
	 * make an inbound connection, which is given the datagram then?
	 *   ret_reply  what to send instead; *ret_size: 0 before
	 * NULL: any datagram does.
	 */
	bool (*admits)(nw_protocol_options_t opts, const union bri_sockaddr *remote,
		const void *bytes, size_t size, uint8_t ret_reply[static BRI_PROTOCOL_REPLY_MAX],
		size_t *ret_size);
};

struct nw_protocol_options {
	struct bri_object base;
	nw_protocol_definition_t definition; /* internal reference */
};

struct nw_protocol_metadata {
	struct bri_object base;
	nw_protocol_definition_t definition; /* internal reference */
};

extern const struct bri_class bri_protocol_definition_class;
#define BRI_PROTOCOL_STATIC BRI_OBJECT_STATIC(&bri_protocol_definition_class)

/* The built-in definitions; later ones (tls, ws, quic) are declared by their own headers. */
extern struct nw_protocol_definition bri_protocol_tcp;
extern struct nw_protocol_definition bri_protocol_udp;
extern struct nw_protocol_definition bri_protocol_ip;

/* bri_protocol_options_new(): +1 with the protocol's defaults. NULL: no options, or no memory. */
nw_protocol_options_t bri_protocol_options_new(nw_protocol_definition_t def);
/* bri_protocol_options_copy(): +1 deep copy. NULL: no memory. */
nw_protocol_options_t bri_protocol_options_copy(nw_protocol_options_t opts);
/* bri_protocol_metadata_new(): +1, zeroed but for metadata_init. NULL: none, or no memory. */
nw_protocol_metadata_t bri_protocol_metadata_new(nw_protocol_definition_t def);

/* NULL and other kinds are "not"; nothing is logged. */
bool bri_protocol_options_is(const void *opts, const struct nw_protocol_definition *def);
bool bri_protocol_metadata_is(const void *md, const struct nw_protocol_definition *def);

/*
 * The argument checks of public functions: the options or metadata of `def`, or NULL and one logged
 * line that names `function`.
 */
void *bri_protocol_options_check(
	nw_protocol_options_t opts, const struct nw_protocol_definition *def, const char *function);
void *bri_protocol_metadata_check(
	nw_protocol_metadata_t md, const struct nw_protocol_definition *def, const char *function);

#endif
