/* See ws_list.h. */
#include "api/ws_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bri_ws_list_add(struct bri_ws_list *list, const char *name, size_t name_size, const char *value)
{
	size_t value_size = value ? strlen(value) : 0;
	struct bri_ws_pair *grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	char *text;

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	text = calloc(1, name_size + value_size + 2);
	if (!text)
		return -ENOMEM;
	memcpy(text, name, name_size);
	if (value_size)
		memcpy(text + name_size + 1, value, value_size);
	grown[list->n++] = (struct bri_ws_pair) { text, text + name_size + 1 };
	return 0;
}

int bri_ws_list_copy(const struct bri_ws_list *list, struct bri_ws_list *ret)
{
	int r = 0;

	*ret = (struct bri_ws_list) { 0 };
	for (size_t i = 0; !r && i < list->n; i++)
		r = bri_ws_list_add(ret, list->items[i].name, strlen(list->items[i].name),
			list->items[i].value);
	return r;
}

void bri_ws_list_fini(struct bri_ws_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free((void *)(uintptr_t)list->items[i].name);
	free(list->items);
	*list = (struct bri_ws_list) { 0 };
}

bool bri_ws_list_has(const struct bri_ws_list *list, const char *name, size_t name_size)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *have = list->items[i].name;

		if (strlen(have) == name_size && memcmp(have, name, name_size) == 0)
			return true;
	}
	return false;
}
