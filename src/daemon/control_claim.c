/*
 * Who has claimed which connection: one claim a token, counted for its user. Knows neither requests
 * nor what a claim is for.
 */
#include <errno.h>
#include <stdlib.h>
#include "daemon/control_internal.h"

static struct bri_list *bucket(struct bri_control_server *server, uint32_t token)
{
	/* tokens are hashes of random keys (RFC 8684 section 3.2): any bits do */
	return &server->claims[token % BRI_CONTROL_BUCKETS];
}

struct bri_control_claim *bri_control_claim_find(struct bri_control_server *server, uint32_t token)
{
	struct bri_list *head = bucket(server, token), *l;

	bri_list_foreach (l, head) {
		struct bri_control_claim *claim =
			bri_list_entry(l, struct bri_control_claim, by_token);

		if (claim->token == token)
			return claim;
	}
	return NULL;
}

void bri_control_claim_free(struct bri_control_claim *claim)
{
	struct bri_control_peer *peer = claim->peer;

	bri_control_quota_release(&peer->server->quota, peer->user);
	bri_list_remove(&claim->by_token);
	bri_list_remove(&claim->by_peer);
	free(claim);
}

int bri_control_claim_new(struct bri_control_peer *peer, uint32_t token)
{
	struct bri_control_claim *claim = malloc(sizeof(*claim));
	int r;

	if (!claim)
		return -ENOMEM;
	r = bri_control_quota_claim(&peer->server->quota, peer->user);
	if (r < 0) {
		free(claim);
		return r;
	}
	claim->token = token;
	claim->peer = peer;
	bri_list_append(bucket(peer->server, token), &claim->by_token);
	bri_list_append(&peer->claims, &claim->by_peer);
	return 0;
}
