/* Inside of claim.c (claims, their lives and news) and claim_link.c (the link to the daemon). */
#ifndef BRI_CLAIM_INTERNAL_H
#define BRI_CLAIM_INTERNAL_H

#include "base/list.h"
#include "transport/claim.h"

enum bri_claim_stage {
	BRI_CLAIM_TO_SEND,  /* on the link's list `to_send`: CLAIM */
	BRI_CLAIM_ASKED,    /* on `asked`: its answer is to come */
	BRI_CLAIM_SETTLED,  /* on `settled`: held, or refused */
	BRI_CLAIM_LATER,    /* on `later`: the daemon does not see the connection yet */
	BRI_CLAIM_TO_LEAVE, /* on `to_send`: RELEASE, then it is gone */
};

struct bri_claim {
	_Atomic int refs; /* the owner's, the link's, a delivery's */
	struct dispatch_queue_s *queue;
	void *context;
	bri_claim_f on_news;
	uint32_t token;
	uint8_t service;
	bool by_network; /* its rules depend on what the network is */
	struct bri_netstate_query rules;

	/* [internal queue] */
	struct bri_list by_stage, by_token;
	enum bri_claim_stage stage;
	bool changed;     /* asked, and to be sent again after the answer */
	uint8_t tries;    /* answers ENOENT */
	uint32_t request; /* asked: the message's number */
	uint64_t at_ns;   /* later: when to ask again */
	struct bri_message_claim sent;

	/* under the lock of claim.c */
	struct bri_claim_news news;
	bool queued, stopped;
};

/* --- claim.c --- */
void bri_claim_put(struct bri_claim *claim);
/* bri_claim_tell(): these are the news now. Context: the internal queue. */
void bri_claim_tell(struct bri_claim *claim, const struct bri_claim_news *news);

/* --- claim_link.c; on the internal queue --- */
/* bri_claim_link_add(): takes a reference. bri_claim_link_remove(): drops it, when the daemon was
 * told. */
void bri_claim_link_add(struct bri_claim *claim);
void bri_claim_link_remove(struct bri_claim *claim);

#endif
