/*
 * Framers inside: the definition a program makes, the messages, and the framer at work, which is a
 * layer of one connection attempt. Knows nothing of what is above and below it.
 */
#ifndef BRI_API_FRAMER_H
#define BRI_API_FRAMER_H

#include <pthread.h>
#include "api/framer_input.h"
#include "api/handler.h"
#include "api/protocol.h"
#include "api/protocol_stack.h"

struct bri_framer_definition {
	struct nw_protocol_definition base;
	struct bri_callable start;
	char identifier[];
};

/* framer_message.c: the values of a message; set on the program's threads, one at a time */
struct bri_framer_message {
	struct nw_protocol_metadata base;
	struct bri_list values;
};

enum bri_framer_handler {
	BRI_FRAMER_INPUT,
	BRI_FRAMER_OUTPUT,
	BRI_FRAMER_WAKEUP,
	BRI_FRAMER_STOP,
	BRI_FRAMER_CLEANUP,
	BRI_FRAMER_HANDLERS
};

/* A delivery that waits for its bytes. */
struct bri_framer_pending {
	size_t left; /* 0: none */
	bool complete;
};

struct nw_framer {
	struct bri_object base;
	struct bri_layer layer; /* the layer's reference to this object ends with it */

	/* for life; internal references */
	nw_protocol_options_t options;
	nw_parameters_t parameters;
	nw_endpoint_t remote;
	nw_endpoint_t local; /* from the start on; NULL: not known */
	struct dispatch_queue_s *queue;

	/* what else a protocol that is put above us is made with */
	char *host, *url; /* url: NULL: none */
	bool is_server, is_datagram;
	nw_connection_t connection; /* borrowed, while attached */
	nw_protocol_options_t prepended[BRI_PROTOCOL_STACK_MAX];
	unsigned prepended_count;

	pthread_mutex_t lock; /* of the handlers */
	struct bri_handler *handlers[BRI_FRAMER_HANDLERS];

	/* on the queue only */
	bool attached;  /* there is a layer */
	bool starting;  /* in the start handler */
	bool in_output; /* in the output handler */
	bool parsing;   /* in a parse block: the bytes it looks at stay where they are */
	bool pass_input, pass_output;
	bool failed;     /* and the chain knows */
	bool stopped;    /* the stop handler was called */
	bool cancelled;  /* the connection goes, and the stop handler has not heard of it */
	bool stopping;   /* and said that it has more to do: the connection's end waits */
	bool up_ended;   /* nothing is delivered any more */
	uint64_t now_ns; /* of the call we are in */
	uint64_t wakeup_ns;

	struct bri_framer_input in;
	struct bri_content unread; /* waits for room above before it comes to `in` */
	size_t wanted;             /* bytes before the input handler is called again */
	struct bri_framer_pending pending;
	struct bri_object *delivered; /* context of a message that is not complete; internal ref */

	struct bri_framer_input out;     /* the content of this call of the output handler */
	struct dispatch_data_s *written; /* what it wrote; application reference */
	nw_framer_message_t sent;        /* message of content that is not complete; internal ref */
	bool sent_open;                  /* a message of ours goes down, and is not complete */
};

/* --- framer_message.c --- */
/* bri_framer_message_init/fini(): the hooks of a definition. */
int bri_framer_message_init(nw_protocol_metadata_t md);
void bri_framer_message_fini(nw_protocol_metadata_t md);
/* bri_framer_message_set(): what both forms come to; dispose is consumed. */
void bri_framer_message_set(nw_framer_message_t message, const char *key, void *value,
	struct bri_callable dispose, const char *function);

/* --- framer_definition.c --- */
bool bri_framer_is_definition(const struct nw_protocol_definition *def);
nw_protocol_definition_t bri_framer_definition_new(
	const char *identifier, uint32_t flags, struct bri_callable start, const char *function);

/* --- framer_object.c: the hook of a definition that makes its layers --- */
struct bri_layer *bri_framer_object_new(
	nw_protocol_options_t opts, const struct bri_layer_env *env);

/* --- framer_layer.c: what the layer does; the checks of arguments are framer.c's --- */
extern const struct bri_layer_class bri_framer_layer_class;
static inline struct bri_framer_definition *bri_framer_definition(nw_framer_t f)
{
	return (struct bri_framer_definition *)f->options->definition;
}
/* bri_framer_layer_settle(): after any call of the program's: what it left to do. Returns as rx().
 */
int bri_framer_layer_settle(nw_framer_t f);
/* bri_framer_layer_fail(): the connection fails with this errno. */
void bri_framer_layer_fail(nw_framer_t f, int error);
/* bri_framer_layer_stopped(): what the stop handler waited for is done. */
void bri_framer_layer_stopped(nw_framer_t f);
/* bri_framer_layer_deliver(): data (application reference, taken; NULL: none) goes up. */
void bri_framer_layer_deliver(
	nw_framer_t f, struct dispatch_data_s *data, nw_framer_message_t message, bool complete);
/* bri_framer_layer_deliver_pending(): what has come of a delivery that waits. */
void bri_framer_layer_deliver_pending(nw_framer_t f);
/* bri_framer_layer_write(): data (application reference, taken) goes down. */
void bri_framer_layer_write(nw_framer_t f, struct dispatch_data_s *data);
/* bri_framer_layer_end(): no more in either direction. */
void bri_framer_layer_end(nw_framer_t f);

/* --- framer.c: what both forms of the functions come to --- */
void bri_framer_set_handler(nw_framer_t framer, enum bri_framer_handler slot,
	struct bri_callable call, const char *function);
void bri_framer_async(nw_framer_t framer, struct bri_callable work, const char *function);

#endif
