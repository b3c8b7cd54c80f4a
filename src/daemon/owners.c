/* See owners.h. */
#include "daemon/owners.h"

#include <stdlib.h>

void bri_owners_init(struct bri_owners *o)
{
	for (size_t i = 0; i < BRI_OWNERS_BUCKETS; i++)
		bri_list_init(&o->buckets[i]);
}

void bri_owners_fini(struct bri_owners *o)
{
	for (size_t i = 0; i < BRI_OWNERS_BUCKETS; i++) {
		struct bri_list *l;

		while ((l = bri_list_take(&o->buckets[i])))
			free(bri_list_entry(l, struct bri_owner, link));
	}
}

struct bri_owner *bri_owners_find(struct bri_owners *o, uint32_t token)
{
	struct bri_list *head = &o->buckets[token % BRI_OWNERS_BUCKETS], *l;

	bri_list_foreach (l, head) {
		struct bri_owner *owner = bri_list_entry(l, struct bri_owner, link);

		if (owner->token == token)
			return owner;
	}
	return NULL;
}

struct bri_owner *bri_owners_find_cookie(struct bri_owners *o, uint64_t cookie)
{
	for (size_t i = 0; i < BRI_OWNERS_BUCKETS; i++) {
		struct bri_list *l;

		bri_list_foreach (l, &o->buckets[i]) {
			struct bri_owner *owner = bri_list_entry(l, struct bri_owner, link);

			if (owner->cookie == cookie)
				return owner;
		}
	}
	return NULL;
}

struct bri_owner *bri_owners_add(struct bri_owners *o, uint32_t token)
{
	struct bri_owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return NULL;
	owner->token = token;
	bri_list_append(&o->buckets[token % BRI_OWNERS_BUCKETS], &owner->link);
	return owner;
}

void bri_owners_remove(struct bri_owners *o, uint32_t token)
{
	struct bri_owner *owner = bri_owners_find(o, token);

	if (!owner)
		return;
	bri_list_remove(&owner->link);
	free(owner);
}
