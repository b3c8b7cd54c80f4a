/*
 * The link of this process to braidd: connecting, and again, sending what claims want, reading what
 * the daemon says. Everything on the internal queue. See claim.h. Knows nothing of connections.
 *
 * A daemon is not trusted to answer, to read, or to make sense: what waits to be sent are the
 * claims themselves, news are a small struct each, and who is silent for ANSWER_NS is hung up on.
 * Without claims there is neither a timer nor, after LINGER_NS, a socket.
 */
#include "transport/claim_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/client.h"
#include "dispatch/runtime.h"

#define BUCKETS       256u                /* claims by token, for events */
#define READS_MAX     64                  /* of one turn; other work of the queue is next */
#define AGAIN_MIN_NS  BRI_NS_PER_S        /* a daemon that is started again takes less */
#define AGAIN_MAX_NS  (60 * BRI_NS_PER_S) /* a wake-up a minute, while there are claims */
#define ANSWER_NS     (10 * BRI_NS_PER_S) /* the daemon answers in microseconds */
#define LINGER_NS     (10 * BRI_NS_PER_S) /* many short connections in a row share a link */
#define UNSEEN_MIN_NS (50 * BRI_NS_PER_MS)
#define UNSEEN_TRIES  6    /* 50 ms, doubled: 3 s in all */
#define LEAVES_MAX    1024 /* RELEASEs that a slow daemon has not read; hanging up says the same */

static struct {
	bool begun;
	struct bri_client client; /* fd -1: no link */
	struct bri_watch *watch;
	struct bri_timer *timer;
	struct bri_netstate_sub *network; /* while a claim's rules depend on it */
	size_t n_claims, n_by_network, n_leaving;
	struct bri_list to_send, asked, settled, later;
	struct bri_list by_token[BUCKETS];
	bool wants_watch, blocked, reading;
	uint64_t tried_ns, again_ns; /* the last attempt, and the gap before the next */
	uint64_t heard_ns;           /* an answer, or the daemon owed none */
	uint64_t idle_ns;            /* since when there has been no claim */
} braidd;

static void send_some(void);
static void read_some(void);

/* --- claims on lists --- */

static struct bri_list *list_of(enum bri_claim_stage stage)
{
	switch (stage) {
	case BRI_CLAIM_TO_SEND:
	case BRI_CLAIM_TO_LEAVE: return &braidd.to_send;
	case BRI_CLAIM_ASKED: return &braidd.asked;
	case BRI_CLAIM_LATER: return &braidd.later;
	case BRI_CLAIM_SETTLED: break;
	}
	return &braidd.settled;
}

static void enter(struct bri_claim *claim, enum bri_claim_stage stage)
{
	bri_list_remove(&claim->by_stage);
	claim->stage = stage;
	bri_list_append(list_of(stage), &claim->by_stage);
}

static struct bri_claim *first(struct bri_list *head)
{
	return bri_list_empty(head) ? NULL : bri_list_entry(head->next, struct bri_claim, by_stage);
}

static void drop(struct bri_claim *claim)
{
	if (claim->stage == BRI_CLAIM_TO_LEAVE)
		braidd.n_leaving--;
	bri_list_remove(&claim->by_stage);
	bri_list_remove(&claim->by_token);
	bri_claim_put(claim);
}

static void tell_held(struct bri_claim *claim, bool held)
{
	struct bri_claim_news news = claim->news; /* written on this queue only */

	if (news.held == held)
		return;
	news.held = held;
	if (!held) { /* nobody would say when they are back */
		news.n_lost = news.better = 0;
		memset(news.lost, 0, sizeof(news.lost));
	}
	bri_claim_tell(claim, &news);
}

/* --- time --- */

static bool is_owed(void)
{
	return braidd.blocked || !bri_list_empty(&braidd.asked);
}

static uint64_t next_deadline(void)
{
	uint64_t at_ns = BRI_NEVER;
	struct bri_list *l;

	if (braidd.client.fd < 0)
		return braidd.n_claims ? braidd.tried_ns + braidd.again_ns : BRI_NEVER;
	if (!braidd.n_claims)
		at_ns = braidd.idle_ns + LINGER_NS;
	if (is_owed())
		at_ns = bri_min_u64(at_ns, braidd.heard_ns + ANSWER_NS);
	bri_list_foreach (l, &braidd.later)
		at_ns = bri_min_u64(at_ns, bri_list_entry(l, struct bri_claim, by_stage)->at_ns);
	return at_ns;
}

static void arm(void)
{
	bri_timer_set(braidd.timer, next_deadline());
}

/* --- hanging up --- */

static void forget_answer(struct bri_claim *claim)
{
	claim->tries = 0;
	claim->request = 0;
	claim->changed = false;
	tell_held(claim, false);
}

static void ask_again_of(struct bri_list *head)
{
	struct bri_claim *claim;

	while ((claim = first(head))) {
		forget_answer(claim);
		enter(claim, BRI_CLAIM_TO_SEND);
	}
}

/* What the daemon knew of us it forgets with the link: claims are to be sent again, RELEASEs not.
 */
static void forget_answers(void)
{
	struct bri_list *l, *next;

	for (l = braidd.to_send.next; l != &braidd.to_send; l = next) {
		struct bri_claim *claim = bri_list_entry(l, struct bri_claim, by_stage);

		next = l->next;
		if (claim->stage == BRI_CLAIM_TO_LEAVE)
			drop(claim);
		else
			forget_answer(claim);
	}
	ask_again_of(&braidd.asked);
	ask_again_of(&braidd.settled);
	ask_again_of(&braidd.later);
}

static void hang_up(void)
{
	if (braidd.client.fd < 0)
		return;
	bri_watch_free(braidd.watch);
	braidd.watch = NULL;
	bri_client_close(&braidd.client);
	braidd.blocked = false;
	braidd.tried_ns = bri_clock_now_ns(); /* a daemon that is started again needs a moment */
	forget_answers();
}

static void lose(int error)
{
	if (error == -EPIPE)
		bri_info("braidd has closed the link");
	else
		bri_warn("braidd: %s: hung up", strerror(-error));
	if (error == -EPROTONOSUPPORT) /* another version of the messages: that takes an update */
		braidd.again_ns = AGAIN_MAX_NS;
	hang_up();
	arm();
}

/* --- what the daemon says --- */

static struct bri_claim *find(uint32_t token)
{
	struct bri_list *head = &braidd.by_token[token % BUCKETS], *l;

	bri_list_foreach (l, head) {
		struct bri_claim *claim = bri_list_entry(l, struct bri_claim, by_token);

		if (claim->token == token)
			return claim;
	}
	return NULL;
}

static void on_event(const struct bri_message_event *event)
{
	struct bri_claim *claim = event->token ? find(event->token) : NULL;
	struct bri_claim_news news;

	if (!claim || claim->stage == BRI_CLAIM_TO_LEAVE)
		return;
	news = claim->news;
	if (bri_claim_on_event(&news, event))
		bri_claim_tell(claim, &news);
}

static void on_refused(struct bri_claim *claim, const struct bri_message_error *error)
{
	if (error->error == ENOENT && claim->tries < UNSEEN_TRIES) {
		claim->at_ns = bri_clock_now_ns() + (UNSEEN_MIN_NS << claim->tries++);
		enter(claim, BRI_CLAIM_LATER);
		return;
	}
	bri_info("braidd refuses connection %08x: %s", claim->token, error->text);
	enter(claim, BRI_CLAIM_SETTLED);
	tell_held(claim, false);
}

static void on_reply(const struct bri_message *reply)
{
	struct bri_claim *claim = NULL;
	struct bri_list *l;

	bri_list_foreach (l, &braidd.asked) { /* answers come in order: it is the first */
		claim = bri_list_entry(l, struct bri_claim, by_stage);
		if (claim->request == reply->id)
			break;
		claim = NULL;
	}
	if (!claim) /* of a RELEASE or WATCH */
		return;
	braidd.heard_ns = bri_clock_now_ns();
	if (reply->type == BRI_MESSAGE_ERROR) {
		on_refused(claim, &reply->error);
	} else {
		braidd.again_ns = AGAIN_MIN_NS; /* a daemon that works, not only one that listens */
		claim->tries = 0;
		enter(claim, BRI_CLAIM_SETTLED);
		tell_held(claim, true);
	}
	if (claim->changed && claim->stage == BRI_CLAIM_SETTLED)
		enter(claim, BRI_CLAIM_TO_SEND);
	claim->changed = false;
}

static int take(const struct bri_message *message)
{
	switch ((enum bri_message_type)message->type) {
	case BRI_MESSAGE_EVENT: on_event(&message->event); return 0;
	case BRI_MESSAGE_OK: on_reply(message); return 0;
	case BRI_MESSAGE_ERROR:
		if (message->id != 0) {
			on_reply(message);
			return 0;
		}
		bri_info("braidd: %s", message->error.text); /* about the link: it ends */
		return message->error.error == EPROTONOSUPPORT ? -EPROTONOSUPPORT : -EPIPE;
	default: return -EBADMSG; /* nothing that we asked for is answered so */
	}
}

static void read_on(void *context)
{
	(void)context;
	braidd.reading = false;
	read_some();
}

static void read_some(void)
{
	struct bri_message message;
	int r;

	for (int i = 0; i < READS_MAX && braidd.client.fd >= 0; i++) {
		r = bri_client_receive(&braidd.client, 0, &message);
		if (r == 0)
			r = take(&message);
		else if (r == -EOPNOTSUPP) /* of a newer daemon */
			r = 0;
		else if (r == -EAGAIN)
			return;
		if (r < 0) {
			lose(r);
			return;
		}
	}
	if (braidd.client.fd < 0 || braidd.reading)
		return;
	braidd.reading = true; /* an edge is told once: the rest must be read without another */
	bri_async(bri_internal_queue(), NULL, read_on);
}

static void on_ready(void *context, uint32_t events)
{
	(void)context;
	(void)events;
	braidd.blocked = false;
	read_some();
	send_some();
}

/* --- what we say --- */

static int send_watch(void)
{
	struct bri_message message = { .type = BRI_MESSAGE_WATCH,
		.watch = { BRI_MESSAGE_WATCH_CLAIMED } };
	int r = bri_client_send(&braidd.client, &message, 0);

	if (r == 0)
		braidd.wants_watch = false;
	return r;
}

static int send_claim(struct bri_claim *claim)
{
	/* most claims have no rules that depend on it: the network is not watched for them */
	struct bri_netstate *state = claim->by_network ? bri_netstate_get() : NULL;
	struct bri_message message = { .type = BRI_MESSAGE_CLAIM };
	int r;

	if (claim->by_network && !state)
		return -ENOMEM;
	message.claim.token = claim->token;
	message.claim.service = claim->service;
	bri_claim_interfaces(state, &claim->rules, &message.claim);
	bri_netstate_put(state);
	r = bri_client_send(&braidd.client, &message, 0);
	if (r < 0)
		return r;
	if (bri_list_empty(&braidd.asked))
		braidd.heard_ns = bri_clock_now_ns();
	claim->sent = message.claim;
	claim->request = message.id;
	claim->changed = false;
	enter(claim, BRI_CLAIM_ASKED);
	return 0;
}

static int send_release(struct bri_claim *claim)
{
	struct bri_message message = { .type = BRI_MESSAGE_RELEASE, .release = { claim->token } };
	int r = bri_client_send(&braidd.client, &message, 0);

	if (r == 0)
		drop(claim);
	return r;
}

static void send_some(void)
{
	struct bri_claim *claim;
	int r = 0;

	if (braidd.client.fd < 0)
		return;
	if (braidd.wants_watch)
		r = send_watch();
	while (r == 0 && (claim = first(&braidd.to_send)))
		r = claim->stage == BRI_CLAIM_TO_LEAVE ? send_release(claim) : send_claim(claim);
	if (r == -EAGAIN) {
		if (!is_owed())
			braidd.heard_ns = bri_clock_now_ns();
		braidd.blocked = true;
	} else if (r < 0) {
		read_some(); /* why it closed, if it said so */
		if (braidd.client.fd >= 0)
			lose(r);
		return;
	}
	arm();
}

/* --- connecting --- */

static void dial(void)
{
	int r;

	braidd.tried_ns = bri_clock_now_ns();
	braidd.again_ns =
		braidd.again_ns ? bri_min_u64(braidd.again_ns * 2, AGAIN_MAX_NS) : AGAIN_MIN_NS;
	r = bri_client_open(NULL, 0, &braidd.client);
	if (r == 0) {
		r = bri_watch_new(
			bri_internal_queue(), braidd.client.fd, NULL, on_ready, &braidd.watch);
		if (r < 0)
			bri_client_close(&braidd.client);
	}
	if (r < 0) {
		bri_debug("no braidd: %s", strerror(-r));
		arm();
		return;
	}
	braidd.wants_watch = true;
	send_some();
}

/* A new claim is reason to look whether there is a daemon by now, but not a thousand times a
 * second. */
static void dial_for_new(void)
{
	if (braidd.client.fd >= 0)
		send_some();
	else if (bri_clock_now_ns() >= braidd.tried_ns + AGAIN_MIN_NS || !braidd.tried_ns)
		dial();
	else
		arm();
}

static void send_due(uint64_t now_ns)
{
	struct bri_list *l, *next;

	for (l = braidd.later.next; l != &braidd.later; l = next) {
		struct bri_claim *claim = bri_list_entry(l, struct bri_claim, by_stage);

		next = l->next;
		if (claim->at_ns <= now_ns)
			enter(claim, BRI_CLAIM_TO_SEND);
	}
	send_some();
}

static void on_timer(void *context)
{
	uint64_t now_ns = bri_clock_now_ns();

	(void)context;
	if (braidd.client.fd < 0) {
		if (braidd.n_claims && now_ns >= braidd.tried_ns + braidd.again_ns)
			dial();
		else
			arm();
	} else if (is_owed() && now_ns >= braidd.heard_ns + ANSWER_NS) {
		lose(-ETIMEDOUT);
	} else if (!braidd.n_claims && now_ns >= braidd.idle_ns + LINGER_NS) {
		hang_up();
		braidd.tried_ns = 0; /* it was there: the next claim finds it at once */
		arm();
	} else {
		send_due(now_ns);
	}
}

/* --- rules that depend on the network --- */

static void look_at(struct bri_claim *claim, const struct bri_netstate *state)
{
	struct bri_message_claim now = claim->sent;

	if (!claim->by_network || claim->stage == BRI_CLAIM_TO_LEAVE)
		return;
	bri_claim_interfaces(state, &claim->rules, &now);
	if (now.n_required == claim->sent.n_required &&
		!memcmp(now.required, claim->sent.required, sizeof(now.required)))
		return;
	if (claim->stage == BRI_CLAIM_ASKED)
		claim->changed = true;
	else if (claim->stage == BRI_CLAIM_SETTLED)
		enter(claim, BRI_CLAIM_TO_SEND);
}

static void on_network(void *context, struct bri_netstate *state)
{
	struct bri_list *lists[] = { &braidd.settled, &braidd.asked }, *l, *next;

	(void)context;
	for (size_t i = 0; i < BRI_LEN(lists); i++) {
		for (l = lists[i]->next; l != lists[i]; l = next) {
			next = l->next;
			look_at(bri_list_entry(l, struct bri_claim, by_stage), state);
		}
	}
	send_some();
}

static void follow_network(void)
{
	int r;

	if (!braidd.n_by_network) {
		bri_netstate_unsubscribe(braidd.network);
		braidd.network = NULL;
	} else if (!braidd.network) {
		r = bri_netstate_subscribe(bri_internal_queue(), NULL, on_network, &braidd.network);
		if (r < 0)
			bri_warn("which interfaces are allowed is not followed: %s", strerror(-r));
	}
}

/* --- claims come and go --- */

static int begin(void)
{
	int r;

	if (braidd.begun)
		return 0;
	r = bri_timer_new(bri_internal_queue(), NULL, on_timer, &braidd.timer);
	if (r < 0)
		return r;
	braidd.client.fd = -1;
	bri_list_init(&braidd.to_send);
	bri_list_init(&braidd.asked);
	bri_list_init(&braidd.settled);
	bri_list_init(&braidd.later);
	for (size_t i = 0; i < BUCKETS; i++)
		bri_list_init(&braidd.by_token[i]);
	braidd.begun = true;
	return 0;
}

void bri_claim_link_add(struct bri_claim *claim)
{
	int r = begin();

	if (r < 0) {
		bri_warn("no link to braidd: %s", strerror(-r));
		return; /* it is on no list: removing it does nothing */
	}
	atomic_fetch_add_explicit(&claim->refs, 1, memory_order_relaxed);
	bri_list_append(&braidd.by_token[claim->token % BUCKETS], &claim->by_token);
	enter(claim, BRI_CLAIM_TO_SEND);
	braidd.n_claims++;
	braidd.n_by_network += claim->by_network;
	follow_network();
	dial_for_new();
}

void bri_claim_link_remove(struct bri_claim *claim)
{
	/* the daemon may have it, or its answer is under way */
	bool known = claim->stage != BRI_CLAIM_TO_SEND || claim->request;

	if (bri_list_empty(&claim->by_stage))
		return;
	braidd.n_claims--;
	braidd.n_by_network -= claim->by_network;
	if (!braidd.n_claims)
		braidd.idle_ns = bri_clock_now_ns();
	follow_network();
	if (braidd.client.fd < 0 || !known) {
		drop(claim);
		arm();
		return;
	}
	enter(claim, BRI_CLAIM_TO_LEAVE);
	if (++braidd.n_leaving > LEAVES_MAX)
		lose(-ETIMEDOUT);
	else
		send_some();
}
