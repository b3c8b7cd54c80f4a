/* Claims: their lives, their news, and the rules of interfaces as lists. See claim.h. Knows neither
 * the socket nor when the daemon is there. */
#include "transport/claim_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/object.h"
#include "dispatch/runtime.h"

/* "None": an index that the kernel gives to no interface. An empty list would allow all. */
#define NOWHERE ((uint32_t)INT32_MAX)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t owner; /* under lock: who has the link; 0: nobody yet */

/* After fork() the link, and the threads that serve it, are the parent's. */
static bool is_owner(void)
{
	pid_t me = getpid();
	bool is;

	pthread_mutex_lock(&lock);
	if (!owner)
		owner = me;
	is = owner == me;
	pthread_mutex_unlock(&lock);
	return is;
}

void bri_claim_put(struct bri_claim *claim)
{
	if (atomic_fetch_sub_explicit(&claim->refs, 1, memory_order_acq_rel) != 1)
		return;
	bri_object_put(claim->queue);
	free(claim);
}

/* --- news --- */

/* On the claim's queue. */
static void deliver(void *context)
{
	struct bri_claim *claim = context;
	struct bri_claim_news news;
	bool stopped;

	pthread_mutex_lock(&lock);
	claim->queued = false;
	stopped = claim->stopped;
	news = claim->news;
	pthread_mutex_unlock(&lock);
	if (!stopped)
		claim->on_news(claim->context, &news);
	bri_claim_put(claim);
}

void bri_claim_tell(struct bri_claim *claim, const struct bri_claim_news *news)
{
	bool push;

	pthread_mutex_lock(&lock);
	claim->news = *news;
	push = !claim->queued && !claim->stopped; /* a delivery takes the newest */
	if (push)
		claim->queued = true;
	pthread_mutex_unlock(&lock);
	if (!push)
		return;
	atomic_fetch_add_explicit(&claim->refs, 1, memory_order_relaxed);
	bri_async(claim->queue, claim, deliver);
}

static bool forget_lost(struct bri_claim_news *news, uint32_t ifindex)
{
	for (uint32_t i = 0; i < news->n_lost; i++) {
		if (news->lost[i] != ifindex)
			continue;
		news->lost[i] = news->lost[--news->n_lost];
		news->lost[news->n_lost] = 0;
		return true;
	}
	return false;
}

static void add_lost(struct bri_claim_news *news, uint32_t ifindex)
{
	(void)forget_lost(news, ifindex);
	if (news->n_lost < BRI_CLAIM_LOST_MAX)
		news->lost[news->n_lost++] = ifindex;
	if (news->better == ifindex)
		news->better = 0;
}

bool bri_claim_on_event(struct bri_claim_news *news, const struct bri_message_event *event)
{
	switch ((enum bri_message_event_kind)event->kind) {
	case BRI_MESSAGE_EVENT_PRIMARY:
		news->primary = event->ifindex;
		news->better = 0;
		(void)forget_lost(news, event->ifindex);
		return true;
	case BRI_MESSAGE_EVENT_PATH_LOST:
		if (!event->ifindex)
			return false;
		add_lost(news, event->ifindex);
		return true;
	case BRI_MESSAGE_EVENT_PATH_BACK:
	case BRI_MESSAGE_EVENT_SUBFLOW_UP: /* it may be the better one, or the only one that is left
					    */
		(void)forget_lost(news, event->ifindex);
		if (news->better == event->ifindex)
			news->better = 0;
		return true;
	case BRI_MESSAGE_EVENT_BETTER_PATH: news->better = event->ifindex; return true;
	case BRI_MESSAGE_EVENT_SUBFLOW_DOWN: return true; /* the kernel knows what is left */
	case BRI_MESSAGE_EVENT_NOTE: break;
	}
	return false;
}

/* --- rules --- */

/* Which interfaces are meant depends on which there are; or too many are named for a message. */
static bool is_by_network(const struct bri_netstate_query *rules)
{
	return rules->n_prohibited > BRI_MESSAGE_MAX_INTERFACES ||
	       rules->required_type != BRI_IFTYPE_OTHER || rules->prohibited_types ||
	       rules->prohibit_expensive || rules->prohibit_constrained;
}

static void require_allowed(const struct bri_netstate *state,
	const struct bri_netstate_query *rules, struct bri_message_claim *ret)
{
	struct bri_netstate_result result;

	_Static_assert(BRI_NETSTATE_MAX_USABLE <= BRI_MESSAGE_MAX_INTERFACES, "all of them fit");
	bri_netstate_evaluate(state, rules, &result);
	for (size_t i = 0; i < result.n_interfaces; i++)
		ret->required[ret->n_required++] = result.interfaces[i].index;
	if (!ret->n_required)
		ret->required[ret->n_required++] = NOWHERE;
}

void bri_claim_interfaces(const struct bri_netstate *state, const struct bri_netstate_query *rules,
	struct bri_message_claim *ret)
{
	memset(ret->required, 0, sizeof(ret->required));
	memset(ret->prohibited, 0, sizeof(ret->prohibited));
	ret->n_required = ret->n_prohibited = 0;
	if (is_by_network(rules)) {
		require_allowed(state, rules, ret);
		return;
	}
	if (rules->required_index)
		ret->required[ret->n_required++] = rules->required_index;
	for (size_t i = 0; i < rules->n_prohibited; i++) {
		if (rules->prohibited_indexes[i]) /* 0: an interface that was never there */
			ret->prohibited[ret->n_prohibited++] = rules->prohibited_indexes[i];
	}
}

/* --- life --- */

static void begin(void *claim)
{
	bri_claim_link_add(claim);
	bri_claim_put(claim);
}

static void end(void *claim)
{
	bri_claim_link_remove(claim);
	bri_claim_put(claim);
}

int bri_claim_start(struct dispatch_queue_s *queue, uint32_t token, uint8_t service,
	const struct bri_netstate_query *rules, void *context, bri_claim_f on_news,
	struct bri_claim **ret)
{
	struct bri_claim *claim;

	if (!token || service == BRI_MESSAGE_SERVICE_NONE ||
		service > BRI_MESSAGE_SERVICE_AGGREGATE)
		return -EINVAL;
	if (!is_owner())
		return -ENOTSUP;
	claim = calloc(1, sizeof(*claim));
	if (!claim)
		return -ENOMEM;
	atomic_init(&claim->refs, 2); /* the owner's, and begin()'s */
	claim->queue = bri_object_get(queue);
	claim->context = context;
	claim->on_news = on_news;
	claim->token = token;
	claim->service = service;
	claim->rules = *rules;
	claim->rules.local = claim->rules.remote = NULL;
	claim->rules.route_ifindex = 0;
	claim->rules.any_destination = true;
	claim->by_network = is_by_network(rules);
	bri_list_init(&claim->by_stage);
	bri_list_init(&claim->by_token);
	*ret = claim;
	bri_async(bri_internal_queue(), claim, begin);
	return 0;
}

void bri_claim_stop(struct bri_claim *claim)
{
	if (!claim)
		return;
	pthread_mutex_lock(&lock);
	claim->stopped = true;
	pthread_mutex_unlock(&lock);
	if (is_owner())
		bri_async(bri_internal_queue(), claim, end); /* the owner's reference goes along */
	else
		bri_claim_put(claim);
}
