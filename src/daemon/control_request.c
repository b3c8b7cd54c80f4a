/*
 * What a client's request does: claims are booked, the rest is asked of the daemon's functions.
 * Knows nothing of sockets: replies are queued.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "daemon/control_internal.h"

#define SKIP_MAX 64u /* entries of others passed over before other work has its turn */

/* What people read when the daemon's function did not say more. */
static const char *usual_text(int error)
{
	switch (-error) {
	case EPERM: return "the connection belongs to another user: ask as that user or as root";
	case ENOENT:
		return "there is no such connection, or it is not Multipath TCP: see 'braid "
		       "status'";
	case EUSERS: return "braidd has as many as it takes: try again later";
	case EDQUOT: return "this user has as many as one user may have: close some first";
	case EOPNOTSUPP: return "braidd cannot do that here: 'braid status' tells what is missing";
	default: return strerror(-error);
	}
}

static void reply(
	struct bri_control_peer *peer, uint32_t id, int error, const char *why, uint32_t count)
{
	struct bri_message message = { .type = BRI_MESSAGE_OK, .id = id, .ok = { count } };

	if (error < 0)
		bri_control_peer_error(peer, id, error, *why ? why : usual_text(error));
	else
		bri_control_peer_say(peer, &message);
}

static int do_claim(struct bri_control_peer *peer, const struct bri_message_claim *wanted,
	char why[static BRI_MESSAGE_TEXT_MAX])
{
	struct bri_control_server *server = peer->server;
	struct bri_control_claim *claim = bri_control_claim_find(server, wanted->token);
	bool mine = claim && claim->peer == peer;
	int r = 0;

	/* counted first, so that the daemon is not asked in vain */
	if (!mine && peer->user->claims >= server->limits.claims_per_user)
		return -EDQUOT;
	if (!claim && server->quota.claims >= server->limits.claims)
		return -EUSERS;
	r = server->ops.claim(server->ops.context, &peer->who, wanted, why);
	if (r < 0)
		return r;
	/* what was asked may have forgotten it; a process that was given the connection takes over
	 */
	claim = bri_control_claim_find(server, wanted->token);
	if (claim && claim->peer == peer)
		return 0;
	if (claim) {
		bri_control_server_ready(claim->peer); /* it may be idle from now on */
		bri_control_claim_free(claim);
	}
	r = bri_control_claim_new(peer, wanted->token);
	if (r < 0)
		server->ops.release(server->ops.context, wanted->token);
	return r;
}

static int do_release(
	struct bri_control_peer *peer, uint32_t token, char why[static BRI_MESSAGE_TEXT_MAX])
{
	struct bri_control_server *server = peer->server;
	struct bri_control_claim *claim = bri_control_claim_find(server, token);

	if (!claim || claim->peer != peer) {
		snprintf(why, BRI_MESSAGE_TEXT_MAX, "this client has not claimed that connection");
		return -ENOENT;
	}
	bri_control_claim_free(claim);
	server->ops.release(server->ops.context, token);
	return 0;
}

static void do_status(struct bri_control_peer *peer, uint32_t id)
{
	struct bri_control_server *server = peer->server;
	struct bri_message message = { .type = BRI_MESSAGE_STATUS_IS, .id = id };

	server->ops.status(server->ops.context, &message.status);
	message.status.n_claims = server->quota.claims;
	bri_control_peer_say(peer, &message);
}

void bri_control_request_do(struct bri_control_peer *peer, const struct bri_message *message)
{
	struct bri_control_server *server = peer->server;
	char why[BRI_MESSAGE_TEXT_MAX] = "";
	uint32_t count = 1;
	int r;

	switch (message->type) {
	case BRI_MESSAGE_CLAIM:
		r = do_claim(peer, &message->claim, why);
		reply(peer, message->id, r, why, 1);
		break;
	case BRI_MESSAGE_RELEASE:
		r = do_release(peer, message->release.token, why);
		reply(peer, message->id, r, why, 1);
		break;
	case BRI_MESSAGE_SET:
		r = server->ops.set(server->ops.context, &peer->who, &message->set, why, &count);
		reply(peer, message->id, r, why, count);
		break;
	case BRI_MESSAGE_SET_SOCKET:
		r = server->ops.set_socket(
			server->ops.context, &peer->who, &message->set_socket, why, &count);
		reply(peer, message->id, r, why, count);
		break;
	case BRI_MESSAGE_WATCH:
		peer->watching = message->watch.what;
		reply(peer, message->id, 0, why, 0);
		break;
	case BRI_MESSAGE_STATUS: do_status(peer, message->id); break;
	case BRI_MESSAGE_PATHS:
	case BRI_MESSAGE_LIST:
	case BRI_MESSAGE_METRICS:
		peer->stream = message->type;
		peer->stream_id = message->id;
		peer->cursor = 0;
		peer->count = 0;
		break;
	default: /* a message that only the daemon sends */
		bri_control_peer_error(
			peer, message->id, -EOPNOTSUPP, "this message is not a request");
		break;
	}
}

static int pull(struct bri_control_peer *peer, struct bri_message *entry)
{
	const struct bri_control_ops *ops = &peer->server->ops;

	switch (peer->stream) {
	case BRI_MESSAGE_PATHS:
		entry->type = BRI_MESSAGE_PATH;
		return ops->paths(ops->context, &peer->cursor, &entry->path);
	case BRI_MESSAGE_LIST:
		entry->type = BRI_MESSAGE_CONNECTION;
		return ops->list(ops->context, &peer->cursor, &entry->connection);
	default:
		entry->type = BRI_MESSAGE_METRICS_PIECE;
		return ops->metrics(ops->context, &peer->cursor, &entry->metrics);
	}
}

static bool may_see(const struct bri_control_peer *peer, const struct bri_message *entry)
{
	return entry->type != BRI_MESSAGE_CONNECTION || peer->who.uid == 0 ||
	       peer->who.uid == entry->connection.uid;
}

bool bri_control_request_next(struct bri_control_peer *peer)
{
	struct bri_message message;
	int r;

	for (uint32_t i = 0; i < SKIP_MAX; i++) {
		memset(&message, 0, sizeof(message));
		r = pull(peer, &message);
		message.id = peer->stream_id;
		if (r <= 0)
			peer->stream = 0;
		if (r < 0) {
			bri_control_peer_error(peer, peer->stream_id, r, usual_text(r));
			return true;
		}
		if (r == 0) {
			message.type = BRI_MESSAGE_END;
			message.end.count = peer->count;
			bri_control_peer_say(peer, &message);
			return true;
		}
		if (!may_see(peer, &message))
			continue;
		peer->count++;
		bri_control_peer_say(peer, &message);
		return true;
	}
	return false;
}
