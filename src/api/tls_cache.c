/* Tickets of TLS servers, the latest used first. */
#include "api/tls_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/list.h"

struct entry {
	struct bri_list link;
	gnutls_datum_t ticket;
	bool early;
	char key[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bri_list entries = BRI_LIST_INIT(entries);
static size_t count;

/* Unlinked, with the lock; freed without. */
static struct entry *unlink_entry(struct bri_list *link)
{
	bri_list_remove(link);
	count--;
	return bri_list_entry(link, struct entry, link);
}

static struct entry *find(const char *key)
{
	struct bri_list *l;

	bri_list_foreach (l, &entries) {
		if (!strcmp(bri_list_entry(l, struct entry, link)->key, key))
			return unlink_entry(l);
	}
	return NULL;
}

static void free_entry(struct entry *entry)
{
	if (!entry)
		return;
	if (entry->ticket.data)
		gnutls_memset(entry->ticket.data, 0, entry->ticket.size);
	gnutls_free(entry->ticket.data);
	free(entry);
}

void bri_tls_cache_put(const char *key, gnutls_datum_t ticket, bool early)
{
	size_t size = strlen(key) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + size);
	struct entry *old = NULL, *last = NULL;

	if (!entry || ticket.size > BRI_TLS_CACHE_TICKET_MAX) {
		free(entry);
		gnutls_free(ticket.data);
		return;
	}
	memcpy(entry->key, key, size);
	entry->ticket = ticket;
	entry->early = early;
	pthread_mutex_lock(&lock);
	old = find(key);
	bri_list_prepend(&entries, &entry->link);
	if (++count > BRI_TLS_CACHE_MAX)
		last = unlink_entry(entries.prev);
	pthread_mutex_unlock(&lock);
	free_entry(old);
	free_entry(last);
}

bool bri_tls_cache_take(const char *key, gnutls_datum_t *ret, bool *ret_early)
{
	struct entry *entry;

	pthread_mutex_lock(&lock);
	entry = find(key);
	pthread_mutex_unlock(&lock);
	if (!entry)
		return false;
	*ret = entry->ticket;
	*ret_early = entry->early;
	entry->ticket.data = NULL;
	free_entry(entry);
	return true;
}

void bri_tls_cache_clear(void)
{
	struct entry *entry;

	do {
		pthread_mutex_lock(&lock);
		entry = bri_list_empty(&entries) ? NULL : unlink_entry(entries.next);
		pthread_mutex_unlock(&lock);
		free_entry(entry);
	} while (entry);
}
