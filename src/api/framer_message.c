/* Messages of framers: metadata with values of the program's. Knows nothing of framers at work. */
#include "api/framer.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"

struct value {
	struct bri_list link;
	void *value;
	struct bri_callable dispose;
	char key[];
};

static struct bri_list *values_of(nw_protocol_metadata_t md)
{
	return &((struct bri_framer_message *)md)->values;
}

static void dispose_of(void *content, struct bri_callable dispose)
{
	if (dispose.fn)
		((nw_framer_message_dispose_value_f)dispose.fn)(dispose.context, content);
	bri_callable_clear(&dispose);
}

static void free_value(struct value *value)
{
	bri_list_remove(&value->link);
	dispose_of(value->value, value->dispose);
	free(value);
}

int bri_framer_message_init(nw_protocol_metadata_t md)
{
	bri_list_init(values_of(md));
	return 0;
}

void bri_framer_message_fini(nw_protocol_metadata_t md)
{
	while (!bri_list_empty(values_of(md)))
		free_value(bri_list_entry(values_of(md)->next, struct value, link));
}

static struct value *find(nw_protocol_metadata_t md, const char *key)
{
	struct bri_list *l;

	bri_list_foreach (l, values_of(md)) {
		struct value *value = bri_list_entry(l, struct value, link);

		if (strcmp(value->key, key) == 0)
			return value;
	}
	return NULL;
}

bool nw_protocol_metadata_is_framer_message(nw_protocol_metadata_t metadata)
{
	return bri_object_is(metadata, BRI_KIND_PROTOCOL_METADATA) &&
	       bri_framer_is_definition(metadata->definition);
}

static bool is_message_and_key(nw_framer_message_t message, const char *key, const char *function)
{
	if (!bri_object_check(message, BRI_KIND_PROTOCOL_METADATA, function))
		return false;
	if (!nw_protocol_metadata_is_framer_message(message)) {
		bri_error("%s: this is metadata of %s, not of a framer", function,
			message->definition->identifier);
		return false;
	}
	if (!key)
		bri_error("%s: the key is NULL", function);
	return key;
}

/* Returns NULL: no memory. */
static struct value *new_value(const char *key, void *content, struct bri_callable dispose)
{
	size_t size = strlen(key) + 1;
	struct value *value = malloc(sizeof(*value) + size);

	if (!value)
		return NULL;
	memcpy(value->key, key, size);
	value->value = content;
	value->dispose = dispose;
	return value;
}

void bri_framer_message_set(nw_framer_message_t message, const char *key, void *content,
	struct bri_callable dispose, const char *function)
{
	struct value *old, *value = NULL;

	if (!is_message_and_key(message, key, function)) {
		bri_callable_clear(&dispose);
		return;
	}
	if (content) {
		value = new_value(key, content, dispose);
		if (!value) { /* it was given to us, so that its end is ours, too */
			bri_error("%s: no memory", function);
			dispose_of(content, dispose);
		}
	} else {
		bri_callable_clear(&dispose);
	}
	old = find(message, key);
	if (value)
		bri_list_append(values_of(message), &value->link);
	if (old)
		free_value(old); /* last: it calls the program */
}

void nw_framer_message_set_value_f(nw_framer_message_t message, const char *key, void *value,
	void *context, nw_framer_message_dispose_value_f dispose_value,
	nw_context_destroy_f destroy)
{
	bri_framer_message_set(
		message, key, value, BRI_CALLABLE(dispose_value, context, destroy), __func__);
}

bool nw_framer_message_access_value_f(nw_framer_message_t message, const char *key, void *context,
	nw_framer_message_accessor_f access_value)
{
	struct value *value;

	if (!is_message_and_key(message, key, __func__) ||
		!bri_handler_is_given((bri_any_f)access_value, __func__))
		return false;
	value = find(message, key);
	return access_value(context, value ? value->value : NULL);
}
