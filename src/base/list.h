/* Intrusive doubly linked lists. The head is a link too; an unlinked link points to itself. */
#ifndef BRI_LIST_H
#define BRI_LIST_H

#include <stdbool.h>
#include "base/base.h"

struct bri_list {
	struct bri_list *prev, *next;
};

#define BRI_LIST_INIT(name)                                                                        \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}

static inline void bri_list_init(struct bri_list *l)
{
	l->prev = l->next = l;
}

static inline bool bri_list_empty(const struct bri_list *l)
{
	return l->next == l;
}

static inline void bri_list_insert(struct bri_list *l, struct bri_list *prev, struct bri_list *next)
{
	l->prev = prev;
	l->next = next;
	prev->next = l;
	next->prev = l;
}

static inline void bri_list_append(struct bri_list *head, struct bri_list *l)
{
	bri_list_insert(l, head->prev, head);
}

static inline void bri_list_prepend(struct bri_list *head, struct bri_list *l)
{
	bri_list_insert(l, head, head->next);
}

static inline void bri_list_remove(struct bri_list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	bri_list_init(l);
}

/* bri_list_take(): unlink and return the first link, or NULL. */
static inline struct bri_list *bri_list_take(struct bri_list *head)
{
	struct bri_list *l = head->next;

	if (l == head)
		return NULL;
	bri_list_remove(l);
	return l;
}

#define bri_list_entry(l, type, member) bri_container_of(l, type, member)
#define bri_list_foreach(l, head)       for ((l) = (head)->next; (l) != (head); (l) = (l)->next)
#define bri_list_foreach_safe(l, tmp, head)                                                        \
	for ((l) = (head)->next, (tmp) = (l)->next; (l) != (head); (l) = (tmp), (tmp) = (l)->next)

#endif
