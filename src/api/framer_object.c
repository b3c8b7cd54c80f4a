/* The object of a framer at work: what it is made with and what it gives back. */
#include "api/framer.h"

#include <stdlib.h>
#include <string.h>

static void destroy(struct bri_object *obj)
{
	nw_framer_t f = (nw_framer_t)obj;

	bri_object_put(f->options);
	bri_object_put(f->parameters);
	bri_object_put(f->remote);
	bri_object_put(f->local);
	bri_object_put(f->queue);
	free(f->host);
	free(f->url);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static const struct bri_class framer_class = {
	.name = "nw_framer",
	.kind = BRI_KIND_FRAMER,
	.destroy = destroy,
};

/* Keeps what a protocol that is put above us will be made with. False: no memory. */
static bool keep_env(nw_framer_t f, const struct bri_layer_env *env)
{
	f->parameters = bri_object_get(env->parameters);
	f->remote = bri_object_get(env->endpoint);
	f->queue = bri_object_get(env->queue);
	f->is_server = env->is_server;
	f->is_datagram = env->is_datagram;
	f->connection = env->connection;
	f->host = strdup(env->host ? env->host : "");
	f->url = env->url ? strdup(env->url) : NULL;
	return f->host && (f->url || !env->url);
}

struct bri_layer *bri_framer_object_new(nw_protocol_options_t opts, const struct bri_layer_env *env)
{
	nw_framer_t f = bri_object_new(&framer_class, sizeof(*f));

	if (!f)
		return NULL;
	f->options = bri_object_get(opts);
	pthread_mutex_init(&f->lock, NULL);
	bri_framer_input_init(&f->in, false, BRI_FRAMER_INPUT_MAX);
	bri_framer_input_init(&f->out, true, SIZE_MAX);
	f->wakeup_ns = BRI_NEVER;
	f->layer.cls = &bri_framer_layer_class;
	if (!keep_env(f, env)) {
		bri_object_release(f);
		return NULL;
	}
	f->attached = true;
	bri_object_own(f); /* given back by free_layer() */
	return &f->layer;
}
