/* What the policy says: commands and news, in rings that grow when nobody takes them in time. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy_internal.h"

static void *ring_room(void *ring, size_t *first, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	char *grown;

	if (n < *room)
		return ring;
	grown = reallocarray(NULL, more, size);
	if (!grown)
		bri_abort("policy: no memory for commands");
	if (n) {
		memcpy(grown, (char *)ring + *first * size, (*room - *first) * size);
		memcpy(grown + (*room - *first) * size, ring, *first * size);
	}
	free(ring);
	*first = 0;
	*room = more;
	return grown;
}

void bri_policy_emit(struct bri_policy *p, const struct bri_policy_command *command)
{
	p->commands = ring_room(p->commands, &p->command_first, p->command_n, &p->command_room,
		sizeof(*p->commands));
	p->commands[(p->command_first + p->command_n++) % p->command_room] = *command;
}

bool bri_policy_next(struct bri_policy *p, struct bri_policy_command *ret)
{
	if (!p->command_n)
		return false;
	*ret = p->commands[p->command_first];
	p->command_first = (p->command_first + 1) % p->command_room;
	p->command_n--;
	return true;
}

void bri_policy_tell(struct bri_policy *p, const struct bri_conn *c, enum bri_policy_news_kind kind,
	uint32_t ifindex)
{
	p->news = ring_room(p->news, &p->news_first, p->news_n, &p->news_room, sizeof(*p->news));
	p->news[(p->news_first + p->news_n++) % p->news_room] = (struct bri_policy_news) {
		.kind = kind,
		.token = c->token,
		.ifindex = ifindex,
	};
}

bool bri_policy_next_news(struct bri_policy *p, struct bri_policy_news *ret)
{
	if (!p->news_n)
		return false;
	*ret = p->news[p->news_first];
	p->news_first = (p->news_first + 1) % p->news_room;
	p->news_n--;
	return true;
}
